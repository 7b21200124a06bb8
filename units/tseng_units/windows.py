"""Windows of time: half-open, labelled by their start, of a fixed length or of the calendar of a time zone.

Fixed windows ("10min", "1h") are counted from 1970-01-01T00:00 UTC. With another zone they must divide a day of 24 h
and are counted from each local midnight instead. On the two days a year that have 23 or 25 hours no hour is skipped or
doubled: there are as many "1h" windows, and of windows that do not divide such a day the last one ends at midnight.

A calendar window ("1d", "1w", "1month") runs from local midnight to local midnight, and so follows the zone's own days
of 23, 24 and 25 h. Weeks begin on Monday (ISO 8601). Several at a time are counted from 1970-01-01, weeks from the
Monday before it. The local midnight of a date is the first instant of that date, also where clocks skip 00:00.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tseng_units.errors import InvalidParam
from tseng_units.instants import DAY_US, EPOCH_ORDINAL, MAX_US, MIN_US

Times = NDArray[np.int64]
Rows = NDArray[np.intp]

SPANS = {"ms": 1_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000}
"""Microseconds of the units of fixed windows."""
DAYS = {"d": 1, "w": 7}
MONTHS = {"month": 1, "quarter": 3, "year": 12}
LONGEST = 10**18
"""Microseconds: longer than all instants lie apart, and safe to add to any of them."""
MONDAY = -3
"""Day number of 1969-12-29."""
FIRST_DAY, LAST_DAY = MIN_US // DAY_US, MAX_US // DAY_US
SHAPE = re.compile(r"(\d{1,9})([a-z]+)", re.ASCII)
YEARS_KEPT = 4096


class Groups(NamedTuple):
    """Points by window: starts of the windows that have points, int64 us (k,), and the first row of each (k,)."""

    start: Times
    row: Rows


@dataclass(frozen=True, slots=True)
class Fixed:
    """Windows of `width` microseconds; `zone` None is UTC."""

    width: int
    zone: ZoneInfo | None

    @property
    def least(self) -> int:
        """Microseconds: hardly a window is shorter."""
        return self.width

    def split(self, time: Times) -> Groups:
        """Points, int64 us ascending (n,), n at least one, by window."""
        if self.zone is None:
            number = time // self.width
            row = _changes(number)
            return Groups(np.maximum(number[row] * self.width, MIN_US), row)
        midnight = _midnights_around(int(time[0]), int(time[-1]), self.zone)
        of_day = np.repeat(midnight, np.diff(np.searchsorted(time, midnight), append=len(time)))
        start = of_day + (time - of_day) // self.width * self.width
        row = _changes(start)
        return Groups(start[row], row)

    def starts(self, first: int, last: int) -> Times:
        """Starts of windows with first <= start <= last, int64 us ascending."""
        if self.zone is None:
            number = np.arange(first // self.width, last // self.width + 1, dtype=np.int64)
            return _between(np.maximum(number * self.width, MIN_US), first, last)
        midnight = _midnights_around(first, last, self.zone)
        many = -(-np.diff(midnight) // self.width)
        within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        return _between(np.repeat(midnight[:-1], many) + within * self.width, first, last)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Windows of a number of days from day 0 or of months from 1970-01, one of the two; `zone` None is UTC."""

    zone: ZoneInfo | None
    days: int = 0
    months: int = 0
    day_0: int = 0

    @property
    def least(self) -> int:
        """Microseconds: hardly a window is shorter."""
        return DAY_US

    def split(self, time: Times) -> Groups:
        """Points, int64 us ascending (n,), n at least one, by window."""
        start = self._around(int(time[0]), int(time[-1]))
        row = np.searchsorted(time, start)
        filled = np.flatnonzero(np.diff(row, append=len(time)))
        return Groups(start[filled], row[filled])

    def starts(self, first: int, last: int) -> Times:
        """Starts of windows with first <= start <= last, int64 us ascending."""
        return _between(self._around(first, last), first, last)

    def _around(self, first: int, last: int) -> Times:
        """Starts from at or before `first` to after `last`; twice the same where a zone has left a whole day out."""
        # A local date is at most one day off that of UTC.
        day = np.array([first // DAY_US - 1, last // DAY_US + 1])
        if self.months:
            low, high = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) // self.months
            month = np.arange(low, high + 2) * self.months
            return midnights(month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64), self.zone)
        low, high = (day - self.day_0) // self.days
        return midnights(np.arange(low, high + 2) * self.days + self.day_0, self.zone)


Window = Fixed | Calendar


def _changes(number: Times) -> Rows:
    """Rows at which a new number begins."""
    return np.concatenate([np.zeros(1, np.intp), np.flatnonzero(number[1:] != number[:-1]) + 1])


def _between(start: Times, first: int, last: int) -> Times:
    start = start[slice(*np.searchsorted(start, [first, last + 1]))]
    return start[_changes(start)] if len(start) else start


def _midnights_around(first: int, last: int, zone: ZoneInfo) -> Times:
    """Midnights from at or before `first` to after `last`; a local date is at most one off that of UTC."""
    return midnights(np.arange(first // DAY_US - 1, last // DAY_US + 3), zone)


def midnights(day: Times, zone: ZoneInfo | None) -> Times:
    """First instants of local dates.

    Args:
        day: dates as ascending days since 1970-01-01, int64 (n,).
        zone: None is UTC.

    Returns:
        int64 us (n,), never descending, kept within the years 0001 to 9999.
    """
    day = np.clip(day, FIRST_DAY - 2, LAST_DAY + 2)
    if zone is None or not len(day):
        return np.clip(day * DAY_US, MIN_US, MAX_US + 1)
    known = np.clip(day, FIRST_DAY, LAST_DAY)
    first, last = (datetime.fromordinal(int(each) + EPOCH_ORDINAL).year for each in known[[0, -1]])
    offset = np.concatenate([_offsets(zone, year) for year in range(first, last + 1)])
    begin = datetime(first, 1, 1).toordinal() - EPOCH_ORDINAL
    return np.maximum.accumulate(np.clip(day * DAY_US - offset[known - begin], MIN_US, MAX_US + 1))


@lru_cache(YEARS_KEPT)
def _offsets(zone: ZoneInfo, year: int) -> Times:
    """Offset from UTC [us] at 00:00 of each date of a year.

    Of a 00:00 that comes twice the first counts, and one that is skipped has the offset of before (PEP 495, fold 0):
    either way the result is the first instant of the date.
    """
    first, last = datetime(year, 1, 1).toordinal(), datetime(year, 12, 31).toordinal()
    away = (datetime.fromordinal(day).replace(tzinfo=zone).utcoffset() for day in range(first, last + 1))
    return np.array([(each or timedelta(0)) // timedelta(microseconds=1) for each in away], np.int64)


def parse_window(text: object, zone: ZoneInfo | None) -> Window:
    """The window that a text such as "10min", "1d" or "3month" names.

    Raises InvalidParam: no such window, or one that a zone's days cannot be cut into.
    """
    count, unit = _counted(text, "window", {**SPANS, **DAYS, **MONTHS})
    if not count:
        raise InvalidParam("a window cannot be of length 0", field="window", seen=text)
    if unit in MONTHS:
        return Calendar(zone, months=count * MONTHS[unit])
    if unit in DAYS:
        return Calendar(zone, days=count * DAYS[unit], day_0=MONDAY if unit == "w" else 0)
    width = count * SPANS[unit]
    if zone is not None and DAY_US % width:
        problem = f"a window of {text} does not divide a day of 24 h, so it has no place in the days of {zone.key}"
        raise InvalidParam(f"{problem}; leave timeZone out and it is counted in UTC", field="window", seen=text)
    return Fixed(width, zone)


def parse_zone(name: object) -> ZoneInfo | None:
    """The IANA time zone of a name; None for UTC and where none is named.

    Raises InvalidParam: no such zone.
    """
    if name is None or name == "UTC":
        return None
    try:
        return ZoneInfo(str(name))
    except (KeyError, ValueError, OSError):
        problem = f"no time zone is called {name!r}; give an IANA name such as Europe/Amsterdam"
        raise InvalidParam(problem, field="timeZone", seen=name) from None


def parse_duration(text: object, field: str) -> int:
    """Microseconds of a text such as "90s", "2h" or "1d", a day being 24 h.

    Raises InvalidParam, naming `field`.
    """
    spans = SPANS | {unit: days * DAY_US for unit, days in DAYS.items()}
    count, unit = _counted(text, field, spans)
    return min(count * spans[unit], LONGEST)


def _counted(text: object, field: str, units: Iterable[str]) -> tuple[int, str]:
    found = SHAPE.fullmatch(text) if isinstance(text, str) else None
    if found is None or found[2] not in units:
        problem = f"{text!r} is not a whole number and one of {', '.join(units)}, such as 10min"
        raise InvalidParam(problem, field=field, seen=text)
    return int(found[1]), found[2]
