"""From a sensor, a quantity and parameters to a tree of nodes: rules looked up, props found, array members put in
order.

Everything that can fail without looking at data fails here, as METRIC_NOT_AVAILABLE naming the prop.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from tseng_units.bound import Bound, keywords
from tseng_units.catalogue import METRICS, RULES, PairedInput, Rule
from tseng_units.errors import MetricNotAvailable
from tseng_units.formulas.declare import REQUIRED, UNIT_PROPS, Check, Formula, Prop, not_negative, one_of
from tseng_units.formulas.table import FORMULAS
from tseng_units.instants import MIN_US, format_instant
from tseng_units.masks import MASKS, masks_of
from tseng_units.nodes import (
    Accumulate,
    Anchored,
    Carry,
    Delta,
    Epochs,
    Increments,
    Intensity,
    Linear,
    Map,
    Moving,
    MovingSum,
    Node,
    Paired,
    Rate,
    Raw,
    Sum,
    in_unit,
    quantity_of,
    walk,
)
from tseng_units.params import Params, end_of_array, instant, number
from tseng_units.registry import dimension_of
from tseng_units.replacements import REPLACEMENT, replacements_of
from tseng_units.sensors import Directory, OfferedMetric, Sensor, derived_metric, offer, rule_for
from tseng_units.unit_maps import translated
from tseng_units.variants import case_of, decider, is_told

T = TypeVar("T")
BARO_MAX_GAP = 7200.0
"""s between two readings of a paired sensor that are still joined by a line."""


def _count(value: object) -> int:
    if number(value) < 1 or number(value) != int(number(value)):
        raise ValueError(f"{value!r} is not a whole number of at least one")
    return int(number(value))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is not an id")
    return value


ZERO_DATE = Prop("ZERO_DATE", "", None, instant, request=True)
ZERO_COUNT = Prop("ZERO_COUNT", "", 1, _count)
ZERO_MODE = Prop("ZERO_MODE", "", "FIRST", one_of("FIRST", "EXACT", "NEAREST"))
ZERO_TOLERANCE = Prop("ZERO_TOLERANCE", "s", check=not_negative)
END = Prop("END", "", "BOTTOM", end_of_array, request=True)
SCAN_TOLERANCE = Prop("SCAN_TOLERANCE", "s", 0.0, not_negative)
ORDERING = ("DEPTH", "MUX_INDEX")
"""Props that order an array, top first; the first that every member has."""


def _not_available(sensor: Sensor, quantity: str, problem: str, field: str, seen: object = None) -> MetricNotAvailable:
    return MetricNotAvailable(f"{quantity} of sensor {sensor.id!r} is not available: {problem}", field=field, seen=seen)


class Resolver:
    """Builds the nodes of one request; a quantity asked for twice is one node, so it is evaluated once."""

    def __init__(self, params: Params, directory: Directory) -> None:
        """Keep the validated parameters and where to look other sensors up."""
        self._params = params
        self._directory = directory
        self._made: dict[tuple[str, str], Node] = {}
        self._orders: dict[str, Sequence[Sensor]] = {}
        self._builders: dict[str, Callable[[Sensor, str, Rule], Node]] = {
            "delta": self._delta,
            "rate": self._rate,
            "accumulate": self._accumulate,
            "anchor": self._anchor,
            "increments": self._increments,
            "intensity": self._intensity,
            "sum": self._sum,
            "same": self._same,
            "mean": self._mean,
            "choice": self._by_props,
            "formula": self._by_props,
        }

    def node(self, sensor: Sensor, quantity: str) -> Node:
        """The node of a metric or inner quantity; raises MetricNotAvailable."""
        key = (sensor.id, quantity)
        if key not in self._made:
            self._made[key] = self._build(sensor, quantity)
        return self._made[key]

    def resolves(self, sensor: Sensor, quantity: str) -> bool:
        """Whether all props that the quantity needs are there and usable."""
        try:
            self.node(sensor, quantity)
        except MetricNotAvailable:
            return False
        return True

    def _build(self, sensor: Sensor, quantity: str) -> Node:
        raw = _raw(sensor, quantity)
        rule = rule_for(sensor, quantity)
        if raw is not None and (rule is None or quantity in sensor.uploaded):
            stored = as_stored(sensor, raw)
            return stored if raw.map is None else translated(sensor.id, quantity, stored, raw.map)
        if rule is None:
            raise _not_available(sensor, quantity, f"type {sensor.kind} does not have it", "metric", quantity)
        node = self._builders[rule.kind](sensor, quantity, rule)
        mapped = sensor.unit_maps.get(node.unit) if node.dimension is None else None
        return translated(sensor.id, quantity, node, mapped) if mapped else node

    def _bind(self, sensor: Sensor, quantity: str, prop: Prop) -> Bound:
        """The value of a prop: request parameter, sensor, device, sensor type, default, in this order."""
        asked = getattr(self._params, prop.name, None) if prop.request else None
        if asked is not None:
            return Bound(prop.name, asked, prop.unit, "request")
        found, origin = _stored(sensor, prop.name)
        if found is None:
            if prop.default is REQUIRED:
                raise _not_available(sensor, quantity, f"it needs the prop {prop.name}", prop.name)
            return Bound(prop.name, prop.default, prop.unit, "default")
        return Bound(prop.name, _checked(sensor, quantity, prop.name, found, prop.check), prop.unit, origin)

    def _input(self, sensor: Sensor, quantity: str, names: tuple[str, ...] | PairedInput, now: Sensor) -> Node:
        if isinstance(names, PairedInput):
            return self._paired(now, quantity, names)
        has = (name for name in names if _raw(sensor, name) is not None or rule_for(sensor, name) is not None)
        name = next(has, names[-1])
        rule = rule_for(sensor, name)
        if now is sensor or rule is None or name in METRICS or sensor.own(name):
            return self.node(sensor, name)
        return self._in_period(sensor, name, rule, now)

    def _base(self, sensor: Sensor, quantity: str, rule: Rule) -> Node:
        return self._input(sensor, quantity, rule.inputs[0], sensor)

    def _same(self, sensor: Sensor, quantity: str, rule: Rule) -> Node:
        return self._base(sensor, quantity, rule)

    def _by_props(self, sensor: Sensor, quantity: str, rule: Rule) -> Node:
        return self._by_period(sensor, quantity, lambda now: self._in_period(sensor, quantity, rule, now))

    def _in_period(self, sensor: Sensor, quantity: str, rule: Rule, now: Sensor) -> Node:
        """What a rule makes of the sensor as it was in one period: of another one what it needs may not be there."""
        if rule.choice is not None:
            bound = self._bind(now, quantity, decider(rule.choice))
            chosen = RULES[rule.choice.cases[case_of(rule.choice, bound.value)]]
            node = self._in_period(sensor, quantity, chosen, now)
            return _noted(node, bound) if is_told(rule.choice, bound.value) else node
        if rule.kind == "formula":
            return self._map(sensor, quantity, rule, now)
        if rule.kind == "same":
            return self._input(sensor, quantity, rule.inputs[0], now)
        return self._builders[rule.kind](sensor, quantity, rule)

    def _mean(self, sensor: Sensor, quantity: str, rule: Rule) -> Node:
        *gauges, alone = (self._input(sensor, quantity, names, sensor) for names in rule.inputs)
        found = [node for node in gauges if _uploaded(sensor, node)] or [alone]
        if len(found) == 1:
            return found[0]
        return self._made_of(sensor, quantity, FORMULAS[rule.formula], found, sensor)

    def _by_period(self, sensor: Sensor, quantity: str, build: Callable[[Sensor], Node]) -> Node:
        """What is built from the sensor's props, once for each period in which they are constant.

        `build` takes the sensor as it was in the period; metrics that it takes as inputs have periods of their own.
        """
        if not sensor.changes:
            return build(sensor)
        made = [(since, build(sensor.at(since))) for since in (MIN_US, *sensor.changes)]
        newest = made[-1][1]
        differ = [(since, _like(sensor, quantity, node, newest, since)) for since, node in made]
        differ = [each for index, each in enumerate(differ) if index == 0 or each[1] != differ[index - 1][1]]
        if len(differ) == 1:
            return newest
        return Epochs(sensor.id, quantity, tuple(node for _, node in differ), tuple(since for since, _ in differ[1:]))

    def _map(self, sensor: Sensor, quantity: str, rule: Rule, now: Sensor) -> Node:
        """A formula over the sensor's quantities with the props of `now`, the sensor as it was in one period."""
        inputs = [self._input(sensor, quantity, names, now) for names in rule.inputs]
        own = sensor.own(rule.id)
        return self._made_of(sensor, quantity, own.formula if own else FORMULAS[rule.formula], inputs, now)

    def _made_of(self, sensor: Sensor, quantity: str, formula: Formula, inputs: Sequence[Node], now: Sensor) -> Node:
        named = {name: self._bind(now, quantity, UNIT_PROPS[name]) for name in formula.unit_props}
        units = {name: str(each.value) for name, each in named.items()}
        bound = tuple(_named_unit(self._bind(now, quantity, prop), units) for prop in formula.props)
        wanted = (units.get(unit, unit) for unit in formula.inputs * (len(inputs) if formula.variadic else 1))
        children = tuple(_fitted(node, unit) for node, unit in zip(inputs, wanted, strict=True))
        unit, dimension = formula.unit, formula.dimension
        if unit in units:
            unit = units[unit]
            found = dimension_of(unit)
            dimension = found.name if found else None
        used = (*bound, *named.values())
        if formula.line is None:
            return Map(sensor.id, quantity, formula, children, used, unit, dimension)
        shift, factor = formula.line(**keywords(bound))
        return Linear(sensor.id, quantity, formula, children[0], used, shift, factor, unit, dimension)

    def _paired(self, sensor: Sensor, quantity: str, pair: PairedInput) -> Node:
        where = self._bind(sensor, quantity, Prop(pair.sensor, check=_text))
        gap = self._bind(sensor, quantity, Prop(pair.max_gap, "s", BARO_MAX_GAP, not_negative))
        other = self._directory.sensor(str(where.value))
        if other is None:
            problem = f"{pair.sensor} names no sensor: {where.value!r}"
            raise _not_available(sensor, quantity, problem, pair.sensor, where.value)
        node = self.node(other, pair.metric)
        if node.dimension != METRICS[pair.metric].dimension:
            problem = f"{pair.metric} of {pair.sensor} {other.id!r} is in {node.unit}, which is not converted"
            raise _not_available(sensor, quantity, problem, pair.sensor, where.value)
        return Paired(sensor.id, node, where, gap)

    def _zero(self, sensor: Sensor, quantity: str) -> Bound:
        found = self._bind(sensor, quantity, ZERO_DATE)
        if found.value is None and self._params.START_DATE is not None:
            return Bound("START_DATE", self._params.START_DATE, "", "request")
        return found

    def _carried(self, sensor: Sensor, quantity: str, rule: Rule) -> Node:
        """The base of a difference, going on over the replacements of the sensor."""
        base = self._base(sensor, quantity, rule)
        replaced = _usable(sensor, quantity, REPLACEMENT, lambda: replacements_of(sensor))
        return Carry(sensor.id, quantity_of(base), base, replaced) if replaced else base

    def _delta(self, sensor: Sensor, quantity: str, rule: Rule) -> Node:
        base = self._carried(sensor, quantity, rule)
        if self._params.dt is not None:
            return Moving(sensor.id, quantity, base, Bound("dt", self._params.dt, "", "request"))
        count, mode = (self._bind(sensor, quantity, prop) for prop in (ZERO_COUNT, ZERO_MODE))
        tolerance = self._bind(sensor, quantity, ZERO_TOLERANCE) if mode.value == "NEAREST" else None
        return Delta(sensor.id, quantity, base, self._zero(sensor, quantity), count, mode, tolerance)

    def _rate(self, sensor: Sensor, quantity: str, rule: Rule) -> Node:
        base = in_unit(self._carried(sensor, quantity, rule), "m")
        return Rate(sensor.id, quantity, base, Bound("dt", self._params.dt, "", "request"))

    def _accumulate(self, sensor: Sensor, quantity: str, rule: Rule) -> Node:
        order = self._ordered(sensor, quantity)
        end = self._bind(sensor, quantity, END)
        own = next(index for index, member in enumerate(order) if member.id == sensor.id)
        chain = order[own:] if end.value == "BOTTOM" else order[own::-1]
        children = tuple(self._base(member, quantity, rule) for member in chain)
        return Accumulate(
            sensor=sensor.id,
            quantity=quantity,
            children=children,
            sensors=tuple(member.id for member in chain),
            sign=1.0 if end.value == "BOTTOM" else -1.0,
            end=end,
            tolerance=self._bind(sensor, quantity, SCAN_TOLERANCE),
        )

    def _anchor(self, sensor: Sensor, quantity: str, rule: Rule) -> Node:
        end = self._bind(sensor, quantity, END)
        chain = [sensor, self._ordered(sensor, quantity)[-1]] if end.value == "BOTTOM" else [sensor]
        children = tuple(self._base(member, quantity, rule) for member in chain)
        sensors, tolerance = tuple(member.id for member in chain), self._bind(sensor, quantity, SCAN_TOLERANCE)
        return Anchored(sensor.id, quantity, children, sensors, end, tolerance)

    def _increments(self, sensor: Sensor, quantity: str, rule: Rule) -> Node:
        return Increments(sensor.id, quantity, self._base(sensor, quantity, rule))

    def _intensity(self, sensor: Sensor, quantity: str, rule: Rule) -> Node:
        return Intensity(sensor.id, quantity, in_unit(self._base(sensor, quantity, rule), "m"))

    def _sum(self, sensor: Sensor, quantity: str, rule: Rule) -> Node:
        base = self._base(sensor, quantity, rule)
        if self._params.dt is not None:
            return MovingSum(sensor.id, quantity, base, Bound("dt", self._params.dt, "", "request"))
        return Sum(sensor.id, quantity, base, self._zero(sensor, quantity))

    def _ordered(self, sensor: Sensor, quantity: str) -> Sequence[Sensor]:
        if sensor.id not in self._orders:
            self._orders[sensor.id] = self._order(sensor, quantity)
        return self._orders[sensor.id]

    def _order(self, sensor: Sensor, quantity: str) -> Sequence[Sensor]:
        """The sensor and its mates, top first."""
        found = self._directory.members(sensor.device, sensor.kind) if sensor.device is not None else ()
        members = [sensor, *(member for member in found if member.id != sensor.id)]
        if len(members) == 1:
            return members
        key = next((name for name in ORDERING if all(member.props.get(name) is not None for member in members)), None)
        if key is None:
            problem = f"its array has {len(members)} sensors and not all of them have {' or '.join(ORDERING)}"
            raise _not_available(sensor, quantity, problem, ORDERING[-1])
        keyed = {member.id: _checked(member, quantity, key, member.props[key], number) for member in members}
        if len(set(keyed.values())) < len(members):
            raise _not_available(sensor, quantity, f"two sensors of its array have the same {key}", key)
        return sorted(members, key=lambda member: float(str(keyed[member.id])))


def _raw(sensor: Sensor, quantity: str) -> OfferedMetric | None:
    found = sensor.raw.get(quantity)
    derived = derived_metric(sensor, quantity) if found is None and quantity in sensor.uploaded else None
    if derived is not None:
        return offer(sensor, derived, raw=True)
    return found


def _uploaded(sensor: Sensor, node: Node) -> bool:
    """Whether the sensor has a column for one of the raw metrics that the node is made of."""
    return any(each.metric in sensor.uploaded for each in walk(node) if isinstance(each, Raw))


def _named_unit(bound: Bound, units: Mapping[str, str]) -> Bound:
    """The value with the unit that a prop names in place of the prop's name: kPa/digit for CAL_UNIT/digit."""
    name, *per = bound.unit.split("/", 1)
    return replace(bound, unit="/".join([units[name], *per])) if name in units else bound


def _noted(node: Node, choice: Bound) -> Node:
    """The node, telling which prop chose it; one that holds no props is what it is without a choice."""
    return replace(node, bound=(*node.bound, choice)) if isinstance(node, Map | Linear | Increments) else node


def _stored(sensor: Sensor, name: str) -> tuple[object, str]:
    places = ((sensor.props, "sensor"), (sensor.device_props, "device"), (sensor.kind_of_sensor.defaults, "type"))
    return next(((props[name], origin) for props, origin in places if props.get(name) is not None), (None, ""))


def _checked(sensor: Sensor, quantity: str, name: str, value: object, check: Check) -> object:
    return _usable(sensor, quantity, name, lambda: check(value))


def as_stored(sensor: Sensor, raw: OfferedMetric) -> Raw:
    """The node of a raw metric in the unit it is stored in, masked readings left out; raises MetricNotAvailable."""
    masks = _usable(sensor, raw.id, MASKS, lambda: masks_of(sensor, raw.id))
    if raw.map is not None:
        return Raw(sensor.id, raw.id, raw.map.text, None, masks)
    return Raw(sensor.id, raw.id, str(raw.stored_unit), raw.dimension, masks)


def _usable(sensor: Sensor, quantity: str, name: str, read: Callable[[], T]) -> T:
    """What `read` makes of a prop; its ValueError as MetricNotAvailable."""
    try:
        return read()
    except ValueError as problem:
        raise _not_available(sensor, quantity, f"prop {name}: {problem}", name, sensor.prop(name)) from None


def _like(sensor: Sensor, quantity: str, node: Node, newest: Node, since: int) -> Node:
    """The node in the unit of the newest one, since a series has one unit."""
    if node.unit == newest.unit and node.dimension == newest.dimension:
        return node
    if node.dimension is None or node.dimension != newest.dimension:
        when = "at first" if since == MIN_US else f"from {format_instant(since)} on"
        problem = f"{when} it is in {node.unit}, which does not convert to {newest.unit}, its unit now"
        raise _not_available(sensor, quantity, problem, "unit", node.unit)
    return in_unit(node, newest.unit)


def _fitted(node: Node, unit: str) -> Node:
    if isinstance(node, Paired):
        return Paired(node.sensor, in_unit(node.node, unit), node.partner, node.max_gap)
    return in_unit(node, unit)
