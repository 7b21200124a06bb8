"""One project of the store as the derivation layer wants to see it: its sensors and its raw series, nothing else."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tseng.definitions import compiled, unit_maps
from tseng.errors import UnknownSensor
from tseng_storage.entities import Entity, Uploaded
from tseng_storage.knowledge import EVERYTHING, Knowledge
from tseng_storage.snapshot import Snapshot
from tseng_storage.store import Store
from tseng_units.definitions import Definition
from tseng_units.sensors import Sensor
from tseng_units.unit_maps import UnitMap

_NAMES_TO_SUGGEST_FROM = 200
# Up to here the catalog's cache answers, beyond it one query does.
_LOOKED_UP_ONE_BY_ONE = 16


class ProjectView:
    """Directory and source of reads over one state of the store.

    Observations are those of one snapshot: `at`, else the newest when something is first asked. Configuration is that
    of the same moment. `known` bounds both to what was known earlier.
    """

    def __init__(self, store: Store, project: str, at: Snapshot | None = None, known: Knowledge = EVERYTHING) -> None:
        self.project = project
        self._store = store
        self._at = at
        self._bound = known

    @property
    def store_id(self) -> str:
        """What tells this store from others; a copy has the same."""
        return self._store.id

    @cached_property
    def snapshot(self) -> Snapshot:
        """The snapshot that every read through this view sees."""
        return self._at or self._store.snapshot()

    @cached_property
    def knowledge(self) -> Knowledge:
        """What this view shows, by number: nothing that comes in later changes what it answers.

        The numbers are taken before anything is looked up, and what is newer then is left out.
        """
        now, bound = self.snapshot, self._bound
        return replace(
            bound,
            seq=now.seq if bound.seq is None else bound.seq,
            config=now.config if bound.config is None else bound.config,
            loading=now.loading if bound.seq is None else bound.loading,
        )

    @property
    def revision(self) -> str | None:
        """What the catalog's state is called that alone decides what is configured here; None where a bound does too.

        A bulk load under way is such a bound: the catalog may name its series already.
        """
        now = self.snapshot
        return now.revision if self._bound is EVERYTHING and now.loading is None else None

    @cached_property
    def definitions(self) -> Mapping[str, Definition]:
        """The metrics that the project defines for itself, by id."""
        return compiled(self._store.catalog.definitions(self.project, "metric", self.knowledge))

    @cached_property
    def unit_maps(self) -> Mapping[str, UnitMap]:
        """What the project says of free-text units, by text."""
        return unit_maps(self._store.catalog.definitions(self.project, "unit", self.knowledge))

    def as_of(self, time: int) -> "ProjectView":
        """The same view as it was known at epoch us `time`."""
        return ProjectView(self._store, self.project, self.snapshot, replace(self.knowledge, time=time))

    def sensor(self, sensor: str) -> Sensor | None:
        """Return the sensor with its own and its device's props, or None."""
        entity = self._store.catalog.entity(self.project, "sensor", sensor, self.knowledge)
        return None if entity is None else self._describe(entity)

    def known(self, sensor: str) -> Sensor:
        """Return the sensor.

        Raises:
            UnknownSensor: it is not in this project.
        """
        found = self.sensor(sensor)
        if found is None:
            catalog, most = self._store.catalog, _NAMES_TO_SUGGEST_FROM
            some = catalog.entities(self.project, "sensor", limit=most, known=self.knowledge)
            raise UnknownSensor(sensor, (entity.id for entity in some), as_of=self.knowledge.time)
        return found

    def sensors(self, ids: Collection[str]) -> list[Sensor]:
        """Those of many sensors that exist, in the order of their ids, as `sensor` returns them."""
        catalog = self._store.catalog
        found = catalog.entities(self.project, "sensor", ids, known=self.knowledge)
        parents = {entity.parent for entity in found if entity.parent}
        devices = {each.id: each for each in catalog.entities(self.project, "device", parents, known=self.knowledge)}
        uploaded = catalog.metrics_of_each(self.project, ids, self.knowledge)
        return [
            self._described(each, devices.get(each.parent or ""), uploaded.get(each.id, Uploaded())) for each in found
        ]

    def described(self, sensors: Sequence[str]) -> list[Sensor]:
        """Those of the sensors that exist today, by type and own props alone: what decides about uploads."""
        catalog = self._store.catalog
        if len(sensors) > _LOOKED_UP_ONE_BY_ONE:
            found: Iterable[Entity | None] = catalog.entities(self.project, "sensor", sensors)
        else:
            found = (catalog.entity(self.project, "sensor", sensor) for sensor in sensors)
        return [Sensor(id=entity.id, type=entity.type, props=entity.props) for entity in found if entity is not None]

    def members(self, device: str, kind: str) -> Sequence[Sensor]:
        """Sensors of one device and one type: the segments of an array."""
        mates = self._store.catalog.sensors_of_device(self.project, device, self.knowledge)
        return [sensor for sensor in map(self._describe, mates) if sensor.kind == kind]

    def _describe(self, entity: Entity) -> Sensor:
        catalog = self._store.catalog
        device = catalog.entity(self.project, "device", entity.parent, self.knowledge) if entity.parent else None
        return self._described(entity, device, catalog.metrics_of(self.project, entity.id, self.knowledge))

    def _described(self, entity: Entity, device: Entity | None, uploaded: Uploaded) -> Sensor:
        return Sensor(
            id=entity.id,
            type=entity.type,
            props=entity.props,
            device=entity.parent,
            device_props=device.props if device else {},
            uploaded=uploaded.metrics,
            empty=uploaded.empty,
            epochs=entity.epochs,
            device_epochs=device.epochs if device else {},
            definitions=self.definitions,
            unit_maps=self.unit_maps,
        )

    def read(
        self, sensor: str, metric: str, start: int | None, end: int | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Read a raw series: int64 microseconds and float64 in its stored unit, valid points, window inclusive."""
        store, known = self._store, self.knowledge
        return store.read(self.project, sensor, metric, start, end, at=self.snapshot, known=known)

    def parts(
        self, sensor: str, metric: str, start: int | None, end: int | None
    ) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]:
        """As `read`, the values in parts that follow one another and are not to be written to."""
        store, known = self._store, self.knowledge
        return store.parts(self.project, sensor, metric, start, end, at=self.snapshot, known=known)

    def blocks(
        self, sensor: str, metric: str, start: int | None, end: int | None, *, most: int | None = None
    ) -> Iterator[tuple[int, int]]:
        """Windows of a bounded number of points, about `most` where that is given, that together hold a raw series."""
        store, known = self._store, self.knowledge
        return store.blocks(self.project, sensor, metric, start, end, most=most, at=self.snapshot, known=known)
