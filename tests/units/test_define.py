"""Definitions of metrics: what they become, and what is refused with which field."""

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tseng_units.define import define
from tseng_units.errors import InvalidDefinition
from tseng_units.formulas.declare import REQUIRED

CRACK: dict[str, Any] = {
    "name": "crack opening at 20 C",
    "unit": "mm",
    "types": ["CRACKMETER_VW"],
    "expression": "(digits - R0) * G * (1 + alpha * (T - T_REF))",
    "source": "calibration sheet 12",
    "props": {
        "R0": {"unit": "digit"},
        "G": {"unit": "mm/digit"},
        "alpha": {"unit": "1/C", "default": 0.0},
        "T_REF": {"unit": "C", "default": 20},
    },
}


def refused(body: Any, id: str = "crack") -> InvalidDefinition:
    """The refusal of a definition."""
    with pytest.raises(InvalidDefinition) as raised:
        define(id, body)
    return raised.value


def test_a_definition_becomes_what_a_catalogue_metric_is() -> None:
    """Metric, rule and formula, with the props that the formula binds and the dimensions of its inputs."""
    found = define("crack", CRACK, version=3)
    assert (found.metric.name, found.metric.display_name) == ("crack opening at 20 C", "Crack Opening At 20 C")
    assert (found.metric.notation, found.metric.dimension, found.metric.default_unit) == ("crack", "length", "mm")
    assert (found.metric.params, found.metric.raw, found.metric.version) == ((), False, 3)
    rule = found.rules["crack"]
    assert (rule.kind, rule.inputs, rule.version) == ("formula", (("digits",), ("T",)), 3)
    assert (found.formula.inputs, found.formula.unit, found.formula.dimension) == (("digit", "C"), "m", "length")
    assert found.formula.doc.splitlines() == [f"crack = {CRACK['expression']}", "Source: calibration sheet 12"]
    props = [(prop.name, prop.unit, prop.default) for prop in found.formula.props]
    assert props == [
        ("R0", "digit", REQUIRED), ("G", "mm/digit", REQUIRED), ("alpha", "1/C", 0.0), ("T_REF", "C", 20.0)
    ]  # fmt: skip
    assert found.types == ("CRACKMETER_VW",)
    assert found.body == CRACK


def test_its_formula_by_hand() -> None:
    """1,000 digits of 0.02 mm are 20 mm; 10 K at 1e-3 per K make 20.2 mm, given in m."""
    formula = define("crack", CRACK).formula
    values = formula.function(np.array([8000.0]), np.array([30.0]), r0=7000.0, g=0.02, alpha=1e-3, t_ref=20.0)
    assert values.tolist() == pytest.approx([0.0202], rel=1e-14)


def test_delta_takes_the_difference_of_the_expression() -> None:
    """The metric is a delta of an inner quantity, has the delta rule's parameters and the dimension of differences."""
    found = define("rise", {"unit": "C", "expression": "T", "delta": True})
    assert [(rule.kind, rule.inputs) for rule in found.rules.values()] == [
        ("formula", (("T",),)),
        ("delta", (("rise before zero",),)),
    ]
    assert found.metric.params == ("dt", "START_DATE", "ZERO_DATE")
    assert (found.metric.dimension, found.formula.dimension) == ("temperature_delta", "temperature")


def test_derived_inputs_bring_their_parameters() -> None:
    """A displacement from the fixed end takes END, a velocity cannot do without dt."""
    assert define("path", {"unit": "mm", "expression": "hypot(dx, dy)"}).metric.params == (
        "dt", "START_DATE", "END", "ZERO_DATE"
    )  # fmt: skip
    speed = define("speed", {"unit": "mm_d", "expression": "hypot(vn, ve)"}).metric
    assert (speed.params, set(speed.mandatory)) == (("dt",), {"dt"})


@pytest.mark.parametrize(
    ("unit", "expression", "declared", "dimension"),
    [
        ("C", "T", None, "temperature"),
        ("C", "T - ZERO", None, "temperature_delta"),
        ("F", "T - ZERO", "temperature_delta", "temperature_delta"),
        ("K", "ZERO + (T - ZERO) / 2", "temperature", "temperature"),
        ("pct", "RH + SHARE", "ratio", "ratio"),
        ("ustrain", "RH + SHARE", None, "strain"),
        ("deg", "asin(RH)", None, "angle"),
    ],
)
def test_the_unit_and_the_expression_fix_the_dimension(
    unit: str, expression: str, declared: str | None, dimension: str
) -> None:
    """Temperatures and their differences share units, and so do the plain numbers; `dimension` may say which."""
    used = {name: constant for name, constant in CONSTANTS.items() if name in expression}
    body = {"unit": unit, "expression": expression, "constants": used} | ({"dimension": declared} if declared else {})
    assert define("x1", body).metric.dimension == dimension


CONSTANTS = {"ZERO": {"value": 0, "unit": "C"}, "SHARE": {"value": 5, "unit": "pct"}}


def test_metrics_that_are_not_in_the_catalogue_are_declared() -> None:
    """Under a name of one's own, with a unit that says the dimension; base units are what the formula gets."""
    body = {
        "unit": "mm",
        "expression": "left - span",
        "inputs": {"left": {"metric": "Alignment left-SD", "unit": "in"}, "span": {"unit": "mm"}},
    }
    found = define("skew", body)
    assert [(each.metric, each.dimension) for each in found.inputs] == [
        ("Alignment left-SD", "length"),
        ("span", "length"),
    ]
    assert found.formula.inputs == ("m", "m")


def body(expression: str, unit: str = "mm", **tables: Any) -> dict[str, Any]:
    """A definition."""
    return {"unit": unit, "expression": expression, **tables}


@pytest.mark.parametrize(
    ("written", "field", "says"),
    [
        (body("digits - T"), "expression", "in `digits - T`: vw_reading and temperature cannot be subtracted"),
        (body("digits"), "unit", "the whole, `digits`, is vw_reading, and unit 'mm' is of length"),
        (body("RH"), "unit", "the whole, `RH`, is a plain number, and unit 'mm' is of length"),
        (body("sd", "furlong"), "unit", "no unit has the id 'furlong'"),
        (body("sd", "mm", dimension="pressure"), "dimension", "declared 'pressure'; allowed: length"),
        (body("T", "C", dimension="temperature_delta"), "dimension", "is temperature, and the dimension declared"),
        (body("mic_dB", "dBL"), "expression", "`mic_dB`: sound_level is a logarithm"),
        (body("RH", "dBL"), "unit", "unit 'dBL' is of sound_level"),
        (body("val"), "expression", "`val`: its unit differs from sensor to sensor"),
        (body("crack"), "expression", "'crack' is no metric"),
        (body("k", constants={"k": {"value": 1, "unit": "mm"}}), "expression", "`k` names no metric of a sensor"),
        (body("sd", props={"k": {}}), "props.k", "'k' is declared and not used in `sd`"),
        (body("sd * T", props={"T": {}}), "props.T", "the catalogue has a metric of this name (temperature)"),
        (body("sd * sin", props={"sin": {}}), "props.sin", "a function has this name"),
        (body("sd", props={"a-b": {}}), "props.a-b", "a name has 1 to 64 letters"),
        (body("sd * k", props={"k": {}}, constants={"k": {"value": 1}}), "constants.k", "stands under props.k already"),
        (body("sd * k * K", props={"k": {}, "K": {}}), "props", "upper and lower case alone"),
        (body("sd * k", props={"k": {"unit": "mm/fortnight"}}), "props.k.unit", "no unit has the id 'fortnight'"),
        (body("sd * k", props={"k": {"unit": "mm", "dimension": "force"}}), "props.k.unit", "not of dimension 'force'"),
        (body("sd * RES_OFFSET", props={"RES_OFFSET": {"unit": "mm"}}), "props.RES_OFFSET.unit", "is in m everywhere"),
        (body("sd * k", props={"k": {"default": float("nan")}}), "props.k.default", "nan is not a finite number"),
        (body("sd * k", constants={"k": {"value": float("inf")}}), "constants.k", "inf is not a finite number"),
        (body("left", inputs={"left": {"unit": "rods"}}), "inputs.left.unit", "'rods' is no unit"),
        (body("T", inputs={"T": {"unit": "mm", "metric": "tape"}}), "inputs.T.metric", "cannot stand for 'tape'"),
        (body("sd", name=" "), "name", "name has 1 to 200 characters"),
        (body("sd", notation="x" * 201), "notation", "notation has 1 to 200 characters"),
        (body("sd", colour="red"), "", "unknown field colour"),
        (body("sd", props={"k": {"unt": "mm"}}), "props", "unknown field unt"),
        ({"unit": "mm"}, "", "missing required field expression"),
        ({"unit": 3, "expression": "sd"}, "unit", "Expected str, got int"),
        ("sd", "", "Expected object, got str"),
        (None, "", "Expected object, got null"),
    ],
)  # fmt: skip
def test_refusals_name_the_field(written: Any, field: str, says: str) -> None:
    """The id, the path below it, what stood there and what was needed."""
    error = refused(written)
    assert error.field == f"crack.{field}".rstrip(".")
    assert "metric 'crack': " in str(error)
    assert says in str(error)


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(["mm", "sd", "k"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["k", "unit", "value"]), inner)
    ),
    max_leaves=6,
)
FIELDS = ["unit", "expression", "name", "dimension", "types", "delta", "props", "constants", "inputs", "notation"]


@given(st.one_of(JSON, st.dictionaries(st.sampled_from(FIELDS), JSON), st.fixed_dictionaries({"props": JSON}).map(
    lambda tables: body("sd * k", **tables))))  # fmt: skip
def test_any_data_is_taken_or_refused(written: Any) -> None:
    """Whatever JSON can hold: nothing but a refusal is raised."""
    with suppress(InvalidDefinition):
        define("crack", written)


@pytest.mark.parametrize("id", ["T", "dx", "tilt_x_within_range", "", "a b", "1a", "a" * 65, "é", "a\n"])
def test_ids_that_are_taken_or_no_ids(id: str) -> None:
    """Metrics and rules of the catalogue keep their names."""
    assert "id" in str(refused(body("sd"), id))
