"""One evaluation of a tree of nodes over one window.

Arrays are handed on without copies: a block knows whether its values belong to this run (then they are changed in
place) or to the source. Floating-point flags tell when a value may have stopped being finite, so no pass over the data
looks for what cannot be there.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tseng_units.align import common_rows, nearest, same_times, sample
from tseng_units.chain import Chain, applied, converted, less, line, of_parts, raised
from tseng_units.found import Found
from tseng_units.instants import MAX_US, MIN_US
from tseng_units.nodes import (
    Accumulate,
    Anchored,
    Carry,
    Convert,
    Delta,
    Epochs,
    Increments,
    Intensity,
    Linear,
    Map,
    Moving,
    MovingSum,
    Node,
    Paired,
    Past,
    Rate,
    Raw,
    Sum,
)
from tseng_units.registry import conversion

Times = NDArray[np.int64]
Floats = NDArray[np.float64]
_NO_TIME: Times = np.empty(0, dtype=np.int64)
_NO_VALUE: Floats = np.empty(0, dtype=np.float64)
Steps = Map | Linear | Convert | Carry | Delta
"""Nodes that change their inputs value by value: they are chained, and done together."""
TOLERANCE = 10
"""A reading counts as one dt earlier when it is off by at most dt divided by this."""


class Source(Protocol):
    """Where raw readings come from; the engine's is storage, the tests' is a dict."""

    def read(self, sensor: str, metric: str, start: int | None, end: int | None) -> tuple[Times, Floats]:
        """Valid readings with start <= time <= end: ascending unique int64 us and finite float64.

        Times are never written to. Values that are writeable are the caller's to change; a source that keeps them
        hands out read-only ones.
        """

    def parts(self, sensor: str, metric: str, start: int | None, end: int | None) -> tuple[Times, list[Floats]]:
        """As `read`, the values in parts that follow one another, none of them to be written to."""

    def blocks(self, sensor: str, metric: str, start: int | None, end: int | None) -> Iterator[tuple[int, int]]:
        """Ascending disjoint windows [us, inclusive] that cover all readings in [start, end], each of bounded size."""


@dataclass(slots=True)
class Block:
    """A series over a window; `owned` says that `value` was made in this run and may be changed in place."""

    time: Times
    value: Floats
    owned: bool


Evaluate = Callable[[Node, int | None, int | None], Block]
"""A node's series over a window [us]."""


def widened(start: int | None, end: int | None, before: int, after: int) -> tuple[int | None, int | None]:
    return (
        None if start is None else max(start - before, MIN_US),
        None if end is None else min(end + after, MAX_US),
    )


class Run:
    """One evaluation of a tree over a window."""

    def __init__(
        self,
        source: Source,
        found: Found,
        shared: frozenset[int],
        past: Callable[[Past, Evaluate, int | None, int | None], Block],
    ) -> None:
        self._source = source
        self._found = found
        self._shared = shared
        self._past = past
        self._kept: dict[tuple[int, int | None, int | None], Block] = {}
        self._suspect = False

    def _flag(self, kind: str, flag: int) -> None:
        self._suspect = True

    def of(self, node: Node, start: int | None, end: int | None) -> Block:
        """The node's series over the window, finite values only."""
        if id(node) not in self._shared:
            return self._settled(node, start, end)
        key = (id(node), start, end)
        if key not in self._kept:
            block = self._settled(node, start, end)
            block.owned = False
            self._kept[key] = block
        return self._kept[key]

    def _settled(self, node: Node, start: int | None, end: int | None) -> Block:
        with np.errstate(over="call", invalid="call", divide="call", call=self._flag):
            block = self._computed(node, start, end)
        if self._suspect:
            self._suspect = False
            valid = np.isfinite(block.value)
            if not valid.all():
                return Block(block.time[valid], block.value[valid], True)
        return block

    def _computed(self, node: Node, start: int | None, end: int | None) -> Block:
        match node:
            case Raw():
                return self._raw(node, start, end)
            case Map() | Linear() | Convert() | Carry() | Delta():
                return self._whole(self._chain(node, start, end))
            case Moving() | Rate():
                return self._moving(node, start, end)
            case Accumulate():
                return self._accumulate(node, start, end)
            case Anchored():
                return self._anchored(node, start, end)
            case Epochs():
                return self._epochs(node, start, end)
            case Increments() | Intensity() | Sum() | MovingSum():
                block = self._past(node, self.of, start, end)
                self._suspect |= isinstance(node, Sum)  # it may go on from an infinite total without a flag
                return block
            case Paired():
                raise AssertionError("a paired series has values only at the times of another: it is an input of Map")

    def _raw(self, node: Raw, start: int | None, end: int | None) -> Block:
        time, value = self._source.read(node.sensor, node.metric, start, end)
        hidden = [part for mask in node.masks if (part := _rows_within(time, mask.start, mask.end)).start < part.stop]
        if not hidden:
            return Block(time, value, value.flags.writeable)
        shown = np.ones(len(time), dtype=np.bool_)
        for part in hidden:
            shown[part] = False
        return Block(time[shown], value[shown], True)

    def _whole(self, chain: Chain) -> Block:
        value, owned, finite = chain.whole()
        self._suspect |= not finite
        return Block(chain.time, value, owned)

    def _input(self, node: Node, start: int | None, end: int | None) -> Chain:
        """A node as the beginning of what is made of it: the steps still to be done, unless others need it too."""
        if isinstance(node, Steps) and id(node) not in self._shared:
            return self._chain(node, start, end)
        if isinstance(node, Raw) and id(node) not in self._shared and not node.masks:
            return of_parts(*self._source.parts(node.sensor, node.metric, start, end))
        return _beginning(self.of(node, start, end))

    def _chain(self, node: Steps, start: int | None, end: int | None) -> Chain:
        if isinstance(node, Map):
            return self._map(node, start, end)
        chain = self._input(node.node, start, end)
        match node:
            case Convert():
                assert node.dimension is not None
                chain.steps.append(converted(conversion(node.dimension, node.node.unit, node.unit)))
            case Linear():
                chain.steps.append(line(node.shift, node.factor))
            case Carry():
                self._carry(node, chain)
            case Delta():
                zero = self._found.zeros[id(node)]
                if zero is None:
                    return Chain(_NO_TIME, [], False)
                chain.steps.append(less(zero.value))
                chain.suspect |= not math.isfinite(zero.value)
        return chain

    def _carry(self, node: Carry, chain: Chain) -> None:
        carried, offsets, total = self._found.carried[id(node)], [], 0.0
        for each, next_ in zip(carried, (*(later.time - 1 for later in carried[1:]), MAX_US), strict=True):
            total += each.offset
            offsets.append((_rows_within(chain.time, each.time, next_), total))
            chain.suspect |= not math.isfinite(total)
        chain.steps.append(raised(offsets))

    def _epochs(self, node: Epochs, start: int | None, end: int | None) -> Block:
        parts = [self.of(child, first, last) for child, first, last in node.periods(start, end)]
        if len(parts) == 1:
            return parts[0]
        time, value = [part.time for part in parts], [part.value for part in parts]
        return Block(np.concatenate([_NO_TIME, *time]), np.concatenate([_NO_VALUE, *value]), True)

    def _moving(self, node: Moving | Rate, start: int | None, end: int | None) -> Block:
        dt = node.dt.value
        assert isinstance(dt, int)
        block = self.of(node.node, *widened(start, end, dt + dt // TOLERANCE, 0))
        inside = slice(0 if start is None else int(np.searchsorted(block.time, start)), None)
        time, value = block.time[inside], block.value[inside]
        if not len(time):
            return Block(time, value, False)
        rows, near = nearest(block.time, time - dt, dt // TOLERANCE)
        time, rows = time[near], rows[near]
        change = value[near] - block.value[rows]
        if isinstance(node, Rate):
            change /= (time - block.time[rows]) / 1e6
        return Block(time, change, True)

    def _map(self, node: Map, start: int | None, end: int | None) -> Chain:
        if len(node.children) == 1 and isinstance(node.children[0], Raw):
            chain, others = self._input(node.children[0], start, end), []
        else:
            plain = [self.of(child, start, end) for child in node.children if not isinstance(child, Paired)]
            time, rows = common_rows([block.time for block in plain])
            columns = iter([b.value if r is None else b.value[r] for b, r in zip(plain, rows, strict=True)])
            first, *others = [self._sampled(c, time) if isinstance(c, Paired) else next(columns) for c in node.children]
            chain = Chain(time, [first], plain[0].owned or rows[0] is not None)
        chain.suspect = True
        chain.steps.append(applied(node.formula.function, others, node.keywords))
        return chain

    def _sampled(self, node: Paired, time: Times) -> Floats:
        if not len(time):
            return np.empty(0, dtype=np.float64)
        block = self.of(node.node, *widened(int(time[0]), int(time[-1]), node.gap_us, node.gap_us))
        return sample(block.time, block.value, time, node.gap_us)

    def _accumulate(self, node: Accumulate, start: int | None, end: int | None) -> Block:
        own, *others = node.children
        block = self._whole(self._input(own, start, end))
        total = Block(block.time, block.value if block.owned else block.value.copy(), True)
        window = widened(start, end, node.tolerance_us, node.tolerance_us)
        for other in others if len(total.time) else ():
            # among several readings near enough only a valid one may be taken; at one time there is but one
            chain = _beginning(self.of(other, *window)) if node.tolerance_us else self._input(other, *window)
            total = _plus(total, chain, node.tolerance_us)
        if node.sign != 1.0:
            np.multiply(total.value, node.sign, out=total.value)
        self._suspect = True  # what a segment misses the sum misses: it alone is looked at
        return total

    def _anchored(self, node: Anchored, start: int | None, end: int | None) -> Block:
        own = self.of(node.children[0], start, end)
        if len(node.children) == 1:
            return Block(own.time, 0.0 - own.value, True)
        deepest = self.of(node.children[1], *widened(start, end, node.tolerance_us, node.tolerance_us))
        rows, near = _matched(deepest.time, own.time, node.tolerance_us)
        return Block(own.time[near], deepest.value[rows] - own.value[near], True)


def _beginning(block: Block) -> Chain:
    return Chain(block.time, [block.value], block.owned)


def _plus(total: Block, segment: Chain, tolerance: int) -> Block:
    """The sum so far and one more segment, at the times at which that has a reading too; `total` is used up."""
    if same_times(total.time, segment.time):
        segment.add_to(total.value)
        return total
    rows, near = _matched(segment.time, total.time, tolerance)
    value, _, _ = segment.whole()
    return Block(total.time[near], total.value[near] + value[rows], True)


def _rows_within(time: Times, start: int, end: int) -> slice:
    return slice(int(np.searchsorted(time, start)), int(np.searchsorted(time, end, side="right")))


def _matched(times: Times, wanted: Times, tolerance: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Rows of the readings matched, and which of the wanted times have one."""
    if not len(times):
        return np.empty(0, dtype=np.intp), np.zeros(len(wanted), dtype=np.bool_)
    rows, near = nearest(times, wanted, tolerance)
    return rows[near], near
