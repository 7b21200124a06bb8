"""Temperatures from resistances."""

import numpy as np

from tseng_units.formulas.declare import Floats, Prop, formula, numbers

ICE_POINT = 273.15
"""K. Some manuals print 273.2; their own tables are met with 273.15."""
BEAD_3K = (1.4051e-3, 2.369e-4, 1.019e-7)
"""Steinhart-Hart coefficients of the 3 kOhm bead (YSI 44005 type), as printed in Geokon manuals, appendix B."""


@formula(
    "Ohm",
    unit="C",
    props=(
        Prop("STEINHART", "1/K", BEAD_3K, numbers(3, 4)),
        Prop("T_RANGE", "C", (-60.0, 260.0), numbers(2)),
    ),
)
def steinhart_hart(
    resistance: Floats, *, steinhart: tuple[float, ...] = BEAD_3K, t_range: tuple[float, ...] = (-60.0, 260.0)
) -> Floats:
    """Temperature of a thermistor: T = 1/(A + B ln R + C ln^3 R + D ln^5 R) - 273.15.

    resistance: float64 array [Ohm], any shape; not positive: missing.
    steinhart: A, B, C and optionally D [1/K]. t_range: T outside it (open or short circuit) is missing [C].
    Returns T [C].
    Source: Steinhart and Hart, Deep-Sea Research 15 (1968) 497-503, eq. 1; Geokon 4500 manual, appendix B.
    """
    a, b, c, d = (*steinhart, 0.0)[:4]
    positive = resistance > 0
    log = np.log(resistance, where=positive, out=np.ones_like(resistance))
    square = log * log
    with np.errstate(divide="ignore"):
        celsius = 1.0 / (a + log * (b + square * (c + square * d))) - ICE_POINT
    low, high = t_range
    return np.where(positive & (celsius >= low) & (celsius <= high), celsius, np.nan)
