"""Water pressures, heads and levels."""

from tseng_units.formulas.declare import Floats, Prop, formula, positive

WATER = 1000.0
"""kg/m3, conventional water."""
G_N = 9.80665
"""m/s2, standard gravity."""


@formula("Pa", "Pa", unit="Pa")
def compensated_pressure(pressure: Floats, barometric: Floats) -> Floats:
    """Water pressure from an absolute transducer: P_w = P_raw - S.

    pressure: float64 array [Pa], absolute. barometric: S, air pressure at the same times [Pa].
    Returns water pressure [Pa].
    Source: hydrostatics; Solinst Levelogger user guide, barometric compensation.
    """
    return pressure - barometric


@formula(
    "Pa",
    unit="m",
    props=(Prop("FLUID_DENSITY", "kg/m3", WATER, positive), Prop("LOCAL_G", "m/s2", G_N, positive)),
)
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
