"""Vibration monitors and accelerometers."""

import numpy as np

from tseng_units.formulas.declare import Floats, formula

REFERENCE_PRESSURE = 20e-6
"""Pa, the zero of sound levels."""


@formula("mm_s", "mm_s", "mm_s", unit="mm_s")
def largest_component(transverse: Floats, vertical: Floats, longitudinal: Floats) -> Floats:
    """Peak particle velocity: max(abs(t), abs(v), abs(l)).

    transverse, vertical, longitudinal: t, v, l, float64 arrays [mm_s].
    Returns velocity [mm_s].
    Source: DIN 4150-3; BS 7385-2.
    """
    return np.maximum(np.maximum(np.abs(transverse), np.abs(vertical)), np.abs(longitudinal))


@formula("mm_s", "mm_s", "mm_s", unit="mm_s")
def vector_of_peaks(transverse: Floats, vertical: Floats, longitudinal: Floats) -> Floats:
    """Upper bound of the peak vector sum: sqrt(t^2 + v^2 + l^2) of the components' peaks.

    transverse, vertical, longitudinal: t, v, l, float64 arrays [mm_s].
    Returns velocity [mm_s].
    Source: Euclidean norm; the peaks need not coincide, so the recorder's own vector sum is never larger.
    """
    return np.hypot(np.hypot(transverse, vertical), longitudinal)


@formula("Pa", unit="dBL")
def overpressure_level(pressure: Floats) -> Floats:
    """Level of an air overpressure: 20 log10(abs(p)/20e-6).

    pressure: p, float64 array [Pa]; zero: missing.
    Returns level, linear weighting [dBL].
    Source: definition of the sound pressure level, ISO 1683 (reference 20 uPa).
    """
    with np.errstate(divide="ignore"):
        return np.asarray(20.0 * np.log10(np.abs(pressure) / REFERENCE_PRESSURE), dtype=np.float64)


@formula("g", "g", "g", unit="g")
def total_acceleration(x: Floats, y: Floats, z: Floats) -> Floats:
    """Length of the acceleration vector: sqrt(x^2 + y^2 + z^2).

    x, y, z: its components, float64 arrays [g].
    Returns acceleration [g].
    Source: Euclidean norm.
    """
    return np.hypot(np.hypot(x, y), z)


@formula("g", "g", unit="deg")
def tilt_of_gravity(component: Floats, total: Floats) -> Floats:
    """Tilt of an axis against the horizontal: asin(component/total).

    component: of gravity along the axis, float64 array [g]. total: length of the vector [g]; zero: missing.
    Returns tilt [deg].
    Source: Analog Devices AN-1057, Using an accelerometer for inclination sensing.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.degrees(np.arcsin(component / total)), dtype=np.float64)
