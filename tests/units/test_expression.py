"""Expressions: what they give, what they refuse, and pint's own arithmetic as a second opinion."""

import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pint
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tseng_units.dimensions import compound, kind_of
from tseng_units.errors import InvalidDefinition
from tseng_units.expression import DEEPEST, LONGEST, Name, compile_expression
from tseng_units.terms import Column, Expression, Given

COLUMNS = {
    "digits": "vw_reading",
    "T": "temperature",
    "sd": "length",
    "tilt_x": "angle",
    "P": "pressure",
    "RH": "ratio",
}
PROPS = {"R0": "digit", "G": "mm/digit", "alpha": "1/C", "T0": "F", "L": "in", "q": "kPa", "k": ""}
NAMES = {name: Name(Column(index), kind_of(dimension)) for index, (name, dimension) in enumerate(COLUMNS.items())}
NAMES |= {name: Name(Given(name.lower(), compound(unit).to_base), compound(unit).kind) for name, unit in PROPS.items()}


def compiled(text: str) -> Expression:
    """An expression over the names above."""
    return compile_expression(text, NAMES.__getitem__, tuple(NAMES))


def value(text: str, columns: Sequence[float] = (8000.0, 25.0, 2.0, 0.5, 3e3, 0.25), **props: float) -> float:
    """One row of an expression; inputs are in base units, temperatures in C, props in the units above."""
    given_ = {"r0": 7000.0, "g": 0.01, "alpha": 0.001, "t0": 68.0, "l": 10.0, "q": 2.0, "k": 3.0} | props
    return float(np.ravel(compiled(text)(*(np.array([each]) for each in columns), **given_))[0])


@pytest.mark.parametrize(
    ("text", "expected", "kind"),
    [
        # (8000 - 7000) digit x 0.01 mm/digit = 10 mm; 25 C is 5 K above 68 F = 20 C, so 1 + 0.001 x 5 = 1.005.
        ("(digits - R0) * G * (1 + alpha * (T - T0))", 0.01005, "length"),
        ("T + (T - T0)", 30.0, "temperature"),
        ("T0 - (T - T0) / 2", 17.5, "temperature"),
        ("min(T, T0)", 20.0, "temperature"),
        ("P / sd ** 2 * sd ** 2 - q", 1000.0, "pressure"),
        ("-sd + L", -1.746, "length"),
        ("+sd", 2.0, "length"),
        ("sqrt(sd ** 2)", 2.0, "length"),
        ("hypot(sd, 3 * sd / 4)", 2.5, "length"),
        ("atan2(sd, sd)", 0.7853981633974483, "a plain number"),
        ("max(sd, L, sd * 4, sd / 2)", 8.0, "length"),
        ("ln(exp(2)) + log10(1000)", 5.0, "a plain number"),
        ("tan(atan(0.75)) + sin(asin(0.5)) + cos(acos(0.25))", 1.5, "a plain number"),
        ("abs(R0 - digits)", 1000.0, "vw_reading"),
        ("2 ** 3 ", 8.0, "a plain number"),
        ("(sd / L * 0.127) ** (2/3)", 1.0, "a plain number"),
        ("sd ** -2", 0.25, "1/length^2"),
        ("1.5e1 + .5 - 2.", 13.5, "a plain number"),
        ("k * RH", 0.75, "a plain number"),
        ("sd\n   + sd", 4.0, "length"),
        ("2 * -3 ** 2", -18.0, "a plain number"),
        ("8 / 4 / 2 - 1 - 1", -1.0, "a plain number"),
    ],
)
def test_values_by_hand(text: str, expected: float, kind: str) -> None:
    """Precedence, functions and conversions of props, worked out with pencil and paper."""
    assert value(text) == pytest.approx(expected, rel=1e-14)
    assert str(compiled(text).kind) == kind


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("digits - T0", "in `digits - T0`: vw_reading and temperature cannot be subtracted"),
        ("G * (digits - R0) + T", "in `G * (digits - R0) + T`: length and temperature cannot be added"),
        ("sd + 1", "in `sd + 1`: length and a plain number cannot be added"),
        ("1 + sd * G", "a plain number and length^2/vw_reading cannot be added"),
        ("T + T0", "in `T + T0`: temperature and temperature cannot be added"),
        ("(T - T0) - T", "in `(T - T0) - T`: temperature_delta and temperature cannot be subtracted"),
        ("alpha * T", "in `alpha * T`: `T` is a temperature on a scale with an arbitrary zero"),
        ("alpha * T", "write one, such as `(T - T0)`"),
        ("-T", "in `-T`: `T` is a temperature"),
        ("T ** 2", "in `T ** 2`: `T` is a temperature"),
        ("P / T", "in `P / T`: `T` is a temperature"),
        ("abs(T)", "`T` is temperature, and abs takes differences of temperatures"),
        ("hypot(T, T0)", "`T` is temperature, and hypot takes differences of temperatures"),
        (
            "min(T, T - T0)",
            "in `min(T, T - T0)`: `T - T0` is temperature_delta, and min takes terms of one kind, here temp",
        ),
        ("max(sd, 0)", "in `max(sd, 0)`: `0` is a plain number, and max takes terms of one kind, here length"),
        ("exp(sd)", "in `exp(sd)`: `sd` is length, and exp takes plain numbers"),
        ("atan2(sd, P)", "`P` is pressure, and atan2 takes terms of one kind, here length"),
        ("sd ** T0", "in `sd ** T0`: the exponent `T0` is not a number"),
        ("sd ** 0", "the exponent `0` is not a number or a fraction of two, not zero"),
        ("sd ** 101", "the exponent `101`"),
        ("k ** (1/0)", "the exponent `1/0`"),
        ("k ** 1e-300", "the exponent `1e-300`"),
        ("digit * G", "'digit' is no metric, and no prop, constant or input declared here; allowed: digits"),
        ("sine(tilt_x)", "no function is called 'sine'; allowed: sin"),
        ("sin(tilt_x, sd)", "sin takes one term, not 2"),
        ("atan2(sd)", "atan2 takes 2 terms, not 1"),
        ("min(sd)", "min takes 2 to 20 terms, not 1"),
        ("sin", "'sin' is no metric"),
        ("", "is no expression"),
        ("sd sd", "is no expression"),
        ("sd +", "is no expression"),
        ("(sd", "is no expression"),
        ("1e999", "the number is too large"),
    ],
)
def test_refusals_name_the_term(text: str, problem: str) -> None:
    """The term as it is written, what it is, and what was needed."""
    with pytest.raises(InvalidDefinition) as raised:
        compiled(text)
    assert problem in str(raised.value)
    assert raised.value.field == "expression"


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')", "sd.real", "sd.__class__", "sd[0]", "[sd]", "{sd}", "{sd: sd}", "(sd, sd)",
        "sd,", "f'{sd}'", "'sd'", "b''", "lambda: 0", "lambda", "(sd := 2)", "sd if sd else sd", "sd and sd", "not sd",
        "sd < L", "sd == L", "sd is sd", "sd in sd", "[sd for sd in sd]", "sum(sd for sd in sd)", "sin(*sd)",
        "sin(**sd)",
        "sin(x=sd)", "sin(tilt_x)(sd)", "(sin)(tilt_x)()", "True", "None", "...", "await sd", "yield sd", "~1",
        "7 // 2",
        "7 % 2", "sd @ sd", "1 << 9", "0x10", "0b1", "1_000", "1j", "1if k else 2", "sd; sd", "sd = 2", "# sd",
        "sd \\ + sd",
        "9**9**9**9", "9 ** 999999999", "k ** " * 90 + "k", "1" * (LONGEST + 1), "1" * 10**6,
        "(" * 400 + "k" + ")" * 400,
        "-" * (LONGEST - 1) + "k", "sqrt(" * 150 + "k" + ")" * 150, "+".join(["k"] * (DEEPEST + 2)),
        "k ** " + "-" * 900 + "1",
        "\u0441os(k)", "\uff53\uff44", "sd \u2212 sd", "sd\u200b", "\u212a", "\x00", "sd\x00",
        "eval(k)", "print(k)",
    ],
)  # fmt: skip
def test_nothing_but_arithmetic_gets_through(text: str) -> None:
    """Python beyond the little language, look-alike letters, towers of powers and deep nesting are refused, quietly."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InvalidDefinition) as raised:
            compiled(text)
    assert len(str(raised.value)) < 1000


PIECES = st.sampled_from(
    [*NAMES, *"+-*/(),. ", "**", "sin", "min(", "lambda", "2", "1e3", "0.5", "if", "^", "=", "\n", "é"]
)


@given(st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=25).map("".join)))
def test_any_text_is_taken_or_refused(text: str) -> None:
    """Nothing else is ever raised, and what is taken gives a float for each row."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with suppress(InvalidDefinition):
            assert isinstance(value(text), float)


def test_what_just_passes() -> None:
    """An expression as long and as deep as it may be compiles and runs."""
    terms = "+".join(["k"] * DEEPEST)
    assert value(terms) == 3.0 * DEEPEST
    assert value(" " * (LONGEST - len(terms)) + terms) == 3.0 * DEEPEST
    assert value("-" * (DEEPEST - 1) + "k") == -3.0


@pytest.mark.parametrize(
    ("text", "outside", "inside"),
    [
        ("sqrt(x)", -1, 0),
        ("ln(x)", 0, 1),
        ("log10(x)", -1, 1),
        ("asin(x)", 1.1, 1),
        ("acos(x)", -1.1, -1),
        ("1 / x", 0, 1),
        ("x ** 0.5", -1, 1),
        ("x ** -1", 0, -1),
        ("exp(x)", 800, -800),
        ("x * 1e300", 1e10, 1),
        # Floating point would find a number for each of these.
        ("1 / (1 / x)", 0, 1),
        ("min(ln(x), -9)", 0, 1),
        ("atan(1 / x)", 0, 1),
        ("exp(ln(x))", 0, 1),
        ("hypot(1 / x, ln(x))", 0, 1),
        ("max(sqrt(x), 2)", -1, 1),
        ("1 / (x * 1e300)", 1e10, 1),
    ],
)
def test_outside_the_domain_of_any_step_is_missing(text: str, outside: float, inside: float) -> None:
    """One value is missing, the one beside it is not, and no warning is given."""
    expression = compile_expression(text, {"x": Name(Column(0), kind_of("ratio"))}.__getitem__)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = expression(np.array([outside, inside, outside]))
    assert np.isfinite(values).tolist() == [False, True, False]


def test_inputs_are_left_alone() -> None:
    """The result is an array of its own, even of a name alone, and inputs may be read-only."""
    x = np.array([1.0, 2.0])
    x.flags.writeable = False
    # x + x^2 - 2 x = x^2 - x
    for text, expected in (("x", [1.0, 2.0]), ("x + x * x - (x + x)", [0.0, 2.0])):
        values = compile_expression(text, {"x": Name(Column(0), kind_of("ratio"))}.__getitem__)(x)
        assert values.tolist() == expected
        values[0] = 9.0
    assert x.tolist() == [1.0, 2.0]


def test_props_may_differ_from_row_to_row() -> None:
    """An array of a prop's values is taken row by row."""
    result = compiled("sd * k")(*[np.array([2.0, 3.0])] * 6, k=np.array([10.0, 20.0]))
    assert result.tolist() == [20.0, 60.0]


# pint's stock registry computes the same texts, read by Python itself.
STOCK: "pint.UnitRegistry[float]" = pint.UnitRegistry()
STOCK.define("vw_digit = [vw_reading]")
UNITS = {
    "digits": "vw_digit", "T": "degree_Celsius", "sd": "meter", "tilt_x": "radian", "P": "pascal",
    "RH": "dimensionless",
    "R0": "vw_digit", "G": "millimeter / vw_digit", "alpha": "1 / delta_degree_Celsius", "T0": "degree_Fahrenheit",
    "L": "inch", "q": "kilopascal", "k": "dimensionless",
}  # fmt: skip
FUNCTIONS: dict[str, Any] = {
    "sqrt": np.sqrt, "abs": abs, "exp": np.exp, "ln": np.log, "log10": np.log10, "sin": np.sin, "cos": np.cos,
    "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2, "hypot": np.hypot,
    "min": np.minimum, "max": np.maximum,
}  # fmt: skip
PLAIN_FUNCTIONS = ["exp", "ln", "log10", "sin", "cos", "tan", "asin", "acos", "atan"]
MAGNITUDES = st.floats(0.1, 50.0)
ROWS = st.fixed_dictionaries(dict.fromkeys(UNITS, MAGNITUDES))


def second_opinion(text: str, row: dict[str, float]) -> Any:
    """The text computed by pint; raises what pint raises where dimensions or temperatures do not work out."""
    quantities = {name: STOCK.Quantity(np.float64(row[name]), unit) for name, unit in UNITS.items()}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return STOCK.Quantity(eval(text, {"__builtins__": {}}, {**FUNCTIONS, **quantities}))


def leaves() -> st.SearchStrategy[str]:
    """Names and numbers."""
    return st.sampled_from([*UNITS, "2", "0.5", "3.25"])


def anything(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """One operation more, whether or not its dimensions work out."""
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("({}) ** {}".format, inner, st.sampled_from(["2", "3", "-1", "-2", "0.5"])),
        st.builds("{}({})".format, st.sampled_from([*PLAIN_FUNCTIONS, "sqrt", "abs"]), inner),
        st.builds("{}({}, {})".format, st.sampled_from(["atan2", "hypot", "min", "max"]), inner, inner),
    )


def ours(text: str, row: dict[str, float]) -> float:
    """The text computed by us."""
    columns = [np.array([row[name]]) for name in COLUMNS]
    return float(np.ravel(compiled(text)(*columns, **{name.lower(): row[name] for name in PROPS}))[0])


def agree(text: str, row: dict[str, float]) -> None:
    """Our value is pint's, to 1e-12, wherever rounding of the inputs alone does not move it by more."""
    found = ours(text, row)
    nudged = [ours(text, {name: each * factor for name, each in row.items()}) for factor in (1 + 4e-15, 1 - 3e-15)]
    nudged += [ours(text, row | {name: row[name] * (1 + 4e-15)}) for name in UNITS]
    assume(all(np.isfinite([found, *nudged])))
    assume(max(abs(each - found) for each in nudged) <= 1e-13 * abs(found))
    kind = compiled(text).kind
    expected = second_opinion(text, row)
    based = expected.to("degree_Celsius") if kind.absolute else expected.to_base_units()
    assert found == pytest.approx(float(based.magnitude), rel=1e-12)
    powers = {name.strip("[]"): power for name, power in expected.dimensionality.items()}
    assert {name: float(power) for name, power in kind.powers} == pytest.approx(powers)


@given(st.recursive(leaves(), anything, max_leaves=5), ROWS)
def test_pint_has_the_same_opinion_of_any_text(text: str, row: dict[str, float]) -> None:
    """What pint refuses we refuse; what we take has pint's value and dimension."""
    try:
        second_opinion(text, row)
    except ArithmeticError:
        # Python divides plain numbers by zero less calmly than numpy.
        return
    except pint.PintError:
        with pytest.raises(InvalidDefinition):
            compiled(text)
        return
    with suppress(InvalidDefinition):
        # pint lets more pass: a zero or a NaN of any dimension, and some of what has no meaning for temperatures.
        compiled(text)
        agree(text, row)


@st.composite
def sound(draw: st.DrawFn) -> str:
    """A longer text whose dimensions work out, as pint sees them."""
    row = dict.fromkeys(UNITS, 2.0)
    pool = [draw(leaves()) for _ in range(3)]
    for _ in range(draw(st.integers(2, 9))):
        one, other = draw(st.sampled_from(pool[-2:])), draw(st.sampled_from([*pool, *UNITS]))
        quantities = [second_opinion(each, row) for each in (one, other)]
        dimensions = [dict(each.dimensionality) for each in quantities]
        alike, plain = dimensions[0] == dimensions[1], not dimensions[0]
        choices = [f"({one} * {other})", f"({one} / {other})", f"({one}) ** 2", f"sqrt(({one}) ** 2)"]
        choices += [f"({one} + {other})", f"({one} - {other})"] * alike
        choices += [f"hypot({one}, {other})", f"max({one}, {other})"] * alike
        choices += [f"{draw(st.sampled_from(PLAIN_FUNCTIONS))}({one})"] * 2 * plain
        text = draw(st.sampled_from(choices))
        try:
            second_opinion(text, row)
            compiled(text)
        except (pint.PintError, ArithmeticError):
            continue
        except InvalidDefinition:
            # To pint a zero or a NaN is of any dimension, and more of temperatures passes there than has a meaning.
            assert "T" in text or any(each.magnitude == 0 or np.isnan(each.magnitude) for each in quantities)
            continue
        pool.append(text)
    return pool[-1]


@given(sound(), ROWS)
def test_pint_finds_the_same_values(text: str, row: dict[str, float]) -> None:
    """Random sound expressions, up to some dozen operations, are right to 1e-12."""
    assume(len(text) <= LONGEST)
    agree(text, row)
