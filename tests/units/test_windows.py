"""Windows: hand-made boundaries around changes of the clock, and pandas as the second opinion."""

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tseng_units.errors import InvalidParam
from tseng_units.instants import MAX_US, MIN_US, format_instant, parse_instant
from tseng_units.windows import Window, parse_duration, parse_window, parse_zone

AMSTERDAM = "Europe/Amsterdam"
HOUR = 3_600_000_000


def _window(text: str, zone: str | None = None) -> Window:
    return parse_window(text, parse_zone(zone))


def _times(*texts: str) -> NDArray[np.int64]:
    return np.array([parse_instant(text) for text in texts], np.int64)


def _starts(window: Window, first: str, last: str) -> list[str]:
    found = window.starts(parse_instant(first), parse_instant(last))
    return [format_instant(int(start))[:16] for start in found]


@pytest.mark.parametrize(
    ("window", "zone", "time", "start"),
    [
        ("10min", None, "2024-03-01T00:07:59.999999Z", "2024-03-01T00:00:00Z"),
        ("10min", None, "2024-03-01T00:10:00Z", "2024-03-01T00:10:00Z"),
        ("500ms", None, "2024-03-01T00:00:00.499999Z", "2024-03-01T00:00:00Z"),
        ("7h", None, "1970-01-01T13:59:00Z", "1970-01-01T07:00:00Z"),
        ("1h", None, "1969-12-31T23:59:00Z", "1969-12-31T23:00:00Z"),
        ("1h", "Asia/Kolkata", "2024-03-01T00:20:00Z", "2024-02-29T23:30:00Z"),  # 05:50 at +05:30
        ("1d", None, "2024-02-29T23:59:00Z", "2024-02-29T00:00:00Z"),
        ("1d", AMSTERDAM, "2024-02-29T22:59:00Z", "2024-02-28T23:00:00Z"),
        ("1d", AMSTERDAM, "2024-02-29T23:00:00Z", "2024-02-29T23:00:00Z"),
        ("1w", None, "2024-02-29T12:00:00Z", "2024-02-26T00:00:00Z"),  # a Thursday
        ("1w", AMSTERDAM, "2024-03-31T21:59:00Z", "2024-03-24T23:00:00Z"),  # the Sunday of 23 hours
        ("2w", None, "1970-01-11T12:00:00Z", "1969-12-29T00:00:00Z"),
        ("2w", None, "1970-01-12T00:00:00Z", "1970-01-12T00:00:00Z"),
        ("1month", None, "2024-02-29T23:00:00Z", "2024-02-01T00:00:00Z"),
        ("1month", AMSTERDAM, "2024-02-29T23:00:00Z", "2024-02-29T23:00:00Z"),  # 1 March there
        ("2month", None, "2024-02-29T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("1quarter", None, "2024-02-29T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("1year", "America/New_York", "2024-01-01T04:59:00Z", "2023-01-01T05:00:00Z"),
        ("10year", None, "2024-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
    ],
)
def test_which_window_a_point_is_in(window: str, zone: str | None, time: str, start: str) -> None:
    """Half-open, labelled by the start, which is an instant."""
    groups = _window(window, zone).split(_times(time))
    assert [format_instant(int(each)) for each in groups.start] == [format_instant(parse_instant(start))]
    assert groups.row.tolist() == [0]


def test_days_of_23_and_25_hours() -> None:
    """Amsterdam: 2024-03-31 has 23 h, 2024-10-27 has 25 h."""
    day = _window("1d", AMSTERDAM)
    assert _starts(day, "2024-03-30T12:00Z", "2024-04-01T00:00Z") == ["2024-03-30T23:00", "2024-03-31T22:00"]
    assert _starts(day, "2024-10-26T12:00Z", "2024-10-28T00:00Z") == ["2024-10-26T22:00", "2024-10-27T23:00"]


def test_hours_are_neither_skipped_nor_doubled() -> None:
    """The 25 hours of 2024-10-27 are 25 windows; of six-hour windows that day has a fifth, one hour long."""
    hours = _window("1h", AMSTERDAM).starts(parse_instant("2024-10-26T22:00Z"), parse_instant("2024-10-27T22:59Z"))
    assert len(hours) == 25
    assert set(np.diff(hours).tolist()) == {HOUR}
    assert _starts(_window("6h", AMSTERDAM), "2024-10-26T22:00Z", "2024-10-27T23:00Z") == [
        "2024-10-26T22:00", "2024-10-27T04:00", "2024-10-27T10:00", "2024-10-27T16:00", "2024-10-27T22:00",
        "2024-10-27T23:00",
    ]  # fmt: skip
    assert _starts(_window("6h", AMSTERDAM), "2024-03-30T23:00Z", "2024-03-31T22:00Z") == [
        "2024-03-30T23:00", "2024-03-31T05:00", "2024-03-31T11:00", "2024-03-31T17:00", "2024-03-31T22:00",
    ]  # fmt: skip


def test_february_of_a_leap_year() -> None:
    """29 days, and 28 the year after."""
    starts = _window("1month").starts(parse_instant("2024-02-01"), parse_instant("2024-03-01"))
    assert np.diff(starts).tolist() == [29 * 24 * HOUR]
    starts = _window("1month").starts(parse_instant("2025-02-01"), parse_instant("2025-03-01"))
    assert np.diff(starts).tolist() == [28 * 24 * HOUR]


def test_midnights_that_do_not_exist() -> None:
    """São Paulo skipped 00:00 on 2018-11-04, Apia all of 2011-12-30: a date begins with its first instant."""
    assert _starts(_window("1d", "America/Sao_Paulo"), "2018-11-03T00:00Z", "2018-11-05T12:00Z") == [
        "2018-11-03T03:00", "2018-11-04T03:00", "2018-11-05T02:00",
    ]  # fmt: skip
    apia = _window("1d", "Pacific/Apia")
    assert _starts(apia, "2011-12-29T00:00Z", "2011-12-31T00:00Z") == ["2011-12-29T10:00", "2011-12-30T10:00"]
    groups = apia.split(_times("2011-12-30T09:59Z", "2011-12-30T10:00Z"))
    assert (len(groups.start), groups.row.tolist()) == (2, [0, 1])


TIMES = st.lists(
    st.integers(parse_instant("2023-06-01"), parse_instant("2025-06-01")) | st.integers(0, 10**13),
    min_size=1,
    max_size=40,
)
PANDAS = {"10min": "10min", "1h": "h", "1d": "D", "1w": "W-MON", "1month": "MS", "1quarter": "QS", "1year": "YS"}


@given(TIMES, st.sampled_from(sorted(PANDAS)), st.sampled_from([None, AMSTERDAM, "America/New_York", "Asia/Kolkata"]))
@example(_times("2024-03-31T00:30Z", "2024-03-31T01:30Z").tolist(), "1h", AMSTERDAM)
@example(_times("2024-10-27T00:30Z", "2024-10-27T01:30Z").tolist(), "1h", AMSTERDAM)
def test_pandas_cuts_the_same_windows(times: list[int], window: str, zone: str | None) -> None:
    """Same starts and counts as `resample`, which lists the empty windows too."""
    time = np.unique(np.array(times, np.int64))
    groups = _window(window, zone).split(time)
    index = pd.DatetimeIndex(time.view("datetime64[us]")).tz_localize("UTC").tz_convert(zone or "UTC")
    counted = pd.Series(1, index=index).resample(PANDAS[window], closed="left", label="left").count()
    counted = counted[counted > 0]
    assert groups.start.tolist() == pd.DatetimeIndex(counted.index).tz_convert("UTC").as_unit("us").asi8.tolist()
    assert np.diff(groups.row, append=len(time)).tolist() == counted.tolist()


WINDOWS = st.sampled_from(["1h", "1d", "3d", "2w", "5month", "3year"])
ZONES = st.sampled_from([None, AMSTERDAM, "Pacific/Apia", "America/Juneau"])


@given(st.integers(MIN_US, MAX_US), WINDOWS, ZONES)
@example(MAX_US - 12 * HOUR, "1h", "Pacific/Apia")
@example(MIN_US + HOUR, "1h", "America/Juneau")
def test_windows_of_all_years(at: int, text: str, zone: str | None) -> None:
    """A point is not before its window's start, and that start is the only one up to the point."""
    window = _window(text, zone)
    start = int(window.split(np.array([at], np.int64)).start[0])
    assert MIN_US <= start <= at
    assert window.starts(start, at).tolist() == [start]


@pytest.mark.parametrize("text", ["7h", "1w", "999999999h"])
def test_the_first_window_of_all(text: str) -> None:
    """The window that the year 1 begins in begins with it: no time lies before."""
    window, first = _window(text), np.array([MIN_US], np.int64)
    assert window.split(first).start.tolist() == window.starts(MIN_US, MIN_US).tolist() == [MIN_US]


@given(TIMES, WINDOWS, ZONES)
def test_every_point_lies_in_its_window(times: list[int], text: str, zone: str | None) -> None:
    """Cut together or alone, a point is in the same window; the starts of windows ascend."""
    time, window = np.unique(np.array(times, np.int64)), _window(text, zone)
    groups = window.split(time)
    assert (np.diff(groups.start) > 0).all()
    alone = [int(window.split(time[row : row + 1]).start[0]) for row in range(len(time))]
    assert np.repeat(groups.start, np.diff(groups.row, append=len(time))).tolist() == alone


@pytest.mark.parametrize(
    "text", ["", "h", "1 h", "1H", "1.5h", "-1h", "0h", "0d", "1m", "1D", "month", "1week", 3600, None]
)
def test_what_is_no_window(text: object) -> None:
    """The field, what stood there and the units that there are."""
    with pytest.raises(InvalidParam) as refused:
        parse_window(text, None)
    assert (refused.value.field, refused.value.seen) == ("window", text)


def test_windows_that_a_zone_cannot_place() -> None:
    """Seven hours do not divide a day: with a zone they would begin at another hour each day."""
    with pytest.raises(InvalidParam, match="does not divide a day"):
        _window("7h", AMSTERDAM)
    with pytest.raises(InvalidParam, match="does not divide a day"):
        _window("48h", AMSTERDAM)
    assert _window("7h", "UTC") == _window("7h")


@pytest.mark.parametrize("name", ["Europe", "Mars/Olympus", "../etc/passwd", "", 3, "+01:00"])
def test_what_is_no_zone(name: object) -> None:
    """IANA names alone."""
    with pytest.raises(InvalidParam, match="IANA") as refused:
        parse_zone(name)
    assert refused.value.field == "timeZone"


def test_durations() -> None:
    """A day is 24 h whatever the zone; what outlasts all instants is cut to a length that can be added to them."""
    assert (parse_duration("90s", "gap"), parse_duration("2d", "gap")) == (90_000_000, 48 * HOUR)
    assert parse_duration("999999999w", "gap") + MAX_US < 2**63
    with pytest.raises(InvalidParam, match="'1month'") as refused:
        parse_duration("1month", "maxGap")
    assert refused.value.field == "maxGap"
    assert ZoneInfo(AMSTERDAM) is parse_zone(AMSTERDAM)
