"""Units by id and dimension, and conversions compiled once to y = x * scale + offset.

The ids are the product's own; what they mean is in `data/units.txt`, pint's definition language. pint reads it with
exact fractions and is asked twice per unit pair (for 0 and for 1); after that a conversion is numpy alone. Whether
two units go together is decided by the dimension's name, never by pint, to which strain, gradient and angle are one
and the same.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tseng_units.errors import IncompatibleUnit, UnknownUnit

if TYPE_CHECKING:
    import pint

Floats = NDArray[np.float64]
OPAQUE = "GENERIC"
"""Unit of what was uploaded without being declared anywhere: it converts to nothing but itself."""
DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit as the outside sees it: id, American singular name, usual symbol."""

    id: str
    name: str
    notation: str


@dataclass(frozen=True, slots=True)
class Dimension:
    """The units that convert into each other, by id, and the id of the base unit."""

    name: str
    base: str
    units: Mapping[str, Unit]


@dataclass(frozen=True, slots=True)
class Affine:
    """A compiled conversion: `values * scale + offset`, or `values / divisor` where that is more exact (mm to m)."""

    scale: float = 1.0
    offset: float = 0.0
    divisor: float = 1.0

    @property
    def identity(self) -> bool:
        """Whether values pass unchanged."""
        return self.scale == 1.0 and self.offset == 0.0

    def apply(self, values: Floats, out: Floats | None = None) -> Floats:
        """Converted float64 values of the same shape; into `out` if given (it may be `values` itself).

        The identity without `out` returns `values` themselves.
        """
        if self.identity:
            if out is None or out is values:
                return values
            out[...] = values
            return out
        if self.divisor != 1.0:
            return np.divide(values, self.divisor, out=out)
        if self.scale == 1.0:
            return np.add(values, self.offset, out=out)
        result = np.multiply(values, self.scale, out=out)
        if self.offset:
            result += self.offset
        return result


def _load() -> tuple[Mapping[str, Dimension], Mapping[tuple[str, str], str]]:
    table: dict[str, dict[str, Any]] = tomllib.loads((DATA / "units.toml").read_text(encoding="utf-8"))
    dimensions: dict[str, Dimension] = {}
    expressions: dict[tuple[str, str], str] = {}
    for name, row in table.items():
        units = {id_: Unit(id_, unit_name, notation) for id_, _, unit_name, notation in row["units"]}
        dimensions[name] = Dimension(name, row["base"], MappingProxyType(units))
        expressions.update({(name, id_): expression for id_, expression, _, _ in row["units"]})
    return MappingProxyType(dimensions), MappingProxyType(expressions)


DIMENSIONS, PINT_EXPRESSIONS = _load()
"""Dimensions by name, in the order in which ids are searched; and (dimension, id) to pint's expression."""


INTERVALS = {"temperature": "temperature_delta"}
"""Dimensions whose differences are another dimension with the same unit ids."""


def interval_of(dimension: str | None) -> str | None:
    """Dimension of the differences of a dimension."""
    return INTERVALS.get(dimension, dimension) if dimension is not None else None


@cache
def _pint() -> "pint.UnitRegistry[Any]":
    import pint  # 0.2 s: only when a first conversion is compiled

    registry: pint.UnitRegistry[Any] = pint.UnitRegistry(None, non_int_type=Fraction)
    registry.load_definitions((DATA / "units.txt").read_text(encoding="utf-8").splitlines())
    return registry


def dimension_of(unit_id: str) -> Dimension | None:
    """First dimension that holds the id, in the order of DIMENSIONS; None for an unknown id."""
    return next((dimension for dimension in DIMENSIONS.values() if unit_id in dimension.units), None)


def known_units() -> tuple[str, ...]:
    """Every unit id once, in the order of the dimensions."""
    return tuple(dict.fromkeys(id_ for dimension in DIMENSIONS.values() for id_ in dimension.units))


def require_unit(unit_id: object, dimension: Dimension, field: str = "unit") -> Unit:
    """The unit of that id in the dimension.

    Raises UnknownUnit (in no dimension) or IncompatibleUnit (in another one); `allowed` are the dimension's ids.
    """
    if isinstance(unit_id, str):
        if unit_id in dimension.units:
            return dimension.units[unit_id]
        if dimension_of(unit_id) is not None:
            problem = f"unit {unit_id!r} is not a unit of {dimension.name}"
            raise IncompatibleUnit(problem, field=field, seen=unit_id, allowed=dimension.units)
    raise UnknownUnit(f"no unit has the id {unit_id!r}", field=field, seen=unit_id, allowed=dimension.units)


def exact_conversion(dimension: str, from_id: str, to_id: str) -> tuple[Fraction, Fraction]:
    """Scale and offset as exact fractions (pi to 50 decimals)."""
    registry = _pint()
    source, target = (PINT_EXPRESSIONS[dimension, id_] for id_ in (from_id, to_id))
    zero, one = (Fraction(registry.Quantity(Fraction(x), source).to(target).magnitude) for x in (0, 1))
    return one - zero, zero


def base_powers(dimension: str) -> dict[str, Fraction]:
    """Exponents of pint's base dimensions (`[length]`) that the dimension's base unit has."""
    one = _pint().Quantity(Fraction(1), PINT_EXPRESSIONS[dimension, DIMENSIONS[dimension].base])
    return {str(name): Fraction(power) for name, power in one.dimensionality.items()}


def affine(scale: Fraction, offset: Fraction = Fraction(0)) -> Affine:
    """The conversion with this exact scale and offset, each rounded once."""
    exact_division = not offset and scale.numerator == 1 and scale.denominator == float(scale.denominator)
    return Affine(float(scale), float(offset), float(scale.denominator) if exact_division else 1.0)


@cache
def _compiled(dimension: str, from_id: str, to_id: str) -> Affine:
    return affine(*exact_conversion(dimension, from_id, to_id))


def conversion(dimension: Dimension | str, from_id: str, to_id: str) -> Affine:
    """The compiled conversion between two units of one dimension.

    Raises UnknownUnit or IncompatibleUnit for ids that are not in the dimension.
    """
    resolved = DIMENSIONS[dimension] if isinstance(dimension, str) else dimension
    for id_ in (from_id, to_id):
        require_unit(id_, resolved)
    if from_id == to_id:
        return IDENTITY
    return _compiled(resolved.name, from_id, to_id)


IDENTITY = Affine()


def common_dimension(from_id: str, to_id: str) -> Dimension:
    """First dimension that holds both ids; raises UnknownUnit or IncompatibleUnit."""
    first = dimension_of(from_id)
    if first is None:
        raise UnknownUnit(f"no unit has the id {from_id!r}", field="unit", seen=from_id, allowed=known_units())
    both = (d for d in DIMENSIONS.values() if from_id in d.units and to_id in d.units)
    found = next(both, None)
    if found is None:
        require_unit(to_id, first)
        raise AssertionError("unreachable: require_unit accepts only what the first dimension holds")
    return found


def convert(values: ArrayLike, from_id: str, to_id: str, dimension: Dimension | str | None = None) -> Floats:
    """Values [from_id] as float64 values [to_id], any shape.

    Without `dimension` the first one that holds both ids decides, so C to F is absolute; name `temperature_delta` for
    intervals. Raises UnknownUnit or IncompatibleUnit.
    """
    affine = conversion(dimension or common_dimension(from_id, to_id), from_id, to_id)
    return np.asarray(affine.apply(np.asarray(values, dtype=np.float64)))


def _folded(text: str) -> str:
    return "".join(text.split()).casefold()


@cache
def _spellings() -> tuple[Mapping[str, str], Mapping[str, str]]:
    listed: dict[str, list[str]] = tomllib.loads((DATA / "spellings.toml").read_text(encoding="utf-8"))
    exact = {text: id_ for id_, texts in listed.items() for text in texts}
    for unit in (
        unit for dimension in DIMENSIONS.values() for unit in dimension.units.values() if unit.id not in UNGUESSED
    ):
        exact.update(dict.fromkeys((unit.notation, unit.name, unit.id), unit.id))
    del exact["gal"]  # a gallon to most files
    folded: dict[str, set[str]] = {}
    for text, id_ in exact.items():
        folded.setdefault(_folded(text), set()).add(id_)
    plain = {text: min(ids) for text, ids in folded.items() if len(ids) == 1}
    return exact, {text: id_ for text, id_ in plain.items() if id_ not in CASE_MATTERS}


UNGUESSED = frozenset({"pct", "one"})
"""Ids whose symbol says nothing about what is measured: such columns keep their unit as free text."""
CASE_MATTERS = frozenset({"MN", "Gal", "g", "mg", "K", "A", "h", "d", "s"})
"""Ids that mean another thing in the other case (mN, gallon, gauss ...): taken as written only."""


def unit_from_text(text: str) -> str | None:
    """Unit id of a spelling that a logger file used, or None: the text is then kept as it is and never converted.

    "%", "ppm" and blanks give None, since they name no dimension.
    """
    exact, folded = _spellings()
    return exact.get(text.strip()) or folded.get(_folded(text))
