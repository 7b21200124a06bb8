"""Strain of vibrating wire gauges, in microstrain; tension is positive."""

from tseng_units.formulas.declare import Floats, Prop, formula, linear

STEEL_WIRE = 12.2
"""ppm/C, thermal expansion of the gauge's wire."""
ALPHA_WIRE = Prop("ALPHA_WIRE", "ppm/C", STEEL_WIRE)


@linear("digit", unit="ustrain", props=(Prop("GAUGE_FACTOR", "ustrain/digit"), Prop("BATCH_FACTOR", "", 1.0)))
def wire_strain(*, gauge_factor: float, batch_factor: float = 1.0) -> tuple[float, float]:
    """Strain of the wire: GAUGE_FACTOR BATCH_FACTOR R.

    values: R, float64 array [digit]. gauge_factor: of the gauge's type [ustrain/digit].
    batch_factor: of the production batch, a plain number.
    Returns strain [ustrain].
    Source: Geokon 4000 and 4200 manuals, data reduction; 4911 manual, section 4.1.
    """
    return 0.0, gauge_factor * batch_factor


@formula("ustrain", "C", unit="ustrain", props=(ALPHA_WIRE,))
def actual_strain(strain: Floats, temperature: Floats, *, alpha_wire: float = STEEL_WIRE) -> Floats:
    """Strain that a ruler would measure: strain + ALPHA_WIRE T.

    strain: of the wire, float64 array [ustrain]. temperature: T [C]. alpha_wire: thermal expansion [ppm/C].
    Returns strain [ustrain]; only its changes mean something.
    Source: Geokon 4000 and 4200 manuals, temperature corrections.
    """
    return strain + alpha_wire * temperature


@formula("ustrain", "C", unit="ustrain", props=(ALPHA_WIRE, Prop("ALPHA_STRUCT", "ppm/C")))
def load_strain(strain: Floats, temperature: Floats, *, alpha_wire: float = STEEL_WIRE, alpha_struct: float) -> Floats:
    """Strain caused by load alone: strain + (ALPHA_WIRE - ALPHA_STRUCT) T.

    strain: of the wire, float64 array [ustrain]. temperature: T [C].
    alpha_wire, alpha_struct: thermal expansion of wire and structure [ppm/C].
    Returns strain [ustrain]; only its changes mean something.
    Source: Geokon 4000 and 4200 manuals, temperature corrections.
    """
    return strain + (alpha_wire - alpha_struct) * temperature


@linear("ustrain", unit="MPa", props=(Prop("E_MOD", "GPa"),))
def stress_of_strain(*, e_mod: float) -> tuple[float, float]:
    """Stress by Hooke's law: E_MOD 1e-3 strain.

    values: strain, float64 array [ustrain]. e_mod: Young's modulus of the structure [GPa].
    Returns stress [MPa].
    Source: Hooke's law; 1 GPa times 1e-6 is 1e-3 MPa.
    """
    return 0.0, e_mod * 1e-3
