"""Clients of live data: what they know of a series is what they read once and what they were told since."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tseng.engine import Engine
from tseng.errors import REFUSALS, Refusal
from tseng.live.subscription import Subscription
from tseng.live.updates import DataUpdate, EntityUpdate, Trouble, Update
from tseng_units.instants import parse_instant

PATIENCE = 60.0
"""Seconds after which what was to be told has not been."""
Points = dict[int, float]


class Inbox:
    """An outlet that keeps what it is given."""

    def __init__(self) -> None:
        """Nothing came yet."""
        self.rounds: list[Sequence[tuple[Subscription, Update]]] = []

    def deliver(self, updates: Sequence[tuple[Subscription, Update]]) -> None:
        """Keep one round."""
        self.rounds.append(updates)

    @property
    def updates(self) -> list[Update]:
        """All that came."""
        return [update for told in self.rounds for _, update in told]

    def entities(self) -> list[str]:
        """The ids of the entities that were told."""
        return [update.entity.id for update in self.updates if isinstance(update, EntityUpdate)]


@dataclass
class Client:
    """Follows one series: `points` are what it knows, `told` counts the points of the last look."""

    engine: Engine
    sensor: str
    metric: str
    unit: str
    params: Mapping[str, Any] | None = None
    points: Points = field(default_factory=dict)
    told: int = 0
    trouble: Refusal | None = None
    inbox: Inbox = field(default_factory=Inbox)
    subscription: Subscription | None = None

    def fresh(self) -> Points:
        """What a read gives."""
        series = self.engine.get_data(self.sensor, self.metric, self.unit, params=self.params)
        return dict(zip(series.time.view(np.int64).tolist(), series.value.tolist(), strict=True))

    def answer(self) -> "Points | str":
        """What a read gives, or why it is refused."""
        try:
            return self.fresh()
        except REFUSALS as error:
            return error.category

    def begin(self) -> None:
        """Read, and go on from there."""
        self.points = self.fresh()
        self.subscribe()

    def subscribe(self) -> None:
        """Ask to be told."""
        self.subscription = self.engine.subscribe_data(
            [self.sensor], self.metric, self.unit, params=self.params, outlet=self.inbox
        )

    def look(self) -> None:
        """Take in what came since the last look."""
        rounds, self.inbox.rounds = self.inbox.rounds, []
        self.told = 0
        for update in (update for told in rounds for _, update in told):
            if isinstance(update, Trouble):
                assert self.trouble is None, "told twice"
                self.trouble = update.error
            else:
                assert isinstance(update, DataUpdate)
                self.trouble = None
                self._apply(update)

    def _apply(self, update: DataUpdate) -> None:
        times: list[int] = []
        for text in update.results:
            result = json.loads(text)
            assert result["sensor"] == self.sensor
            for time, value in result["data"].items():
                times.append(parse_instant(time))
                if value is None:
                    del self.points[times[-1]]
                else:
                    self.points[times[-1]] = value
        assert times == sorted(times)
        assert len(times) == update.points
        assert not times or (times[0], times[-1]) == (update.first, update.last)
        self.told += len(times)


def settle(engine: Engine) -> None:
    """Wait until all that was committed is told."""
    assert engine.hub.settle(PATIENCE)


def differing(before: Points, after: Points) -> int:
    """How many points one has and the other has not, or has otherwise."""
    return sum(before.get(us) != after.get(us) for us in {*before, *after})
