"""Water pressures, heads and levels, and settlement cells, which are water levels too."""

from tseng_units.formulas.declare import Floats, Prop, formula, positive

WATER = 1000.0
"""kg/m3, conventional water."""
G_N = 9.80665
"""m/s2, standard gravity."""
FLUID = (Prop("FLUID_DENSITY", "kg/m3", WATER, positive), Prop("LOCAL_G", "m/s2", G_N, positive))


@formula("Pa", "Pa", unit="Pa")
def compensated_pressure(pressure: Floats, barometric: Floats) -> Floats:
    """Water pressure from an absolute transducer: P_w = P_raw - S.

    pressure: float64 array [Pa], absolute. barometric: S, air pressure at the same times [Pa].
    Returns water pressure [Pa].
    Source: hydrostatics; Solinst Levelogger user guide, barometric compensation.
    """
    return pressure - barometric


@formula("Pa", "Pa", unit="Pa", props=(Prop("BARO_ZERO", "Pa"),))
def pressure_less_baro_change(pressure: Floats, barometric: Floats, *, baro_zero: float) -> Floats:
    """Water pressure of a sealed gauge: P_w = y - (S - BARO_ZERO).

    pressure: y as calibrated, float64 array [Pa]. barometric: S, air pressure at the same times [Pa].
    baro_zero: air pressure at the gauge's zero reading [Pa].
    Returns water pressure [Pa].
    Source: Geokon 4500 manual, section 6.3.
    """
    return pressure - (barometric - baro_zero)


@formula("Pa", unit="m", props=FLUID)
def pressure_head(pressure: Floats, *, fluid_density: float = WATER, local_g: float = G_N) -> Floats:
    """Height of the water column: head = P_w/(rho g).

    pressure: float64 array [Pa]. fluid_density: rho [kg/m3]. local_g: g [m/s2].
    Returns head [m].
    Source: hydrostatics; NIST SP 811 (2008) B.8 for conventional water and standard gravity.
    """
    return pressure / (fluid_density * local_g)


@formula("m", unit="m", props=(Prop("ELEVATION", "m"),))
def water_elevation(head: Floats, *, elevation: float) -> Floats:
    """Elevation of the water level: ELEVATION + head.

    head: float64 array [m]. elevation: of the sensor [m].
    Returns elevation [m].
    Source: definition of the piezometric level.
    """
    return head + elevation


@formula("m", unit="m", props=(Prop("REF_DEPTH", "m"),))
def depth_to_water(head: Floats, *, ref_depth: float) -> Floats:
    """Depth of the water level below the reference point, positive down: REF_DEPTH - head.

    head: float64 array [m]. ref_depth: depth of the sensor below the reference point [m].
    Returns depth [m].
    Source: definition; Solinst 401 assembly manual, appendix, sample calculation.
    """
    return ref_depth - head


CELL = (Prop("ELEVATION", "m"), Prop("RES_OFFSET", "m", 0.0))


@formula("m", unit="m", props=CELL)
def cell_elevation(settlement: Floats, *, elevation: float, res_offset: float = 0.0) -> Floats:
    """Elevation of a settlement cell calibrated as a length: ELEVATION + RES_OFFSET + y.

    settlement: y as calibrated, up positive, float64 array [m]. elevation: of the cell at installation [m].
    res_offset: rise of the reservoir since [m].
    Returns elevation [m].
    Source: definition; the calibration sheet of the cell gives y.
    """
    return (elevation + res_offset) + settlement


@formula("Pa", unit="m", props=(*CELL, *FLUID))
def cell_elevation_of_pressure(
    pressure: Floats,
    *,
    elevation: float,
    res_offset: float = 0.0,
    fluid_density: float = WATER,
    local_g: float = G_N,
) -> Floats:
    """Elevation of a settlement cell calibrated as a pressure: ELEVATION + RES_OFFSET - y/(rho g).

    pressure: y as calibrated, rises as the cell settles, float64 array [Pa]. elevation: of the cell at
    installation [m]. res_offset: rise of the reservoir since [m].
    fluid_density: rho [kg/m3]. local_g: g [m/s2].
    Returns elevation [m].
    Source: hydrostatics: a cell below its reservoir, liquid between them.
    """
    return (elevation + res_offset) - pressure / (fluid_density * local_g)
