"""Which times of a derived series may differ once some raw readings have changed.

Node by node, from the readings to the answer, spans of time are carried upwards: outside of them the node's series is
what it was. They may be too wide, never too narrow; what does differ is found by comparing (`differences`). On the way
it turns out which zero readings, replacements and totals still are what they were: the new execution is given these.
"""

from collections.abc import Iterator, Mapping, Sequence

from tseng_units.evaluate import Execution
from tseng_units.found import Carried, Totals, Zero
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
    Rate,
    Raw,
    Sum,
)
from tseng_units.run import TOLERANCE, Times
from tseng_units.spans import ALWAYS, NEVER, Span, Spans, gathered, meet, merged, moved
from tseng_units.zeros import FIRST

Series = tuple[str, str]
"""Sensor and raw metric."""
TOTALS_KEPT = 64
"""How many totals of a sum are handed on, the newest: what comes late seldom comes later than so many updates."""


def touched(old: Execution, new: Execution, changed: Mapping[Series, Times]) -> Spans:
    """The spans in which the series of `new` may differ from that of `old`.

    Both are of the very same plan: `old` over the readings as they were, `new` over them as they are. `changed` holds
    the times, int64 us ascending, at which the readings of a series may differ. `new` is given all that `old` found and
    that still is so.

    Raises NoZeroReading where there is no zero reading any more.
    """
    return _Touched(old, new, changed).of(new.plan.node)


class _Touched:
    """One pass over the nodes of a plan, inputs before what is made of them; each is looked at once."""

    def __init__(self, old: Execution, new: Execution, changed: Mapping[Series, Times]) -> None:
        self._old, self._new = old, new
        self._changed = changed
        self._known: dict[int, Spans] = {}

    def of(self, node: Node) -> Spans:
        """Where the node's series may differ."""
        if id(node) not in self._known:
            self._known[id(node)] = self._made_of(node, [self.of(child) for child in node.children])
        return self._known[id(node)]

    def _made_of(self, node: Node, inputs: Sequence[Spans]) -> Spans:
        match node:
            case Raw():
                return gathered(self._changed.get((node.sensor, node.metric)))
            case Map() | Linear() | Convert() | Epochs():
                return merged(*inputs)
            case Paired():  # a reading serves the times between it and its neighbours, no farther than the gap
                return moved(inputs[0], -node.gap_us, node.gap_us)
            case Moving() | Rate():
                dt = int(str(node.dt.value))
                return merged(inputs[0], moved(inputs[0], dt - dt // TOLERANCE, dt + dt // TOLERANCE))
            case Accumulate() | Anchored():
                own, *others = inputs
                return merged(own, *(moved(each, -node.tolerance_us, node.tolerance_us) for each in others))
            case Increments() | Intensity():
                return merged(self._up_to_the_next(node.node, inputs[0]))
            case Sum():
                return self._sum(node, inputs[0])
            case MovingSum():
                return self._moving_sum(node, inputs[0])
            case Delta():
                return self._delta(node, inputs[0])
            case Carry():
                return self._carry(node, inputs[0])

    def _up_to_the_next(self, node: Node, spans: Spans) -> Iterator[Span]:
        """Each span and the reading after it, whose step or interval begins in the span."""
        for start, end in spans:
            after = self._new.after(node, end)
            yield start, end if after is None else after

    def _sum(self, node: Sum, spans: Spans) -> Spans:
        """Everything after the sum's date from the first change on; the totals before that still hold."""
        since = MIN_US if node.zero.value is None else int(str(node.zero.value)) + 1
        begin = next((max(start, since) for start, end in spans if end >= since), None)
        known = self._old.found.totals.get(id(node))
        if known is not None:
            self._new.found.totals[id(node)] = _before(known, begin)
        return NEVER if begin is None else [(begin, MAX_US)]

    def _moving_sum(self, node: MovingSum, spans: Spans) -> Spans:
        """As far as the interval reaches. Which times have a value at all depends on the first reading."""
        dt, before = int(str(node.dt.value)), self._old.first(node)
        if not spans or (before is not None and spans[0][0] > before):
            self._new.found.firsts[id(node)] = before
            return moved(spans, 0, dt)
        now = self._new.first(node)
        if before is None or now is None:
            return [ALWAYS]
        return moved(merged(spans, [(min(before, now), max(before, now))]), 0, dt)

    def _delta(self, node: Delta, spans: Spans) -> Spans:
        """The same times where the zero reading has the value it had, else all."""
        before = self._old.zero(node)
        if not meet(spans, [_reach_of_zero(node, before)]):
            self._new.found.zeros[id(node)] = before
            return spans
        now = self._new.zero(node)
        if before is None or now is None:
            return NEVER if now is before else [ALWAYS]
        return spans if now.value == before.value else [ALWAYS]

    def _carry(self, node: Carry, spans: Spans) -> Spans:
        """The same times, and all from the first replacement on that carries another offset over."""
        before = self._old.carried_by(node)
        reach = [_reach_of_carried(each, place.until) for each, place in zip(before, node.replacements, strict=True)]
        if not meet(spans, reach):
            self._new.found.carried[id(node)] = before
            return spans
        now = self._new.carried_by(node)
        since = next((new.time for old, new in zip(before, now, strict=True) if new.offset != old.offset), None)
        return spans if since is None else merged(spans, [(since, MAX_US)])


def _reach_of_zero(node: Delta, zero: Zero | None) -> Span:
    """The span of which a reading that changes may change the zero reading."""
    if zero is None:
        return ALWAYS
    date = MIN_US if node.zero.value is None else int(str(node.zero.value))
    if node.zero.value is None or node.mode.value == FIRST:
        return date, zero.last
    away = abs(zero.time - date)
    return date - away, max(date + away, zero.last)


def _reach_of_carried(carried: Carried, until: int | None) -> Span:
    """The span of which a reading that changes may change what is carried over at one replacement."""
    last = MAX_US if until is None else until - 1
    return (
        MIN_US if carried.before is None else carried.before.time,
        last if carried.after is None else carried.after.time,
    )


def _before(known: Totals, begin: int | None) -> Totals:
    """The newest totals before a time, and the first, which is where the sum begins."""
    kept = [at for at, time in enumerate(known.times) if at and (begin is None or time < begin)][-TOTALS_KEPT:]
    return Totals([known.times[at] for at in (0, *kept)], [known.sums[at] for at in (0, *kept)])
