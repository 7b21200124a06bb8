"""Bringing rows together by time, against the plainest way to do it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tseng_units.align import common_rows, nearest, same_times, sample

TIMES = st.sets(st.integers(-60, 60), max_size=12).map(lambda found: np.array(sorted(found), dtype=np.int64))
SOME_TIMES = TIMES.filter(len)


@given(SOME_TIMES, TIMES, st.integers(0, 20))
def test_nearest(times: NDArray[np.int64], targets: NDArray[np.int64], tolerance: int) -> None:
    """Each target gets the row of the nearest time, the earlier one on a tie, if it lies within the tolerance."""
    rows, near = nearest(times, targets, tolerance)
    for target, row, found in zip(targets, rows, near, strict=True):
        best = min(times.tolist(), key=lambda time: (abs(time - target), time))
        assert found == (abs(best - target) <= tolerance)
        assert not found or times[row] == best


@given(st.lists(TIMES, min_size=1, max_size=3))
def test_common_rows(series: list[NDArray[np.int64]]) -> None:
    """The common times are the intersection, and each series' rows lead to them."""
    common, rows = common_rows(series)
    assert common.tolist() == sorted(set.intersection(*(set(times.tolist()) for times in series)))
    for times, found in zip(series, rows, strict=True):
        assert (times if found is None else times[found]).tolist() == common.tolist()


@given(TIMES, TIMES, st.integers(0, 40))
def test_sample(times: NDArray[np.int64], at: NDArray[np.int64], max_gap: int) -> None:
    """A straight line is met at equal times and in gaps that are not too wide, and nothing is made up elsewhere."""
    got = sample(times, np.asarray(2.0 * times + 1.0, dtype=np.float64), at, max_gap)
    for time, value in zip(at.tolist(), got.tolist(), strict=True):
        before, after = times[times < time], times[times > time]
        if time in times:
            assert value == 2.0 * time + 1.0
        elif len(before) and len(after) and after[0] - before[-1] <= max_gap:
            assert abs(value - (2.0 * time + 1.0)) < 1e-9
        else:
            assert np.isnan(value)


def test_same_times() -> None:
    """Series of the same times are recognised whether or not they share memory."""
    times = np.array([1, 2, 3], dtype=np.int64)
    assert same_times(times, times)
    assert same_times(times, times.copy())
    assert not same_times(times, times[:2])
    assert not same_times(times, times + 1)
