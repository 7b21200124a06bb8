"""A few points of a long series that draw the same line, by M4: of each of many equal spans of time the first and the
last point and those of the least and the greatest value.

Source: Jugel, Jerzak, Hackenbroich & Markl (2014), M4: A Visualization-Oriented Time Series Data Aggregation, PVLDB
7(10). The points are points of the series. The first and the last one, the least and the greatest value are always
among them, and a gap that is wider than a span keeps both its ends.

A series comes in blocks and memory stays bounded. Up to HELD points are held as they are. Of longer series M4 holds the
points of very fine spans, of a power of two microseconds, so many that those of the answer come to hundreds of them.
M4 of M4 over spans twice as long is M4 of the points, and the length is the least with which few enough spans have
points. So it does not matter how the series is cut into blocks.
"""

import numpy as np
from numpy.typing import NDArray

from tseng_units.instants import MIN_US
from tseng_units.windows import Rows, Times

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Points = tuple[Times, Floats, Flags]

HELD = 2**20
"""Points that are held before any is left out: 16 MiB."""
FINE = 16
"""Points held for each fine span."""
A_SPAN = 4
"""Points kept of each span."""


class Downsampler:
    """Takes a series block by block; `take` gives at most `points` of its points, all where it has no more.

    Each point comes with a flag that says whether a gap lies before it. Of the points given it says the same: whether
    a gap lay anywhere between it and the one before.
    """

    def __init__(self, points: int) -> None:
        """`points` is at least 4."""
        self._points = points
        self._most = max(HELD, FINE * points)
        self._seen = 0
        self._parts: list[Points] = []

    def add(self, time: Times, value: Floats, torn: Flags) -> None:
        """Go on with times (int64 us, later than all before), values (float64, finite) and flags, each (n,)."""
        self._seen += len(time)
        self._parts.append((time, value, torn))
        if sum(len(part[0]) for part in self._parts) > self._most:
            self._thin()

    def take(self) -> Points:
        """The points kept, in the order of time."""
        if self._seen > self._most:
            self._thin()
        time, value, torn = self._joined()
        if len(time) <= self._points:
            return time, value, torn
        return _kept(time, value, torn, m4(value, _equal_spans(time, self._points // A_SPAN)))

    def _joined(self) -> Points:
        if len(self._parts) == 1:
            return self._parts[0]
        none = np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.bool_)
        time, value, torn = zip(none, *self._parts, strict=True)
        return np.concatenate(time), np.concatenate(value), np.concatenate(torn)

    def _thin(self) -> None:
        time, value, torn = self._joined()
        self._parts = [_kept(time, value, torn, m4(value, _fine_spans(time, self._most // FINE)))]


def _kept(time: Times, value: Floats, torn: Flags, row: Rows) -> Points:
    """Points of some rows, the first and the last among them, with the gaps that lie between these."""
    since_last = np.concatenate([row[:1], row[:-1] + 1])
    return time[row], value[row], np.logical_or.reduceat(torn, since_last)


def m4(value: Floats, row: Rows) -> Rows:
    """Rows of the first, the last, the least and the greatest value of each span, ascending and unique.

    Args:
        value: float64, finite, (n,).
        row: first row of each span, ascending from 0, (k,). Of equal values the earliest counts.
    """
    count = np.diff(row, append=len(value))
    kept = np.zeros(len(value), np.bool_)
    kept[row] = kept[row + count - 1] = True
    for extreme in (np.minimum, np.maximum):
        found = np.flatnonzero(value == np.repeat(extreme.reduceat(value, row), count))
        kept[found[np.searchsorted(found, row)]] = True
    return np.flatnonzero(kept)


def _equal_spans(time: Times, many: int) -> Rows:
    """First rows of those of `many` spans, equally long, that have points."""
    whole, rest = divmod(int(time[-1] - time[0]) + 1, many)
    number = np.arange(many)
    # Not number * length // many: that product can outgrow int64.
    return np.unique(np.searchsorted(time, time[0] + number * whole + number * rest // many))


def _fine_spans(time: Times, most: int) -> Rows:
    """First rows of spans of the least power of two microseconds with which at most `most` spans have points.

    Two neighbours share a span of 2^k exactly if they differ in their lowest k bits alone.
    """
    since = time - MIN_US
    differing = np.frexp((since[1:] ^ since[:-1]).astype(np.float64))[1]
    begins = np.cumsum(np.bincount(differing, minlength=64)[::-1])[::-1]
    power = int(np.flatnonzero(begins < most)[0]) - 1
    return np.concatenate([np.zeros(1, np.intp), np.flatnonzero(differing > power) + 1])
