"""A plan as plain data for people and machines: inputs, steps, props, formulas with their sources, units."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from tseng_units.bound import Bound, Mask
from tseng_units.catalogue import METRICS, RULES
from tseng_units.definitions import Definition
from tseng_units.instants import MAX_US, MIN_US, format_instant
from tseng_units.nodes import (
    Accumulate,
    Anchored,
    Carry,
    Convert,
    Epochs,
    Linear,
    Map,
    Node,
    Paired,
    Raw,
    quantity_of,
    walk,
)
from tseng_units.params import PARAMS
from tseng_units.plan import Plan
from tseng_units.uses import EVER, Use, uses

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


def _instant(us: int | None, after: int = 0) -> str | None:
    """An end of a span as text; None where it is open. `after` is added where there is room for it."""
    return None if us is None or not MIN_US < us < MAX_US else format_instant(us + after)


def _prop(used: list[Use]) -> dict[str, Any]:
    """A prop with its newest value, and where it changed every value with the time that it serves."""
    told = {"sensor": used[-1].sensor, "name": used[-1].bound.name, **_value(used[-1].bound)}
    if len(used) == 1 and (used[0].first, used[0].last) == EVER:
        return told
    epochs = [{"since": _instant(use.first), "until": _instant(use.last, 1), **_value(use.bound)} for use in used]
    return {**told, "epochs": epochs}


def _step(node: Node) -> dict[str, Any]:
    kind = type(node).__name__.lower()
    match node:
        case Raw():
            return {"step": kind, "sensor": node.sensor, "metric": node.metric, "unit": node.unit}
        case Epochs():
            dates = {"dates": list(map(format_instant, node.dates))}
            return {"step": kind, "sensor": node.sensor, "quantity": node.quantity, **dates, "unit": node.unit}
        case Carry():
            dates = {"replaced": [format_instant(each.at) for each in node.replacements]}
            return {"step": kind, "sensor": node.sensor, "quantity": node.quantity, **dates, "unit": node.unit}
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
    """Units passed on the way from the first stored input to the answer, in the newest of its periods."""
    units = [node.unit]
    while node.children:
        node = node.children[-1 if isinstance(node, Epochs) else 0]
        units.append(node.unit)
    return [unit for unit, _ in groupby(reversed(units))]


def _masks(raws: list[Raw]) -> Iterator[dict[str, object]]:
    """Each mask once, with the metrics of the plan that it concerns."""
    hidden: dict[tuple[str, Mask], list[str]] = {}
    for node in raws:
        for mask in node.masks:
            hidden.setdefault((node.sensor, mask), []).append(node.metric)
    for (sensor, mask), metrics in hidden.items():
        span = {"start": _instant(mask.start), "end": _instant(mask.end)}
        yield {"sensor": sensor, "metrics": metrics, **span, "reason": mask.reason, "from": mask.origin}


def _paired(nodes: list[Node]) -> Iterator[dict[str, object]]:
    """Which sensor's readings were taken at the times of another's."""
    pairs = {(node.sensor, str(node.partner.value), quantity_of(node)) for node in nodes if isinstance(node, Paired)}
    for sensor, partner, metric in sorted(pairs):
        yield {"sensor": sensor, "partner": partner, "metric": metric}


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
    used, defaults included: the newest value and, where a prop changed, epochs [{since, until, value, unit, from}],
    each from `since` on and before `until`, null where open; masks [{sensor, metrics, start, end, reason, from}] over
    the readings, ends inclusive; partners [{sensor, partner, metric}], barometers; inputs [{sensor, metric, unit}];
    formulas [{id, equation, source}]; units (the chain from stored to asked); steps, inputs before what uses them.
    """
    nodes = list(walk(plan.node))
    used = uses(plan.node)
    last = {key: each[-1].bound for key, each in used.items()}
    stored = {key: each for key, each in used.items() if last[key].origin != "request"}
    raws = [node for node in nodes if isinstance(node, Raw)]
    return {
        "metric": _metric(plan.metric, plan.definition),
        "sensor": plan.sensor,
        "type": plan.type,
        "unit": plan.unit,
        "parameters": {n: _value(bound) for (owner, n), bound in last.items() if n in PARAMS and owner == plan.sensor},
        "props": [_prop(each) for each in stored.values()],
        "masks": list(_masks(raws)),
        "partners": list(_paired(nodes)),
        "inputs": [{"sensor": node.sensor, "metric": node.metric, "unit": node.unit} for node in raws],
        "formulas": list(_formulas(nodes)),
        "units": _chain(plan.node),
        "steps": [_step(node) for node in nodes],
    }
