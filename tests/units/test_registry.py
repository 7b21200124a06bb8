"""Units: ids, factors, exactness, and agreement with pint's own registry."""

from fractions import Fraction
from functools import cache

import numpy as np
import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tseng_units.errors import IncompatibleUnit, UnknownUnit
from tseng_units.registry import (
    DIMENSIONS,
    common_dimension,
    conversion,
    convert,
    dimension_of,
    exact_conversion,
    unit_from_text,
)

PAIRS = [(d.name, a, b) for d in DIMENSIONS.values() for a in d.units for b in d.units]
STOCK = {
    "temperature": "C=degC K=kelvin F=degF",
    "temperature_delta": "C=delta_degC K=kelvin F=delta_degF",
    "length": "m=meter km=kilometer cm=centimeter mm=millimeter um=micrometer in=inch ft=foot ft_us=survey_foot "
    "yd=yard mil=thou",
    "pressure": "Pa=pascal daPa=decapascal hPa=hectopascal kPa=kilopascal MPa=megapascal GPa=gigapascal mbar=millibar "
    "bar=bar psi=psi ksi=ksi psf=force_pound/foot**2 atm=atmosphere mmHg=millimeter_Hg inHg=inch_Hg "
    "cmH2O=centimeter_H2O mmH2O=0.1*centimeter_H2O mH2O=100*centimeter_H2O inH2O=2.54*centimeter_H2O "
    "ftH2O=30.48*centimeter_H2O kgf_cm2=force_kilogram/centimeter**2 tf_m2=force_metric_ton/meter**2",
    "frequency": "Hz=hertz kHz=kilohertz",
    "strain": "ustrain=1e-6 mstrain=1e-3 strain=1 pct=percent",
    "angle": "deg=degree rad=radian mrad=milliradian urad=microradian arcmin=arcminute arcsec=arcsecond gon=grade",
    "gradient": "mm_m=millimeter/meter in_ft=inch/foot m_m=meter/meter pct=percent",
    "force": "N=newton kN=kilonewton MN=meganewton lbf=force_pound kip=kip kgf=force_kilogram tf=force_metric_ton "
    "tonf_us=force_ton",
    "velocity": "m_s=meter/second mm_s=millimeter/second cm_s=centimeter/second in_s=inch/second ft_s=foot/second "
    "km_h=kilometer/hour mph=mile/hour kn=knot mm_h=millimeter/hour in_h=inch/hour mm_d=millimeter/day "
    "cm_d=centimeter/day m_d=meter/day in_d=inch/day mm_yr=millimeter/(365.25*day)",
    "acceleration": "m_s2=meter/second**2 mm_s2=millimeter/second**2 g=g_0 mg=0.001*g_0 Gal=galileo "
    "in_s2=inch/second**2 ft_s2=foot/second**2",
    "voltage": "V=volt mV=millivolt uV=microvolt",
    "voltage_ratio": "mV_V=millivolt/volt V_V=volt/volt",
    "current": "A=ampere mA=milliampere",
    "resistance": "Ohm=ohm kOhm=kiloohm",
    "ratio": "pct=percent one=1",
    "count": "count=count",
    "time": "ms=millisecond s=second min=minute h=hour d=day week=week",
}
"""What stock pint calls our units; it knows no vibrating wire digits and no linear decibels."""
IDS = {
    "temperature": "C K F",
    "temperature_delta": "C K F",
    "length": "m km cm mm um in ft ft_us yd mil",
    "pressure": "Pa daPa hPa kPa MPa GPa mbar bar psi ksi psf atm mmHg inHg mmH2O cmH2O mH2O inH2O ftH2O kgf_cm2 tf_m2",
    "frequency": "Hz kHz",
    "vw_reading": "digit",
    "strain": "ustrain mstrain strain pct",
    "angle": "deg rad mrad urad arcmin arcsec gon",
    "gradient": "mm_m in_ft m_m pct",
    "force": "N kN MN lbf kip kgf tf tonf_us",
    "velocity": "m_s mm_s cm_s in_s ft_s km_h mph kn mm_h in_h mm_d cm_d m_d in_d mm_yr",
    "acceleration": "m_s2 mm_s2 g mg Gal in_s2 ft_s2",
    "voltage": "V mV uV",
    "voltage_ratio": "mV_V V_V",
    "current": "A mA",
    "resistance": "Ohm kOhm",
    "ratio": "pct one",
    "count": "count",
    "sound_level": "dBL",
    "time": "ms s min h d week",
}
"""Section 6 of the specification, in its order."""
FACTORS = {
    ("length", "ft_us"): Fraction(1200, 3937),
    ("length", "mil"): Fraction("2.54e-5"),
    ("pressure", "mmHg"): Fraction("133.322387415"),
    ("pressure", "inHg"): Fraction("133.322387415") * Fraction("25.4"),
    ("pressure", "inH2O"): Fraction("249.08891"),
    ("pressure", "ftH2O"): Fraction("2989.06692"),
    ("pressure", "kgf_cm2"): Fraction("98066.5"),
    ("pressure", "tf_m2"): Fraction("9806.65"),
    ("force", "lbf"): Fraction("4.4482216152605"),
    ("force", "tonf_us"): 2000 * Fraction("4.4482216152605"),
    ("velocity", "kn"): Fraction(1852, 3600),
    ("velocity", "mm_yr"): Fraction(1, 1000) / (Fraction("365.25") * 86400),
    ("gradient", "in_ft"): Fraction(1, 12),
    ("strain", "pct"): Fraction(1, 100),
    ("temperature_delta", "F"): Fraction(5, 9),
}
"""Exact factors to the base unit as NIST SP 811 (2008) Appendix B prints or defines them."""


def test_ids_are_those_of_the_specification() -> None:
    """The dimensions come in the order in which ids are searched, each with exactly its ids."""
    assert {name: " ".join(dimension.units) for name, dimension in DIMENSIONS.items()} == IDS
    assert list(DIMENSIONS) == list(IDS)
    assert all(dimension.base in dimension.units for dimension in DIMENSIONS.values())


@pytest.mark.parametrize(
    ("dimension", "id_", "name", "notation"),
    [
        ("length", "m", "meter", "m"),
        ("length", "mm", "millimeter", "mm"),
        ("length", "um", "micrometer", "µm"),
        ("length", "in", "inch", "in"),
        ("pressure", "Pa", "pascal", "Pa"),
        ("pressure", "kgf_cm2", "kilogram-force per square centimeter", "kgf/cm²"),
        ("temperature", "C", "celsius", "°C"),
        ("temperature", "K", "kelvin", "°K"),
        ("temperature_delta", "F", "fahrenheit", "°F"),
        ("frequency", "Hz", "hertz", "Hz"),
        ("angle", "deg", "degree", "°"),
        ("strain", "ustrain", "microstrain", "µε"),
    ],
)
def test_unit_objects(dimension: str, id_: str, name: str, notation: str) -> None:
    """A unit has its American singular name and its usual symbol, temperatures as the API document prints them."""
    unit = DIMENSIONS[dimension].units[id_]
    assert (unit.id, unit.name, unit.notation) == (id_, name, notation)


@pytest.mark.parametrize(("dimension", "id_"), FACTORS)
def test_factors_are_exact(dimension: str, id_: str) -> None:
    """The factor to the base unit is the defined number, to the last digit of a fraction."""
    scale, offset = exact_conversion(dimension, id_, DIMENSIONS[dimension].base)
    assert [scale, offset] == [FACTORS[dimension, id_], Fraction(0)]


def test_temperatures_are_exact() -> None:
    """Fahrenheit to kelvin is 5/9 (F + 459.67); Celsius to Fahrenheit is 9/5 C + 32."""
    assert exact_conversion("temperature", "F", "K") == (Fraction(5, 9), Fraction("459.67") * Fraction(5, 9))
    assert exact_conversion("temperature", "C", "F") == (Fraction(9, 5), Fraction(32))
    assert exact_conversion("temperature_delta", "C", "F") == (Fraction(9, 5), Fraction(0))


@pytest.mark.parametrize("dimension", STOCK)
def test_stock_pint_agrees(dimension: str) -> None:
    """Wherever pint's own registry knows both units, it gives the same numbers."""
    stock = _stock_registry()
    names = dict(pair.split("=", 1) for pair in STOCK[dimension].split(" "))
    assert set(names) == set(DIMENSIONS[dimension].units)
    for from_id, source in names.items():
        for to_id, target in names.items():
            for value in (-40.0, 0.0, 1.0, 123.456):
                other = _stock(stock, value, source, target)
                assert convert(value, from_id, to_id, dimension) == pytest.approx(
                    other, rel=1e-12, abs=2e-12 * abs(value)
                )


@cache
def _stock_registry() -> "pint.UnitRegistry[float]":
    return pint.UnitRegistry()


def _stock(stock: "pint.UnitRegistry[float]", value: float, source: str, target: str) -> float:
    if "deg" in source + target and "degree" not in source + target:  # temperatures have offsets, no ratio
        return float(stock.Quantity(value, source).to(target).magnitude)
    one, other = (stock.parse_expression(text) * stock.dimensionless for text in (source, target))
    return float(value * (one / other).to_base_units().magnitude)


@given(st.sampled_from(PAIRS), st.floats(-1e9, 1e9).filter(lambda value: abs(value) > 1e-280 or value == 0))
def test_round_trip(pair: tuple[str, str, str], value: float) -> None:
    """There and back again is the same value within 1e-12 (temperatures: of their value in kelvin).

    Not for values next to the smallest float64, where digits run out whatever one does.
    """
    dimension, from_id, to_id = pair
    back = convert(convert(value, from_id, to_id, dimension), to_id, from_id, dimension)
    size = abs(value) + (500.0 if dimension == "temperature" else 0.0)
    assert abs(back - value) <= 1e-12 * size


@given(st.floats(allow_nan=False))
def test_same_unit_is_identity(value: float) -> None:
    """Conversion to the same unit returns the identical value in every unit there is."""
    for dimension, id_ in {(dimension, from_id) for dimension, from_id, _ in PAIRS}:
        assert convert(value, id_, id_, dimension) == value


@pytest.mark.parametrize(("value", "expected"), [(1234.5, 1.2345), (0.3, 0.0003), (7.0, 0.007), (1e-3, 1e-6)])
def test_decimal_steps_are_correctly_rounded(value: float, expected: float) -> None:
    """Dividing by a power of ten gives the float nearest to the decimal result, not one beside it."""
    assert convert(value, "mm", "m") == expected


def test_pct_belongs_to_three_dimensions() -> None:
    """An id of several dimensions is taken in the first one that also holds the other unit."""
    first = dimension_of("pct")
    assert first is not None
    assert first.name == "strain"
    assert common_dimension("pct", "mm_m").name == "gradient"
    assert common_dimension("pct", "one").name == "ratio"
    assert convert(5.0, "pct", "mm_m") == 50.0


def test_dimension_decides_not_pint() -> None:
    """Angle, gradient and strain do not convert into each other, though all are pure numbers."""
    for from_id, to_id in (("deg", "mm_m"), ("ustrain", "mm_m"), ("rad", "one"), ("Hz", "digit")):
        with pytest.raises(IncompatibleUnit):
            convert(1.0, from_id, to_id)


@pytest.mark.parametrize(("from_id", "to_id"), [("furlong", "m"), ("m", "furlong"), ("M", "mm"), ("celsius", "C")])
def test_ids_are_case_sensitive_and_no_expressions(from_id: str, to_id: str) -> None:
    """Only the listed ids are units: no names, no other case, no arithmetic."""
    with pytest.raises(UnknownUnit):
        convert(1.0, from_id, to_id)
    with pytest.raises(UnknownUnit):
        conversion("length", "m*2", "m")


def test_apply_in_place_and_out() -> None:
    """A conversion writes into `out`, its own input included, and otherwise leaves the input alone."""
    values = np.array([0.0, 100.0])
    affine = conversion("temperature", "C", "F")
    assert affine.apply(values).tolist() == [32.0, 212.0]
    assert values.tolist() == [0.0, 100.0]
    assert affine.apply(values, values) is values
    assert values.tolist() == [32.0, 212.0]
    same, out = conversion("length", "m", "m"), np.zeros(2)
    assert same.apply(values) is values
    assert same.apply(values, out).tolist() == [32.0, 212.0]
    assert conversion("temperature", "C", "K").apply(np.array([1.0])).tolist() == [274.15]


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("°C", "C"),
        ("Deg C", "C"),
        ("DegC", "C"),
        ("C", "C"),
        ("hPa", "hPa"),
        ("mBars", "mbar"),
        ("m", "m"),
        ("ft", "ft"),
        ("FT", "ft"),
        ("kPa", "kPa"),
        ("psi", "psi"),
        ("Deg", "deg"),
        ("degrees", "deg"),
        ("V", "V"),
        ("mV", "mV"),
        ("mA", "mA"),
        ("m/s", "m_s"),
        ("mm", "mm"),
        (" mm ", "mm"),
        ("Ohm", "Ohm"),
        ("Ohms", "Ohm"),
        ("kg/cm2", "kgf_cm2"),
        ("kPa ", "kPa"),
    ],
)
def test_spellings_of_logger_files(text: str, id_: str) -> None:
    """The spellings of Campbell, Solinst and AGS4 headers are understood."""
    assert unit_from_text(text) == id_


@pytest.mark.parametrize(
    "text", ["%", "ppm", "Vx10^-5", "", "W/m2", "uS/cm", "l/hr", "mg/l", "%VOL", "gal", "mN", "G", "k", "KN"]
)
def test_spellings_left_alone(text: str) -> None:
    """What names no dimension, or could mean two things, stays free text."""
    assert unit_from_text(text) is None
