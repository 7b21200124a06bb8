"""Running a plan against a source of raw readings.

A window is asked of the root and each node asks its inputs for as much more as it needs (one dt before, one gap
around), so the answer over a window is the answer over all time, cut. Zero readings, and what a replaced instrument
carries over, do not depend on the window: each is looked up once, from its date on and only as far as needed, and kept.
"""

from collections.abc import Iterator

from tseng_units.found import Carried, Found, Reading, Zero
from tseng_units.instants import format_instant
from tseng_units.nodes import Carry, Delta, MovingSum, Node, quantity_of
from tseng_units.past import History
from tseng_units.plan import Plan
from tseng_units.run import Block, Floats, Run, Source, Times
from tseng_units.search import Search, windows
from tseng_units.zeros import find_carried, find_zero


class Execution:
    """One plan over one source. Cheap to make; zero readings and the like are what it remembers between windows.

    `found` is what it remembers. An execution of the very same plan over a source in which that is still so may be
    given it, and goes on from there.
    """

    def __init__(self, plan: Plan, source: Source, found: Found | None = None) -> None:
        """Nothing is read yet."""
        self.plan = plan
        self.source = source
        self.found = Found() if found is None else found
        self._referring = [node for node in plan.nodes if isinstance(node, Delta | Carry)]
        self._settled = False
        self._search = Search(source, self._of)
        self._history = History(source, self.found, self._of)

    def evaluate(self, start: int | None = None, end: int | None = None) -> tuple[Times, Floats]:
        """Times (int64 us) and values (float64, in the plan's unit, finite) with start <= time <= end.

        The arrays may be the source's own: read, do not write. Raises NoZeroReading whatever the window.
        """
        self.settle()
        block = self._of(self.plan.node, start, end)
        return block.time, block.value

    def blocks(self, start: int | None = None, end: int | None = None) -> Iterator[tuple[int, int]]:
        """Windows of bounded size; `evaluate` over one after the other gives what one call over all gives."""
        return windows(self.source, self.plan.node, start, end)

    @property
    def zeros(self) -> list[dict[str, object]]:
        """The zero readings used: sensor, metric (of the base), time (ISO text), value, unit, count, mode."""
        self.settle()
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
            if isinstance(node, Delta) and (zero := self.zero(node)) is not None
        ]

    @property
    def carried(self) -> list[dict[str, object]]:
        """The replacements over which values go on: sensor, metric (of the base), time (ISO text), offset, unit.

        `before` and `after` are the two readings, time and value, that the offset is the difference of; None where
        there is none, and the offset 0.
        """
        self.settle()
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
            for each in self.carried_by(node)
        ]

    def settle(self) -> None:
        """Find what does not depend on the window, bases before what is made of them; NoZeroReading as `evaluate`."""
        if self._settled:
            return
        for node in self._referring:
            if isinstance(node, Delta):
                self.zero(node)
            else:
                self.carried_by(node)
        self._settled = True

    def zero(self, node: Delta) -> Zero | None:
        """The zero reading of a difference; what its base needs must have been found."""
        if id(node) not in self.found.zeros:
            self.found.zeros[id(node)] = find_zero(self._search, node)
        return self.found.zeros[id(node)]

    def carried_by(self, node: Carry) -> tuple[Carried, ...]:
        """What replacements carry over; what the base needs must have been found."""
        if id(node) not in self.found.carried:
            self.found.carried[id(node)] = find_carried(self._search, node)
        return self.found.carried[id(node)]

    def first(self, node: MovingSum) -> int | None:
        """The time [us] of the first reading that a moving sum adds up; what these need must have been found."""
        return self._history.first(node)

    def after(self, node: Node, us: int) -> int | None:
        """The time [us] of a node's next reading after an instant; what it needs must have been found."""
        time, _ = self._search.first(node, us + 1, None)
        return int(time[0]) if len(time) else None

    def _of(self, node: Node, start: int | None, end: int | None) -> Block:
        return Run(self.source, self.found, self.plan.shared, self._history.of).of(node, start, end)


def _told(reading: Reading | None) -> dict[str, object] | None:
    return None if reading is None else {"time": format_instant(reading.time), "value": reading.value}
