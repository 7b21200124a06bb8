"""Running a plan against a source of raw readings.

A window is asked of the root and each node asks its inputs for as much more as it needs (one dt before, one gap
around), so the answer over a window is the answer over all time, cut. Zero readings do not depend on the window: each
is looked up once, from its zero date on and only as far as needed, and kept.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from tseng_units.errors import NoZeroReading
from tseng_units.instants import format_instant
from tseng_units.nodes import Delta, Node, clock, walk
from tseng_units.plan import Plan
from tseng_units.run import Floats, Run, Source, Times, Zero

PROBES = (600_000_000, 86_400_000_000)
"""Microseconds: the zero reading is looked for in ten minutes, then a day, before whole blocks are read."""


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

    def _run(self, zeros: dict[int, Zero | None]) -> Run:
        return Run(self.source, zeros, self._shared)

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
