"""How a formula tells the rest of the package what it takes and gives.

The decorator states the unit of each input array, the props that become keyword arguments, and the unit of the
result; the function itself stays an ordinary numpy function that can be called and tested alone.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tseng_units.params import number
from tseng_units.registry import DIMENSIONS, dimension_of

Floats = NDArray[np.float64]
Check = Callable[[object], object]
F = TypeVar("F", bound=Callable[..., Floats])
REQUIRED = object()


@dataclass(frozen=True, slots=True)
class Prop:
    """A prop that a formula needs: name, unit, check, and default (REQUIRED: without it the metric is not available).

    `request` says that a request parameter of the same name overrides it.
    """

    name: str
    unit: str = ""
    default: object = REQUIRED
    check: Check = number
    request: bool = False

    @property
    def keyword(self) -> str:
        """Name of the function's keyword argument."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Formula:
    """A registered function with everything that planning needs to know of it.

    A unit may be the name of one of UNIT_PROPS: the one that this prop of the sensor names; `dimension` is None then.
    """

    name: str
    function: Callable[..., Floats]
    inputs: tuple[str, ...]
    props: tuple[Prop, ...]
    unit: str
    dimension: str | None
    doc: str
    line: Callable[..., tuple[float, float]] | None = None
    """Props to (shift, factor) where the formula is the straight line (x - shift) * factor."""
    variadic: bool = False
    """Whether the one input stands for any number of them."""

    @property
    def unit_props(self) -> tuple[str, ...]:
        """The props that name units of its inputs or its result."""
        return tuple(name for name in UNIT_PROPS if name in (*self.inputs, self.unit))


def positive(value: object) -> float:
    """A finite number greater than zero."""
    result = number(value)
    if result <= 0:
        raise ValueError(f"{value!r} is not greater than zero")
    return result


def not_zero(value: object) -> float:
    """A finite number other than zero."""
    result = number(value)
    if result == 0:
        raise ValueError(f"{value!r} is zero")
    return result


def not_negative(value: object) -> float:
    """A finite number of at least zero."""
    result = number(value)
    if result < 0:
        raise ValueError(f"{value!r} is negative")
    return result


def numbers(*lengths: int) -> Check:
    """A check for a list of finite numbers of one of these lengths (any length from 1 if none is given)."""

    def check(value: object) -> tuple[float, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{value!r} is not a list of numbers")
        result = tuple(map(number, value))
        if not result or (lengths and len(result) not in lengths):
            raise ValueError(f"{value!r} has {len(result)} numbers")
        return result

    return check


def one_of(*names: str) -> Check:
    """A check for one of a few words."""

    def check(value: object) -> str:
        if value not in names:
            raise ValueError(f"{value!r} is none of {', '.join(names)}")
        return str(value)

    return check


def _word(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is not a unit")
    return value


def _known_unit(value: object) -> str:
    if dimension_of(_word(value)) is None:
        raise ValueError(f"no unit has the id {value!r}")
    return str(value)


UNIT_PROPS: Mapping[str, Prop] = {
    "CAL_UNIT": Prop("CAL_UNIT", check=_known_unit),
    "VAL_UNIT": Prop("VAL_UNIT", check=_word),
}
"""Props that name the unit of a formula's inputs or result; VAL_UNIT may be free text."""
FORMULAS_BY_MODULE: dict[str, dict[str, Formula]] = {}


def _is_variadic(function: Callable[..., Floats]) -> bool:
    return any(each.kind is each.VAR_POSITIONAL for each in inspect.signature(function).parameters.values())


def formula(*inputs: str, unit: str, props: tuple[Prop, ...] = (), dimension: str | None = None) -> Callable[[F], F]:
    """Register a function: units of its positional arrays, unit of its result, props.

    `dimension` is that of the result, by default the first one that holds the unit. The function returns an array of
    its own, never one of its inputs: what it returns is changed in place afterwards.
    """
    result = DIMENSIONS[dimension] if dimension else dimension_of(unit)
    assert result is not None or unit in UNIT_PROPS, unit
    of = None if result is None else result.name

    def register(function: F) -> F:
        doc, variadic = inspect.getdoc(function) or "", _is_variadic(function)
        made = Formula(function.__name__, function, inputs, props, unit, of, doc, variadic=variadic)
        FORMULAS_BY_MODULE.setdefault(function.__module__, {})[made.name] = made
        return function

    return register


def linear(
    input: str, *, unit: str, props: tuple[Prop, ...] = (), dimension: str | None = None
) -> Callable[[Callable[..., tuple[float, float]]], Callable[..., tuple[float, float]]]:
    """Register a straight line: the function turns props (keywords) into (shift, factor) of (x - shift) * factor."""

    def register(line: Callable[..., tuple[float, float]]) -> Callable[..., tuple[float, float]]:
        def function(values: Floats, **props: object) -> Floats:
            shift, factor = line(**props)
            return (values - shift) * factor

        function.__name__, function.__module__, function.__doc__ = line.__name__, line.__module__, line.__doc__
        keywords = inspect.signature(line).parameters.values()
        values = inspect.Parameter("values", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        function.__signature__ = inspect.Signature([values, *keywords])  # type: ignore[attr-defined]  # read by inspect
        formula(input, unit=unit, props=props, dimension=dimension)(function)
        made = FORMULAS_BY_MODULE[line.__module__]
        made[line.__name__] = replace(made[line.__name__], line=line)
        return line

    return register


def formulas_of(module: str) -> Mapping[str, Formula]:
    """The formulas that a module registered, by name."""
    return FORMULAS_BY_MODULE[module]
