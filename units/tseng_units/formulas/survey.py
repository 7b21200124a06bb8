"""Total station geometry: distances, atmospheric correction, polar coordinates. No curvature or refraction term."""

import numpy as np

from tseng_units.formulas.declare import Floats, Prop, formula

ORIENTATION = Prop("ORIENTATION", "deg", 0.0)


@formula("m", "deg", unit="m")
def horizontal_distance(slope: Floats, zenith: Floats) -> Floats:
    """Horizontal distance: s sin za.

    slope: s, float64 array [m]. zenith: za, 0 is up [deg].
    Returns distance [m].
    Source: plane trigonometry of the polar method.
    """
    return slope * np.sin(np.radians(zenith))


@formula("m", "deg", unit="m")
def vertical_distance(slope: Floats, zenith: Floats) -> Floats:
    """Height of the target above the instrument: s cos za.

    slope: s, float64 array [m]. zenith: za, 0 is up [deg].
    Returns height difference [m].
    Source: plane trigonometry of the polar method.
    """
    return slope * np.cos(np.radians(zenith))


@formula(
    "m",
    "hPa",
    "C",
    unit="m",
    props=(Prop("EDM_J", "ppm", 279.85), Prop("EDM_N", "ppm K/hPa", 79.585), Prop("PRISM_CONST", "m", 0.0)),
)
def atmosphere_corrected_distance(
    slope: Floats,
    pressure: Floats,
    temperature: Floats,
    *,
    edm_j: float = 279.85,
    edm_n: float = 79.585,
    prism_const: float = 0.0,
) -> Floats:
    """First velocity correction of an electronic distance: s (1 + ppm 1e-6) + c, ppm = J - N p/(T + 273.15).

    slope: s, float64 array [m]. pressure: p [hPa]. temperature: T [C].
    edm_j, edm_n: constants of the instrument [ppm], [ppm K/hPa]. prism_const: c [m].
    Returns distance [m].
    Source: Topcon GTS/GPT instruction manuals, atmospheric correction.
    """
    with np.errstate(divide="ignore"):
        ppm = edm_j - edm_n * pressure / (temperature + 273.15)
    return slope * (1.0 + ppm * 1e-6) + prism_const


@formula("m", "deg", unit="m", props=(Prop("STATION_E", "m"), ORIENTATION))
def polar_easting(horizontal: Floats, angle: Floats, *, station_e: float, orientation: float = 0.0) -> Floats:
    """Easting of the target: STATION_E + hd sin(ha + ORIENTATION).

    horizontal: hd, float64 array [m]. angle: ha, clockwise [deg]. station_e: [m]. orientation: azimuth of ha = 0 [deg].
    Returns easting [m].
    Source: plane trigonometry of the polar method.
    """
    return station_e + horizontal * np.sin(np.radians(angle + orientation))


@formula("m", "deg", unit="m", props=(Prop("STATION_N", "m"), ORIENTATION))
def polar_northing(horizontal: Floats, angle: Floats, *, station_n: float, orientation: float = 0.0) -> Floats:
    """Northing of the target: STATION_N + hd cos(ha + ORIENTATION).

    horizontal: hd, float64 array [m]. angle: ha, clockwise [deg]. station_n: [m]. orientation: azimuth of ha = 0 [deg].
    Returns northing [m].
    Source: plane trigonometry of the polar method.
    """
    return station_n + horizontal * np.cos(np.radians(angle + orientation))


@formula(
    "m",
    unit="m",
    props=(Prop("STATION_H", "m"), Prop("INSTRUMENT_HEIGHT", "m", 0.0), Prop("TARGET_HEIGHT", "m", 0.0)),
)
def polar_height(
    vertical: Floats, *, station_h: float, instrument_height: float = 0.0, target_height: float = 0.0
) -> Floats:
    """Height of the target's foot: STATION_H + INSTRUMENT_HEIGHT + vd - TARGET_HEIGHT.

    vertical: vd, float64 array [m]. station_h, instrument_height, target_height: [m].
    Returns height [m].
    Source: trigonometric levelling.
    """
    return (station_h + instrument_height) + vertical - target_height
