"""What a sensor is to this package, and which metrics it offers in which units."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Protocol

from tseng_units.catalogue import (
    DYNAMIC,
    METRICS,
    SENSOR_TYPES,
    MetricDef,
    Rule,
    SensorType,
    base_of,
    rule_of,
    sensor_type,
)
from tseng_units.definitions import BEFORE_ZERO, Definition, Input
from tseng_units.params import Params
from tseng_units.registry import DIMENSIONS, OPAQUE, Unit, dimension_of
from tseng_units.unit_maps import UnitMap

Epochs = Mapping[str, Sequence[tuple[int, object]]]
"""Dated values of props by name: (valid from [us], value or None), ascending; the first holds before its date too."""

UNDATED = frozenset({
    "ZERO_DATE", "ZERO_COUNT", "ZERO_MODE", "ZERO_TOLERANCE", "END", "SCAN_TOLERANCE", "DEPTH", "MUX_INDEX",
    "INTEGRATION_ID", "KNOWN_METRICS", "KNOWN_UNITS", "UNKNOWN_METRICS", "UNKNOWN_UNITS", "UNDECLARED_METRICS", "MASKS",
    "REPLACEMENT",
})  # fmt: skip
"""Props that say something of a whole series: their newest value holds for every reading, whatever its date."""


@dataclass(frozen=True)
class Sensor:
    """A sensor with its props, its device's props and the metrics for which it has data.

    `uploaded` are the raw metrics of which a value was ever valid, `empty` those always missing: they count as no
    column, and only a generic sensor, which has no metrics but those named to it, lists them.
    `props` and `device_props` are the values in force now; `epochs` and `device_epochs` hold those props alone that
    changed at a date. `definitions` are the metrics that its project and plugins define, by id; `unit_maps` is what the
    project says of free-text units, by text.
    """

    id: str
    type: str
    props: Mapping[str, object] = field(default_factory=dict)
    device: str | None = None
    device_props: Mapping[str, object] = field(default_factory=dict)
    uploaded: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    epochs: Epochs = field(default_factory=dict)
    device_epochs: Epochs = field(default_factory=dict)
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    unit_maps: Mapping[str, UnitMap] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The type that counts: the prop INTEGRATION_ID if it is a listed type, else `type`."""
        integration = self.props.get("INTEGRATION_ID")
        return integration if isinstance(integration, str) and integration in SENSOR_TYPES else self.type

    @cached_property
    def kind_of_sensor(self) -> SensorType:
        """The catalogue entry of `kind`; generic where it has none."""
        return sensor_type(self.kind)

    @cached_property
    def raw(self) -> Mapping[str, "OfferedMetric"]:
        """Raw metrics by id, in the positional order of the type (generic: declared ones first)."""
        if not self.kind_of_sensor.generic:
            return {id_: offer(self, METRICS[id_], raw=True) for id_ in self.kind_of_sensor.raw}
        first: dict[str, OfferedMetric] = {}
        for offered in _generic(self):
            first.setdefault(offered.id, offered)
        return first

    @cached_property
    def of_type(self) -> tuple[str, ...]:
        """Ids of the metrics that the type derives.

        A generic type derives simple deltas alone, of bases whose meaning and unit the catalogue knows.
        """
        type_ = self.kind_of_sensor
        derived = (id_ for id_ in type_.derived if id_ not in self.raw)
        if not type_.generic:
            return tuple(derived)
        bases = {id_ for id_, offered in self.raw.items() if offered.standard and offered.dimension is not None}
        return tuple(id_ for id_ in derived if bases.issuperset(base_of(id_)))

    def own(self, quantity: str) -> Definition | None:
        """The definition that computes a quantity of this sensor, if one does; a raw metric of its id wins."""
        found = self.definitions.get(quantity.removesuffix(BEFORE_ZERO))
        if found is None or quantity not in found.rules or found.id in self.raw or lacking(self, found) is not None:
            return None
        return found

    @cached_property
    def changes(self) -> tuple[int, ...]:
        """Instants [us], ascending, from which on some prop that is dated per reading has another value."""
        dated = (values for epochs in (self.epochs, self.device_epochs) for name, values in epochs.items()
                 if name not in UNDATED)  # fmt: skip
        return tuple(sorted({since for values in dated for since, _ in values[1:]}))

    def at(self, us: int) -> "Sensor":
        """The sensor with the props in force at that instant [us], for good: of `UNDATED` props the newest."""
        return replace(
            self,
            props=_in_force(self.props, self.epochs, us),
            device_props=_in_force(self.device_props, self.device_epochs, us),
            epochs={},
            device_epochs={},
        )

    def prop(self, name: str, default: object = None) -> object:
        """The sensor's prop, else the device's, else the default; null counts as absent."""
        for props in (self.props, self.device_props):
            if props.get(name) is not None:
                return props[name]
        return default


def _in_force(newest: Mapping[str, object], epochs: Epochs, us: int) -> Mapping[str, object]:
    dated = {name: values for name, values in epochs.items() if name not in UNDATED}
    then = {name: [values[0], *(each for each in values if each[0] <= us)][-1][1] for name, values in dated.items()}
    return {**newest, **then}


class Directory(Protocol):
    """How a plan finds other sensors of the project."""

    def sensor(self, id: str) -> Sensor | None:
        """The sensor of that id, or None."""

    def members(self, device: str, kind: str) -> Sequence[Sensor]:
        """All sensors of the device whose `kind` is that one, in any order."""


@dataclass(frozen=True)
class OfferedMetric:
    """One metric as a sensor offers it.

    `stored_unit` is that of its raw values, None for derived metrics; `dimension` is None for free-text units;
    `standard` is false where only the id, not the catalogue, says what is measured; `cyclic` is true for directions.
    `map` says what the free text that is its unit means; `dimension` is then that of the map.
    """

    id: str
    name: str
    display_name: str
    notation: str
    default_unit: str
    stored_unit: str | None
    dimension: str | None
    units: tuple[Unit, ...]
    params: tuple[tuple[str, bool], ...] = ()
    hidden: bool = False
    raw: bool = False
    standard: bool = True
    cyclic: bool = False
    map: UnitMap | None = None


def is_generic(sensor: Sensor) -> bool:
    """Whether the sensor's raw metrics come from its props and uploads instead of its type."""
    return sensor.kind_of_sensor.generic


def offered_units(dimension: str | None, unit: str) -> tuple[Unit, ...]:
    """The units in which values are given: all of the dimension, and first the unit itself where it is free text."""
    known = DIMENSIONS[dimension].units if dimension is not None else {}
    return (*(() if unit in known else (Unit(unit, unit, unit),)), *known.values())


def _by_prop(sensor: Sensor, metric: MetricDef) -> tuple[str | None, str]:
    if not metric.default_unit.startswith(DYNAMIC):
        return metric.dimension, metric.default_unit
    named = sensor.prop(metric.default_unit.removeprefix(DYNAMIC))
    unit = named if isinstance(named, str) and named else OPAQUE
    found = dimension_of(unit)
    return (found.name if found else None), unit


def offer(sensor: Sensor, metric: MetricDef, *, raw: bool) -> OfferedMetric:
    """A metric of the catalogue with all units of its dimension."""
    dimension, unit = _by_prop(sensor, metric)
    mapped = sensor.unit_maps.get(unit) if dimension is None else None
    return _offer(metric, mapped.dimension if mapped else dimension, unit, raw, mapped)


@lru_cache(maxsize=4096)
def _offer(metric: MetricDef, dimension: str | None, unit: str, raw: bool, mapped: UnitMap | None) -> OfferedMetric:
    return OfferedMetric(
        id=metric.id,
        name=metric.name,
        display_name=metric.display_name,
        notation=metric.notation,
        default_unit=unit,
        stored_unit=unit if raw else None,
        dimension=dimension,
        units=offered_units(dimension, unit),
        params=() if raw else tuple((id_, id_ in metric.mandatory) for id_ in metric.params),
        raw=raw,
        cyclic=metric.cyclic,
        map=mapped,
    )


def _declared(sensor: Sensor, name: str) -> dict[str, str]:
    """A prop of the form {"0": "T"} or ["T"] as index to text; anything else declares nothing."""
    written = sensor.prop(name)
    if isinstance(written, list | tuple):
        written = dict(enumerate(written))
    if not isinstance(written, Mapping):
        return {}
    return {str(index): text for index, text in written.items() if isinstance(text, str) and text}


def _offer_generic(
    sensor: Sensor, id_: str, known: bool, known_unit: str | None, free_unit: str | None
) -> OfferedMetric:
    metric = METRICS.get(id_) if known else None
    dimension, unit = _by_prop(sensor, metric) if metric else (None, OPAQUE)
    catalogued, mapped = dimension, None
    if known_unit is not None and dimension_of(known_unit) is None:
        free_unit, known_unit = known_unit, None
    if known_unit is not None:
        found = dimension_of(known_unit)
        own = dimension if dimension is not None and known_unit in DIMENSIONS[dimension].units else None
        # a unit of another dimension than the known metric's has no meaning that we could convert
        dimension = own if dimension is not None else (found.name if found else None)
        unit = known_unit
    elif free_unit is not None:
        mapped = sensor.unit_maps[free_unit].within(catalogued) if free_unit in sensor.unit_maps else None
        dimension, unit = mapped.dimension if mapped else None, free_unit
    return OfferedMetric(
        id=id_,
        name=metric.name if metric else id_,
        display_name=metric.display_name if metric else id_,
        notation=metric.notation if metric else id_,
        default_unit=unit,
        stored_unit=unit,
        dimension=dimension,
        units=offered_units(dimension, unit),
        raw=True,
        standard=metric is not None and dimension in (None, catalogued),
        cyclic=metric is not None and metric.cyclic,
        map=mapped,
    )


def _generic(sensor: Sensor) -> Iterator[OfferedMetric]:
    known_units, free_units = _declared(sensor, "KNOWN_UNITS"), _declared(sensor, "UNKNOWN_UNITS")
    names = {True: "KNOWN_METRICS", False: "UNKNOWN_METRICS"}
    declared = [(index, id_, known) for known, name in names.items() for index, id_ in _declared(sensor, name).items()]
    for index, id_, known in sorted(declared, key=lambda each: _position(each[0])):
        free = free_units.get(index)
        yield _offer_generic(sensor, id_, known, None if free and not known else known_units.get(index), free)
    # Where whoever sends them calls them as they like, a name of the catalogue is no more than a name.
    known = sensor.prop("UNDECLARED_METRICS") != "UNKNOWN"
    for id_ in sorted({*sensor.uploaded, *sensor.empty}):
        yield _offer_generic(sensor, id_, known, None, None)


def _position(index: str) -> tuple[bool, int, str]:
    """The place of a declared metric: "10" comes after "2", and what is no number after those."""
    number = index.lstrip("0")
    return (False, len(number), number) if index.isascii() and index.isdigit() else (True, 0, "")


def free_units(sensor: Sensor) -> frozenset[str]:
    """The units that the sensor declares as not known."""
    return frozenset(_declared(sensor, "UNKNOWN_UNITS").values())


def raw_metrics(sensor: Sensor) -> list[OfferedMetric]:
    """The metrics that loggers deliver, in the positional order of the type (generic: declared ones first)."""
    return list(sensor.raw.values())


def derived_metrics(sensor: Sensor) -> tuple[str, ...]:
    """Ids of the metrics that the sensor's type derives and of its own ones, whether or not its props resolve."""
    return (*sensor.of_type, *(id_ for id_ in sensor.definitions if sensor.own(id_)))


def derived_metric(sensor: Sensor, metric: str) -> MetricDef | None:
    """What a metric is that the sensor derives, by its type or as one of its own; None where it does not."""
    own = sensor.own(metric)
    return own.metric if own else METRICS[metric] if metric in sensor.of_type else None


def rule_for(sensor: Sensor, quantity: str) -> Rule | None:
    """The rule by which the sensor computes the quantity, or None where it can only be raw."""
    own = sensor.own(quantity)
    return own.rules[quantity] if own else rule_of(sensor.kind_of_sensor, quantity)


def lacking(sensor: Sensor, definition: Definition) -> str | None:
    """What keeps a defined metric from the sensor, in words: its type, or an input; None where it has the metric."""
    if definition.types is not None and sensor.kind not in definition.types:
        return f"it is defined for {', '.join(definition.types) or 'no type'}"
    missing = next((each for each in definition.inputs if _dimension(sensor, each) != each.dimension), None)
    return None if missing is None else f"it needs {missing.metric} [{missing.dimension}]"


def _dimension(sensor: Sensor, wanted: Input) -> str | None:
    """Dimension of a metric that the sensor has without its own ones."""
    if wanted.metric in sensor.raw:
        return sensor.raw[wanted.metric].dimension
    return _by_prop(sensor, METRICS[wanted.metric])[0] if wanted.metric in sensor.of_type else None


def metrics(sensor: Sensor, directory: Directory) -> list[OfferedMetric]:
    """Raw metrics, then those derived ones whose props resolve, whatever data there are."""
    from tseng_units.resolve import Resolver  # resolving needs the raw metrics above

    with_dt, without = Resolver(Params(dt=1_000_000), directory), Resolver(Params(), directory)
    own = (each.metric for id_, each in sensor.definitions.items() if sensor.own(id_))
    found = [
        offer(sensor, metric, raw=False)
        for metric in (*(METRICS[id_] for id_ in sensor.of_type), *own)
        if (with_dt if metric.mandatory else without).resolves(sensor, metric.id)
    ]
    return raw_metrics(sensor) + found
