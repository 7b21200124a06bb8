"""Wall-clock times to UTC, whole columns at once.

A zone is a list of intervals of UTC with one offset each. In wall-clock time their images overlap (the autumn hour that
comes twice) or leave a hole (the spring hour that does not exist). A time in an overlap or a hole is never guessed.
The intervals come from `zoneinfo`, so the answer is the same with the system's zone files and with the tzdata package.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tseng.errors import InvalidRequest

_SECOND = 1_000_000
_DAY = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIXED = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?")


def zone(name: str) -> tzinfo:
    """Zone of an IANA name (`Europe/Amsterdam`) or a fixed offset (`-07:00`, `UTC+1`).

    Raises:
        InvalidRequest: no such zone.
    """
    if name.upper() in ("UTC", "Z"):
        return UTC
    fixed = _FIXED.fullmatch(name)
    if fixed and int(fixed[2]) < 24:
        away = timedelta(hours=int(fixed[2]), minutes=int(fixed[3] or 0))
        return timezone(-away if fixed[1] == "-" else away)
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        message = f"there is no zone {name!r}; give an IANA name such as Europe/Berlin or an offset such as -07:00"
        raise InvalidRequest.at("tz", message) from error


@dataclass(frozen=True)
class Localised:
    """Times in UTC microseconds, and where no single instant has that wall-clock time (their value is then 0)."""

    time: NDArray[np.int64]
    nonexistent: NDArray[np.bool_]
    ambiguous: NDArray[np.bool_]


def _offset(where: tzinfo, second: int) -> int:
    """Offset in seconds at one UTC second."""
    away = (_EPOCH + timedelta(seconds=second)).astimezone(where).utcoffset()
    return 0 if away is None else round(away.total_seconds())


def _change(where: tzinfo, low: int, high: int) -> int:
    """First second after `low` at which the offset is no longer that of `low`; there is one change up to `high`."""
    before = _offset(where, low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(where, middle) == before else (low, middle)
    return high


def _intervals(where: tzinfo, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts (UTC seconds) and offsets (s) of the zone's intervals that cover [first, last]."""
    starts, offsets = [first], [_offset(where, first)]
    if not isinstance(where, timezone):
        for day in range(first, last, _DAY):
            if _offset(where, day + _DAY) != offsets[-1]:
                starts.append(_change(where, day, day + _DAY))
                offsets.append(_offset(where, starts[-1]))
    return np.array(starts, dtype=np.int64), np.array(offsets, dtype=np.int64)


# The calendar of Python ends at year 9999 and starts at year 1; a scan must not step over its ends.
_LOWEST, _HIGHEST = -62_135_596_800 + 3 * _DAY, 253_402_300_799 - 3 * _DAY


def localise(wall: NDArray[np.int64], where: tzinfo) -> Localised:
    """Turn wall-clock times into UTC.

    Args:
        wall: int64 microseconds since 1970 on the wall clock, shape (n,).
        where: zone of that clock.

    Returns:
        UTC times with the masks of wall-clock times that do not exist or come twice.
    """
    nothing = np.zeros(len(wall), dtype=bool)
    if where is UTC or not len(wall):
        return Localised(wall, nothing, nothing)
    first = max(int(wall.min()) // _SECOND - 2 * _DAY, _LOWEST)
    last = min(int(wall.max()) // _SECOND + 2 * _DAY, _HIGHEST)
    starts, offsets = _intervals(where, first, last)
    opens = (starts + offsets) * _SECOND
    closes = np.append((starts[1:] + offsets[:-1]) * _SECOND, np.iinfo(np.int64).max)
    at = np.clip(np.searchsorted(opens, wall, side="right") - 1, 0, None)
    nonexistent = wall >= closes[at]
    ambiguous = (at > 0) & (wall < closes[at - 1])
    time = np.where(nonexistent | ambiguous, 0, wall - offsets[at] * _SECOND)
    return Localised(time, nonexistent, ambiguous)
