"""The catalogue of metrics, sensor types and rules, read from packaged tables; code refers to none of its ids.

A new sensor type or metric is a line in `data/*.toml`; a new kind of physics is a pure function in `formulas/` and a
rule that names it.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from tseng_units.registry import DATA

TITLE_SIGN = re.compile(r"^(delta|displacement(?= ([XYZ]|northing|easting|height)$))")
"""What a title shortens to ∆: a difference, and the displacement along an axis."""
RULE_KINDS = (
    "delta",
    "rate",
    "accumulate",
    "anchor",
    "increments",
    "intensity",
    "sum",
    "same",
    "mean",
    "choice",
    "formula",
)
DYNAMIC = "@"
"""Prefix of a dimension or unit that a prop of the sensor names."""


@dataclass(frozen=True, slots=True)
class MetricDef:
    """One metric of the catalogue; `dimension` and `default_unit` start with "@" where a prop of the sensor decides.

    `cyclic`: a direction on the full circle, so that its mean is one of directions, not of numbers. `sign`: what is
    positive, empty where that goes without saying.
    """

    id: str
    name: str
    display_name: str
    notation: str
    dimension: str
    default_unit: str
    params: tuple[str, ...]
    mandatory: frozenset[str]
    raw: bool
    cyclic: bool = False
    version: int = 1
    sign: str = ""


@dataclass(frozen=True, slots=True)
class PairedInput:
    """An input taken from another sensor: its metric, and the props that name the sensor and the widest gap bridged."""

    metric: str
    sensor: str
    max_gap: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of several rules computes a quantity, decided by one prop of the sensor.

    `by` says how the prop's value becomes one of `cases` (case to rule): its value itself, its presence, whether it is
    zero, or the dimension of the unit that it names. `default` is the prop's value where it is not given.
    """

    prop: str
    by: str
    cases: Mapping[str, str]
    default: object = None


@dataclass(frozen=True, slots=True)
class Rule:
    """How one quantity is computed: a kind and the quantities it takes (alternatives: the first that the type has).

    The last input of a mean is what is taken where none of the others was uploaded. `says` is what a choice decides.
    """

    id: str
    kind: str
    inputs: tuple[tuple[str, ...] | PairedInput, ...] = ()
    formula: str = ""
    choice: Choice | None = None
    version: int = 1
    says: str = ""


@dataclass(frozen=True, slots=True)
class SensorType:
    """One sensor type: its metrics, the rules that differ from the metric's own name, and type-wide prop defaults."""

    id: str
    raw: tuple[str, ...]
    derived: tuple[str, ...]
    formulas: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)
    generic: bool = False


def title(name: str) -> str:
    """Title form of a metric's name: "delta temperature" gives "∆ Temperature", "displacement X" gives "∆ X"."""
    return " ".join(word[:1].upper() + word[1:] for word in TITLE_SIGN.sub("∆", name).split(" "))


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((DATA / name).read_text(encoding="utf-8"))


def _metrics() -> Iterator[MetricDef]:
    table = _table("metrics.toml")
    params = {"": (), **{key: tuple(ids) for key, ids in table["params"].items()}}
    for id_, (name, notation, dimension, unit, set_, raw) in table["metrics"].items():
        yield MetricDef(
            id=id_,
            name=name,
            display_name=title(name),
            notation=notation,
            dimension=dimension,
            default_unit=unit,
            params=params[set_],
            mandatory=frozenset(params[set_]) if set_ == "R" else frozenset(),
            raw=raw == "r",
            cyclic=id_ in table["kinds"]["cyclic"],
            sign=table["signs"].get(id_, ""),
        )


def _expanded(names: Sequence[str], groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for name in names:
        if name.startswith("@"):
            yield from _expanded(groups[name[1:]], groups)
        else:
            yield name


def _merged(written: Sequence[str | dict[str, str]], groups: Mapping[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    for part in written:
        yield from (groups[part.removeprefix("@")] if isinstance(part, str) else part).items()


def _sensor_types() -> Iterator[SensorType]:
    table = _table("sensor_types.toml")
    for id_, row in table["types"].items():
        yield SensorType(
            id=id_,
            raw=tuple(_expanded(row.get("raw", ()), table["groups"])),
            derived=tuple(_expanded(row["derived"], table["groups"])),
            formulas=MappingProxyType(dict(_merged(row.get("formulas", ()), table["formulas"]))),
            defaults=MappingProxyType(row.get("defaults", {})),
            generic=row.get("generic", False),
        )


def _input(written: str | list[str] | dict[str, str]) -> tuple[str, ...] | PairedInput:
    if isinstance(written, dict):
        return PairedInput(**written)
    return (written,) if isinstance(written, str) else tuple(written)


def _rule_inputs(kind: str, row: dict[str, Any]) -> Iterator[tuple[str, ...] | PairedInput]:
    if kind == "formula":
        yield from map(_input, row["inputs"])
    elif kind == "mean":
        yield from ((name,) for name in (*row["mean"], row["otherwise"]))
    elif kind != "choice":
        yield _input(row[kind])


def _choice(row: dict[str, Any]) -> Choice:
    return Choice(row["choice"], row["by"], MappingProxyType(row["cases"]), row.get("default"))


def _rules() -> Iterator[Rule]:
    for id_, row in _table("rules.toml").items():
        kind = next(kind for kind in RULE_KINDS if kind in row)
        choice = _choice(row) if kind == "choice" else None
        yield Rule(
            id_,
            kind,
            tuple(_rule_inputs(kind, row)),
            row.get("formula", ""),
            choice,
            row.get("version", 1),
            row.get("says", ""),
        )


METRICS: Mapping[str, MetricDef] = MappingProxyType({metric.id: metric for metric in _metrics()})
SENSOR_TYPES: Mapping[str, SensorType] = MappingProxyType({type_.id: type_ for type_ in _sensor_types()})
RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in _rules()})
GENERIC = SENSOR_TYPES["GENERIC_SENSOR_SDE"]
"""What every type that is not in the table is."""


def sensor_type(kind: str) -> SensorType:
    """The sensor type of that id; generic for every id that is not in the table."""
    return SENSOR_TYPES.get(kind, GENERIC)


def base_of(metric: str) -> tuple[str, ...]:
    """The quantities that the rule of the metric's own name takes from the same sensor, alternatives included."""
    return tuple(name for names in RULES[metric].inputs if isinstance(names, tuple) for name in names)


def rule_of(type_: SensorType, quantity: str) -> Rule | None:
    """The rule by which the type computes the quantity, or None where it can only be raw.

    A rule under the quantity's own name serves what the type lists as derived and the inner quantities of other
    rules; a raw metric has a rule only where the type names one (a temperature computed when no logger delivers it).
    """
    named = type_.formulas.get(quantity)
    if named is None and quantity in type_.raw:
        return None
    if named is None and quantity in METRICS and quantity not in type_.derived:
        return None
    return RULES.get(named or quantity)
