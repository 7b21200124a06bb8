"""What a metric that users define becomes: what a metric of the catalogue is.

A definition is a MetricDef, the Rules that compute it and a Formula, so nothing that plans, runs or describes a read
knows a second kind of metric. `define` makes it of a project's plain data, `plugins` of Python functions.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from tseng_units.catalogue import METRICS, RULES, MetricDef, Rule
from tseng_units.errors import InvalidDefinition
from tseng_units.formulas.declare import Formula
from tseng_units.params import PARAMS

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
DELTA_PARAMS = ("dt", "START_DATE", "ZERO_DATE")
BEFORE_ZERO = " before zero"
"""What the inner quantity that a difference is taken of is called after the metric's id."""


@dataclass(frozen=True, slots=True)
class Input:
    """A metric that a definition takes, and the dimension it must have."""

    metric: str
    dimension: str


@dataclass(frozen=True)
class Definition:
    """A metric of a project's own or of a plugin, ready to be planned with.

    `types`: the sensor types that have it, None for every one that has the inputs. `body` and `origin` say in plain
    data where it comes from.
    """

    metric: MetricDef
    rules: Mapping[str, Rule]
    formula: Formula
    inputs: tuple[Input, ...]
    types: tuple[str, ...] | None
    body: Mapping[str, object]
    origin: str = "project"

    @property
    def id(self) -> str:
        """The metric's id."""
        return self.metric.id


def check_id(id: str) -> None:
    """Let pass what can be the id of a user's own metric."""
    if not NAME.fullmatch(id):
        raise InvalidDefinition("an id has 1 to 64 letters, digits and _, and begins with no digit", field="", seen=id)
    if id in METRICS or id in RULES:
        raise InvalidDefinition("the catalogue has a metric or rule of this id", field="", seen=id)


def assemble(
    metric: MetricDef,
    formula: Formula,
    inputs: tuple[Input, ...],
    *,
    delta: bool,
    types: Iterable[str] | None,
    body: Mapping[str, object],
    origin: str = "project",
) -> Definition:
    """Put rules to a metric and its formula, and the parameters of its inputs and, with `delta`, of the delta rule."""
    base = metric.id + BEFORE_ZERO if delta else metric.id
    taken = tuple((each.metric,) for each in inputs)
    rules = {base: Rule(base, "formula", taken, metric.id, version=metric.version)}
    if delta:
        rules[metric.id] = Rule(metric.id, "delta", ((base,),), version=metric.version)
    return Definition(
        metric=_with_params(metric, inputs, delta),
        rules=MappingProxyType(rules),
        formula=formula,
        inputs=inputs,
        types=None if types is None else tuple(types),
        body=MappingProxyType(dict(body)),
        origin=origin,
    )


def _with_params(metric: MetricDef, inputs: tuple[Input, ...], delta: bool) -> MetricDef:
    known = [METRICS[each.metric] for each in inputs if each.metric in METRICS]
    params = {*(DELTA_PARAMS if delta else ()), *(id for each in known for id in each.params)}
    mandatory = frozenset(id for each in known for id in each.mandatory)
    return replace(metric, params=tuple(id for id in PARAMS if id in params), mandatory=mandatory)
