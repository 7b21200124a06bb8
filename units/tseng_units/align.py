"""Rows of different series brought together by time. All times are ascending, unique int64 microseconds."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


def same_times(first: Times, second: Times) -> bool:
    """Whether two series have the same times."""
    return first is second or (len(first) == len(second) and bool((first == second).all()))


def nearest(times: Times, targets: Times, tolerance: int) -> tuple[Rows, NDArray[np.bool_]]:
    """Row of the time nearest to each target, the earlier one on a tie, and whether it lies within `tolerance` [us].

    Where nothing is near enough the row is valid but meaningless. `times` must not be empty.
    """
    after = np.searchsorted(times, targets)
    before = np.maximum(after - 1, 0)
    after = np.minimum(after, len(times) - 1)
    take_before = np.abs(targets - times[before]) <= np.abs(times[after] - targets)
    rows = np.where(take_before, before, after)
    return rows, np.abs(times[rows] - targets) <= tolerance


def common_rows(series: Sequence[Times]) -> tuple[Times, list[Rows | None]]:
    """The times that all series have, and each one's rows at these times (None: all of its rows)."""
    first, *others = series
    if all(same_times(first, other) for other in others):
        return first, [None] * len(series)
    common = first
    for other in others:
        common = common[_rows_in(other, common) >= 0]
    return common, [_rows_in(times, common) for times in series]


def _rows_in(times: Times, wanted: Times) -> Rows:
    """Row of each wanted time, -1 where it is not there."""
    if not len(times):
        return np.full(len(wanted), -1, dtype=np.intp)
    rows = np.minimum(np.searchsorted(times, wanted), len(times) - 1)
    return np.where(times[rows] == wanted, rows, -1)


def sample(times: Times, values: Floats, at: Times, max_gap: int) -> Floats:
    """Values of a series at other times: the equal time's, else on the line between its two neighbours.

    NaN where the neighbours are more than `max_gap` [us] apart, and before the first and after the last reading.
    """
    if same_times(times, at):
        return values
    if not len(times):
        return np.full(len(at), np.nan)
    after = np.minimum(np.searchsorted(times, at), len(times) - 1)
    exact = times[after] == at
    if exact.all():
        return values[after]
    before = np.maximum(after - 1, 0)
    step = times[after] - times[before]
    inside = (times[before] < at) & (at < times[after]) & (step <= max_gap)
    share = (at - times[before]) / np.where(step > 0, step, 1)
    line = values[before] + (values[after] - values[before]) * share
    return np.where(exact, values[after], np.where(inside, line, np.nan))


def union(series: Sequence[Times]) -> Times:
    """All times of several series, ascending and unique."""
    first, *others = series
    different = [first, *(times for times in others if not same_times(first, times))]
    if len(different) == 1:
        return first
    ascending = np.sort(np.concatenate(different))  # several times as fast as numpy's unique, which hashes
    new = np.ones(len(ascending), np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=new[1:])
    return ascending[new]


def at_times(times: Times, values: Floats, at: Times) -> Floats:
    """Values of a series at times that hold all of its own, NaN at the others."""
    if same_times(times, at):
        return values
    placed = np.full(len(at), np.nan)
    placed[np.searchsorted(at, times)] = values
    return placed


def at_nearest(times: Times, values: Floats, at: Times, tolerance: int) -> Floats:
    """Value of the reading nearest to each time, the earlier on a tie; NaN where none is within `tolerance` [us]."""
    if not len(times):
        return np.full(len(at), np.nan)
    rows, near = nearest(times, at, tolerance)
    return np.where(near, values[rows], np.nan)
