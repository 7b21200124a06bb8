"""Downsampling: what is kept, whatever the blocks."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tseng_units import downsample
from tseng_units.downsample import Downsampler, Points

SERIES = st.lists(st.tuples(st.integers(0, 5000), st.integers(-20, 20)), max_size=200)


def _arrays(points: list[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    given_ = dict(points)
    time = np.array(sorted(given_), np.int64)
    return time, np.array([given_[at] for at in sorted(given_)], np.float64)


def _thinned(
    time: NDArray[np.int64],
    value: NDArray[np.float64],
    points: int,
    cuts: list[int],
    torn: NDArray[np.bool_] | None = None,
) -> Points:
    thinner = Downsampler(points)
    flags = np.zeros(len(time), np.bool_) if torn is None else torn
    borders = [0, *sorted(cut % (len(time) + 1) for cut in cuts), len(time)]
    for first, last in pairwise(borders):
        thinner.add(time[first:last], value[first:last], flags[first:last])
    return thinner.take()


@given(SERIES, st.integers(4, 60), st.lists(st.integers(0, 200), max_size=5))
def test_real_points_ends_and_extremes(points: list[tuple[int, int]], most: int, cuts: list[int]) -> None:
    """At most n points of the series, in order; both ends and the values' range are kept; short series are whole."""
    time, value = _arrays(points)
    kept_time, kept_value, _ = _thinned(time, value, most, cuts)
    assert len(kept_time) <= most or len(time) <= most
    assert (np.diff(kept_time) > 0).all()
    assert (
        dict(zip(kept_time.tolist(), kept_value.tolist(), strict=True)).items()
        <= dict(zip(time.tolist(), value.tolist(), strict=True)).items()
    )
    if len(time) <= most:
        assert kept_time.tolist() == time.tolist()
    if len(time):
        assert (kept_time[0], kept_time[-1]) == (time[0], time[-1])
        assert (kept_value.min(), kept_value.max()) == (value.min(), value.max())


def test_m4_by_hand() -> None:
    """Two spans of 50 us: of each the first and last point, and the earliest least and greatest value."""
    time = np.array([0, 10, 20, 30, 49, 50, 60, 70, 80, 99])
    value = np.array([5.0, 1.0, 1.0, 9.0, 5.0, 3.0, 3.0, 3.0, 3.0, 3.0])
    kept, _, _ = _thinned(time, value, 8, [])
    assert kept.tolist() == [0, 10, 30, 49, 50, 99]


@given(
    SERIES, st.integers(4, 16), st.lists(st.integers(0, 200), max_size=8), st.lists(st.integers(0, 200), max_size=20)
)
def test_blocks_do_not_matter(points: list[tuple[int, int]], most: int, cuts: list[int], gaps: list[int]) -> None:
    """Held in little memory and cut anywhere, the same points come out, and the same gaps between them."""
    time, value = _arrays(points)
    torn = np.zeros(len(time), np.bool_)
    torn[[gap for gap in gaps if 0 < gap < len(time)]] = True
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(downsample, "HELD", 32)
        whole = _thinned(time, value, most, [], torn)
        pieces = _thinned(time, value, most, cuts, torn)
    for one, other in zip(whole, pieces, strict=True):
        assert one.tolist() == other.tolist()
    inside = [
        torn[(time > before) & (time <= after)].any() for before, after in zip(whole[0], whole[0][1:], strict=False)
    ]
    assert whole[2][1:].tolist() == inside
    if len(time):
        assert (whole[1].min(), whole[1].max()) == (value.min(), value.max())


def test_memory_is_bounded() -> None:
    """Of five million points in blocks a million and a block are held at most; ends and extremes survive."""
    thinner, size = Downsampler(1000), 250_000
    for number in range(20):
        time = (np.arange(size) + number * size) * 1_000_000
        value = np.sin(np.arange(size) + number) + (100.0 if number == 7 else 0.0)
        thinner.add(time, value, np.zeros(size, np.bool_))
        assert sum(len(part[0]) for part in thinner._parts) <= downsample.HELD + size
    time, value, _ = thinner.take()
    assert 900 <= len(time) <= 1000
    assert (time[0], time[-1]) == (0, (20 * size - 1) * 1_000_000)
    assert value.max() > 100.99


def test_all_years_there_are() -> None:
    """The years 1 and 9999 in one series: nothing overflows."""
    time = np.linspace(-62_135_596_800_000_000, 253_402_300_799_999_999, 10_000).astype(np.int64)
    kept, _, _ = _thinned(time, np.arange(10_000.0), 1000, [])
    assert (kept[0], kept[-1], len(kept)) == (time[0], time[-1], 500)  # first is least and last is greatest
