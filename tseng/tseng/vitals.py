"""What the store itself knows of nodes, devices and sensors: how much they observed, what came last, how many they are.

None of it is kept with the entity: it follows from the observations (`tseng.counts`) and from which sensor hangs where.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tseng.counts import Count, Counts
from tseng.view import ProjectView
from tseng_storage.entities import AnyKind, Entity
from tseng_storage.store import Store
from tseng_units.sensors import Sensor, is_generic


@dataclass(frozen=True)
class Vitals:
    """What is known of one entity.

    Attributes:
        observations: of a sensor the times with at least one valid raw value, of others the sum over their sensors.
        last: the last of these times, us since 1970 UTC; None without any.
        values: of a sensor the raw values at that time in its stored units and the order of `Engine.raw_metrics`, None
            where one is missing.
        received: of a node when something last came in from its sensors, us since 1970 UTC.
        size: of a device how many sensors it has, of a sensor how many its device has; None where it has no device.
    """

    observations: int = 0
    last: int | None = None
    values: tuple[float | None, ...] = ()
    received: int | None = None
    size: int | None = None


class Monitor:
    """Takes the vitals of one store's entities; thread-safe. What it counted once it brings forward from then on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counts = Counts(store)
        # By project and sensor, as of a revision of the catalog.
        self._raw: tuple[str, dict[tuple[str, str], tuple[str, ...]]] = ("", {})

    def take(self, entities: Sequence[Entity]) -> list[Vitals]:
        """The vitals of nodes, devices and sensors, in their order; all of one project and kind are taken at once."""
        groups: dict[tuple[str, AnyKind], list[Entity]] = {}
        for entity in entities:
            groups.setdefault((entity.project, entity.kind), []).append(entity)
        taken = {key: self._of_kind(*key, group) for key, group in groups.items()}
        return [taken[entity.project, entity.kind][entity.id] for entity in entities]

    def _of_kind(self, project: str, kind: AnyKind, entities: Sequence[Entity]) -> Mapping[str, Vitals]:
        if kind == "sensor":
            return self._of_sensors(project, entities)
        ids = [entity.id for entity in entities]
        return self._of_nodes(project, ids) if kind == "node" else self._of_devices(project, ids)

    def _of_sensors(self, project: str, sensors: Sequence[Entity]) -> dict[str, Vitals]:
        counts = self._counts.of(project, [sensor.id for sensor in sensors], values=True)
        mates = self._store.catalog.sensors_below(project, "device", {each.parent for each in sensors if each.parent})
        raw = self._raw_metrics(project, sensors)
        return {
            each.id: _of_sensor(counts[each.id], raw[each.id], len(mates.get(each.parent, ())) if each.parent else None)
            for each in sensors
        }

    def _of_devices(self, project: str, devices: Sequence[str]) -> dict[str, Vitals]:
        below = self._store.catalog.sensors_below(project, "device", devices)
        counts = self._counts.of(project, {sensor for sensors in below.values() for sensor in sensors})
        return {id: _sum(below.get(id, ()), counts, size=len(below.get(id, ()))) for id in devices}

    def _of_nodes(self, project: str, nodes: Sequence[str]) -> dict[str, Vitals]:
        below = self._store.catalog.sensors_below(project, "node", nodes)
        every = {sensor for sensors in below.values() for sensor in sensors}
        counts, received = self._counts.of(project, every), self._counts.received(project) if every else {}
        latest = {id: max((received[each] for each in below.get(id, ()) if each in received), default=None)
                  for id in nodes}  # fmt: skip
        return {id: _sum(below.get(id, ()), counts, received=latest[id]) for id in nodes}

    def _raw_metrics(self, project: str, sensors: Iterable[Entity]) -> dict[str, tuple[str, ...]]:
        """Ids of the raw metrics of each sensor, in the order of its type."""
        bare = [Sensor(each.id, each.type, each.props) for each in sensors]
        generic = self._generic(project, [each.id for each in bare if is_generic(each)])
        return {each.id: generic.get(each.id, each.kind_of_sensor.raw) for each in bare}

    def _generic(self, project: str, sensors: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Those of sensors whose metrics are what was declared and uploaded."""
        revision = self._store.catalog.revision()
        if self._raw[0] != revision:
            self._raw = (revision, {})
        found = self._raw[1]
        lacking = [sensor for sensor in sensors if (project, sensor) not in found]
        for each in ProjectView(self._store, project).sensors(lacking) if lacking else ():
            found[project, each.id] = tuple(each.raw)
        return {sensor: found[project, sensor] for sensor in sensors if (project, sensor) in found}


def _of_sensor(count: Count, metrics: Sequence[str], size: int | None) -> Vitals:
    values = count.values or {}
    last = tuple(values.get(metric) for metric in metrics) if count.last is not None else ()
    return Vitals(count.observations, count.last, last, size=size)


def _sum(
    sensors: Collection[str], counts: Mapping[str, Count], *, received: int | None = None, size: int | None = None
) -> Vitals:
    """What holds of sensors together."""
    found = [counts[sensor] for sensor in sensors]
    last = max((count.last for count in found if count.last is not None), default=None)
    return Vitals(sum(count.observations for count in found), last, received=received, size=size)
