"""A series at the starts of windows: on straight lines between neighbouring readings, nowhere else."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tseng_units.align import sample
from tseng_units.windows import Times, Window

Floats = NDArray[np.float64]

AT_ONCE = 2**18
"""Grid times that are looked at together."""


def on_grid(
    window: Window, time: Times, value: Floats, max_gap: int, after: int | None = None
) -> Iterator[tuple[Times, Floats]]:
    """Values at the window starts from the first reading to the last, in pieces.

    Args:
        window: its starts are the grid.
        time: int64 us, ascending, (n,), n at least one.
        value: float64, finite, (n,).
        max_gap: us; between readings farther apart there are no values.
        after: us; only starts later than this, None: all.

    Yields:
        Times int64 us and values float64 in the unit of `value`, finite; ascending from piece to piece.
    """
    begin, end = int(time[0]) if after is None else max(int(time[0]), after + 1), int(time[-1])
    while begin <= end:
        row = int(np.searchsorted(time, begin))
        if row and time[row] - time[row - 1] > max_gap:
            begin = int(time[row])  # the grid may be so fine that a wide gap alone would take for ever
        stop = min(end, begin + AT_ONCE * window.least)
        at = window.starts(begin, stop)
        sampled = sample(time, value, at, max_gap)
        valid = np.isfinite(sampled)
        yield at[valid], sampled[valid]
        begin = stop + 1
