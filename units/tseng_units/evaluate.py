"""Running a plan against a source of raw readings.

A window is asked of the root and each node asks its inputs for as much more as it needs (one dt before, one gap
around), so the answer over a window is the answer over all time, cut. Zero readings do not depend on the window: each
is looked up once, from its zero date on and only as far as needed, and kept. Arrays are handed on without copies: a
block knows whether its values belong to this run (then they are changed in place) or to the source. Floating-point
flags tell when a value may have stopped being finite, so no pass over the data looks for what cannot be there.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tseng_units.align import common_rows, nearest, same_times, sample
from tseng_units.errors import NoZeroReading
from tseng_units.formulas.table import FORMULAS
from tseng_units.instants import MAX_US, MIN_US, format_instant
from tseng_units.nodes import Accumulate, Convert, Delta, Map, Moving, Node, Paired, Rate, Raw, clock, walk
from tseng_units.plan import Plan
from tseng_units.registry import conversion

Times = NDArray[np.int64]
Floats = NDArray[np.float64]
PROBES = (600_000_000, 86_400_000_000)
"""Microseconds: the zero reading is looked for in ten minutes, then a day, before whole blocks are read."""
TOLERANCE = 10
"""A reading counts as one dt earlier when it is off by at most dt divided by this."""


class Source(Protocol):
    """Where raw readings come from; the engine's is storage, the tests' is a dict."""

    def read(self, sensor: str, metric: str, start: int | None, end: int | None) -> tuple[Times, Floats]:
        """Valid readings with start <= time <= end: ascending unique int64 us and finite float64.

        Times are never written to. Values that are writeable are the caller's to change; a source that keeps them
        hands out read-only ones.
        """

    def blocks(self, sensor: str, metric: str, start: int | None, end: int | None) -> Iterator[tuple[int, int]]:
        """Ascending disjoint windows [us, inclusive] that cover all readings in [start, end], each of bounded size."""


@dataclass(slots=True)
class Block:
    """A series over a window; `owned` says that `value` was made in this run and may be changed in place."""

    time: Times
    value: Floats
    owned: bool


@dataclass(frozen=True, slots=True)
class Zero:
    """A zero reading: the mean of the first `count` readings from `time` on."""

    time: int
    value: float


def _widened(start: int | None, end: int | None, before: int, after: int) -> tuple[int | None, int | None]:
    return (
        None if start is None else max(start - before, MIN_US),
        None if end is None else min(end + after, MAX_US),
    )


class Execution:
    """One plan over one source. Cheap to make; the zero readings are what it remembers between windows."""

    def __init__(self, plan: Plan, source: Source) -> None:
        """Nothing is read yet."""
        self.plan = plan
        self.source = source
        nodes = list(walk(plan.node))
        uses = Counter(id(child) for node in nodes for child in node.children)
        self._shared = frozenset(key for key, times in uses.items() if times > 1)
        self._deltas = [node for node in nodes if isinstance(node, Delta)]
        self._zeros: dict[int, Zero | None] | None = None

    def evaluate(self, start: int | None = None, end: int | None = None) -> tuple[Times, Floats]:
        """Times (int64 us) and values (float64, in the plan's unit, finite) with start <= time <= end.

        The arrays may be the source's own: read, do not write. Raises NoZeroReading whatever the window.
        """
        block = self._run(self._found_zeros()).of(self.plan.node, start, end)
        return block.time, block.value

    def blocks(self, start: int | None = None, end: int | None = None) -> Iterator[tuple[int, int]]:
        """Windows of bounded size; `evaluate` over one after the other gives what one call over all gives."""
        return self._windows(self.plan.node, start, end)

    @property
    def zeros(self) -> list[dict[str, object]]:
        """The zero readings used: sensor, metric (of the base), time (ISO text), value, unit, count."""
        found = self._found_zeros()
        return [
            {
                "sensor": node.sensor,
                "metric": getattr(node.node, "quantity", None) or getattr(node.node, "metric", node.quantity),
                "time": format_instant(zero.time),
                "value": zero.value,
                "unit": node.unit,
                "count": node.count.value,
            }
            for node in self._deltas
            if (zero := found[id(node)]) is not None
        ]

    def _run(self, zeros: dict[int, Zero | None]) -> "_Run":
        return _Run(self.source, zeros, self._shared)

    def _windows(self, node: Node, start: int | None, end: int | None) -> Iterator[tuple[int, int]]:
        raw = clock(node)
        return self.source.blocks(raw.sensor, raw.metric, start, end)

    def _found_zeros(self) -> dict[int, Zero | None]:
        """All zero readings, bases before what is made of them."""
        if self._zeros is None:
            found: dict[int, Zero | None] = {}
            for node in self._deltas:
                found[id(node)] = self._find_zero(node, found)
            self._zeros = found
        return self._zeros

    def _find_zero(self, node: Delta, known: dict[int, Zero | None]) -> Zero | None:
        zero, count = node.zero.value, node.count.value
        assert isinstance(count, int)
        assert zero is None or isinstance(zero, int)
        times, values = self._first_readings(node.node, zero, None, count, known)
        if len(values) == count:
            return Zero(int(times[0]), float(values[0]) if count == 1 else float(np.mean(values)))
        if len(values) or (zero is not None and len(self._first_readings(node.node, None, zero - 1, 1, known)[0])):
            raise _no_zero(node, zero, count, len(values))
        return None

    def _first_readings(
        self, node: Node, start: int | None, end: int | None, count: int, known: dict[int, Zero | None]
    ) -> tuple[Times, Floats]:
        """The first `count` valid readings of the window, or fewer where it has no more."""
        times, values = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
        for window in _probed(self._windows(node, start, end)):
            block = self._run(known).of(node, *window)
            times = np.concatenate([times, block.time[: count - len(times)]])
            values = np.concatenate([values, block.value[: count - len(values)]])
            if len(times) == count:
                break
        return times, values


def _probed(windows: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The windows, the first of them in small pieces at its beginning: there the reading usually is."""
    for index, (start, end) in enumerate(windows):
        if index == 0:
            for span in PROBES:
                if start + span < end:
                    yield start, start + span
                    start += span + 1
        yield start, end


def _no_zero(node: Delta, zero: int | None, count: int, found: int) -> NoZeroReading:
    since = "" if zero is None else f" at or after {format_instant(zero)}"
    problem = f"sensor {node.sensor!r} has no valid reading{since} to take {node.quantity} from"
    if found:
        problem = (
            f"sensor {node.sensor!r} has {found} valid readings{since}, {node.quantity} needs ZERO_COUNT = {count}"
        )
    return NoZeroReading(problem, field=node.zero.name, seen=None if zero is None else format_instant(zero))


class _Run:
    """One evaluation of a tree over a window."""

    def __init__(self, source: Source, zeros: dict[int, Zero | None], shared: frozenset[int]) -> None:
        self._source = source
        self._zeros = zeros
        self._shared = shared
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
        if self._suspect or isinstance(node, Map):
            self._suspect = False
            valid = np.isfinite(block.value)
            if not valid.all():
                return Block(block.time[valid], block.value[valid], True)
        return block

    def _computed(self, node: Node, start: int | None, end: int | None) -> Block:
        match node:
            case Raw():
                time, value = self._source.read(node.sensor, node.metric, start, end)
                return Block(time, value, value.flags.writeable)
            case Convert():
                return self._convert(node, start, end)
            case Map():
                return self._map(node, start, end)
            case Delta():
                return self._delta(node, start, end)
            case Moving() | Rate():
                return self._moving(node, start, end)
            case Accumulate():
                return self._accumulate(node, start, end)
            case Paired():
                raise AssertionError("a paired series has values only at the times of another: it is an input of Map")

    def _convert(self, node: Convert, start: int | None, end: int | None) -> Block:
        block = self.of(node.node, start, end)
        assert node.dimension is not None
        affine = conversion(node.dimension, node.node.unit, node.unit)
        return Block(block.time, affine.apply(block.value, block.value if block.owned else None), True)

    def _delta(self, node: Delta, start: int | None, end: int | None) -> Block:
        zero = self._zeros[id(node)]
        if zero is None:
            return Block(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64), True)
        block = self.of(node.node, start, end)
        return Block(block.time, np.subtract(block.value, zero.value, out=block.value if block.owned else None), True)

    def _moving(self, node: Moving | Rate, start: int | None, end: int | None) -> Block:
        dt = node.dt.value
        assert isinstance(dt, int)
        block = self.of(node.node, *_widened(start, end, dt + dt // TOLERANCE, 0))
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

    def _map(self, node: Map, start: int | None, end: int | None) -> Block:
        plain = [self.of(child, start, end) for child in node.children if not isinstance(child, Paired)]
        time, rows = common_rows([block.time for block in plain])
        columns = iter([b.value if r is None else b.value[r] for b, r in zip(plain, rows, strict=True)])
        arrays = [self._sampled(c, time) if isinstance(c, Paired) else next(columns) for c in node.children]
        keywords = {bound.name.lower(): bound.value for bound in node.bound}
        return Block(time, FORMULAS[node.formula].function(*arrays, **keywords), True)

    def _sampled(self, node: Paired, time: Times) -> Floats:
        if not len(time):
            return np.empty(0, dtype=np.float64)
        block = self.of(node.node, *_widened(int(time[0]), int(time[-1]), node.gap_us, node.gap_us))
        return sample(block.time, block.value, time, node.gap_us)

    def _accumulate(self, node: Accumulate, start: int | None, end: int | None) -> Block:
        own, *others = [
            self.of(child, *(_widened(start, end, node.tolerance_us, node.tolerance_us) if index else (start, end)))
            for index, child in enumerate(node.children)
        ]
        time, total = own.time, own.value if own.owned else own.value.copy()
        for other in others:
            if not same_times(time, other.time):
                rows, near = _matched(other.time, time, node.tolerance_us)
                time, total = time[near], total[near]
                other = Block(other.time, other.value[rows], True)
            total += other.value
        return Block(time, np.multiply(total, node.sign, out=total) if node.sign != 1.0 else total, True)


def _matched(times: Times, wanted: Times, tolerance: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Rows of the readings matched, and which of the wanted times have one."""
    if not len(times):
        return np.empty(0, dtype=np.intp), np.zeros(len(wanted), dtype=np.bool_)
    rows, near = nearest(times, wanted, tolerance)
    return rows[near], near
