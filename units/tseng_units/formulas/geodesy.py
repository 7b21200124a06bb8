"""Geodetic coordinates (WGS 84) to local east, north and up.

The usual way, two sets of Earth-centred coordinates of some 6.4e6 m and their difference, loses a nanometre to
rounding. Here every difference is formed before anything large is multiplied to it: of angles, of the radii of
curvature, of the distances from the axis. What is left is as exact as the difference of the coordinates given.
"""

import numpy as np

from tseng_units.formulas.declare import Floats, Prop, formula
from tseng_units.params import number

SEMI_MAJOR = 6378137.0
"""m, WGS 84."""
FLATTENING = 1.0 / 298.257223563
ECCENTRICITY_2 = FLATTENING * (2.0 - FLATTENING)


def _latitude(value: object) -> float:
    if abs(number(value)) > 90.0:
        raise ValueError(f"{value!r} is not between -90 and 90")
    return number(value)


REFERENCE = (Prop("REF_LAT", "deg", check=_latitude), Prop("REF_LON", "deg"), Prop("REF_H", "m"))


def _vertical_plane(
    lat: Floats, lon: Floats, height: Floats, lat0: float, lon0: float, h0: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Distance from the axis p [m], turn about it [rad], and the change towards the pole and away from the axis [m]."""
    turn = np.radians(_shorter(lon - lon0))
    half = np.radians(lat - lat0) / 2.0
    middle = np.radians(lat0) + half
    d_sin, d_cos = 2.0 * np.cos(middle) * np.sin(half), -2.0 * np.sin(middle) * np.sin(half)
    sin0, cos0 = np.sin(np.radians(lat0)), np.cos(np.radians(lat0))
    sin, cos = sin0 + d_sin, cos0 + d_cos
    w, w0 = (np.sqrt(1.0 - ECCENTRICITY_2 * s * s) for s in (sin, sin0))
    d_radius = SEMI_MAJOR * ECCENTRICITY_2 * d_sin * (sin + sin0) / (w * w0 * (w + w0))
    radius0, d_height = SEMI_MAJOR / w0, height - h0
    outwards = (d_radius + d_height) * cos + (radius0 + h0) * d_cos
    polewards = (d_radius * (1.0 - ECCENTRICITY_2) + d_height) * sin + (radius0 * (1.0 - ECCENTRICITY_2) + h0) * d_sin
    axis = (SEMI_MAJOR / w + height) * cos
    outwards -= 2.0 * axis * np.square(np.sin(turn / 2.0))
    return axis, turn, polewards, outwards


def _shorter(turn: Floats) -> Floats:
    """The same turn [deg] by at most half a circle; exact where it is that already."""
    return turn - 360.0 * np.round(turn / 360.0)


def _on_the_globe(values: Floats, lat: Floats) -> Floats:
    return np.where(np.abs(lat) <= 90.0, values, np.nan)


@formula("deg", "deg", "m", unit="m", props=REFERENCE)
def local_east(lat: Floats, lon: Floats, h_ell: Floats, *, ref_lat: float, ref_lon: float, ref_h: float) -> Floats:
    """Easting from a reference point: WGS 84 to geocentric X, Y, Z, e = -sin(lon0) dX + cos(lon0) dY.

    lat, lon: float64 arrays [deg]; a latitude beyond 90: missing. h_ell: ellipsoidal height [m].
    ref_lat, ref_lon: lat0, lon0 [deg]. ref_h: ellipsoidal height of the reference point [m].
    Returns easting [m].
    Source: IOGP guidance note 7-2, EPSG methods 9602 and 9837.
    """
    axis, turn, _, _ = _vertical_plane(lat, lon, h_ell, ref_lat, ref_lon, ref_h)
    return _on_the_globe(axis * np.sin(turn), lat)


@formula("deg", "deg", "m", unit="m", props=REFERENCE)
def local_north(lat: Floats, lon: Floats, h_ell: Floats, *, ref_lat: float, ref_lon: float, ref_h: float) -> Floats:
    """Northing from a reference point: n = -sin(lat0) (cos(lon0) dX + sin(lon0) dY) + cos(lat0) dZ.

    lat, lon: float64 arrays [deg]; a latitude beyond 90: missing. h_ell: ellipsoidal height [m].
    ref_lat, ref_lon: lat0, lon0 [deg]. ref_h: ellipsoidal height of the reference point [m].
    Returns northing [m].
    Source: IOGP guidance note 7-2, EPSG methods 9602 and 9837.
    """
    _, _, polewards, outwards = _vertical_plane(lat, lon, h_ell, ref_lat, ref_lon, ref_h)
    at = np.radians(ref_lat)
    return _on_the_globe(np.cos(at) * polewards - np.sin(at) * outwards, lat)


@formula("deg", "deg", "m", unit="m", props=REFERENCE)
def local_up(lat: Floats, lon: Floats, h_ell: Floats, *, ref_lat: float, ref_lon: float, ref_h: float) -> Floats:
    """Height above a reference point: h = cos(lat0) (cos(lon0) dX + sin(lon0) dY) + sin(lat0) dZ.

    lat, lon: float64 arrays [deg]; a latitude beyond 90: missing. h_ell: ellipsoidal height [m].
    ref_lat, ref_lon: lat0, lon0 [deg]. ref_h: ellipsoidal height of the reference point [m].
    Returns height [m].
    Source: IOGP guidance note 7-2, EPSG methods 9602 and 9837.
    """
    _, _, polewards, outwards = _vertical_plane(lat, lon, h_ell, ref_lat, ref_lon, ref_h)
    at = np.radians(ref_lat)
    return _on_the_globe(np.sin(at) * polewards + np.cos(at) * outwards, lat)
