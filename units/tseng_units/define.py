"""A project's definition of a metric: plain data, checked once and compiled.

`docs/own-metrics.md` is the reference of what may be written.
"""

import math
from collections.abc import Iterable, Mapping
from functools import cache

import msgspec
import numpy as np

from tseng_units.catalogue import DYNAMIC, METRICS, MetricDef, title
from tseng_units.definitions import NAME, Definition, Input, assemble, check_id
from tseng_units.dimensions import Compound, base_unit, compound, fitting, kind_of
from tseng_units.errors import InvalidDefinition
from tseng_units.expression import Name, compile_expression
from tseng_units.formulas.declare import REQUIRED, Formula, Prop
from tseng_units.formulas.table import FORMULAS
from tseng_units.functions import FUNCTIONS
from tseng_units.registry import DIMENSIONS, dimension_of, interval_of, known_units
from tseng_units.terms import Column, Expression, Given, Number

_LONGEST_TEXT = 200


class _Written(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Of every table of a definition: an unknown field is refused, what is left out is not stored."""


class PropBody(_Written):
    """A prop of the sensor or its device: its unit, and the value where it is absent (none: it must be there)."""

    unit: str = ""
    default: float | None = None
    dimension: str | None = None


class ConstantBody(_Written):
    """A number with a unit."""

    value: float
    unit: str = ""
    dimension: str | None = None


class InputBody(_Written):
    """A metric of the sensor that is not in the catalogue or has another name here, and a unit of its dimension."""

    unit: str
    metric: str | None = None
    dimension: str | None = None


class Body(_Written):
    """A definition as it is written and stored."""

    unit: str
    expression: str
    name: str | None = None
    displayName: str | None = None
    notation: str | None = None
    dimension: str | None = None
    types: list[str] | None = None
    delta: bool = False
    source: str = ""
    props: dict[str, PropBody] = {}
    constants: dict[str, ConstantBody] = {}
    inputs: dict[str, InputBody] = {}


def define(id: str, body: object, version: int = 1) -> Definition:
    """Check one definition and compile it.

    Raises InvalidDefinition; `field` is the path below the id, the text names the term that does not fit.
    """
    try:
        check_id(id)
        return _defined(id, _decoded(body), version)
    except InvalidDefinition as refused:
        problem, field = f"metric {id!r}: {refused.problem}", f"{id}.{refused.field}".rstrip(".")
        raise InvalidDefinition(problem, field=field, seen=refused.seen, allowed=refused.allowed) from None


def _decoded(body: object) -> Body:
    try:
        written = msgspec.convert(body, Body)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise InvalidDefinition(message.replace("`", ""), field=path.partition("[")[0].strip("`.")) from None
    for field in ("name", "displayName", "notation", "source"):
        text = getattr(written, field)
        if text is not None and (len(text) > _LONGEST_TEXT or (field != "source" and not text.strip())):
            raise InvalidDefinition(f"{field} has 1 to {_LONGEST_TEXT} characters", field=field, seen=text)
    return written


def _defined(id: str, written: Body, version: int) -> Definition:
    scope = _Scope(written)
    expression = compile_expression(written.expression, scope.name, scope.known)
    scope.check_used(expression)
    dimension = _dimension(written, expression)
    inputs = tuple(scope.inputs.values())
    formula = Formula(
        name=id,
        function=expression,
        inputs=tuple(base_unit(each.dimension) for each in inputs),
        props=scope.props,
        unit=base_unit(dimension),
        dimension=dimension,
        doc=f"{id} = {expression.text}\nSource: {written.source or 'a metric of the project'}",
    )
    return assemble(
        _metric_def(id, written, dimension, version), formula, inputs,
        delta=written.delta, types=written.types, body=msgspec.to_builtins(written),
    )  # fmt: skip


def _metric_def(id: str, written: Body, dimension: str, version: int) -> MetricDef:
    name = written.name or id.replace("_", " ")
    return MetricDef(
        id=id,
        name=name,
        display_name=written.displayName or title(name),
        notation=written.notation or id,
        dimension=interval_of(dimension) or dimension if written.delta else dimension,
        default_unit=written.unit,
        params=(),
        mandatory=frozenset(),
        raw=False,
        version=version,
    )


def _dimension(written: Body, expression: Expression) -> str:
    """Dimension of the expression's values: the first that holds the unit, is of their kind, and gives the declared."""
    if dimension_of(written.unit) is None:
        problem = f"no unit has the id {written.unit!r}"
        raise InvalidDefinition(problem, field="unit", seen=written.unit, allowed=known_units())
    fits = fitting(written.unit, expression.kind)
    if not fits:
        needed = " or ".join(each.name for each in DIMENSIONS.values() if written.unit in each.units)
        problem = f"the whole, `{expression.text}`, is {expression.kind}, and unit {written.unit!r} is of {needed}"
        raise InvalidDefinition(problem, field="unit", seen=written.unit)
    if written.dimension is None:
        return fits[0]
    answers = {(interval_of(each) if written.delta else each): each for each in reversed(fits)}
    if written.dimension not in answers:
        problem = (
            f"the whole, `{expression.text}`, is {expression.kind}, and the dimension declared {written.dimension!r}"
        )
        raise InvalidDefinition(
            problem, field="dimension", seen=written.dimension, allowed=[str(each) for each in answers]
        )
    return answers[written.dimension]


class _Scope:
    """What the names of one definition stand for; inputs are numbered as they are met."""

    def __init__(self, written: Body) -> None:
        self.inputs: dict[str, Input] = {}
        self._written = written
        self._constants: dict[str, Name] = {}
        self._props: dict[str, tuple[Prop, Name]] = {}
        self._declared = self._tables()
        for name, constant in written.constants.items():
            unit = _unit(f"constants.{name}", constant.unit, constant.dimension)
            self._constants[name] = Name(Number(_base_value(unit, constant.value, f"constants.{name}")), unit.kind)
        for name, prop in written.props.items():
            self._props[name] = _prop(name, prop)

    @property
    def props(self) -> tuple[Prop, ...]:
        """The props as a formula declares them."""
        return tuple(prop for prop, _ in self._props.values())

    @property
    def known(self) -> tuple[str, ...]:
        """Every name that can stand in the expression."""
        return (*self._declared, *METRICS)

    def _tables(self) -> dict[str, str]:
        """Path of every declared name; one of two tables, or one that has a meaning already, is refused."""
        tables: dict[str, Iterable[str]] = {
            "props": self._written.props,
            "constants": self._written.constants,
            "inputs": self._written.inputs,
        }
        paths: dict[str, str] = {}
        for table, declared in tables.items():
            for name in declared:
                path = f"{table}.{name}"
                problem = _misnamed(name, table) or (f"it stands under {paths[name]} already" if name in paths else "")
                if problem:
                    raise InvalidDefinition(f"{name!r} cannot be declared: {problem}", field=path, seen=name)
                paths[name] = path
        alike = {name.lower() for name in self._written.props}
        if len(alike) < len(self._written.props):
            raise InvalidDefinition("two props differ in upper and lower case alone", field="props")
        return paths

    def name(self, name: str) -> Name:
        """What a name stands for; KeyError where it stands for nothing."""
        if name in self._constants:
            return self._constants[name]
        if name in self._props:
            return self._props[name][1]
        if name not in self.inputs:
            self.inputs[name] = _input(name, self._written.inputs.get(name))
        index = list(self.inputs).index(name)
        try:
            return Name(Column(index), kind_of(self.inputs[name].dimension))
        except InvalidDefinition as refused:
            raise InvalidDefinition(f"`{name}`: {refused.problem}", field="expression", seen=name) from None

    def check_used(self, expression: Expression) -> None:
        """Refuse an expression without a metric, and what is declared and not used."""
        unused = next((name for name in self._declared if name not in expression.names), None)
        if unused is not None:
            problem = f"{unused!r} is declared and not used in `{expression.text}`"
            raise InvalidDefinition(problem, field=self._declared[unused], seen=unused)
        if not self.inputs:
            raise InvalidDefinition(f"`{expression.text}` names no metric of a sensor", field="expression")


def _misnamed(name: str, table: str) -> str:
    if not NAME.fullmatch(name):
        return "a name has 1 to 64 letters, digits and _, and begins with no digit"
    if name in FUNCTIONS:
        return "a function has this name"
    if name in METRICS and table != "inputs":
        return f"the catalogue has a metric of this name ({METRICS[name].name})"
    return ""


def _unit(path: str, unit: str, dimension: str | None) -> Compound:
    try:
        return compound(unit, dimension)
    except InvalidDefinition as refused:
        raise InvalidDefinition(refused.problem, field=f"{path}.unit", seen=unit, allowed=refused.allowed) from None


def _base_value(unit: Compound, value: float, path: str) -> float:
    converted = float(unit.to_base.apply(np.asarray(value, dtype=np.float64)))
    if not math.isfinite(value) or not math.isfinite(converted):
        raise InvalidDefinition(f"{value!r} is not a finite number", field=path, seen=value)
    return converted


@cache
def _catalogue_units() -> Mapping[str, str]:
    """Units of the props that formulas of the catalogue take, where that is one of our units."""
    props = (prop for formula in FORMULAS.values() for prop in formula.props)
    return {prop.name: prop.unit for prop in props if dimension_of(prop.unit) is not None}


def _prop(name: str, written: PropBody) -> tuple[Prop, Name]:
    unit = _unit(f"props.{name}", written.unit, written.dimension)
    meant = _catalogue_units().get(name, written.unit)
    if written.unit != meant:
        problem = f"the prop {name} is in {meant} everywhere, and cannot be in {written.unit!r} here"
        raise InvalidDefinition(problem, field=f"props.{name}.unit", seen=written.unit, allowed=[meant])
    default = REQUIRED if written.default is None else written.default
    if written.default is not None:
        _base_value(unit, written.default, f"props.{name}.default")
    prop = Prop(name, written.unit, default)
    return prop, Name(Given(prop.keyword, unit.to_base), unit.kind)


def _input(name: str, written: InputBody | None) -> Input:
    """A declared input, else a metric of the catalogue; KeyError where the name is neither."""
    if written is None:
        dimension = METRICS[name].dimension
        if dimension.startswith(DYNAMIC):
            problem = f"`{name}`: its unit differs from sensor to sensor; declare the one that is meant under inputs"
            raise InvalidDefinition(problem, field="expression", seen=name)
        return Input(name, dimension)
    if name in METRICS and written.metric not in (None, name):
        problem = f"{name!r} is a metric of the catalogue and cannot stand for {written.metric!r}"
        raise InvalidDefinition(problem, field=f"inputs.{name}.metric", seen=written.metric)
    found = DIMENSIONS.get(written.dimension) if written.dimension else dimension_of(written.unit)
    if found is None or written.unit not in found.units:
        problem = f"{written.unit!r} is no unit" + (f" of dimension {written.dimension!r}" if written.dimension else "")
        raise InvalidDefinition(problem, field=f"inputs.{name}.unit", seen=written.unit, allowed=known_units())
    return Input(written.metric or name, found.name)
