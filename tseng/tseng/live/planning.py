"""The plan of a question, and what it was made from: whose change may make it another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tseng.view import ProjectView
from tseng_units.params import Params
from tseng_units.plan import Plan, plan
from tseng_units.sensors import Sensor


@dataclass(frozen=True)
class Question:
    """What is asked for, and goes on being asked: one metric of one sensor."""

    project: str
    sensor: str
    metric: str
    unit: str
    params: Params


class Need(NamedTuple):
    """Something that a plan depends on: a sensor, a device, the sensors of a device, the project's definitions."""

    project: str
    what: Literal["sensor", "device", "mates", "definitions"]
    id: str


class Planning:
    """The planning of one question. `needs` is complete also where it failed: what is missing is among them."""

    def __init__(self, question: Question, view: ProjectView) -> None:
        """Nothing is looked up yet."""
        self._question, self._view = question, view
        self.needs: set[Need] = {self._need("definitions", ""), self._need("sensor", question.sensor)}

    def plan(self) -> Plan:
        """The plan; every refusal of a read that does not depend on readings."""
        asked = self._question
        return plan(self._noted(self._view.known(asked.sensor)), asked.metric, asked.unit, asked.params, self)

    def sensor(self, id: str) -> Sensor | None:
        """Another sensor of the project."""
        self.needs.add(self._need("sensor", id))
        found = self._view.sensor(id)
        return None if found is None else self._noted(found)

    def members(self, device: str, kind: str) -> Sequence[Sensor]:
        """The segments of an array."""
        self.needs.add(self._need("mates", device))
        return [self._noted(sensor) for sensor in self._view.members(device, kind)]

    def _noted(self, sensor: Sensor) -> Sensor:
        self.needs.add(self._need("sensor", sensor.id))
        if sensor.device is not None:
            self.needs.add(self._need("device", sensor.device))
        return sensor

    def _need(self, what: Literal["sensor", "device", "mates", "definitions"], id: str) -> Need:
        return Need(self._question.project, what, id)


def same(one: Plan, other: Plan) -> bool:
    """Whether two plans compute the very same; as text too, because in Python 0.0 equals -0.0."""
    return one == other and repr(one.node) == repr(other.node)
