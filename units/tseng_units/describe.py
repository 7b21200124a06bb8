"""A plan as plain data for people and machines: inputs, steps, props, formulas with their sources, units."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from tseng_units.catalogue import METRICS, RULES
from tseng_units.definitions import Definition
from tseng_units.instants import format_instant
from tseng_units.nodes import (
    Accumulate,
    Anchored,
    Bound,
    Carry,
    Convert,
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
    walk,
)
from tseng_units.params import PARAMS
from tseng_units.plan import Plan

DATES = ("ZERO_DATE", "START_DATE")


def _value(bound: Bound) -> dict[str, Any]:
    """A bound value with its unit and origin; instants as text, intervals in seconds."""
    value, unit = bound.value, bound.unit
    if bound.name in DATES and isinstance(value, int):
        value = format_instant(value)
    elif bound.name == "dt" and isinstance(value, int):
        value, unit = value / 1e6, "s"
    elif isinstance(value, tuple):
        value = list(value)
    return {"value": value, **({"unit": unit} if unit else {}), "from": bound.origin}


def _bound(node: Node) -> tuple[Bound, ...]:
    match node:
        case Map() | Linear() | Increments():
            return node.bound
        case Delta():
            return (node.zero, node.count, node.mode, *((node.tolerance,) if node.tolerance else ()))
        case Moving() | Rate() | MovingSum():
            return (node.dt,)
        case Sum():
            return (node.zero,)
        case Accumulate() | Anchored():
            return (node.end, node.tolerance)
        case Paired():
            return (node.partner, node.max_gap)
        case Raw() | Convert() | Epochs() | Carry() | Intensity():
            return ()


def _step(node: Node) -> dict[str, Any]:
    kind = type(node).__name__.lower()
    match node:
        case Raw():
            return {"step": kind, "sensor": node.sensor, "metric": node.metric, "unit": node.unit}
        case Convert():
            return {"step": kind, "from": node.node.unit, "to": node.unit, "dimension": node.dimension}
        case Paired():
            return {"step": kind, "sensor": node.sensor, "partner": node.partner.value, "unit": node.unit}
        case Accumulate():
            sensors = {"sensors": list(node.sensors), "sign": node.sign}
            return {"step": kind, "sensor": node.sensor, "quantity": node.quantity, **sensors, "unit": node.unit}
        case Anchored():
            sensors = {"sensors": list(node.sensors)}
            return {"step": kind, "sensor": node.sensor, "quantity": node.quantity, **sensors, "unit": node.unit}
        case Map() | Linear():
            formula = {"formula": node.formula.name}
            return {"step": kind, "sensor": node.sensor, "quantity": node.quantity, **formula, "unit": node.unit}
        case _:
            return {"step": kind, "sensor": node.sensor, "quantity": node.quantity, "unit": node.unit}


def _formulas(nodes: list[Node]) -> Iterator[dict[str, str]]:
    used = {node.formula.name: node.formula for node in nodes if isinstance(node, Map | Linear)}
    for name, formula in used.items():
        first, *rest = formula.doc.split("\n")
        source = "\n".join(rest).partition("Source:")[2]
        yield {"id": name, "equation": first, "source": " ".join(source.split())}


def _chain(node: Node) -> list[str]:
    """Units passed on the way from the first stored input to the answer."""
    units = [node.unit]
    while node.children:
        node = node.children[0]
        units.append(node.unit)
    return [unit for unit, _ in groupby(reversed(units))]


def _metric(metric: str, own: Definition | None) -> dict[str, object]:
    if own is not None:
        return {"id": metric, "version": own.metric.version, "definedBy": own.origin, "definition": dict(own.body)}
    known = METRICS.get(metric)
    version = known.version if known else 1
    return {"id": metric, "version": max(version, RULES[metric].version if metric in RULES else 1)}


def describe(plan: Plan) -> dict[str, object]:
    """JSON-able description of a plan.

    Keys: metric {id, version; definedBy and definition where the catalogue does not have it}, sensor, type, unit;
    parameters {id: value, unit, from} as they hold for this sensor; props [{sensor, name, value, unit, from}] that were
    used, defaults included; inputs [{sensor, metric, unit}]; formulas [{id, equation, source}]; units (the chain from
    stored to asked); steps, inputs before what uses them.
    """
    nodes = list(walk(plan.node))
    used = [(node.sensor, bound) for node in nodes if not isinstance(node, Convert) for bound in _bound(node)]
    parameters = {bound.name: _value(bound) for owner, bound in used if bound.name in PARAMS and owner == plan.sensor}
    props = {(owner, bound.name): _value(bound) for owner, bound in used if bound.origin != "request"}
    raws = [node for node in nodes if isinstance(node, Raw)]
    return {
        "metric": _metric(plan.metric, plan.definition),
        "sensor": plan.sensor,
        "type": plan.type,
        "unit": plan.unit,
        "parameters": parameters,
        "props": [{"sensor": owner, "name": name, **value} for (owner, name), value in props.items()],
        "inputs": [{"sensor": node.sensor, "metric": node.metric, "unit": node.unit} for node in raws],
        "formulas": list(_formulas(nodes)),
        "units": _chain(plan.node),
        "steps": [_step(node) for node in nodes],
    }
