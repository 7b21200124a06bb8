"""docs/metrics.md, written from the catalogue: `python -m tseng_units.metrics_page docs/metrics.md`.

Nothing imports this module. What a formula does is told in the words of its docstring.
"""

import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from tseng_units.catalogue import (
    METRICS,
    RULES,
    SENSOR_TYPES,
    Choice,
    MetricDef,
    PairedInput,
    Rule,
    SensorType,
    rule_of,
)
from tseng_units.formulas.declare import REQUIRED, UNIT_PROPS, Prop
from tseng_units.formulas.table import FORMULAS
from tseng_units.registry import DATA, DIMENSIONS
from tseng_units.resolve import BARO_MAX_GAP

INTRO = (
    "# Metrics",
    "",
    "Every metric and how it is computed. `make docs` writes this page from the catalogue; a test holds them together.",
    "",
    "- A **raw** metric is uploaded and stored; all others are computed on read. "
    "A raw metric with a formula is computed where it was never uploaded.",
    "- The unit shown is the default; a metric takes every unit of its dimension ([units](#units)).",
    "- **Props** belong to the sensor or else its device. `A = 1` gives the value where neither has one; "
    "without a prop that has no such value the metric is not available.",
    "- A formula needs all of its inputs at that time. Outside its range there is no value.",
    "- **Differences** are taken from a zero reading or over an interval `dt`; **rates** need `dt`. "
    "[Rules](rules.md) says which reading is the zero, and how arrays are put in order.",
    "",
)
KINDS = {
    "delta": "Difference of {}.",
    "rate": "Difference of {} over `dt`, by the time between.",
    "accumulate": "Sum of {} from the sensor down to the fixed foot; "
    "with `END` = TOP from the sensor up to the fixed head, negative.",
    "anchor": "{} of the deepest anchor less the own; with `END` = TOP the own, negative.",
    "increments": "Step of {} since the reading before; after a drop, which is a reset, the reading itself.",
    "intensity": "{} by the time since the reading before.",
    "sum": "Sum of {} after the zero date up to each time, of all where there is no date; "
    "with `dt` of that interval before each time, once readings cover it.",
    "same": "{} itself.",
}
CASES = {
    "present": "with `{0}`",
    "absent": "without `{0}`",
    "zero": "`{0}` = 0",
    "other": "`{0}` not 0",
}
MANY_TYPES = 6
"""From more sensor types than this their number alone is told."""


def _value(value: object) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _prop(prop: Prop) -> str:
    unit = prop.unit and f" {prop.unit}"
    return f"`{prop.name}`{unit}" if prop.default is REQUIRED else f"`{prop.name}` = {_value(prop.default)}{unit}"


def _named(name: str) -> str:
    return f"`{name}`" if name in METRICS else f"[{name}](#{name.lower()})"


def _input(written: tuple[str, ...] | PairedInput) -> str:
    if isinstance(written, PairedInput):
        return f"`{written.metric}` of the sensor that `{written.sensor}` names"
    return " or else ".join(map(_named, written))


def _props(rule: Rule) -> Iterator[str]:
    formula = FORMULAS[rule.formula]
    yield from map(_prop, formula.props)
    for each in rule.inputs:
        if isinstance(each, PairedInput):
            yield from (f"`{each.sensor}`", f"`{each.max_gap}` = {_value(BARO_MAX_GAP)} s")
    yield from (f"`{name}`" for name in UNIT_PROPS if name in formula.unit_props)


def _inputs(rule: Rule) -> str:
    inputs = list(map(_input, rule.inputs))
    if rule.kind == "mean":
        return f"those of {', '.join(inputs[:-1])} that were uploaded, or else {inputs[-1]}"
    return ", ".join(inputs)


def _formula(rule: Rule, inputs: bool = True) -> str:
    equation, *rest = FORMULAS[rule.formula].doc.split("\n")
    source = " ".join("\n".join(rest).partition("Source:")[2].split())
    props = ", ".join(_props(rule))
    told = [equation, inputs and f"Inputs: {_inputs(rule)}.", props and f"Props: {props}.", f"Source: {source}"]
    return " ".join(each for each in told if each)


def _case(choice: Choice, case: str) -> str:
    if choice.by == "dimension":
        return f"`{choice.prop}` a unit of {case}"
    text = CASES.get(case, f"`{{0}}` = {case}").format(choice.prop)
    usual = choice.default is not None and case == ("zero" if choice.by == "zero" else _value(choice.default))
    return f"{text} (if it is not given)" if usual else text


def _told(rule: Rule, depth: int = 0) -> list[str]:
    """What a rule does: one line; of a choice what it decides, then a list of its cases."""
    if rule.choice is None:
        return [_formula(rule) if rule.formula else KINDS[rule.kind].format(_input(rule.inputs[0]))]
    lines = [rule.says, *([] if depth else [""])]
    for case, chosen in rule.choice.cases.items():
        first, *rest = [f"{_named(chosen)}."] if chosen in _inner() else _told(RULES[chosen], depth + 1)
        lines += [f"{'  ' * depth}- {_case(rule.choice, case)}: {first}".rstrip(), *rest]
    return lines


def _types() -> list[SensorType]:
    return [type_ for type_ in SENSOR_TYPES.values() if not type_.generic]


def _parts(rule: Rule) -> Iterator[str]:
    """The quantities that a rule takes from the same sensor, whichever of its cases holds."""
    for each in rule.inputs:
        yield from each if isinstance(each, tuple) else ()
    for chosen in rule.choice.cases.values() if rule.choice else ():
        yield from _parts(RULES[chosen])


def _quantities(type_: SensorType) -> dict[str, Rule]:
    """Every quantity that the type's metrics are made of, with its rule."""
    found: dict[str, Rule] = {}
    wanted = [*type_.raw, *type_.derived]
    for quantity in wanted:
        rule = rule_of(type_, quantity)
        if rule is not None and quantity not in found:
            found[quantity] = rule
            wanted += _parts(rule)
    return found


def _inner() -> dict[str, None]:
    """The quantities that are no metrics but inputs of formulas, in alphabetical order."""
    return dict.fromkeys(sorted({name for type_ in _types() for name in _quantities(type_)} - set(METRICS)))


def _rules(quantity: str) -> dict[str, list[str]]:
    """The rules that compute a quantity, each with the types that use it."""
    found: dict[str, list[str]] = {}
    for type_ in _types():
        rule = _quantities(type_).get(quantity)
        if rule is not None:
            found.setdefault(rule.id, []).append(type_.id)
    return found


def _how(quantity: str) -> list[str]:
    found = _rules(quantity)
    if len(found) == 1:
        return _told(RULES[next(iter(found))])
    lines: list[str] = []
    for rule, types in found.items():
        first, *rest = _told(RULES[rule], 1)
        lines += [f"- {', '.join(types)}: {first}".rstrip(), *rest]
    return lines


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield from (f"| {' | '.join(head)} |", f"|{'---|' * len(head)}")
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _unit(metric: MetricDef) -> str:
    return metric.default_unit.replace("@", "as in ")


def _deliverers(metric: str) -> str:
    types = [type_.id for type_ in _types() if metric in type_.raw]
    return f"{len(types)} types" if len(types) > MANY_TYPES else ", ".join(types) or "generic sensors"


def _difference_of(metric: MetricDef) -> str:
    """The metric that this one is the difference or rate of for every type, or nothing."""
    rules = [RULES[rule] for rule in _rules(metric.id)]
    if len(rules) != 1 or rules[0].kind not in ("delta", "rate"):
        return ""
    return next((name for name in _parts(rules[0]) if name in METRICS), "")


def _shape(metric: MetricDef) -> object:
    """Metrics that are computed alike, from other inputs, share an entry."""
    rules = [RULES[rule] for rule in _rules(metric.id)]
    alike = len(rules) == 1 and rules[0].kind in ("formula", "accumulate")
    return (rules[0].kind, rules[0].formula, metric.dimension, metric.params) if alike else metric.id


def _facts(metric: MetricDef) -> str:
    facts = [f"{metric.name} [{_unit(metric)}]", metric.sign and f"positive: {metric.sign}"]
    facts += [f"parameters {_code(metric.params)}"] if metric.params else []
    return "; ".join(fact for fact in facts if fact)


def _entry(metrics: Sequence[MetricDef]) -> Iterator[str]:
    uploaded = " Where it was not uploaded:" if metrics[0].raw else ""
    yield from (f"### {', '.join(metric.id for metric in metrics)}", "")
    if len(metrics) == 1:
        first, *rest = _how(metrics[0].id)
        yield from (f"{_facts(metrics[0])}.{uploaded}", "", *([first] if first else []), *rest, "")
        return
    rules = [RULES[next(iter(_rules(metric.id)))] for metric in metrics]
    if rules[0].formula:
        yield from (_formula(rules[0], inputs=False) + uploaded, "")
    else:
        yield from (KINDS[rules[0].kind].format("the increments"), "")
    yield from (f"- `{m.id}`: of {_inputs(rule)}; {_facts(m)}" for m, rule in zip(metrics, rules, strict=True))
    yield ""


def _section(title: str, ids: Sequence[str]) -> Iterator[str]:
    metrics = [METRICS[id_] for id_ in ids]
    yield from (f"## {title}", "")
    raw = [[f"`{m.id}`", m.name, _unit(m), m.sign, _deliverers(m.id)] for m in metrics if m.raw]
    if raw:
        yield from _table(("raw", "name", "unit", "positive", "uploaded by"), raw)
    simple = {m.id: of for m in metrics if not m.raw and (of := _difference_of(m))}
    if simple:
        head = ("difference or rate", "name", "of", "unit", "positive", "parameters")
        shown = (m for m in metrics if m.id in simple)
        yield from _table(
            head, ([f"`{m.id}`", m.name, f"`{simple[m.id]}`", _unit(m), m.sign, _code(m.params)] for m in shown)
        )
    entries = [m for m in metrics if m.id not in simple and _rules(m.id)]
    for _, alike in groupby(entries, _shape):
        yield from _entry(list(alike))


def _steps() -> Iterator[str]:
    yield from ("## Steps in between", "", "What formulas above are made of, and nobody can ask for.", "")
    for name in _inner():
        yield from (f"### {name}", "", *_how(name), "")


def _sensor_types() -> Iterator[str]:
    yield from ("## Sensor types", "")
    yield (
        "The type is the prop `INTEGRATION_ID` if it is in this table, else the one that the sensor was created with. "
        "A type that is not in the table is generic: its metrics are those that its props `KNOWN_METRICS` and "
        "`UNKNOWN_METRICS` declare and those that were uploaded, and the differences of those that the catalogue "
        "knows. With the prop `UNDECLARED_METRICS` = `UNKNOWN`, which the sensors of digital twins have, what is "
        "uploaded without being declared is in the unit `GENERIC`, whatever it is called."
    )
    yield ""
    head = ("type", "raw, in the order of uploads without names", "derived", "props if not given")
    yield from _table(head, ([t.id, _code(t.raw), _code(t.derived), _defaults(t)] for t in _types()))


def _defaults(type_: SensorType) -> str:
    return ", ".join(f"`{name}` = {_value(value)}" for name, value in type_.defaults.items())


def page() -> str:
    """The whole page, in Markdown."""
    table: Mapping[str, Mapping[str, list[str]]] = tomllib.loads((DATA / "metrics.toml").read_text(encoding="utf-8"))
    sections = [line for title, ids in table["sections"].items() for line in _section(title, ids)]
    units = _table(("dimension", "units"), ([name, _code(each.units)] for name, each in DIMENSIONS.items()))
    lines = [*INTRO, *sections, *_steps(), *_sensor_types(), "## Units", "", *units]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
