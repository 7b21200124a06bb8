"""Cells of text to numbers and times."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tseng.importers.cells import MISSING, numbers, times
from tseng.importers.zones import zone


def _us(text: str) -> int:
    return int(np.datetime64(text, "us").view(np.int64))


def _time(text: str, form: str | None = None) -> int | None:
    found = times(pa.array([text]), UTC, form)
    return int(found.time[0]) if found.good[0] else None


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_come_back_to_the_bit(values: list[float]) -> None:
    """The shortest text of a float64 reads back as the same float64."""
    read = numbers(pa.array([repr(value) for value in values]))
    assert read.value.tobytes() == np.array(values).tobytes()
    assert not read.bad.any()


@pytest.mark.parametrize("text", ["1.5", " 1.5 ", "+1.5", "1.50", "15e-1", "0.15E1", "1.5e+0"])
def test_spellings_of_a_number(text: str) -> None:
    """Blanks, signs and exponents are read; all of these are one and a half."""
    assert numbers(pa.array([text])).value.tolist() == [1.5]


@pytest.mark.parametrize("text", ["DRY", "GT170333.60", "1,5", "0x10", "1_000", "1.5m", "--", "1 2", "<0.1", "٣"])
def test_what_is_no_number(text: str) -> None:
    """Text, decimal commas, units and limits are no numbers and are not guessed at."""
    read = numbers(pa.array([text]))
    assert read.bad.tolist() == [True]
    assert math.isnan(read.value[0])


@pytest.mark.parametrize("text", [*MISSING, "  ", "1e999"])
def test_what_is_missing(text: str) -> None:
    """Blank cells, the usual words for no value and infinities are missing, which is not an error."""
    read = numbers(pa.array([text]))
    assert read.missing.tolist() == [True]
    assert not read.bad.any()


def test_decimal_comma_where_semicolons_separate() -> None:
    """With decimal commas allowed 1,25 is one and a quarter; a thousands separator is still no number."""
    read = numbers(pa.array(["1,25", "-0,5", "1.5", "1.234,5"]), decimal_comma=True)
    assert read.value[:3].tolist() == [1.25, -0.5, 1.5]
    assert read.bad.tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("2016-05-03 10:00:00", "2016-05-03T10:00:00"),
        ("2016-05-03T10:00", "2016-05-03T10:00:00"),
        ("2016-05-03", "2016-05-03T00:00:00"),
        ("2016/05/03 10:00:00.5", "2016-05-03T10:00:00.500000"),
        ("2016-05-03T10:00:00Z", "2016-05-03T10:00:00"),
        ("2016-05-03 10:00:00 +02:00", "2016-05-03T08:00:00"),
        ("2016-05-03T10:00:00-0730", "2016-05-03T17:30:00"),
        ("2016-05-03T10:00:00.123456789Z", "2016-05-03T10:00:00.123456"),
        (" 2016-05-03 10:00:00 ", "2016-05-03T10:00:00"),
        ("0001-01-01", "0001-01-01T00:00:00"),
    ],
)
def test_spellings_of_a_time(text: str, want: str) -> None:
    """ISO 8601 with or without offset, year-first slashes, more digits than microseconds (cut)."""
    assert _time(text) == _us(want)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2016-02-30", "2016-05-03 25:00:00", "03/05/2016", "2016-13-01", "1462269600", "10:00"]
)
def test_what_is_no_time(text: str) -> None:
    """Days that do not exist, day-first dates and bare numbers are no times: nothing is guessed."""
    found = times(pa.array([text]), UTC)
    assert found.unreadable.tolist() == [True]


def test_one_bad_time_among_good_ones() -> None:
    """A bad cell is told from its neighbours, wherever it stands."""
    cells = [f"2016-05-03 10:{minute:02}:00" for minute in range(60)]
    cells[17] = "2016-05-03 10:60:00"
    found = times(pa.array(cells), UTC)
    assert np.flatnonzero(found.unreadable).tolist() == [17]
    assert found.time[18] == _us("2016-05-03T10:18:00")


def test_a_named_format() -> None:
    """A day-first date is read when its format is said."""
    assert _time("03/05/2016 10:30", "%d/%m/%Y %H:%M") == _us("2016-05-03T10:30:00")
    assert _time("2016-05-03", "%d/%m/%Y %H:%M") is None


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("0001-01-01 00:00", "Europe/Amsterdam"),
        ("9999-12-31T23:59:59-01:00", "UTC"),
        ("9999-12-31 23:00", "America/Denver"),
        ("0001-01-01T00:00:00+00:01", "UTC"),
    ],
)
def test_times_outside_the_calendar(text: str, where: str) -> None:
    """What lies before year 1 or after 9999 once it is UTC is told apart; its neighbours are read."""
    found = times(pa.array([text, "2024-01-01"]), zone(where))
    assert found.outside.tolist() == [True, False]
    assert found.good.tolist() == [False, True]


@pytest.mark.parametrize(
    ("raw", "kind", "want"),
    [
        (-1, pa.timestamp("ns"), -1),
        (-1000, pa.timestamp("ns"), -1),
        (-1001, pa.timestamp("ns", "UTC"), -2),
        (1999, pa.timestamp("ns"), 1),
        (-(2**63) + 1, pa.timestamp("ns"), -9223372036854776),
        (-3, pa.timestamp("ms"), -3000),
        (253402300799, pa.timestamp("s"), 253402300799000000),
        (253402300800, pa.timestamp("s"), None),
        (2**62, pa.timestamp("s"), None),
        (2**62, pa.timestamp("ms", "UTC"), None),
        (-(2**62), pa.timestamp("us", "UTC"), None),
        (-62135596800000001, pa.timestamp("us"), None),
        (-62135596800000000, pa.timestamp("us"), -62135596800000000),
        (-719162, pa.date32(), -62135596800000000),
        (2**31 - 1, pa.date32(), None),
        (-86400000, pa.date64(), -86400000000),
        (2**62, pa.date64(), None),
    ],
)
def test_timestamps_of_every_unit(raw: int, kind: pa.DataType, want: int | None) -> None:
    """They are cut down to the microsecond, before 1970 too, and none wraps: what does not fit is told apart."""
    whole = pa.int32() if kind == pa.date32() else pa.int64()
    found = times(pa.array([raw, None], whole).view(kind), UTC)
    assert found.outside.tolist() == [want is None, False]
    assert found.unreadable.tolist() == [False, True]
    assert found.time.tolist() == [want or 0, 0]


@given(
    st.lists(st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)), min_size=1, max_size=20), st.integers(-12, 14)
)
def test_times_with_offsets_are_instants(walls: list[datetime], hours: int) -> None:
    """The text of a time with any whole-hour offset reads back as that instant, mixed with times without offset."""
    texts = [f"{wall.isoformat()}{hours:+03}:00" for wall in walls] + [wall.isoformat() for wall in walls]
    found = times(pa.array(texts), UTC)
    epoch = datetime(1970, 1, 1)
    want = [(wall - timedelta(hours=hours) - epoch) // timedelta(microseconds=1) for wall in walls]
    want += [(wall - epoch) // timedelta(microseconds=1) for wall in walls]
    assert found.time.tolist() == want
    assert found.naive
