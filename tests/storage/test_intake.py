"""The door of tables: what becomes of times, values and ids, and what is refused with the row that is at fault."""

import datetime as dt
import decimal
import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.storage.helpers import series

from tseng_storage.errors import InvalidObservations
from tseng_storage.intake import FIRST_INSTANT, LAST_INSTANT, normalise


def _times(times: pa.Array | pa.ChunkedArray) -> list[int]:
    """The epoch us that a column of times becomes."""
    base = series(dict.fromkeys(range(len(times)), 1.0))
    result: list[int] = normalise(base.set_column(2, "time", times)).time.tolist()
    return result


def _values(values: pa.Array) -> list[float]:
    base = series(dict.fromkeys(range(len(values)), 1.0))
    result: list[float] = normalise(base.set_column(3, "value", values)).value.tolist()
    return result


def _us(*moment: int) -> int:
    """Epoch us of a UTC moment, by the calendar of the standard library."""
    return (dt.datetime(*moment) - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)  # type: ignore[arg-type]


def test_the_bounds_are_those_of_the_calendar() -> None:
    """The first and the last instant are the ends of what a datetime can be."""
    assert _us(1, 1, 1) == FIRST_INSTANT
    assert _us(9999, 12, 31, 23, 59, 59, 999_999) == LAST_INSTANT


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
def test_nanoseconds_are_floored(times: list[int]) -> None:
    """Nanoseconds go down to the microsecond below, before 1970 as after."""
    assert _times(pa.array(times, pa.timestamp("ns"))) == [time // 1000 for time in times]


FACTORS = {"s": 10**6, "ms": 10**3, "us": 1}


@given(st.sampled_from(list(FACTORS)), st.data())
def test_coarser_times_are_exact(unit: str, data: st.DataObject) -> None:
    """Seconds, milliseconds and microseconds become the same instant in microseconds."""
    factor = FACTORS[unit]
    inside = st.integers(FIRST_INSTANT // factor, LAST_INSTANT // factor)
    times = data.draw(st.lists(inside, min_size=1, max_size=20))
    assert _times(pa.array(times, pa.timestamp(unit))) == [time * factor for time in times]


@given(st.sampled_from(list(FACTORS)), st.data())
def test_times_beyond_the_calendar_are_refused(unit: str, data: st.DataObject) -> None:
    """A time outside the years 1 to 9999, however far, is refused and never wrapped; the first such row is named."""
    factor = FACTORS[unit]
    low, high = FIRST_INSTANT // factor, LAST_INSTANT // factor
    beyond = data.draw(st.one_of(st.integers(-(2**63), low - 1), st.integers(high + 1, 2**63 - 1)))
    good = data.draw(st.integers(0, 5))
    times = pa.array([0] * good + [beyond, 0, beyond], pa.timestamp(unit))
    with pytest.raises(InvalidObservations, match=rf"row {good} \(and 1 more\).*years 1 to 9999") as refused:
        _times(times)
    assert (refused.value.field, refused.value.row, refused.value.count) == ("time", good, 2)


@pytest.mark.parametrize("beyond", [FIRST_INSTANT - 1, LAST_INSTANT + 1])
def test_the_ends_of_the_calendar(beyond: int) -> None:
    """The first and last microsecond of the calendar are taken, the ones beyond are not."""
    ends = [FIRST_INSTANT, LAST_INSTANT]
    assert _times(pa.array(ends, pa.timestamp("us"))) == ends
    with pytest.raises(InvalidObservations, match=r"row 2\b"):
        _times(pa.array([*ends, beyond], pa.timestamp("us")))


def test_seconds_that_would_wrap() -> None:
    """Seconds whose microseconds exceed 64 bits are refused: wrapped, these would be the year 1970."""
    with pytest.raises(InvalidObservations) as refused:
        _times(pa.array([2**58], pa.timestamp("s")))
    assert (refused.value.field, refused.value.row, refused.value.count) == ("time", 0, 1)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_zones(unit: str) -> None:
    """A time without zone is UTC; with one it is the instant meant, on both sides of a change of clocks."""
    local = [dt.datetime(2024, 7, 1, 12), dt.datetime(2024, 1, 1, 12)]
    assert _times(pa.array(local, pa.timestamp(unit))) == [_us(2024, 7, 1, 12), _us(2024, 1, 1, 12)]
    # Berlin is two hours ahead of UTC in July and one in January.
    berlin = pc.assume_timezone(pa.array(local, pa.timestamp(unit)), "Europe/Berlin")
    assert _times(berlin) == [_us(2024, 7, 1, 10), _us(2024, 1, 1, 11)]
    offset = pa.array(local, pa.timestamp(unit)).cast(pa.timestamp(unit, "+05:30"))
    assert _times(offset) == [_us(2024, 7, 1, 12), _us(2024, 1, 1, 12)]


def test_dates() -> None:
    """A date is its midnight, UTC; one beyond the calendar is refused."""
    days = [dt.date(1, 1, 1), dt.date(1969, 12, 31), dt.date(9999, 12, 31)]
    expected = [FIRST_INSTANT, -86_400_000_000, _us(9999, 12, 31)]
    assert _times(pa.array(days, pa.date32())) == expected
    assert _times(pa.array(days, pa.date64())) == expected
    with pytest.raises(InvalidObservations, match=r"row 1\b"):
        _times(pa.array([0, 2**31 - 1], pa.date32()))


def test_chunks_and_slices() -> None:
    """Columns in several chunks, sliced ones and empty ones count rows from the start of the table."""
    times = pa.chunked_array([[1000, 2000], [], [3000, -1]], pa.timestamp("ns"))
    assert _times(times) == [1, 2, 3, -1]
    assert _times(times.slice(1)) == [2, 3, -1]
    assert _times(pa.chunked_array([], pa.timestamp("ns"))) == []
    beyond = pa.chunked_array([[0, 0], [0, 2**60], [2**60]], pa.timestamp("s"))
    with pytest.raises(InvalidObservations, match=r"row 2\b"):
        _times(beyond.slice(1))


@pytest.mark.parametrize(("name", "place"), [("sensor", 0), ("metric", 1), ("time", 2)])
def test_rows_without_a_needed_value_are_named(name: str, place: int) -> None:
    """A null among ids or times is refused with the first such row and how many there are."""
    base = series(dict.fromkeys(range(5), 1.0))
    column = base.column(name).to_pylist()
    column[2] = column[4] = None
    broken = base.set_column(place, name, pa.array(column, base.schema.field(name).type))
    with pytest.raises(InvalidObservations, match=rf"{name}.*row 2 \(and 1 more\)") as refused:
        normalise(broken)
    assert (refused.value.field, refused.value.row, refused.value.count) == (name, 2, 2)


def test_a_null_word_in_a_dictionary_is_named() -> None:
    """A dictionary may hold the null itself; the row that points to it has no id, and unused it does no harm."""
    base = series(dict.fromkeys(range(3), 1.0))
    words = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.int32()), pa.array(["/s", None]))
    with pytest.raises(InvalidObservations, match=r"row 1\b") as refused:
        normalise(base.set_column(0, "sensor", words))
    assert (refused.value.row, refused.value.count) == (1, 1)
    unused = pa.DictionaryArray.from_arrays(pa.array([0, 0, 0], pa.int32()), pa.array(["/s", None]))
    rows = normalise(base.set_column(0, "sensor", unused))
    assert [rows.sensors[code] for code in rows.sensor] == ["/s"] * 3


@pytest.mark.parametrize("word", ["", "/" * 1001])
def test_ids_of_wrong_length_are_named(word: str) -> None:
    """An empty id and one too long are refused with the first such row and how many there are."""
    base = series(dict.fromkeys(range(4), 1.0))
    broken = base.set_column(1, "metric", pa.array(["T", word, "T", word]))
    with pytest.raises(InvalidObservations, match=r"row 1 \(and 1 more\)") as refused:
        normalise(broken)
    assert (refused.value.field, refused.value.row, refused.value.count) == ("metric", 1, 2)


def _cast(words: pa.Array, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_dictionary(kind):
        return words.cast(kind)
    encoded = words.dictionary_encode()
    return pa.DictionaryArray.from_arrays(
        encoded.indices.cast(kind.index_type), encoded.dictionary.cast(kind.value_type)
    )


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string()),
             pa.dictionary(pa.uint64(), pa.large_string())],
)  # fmt: skip
@pytest.mark.parametrize("count", [3, 30_000])
def test_ids_of_any_text_type(kind: pa.DataType, count: int) -> None:
    """Ids arrive as any kind of text, few or many."""
    words = [f"/{number % 3}" for number in range(count)]
    base = series(dict.fromkeys(range(count), 1.0))
    rows = normalise(base.set_column(0, "sensor", _cast(pa.array(words), kind)))
    assert [rows.sensors[code] for code in rows.sensor] == words


MISSING = [None, math.nan, math.inf, -math.inf]


def test_missing_values() -> None:
    """Null, NaN and infinities are missing; every other double comes through bit for bit."""
    kept = [0.0, -0.0, 5e-324, 1.7976931348623157e308, -1.5]
    values = _values(pa.array([*MISSING, *kept], pa.float64()))
    assert all(math.isnan(value) for value in values[:4])
    assert np.array(values[4:]).tobytes() == np.array(kept).tobytes()


def test_values_of_other_numbers() -> None:
    """Whole numbers, short floats and decimals become doubles; a column of nulls is all missing."""
    assert _values(pa.array([1, None, -3], pa.int64()))[::2] == [1.0, -3.0]
    assert _values(pa.array([2**63], pa.uint64())) == [2.0**63]
    assert _values(pa.array([0.5, 2.0], pa.float32())) == [0.5, 2.0]
    assert _values(pa.array([np.float16(0.5)], pa.float16())) == [0.5]
    assert _values(pa.array([decimal.Decimal("1.25")], pa.decimal128(10, 2))) == [1.25]
    assert all(math.isnan(value) for value in _values(pa.nulls(2)))
    assert all(math.isnan(value) for value in _values(pa.array([None, None], pa.int32())))


@pytest.mark.parametrize("kind", [pa.bool_(), pa.string(), pa.timestamp("us"), pa.duration("us")])
def test_values_that_are_no_numbers(kind: pa.DataType) -> None:
    """A value column of another type is refused by name, with what is allowed."""
    with pytest.raises(InvalidObservations) as refused:
        _values(pa.nulls(1, kind))
    assert (refused.value.field, refused.value.seen, refused.value.allowed) == ("value", str(kind), ("double",))


@pytest.mark.parametrize("kind", [pa.string(), pa.int64(), pa.float64(), pa.time64("us"), pa.duration("us")])
def test_times_that_are_no_instants(kind: pa.DataType) -> None:
    """A time column of another type is refused by name, with what is allowed."""
    with pytest.raises(InvalidObservations) as refused:
        _times(pa.nulls(1, kind))
    assert (refused.value.field, refused.value.seen, refused.value.allowed) == ("time", str(kind), ("timestamp",))
