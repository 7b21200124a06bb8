"""Where a reading goes: the stored metric of its sensor, and the conversion from the file's unit to the stored one.

A generic sensor takes any metric, in the unit it was first declared with: a catalogue metric whose unit fits is
declared as known (and gains its deltas), any other column as an unknown metric, with a known unit or with the file's
own words for one. A sensor of a listed type takes its raw metrics and no others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tseng.errors import InvalidRequest, UnknownSensor
from tseng.importers.formats import Adapt
from tseng.importers.ledger import Ledger
from tseng.importers.options import ImportOptions
from tseng_units.catalogue import METRICS
from tseng_units.registry import DIMENSIONS, IDENTITY, Affine, conversion, unit_from_text
from tseng_units.sensors import OPAQUE, OfferedMetric, Sensor, is_generic

if TYPE_CHECKING:
    from tseng.engine import Engine

Column = tuple[str, str | None]
"""A metric as the file names it, and its unit text (None: the file says nothing)."""


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


@dataclass(frozen=True)
class Declared:
    """How a column is declared on a generic sensor: in which list the metric stands, in which its unit."""

    metric: str
    unit: str
    known_metric: bool
    known_unit: bool

    def props(self, index: int) -> dict[str, dict[str, str]]:
        """Give the props that declare it at one index (domain section 8: an index pairs a metric with its unit)."""
        metrics = "KNOWN_METRICS" if self.known_metric else "UNKNOWN_METRICS"
        units = "KNOWN_UNITS" if self.known_unit else "UNKNOWN_UNITS"
        return {metrics: {str(index): self.metric}, units: {str(index): self.unit}}


def _spelled(text: str, dimension: str) -> str | None:
    """Unit id of a file's spelling; in a dimension known beforehand its own symbols count too (% of a humidity)."""
    units = DIMENSIONS[dimension].units.values()
    own = (unit.id for unit in units if text.strip() in (unit.id, unit.notation, unit.name))
    return next(own, None) or unit_from_text(text)


def declare(metric: str, unit: str | None) -> Declared:
    """Declare a column of a file on a generic sensor; a blank unit of a metric not in the catalogue is GENERIC."""
    known = METRICS.get(metric)
    if known and known.dimension in DIMENSIONS:
        own = _spelled(unit, known.dimension) if unit else known.default_unit
        if own in DIMENSIONS[known.dimension].units:
            return Declared(metric, own or known.default_unit, True, True)
    spelled = unit_from_text(unit) if unit else None
    if spelled:
        return Declared(metric, spelled, False, True)
    return Declared(metric, unit or OPAQUE, False, False)


_LISTS = ("KNOWN_METRICS", "UNKNOWN_METRICS", "KNOWN_UNITS", "UNKNOWN_UNITS")


def _indexed(value: object) -> dict[str, str]:
    """A list of declarations as index to text, in whichever of its two forms it was written."""
    if isinstance(value, list | tuple):
        return {str(index): text for index, text in enumerate(value)}
    return dict(value) if isinstance(value, Mapping) else {}


def declaring_props(columns: Iterable[Column], props: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Give the props of a generic sensor that declare these columns after those it declares already."""
    lists = {name: _indexed(props.get(name)) for name in _LISTS}
    index = 1 + max((int(key) for each in lists.values() for key in each if key.isdigit()), default=-1)
    for offset, (metric, unit) in enumerate(dict(columns).items()):
        for name, entry in declare(metric, unit).props(index + offset).items():
            lists[name] |= entry
    return {name: each for name, each in lists.items() if each}


def _conversion(column: str, unit: str | None, offered: OfferedMetric) -> Affine:
    """Compile the conversion from the file's unit.

    Raises:
        tseng_units.errors.UnitsError: the unit does not convert to the stored one.
    """
    stored = offered.stored_unit or offered.default_unit
    if not unit or unit == stored:
        return IDENTITY
    if offered.dimension is None:
        if stored == OPAQUE:
            return IDENTITY
        kept = f"the sensor stores {offered.id} in {stored!r}, which converts to nothing"
        raise InvalidRequest.at("unit", f"column {column} is in {unit!r}, but {kept}")
    return conversion(offered.dimension, _spelled(unit, offered.dimension) or unit, stored)


class Targets:
    """Finds the target of every column of a file, and makes the sensors that are missing if told to."""

    def __init__(self, engine: "Engine", options: ImportOptions, adapt: Adapt, ledger: Ledger) -> None:
        self.created: list[str] = []
        self._engine, self._options, self._adapt, self._ledger = engine, options, adapt, ledger
        self._named_by_person = {options.metric, *(each.metric for each in options.columns)}
        self._known: dict[str, dict[Column, Target | None]] = {}

    def of(self, sensor: str, columns: Iterable[Column]) -> Mapping[Column, Target | None]:
        """Targets of columns of one sensor; None for a column that the sensor does not take.

        Raises:
            MissingSensor: no such sensor, and none may be made.
            tseng_units.errors.UnitsError: a unit does not convert to the stored one.
        """
        targets = self._known.setdefault(sensor, {})
        new = [column for column in columns if column not in targets]
        if new:
            targets |= self._resolve(sensor, new)
        return targets

    def _resolve(self, sensor: str, columns: list[Column]) -> dict[Column, Target | None]:
        entity = self._entity(sensor, columns)
        generic = is_generic(Sensor(sensor, entity.type, entity.props))
        offered = self._offered(sensor)
        named = {column: self._named(column, () if generic else tuple(offered)) for column in columns}
        absent = [each for each in named.values() if each[0] not in offered]
        if generic and absent:
            self._engine.update_entity(
                "sensor", sensor, declaring_props(absent, entity.props), project=self._options.project
            )
            offered = self._offered(sensor)
        return {column: self._target(sensor, column[0], name, offered) for column, name in named.items()}

    def _named(self, column: Column, offered: tuple[str, ...]) -> Column:
        metric, unit = self._adapt(*column, offered)
        return metric, unit or self._options.unit

    def _offered(self, sensor: str) -> dict[str, OfferedMetric]:
        return {each.id: each for each in self._engine.raw_metrics(sensor, project=self._options.project)}

    def _entity(self, sensor: str, columns: list[Column]) -> Any:
        """The sensor; made with the columns of the file declared, if it is missing and may be made."""
        found = self._engine.entities("sensor", [sensor], project=self._options.project)
        if found:
            return found[0]
        kind = self._options.create
        if kind is None:
            raise MissingSensor(sensor)
        props = dict(self._options.props)
        if is_generic(Sensor(sensor, kind, props)):
            props |= declaring_props([self._named(column, ()) for column in columns], props)
        self.created.append(sensor)
        return self._engine.create_entity(
            "sensor", sensor, kind, props, custom_props=self._ledger.about, project=self._options.project
        )

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
