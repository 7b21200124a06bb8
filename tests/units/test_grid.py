"""Interpolation at the starts of windows: on lines between readings close enough, nowhere else."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tseng_units import grid
from tseng_units.grid import on_grid
from tseng_units.windows import Fixed, parse_window, parse_zone

MIN = 60_000_000


def _joined(pieces: Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]) -> dict[int, float]:
    return {at: v for time, value in pieces for at, v in zip(time.tolist(), value.tolist(), strict=True)}


def test_by_hand() -> None:
    """Readings at 0:05, 0:25, 1:25 and 1:30, a grid of ten minutes, gaps of at most twenty: 0:10, 0:20 and 1:30."""
    time = np.array([5, 25, 85, 90]) * MIN
    got = _joined(on_grid(parse_window("10min", None), time, np.array([0.0, 20.0, 7.0, 8.0]), 20 * MIN))
    assert got == {10 * MIN: 5.0, 20 * MIN: 15.0, 90 * MIN: 8.0}


def test_days_of_a_zone() -> None:
    """Local midnights of 2024-03-31 and after it, on a line of 1 an hour from 2024-03-30T00:00Z."""
    start = int(np.datetime64("2024-03-30", "us").astype(np.int64))
    time = start + np.array([0, 48]) * 60 * MIN
    got = _joined(on_grid(parse_window("1d", parse_zone("Europe/Amsterdam")), time, np.array([0.0, 48.0]), 10**12))
    assert got == {start + 23 * 60 * MIN: 23.0, start + 46 * 60 * MIN: 46.0}


@given(
    st.sets(st.integers(0, 300), min_size=1, max_size=15), st.integers(1, 30), st.integers(0, 60), st.integers(-1, 300)
)
def test_against_numpy(times: set[int], width: int, max_gap: int, after: int) -> None:
    """`np.interp` where the neighbours are close enough; looked at few grid times at once, nothing changes."""
    time = np.array(sorted(times), np.int64)
    value = (time * 7 % 11).astype(np.float64)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(grid, "AT_ONCE", 3)
        got = _joined(on_grid(Fixed(width, None), time, value, max_gap, after))
    for at in range(0, 301, width):
        before, later = time[time <= at], time[time >= at]
        exact = at in times
        near = len(before) and len(later) and (exact or later[0] - before[-1] <= max_gap)
        assert (at in got) == (bool(near) and at > after)
        if at in got:
            assert got[at] == pytest.approx(np.interp(at, time, value), abs=1e-12)


def test_wide_gaps_on_a_fine_grid_are_stepped_over() -> None:
    """A millisecond grid over a thousand years with two pairs of readings takes no time."""
    ends = np.array([0, 2_000, 31_556_952_000_000_000, 31_556_952_000_002_000])
    pieces = list(on_grid(Fixed(1000, None), ends, np.array([0.0, 2.0, 0.0, 2.0]), 5_000))
    assert len(pieces) == 2
    assert np.concatenate([value for _, value in pieces]).tolist() == [0.0, 1.0, 2.0, 0.0, 1.0, 2.0]
