"""Formulas of instruments: published values, signs, and what is missing where."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from tseng_units.formulas.atmosphere import dew_point
from tseng_units.formulas.calibration import (
    bridge_reading,
    digits_of_frequency,
    linear_calibration,
    mean_reading,
    polynomial_calibration,
    polynomial_from_field_zero,
    thermal_term,
    thermal_term_of_reading,
)
from tseng_units.formulas.geodesy import local_east, local_north, local_up
from tseng_units.formulas.loop import loop_value
from tseng_units.formulas.rain import rain_of_tips
from tseng_units.formulas.strain import actual_strain, load_strain, stress_of_strain, wire_strain
from tseng_units.formulas.temperature import platinum_temperature, sensor_chip_temperature
from tseng_units.formulas.tilt import tilt_of_axis_a, tilt_of_axis_b
from tseng_units.formulas.vibration import (
    largest_component,
    overpressure_level,
    tilt_of_gravity,
    total_acceleration,
    vector_of_peaks,
)
from tseng_units.formulas.water import cell_elevation, cell_elevation_of_pressure, pressure_less_baro_change


def a(*values: float) -> NDArray[np.float64]:
    """A float64 array."""
    return np.array(values, dtype=np.float64)


def test_platinum_thermometer_meets_the_printed_table() -> None:
    """IEC 60751 prints 18.52, 60.26, 100.00, 138.51 and 390.48 Ohm at -200, -100, 0, 100 and 850 C."""
    table = {18.52: -200.0, 60.26: -100.0, 100.00: 0.0, 138.51: 100.0, 313.71: 600.0}
    found = platinum_temperature(a(*table) + a(1e-3, 0.0, 0.0, 0.0, 0.0))
    assert found == pytest.approx(list(table.values()), abs=0.02)
    assert platinum_temperature(a(1000.0), rtd_r0=1000.0)[0] == 0.0


def test_platinum_thermometer_inverts_the_equation() -> None:
    """Resistances of the equation itself, at both sides of 0 C, give their temperatures back to a nanokelvin."""
    celsius = np.arange(-199.5, 850.0, 0.5)
    cubic = np.where(celsius < 0, -4.183e-12 * (celsius - 100.0) * celsius**3, 0.0)
    resistance = 100.0 * (1.0 + 3.9083e-3 * celsius - 5.775e-7 * celsius**2 + cubic)
    assert platinum_temperature(resistance) == pytest.approx(celsius, abs=1e-9)


def test_platinum_thermometer_outside_its_range() -> None:
    """Below -200 and above 850 C there is no temperature; 18.5 and 390.5 Ohm lie just outside."""
    assert np.isnan(platinum_temperature(a(0.0, -5.0, 18.5, 390.5, 1e9))).all()


def test_sensor_chip() -> None:
    """The chip gives 750 mV at 25 C."""
    shift, factor = sensor_chip_temperature()
    assert (0.75 - shift) * factor == pytest.approx(25.0)


def test_vibrating_wire() -> None:
    """2828 Hz are 7997.6 digits; no resonance is no reading; gauges are averaged in digits."""
    assert digits_of_frequency(a(2828.0))[0] == pytest.approx(7997.584)
    assert np.isnan(digits_of_frequency(a(0.0, -2828.0))).all()
    assert mean_reading(a(1.0), a(2.0), a(6.0)).tolist() == [3.0]


def test_linear_calibration_both_ways() -> None:
    """The sheet's R1-R0 and R0-R1 differ in sign alone; a bridge's reading is its ratio times the scale."""
    shift, factor = linear_calibration(g=-0.1795, r0=9082.0)
    assert (6749.0 - shift) * factor == pytest.approx(418.7735)
    assert linear_calibration(g=-0.1795, r0=9082.0, cal_form="R0-R1") == (9082.0, 0.1795)
    assert bridge_reading(scale=2.5) == (0.0, 2.5)


def test_polynomial_calibrations() -> None:
    """2 R^2 + 3 R + 4 at 10 is 234; from a field zero it is 0 there, exactly."""
    assert polynomial_calibration(a(10.0), a=2.0, b=3.0, c=4.0)[0] == 234.0
    zero = polynomial_from_field_zero(a(8881.3, 0.0), a=-1.1734e-6, b=-0.15688, r0=8881.3)
    assert zero[0] == 0.0
    assert zero[1] == pytest.approx(1.1734e-6 * 8881.3**2 + 0.15688 * 8881.3)


def test_thermal_terms() -> None:
    """K (T - T0), and the same with K from the reading: (2000 * 0.001 + 1) * 0.5 = 1.5 a degree."""
    assert thermal_term(k=-0.1034, t0=20.1) == (20.1, -0.1034)
    term = thermal_term_of_reading(a(2000.0), a(12.0), temp_m=0.001, temp_b=1.0, g=0.5, t0=10.0)
    assert term.tolist() == [3.0]


def test_sealed_gauges_take_the_barometers_change() -> None:
    """At 1 kPa more air pressure than at the zero a sealed gauge shows 1 kPa too much."""
    assert pressure_less_baro_change(a(5000.0), a(102000.0), baro_zero=101000.0).tolist() == [4000.0]


def test_settlement_cells() -> None:
    """A cell under 9806.65 Pa more water has sunk by a metre; a rise of the reservoir lifts the result."""
    assert cell_elevation_of_pressure(a(9806.65), elevation=100.0, res_offset=0.25).tolist() == [99.25]
    assert cell_elevation(a(-0.5), elevation=100.0, res_offset=0.25).tolist() == [99.75]


def test_strains() -> None:
    """300 digits less at 0.343 are -102.9 microstrain; a heated free steel bar carries no load."""
    shift, factor = wire_strain(gauge_factor=0.343)
    assert (-300.0 - shift) * factor == pytest.approx(-102.9)
    assert actual_strain(a(-122.0), a(10.0)).tolist() == [0.0]
    assert load_strain(a(-5.0), a(10.0), alpha_struct=12.2).tolist() == [-5.0]
    assert load_strain(a(0.0), a(10.0), alpha_wire=12.2, alpha_struct=10.4)[0] == pytest.approx(18.0)
    assert stress_of_strain(e_mod=200.0) == (0.0, 0.2)


def test_tilt_of_voltages() -> None:
    """The output is a polynomial of the sine; beyond 1 there is no tilt, at 1 it is 90 degrees."""
    assert tilt_of_axis_a(a(0.5, 1.0, -1.0001)) == pytest.approx([30.0, 90.0, np.nan], nan_ok=True)
    assert tilt_of_axis_b(a(2.0), coef_b=(0.1, 0.0, 0.1))[0] == pytest.approx(30.0)


def test_acceleration() -> None:
    """An axis at half of gravity is tilted by 30 degrees; without any acceleration there is no tilt."""
    assert total_acceleration(a(1.0), a(2.0), a(2.0)).tolist() == [3.0]
    assert tilt_of_gravity(a(0.5), a(1.0))[0] == pytest.approx(30.0)
    assert np.isnan(tilt_of_gravity(a(0.0), a(0.0))).all()


def test_vibration() -> None:
    """The largest component counts with any sign; 2 Pa are 100 dBL and silence has no level."""
    assert largest_component(a(1.2), a(0.5), a(-2.1)).tolist() == [2.1]
    assert vector_of_peaks(a(-2.0), a(3.0), a(6.0)).tolist() == [7.0]
    assert overpressure_level(a(-2.0))[0] == pytest.approx(100.0)
    assert not np.isfinite(overpressure_level(a(0.0))).any()


def test_loop() -> None:
    """12 mA are half of the range; the fault limits themselves are still values, as NE 43 has them."""
    found = loop_value(a(0.012, 0.0036, 0.021, 0.00359, 0.02101), loop_lo=-5.0, loop_hi=5.0)
    assert found == pytest.approx([0.0, -5.25, 5.625, np.nan, np.nan], nan_ok=True)


def test_rain_and_dew() -> None:
    """Five tips are a millimetre; saturated air is at its dew point; 50 % at 40 C is printed as 27.6 C."""
    assert rain_of_tips() == (0.0, 0.2)
    assert dew_point(a(20.0, -10.0), a(100.0, 100.0)) == pytest.approx([20.0, -10.0])
    assert dew_point(a(40.0), a(50.0))[0] == pytest.approx(27.6, abs=0.05)
    assert not np.isfinite(dew_point(a(20.0, 20.0), a(0.0, -3.0))).any()


def test_local_coordinates() -> None:
    """On the equator a millionth of a degree is a pi/180e6 metres east; up is up; the date line is no jump."""
    ref = {"ref_lat": 0.0, "ref_lon": 0.0, "ref_h": 0.0}
    step = 6378137.0 * math.radians(1e-6)
    assert local_east(a(0.0), a(1e-6), a(0.0), **ref)[0] == pytest.approx(step, rel=1e-12)
    polar_radius = 6378137.0 * (1.0 - 2.0 / 298.257223563 + 1.0 / 298.257223563**2)
    assert local_north(a(1e-6), a(0.0), a(0.0), **ref)[0] == pytest.approx(polar_radius * math.radians(1e-6), rel=1e-12)
    assert local_up(a(0.0), a(0.0), a(3.5), **ref).tolist() == [3.5]
    across = {"ref_lat": 0.0, "ref_lon": 179.9999995, "ref_h": 0.0}
    assert local_east(a(0.0), a(-179.9999995), a(0.0), **across)[0] == pytest.approx(step, rel=1e-6)
    assert np.isnan(local_up(a(90.1), a(0.0), a(0.0), **ref)).all()
