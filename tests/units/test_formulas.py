"""Formulas as plain functions: published values, signs, and what is missing where."""

import inspect
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tseng_units.formulas.atmosphere import sea_level_pressure
from tseng_units.formulas.declare import REQUIRED, Formula, not_negative, numbers, one_of, positive
from tseng_units.formulas.directions import (
    across_structure,
    along_structure,
    azimuth,
    easting_of_frame,
    horizontal_norm,
    northing_of_frame,
    spatial_norm,
)
from tseng_units.formulas.survey import (
    atmosphere_corrected_distance,
    horizontal_distance,
    polar_easting,
    polar_height,
    polar_northing,
    vertical_distance,
)
from tseng_units.formulas.table import FORMULAS
from tseng_units.formulas.temperature import steinhart_hart
from tseng_units.formulas.tilt import gradient_of_tilt, segment_deviation, segment_rise, tilt_within_range
from tseng_units.formulas.water import compensated_pressure, depth_to_water, pressure_head, water_elevation


def a(*values: float) -> NDArray[np.float64]:
    """A float64 array."""
    return np.array(values, dtype=np.float64)


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=list(FORMULAS))
def test_docstring_states_units_and_source(formula: Formula) -> None:
    """Each formula's text gives an equation, the unit of each input, prop and result, and where it is from."""
    names = [*inspect.signature(formula.function).parameters]
    assert len(names) == len(formula.inputs) + len(formula.props)
    assert [prop.keyword for prop in formula.props] == names[len(formula.inputs) :]
    assert re.search(r"Source: \S", formula.doc)
    assert f"[{formula.unit}]" in formula.doc
    for unit in (*formula.inputs, *(prop.unit for prop in formula.props if prop.unit)):
        assert f"[{unit}]" in formula.doc
    for name in names:
        assert re.search(rf"\b{name}\b", formula.doc)


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=list(FORMULAS))
def test_defaults_are_stated_once(formula: Formula) -> None:
    """A prop's default is the default of the function's keyword argument, and passes the prop's own check."""
    parameters = inspect.signature(formula.function).parameters
    for prop in formula.props:
        default = parameters[prop.keyword].default
        assert default == (inspect.Parameter.empty if prop.default is REQUIRED else prop.default)
        assert prop.default is REQUIRED or prop.check(prop.default) == prop.default


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=list(FORMULAS))
def test_inputs_are_left_alone_and_empty_is_fine(formula: Formula) -> None:
    """A formula changes none of its inputs, returns another array of their length, and takes empty ones."""
    keywords = {prop.keyword: 1.0 if prop.default is REQUIRED else prop.default for prop in formula.props}
    inputs = [a(10.0, 20.0, 95.0) for _ in formula.inputs]
    for array in inputs:
        array.flags.writeable = False
    result = formula.function(*inputs, **keywords)
    assert result.shape == (3,)
    assert not any(np.shares_memory(result, array) for array in inputs)
    assert formula.function(*[a() for _ in formula.inputs], **keywords).shape == (0,)


def test_steinhart_hart_meets_printed_tables() -> None:
    """The 3 kOhm bead has 25.0 C at 3000 Ohm; a four-term set has 0 and 100 C at 32650 and 678.6 Ohm."""
    assert steinhart_hart(a(3000.0)) == pytest.approx(25.0, abs=0.05)
    terms = (0.00112766979300187, 0.000234444184128213, 8.47692130592308e-08, 1.17512193579615e-11)
    assert steinhart_hart(a(32650.0, 678.6), steinhart=terms) == pytest.approx([0.0, 100.0], abs=0.005)


def test_steinhart_hart_faults_are_missing() -> None:
    """No resistance, a negative one, an open and a short circuit give no temperature; the range is inclusive."""
    assert np.isnan(steinhart_hart(a(0.0, -5.0, 1e9, 5.0))).all()
    edge = float(steinhart_hart(a(3000.0))[0])
    assert np.isfinite(steinhart_hart(a(3000.0), t_range=(edge, edge))).all()
    assert np.isnan(steinhart_hart(a(0.0, 3000.0), t_range=(-300.0, 0.0))).all()


def test_sea_level_pressure_of_the_standard_atmosphere() -> None:
    """898.746 hPa and 8.5 C at 1000 m are 1013.25 hPa at sea level; at sea level nothing changes."""
    assert sea_level_pressure(a(89874.6), a(8.5), elevation=1000.0) / 100 == pytest.approx(1013.25, abs=0.005)
    assert sea_level_pressure(a(101325.0), a(15.0), elevation=0.0)[0] == 101325.0


def test_water_column() -> None:
    """9806.65 Pa are one metre of water; levels add to the sensor's elevation and subtract from its depth."""
    assert compensated_pressure(a(111131.65), a(101325.0)) == pytest.approx(9806.65, abs=1e-9)
    assert pressure_head(a(9806.65))[0] == 1.0
    assert pressure_head(a(10000.0), fluid_density=1025.0, local_g=9.81)[0] == pytest.approx(10000 / (1025 * 9.81))
    assert water_elevation(a(1.5), elevation=100.0)[0] == 101.5
    assert depth_to_water(a(1.5), ref_depth=20.0)[0] == 18.5


def test_tilt_of_thirty_degrees() -> None:
    """At 30 degrees a 2 m segment deviates 1 m sideways; its gradient is 500 mm/m; upright it rises by its length."""
    assert segment_deviation(a(30.0, -30.0), gauge_length=2.0) == pytest.approx([1.0, -1.0])
    assert gradient_of_tilt(a(30.0)) == pytest.approx(500.0)
    assert segment_rise(a(0.0, 30.0), a(0.0, 30.0), gauge_length=2.0) == pytest.approx([2.0, 2.0 * np.sqrt(0.5)])


def test_tilt_beyond_a_right_angle_is_missing() -> None:
    """90 degrees is still a tilt, anything beyond is a fault and missing in all that follows from it."""
    tilt = a(90.0, -90.0, 90.5, -91.0, 10.0)
    for result in (segment_deviation(tilt, gauge_length=1.0), gradient_of_tilt(tilt), tilt_within_range(tilt)):
        assert np.isnan(result).tolist() == [False, False, True, True, False]
    assert np.isnan(segment_rise(a(60.0, 91.0), a(60.0, 0.0), gauge_length=1.0)).all()


def test_directions_of_the_axes() -> None:
    """With +X to the east, +Y is to the south where it lies clockwise of +X and to the north where it does not."""
    dx, dy = a(1.0), a(2.0)
    assert northing_of_frame(dx, dy, azimuth_xy=90.0).tolist() == [-2.0]
    assert easting_of_frame(dx, dy, azimuth_xy=90.0).tolist() == [1.0]
    assert northing_of_frame(dx, dy, azimuth_xy=90.0, y_sense="CCW").tolist() == [2.0]
    assert easting_of_frame(dx, dy, azimuth_xy=0.0, y_sense="CCW").tolist() == [-2.0]
    assert along_structure(a(1.0), a(2.0), azimuth_structure=90.0).tolist() == [2.0]
    assert across_structure(a(1.0), a(2.0), azimuth_structure=90.0).tolist() == [-1.0]


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(-720.0, 720.0), st.sampled_from(["CW", "CCW"]))
def test_turning_keeps_lengths(dx: float, dy: float, angle: float, sense: str) -> None:
    """A displacement has the same length in every direction of axes."""
    north = northing_of_frame(a(dx), a(dy), azimuth_xy=angle, y_sense=sense)
    east = easting_of_frame(a(dx), a(dy), azimuth_xy=angle, y_sense=sense)
    length = np.hypot(dx, dy)
    assert horizontal_norm(north, east) == pytest.approx(length, rel=1e-12, abs=1e-12)
    along = along_structure(north, east, azimuth_structure=angle)
    across = across_structure(north, east, azimuth_structure=angle)
    assert horizontal_norm(along, across) == pytest.approx(length, rel=1e-12, abs=1e-12)


def test_azimuth_is_in_the_full_circle() -> None:
    """North is 0, west 270; just west of north rounds to 0, not to 360; no displacement has no direction."""
    assert azimuth(a(1.0, 0.0, -1.0, 0.0), a(0.0, 1.0, 0.0, -1.0)).tolist() == [0.0, 90.0, 180.0, 270.0]
    assert azimuth(a(1.0), a(-1e-20)).tolist() == [0.0]
    assert np.isnan(azimuth(a(0.0), a(-0.0))).all()


def test_survey_geometry() -> None:
    """100 m at a zenith angle of 60 degrees are 86.6 m out and 50 m up; polar coordinates add to the station's."""
    slope, zenith = a(100.0), a(60.0)
    assert horizontal_distance(slope, zenith) == pytest.approx(86.60254037844386)
    assert vertical_distance(slope, zenith) == pytest.approx(50.0)
    assert polar_easting(a(10.0), a(60.0), station_e=1000.0, orientation=30.0) == pytest.approx(1010.0)
    assert polar_northing(a(10.0), a(60.0), station_n=1000.0, orientation=120.0) == pytest.approx(990.0)
    assert polar_height(a(50.0), station_h=350.25, instrument_height=1.5, target_height=0.1)[0] == pytest.approx(401.65)
    assert spatial_norm(a(1.0), a(2.0), a(2.0)).tolist() == [3.0]


def test_atmospheric_correction_of_the_manual() -> None:
    """1000 m at 847 hPa and 20 C are 1000.050 m; in standard air nothing is corrected."""
    corrected = atmosphere_corrected_distance(a(1000.0, 1000.0), a(847.0, 1013.25), a(20.0, 15.0))
    assert corrected == pytest.approx([1000.050, 1000.0], abs=0.0005)
    assert atmosphere_corrected_distance(a(1000.0), a(1013.25), a(15.0), prism_const=-0.03) == pytest.approx(
        999.97, abs=0.0005
    )


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (positive, 0.5, 0.0),
        (not_negative, 0.0, -0.1),
        (numbers(3, 4), (1.0, 2.0, 3.0), (1.0, 2.0)),
        (numbers(), (1.0,), ()),
        (one_of("CW", "CCW"), "CW", "cw"),
        (positive, 2.0, "2.0"),
        (numbers(2), (1.0, 2.0), "12"),
    ],
)
def test_checks_of_props(check: object, good: object, bad: object) -> None:
    """A check passes the good value on and refuses the bad one with a message."""
    assert callable(check)
    assert check(good) == good
    with pytest.raises(ValueError, match=re.escape(repr(bad))):
        check(bad)
