"""Running a plan against a source of raw readings.

A window is asked of the root and each node asks its inputs for as much more as it needs (one dt before, one gap
around), so the answer over a window is the answer over all time, cut. Zero readings, and what a replaced instrument
carries over, do not depend on the window: each is looked up once, from its date on and only as far as needed, and kept.
"""

from collections import Counter
from collections.abc import Iterator

from tseng_units.found import Found, Reading
from tseng_units.instants import format_instant
from tseng_units.nodes import Carry, Delta, Node, quantity_of, walk
from tseng_units.past import History
from tseng_units.plan import Plan
from tseng_units.run import Block, Floats, Run, Source, Times
from tseng_units.search import Search, windows
from tseng_units.zeros import find_carried, find_zero


class Execution:
    """One plan over one source. Cheap to make; zero readings and the like are what it remembers between windows."""

    def __init__(self, plan: Plan, source: Source) -> None:
        """Nothing is read yet."""
        self.plan = plan
        self.source = source
        nodes = list(walk(plan.node))
        uses = Counter(id(child) for node in nodes for child in node.children)
        self._shared = frozenset(key for key, times in uses.items() if times > 1)
        self._referring = [node for node in nodes if isinstance(node, Delta | Carry)]
        self._found = Found()
        self._searched = False
        self._history = History(source, self._of)

    def evaluate(self, start: int | None = None, end: int | None = None) -> tuple[Times, Floats]:
        """Times (int64 us) and values (float64, in the plan's unit, finite) with start <= time <= end.

        The arrays may be the source's own: read, do not write. Raises NoZeroReading whatever the window.
        """
        self._all_found()
        block = self._of(self.plan.node, start, end)
        return block.time, block.value

    def blocks(self, start: int | None = None, end: int | None = None) -> Iterator[tuple[int, int]]:
        """Windows of bounded size; `evaluate` over one after the other gives what one call over all gives."""
        return windows(self.source, self.plan.node, start, end)

    @property
    def zeros(self) -> list[dict[str, object]]:
        """The zero readings used: sensor, metric (of the base), time (ISO text), value, unit, count, mode."""
        return [
            {
                "sensor": node.sensor,
                "metric": quantity_of(node.node),
                "time": format_instant(zero.time),
                "value": zero.value,
                "unit": node.unit,
                "count": node.count.value,
                "mode": node.mode.value,
            }
            for node in self._referring
            if isinstance(node, Delta) and (zero := self._all_found().zeros[id(node)]) is not None
        ]

    @property
    def carried(self) -> list[dict[str, object]]:
        """The replacements over which values go on: sensor, metric (of the base), time (ISO text), offset, unit.

        `before` and `after` are the two readings, time and value, that the offset is the difference of; None where
        there is none, and the offset 0.
        """
        return [
            {
                "sensor": node.sensor,
                "metric": node.quantity,
                "time": format_instant(each.time),
                "offset": each.offset,
                "unit": node.unit,
                "before": _told(each.before),
                "after": _told(each.after),
            }
            for node in self._referring
            if isinstance(node, Carry)
            for each in self._all_found().carried[id(node)]
        ]

    def _of(self, node: Node, start: int | None, end: int | None) -> Block:
        return Run(self.source, self._found, self._shared, self._history.of).of(node, start, end)

    def _all_found(self) -> Found:
        """What does not depend on the window, bases before what is made of them."""
        if not self._searched:
            search, found = Search(self.source, self._of), self._found
            for node in self._referring:
                if isinstance(node, Delta):
                    found.zeros[id(node)] = find_zero(search, node)
                else:
                    found.carried[id(node)] = find_carried(search, node)
            self._searched = True
        return self._found


def _told(reading: Reading | None) -> dict[str, object] | None:
    return None if reading is None else {"time": format_instant(reading.time), "value": reading.value}
