"""A request for one metric of one sensor, checked in full and turned into a Plan: plain data that can be run and
printed.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from tseng_units.catalogue import METRICS
from tseng_units.definitions import Definition
from tseng_units.errors import IncompatibleUnit, MetricNotAvailable, MissingParam, UnknownMetric, UnknownUnit
from tseng_units.nodes import Node, in_unit, walk
from tseng_units.params import Params, parse_params
from tseng_units.registry import DIMENSIONS, OPAQUE, dimension_of, known_units, require_unit
from tseng_units.resolve import Resolver, as_stored
from tseng_units.sensors import Directory, OfferedMetric, Sensor, derived_metric, derived_metrics, lacking, offer


@dataclass(frozen=True)
class Plan:
    """What to read and how to derive and convert it; `node` is the root of the tree, in the asked unit.

    `definition` is that of a metric that is not the catalogue's.
    """

    sensor: str
    type: str
    metric: str
    unit: str
    node: Node
    definition: Definition | None = None

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node of the tree once, inputs before what is made of them."""
        return tuple(walk(self.node))

    @cached_property
    def shared(self) -> frozenset[int]:
        """The nodes, by `id`, that several others need."""
        uses = Counter(id(child) for node in self.nodes for child in node.children)
        return frozenset(key for key, times in uses.items() if times > 1)

    def describe(self) -> dict[str, object]:
        """The plan as JSON-able data: where every number of the answer comes from."""
        from tseng_units.describe import describe  # printing is rare, running is not

        return describe(self)


def offered_metric(sensor: Sensor, metric: str) -> OfferedMetric:
    """The metric as this sensor offers it, its props not looked at.

    Raises UnknownMetric (neither in the catalogue nor of the sensor) or MetricNotAvailable (not of its type).
    """
    if metric in sensor.raw:
        return sensor.raw[metric]
    derived = derived_metric(sensor, metric)
    if derived is not None:
        return offer(sensor, derived, raw=False)
    allowed = (*sensor.raw, *derived_metrics(sensor))
    if metric in METRICS or metric in sensor.definitions:
        problem = f"metric {metric!r} is not available for sensor {sensor.id!r} of type {sensor.kind}"
        if metric in sensor.definitions:
            problem += f": {lacking(sensor, sensor.definitions[metric])}"
        raise MetricNotAvailable(problem, field="metric", seen=metric, allowed=allowed)
    raise UnknownMetric(f"no metric has the id {metric!r}", field="metric", seen=metric, allowed=allowed)


def check_unit(offered: OfferedMetric, unit: str) -> None:
    """Raise UnknownUnit or IncompatibleUnit unless the metric can be given in this unit."""
    if offered.dimension is not None:
        if offered.map is None or unit != offered.map.text:
            require_unit(unit, DIMENSIONS[offered.dimension])
    elif not offered.raw and offered.default_unit == OPAQUE:
        if dimension_of(unit) is None:  # its unit is a prop that is not there, which is told after the parameters
            raise UnknownUnit(f"no unit has the id {unit!r}", field="unit", seen=unit, allowed=known_units())
    elif unit != offered.default_unit:
        error = UnknownUnit if dimension_of(unit) is None else IncompatibleUnit
        problem = f"unit {unit!r}: {offered.id} is recorded in {offered.default_unit!r}, which converts to nothing else"
        raise error(problem, field="unit", seen=unit, allowed=(offered.default_unit,))


def check_mandatory(offered: OfferedMetric, params: Params) -> None:
    """Raise MissingParam for the first mandatory parameter that is not given."""
    for id_, mandatory in offered.params:
        if mandatory and getattr(params, id_) is None:
            problem = (
                f'metric {offered.id!r} needs the parameter {id_}, such as {{"{id_}": {{"value": 1, "unit": "d"}}}}'
            )
            raise MissingParam(problem, field=id_)


def stored_plan(sensor: Sensor, raw: OfferedMetric) -> Plan:
    """The plan for a raw metric of the sensor in the unit it is stored in; MetricNotAvailable where a mask is bad."""
    node = as_stored(sensor, raw)
    return Plan(sensor.id, sensor.kind, raw.id, node.unit, node)


def plan(
    sensor: Sensor, metric: str, unit: str, params: Mapping[str, object] | Params | None, directory: Directory
) -> Plan:
    """The plan for one metric in one unit.

    `params` as they come in a request, or already validated. Raises, checked in this order: UnknownMetric or
    MetricNotAvailable (type), UnknownUnit or IncompatibleUnit, InvalidParam, MissingParam, MetricNotAvailable (props).
    """
    offered = offered_metric(sensor, metric)
    check_unit(offered, unit)
    parsed = params if isinstance(params, Params) else parse_params(params)
    check_mandatory(offered, parsed)
    node = Resolver(parsed, directory).node(sensor, metric)
    root = node if offered.dimension is None else in_unit(node, unit)
    definition = None if offered.raw or metric in sensor.uploaded else sensor.own(metric)
    return Plan(sensor.id, sensor.kind, metric, unit, root, definition)
