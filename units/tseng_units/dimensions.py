"""What quantities are made of, exactly: exponents of base dimensions, and units composed of our own ids.

In arithmetic an angle, a strain, a gradient, a ratio and a count are plain numbers, as they are to physics; a vibrating
wire's digit stays a thing of its own. A temperature on a scale with an arbitrary zero (`absolute`) is a point, a
difference of temperatures is an interval: points have no multiples, only differences.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from types import MappingProxyType

from tseng_units.errors import InvalidDefinition
from tseng_units.registry import (
    DIMENSIONS,
    INTERVALS,
    Affine,
    affine,
    base_powers,
    dimension_of,
    exact_conversion,
    known_units,
)

PLAIN = frozenset({"strain", "angle", "gradient", "voltage_ratio", "ratio", "count"})
"""Dimensions whose base unit is the number one in arithmetic."""
LOGARITHMIC = frozenset({"sound_level"})
"""Dimensions of logarithms: their sums and multiples mean nothing."""
SCALES = {"temperature": "C"}
"""Dimensions with an arbitrary zero, and the unit in which their points enter an expression. It cannot be seen in any
result, since only differences of points can be; the unit of most readings keeps those exact."""
LONGEST_UNIT = 100
LARGEST_POWER = 9
LARGEST_SCALE = Fraction(10) ** 100
_TOKEN = re.compile(
    r"\s*(?:(?P<id>[A-Za-z][A-Za-z0-9_]*)|(?P<power>(?:\^|\*\*)\s*[+-]?\d+)|(?P<sign>[*/()1]))", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a quantity is: exponents of base dimensions by name, sorted, none zero; `absolute` for a temperature."""

    powers: tuple[tuple[str, Fraction], ...] = ()
    absolute: bool = False

    @property
    def plain(self) -> bool:
        """Whether it is a number."""
        return not self.powers

    def times(self, other: "Kind", power: Fraction = Fraction(1)) -> "Kind":
        """The kind of the product with a power of the other."""
        total = dict(self.powers)
        for name, exponent in other.powers:
            total[name] = total.get(name, Fraction(0)) + exponent * power
        return _kind(total)

    def to_the(self, power: Fraction) -> "Kind":
        """The kind of a power."""
        return NUMBER.times(self, power)

    def __str__(self) -> str:
        """Name it as the dimensions are named; what has no name there by its base dimensions."""
        if self.plain:
            return "a plain number"
        if self.absolute:
            return "temperature"
        return _names().get(self.powers) or _composed(self.powers)


def _kind(powers: Mapping[str, Fraction], absolute: bool = False) -> Kind:
    return Kind(tuple(sorted((name, power) for name, power in powers.items() if power)), absolute)


NUMBER = Kind()


@cache
def kind_of(dimension: str) -> Kind:
    """The kind of quantities of a dimension.

    Raises InvalidDefinition for a logarithm, which takes part in no arithmetic.
    """
    if dimension in LOGARITHMIC:
        problem = f"{dimension} is a logarithm, with which nothing can be computed"
        raise InvalidDefinition(problem, field="", seen=dimension)
    if dimension in PLAIN:
        return NUMBER
    powers = {name.strip("[]"): power for name, power in base_powers(dimension).items()}
    return _kind(powers, dimension in SCALES)


def base_unit(dimension: str) -> str:
    """The unit in which quantities of the dimension enter an expression and leave it."""
    return SCALES.get(dimension, DIMENSIONS[dimension].base)


def fitting(unit: str, kind: Kind) -> list[str]:
    """The dimensions that hold the unit and whose quantities are of that kind."""
    holding = (dimension.name for dimension in DIMENSIONS.values() if unit in dimension.units)
    return [name for name in holding if name not in LOGARITHMIC and kind_of(name) == kind]


@cache
def _names() -> Mapping[tuple[tuple[str, Fraction], ...], str]:
    named: dict[tuple[tuple[str, Fraction], ...], str] = {}
    for dimension in DIMENSIONS:
        if dimension not in LOGARITHMIC | PLAIN and dimension not in SCALES:
            named.setdefault(kind_of(dimension).powers, dimension)
    return MappingProxyType(named)


def _composed(powers: tuple[tuple[str, Fraction], ...]) -> str:
    above = [_power(name, power) for name, power in powers if power > 0]
    below = [_power(name, -power) for name, power in powers if power < 0]
    return "/".join(["*".join(above) or "1", *below])


def _power(name: str, power: Fraction) -> str:
    if power == 1:
        return name
    return f"{name}^{power}" if power.denominator == 1 else f"{name}^({power})"


@dataclass(frozen=True, slots=True)
class Compound:
    """The kind of what a unit measures, and the conversion of such values to what expressions take."""

    kind: Kind
    to_base: Affine


def compound(text: str, dimension: str | None = None) -> Compound:
    """A unit composed of our ids by `*`, `/`, whole powers (`^2`, `**2`) and parentheses: `mm/digit`, `kN/m^3`.

    A lone id is a unit of `dimension`, else of the first dimension that holds it; within a product C, K and F are
    differences. No text at all is a plain number.

    Raises InvalidDefinition for what is no such text, an unknown id, one that is not of `dimension`, or a scale beyond
    LARGEST_SCALE in either direction.
    """
    if not text.strip():
        return Compound(NUMBER, affine(Fraction(1)))
    found = dimension_of(text) if dimension is None else DIMENSIONS.get(dimension)
    if dimension is not None and (found is None or text not in found.units):
        allowed = [each.name for each in DIMENSIONS.values() if text in each.units]
        raise InvalidDefinition(
            f"unit {text!r} is not of dimension {dimension!r}", field="", seen=dimension, allowed=allowed
        )
    if found is not None:
        return Compound(kind_of(found.name), affine(*exact_conversion(found.name, text, base_unit(found.name))))
    if len(text) > LONGEST_UNIT:
        raise InvalidDefinition(f"a unit has at most {LONGEST_UNIT} characters", field="", seen=text)
    kind, scale = _Reader(text).whole()
    return Compound(kind, affine(scale))


class _Reader:
    """Reads a product from left to right: a quotient takes the one factor behind it, a power the one id before it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split())
        self._at = 0

    def _split(self) -> Iterator[tuple[str, str]]:
        position, text = 0, self._text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None:
                raise self._error(f"{text[position:].strip()[:1]!r} stands where none can")
            assert found.lastgroup is not None
            yield found.lastgroup, found[found.lastgroup]
            position = found.end()

    def _error(self, problem: str) -> InvalidDefinition:
        how = "write our unit ids with *, /, whole powers such as ^2, and parentheses"
        return InvalidDefinition(f"in unit {self._text!r}: {problem}; {how}", field="", seen=self._text)

    def _next(self, *wanted: str) -> str | None:
        """The next token's text if it is one of the wanted groups or signs."""
        if self._at < len(self._tokens):
            group, text = self._tokens[self._at]
            if group in wanted or text in wanted:
                self._at += 1
                return text
        return None

    def whole(self) -> tuple[Kind, Fraction]:
        """Kind and scale of all of the text."""
        result = self._product()
        if self._at < len(self._tokens):
            raise self._error(f"{self._tokens[self._at][1]!r} stands where none can")
        if not 1 / LARGEST_SCALE <= result[1] <= LARGEST_SCALE:
            raise self._error("it is too large or too small to compute with")
        return result

    def _product(self) -> tuple[Kind, Fraction]:
        kind, scale = self._factor()
        while sign := self._next("*", "/"):
            other, factor = self._factor()
            power = 1 if sign == "*" else -1
            kind, scale = kind.times(other, Fraction(power)), scale * factor**power
        return kind, scale

    def _factor(self) -> tuple[Kind, Fraction]:
        if self._next("("):
            inner = self._product()
            if not self._next(")"):
                raise self._error("a parenthesis is not closed")
            return inner
        if self._next("1"):
            return NUMBER, Fraction(1)
        unit = self._next("id")
        if unit is None:
            raise self._error("a unit id is missing")
        kind, scale = self._known(unit)
        power = int((self._next("power") or "1").strip("^* "))
        if abs(power) > LARGEST_POWER:
            raise self._error(f"a power is at most {LARGEST_POWER}")
        return kind.to_the(Fraction(power)), scale**power

    def _known(self, unit: str) -> tuple[Kind, Fraction]:
        dimension = dimension_of(unit)
        if dimension is None:
            raise InvalidDefinition(
                f"in unit {self._text!r}: no unit has the id {unit!r}", field="", seen=unit, allowed=known_units()
            )
        name = INTERVALS.get(dimension.name, dimension.name)
        return kind_of(name), exact_conversion(name, unit, DIMENSIONS[name].base)[0]
