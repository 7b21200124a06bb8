"""Values that depend on readings long before them: running counters, sums since a date, moving sums, intensities.

A window is answered as if all time had been computed and then cut, yet little is read twice. What one execution keeps
between its windows is small: for a sum since a date its total after every window that was asked for, so that the next
block goes on from there; for a moving sum the time of the first reading. A sum adds one reading after the other from
its date on, so its bits do not depend on where blocks begin. A moving sum adds the readings that it covers and no
others: the difference of two long sums would leave rounding where no rain fell. The reading before a window is looked
for backwards, in ten minutes, then a day, then block by block.
"""

from bisect import bisect_right

import numpy as np

from tseng_units.align import Rows
from tseng_units.found import Found, Totals
from tseng_units.instants import MIN_US
from tseng_units.nodes import Increments, Intensity, MovingSum, Node, Past, Sum
from tseng_units.run import Block, Evaluate, Floats, Source, Times, widened
from tseng_units.search import Search, windows

CELLS = 64
"""Into how many cells the interval of a moving sum is cut."""
EARLIEST = MIN_US - 1
"""us, a time before every reading."""


class History:
    """What an execution needs of the readings before its windows, and keeps in `found`.

    `evaluate` computes a node over any window.
    """

    def __init__(self, source: Source, found: Found, evaluate: Evaluate) -> None:
        """Nothing is read yet."""
        self._source = source
        self._found = found
        self._evaluate = evaluate
        self._search = Search(source, evaluate)

    def of(self, node: Past, inner: Evaluate, start: int | None, end: int | None) -> Block:
        """The node's series over the window [us]; `inner` evaluates its child within the run that asks."""
        match node:
            case Increments() | Intensity():
                time, value = self._with_the_one_before(node.node, inner, start, end)
                change = _increments(value) if isinstance(node, Increments) else value[1:] / (np.diff(time) / 1e6)
                return Block(time[1:], change, True)
            case Sum():
                return self._sum(node, inner, start, end)
            case MovingSum():
                return self._moving_sum(node, inner, start, end)

    def _with_the_one_before(
        self, node: Node, inner: Evaluate, start: int | None, end: int | None
    ) -> tuple[Times, Floats]:
        """The series over the window and in front of it the last reading before, where there is one."""
        block = inner(node, start, end)
        if start is None or not len(block.time):
            return block.time, block.value
        time, value = self._search.last(node, None, start - 1)
        return np.concatenate([time, block.time]), np.concatenate([value, block.value])

    def _sum(self, node: Sum, inner: Evaluate, start: int | None, end: int | None) -> Block:
        since = EARLIEST if node.zero.value is None else int(str(node.zero.value))
        begin = since + 1 if start is None else max(start, since + 1)
        block = inner(node.node, begin, end)
        if not len(block.time):
            return block
        value = _added(self._total(node, since, begin - 1), block.value)
        self._remember(node, int(block.time[-1]), float(value[-1]))
        return Block(block.time, value, True)

    def _total(self, node: Sum, since: int, until: int) -> float:
        """Sum of all readings after `since`, up to and including `until` [us]."""
        known = self._found.totals.setdefault(id(node), Totals([since], [0.0]))
        last = bisect_right(known.times, until) - 1
        total = known.sums[last]
        for window in windows(self._source, node.node, known.times[last] + 1, until):
            block = self._evaluate(node.node, *window)
            if len(block.time):
                total = float(_added(total, block.value)[-1])
                self._remember(node, int(block.time[-1]), total)
        return total

    def _remember(self, node: Sum, time: int, total: float) -> None:
        known = self._found.totals[id(node)]
        at = bisect_right(known.times, time)
        if known.times[at - 1] < time:
            known.times.insert(at, time)
            known.sums.insert(at, total)

    def _moving_sum(self, node: MovingSum, inner: Evaluate, start: int | None, end: int | None) -> Block:
        dt = int(str(node.dt.value))
        block = inner(node.node, *widened(start, end, dt, 0))
        begin = self._covered_from(node, dt)
        first = int(np.searchsorted(block.time, begin if start is None else max(start, begin)))
        return Block(block.time[first:], _moving_sums(block.time, block.value, first, dt), True)

    def _covered_from(self, node: MovingSum, dt: int) -> int:
        """The first time [us] before which one `dt` is covered by readings."""
        found = self.first(node)
        return MIN_US if found is None else found + dt

    def first(self, node: MovingSum) -> int | None:
        """The time [us] of the first reading that there is to add up; None without any."""
        if id(node) not in self._found.firsts:
            time, _ = self._search.first(node.node, None, None)
            self._found.firsts[id(node)] = int(time[0]) if len(time) else None
        return self._found.firsts[id(node)]


def _increments(count: Floats) -> Floats:
    """Steps of a running counter; a drop is a reset, after which the counter itself is the step."""
    step = np.diff(count)
    return np.where(step < 0, count[1:], step)


def _moving_sums(time: Times, value: Floats, first: int, dt: int) -> Floats:
    """For each row from `first` on the sum of the values within `dt` [us] up to it.

    The time line is cut into cells, at the same instants whatever the block: a sum is that of the end of one cell, of
    whole cells, and of the beginning of another, so that the work does not grow with the readings in `dt`.
    """
    if first == len(time):
        return np.empty(0, dtype=np.float64)
    cell = time // max(dt // CELLS, 1)
    opens = np.diff(cell, prepend=cell[0] - 1) > 0
    begins, number = np.append(np.flatnonzero(opens), len(time)), np.cumsum(opens) - 1
    rows, since = np.arange(first, len(time)), np.searchsorted(time, time[first:] - dt, side="right")
    own, oldest = number[first:], number[since]
    old = _sums(value, since, np.minimum(begins[oldest + 1], begins[own]))
    whole = _sums(np.add.reduceat(value, begins[:-1]), oldest + 1, own)
    return old + whole + _sums(value, begins[own], rows + 1)


def _sums(values: Floats, starts: Rows, ends: Rows) -> Floats:
    """Sum of `values[start:end]` for each pair, 0 where that is empty."""
    bounds = np.empty(2 * len(starts), dtype=np.intp)
    bounds[::2], bounds[1::2] = starts, ends
    found = np.add.reduceat(np.append(values, 0.0), np.minimum(bounds, len(values)))[::2]
    found[starts >= ends] = 0.0
    return found


def _added(total: float, values: Floats) -> Floats:
    """Running total after each of the values, one added after the other."""
    return np.cumsum(np.concatenate([[total], values]))[1:]
