"""One project of the store as the derivation layer wants to see it: its sensors and its raw series, nothing else."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tseng.definitions import compiled, unit_maps
from tseng.errors import UnknownSensor
from tseng_storage.entities import Entity
from tseng_storage.snapshot import Snapshot
from tseng_storage.store import Store
from tseng_units.definitions import Definition
from tseng_units.sensors import Sensor
from tseng_units.unit_maps import UnitMap

_NAMES_TO_SUGGEST_FROM = 200
# Up to here the catalog's cache answers, beyond it one query does.
_LOOKED_UP_ONE_BY_ONE = 16


class ProjectView:
    """Directory and source of reads over one snapshot: `at`, else the newest when data is first asked for."""

    def __init__(self, store: Store, project: str, at: Snapshot | None = None) -> None:
        self.project = project
        self._store = store
        self._at = at

    @cached_property
    def snapshot(self) -> Snapshot:
        """The snapshot that every read through this view sees."""
        return self._at or self._store.snapshot()

    @cached_property
    def definitions(self) -> Mapping[str, Definition]:
        """The metrics that the project defines for itself, by id."""
        return compiled(self._store.catalog.definitions(self.project, "metric"))

    @cached_property
    def unit_maps(self) -> Mapping[str, UnitMap]:
        """What the project says of free-text units, by text."""
        return unit_maps(self._store.catalog.definitions(self.project, "unit"))

    def sensor(self, sensor: str) -> Sensor | None:
        """Return the sensor with its own and its device's props, or None."""
        entity = self._store.catalog.entity(self.project, "sensor", sensor)
        return None if entity is None else self._describe(entity)

    def known(self, sensor: str) -> Sensor:
        """Return the sensor.

        Raises:
            UnknownSensor: it is not in this project.
        """
        found = self.sensor(sensor)
        if found is None:
            some = self._store.catalog.entities(self.project, "sensor", limit=_NAMES_TO_SUGGEST_FROM)
            raise UnknownSensor(sensor, (entity.id for entity in some))
        return found

    def described(self, sensors: Sequence[str]) -> list[Sensor]:
        """Those of the sensors that exist, by type and own props alone: what decides about their raw metrics."""
        catalog = self._store.catalog
        if len(sensors) > _LOOKED_UP_ONE_BY_ONE:
            found: Iterable[Entity | None] = catalog.entities(self.project, "sensor", sensors)
        else:
            found = (catalog.entity(self.project, "sensor", sensor) for sensor in sensors)
        return [Sensor(id=entity.id, type=entity.type, props=entity.props) for entity in found if entity is not None]

    def members(self, device: str, kind: str) -> Sequence[Sensor]:
        """Sensors of one device and one type: the segments of an array."""
        siblings = (self._describe(entity) for entity in self._store.catalog.sensors_of_device(self.project, device))
        return [sensor for sensor in siblings if sensor.kind == kind]

    def _describe(self, entity: Entity) -> Sensor:
        device = entity.parent and self._store.catalog.entity(self.project, "device", entity.parent)
        return Sensor(
            id=entity.id,
            type=entity.type,
            props=entity.props,
            device=entity.parent,
            device_props=device.props if device else {},
            uploaded=self._store.metrics_of(self.project, entity.id),
            definitions=self.definitions,
            unit_maps=self.unit_maps,
        )

    def read(
        self, sensor: str, metric: str, start: int | None, end: int | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Read a raw series: int64 microseconds and float64 in its stored unit, valid points, window inclusive."""
        return self._store.read(self.project, sensor, metric, start, end, at=self.snapshot)

    def parts(
        self, sensor: str, metric: str, start: int | None, end: int | None
    ) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]:
        """As `read`, the values in parts that follow one another and are not to be written to."""
        return self._store.parts(self.project, sensor, metric, start, end, at=self.snapshot)

    def blocks(self, sensor: str, metric: str, start: int | None, end: int | None) -> Iterator[tuple[int, int]]:
        """Windows of a bounded number of points that together hold all of a raw series."""
        return self._store.blocks(self.project, sensor, metric, start, end, at=self.snapshot)
