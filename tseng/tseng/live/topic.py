"""One question that somebody follows: how far it was told, and what differs by now.

What was told last is kept as a state, not as data: the plan, what the readings are computed from once (zeros and the
like), and up to what was known. Both states, that one and the one of now, can be computed over any window from the one
snapshot, so a topic needs no more memory than its plan however long the series is.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping

import numpy as np

from tseng.errors import Refusal
from tseng.live.moment import Mark, Moment, Times
from tseng.live.planning import Planning, Question, same
from tseng.live.subscription import Subscription
from tseng.live.updates import LARGEST_PUSH, DataUpdate
from tseng.series import Block
from tseng.shape import joined
from tseng.view import ProjectView
from tseng_units.differences import differences
from tseng_units.evaluate import Execution
from tseng_units.instants import MIN_US
from tseng_units.nodes import Epochs, Node, Raw
from tseng_units.plan import Plan
from tseng_units.spans import ALWAYS, until
from tseng_units.touched import Series, touched

_NOTHING: Block = np.empty(0, np.int64), np.empty(0, np.float64)


class Topic:
    """A question, who asks it, and the state of its series that they were told.

    `own` is up to where it was followed, None where that is as far as the hub has come. `trouble` is why the series
    cannot be computed at present; the state is then the last good one. `needs` are what the newest plan, or the attempt
    to make it, depends on.
    """

    def __init__(self, question: Question, now: Moment) -> None:
        """Begin with the state of now.

        Raises:
            EngineError, tseng_units.errors.UnitsError: as of a read.
        """
        self.question = question
        self.subscriptions: list[Subscription] = []
        self.trouble: Refusal | None = None
        self.own: Mark | None = now.mark
        planning, view = Planning(question, now.view(question.project)), now.view(question.project)
        execution = Execution(planning.plan(), view)
        last = max(_last(view, series) for series in clocks(execution.plan.node))
        execution.evaluate(last, last)  # finds zeros, and what sums go on from: the first update is as fast as others
        self.needs = planning.needs
        self._keep(execution, last)

    def _keep(self, execution: Execution, last: int) -> None:
        """Note the state that is told: `last` [us] is that of its newest reading, or later."""
        self._plan, self._found, self._last = execution.plan, execution.found, last
        self._clocks = set(clocks(execution.plan.node))
        self._series = {(node.sensor, node.metric) for node in execution.plan.nodes if isinstance(node, Raw)}

    def follow(self, now: Moment, since: Mark, *, replan: bool) -> Generator[None, None, DataUpdate | None]:
        """Go on from `since` to now, a block at a step; what differs, None where nothing does.

        Where it raises, or is not seen through, the topic's state is what it was.

        Raises:
            EngineError, tseng_units.errors.UnitsError: the series cannot be computed.
        """
        plan = self._planned(now) if replan else self._plan
        view = now.view(self.question.project)
        then = now.view(self.question.project, since.knowledge)
        old, new = Execution(self._plan, then, self._found), Execution(plan, view)
        if plan is not self._plan:
            new.settle()
            last = max(self._last, *(_last(view, series) for series in clocks(plan.node)))
            found = differences(old, new, [ALWAYS])
        else:
            changed = self._changed(now, since)
            if not changed:
                return self._update([], 0, self._last)
            spans = touched(old, new, changed)
            last = max(self._last, *(int(changed[each][-1]) for each in self._clocks if each in changed), MIN_US)
            found = differences(old, new, until(spans, last), self._last)
        told = yield from self._told(found, last)
        self._keep(new, last)
        return told

    def _planned(self, now: Moment) -> Plan:
        planning = Planning(self.question, now.view(self.question.project))
        try:
            made = planning.plan()
        finally:
            self.needs = planning.needs
        return self._plan if same(self._plan, made) else made

    def _changed(self, now: Moment, since: Mark) -> Mapping[Series, Times]:
        project, known = self.question.project, since.knowledge
        uploaded = now.uploaded(known)
        read = (each for each in self._series if uploaded is None or (project, each[0]) in uploaded)
        found = {each: now.changed(project, *each, known) for each in read}
        return {each: times for each, times in found.items() if len(times)}

    def _told(self, parts: Iterable[Block], last: int) -> Generator[None, None, DataUpdate | None]:
        """The parts as one update; as soon as it is known that they are too many, no further ones are made."""
        kept: list[Block] = []
        points = 0
        for part in parts:
            if kept:
                yield
            kept.append(part)
            points += len(part[0])
            if points > LARGEST_PUSH:
                break
        return self._update([part for part in kept if len(part[0])], points, last)

    def _update(self, parts: list[Block], points: int, last: int) -> DataUpdate | None:
        """The parts as one update; of more points than can be sent, only where they begin and might end."""
        sensor = self.question.sensor
        if points > LARGEST_PUSH:
            return DataUpdate(sensor, int(parts[0][0][0]), last, points, _NOTHING)
        if points:
            time, value = joined(parts)
            return DataUpdate(sensor, int(time[0]), int(time[-1]), points, (time, value))
        return None if self.trouble is None else DataUpdate(sensor, last, last, 0, _NOTHING)


def clocks(node: Node) -> Iterator[Series]:
    """The raw series at whose times, and no others, a node has points."""
    while not isinstance(node, Raw | Epochs):
        node = node.children[0]
    if isinstance(node, Raw):
        yield node.sensor, node.metric
    else:
        for child in node.children:
            yield from clocks(child)


def _last(view: ProjectView, series: Series) -> int:
    """The time [us] of the last reading of a series, or later."""
    return max((end for _, end in view.blocks(*series, None, None)), default=MIN_US)
