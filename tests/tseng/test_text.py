"""Columns as text: what is written reads back to the same bits."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tseng.text import iso_times, numbers, rows

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANTS = st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.just(UTC))


def _us(when: datetime) -> int:
    return (when - EPOCH) // timedelta(microseconds=1)


@given(st.lists(INSTANTS, min_size=1, max_size=20))
def test_times_read_back_and_show_six_digits_only_where_needed(instants: list[datetime]) -> None:
    """Each time parses back to the same microsecond; milliseconds are enough unless microseconds are set."""
    texts = iso_times(np.array([_us(when) for when in instants]), b"", b"Z").to_pylist()
    for when, text in zip(instants, texts, strict=True):
        assert datetime.fromisoformat(text.decode()) == when
        assert len(text) == (24 if when.microsecond % 1000 == 0 else 27)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_read_back_to_the_same_bits(values: list[float]) -> None:
    """Any magnitude comes back as the very float64, and a JSON parser takes it too."""
    texts = numbers(np.array(values)).to_pylist()
    assert [float(text).hex() for text in texts] == [value.hex() for value in values]
    assert [json.loads(text) for text in texts] == values


def test_a_time_before_1970_is_written_in_full() -> None:
    """Days before the epoch are negative and still right: the Moon landing, from the calendar."""
    assert iso_times(np.array([-14_182_940_000_000]), b"", b"Z").to_pylist() == [b"1969-07-20T20:17:40.000Z"]


def test_rows_join_two_columns_in_order() -> None:
    """Rows come one after another in one buffer, each with its end."""
    joined = rows(iso_times(np.array([0, 1_000]), b"", b"Z,"), numbers(np.array([1.5, -2.0])), b"\n")
    assert bytes(joined) == b"1970-01-01T00:00:00.000Z,1.5\n1970-01-01T00:00:00.001Z,-2\n"
