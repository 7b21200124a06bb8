"""All formulas by name. A new module of formulas is added to the tuple below and nowhere else."""

from collections.abc import Mapping
from types import MappingProxyType

from tseng_units.formulas import (
    atmosphere,
    calibration,
    directions,
    geodesy,
    loop,
    rain,
    strain,
    survey,
    temperature,
    tilt,
    vibration,
    water,
)
from tseng_units.formulas.declare import Formula, formulas_of

MODULES = (
    temperature,
    atmosphere,
    calibration,
    water,
    tilt,
    directions,
    survey,
    geodesy,
    strain,
    vibration,
    loop,
    rain,
)

FORMULAS: Mapping[str, Formula] = MappingProxyType(
    {name: made for module in MODULES for name, made in formulas_of(module.__name__).items()}
)
