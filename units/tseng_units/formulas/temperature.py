"""Temperatures from resistances."""

import numpy as np

from tseng_units.formulas.declare import Floats, Prop, formula, linear, not_zero, numbers, positive

ICE_POINT = 273.15
"""K. Some manuals print 273.2; their own tables are met with 273.15."""
BEAD_3K = (1.4051e-3, 2.369e-4, 1.019e-7)
"""Steinhart-Hart coefficients of the 3 kOhm bead (YSI 44005 type), as printed in Geokon manuals, appendix B."""
PLATINUM = (3.9083e-3, -5.775e-7, -4.183e-12)
"""Callendar-Van Dusen coefficients of IEC 60751 [1/C], [1/C2], [1/C4]."""
RTD_RANGE = (-200.0, 850.0)
"""C, for which IEC 60751 gives them."""
NEWTON_STEPS = 5
"""From the root of the quadratic, at most 2.5 C off at -200 C, to the last bit."""


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


def _ratio(celsius: Floats) -> Floats:
    """R/R0 of a platinum thermometer at a temperature [C]."""
    a, b, c = PLATINUM
    return 1.0 + celsius * (a + celsius * (b + np.where(celsius < 0, c * (celsius - 100.0) * celsius, 0.0)))


def _ratio_slope(celsius: Floats) -> Floats:
    a, b, c = PLATINUM
    return a + celsius * (2.0 * b + np.where(celsius < 0, c * (4.0 * celsius - 300.0) * celsius, 0.0))


@formula("Ohm", unit="C", dimension="temperature", props=(Prop("RTD_R0", "Ohm", 100.0, positive),))
def platinum_temperature(resistance: Floats, *, rtd_r0: float = 100.0) -> Floats:
    """Temperature of a platinum thermometer: R/RTD_R0 = 1 + a T + b T^2 (+ c (T - 100) T^3 below 0 C), inverted.

    resistance: R, float64 array [Ohm]; outside -200 to 850 C: missing. rtd_r0: resistance at 0 C [Ohm].
    Returns T [C].
    Source: IEC 60751 (2008): a 3.9083e-3, b -5.775e-7, c -4.183e-12.
    """
    low, high = _ratio(np.array(RTD_RANGE))
    ratio = resistance / rtd_r0
    ratio = np.where((ratio >= low) & (ratio <= high), ratio, np.nan)
    a, b, _ = PLATINUM
    rise = ratio - 1.0
    celsius = 2.0 * rise / (a + np.sqrt(a * a + 4.0 * b * rise))
    cold = celsius < 0
    for _step in range(NEWTON_STEPS if cold.any() else 0):
        celsius[cold] -= (_ratio(celsius[cold]) - ratio[cold]) / _ratio_slope(celsius[cold])
    return celsius


@linear(
    "V",
    unit="C",
    dimension="temperature",
    props=(Prop("T_OFFSET_V", "V", 0.5), Prop("T_SLOPE_V", "V/C", 0.01, not_zero)),
)
def sensor_chip_temperature(*, t_offset_v: float = 0.5, t_slope_v: float = 0.01) -> tuple[float, float]:
    """Temperature of a sensor chip with a voltage output: T = (T_raw - T_OFFSET_V)/T_SLOPE_V.

    values: T_raw, float64 array [V]. t_offset_v: output at 0 C [V]. t_slope_v: its rise, not zero [V/C].
    Returns T [C].
    Source: Analog Devices TMP35/TMP36 data sheet: 500 mV at 0 C, 10 mV/C.
    """
    return t_offset_v, 1.0 / t_slope_v
