"""Sorting rows and dropping repeats."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.storage.helpers import Point, table

from tseng_storage.intake import normalise
from tseng_storage.observations import Rows
from tseng_storage.ordering import in_order, joined, last_versions, position, without_repeats


def _rows(points: list[Point], seqs: list[int] | None = None) -> Rows:
    rows = normalise(table(points)).stamped(1, 7)
    if seqs is None:
        return rows
    return Rows(
        rows.sensors, rows.metrics, rows.sensor, rows.metric, rows.time, rows.value, rows.received, np.array(seqs)
    )


def _points(rows: Rows) -> list[Point]:
    columns = (rows.sensor.tolist(), rows.metric.tolist(), rows.time.tolist(), rows.value.tolist())
    return [(rows.sensors[s], rows.metrics[m], t, v) for s, m, t, v in zip(*columns, strict=True)]


points = st.lists(
    st.tuples(
        st.sampled_from(["/b", "/a", "/é", "/z"]), st.sampled_from(["x", "T"]), st.integers(0, 9), st.floats(0, 9)
    ),
    max_size=40,
)


@given(points)
def test_order_is_that_of_sorting(given_points: list[Point]) -> None:
    """Rows come out by sensor, metric and time, the last row given for a point holding."""
    expected = {(sensor, metric, time): value for sensor, metric, time, value in given_points}
    assert _points(in_order(_rows(given_points))) == [(*point, value) for point, value in sorted(expected.items())]


def test_sorted_rows_are_left_alone() -> None:
    """Rows already in order are recognised and not copied."""
    rows = _rows([("/a", "T", 1, 1.0), ("/a", "T", 2, 1.0), ("/a", "x", 1, 1.0), ("/b", "T", 0, 1.0)])
    assert in_order(rows) is rows


def test_names_sort_as_their_bytes() -> None:
    """Ids order by UTF-8 bytes, as the bounds in Parquet files do."""
    names = ["\U0001f600", "￿", "é", "z", "a"]
    rows = in_order(_rows([(name, "T", 1, 1.0) for name in names]))
    assert [name for name, *_ in _points(rows)] == sorted(names, key=str.encode)


@pytest.mark.parametrize(
    ("values", "breaks", "kept"),
    [
        ([1.0, 1.0, 1.0], [], [10]),
        ([1.0, 2.0, 1.0], [], [10, 20, 30]),
        ([1.0, 1.0, 2.0], [], [10, 30]),
        ([math.nan, math.nan, 1.0], [], [10, 30]),
        ([1.0, math.nan, 1.0], [], [10, 20, 30]),
        ([1.0, 1.0, 1.0], [15], [10, 20]),
        ([1.0, 1.0, 1.0], [5, 35], [10]),
    ],
)
def test_repeated_versions_are_dropped(values: list[float], breaks: list[int], kept: list[int]) -> None:
    """A version equal to the one before goes, unless another may lie between; differing and missing ones stay."""
    rows = _rows([("/s", "T", 1, value) for value in values], [10, 20, 30])
    assert without_repeats(rows, breaks).seq.tolist() == kept


def test_equal_values_at_other_times_and_series_stay() -> None:
    """Only versions of one point are compared, never neighbours."""
    rows = _rows([("/a", "T", 1, 1.0), ("/a", "T", 2, 1.0), ("/a", "x", 2, 1.0), ("/b", "x", 2, 1.0)], [1, 2, 3, 4])
    assert len(without_repeats(rows)) == 4
    assert len(last_versions(rows)) == 4


def test_last_versions() -> None:
    """Of each point the version with the largest number is left."""
    rows = _rows([("/a", "T", 1, 1.0), ("/a", "T", 1, 2.0), ("/b", "T", 1, 3.0)], [1, 2, 1])
    assert _points(last_versions(rows)) == [("/a", "T", 1, 2.0), ("/b", "T", 1, 3.0)]


@given(points, points)
def test_joining_keeps_rows_and_names(one: list[Point], other: list[Point]) -> None:
    """Joined parts hold the rows of both, under the names of both."""
    assert _points(joined([_rows(one), _rows(other)])) == _points(_rows(one)) + _points(_rows(other))


@given(
    points,
    st.sampled_from(["", "/a", "/b", "/bb", "/é", "/zz"]),
    st.sampled_from(["", "T", "U", "x", "y"]),
    st.integers(-1, 10),
)
def test_position_counts_what_lies_before(given_points: list[Point], sensor: str, metric: str, time: int) -> None:
    """The position of a point is the number of rows before it, whether its names occur or not."""
    rows = in_order(_rows(given_points))
    before = [point for point in _points(rows) if point[:3] < (sensor, metric, time)]
    assert position(rows, (sensor, metric, time)) == len(before)
