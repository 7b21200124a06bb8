"""Displacements turned into other axes: sensor frame, north and east, along and across a structure."""

import numpy as np

from tseng_units.formulas.declare import Floats, Prop, formula, one_of

AZIMUTH_XY = Prop("AZIMUTH_XY", "deg", 0.0, request=True)
AZIMUTH_STRUCTURE = Prop("AZIMUTH_STRUCTURE", "deg", 0.0, request=True)
Y_SENSE = Prop("Y_SENSE", "", "CW", one_of("CW", "CCW"))


def _cos_sin(degrees: float) -> tuple[float, float]:
    """Cosine and sine of an angle [deg], exact at multiples of 90."""
    quarter, rest = divmod(degrees, 90.0)
    radians = np.radians(rest)
    cos, sin = float(np.cos(radians)), float(np.sin(radians))
    return ((cos, sin), (-sin, cos), (-cos, -sin), (sin, -cos))[int(quarter % 4)]


def _sense(y_sense: str) -> float:
    return 1.0 if y_sense == "CW" else -1.0


@formula("m", "m", unit="m", props=(AZIMUTH_XY, Y_SENSE))
def northing_of_frame(dx: Floats, dy: Floats, *, azimuth_xy: float = 0.0, y_sense: str = "CW") -> Floats:
    """North component of a displacement in the sensor frame: dx cos a - dy sin a (CW), dx cos a + dy sin a (CCW).

    dx, dy: float64 arrays [m]. azimuth_xy: a, of the +X axis, clockwise from north [deg].
    y_sense: CW where +Y is 90 deg clockwise of +X seen from above, else CCW.
    Returns displacement [m].
    Source: rotation of plane axes.
    """
    cos, sin = _cos_sin(azimuth_xy)
    return dx * cos - dy * (sin * _sense(y_sense))


@formula("m", "m", unit="m", props=(AZIMUTH_XY, Y_SENSE))
def easting_of_frame(dx: Floats, dy: Floats, *, azimuth_xy: float = 0.0, y_sense: str = "CW") -> Floats:
    """East component of a displacement in the sensor frame: dx sin a + dy cos a (CW), dx sin a - dy cos a (CCW).

    dx, dy: float64 arrays [m]. azimuth_xy: a, of the +X axis, clockwise from north [deg].
    y_sense: CW where +Y is 90 deg clockwise of +X seen from above, else CCW.
    Returns displacement [m].
    Source: rotation of plane axes.
    """
    cos, sin = _cos_sin(azimuth_xy)
    return dx * sin + dy * (cos * _sense(y_sense))


@formula("m", "m", unit="m", props=(AZIMUTH_STRUCTURE,))
def along_structure(dn: Floats, de: Floats, *, azimuth_structure: float = 0.0) -> Floats:
    """Longitudinal component: dl = dn cos b + de sin b.

    dn, de: float64 arrays [m]. azimuth_structure: b, of the structure's axis, clockwise from north [deg].
    Returns displacement [m].
    Source: rotation of plane axes.
    """
    cos, sin = _cos_sin(azimuth_structure)
    return dn * cos + de * sin


@formula("m", "m", unit="m", props=(AZIMUTH_STRUCTURE,))
def across_structure(dn: Floats, de: Floats, *, azimuth_structure: float = 0.0) -> Floats:
    """Transverse component, positive to the right: dtr = de cos b - dn sin b.

    dn, de: float64 arrays [m]. azimuth_structure: b, of the structure's axis, clockwise from north [deg].
    Returns displacement [m].
    Source: rotation of plane axes.
    """
    cos, sin = _cos_sin(azimuth_structure)
    return de * cos - dn * sin


@formula("m", "m", unit="deg")
def azimuth(dn: Floats, de: Floats) -> Floats:
    """Azimuth of a displacement: atan2(de, dn) in [0, 360), missing when both are zero.

    dn, de: float64 arrays [m].
    Returns azimuth, clockwise from north [deg].
    Source: definition of the azimuth.
    """
    turned = np.mod(np.degrees(np.arctan2(de, dn)), 360.0)
    turned[turned == 360.0] = 0.0  # a negative angle so small that the sum rounds up to the full circle
    turned[(dn == 0) & (de == 0)] = np.nan
    return turned


@formula("m", "m", unit="m")
def horizontal_norm(first: Floats, second: Floats) -> Floats:
    """Length of a plane vector: sqrt(a^2 + b^2).

    first, second: its components a, b, float64 arrays [m].
    Returns length [m].
    Source: Euclidean norm.
    """
    return np.hypot(first, second)


@formula("m", "m", "m", unit="m")
def spatial_norm(first: Floats, second: Floats, third: Floats) -> Floats:
    """Length of a vector in space: sqrt(a^2 + b^2 + c^2).

    first, second, third: its components a, b, c, float64 arrays [m].
    Returns length [m].
    Source: Euclidean norm.
    """
    return np.hypot(np.hypot(first, second), third)
