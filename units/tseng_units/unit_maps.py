"""What a project says of a free-text unit that its loggers use: which unit it is, times a scale, plus an offset.

The text stays what it is, and so do the values stored under it. With a map they also have the target's dimension:
value in the target's unit = value as stored x scale + offset.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

from tseng_units.errors import InvalidDefinition
from tseng_units.formulas.declare import Floats, Formula
from tseng_units.nodes import Linear, Node
from tseng_units.registry import DIMENSIONS, OPAQUE, conversion, dimension_of, known_units

_LONGEST_TEXT = 200
_CLOSE, _CLOSE_OFFSET = 1e-12, 1e-9


@dataclass(frozen=True, slots=True)
class UnitMap:
    """A free text as scale times a unit of a dimension plus an offset; `version` counts the maps it has had."""

    text: str
    unit: str
    dimension: str
    scale: float = 1.0
    offset: float = 0.0
    version: int = 1

    def within(self, dimension: str | None) -> "UnitMap":
        """The map in another dimension, where that one holds the unit too."""
        if dimension is None or dimension not in DIMENSIONS or self.unit not in DIMENSIONS[dimension].units:
            return self
        return replace(self, dimension=dimension)

    def apply(self, values: Floats) -> Floats:
        """Values [text] as values [unit], float64 arrays of the same shape."""
        return (values - self.shift) * self.scale

    @property
    def shift(self) -> float:
        """What is taken off a value before it is scaled."""
        return -self.offset / self.scale if self.offset else 0.0


def unit_map(
    text: str, unit: str, scale: float = 1.0, offset: float = 0.0, dimension: str | None = None, version: int = 1
) -> UnitMap:
    """Check a map; without `dimension` the first one that holds the unit is meant.

    A text that is itself an id of the target's dimension must be mapped as what the id means: in one list of units a
    word cannot stand for two.

    Raises InvalidDefinition; the field is one of the arguments.
    """
    if not text.strip() or len(text) > _LONGEST_TEXT:
        raise InvalidDefinition(f"a unit's text has 1 to {_LONGEST_TEXT} characters", field="text", seen=text)
    if text == OPAQUE:
        raise InvalidDefinition(f"{OPAQUE} is no unit: it says that none was declared", field="text", seen=text)
    if not math.isfinite(scale) or not scale:
        raise InvalidDefinition(
            f"the scale {scale!r} is not a finite number other than zero", field="scale", seen=scale
        )
    if not math.isfinite(offset):
        raise InvalidDefinition(f"the offset {offset!r} is not a finite number", field="offset", seen=offset)
    found = dimension_of(unit) if dimension is None else DIMENSIONS.get(dimension)
    if found is None or unit not in found.units:
        of = "" if dimension is None else f" of dimension {dimension!r}"
        raise InvalidDefinition(f"{unit!r} is no unit{of}", field="unit", seen=unit, allowed=known_units())
    if text in found.units:
        meant = conversion(found, text, unit)
        if not (math.isclose(meant.scale, scale, rel_tol=_CLOSE) and abs(meant.offset - offset) <= _CLOSE_OFFSET):
            problem = f"{text!r} is a unit of {found.name} itself: 1 {text} is {meant.scale!r} {unit}"
            raise InvalidDefinition(problem, field="scale", seen=scale)
    return UnitMap(text, unit, found.name, float(scale), float(offset), version)


def translated(sensor: str, quantity: str, node: Node, by: UnitMap) -> Linear:
    """A node in a free text as one in the map's unit."""
    formula = _formula(by)
    return Linear(sensor, quantity, formula, node, (), by.shift, by.scale, by.unit, by.dimension)


@lru_cache(maxsize=1024)
def _formula(by: UnitMap) -> Formula:
    """The map as a formula; the same one for the same map, so that plans are equal where they are."""
    plus = f" + {by.offset!r}" if by.offset else ""
    return Formula(
        name=f"unit map {by.text}",
        function=by.apply,
        inputs=(by.text,),
        props=(),
        unit=by.unit,
        dimension=by.dimension,
        doc=f"[{by.unit}] = {by.scale!r} * [{by.text}]{plus}\nSource: unit map of the project, version {by.version}",
    )
