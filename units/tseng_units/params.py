"""Request parameters: `{"ZERO_DATE": {"value": ..., "unit": ...}}` checked as a whole and turned into plain numbers."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tseng_units.errors import InvalidParam, UnitsError, nearest_first
from tseng_units.instants import EXAMPLE, parse_instant
from tseng_units.registry import DIMENSIONS, conversion, require_unit

ENDS = ("TOP", "BOTTOM")
LONGEST_DT = 10**18
"""Microseconds, beyond every span that instants can have, and safe to subtract from any of them."""


@dataclass(frozen=True, slots=True)
class Params:
    """Validated parameters; None where not given. Dates and dt in int microseconds, angles in degrees."""

    ZERO_DATE: int | None = None
    START_DATE: int | None = None
    dt: int | None = None
    END: str | None = None
    AZIMUTH_XY: float | None = None
    AZIMUTH_STRUCTURE: float | None = None


def number(value: object) -> float:
    """A finite float of a JSON number; ValueError for booleans, text, NaN and everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise ValueError(f"{value!r} is not a finite number")
    return result


def _in_unit(value: object, unit: object, dimension: str, default: str) -> float:
    if unit is not None:
        try:
            require_unit(unit, DIMENSIONS[dimension])
        except UnitsError as problem:
            raise ValueError(str(problem)) from None
    scale = conversion(dimension, str(unit), default).scale if unit is not None else 1.0
    return number(value) * scale


def instant(value: object, unit: object = None) -> int:
    """Microseconds of an ISO 8601 text; `unit` is ignored. ValueError for everything else."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not {EXAMPLE}")
    return parse_instant(value)


def interval(value: object, unit: object = None) -> int:
    """Microseconds of a number > 0 [unit, default s]."""
    micros = _in_unit(value, unit, "time", "s") * 1e6
    if not micros > 0:
        raise ValueError(f"{value!r} is not greater than zero")
    if round(min(micros, LONGEST_DT)) < 1:
        raise ValueError(f"{value!r} is shorter than the microsecond that times are kept in")
    return round(min(micros, LONGEST_DT))


def end_of_array(value: object, unit: object = None) -> str:
    """TOP or BOTTOM, the end of the array taken as fixed."""
    if value not in ENDS:
        raise ValueError(f"{value!r} is neither TOP nor BOTTOM, the end of the array taken as fixed")
    return str(value)


def angle(value: object, unit: object = None) -> float:
    """Degrees of any finite angle [unit, default deg]."""
    return number(_in_unit(value, unit, "angle", "deg"))


PARAMS: Mapping[str, Callable[[object, object], int | str | float]] = {
    "dt": interval,
    "START_DATE": instant,
    "END": end_of_array,
    "ZERO_DATE": instant,
    "AZIMUTH_XY": angle,
    "AZIMUTH_STRUCTURE": angle,
}
"""Every parameter there is, in the order in which they are listed."""


def _checked(id_: str, written: object) -> int | str | float:
    if id_ not in PARAMS:
        raise ValueError(f"no parameter has this id; allowed: {', '.join(nearest_first(id_, PARAMS))}")
    if not isinstance(written, Mapping) or "value" not in written:
        raise ValueError('write it as {"value": ..., "unit": ...}, not as a bare value')
    if written["value"] is None:
        raise ValueError("the value is null")
    return PARAMS[id_](written["value"], written.get("unit"))


def parse_params(params: Mapping[str, object] | None) -> Params:
    """All parameters of a request, those that do not apply to its metric included.

    Raises InvalidParam; the message names every fault, `field` the first of them.
    """
    if params is not None and not isinstance(params, Mapping):
        raise InvalidParam("params is not an object keyed by parameter id", field="params", seen=params, allowed=PARAMS)
    good: dict[str, int | str | float] = {}
    faults: dict[str, str] = {}
    for id_, written in (params or {}).items():
        try:
            good[id_] = _checked(id_, written)
        except ValueError as problem:
            faults[id_] = f"{id_}: {problem}"
    if faults:
        first = next(iter(faults))
        seen = (params or {})[first]
        raise InvalidParam("; ".join(faults.values()), field=first, seen=seen)
    return Params(**good)  # type: ignore[arg-type]  # PARAMS gives each field its own type
