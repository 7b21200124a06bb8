"""The engine's verbs for doors: numbers with whatever else a foreign API keeps, in one transaction.

A twin, a message, a data source: what they hold in numbers becomes observations of a generic sensor of their own, made
with the first of them; the rest is a record or a message. Which is which, and what the texts hold, the door knows.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tseng.access import find_project
from tseng.declarations import FREELY, declare_freely, declared_freely, declaring_props
from tseng.errors import InvalidRequest
from tseng.ids import fault_of_metric, fault_of_new
from tseng.uploads import numbered
from tseng_storage.credentials import NewKey
from tseng_storage.deposits import Deposit
from tseng_storage.entities import Alteration, Draft, Edit, now_us
from tseng_storage.errors import ChangesRefused, StoreBusy
from tseng_storage.intake import assembled
from tseng_storage.observations import Rows
from tseng_storage.queues import Send
from tseng_storage.records import Check, Past, Record
from tseng_storage.store import Store
from tseng_units.errors import UnitsError
from tseng_units.registry import OPAQUE, convert
from tseng_units.sensors import Sensor, is_generic

_ATTEMPTS = 100
# Of messages that are retrieved at once.
_MOST_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Reading:
    """Numbers of one sensor at one time (epoch us), by metric; None is a missing value.

    `units` are ids of known units by metric; a metric without one has none that anybody knows.
    """

    sensor: str
    time: int
    values: Mapping[str, float | None]
    units: Mapping[str, str] = field(default_factory=dict)


class Arrivals:
    """When something arrived that brings no time of its own: no two at the same microsecond.

    Of `places` processes that share a store each has a `place` from 0 on, and takes every so manieth microsecond.
    """

    def __init__(self, place: int = 0, places: int = 1) -> None:
        self._place, self._places = place, places
        self._lock = threading.Lock()
        self._last = 0

    def now(self) -> int:
        """The present, epoch us, later than ever before."""
        with self._lock:
            earliest = max(now_us(), self._last + 1)
            self._last = earliest + (self._place - earliest) % self._places
            return self._last


class Depositing:
    """Verbs over records and queues of one store's projects; `project` is an id or iTwin id, None the default one."""

    store: Store
    arrivals: Arrivals

    def deposit(
        self,
        readings: Sequence[Reading] = (),
        *,
        type: str = "GENERIC_SENSOR_SDE",
        records: Sequence[Check] = (),
        messages: Sequence[Send] = (),
        keys: Sequence[NewKey] = (),
        by: str | None = None,
        project: str | None = None,
    ) -> list[Record | None]:
        """Keep readings, records, messages and keys together: durable when it returns, all of it or nothing.

        A sensor that is not there is made, of this generic `type`. A metric is stored in the unit in which it first
        came with one; what comes in another one is converted, and what comes without is taken as it is.

        Returns:
            Of each write of a record what it then is.

        Raises:
            tseng_storage.errors.Changed, TooMany: a record is not as expected, or there are too many.
            tseng_units.errors.IncompatibleUnit: a metric came in a unit of another dimension before.
            InvalidRequest: the id of a sensor that would have to be made, or the name of a metric, can be none; or the
                sensor is there and of a type that has its own metrics.
            tseng_storage.errors.InvalidObservations: a time that the store cannot hold.
        """
        home = find_project(self.store.catalog, project).id
        for _ in range(_ATTEMPTS):
            entities, rows = self._prepared(home, readings, type)
            try:
                return self.store.deposit(rows, home, Deposit(entities, records, messages, keys, by))
            except ChangesRefused as refused:
                # Another one made the sensor, took it away, or declared a metric, since we looked.
                if refused.category not in ("EXISTS", "NOT_FOUND", "PRECONDITION_FAILED"):
                    raise
        raise StoreBusy(f"sensors of this {type} are changed by others all the time")

    def record(self, kind: str, id: str, *, project: str | None = None) -> Record | None:
        """The record of that kind and id, or None."""
        return self.store.records.get(find_project(self.store.catalog, project).id, kind, id)

    def records(
        self, kind: str, *, after: str = "", most: int | None = None, project: str | None = None
    ) -> Sequence[Record]:
        """The records of a kind by id, those beyond `after`, at most so many."""
        return self.store.records.list(find_project(self.store.catalog, project).id, kind, after=after, most=most)

    def past_records(
        self, kind: str, id: str, *, after: int = -1, most: int | None = None, project: str | None = None
    ) -> Sequence[Past]:
        """The versions of a record that were kept, oldest first, without the present one.

        Those modified beyond `after`, epoch us, at most so many.
        """
        home = find_project(self.store.catalog, project).id
        return self.store.records.past(home, kind, id, after=after, most=most)

    def waits(self, queue: str, *, project: str | None = None) -> bool:
        """Whether a queue holds messages that nobody has acknowledged; that retrieves none."""
        return self.store.queues.holds(find_project(self.store.catalog, project).id, queue)

    def retrieve(self, queue: str, *, most_bytes: int = _MOST_BYTES, project: str | None = None) -> Sequence[bytes]:
        """The messages of a queue that nobody has acknowledged, oldest first, as many as fit but at least one."""
        return self.store.queues.retrieve(find_project(self.store.catalog, project).id, queue, most_bytes)

    def acknowledge(self, queue: str, *, project: str | None = None) -> int:
        """Take away the messages that were retrieved; how many there were."""
        return self.store.queues.acknowledge(find_project(self.store.catalog, project).id, queue)

    def _prepared(self, project: str, readings: Sequence[Reading], type: str) -> tuple[list[Alteration], Rows | None]:
        """What has to be changed of sensors before they take the readings, and these in the units that are stored."""
        units: dict[str, dict[str, str]] = {}
        for each in readings:
            for metric in each.values:
                if odd := fault_of_metric(metric):
                    raise InvalidRequest.at(metric, odd)
            known = {metric: unit for metric, unit in each.units.items() if metric in each.values}
            units[each.sensor] = known | units.get(each.sensor, {})
        changes: list[Alteration] = []
        stored: dict[str, Mapping[str, str]] = {}
        for sensor, wanted in units.items():
            entity = self.store.catalog.entity(project, "sensor", sensor)
            there = declared_freely(entity.props) if entity else {}
            new = {metric: unit for metric, unit in wanted.items() if metric not in there}
            props = declaring_props((declare_freely(*each) for each in new.items()), entity.props if entity else {})
            if entity is None:
                if odd := fault_of_new(sensor):
                    raise InvalidRequest.at("sensor", odd)
                changes.append(Draft("sensor", sensor, type, FREELY | props))
            elif not is_generic(Sensor(sensor, entity.type, entity.props)):
                odd = f"{sensor!r} is a {entity.type} already, and takes the metrics of that type alone"
                raise InvalidRequest.at("sensor", odd)
            elif new:
                changes.append(Edit("sensor", sensor, props, seen=entity.change))
            stored[sensor] = {**there, **new}
        return changes, _rows(readings, stored)


def _rows(readings: Sequence[Reading], stored: Mapping[str, Mapping[str, str]]) -> Rows | None:
    cells = [
        (each.sensor, metric, each.time, _converted(each, metric, value, stored[each.sensor]))
        for each in readings
        for metric, value in each.values.items()
    ]
    if not cells:
        return None
    sensors, metrics, times, values = zip(*cells, strict=True)
    time, value = np.array(times, np.int64), np.array(values, np.float64)  # None becomes NaN
    return assembled(numbered(sensors), numbered(metrics), time, value)


def _converted(reading: Reading, metric: str, value: float | None, stored: Mapping[str, str]) -> float | None:
    given, unit = reading.units.get(metric), stored.get(metric)
    if value is None or given is None or unit in (None, OPAQUE, given):
        return value
    try:
        return float(convert(value, given, unit))
    except UnitsError as error:
        raise type(error)(f"{metric!r}: {error}", field=metric, seen=given, allowed=(unit,)) from None
