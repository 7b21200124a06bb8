"""Single readings of a node's series, found block by block: what a zero is taken from, whatever window is asked for."""

from collections.abc import Iterable, Iterator

import numpy as np

from tseng_units.nodes import Epochs, Node, Raw
from tseng_units.run import Evaluate, Floats, Source, Times, widened

PROBES = (600_000_000, 86_400_000_000)
"""Microseconds: a reading is looked for within ten minutes, then a day, before whole blocks are read."""

Window = tuple[int, int]


def windows(source: Source, node: Node, start: int | None, end: int | None) -> Iterator[Window]:
    """Ascending windows [us, inclusive] of bounded size that cover every time of the node's series."""
    while not isinstance(node, Raw | Epochs):
        node = node.children[0]
    if isinstance(node, Raw):
        yield from source.blocks(node.sensor, node.metric, start, end)
        return
    for child, first, last in node.periods(start, end):
        yield from windows(source, child, first, last)


class Search:
    """Looks for readings of nodes; `evaluate` computes a node over a window."""

    def __init__(self, source: Source, evaluate: Evaluate) -> None:
        """Nothing is read yet."""
        self._source = source
        self._evaluate = evaluate

    def first(self, node: Node, start: int | None, end: int | None, count: int = 1) -> tuple[Times, Floats]:
        """The first `count` valid readings of the window, or fewer where it has no more."""
        times, values = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
        for window in _from_the_start(windows(self._source, node, start, end)):
            block = self._evaluate(node, *window)
            times = np.concatenate([times, block.time[: count - len(times)]])
            values = np.concatenate([values, block.value[: count - len(values)]])
            if len(times) == count:
                break
        return times, values

    def last(self, node: Node, start: int | None, end: int | None) -> tuple[Times, Floats]:
        """The last valid reading of the window, or none."""
        for window in _from_the_end(reversed(list(windows(self._source, node, start, end)))):
            block = self._evaluate(node, *window)
            if len(block.time):
                return block.time[-1:], block.value[-1:]
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)

    def nearest(self, node: Node, at: int, tolerance: int) -> int | None:
        """Time [us] of the valid reading nearest to `at`, at most `tolerance` [us] away; the earlier one of two."""
        start, end = widened(at, at, tolerance, tolerance)
        after, _ = self.first(node, at, end)
        before, _ = self.last(node, start, at - 1)
        found = [int(times[0]) for times in (before, after) if len(times)]
        return min(found, key=lambda time: abs(time - at), default=None)


def _from_the_start(found: Iterator[Window]) -> Iterator[Window]:
    """The windows, the first of them in small pieces at its beginning: there the reading usually is."""
    for index, (start, end) in enumerate(found):
        if index == 0:
            for span in PROBES:
                if start + span < end:
                    yield start, start + span
                    start += span + 1
        yield start, end


def _from_the_end(found: Iterable[Window]) -> Iterator[Window]:
    """Windows in descending order, the first of them in small pieces at its end."""
    for index, (start, end) in enumerate(found):
        if index == 0:
            for span in PROBES:
                if end - span > start:
                    yield end - span, end
                    end -= span + 1
        yield start, end
