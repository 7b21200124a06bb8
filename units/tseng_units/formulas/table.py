"""All formulas by name. A new module of formulas is added to the tuple below and nowhere else."""

from collections.abc import Mapping
from types import MappingProxyType

from tseng_units.formulas import atmosphere, directions, survey, temperature, tilt, water
from tseng_units.formulas.declare import Formula, formulas_of

MODULES = (temperature, atmosphere, water, tilt, directions, survey)

FORMULAS: Mapping[str, Formula] = MappingProxyType(
    {name: made for module in MODULES for name, made in formulas_of(module.__name__).items()}
)
