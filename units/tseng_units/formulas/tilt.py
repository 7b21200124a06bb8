"""Tilts to gradients and segment deviations.

Positive tilt moves the upper end of a segment towards +X (+Y). A tilt beyond 90 degrees is no tilt of a segment but a
fault, and missing in everything derived from it.
"""

import numpy as np

from tseng_units.formulas.declare import Floats, Prop, formula, numbers, positive

GAUGE_LENGTH = Prop("GAUGE_LENGTH", "m", check=positive)
RIGHT_ANGLE = 90.0
DIRECT = (0.0, 1.0)
"""Coefficients of an output that is the sine itself."""


def _without_faults(values: Floats, tilt: Floats) -> Floats:
    """`values`, in place, with NaN where the tilt [deg] is beyond a right angle."""
    if tilt.size and (tilt.max() > RIGHT_ANGLE or tilt.min() < -RIGHT_ANGLE):
        values[np.abs(tilt) > RIGHT_ANGLE] = np.nan
    return values


def _sine(tilt: Floats, factor: float) -> Floats:
    sine = np.multiply(tilt, np.pi / 180.0)
    np.sin(sine, out=sine)
    return _without_faults(np.multiply(sine, factor, out=sine), tilt)


@formula("deg", unit="deg")
def tilt_within_range(tilt: Floats) -> Floats:
    """The tilt itself where it is at most a right angle.

    tilt: float64 array [deg].
    Returns tilt [deg].
    Source: range of the arc sine.
    """
    return _without_faults(tilt.copy(), tilt)


@formula("deg", unit="mm_m")
def gradient_of_tilt(tilt: Floats) -> Floats:
    """Deviation per length of a tilted segment: 1000 sin(tilt).

    tilt: float64 array [deg].
    Returns gradient [mm_m].
    Source: Geokon 6101 manual, section 5; sin, not tan: the length is that of the segment.
    """
    return _sine(tilt, 1000.0)


@formula("deg", unit="m", props=(GAUGE_LENGTH,))
def segment_deviation(tilt: Floats, *, gauge_length: float) -> Floats:
    """Sideways deviation of a segment's upper end from its lower one: L sin(tilt).

    tilt: float64 array [deg]. gauge_length: L [m].
    Returns deviation [m].
    Source: Geokon 6180 manual, section 4.2.
    """
    return _sine(tilt, gauge_length)


@formula("deg", "deg", unit="m", props=(GAUGE_LENGTH,))
def segment_rise(tilt_x: Floats, tilt_y: Floats, *, gauge_length: float) -> Floats:
    """Height of a segment's upper end above its lower one: L sqrt(1 - sin^2 tilt_x - sin^2 tilt_y).

    tilt_x, tilt_y: float64 arrays [deg]; together steeper than a right angle: missing. gauge_length: L [m].
    Returns height [m].
    Source: direction cosines of a rigid segment, Geokon 6180 manual, section 4.2.
    """
    square = 1.0 - np.square(_sine(tilt_x, 1.0)) - np.square(_sine(tilt_y, 1.0))
    with np.errstate(invalid="ignore"):
        return np.asarray(gauge_length * np.sqrt(square), dtype=np.float64)


def _tilt_of_sine(raw: Floats, coefficients: tuple[float, ...]) -> Floats:
    sine = np.polynomial.polynomial.polyval(raw, coefficients)
    return np.degrees(np.arcsin(sine, where=np.abs(sine) <= 1.0, out=np.full_like(raw, np.nan)))


@formula("V", unit="deg", props=(Prop("COEF_A", "", DIRECT, numbers()),))
def tilt_of_axis_a(raw: Floats, *, coef_a: tuple[float, ...] = DIRECT) -> Floats:
    """Tilt X of an inclinometer's output: sin(tilt_x) = COEF_A[0] + COEF_A[1] A_raw + COEF_A[2] A_raw^2 + ...

    raw: A_raw, float64 array [V]; where the polynomial is beyond 1: missing. coef_a: coefficients in rising powers.
    Returns tilt [deg].
    Source: calibration sheets of MEMS inclinometers; Geokon 6101 manual, section 5.
    """
    return _tilt_of_sine(raw, coef_a)


@formula("V", unit="deg", props=(Prop("COEF_B", "", DIRECT, numbers()),))
def tilt_of_axis_b(raw: Floats, *, coef_b: tuple[float, ...] = DIRECT) -> Floats:
    """Tilt Y of an inclinometer's output: sin(tilt_y) = COEF_B[0] + COEF_B[1] B_raw + COEF_B[2] B_raw^2 + ...

    raw: B_raw, float64 array [V]; where the polynomial is beyond 1: missing. coef_b: coefficients in rising powers.
    Returns tilt [deg].
    Source: calibration sheets of MEMS inclinometers; Geokon 6101 manual, section 5.
    """
    return _tilt_of_sine(raw, coef_b)
