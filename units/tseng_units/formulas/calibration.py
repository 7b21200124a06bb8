"""Calibrations of vibrating wire and bridge instruments: from the reading R to pressure, force, length.

Which of them an instrument uses, and in which unit the answer is, its calibration sheet says: the props CAL_MODEL,
CAL_FORM and CAL_UNIT, and which coefficients are given.
"""

import numpy as np

from tseng_units.formulas.declare import Floats, Prop, formula, linear, one_of

G = Prop("G", "CAL_UNIT/digit")
R0 = Prop("R0", "digit")
A = Prop("A", "CAL_UNIT/digit2")
B = Prop("B", "CAL_UNIT/digit")
T0 = Prop("T0", "C")
FORWARD, BACKWARD = "R1-R0", "R0-R1"


@formula("Hz", unit="digit")
def digits_of_frequency(frequency: Floats) -> Floats:
    """Reading of a vibrating wire: f^2/1000.

    frequency: f, float64 array [Hz]; not positive (no resonance found): missing.
    Returns reading [digit].
    Source: Geokon 4500 manual, section 6.1: 8000 digits are 2828 Hz.
    """
    return np.where(frequency > 0, frequency * frequency * 1e-3, np.nan)


@formula("digit", unit="digit")
def mean_reading(*readings: Floats) -> Floats:
    """Mean of the gauges of one instrument: (R_1 + ... + R_n)/n.

    readings: R_1 to R_n, float64 arrays of the same shape [digit].
    Returns reading [digit].
    Source: Geokon 4900 manual, section 4: readings are averaged, not frequencies.
    """
    return np.asarray(sum(readings[1:], readings[0]) / len(readings), dtype=np.float64)


@linear("mV_V", unit="digit", props=(Prop("SCALE", "digit/(mV/V)", 1.0),))
def bridge_reading(*, scale: float = 1.0) -> tuple[float, float]:
    """Reading of a resistance bridge or potentiometer: R = SCALE V_ratio.

    values: V_ratio, float64 array [mV_V]. scale: of the readout [digit/(mV/V)].
    Returns reading [digit].
    Source: definition; 1 where the calibration is in mV/V.
    """
    return 0.0, scale


@linear("digit", unit="CAL_UNIT", props=(G, R0, Prop("CAL_FORM", "", FORWARD, one_of(FORWARD, BACKWARD))))
def linear_calibration(*, g: float, r0: float, cal_form: str = FORWARD) -> tuple[float, float]:
    """Linear calibration: y = G (R - R0), with CAL_FORM R0-R1: y = G (R0 - R).

    values: R, float64 array [digit]. g: G [CAL_UNIT/digit]. r0: R0, the zero reading [digit].
    cal_form: which way the sheet writes the difference.
    Returns y [CAL_UNIT].
    Source: Geokon 4500 manual, appendix C; Solinst 401 assembly manual, appendix (R0-R1).
    """
    return r0, g if cal_form == FORWARD else -g


def _quadratic(reading: Floats, a: float, b: float, c: float) -> Floats:
    return (a * reading + b) * reading + c


@formula("digit", unit="CAL_UNIT", props=(A, B, Prop("C", "CAL_UNIT")))
def polynomial_calibration(reading: Floats, *, a: float, b: float, c: float) -> Floats:
    """Polynomial calibration: y = A R^2 + B R + C.

    reading: R, float64 array [digit]. a: A [CAL_UNIT/digit2]. b: B [CAL_UNIT/digit]. c: C [CAL_UNIT].
    Returns y [CAL_UNIT].
    Source: Geokon 4500 manual, appendix C.
    """
    return _quadratic(reading, a, b, c)


@formula("digit", unit="CAL_UNIT", props=(A, B, R0))
def polynomial_from_field_zero(reading: Floats, *, a: float, b: float, r0: float) -> Floats:
    """Polynomial calibration with a field zero: y = A R^2 + B R + C, C = -(A R0^2 + B R0).

    reading: R, float64 array [digit]. a: A [CAL_UNIT/digit2]. b: B [CAL_UNIT/digit].
    r0: R0, the reading at which y is zero [digit].
    Returns y [CAL_UNIT].
    Source: Geokon 4500 manual, appendix C.
    """
    return _quadratic(reading, a, b, -(a * r0 + b) * r0)


@linear("C", unit="CAL_UNIT", props=(Prop("K", "CAL_UNIT/C"), T0))
def thermal_term(*, k: float, t0: float) -> tuple[float, float]:
    """Temperature term of a calibration: K (T - T0).

    values: T, float64 array [C]. k: K [CAL_UNIT/C]. t0: T0, temperature of the zero reading [C].
    Returns the term [CAL_UNIT].
    Source: Geokon 4500 manual, section 6.2.
    """
    return t0, k


@formula("digit", "C", unit="CAL_UNIT", props=(Prop("TEMP_M", "1/C"), Prop("TEMP_B", "digit/C", 0.0), G, T0))
def thermal_term_of_reading(
    reading: Floats, temperature: Floats, *, temp_m: float, temp_b: float = 0.0, g: float, t0: float
) -> Floats:
    """Temperature term that depends on the reading: K (T - T0), K = (R TEMP_M + TEMP_B) G.

    reading: R, float64 array [digit]. temperature: T [C]. temp_m: TEMP_M [1/C]. temp_b: TEMP_B [digit/C].
    g: G [CAL_UNIT/digit]. t0: T0, temperature of the zero reading [C].
    Returns the term [CAL_UNIT].
    Source: Geokon 4420 manual, section 5.2.
    """
    return (reading * temp_m + temp_b) * g * (temperature - t0)


@formula("CAL_UNIT", "CAL_UNIT", unit="CAL_UNIT")
def with_thermal_term(calibrated: Floats, term: Floats) -> Floats:
    """Calibration corrected for temperature: y + temperature term.

    calibrated: y, float64 array [CAL_UNIT]. term: the temperature term [CAL_UNIT].
    Returns y [CAL_UNIT].
    Source: Geokon 4500 manual, section 6.2.
    """
    return calibrated + term
