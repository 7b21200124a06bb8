"""Running a plan against a source of raw readings.

A window is asked of the root and each node asks its inputs for as much more as it needs (one dt before, one gap
around), so the answer over a window is the answer over all time, cut. Zero readings do not depend on the window: each
is looked up once, from its zero date on and only as far as needed, and kept.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial

from tseng_units.instants import format_instant
from tseng_units.nodes import Delta, Node, walk
from tseng_units.plan import Plan
from tseng_units.run import Block, Floats, Run, Source, Times, Zero
from tseng_units.search import Search, windows
from tseng_units.zeros import find_zero


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
        block = self._of(self._found_zeros(), self.plan.node, start, end)
        return block.time, block.value

    def blocks(self, start: int | None = None, end: int | None = None) -> Iterator[tuple[int, int]]:
        """Windows of bounded size; `evaluate` over one after the other gives what one call over all gives."""
        return windows(self.source, self.plan.node, start, end)

    @property
    def zeros(self) -> list[dict[str, object]]:
        """The zero readings used: sensor, metric (of the base), time (ISO text), value, unit, count, mode."""
        found = self._found_zeros()
        return [
            {
                "sensor": node.sensor,
                "metric": getattr(node.node, "quantity", None) or getattr(node.node, "metric", node.quantity),
                "time": format_instant(zero.time),
                "value": zero.value,
                "unit": node.unit,
                "count": node.count.value,
                "mode": node.mode.value,
            }
            for node in self._deltas
            if (zero := found[id(node)]) is not None
        ]

    def _of(self, zeros: dict[int, Zero | None], node: Node, start: int | None, end: int | None) -> Block:
        return Run(self.source, zeros, self._shared).of(node, start, end)

    def _found_zeros(self) -> dict[int, Zero | None]:
        """All zero readings, bases before what is made of them."""
        if self._zeros is None:
            found: dict[int, Zero | None] = {}
            for node in self._deltas:
                found[id(node)] = find_zero(Search(self.source, partial(self._of, found)), node)
            self._zeros = found
        return self._zeros
