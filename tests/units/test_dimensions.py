"""Compound units and kinds of quantities, against pint's stock registry and by hand."""

import math
from fractions import Fraction

import numpy as np
import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tseng_units.dimensions import NUMBER, compound, fitting, kind_of
from tseng_units.errors import InvalidDefinition

STOCK: "pint.UnitRegistry[float]" = pint.UnitRegistry()
STOCK.define("vw_digit = [vw_reading]")
# What our ids mean, written down a second time in the words of pint's own table.
MEANING = {
    "mm": "millimeter", "m": "meter", "in": "inch", "digit": "vw_digit", "C": "delta_degree_Celsius",
    "F": "delta_degree_Fahrenheit", "K": "kelvin", "kPa": "kilopascal", "psi": "psi", "kN": "kilonewton",
    "lbf": "pound_force", "s": "second", "d": "day", "mV": "millivolt", "mA": "milliampere", "Ohm": "ohm",
    "Hz": "hertz", "m_s2": "meter / second ** 2", "mm_d": "millimeter / day", "deg": "degree", "pct": "percent",
    "ustrain": "ppm",
}  # fmt: skip
ORDERS = {unit: math.log10(STOCK.Quantity(1.0, meaning).to_base_units().magnitude) for unit, meaning in MEANING.items()}
FACTORS = st.lists(st.tuples(st.sampled_from(sorted(MEANING)), st.integers(-3, 3).filter(bool)), min_size=2, max_size=5)


def within_bounds(factors: list[tuple[str, int]]) -> bool:
    """Whether the scale is clearly one to compute with, between 1e-100 and 1e100; `mm_d` alone is eight orders."""
    return abs(sum(ORDERS[unit] * power for unit, power in factors)) < 99


@given(FACTORS.filter(within_bounds))
def test_compound_units_are_what_pint_makes_of_them(factors: list[tuple[str, int]]) -> None:
    """Kind and scale of any product of powers are those of pint's stock units, to 1e-12."""
    found = compound("*".join(f"{unit}^{power}" for unit, power in factors))
    expected = STOCK.Quantity(1.0)
    for unit, power in factors:
        expected = expected * STOCK.Quantity(1.0, MEANING[unit]) ** power
    based = expected.to_base_units()
    # pint counts a radian as nothing and a kilogram as its base of mass, as we do.
    powers = {name.strip("[]"): Fraction(power) for name, power in based.dimensionality.items()}
    assert dict(found.kind.powers) == powers
    assert float(found.to_base.apply(np.array(1.0))) == pytest.approx(based.magnitude, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "scale", "kind"),
    [
        ("mm/digit", 1e-3, "length/vw_reading"),
        ("kN/m^3", 1e3, "mass/length^2/time^2"),
        ("kN / m ** 3", 1e3, "mass/length^2/time^2"),
        ("1/F", 1.8, "1/temperature"),
        ("mm/m/C", 1e-3, "1/temperature"),
        ("(kPa*s^2)/(m*m)", 1e3, "mass/length^3"),
        ("C", 1.0, "temperature"),
        ("kPa", 1e3, "pressure"),
        ("N*m/m^3", 1.0, "pressure"),
        ("pct", 0.01, "a plain number"),
        ("", 1.0, "a plain number"),
    ],
)
def test_compound_units_by_hand(text: str, scale: float, kind: str) -> None:
    """A temperature alone is one on its scale; in a product it is a difference."""
    found = compound(text)
    assert (float(found.to_base.apply(np.array(1.0))), str(found.kind)) == (scale, kind)
    assert found.kind.absolute is (text == "C")


def test_a_declared_dimension_decides() -> None:
    """`C` can be a temperature or a difference; 68 F is 20 C, a difference of 18 F is 10 K."""
    assert float(compound("F").to_base.apply(np.array(68.0))) == pytest.approx(20.0, rel=1e-12)
    assert float(compound("F", "temperature_delta").to_base.apply(np.array(18.0))) == pytest.approx(10.0, rel=1e-12)
    with pytest.raises(InvalidDefinition, match="is not of dimension 'length'") as raised:
        compound("C", "length")
    assert raised.value.allowed == ("temperature", "temperature_delta")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mm/digits", "no unit has the id 'digits'; allowed: digit"),
        ("m2", "no unit has the id 'm2'"),
        ("mm//s", "a unit id is missing"),
        ("mm/", "a unit id is missing"),
        ("mm s", "'s' stands where none can"),
        ("2*mm", "'2' stands where none can"),
        ("(m*s", "not closed"),
        ("m*s)", "stands where none can"),
        ("(m*s)^2", "stands where none can"),
        ("m^2^2", "stands where none can"),
        ("m^0.5", "stands where none can"),
        ("m^10", "at most 9"),
        ("m\u00b2", "stands where none can"),
        ("m\u0405", "stands where none can"),
        ("__import__('os')", "stands where none can"),
        ("km^9*km^9*km^9*km^9", "too large"),
        ("mm_d^3*mm_d^3*mm_d^3*mm_d^3*ustrain^3", "too small"),
        ("*".join(["m"] * 60), "at most 100 characters"),
        ("(" * 99, "a unit id is missing"),
        ("dBL", "logarithm"),
        ("dBL/s", "logarithm"),
    ],
)
def test_what_is_no_unit_is_refused(text: str, problem: str) -> None:
    """The text, what is wrong with it, and how to write it."""
    with pytest.raises(InvalidDefinition) as raised:
        compound(text)
    assert problem in str(raised.value)


def test_a_scale_is_at_most_a_hundred_orders_from_one() -> None:
    """A percent is two orders: fifty of them are the last that are taken, above the line and below it."""
    for sign, last in (("", 1e-100), ("-", 1e100)):
        fifty = "*".join([f"pct^{sign}9"] * 5 + [f"pct^{sign}5"])
        assert float(compound(fifty).to_base.scale) == pytest.approx(last, rel=1e-12)
        with pytest.raises(InvalidDefinition, match="too large or too small"):
            compound(f"{fifty}*pct^{sign}1")


@given(st.one_of(st.text(max_size=30), st.lists(st.sampled_from([*MEANING, *"*/()^-12 "]), max_size=15).map("".join)))
def test_any_text_is_a_unit_or_refused(text: str) -> None:
    """Nothing else is ever raised, and the scale of what is taken is a number to compute with."""
    try:
        scale = compound(text).to_base.scale
    except InvalidDefinition:
        return
    assert 0 < scale < np.inf


def test_fitting_dimensions() -> None:
    """Of the dimensions that hold a unit those whose quantities are of the kind."""
    assert fitting("C", kind_of("temperature")) == ["temperature"]
    assert fitting("C", kind_of("temperature_delta")) == ["temperature_delta"]
    assert fitting("pct", NUMBER) == ["strain", "gradient", "ratio"]
    assert fitting("mm", NUMBER) == []
    assert fitting("dBL", NUMBER) == []
