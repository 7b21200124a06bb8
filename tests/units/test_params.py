"""Request parameters are checked as a whole before anything is computed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tseng_units.errors import InvalidParam
from tseng_units.params import LONGEST_DT, Params, parse_params

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
IDS = st.sampled_from(["dt", "START_DATE", "END", "ZERO_DATE", "AZIMUTH_XY", "AZIMUTH_STRUCTURE", "ZERODATE"])


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (None, Params()),
        ({}, Params()),
        ({"dt": {"value": 3600}}, Params(dt=3_600_000_000)),
        ({"dt": {"value": 2, "unit": "h"}}, Params(dt=7_200_000_000)),
        ({"dt": {"value": 0.5, "unit": None}}, Params(dt=500_000)),
        ({"dt": {"value": 1e300, "unit": "week"}}, Params(dt=LONGEST_DT)),
        ({"END": {"value": "TOP"}}, Params(END="TOP")),
        ({"ZERO_DATE": {"value": "1970-01-02", "unit": "whatever"}}, Params(ZERO_DATE=86_400_000_000)),
        ({"START_DATE": {"value": "1970-01-01T01:00:00+01:00"}}, Params(START_DATE=0)),
        ({"AZIMUTH_XY": {"value": -450}}, Params(AZIMUTH_XY=-450.0)),
        ({"AZIMUTH_STRUCTURE": {"value": 100, "unit": "gon"}}, Params(AZIMUTH_STRUCTURE=90.0)),
    ],
)
def test_accepted(params: Any, expected: Params) -> None:
    """Dates become microseconds, intervals microseconds of any time unit, angles degrees of any angle unit."""
    assert parse_params(params) == expected


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ([], "params"),
        ("dt", "params"),
        ({"ZERODATE": {"value": "2024-03-01"}}, "ZERODATE"),
        ({"zero_date": {"value": "2024-03-01"}}, "zero_date"),
        ({"ZERO_DATE": "2024-03-01"}, "ZERO_DATE"),
        ({"ZERO_DATE": None}, "ZERO_DATE"),
        ({"ZERO_DATE": {}}, "ZERO_DATE"),
        ({"ZERO_DATE": {"value": None}}, "ZERO_DATE"),
        ({"ZERO_DATE": {"value": 1709251200}}, "ZERO_DATE"),
        ({"ZERO_DATE": {"value": "yesterday"}}, "ZERO_DATE"),
        ({"dt": {"value": 0}}, "dt"),
        ({"dt": {"value": -1}}, "dt"),
        ({"dt": {"value": True}}, "dt"),
        ({"dt": {"value": "3600"}}, "dt"),
        ({"dt": {"value": float("nan")}}, "dt"),
        ({"dt": {"value": 10**400}}, "dt"),
        ({"dt": {"value": 1e-9}}, "dt"),
        ({"dt": {"value": 1, "unit": "m"}}, "dt"),
        ({"dt": {"value": 1, "unit": "hour"}}, "dt"),
        ({"dt": {"value": 1, "unit": 5}}, "dt"),
        ({"END": {"value": "2024-03-01T01:00:00.000Z"}}, "END"),
        ({"END": {"value": "bottom"}}, "END"),
        ({"END": {"value": ["TOP"]}}, "END"),
        ({"AZIMUTH_XY": {"value": float("inf")}}, "AZIMUTH_XY"),
        ({"AZIMUTH_XY": {"value": 1, "unit": "mm_m"}}, "AZIMUTH_XY"),
        ({"AZIMUTH_XY": {"value": 1e308, "unit": "rad"}}, "AZIMUTH_XY"),
    ],
)
def test_refused(params: Any, field: str) -> None:
    """Unknown ids, bare values, nulls, wrong types, wrong units and values out of range are named by their field."""
    with pytest.raises(InvalidParam) as raised:
        parse_params(params)
    assert raised.value.field == field
    assert "\n" not in str(raised.value)


def test_every_fault_is_named() -> None:
    """The message names all parameters at fault, with what is allowed."""
    with pytest.raises(InvalidParam, match=r"ZERODATE.*ZERO_DATE.*dt: 0 is not greater than zero") as raised:
        parse_params({"ZERODATE": {"value": "2024-03-01"}, "END": {"value": "TOP"}, "dt": {"value": 0}})
    assert "END" not in str(raised.value).split("dt: 0")[1]


@given(st.dictionaries(IDS, JSON | st.fixed_dictionaries({"value": JSON}, optional={"unit": JSON}), max_size=4))
def test_whatever_comes_is_parsed_or_refused(params: dict[str, Any]) -> None:
    """No JSON makes the parser fail in any other way than by InvalidParam."""
    try:
        parsed = parse_params(params)
    except InvalidParam:
        return
    assert parsed.dt is None or 0 < parsed.dt <= LONGEST_DT
