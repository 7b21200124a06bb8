"""Where a reading goes: the stored metric of its sensor, and the conversion from the file's unit to the stored one.

A generic sensor takes any metric, in the unit it was first declared with; a sensor of a listed type takes its raw
metrics and no others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tseng.declarations import Column, declarations, declare, declaring_props, spelled
from tseng.errors import InvalidRequest, UnknownSensor
from tseng.importers.door import Door
from tseng.importers.formats import Adapt
from tseng.importers.ledger import Ledger
from tseng.importers.options import ImportOptions
from tseng_storage.entities import Draft
from tseng_units.registry import IDENTITY, OPAQUE, Affine, conversion
from tseng_units.sensors import OfferedMetric, Sensor, is_generic, raw_metrics


class MissingSensor(UnknownSensor):
    """The sensor a file belongs to does not exist, and nobody said that it may be created."""

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self.args = (f"{self}; create it with --create TYPE (--create GENERIC_SENSOR_SDE takes any column)",)


@dataclass(frozen=True)
class Target:
    """The stored metric, its unit, and the conversion to it."""

    metric: str
    unit: str
    affine: Affine


def _conversion(column: str, unit: str | None, offered: OfferedMetric) -> Affine:
    """Compile the conversion from the file's unit.

    Raises:
        tseng_units.errors.UnitsError: the unit does not convert to the stored one.
    """
    stored = offered.stored_unit or offered.default_unit
    if not unit or unit == stored:
        return IDENTITY
    if offered.dimension is None or offered.map is not None:
        if stored == OPAQUE:
            return IDENTITY
        kept = f"the sensor stores {offered.id} in {stored!r}, to which nothing converts"
        raise InvalidRequest.at("unit", f"column {column} is in {unit!r}, but {kept}")
    return conversion(offered.dimension, spelled(unit, offered.dimension) or unit, stored)


@dataclass
class _Home:
    """A sensor as it will be once the readings go in.

    Attributes:
        sensor: with the columns declared that it gains.
        offered: its raw metrics, those included.
        stored: its props in the catalog; None while it is to be made.
        targets: places found so far.
    """

    sensor: Sensor
    offered: dict[str, OfferedMetric]
    stored: Mapping[str, Any] | None
    targets: dict[Column, Target | None] = field(default_factory=dict)

    @property
    def generic(self) -> bool:
        """Whether it takes any column."""
        return is_generic(self.sensor)

    def declare(self, columns: Iterable[Column]) -> None:
        """Gain these columns."""
        new = [declare(metric, unit) for metric, unit in dict(columns).items()]
        props = {**self.sensor.props, **declaring_props(new, self.sensor.props)}
        self.sensor = replace(self.sensor, props=props)
        self.offered = _by_id(raw_metrics(self.sensor)) | self.offered


def _by_id(metrics: Iterable[OfferedMetric]) -> dict[str, OfferedMetric]:
    return {each.id: each for each in metrics}


class Targets:
    """Finds the target of every column of a file, and what sensors must be made or changed for it.

    Finding only plans; `write` does it. A file that is refused halfway through the planning leaves nothing behind.
    """

    def __init__(self, door: Door, options: ImportOptions, adapt: Adapt, ledger: Ledger) -> None:
        self.created: list[str] = []
        self._door, self._options, self._adapt, self._ledger = door, options, adapt, ledger
        self._named_by_person = {options.metric, *(each.metric for each in options.columns)}
        self._homes: dict[str, _Home] = {}

    def of(self, columns: Mapping[str, Iterable[Column]]) -> dict[str, Mapping[Column, Target | None]]:
        """Targets of columns by sensor; None for a column that the sensor does not take.

        Raises:
            MissingSensor: no such sensor, and none may be made.
            tseng_units.errors.UnitsError: a unit does not convert to the stored one.
        """
        self._meet([sensor for sensor in columns if sensor not in self._homes])
        for sensor, wanted in columns.items():
            home = self._homes[sensor]
            new = [column for column in wanted if column not in home.targets]
            if new:
                self._resolve(home, new)
        return {sensor: self._homes[sensor].targets for sensor in columns}

    def write(self) -> None:
        """Make and change what was planned, for the sensors that take a reading.

        Raises:
            tseng.errors.Exists: a sensor that was to be made is there by now.
            InvalidRequest: the declarations of a sensor changed since they were read.
        """
        wanted = [home for home in self._homes.values() if any(home.targets.values())]
        missing = [home.sensor for home in wanted if home.stored is None]
        if missing:
            self._make(missing)
        for home in wanted:
            if home.stored is not None and home.stored is not home.sensor.props:
                self._change(home.sensor, home.stored)
            home.stored = home.sensor.props

    def _make(self, sensors: Sequence[Sensor]) -> None:
        about = self._ledger.about
        drafts = [Draft("sensor", each.id, each.type, each.props, custom_props=about) for each in sensors]
        self._door.engine().create_entities(drafts, project=self._options.project)
        self.created += [each.id for each in sensors]

    def _change(self, sensor: Sensor, known: Mapping[str, Any]) -> None:
        """Add declarations, unless they would go over those that another import wrote since they were read."""
        engine, project = self._door.engine(), self._options.project
        now = [declarations(entity.props) for entity in engine.entities("sensor", [sensor.id], project=project)]
        if now != [declarations(known)]:
            raise InvalidRequest.at("sensor", f"{sensor.id} was changed meanwhile; import the file again")
        gained = {name: each for name, each in declarations(sensor.props).items() if each}
        engine.update_entity("sensor", sensor.id, gained, project=project)

    def _meet(self, sensors: list[str]) -> None:
        """Look up sensors met for the first time, all at once; those that are missing are planned."""
        engine = self._door.look() if sensors else None
        if engine is not None:
            there = engine.entities("sensor", sensors, project=self._options.project)
            offered = engine.raw_metrics_of(sensors, project=self._options.project)
            for entity in there:
                described = Sensor(entity.id, entity.type, entity.props)
                self._homes[entity.id] = _Home(described, _by_id(offered.get(entity.id, ())), entity.props)
        for sensor in sensors:
            if sensor not in self._homes:
                self._homes[sensor] = self._planned(sensor)

    def _planned(self, sensor: str) -> _Home:
        if self._options.create is None:
            raise MissingSensor(sensor)
        planned = Sensor(sensor, self._options.create, dict(self._options.props))
        return _Home(planned, _by_id(raw_metrics(planned)), None)

    def _resolve(self, home: _Home, columns: list[Column]) -> None:
        generic = home.generic
        named = {column: self._named(column, () if generic else tuple(home.offered)) for column in columns}
        absent = [each for each in named.values() if each[0] not in home.offered]
        if generic and absent:
            home.declare(absent)
        home.targets |= {
            column: self._target(home.sensor.id, column[0], name, home.offered) for column, name in named.items()
        }

    def _named(self, column: Column, offered: tuple[str, ...]) -> Column:
        metric, unit = self._adapt(*column, offered)
        return metric, unit or self._options.unit

    def _target(self, sensor: str, column: str, name: Column, offered: Mapping[str, OfferedMetric]) -> Target | None:
        metric, unit = name
        if metric not in offered:
            takes = f"{sensor} takes {', '.join(offered)}"
            if metric in self._named_by_person:
                raise InvalidRequest.at("metric", f"{sensor} has no raw metric {metric!r}; {takes}")
            self._ledger.note(f"column {column} is left out: {takes} (pick with --column)")
            return None
        stored = offered[metric].stored_unit or offered[metric].default_unit
        if not unit and stored != OPAQUE:
            self._ledger.assumed[column] = stored
        return Target(metric, stored, _conversion(column, unit, offered[metric]))
