"""Pressure and humidity of the air."""

import numpy as np

from tseng_units.formulas.declare import Floats, Prop, formula

LAPSE_RATE = 0.0065
"""K/m, ICAO standard atmosphere."""
EXPONENT = -5.255876
MAGNUS = (17.62, 243.12)
"""Plain number and C, over water, WMO-No. 8."""


@formula("Pa", "C", unit="Pa", props=(Prop("ELEVATION", "m"),))
def sea_level_pressure(pressure: Floats, temperature: Floats, *, elevation: float) -> Floats:
    """Station pressure reduced to mean sea level: P (1 - 0.0065 H/(T + 273.15 + 0.0065 H))^-5.255876.

    pressure: float64 array [Pa]. temperature: air, same shape [C]. elevation: H of the station [m].
    Returns pressure [Pa].
    Source: ICAO Doc 7488, manual of the standard atmosphere: its table gives 898.746 hPa at 1000 m for 1013.25 hPa.
    """
    rise = LAPSE_RATE * elevation
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = 1.0 - rise / (temperature + 273.15 + rise)
        return np.asarray(pressure * np.power(ratio, EXPONENT), dtype=np.float64)


@formula("C", "pct", unit="C", dimension="temperature")
def dew_point(temperature: Floats, humidity: Floats) -> Floats:
    """Dew point: T_dew = 243.12 q/(17.62 - q), q = ln(RH/100) + 17.62 T/(243.12 + T).

    temperature: T of the air, float64 array [C]. humidity: RH over water [pct]; not positive: missing.
    Returns dew point [C].
    Source: WMO-No. 8 (2018) volume I, annex 4.B.
    """
    factor, offset = MAGNUS
    humid = humidity > 0
    logarithm = np.log(humidity / 100.0, where=humid, out=np.full_like(humidity, np.nan))
    with np.errstate(divide="ignore", invalid="ignore"):
        q = logarithm + factor * temperature / (offset + temperature)
        return offset * q / (factor - q)
