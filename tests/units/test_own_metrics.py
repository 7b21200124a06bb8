"""Metrics of a project's own beside those of the catalogue: who has them, what they give, what provenance says."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.units.memory import MemoryDirectory, MemorySource, Series, get

from tseng_units.define import define
from tseng_units.definitions import Definition
from tseng_units.errors import IncompatibleUnit, MetricNotAvailable, MissingParam, UnknownMetric
from tseng_units.nodes import Convert, Delta, Map, Raw
from tseng_units.plan import plan
from tseng_units.sensors import Sensor, metrics

HOUR = 3_600_000_000


def definitions(**bodies: Mapping[str, Any]) -> dict[str, Definition]:
    """Definitions by id."""
    return {id: define(id, body, version=2) for id, body in bodies.items()}


OWN = definitions(
    opening={
        "unit": "mm",
        "types": ["DISPLACEMENT", "GENERIC_SENSOR_SDE"],
        "expression": "disp - K * (T - T_REF)",
        "props": {"K": {"unit": "mm/C"}, "T_REF": {"unit": "C", "default": 20}},
        "source": "report 7, eq. 3",
    },
    warming={"unit": "C", "expression": "T", "delta": True},
    opening_rate={"unit": "mm_d", "expression": "v_disp * 2"},
    skew={"unit": "mm", "expression": "left - right", "inputs": {"left": {"unit": "in"}, "right": {"unit": "mm"}}},
)
CRACK = Sensor("c", "DISPLACEMENT", {"K": 0.5}, uploaded=("disp", "T"), definitions=OWN)
READINGS: dict[tuple[str, str], Series] = {
    ("c", "disp"): {0: 10.0, HOUR: 12.0, 2 * HOUR: None, 3 * HOUR: 13.0},
    ("c", "T"): {0: 20.0, HOUR: 22.0, 2 * HOUR: 21.0, 3 * HOUR: 18.0},
}


def read(sensor: Sensor, metric: str, unit: str, params: Any = None, **window: int) -> dict[int, float]:
    """One metric of a sensor with the readings above."""
    return get(MemorySource(READINGS), MemoryDirectory(sensor), sensor.id, metric, unit, params, **window)


def test_a_value_by_hand() -> None:
    """12 mm less 0.5 mm/C times 2 C is 11 mm; at 18 C 1 mm is added; a row without disp is missing."""
    assert read(CRACK, "opening", "mm") == pytest.approx({0: 10.0, HOUR: 11.0, 3 * HOUR: 14.0}, rel=1e-12)
    assert read(CRACK, "opening", "in")[HOUR] == pytest.approx(11 / 25.4, rel=1e-12)
    assert read(CRACK, "opening", "mm", start=HOUR, end=2 * HOUR) == pytest.approx({HOUR: 11.0}, rel=1e-12)


def test_a_delta_follows_the_delta_rule() -> None:
    """Differences to the zero reading or over dt, as intervals: 2 C of rise are 3.6 F."""
    assert read(CRACK, "warming", "C") == {0: 0.0, HOUR: 2.0, 2 * HOUR: 1.0, 3 * HOUR: -2.0}
    assert read(CRACK, "warming", "F")[HOUR] == pytest.approx(3.6, rel=1e-12)
    zero = {"ZERO_DATE": {"value": "1970-01-01T01:00:00Z"}}
    assert read(CRACK, "warming", "K", zero) == {0: -2.0, HOUR: 0.0, 2 * HOUR: -1.0, 3 * HOUR: -4.0}
    assert read(CRACK, "warming", "C", {"dt": {"value": 1, "unit": "h"}}) == {HOUR: 2.0, 2 * HOUR: -1.0, 3 * HOUR: -3.0}


def test_derived_inputs_keep_their_parameters() -> None:
    """Twice the displacement rate needs dt as that does: 2 mm in an hour are 48 mm/d, twice 96."""
    with pytest.raises(MissingParam):
        read(CRACK, "opening_rate", "mm_d")
    assert read(CRACK, "opening_rate", "mm_d", {"dt": {"value": 1, "unit": "h"}})[HOUR] == pytest.approx(
        96.0, rel=1e-12
    )


def test_props_may_have_dates() -> None:
    """From two hours on K is 1 mm/C: 13 - 1 x (18 - 20) = 15; before, 11 as ever."""
    dated = replace(CRACK, props={"K": 1.0}, epochs={"K": ((-HOUR, 0.5), (2 * HOUR, 1.0))})
    assert read(dated, "opening", "mm") == pytest.approx({0: 10.0, HOUR: 11.0, 3 * HOUR: 15.0}, rel=1e-12)


def test_listed_beside_the_types_own_metrics() -> None:
    """With units and parameters; without the prop K there is no opening."""
    offered = {metric.id: metric for metric in metrics(CRACK, MemoryDirectory(CRACK))}
    assert list(offered) == ["disp", "T", "dT", "ddisp", "v_disp", "opening", "warming", "opening_rate"]
    assert [unit.id for unit in offered["warming"].units] == ["C", "K", "F"]
    assert offered["warming"].params == (("dt", False), ("START_DATE", False), ("ZERO_DATE", False))
    assert offered["opening_rate"].params == (("dt", True),)
    assert (offered["opening"].default_unit, offered["opening"].raw) == ("mm", False)
    bare = replace(CRACK, props={})
    assert "opening" not in [metric.id for metric in metrics(bare, MemoryDirectory(bare))]


def test_what_keeps_a_metric_from_a_sensor_is_said() -> None:
    """The type, an input that it has not, a prop; a metric of nobody is unknown; units are checked as ever."""
    for sensor, metric, says in (
        (replace(CRACK, type="TEMPERATURE_SDE"), "opening", "it is defined for DISPLACEMENT, GENERIC_SENSOR_SDE"),
        (CRACK, "skew", r"it needs left \[length\]"),
        (replace(CRACK, props={}), "opening", "it needs the prop K"),
        (replace(CRACK, props={"K": "much"}), "opening", "prop K: 'much' is not a number"),
    ):
        with pytest.raises(MetricNotAvailable, match=says):
            read(sensor, metric, "mm")
    with pytest.raises(UnknownMetric):
        read(CRACK, "closing", "mm")
    with pytest.raises(IncompatibleUnit):
        read(CRACK, "opening", "kPa")


def test_generic_sensors_have_it_with_inputs_of_the_right_dimension() -> None:
    """Whatever they call them and in whatever unit they store them: 1 in less 5.4 mm is 20 mm."""
    props = {"UNKNOWN_METRICS": ["left", "right"], "KNOWN_UNITS": ["in", "mm"]}
    fitting = Sensor("g", "DYNAMIC", props, definitions=OWN)
    source = MemorySource({("g", "left"): {0: 1.0}, ("g", "right"): {0: 5.4}})
    assert get(source, MemoryDirectory(fitting), "g", "skew", "mm") == pytest.approx({0: 20.0}, rel=1e-12)
    for units in (["in", "kPa"], ["in"]):
        with pytest.raises(MetricNotAvailable, match=r"it needs right \[length\]"):
            read(replace(fitting, props=props | {"KNOWN_UNITS": units}), "skew", "mm")


def test_raw_wins() -> None:
    """A column of the metric's own id is used, not the expression; where the type has it, in the definition's unit."""
    generic = Sensor("g", "DYNAMIC", {"KNOWN_METRICS": ["opening"], "KNOWN_UNITS": ["m"]}, definitions=OWN)
    source = MemorySource({("g", "opening"): {0: 3.0}})
    assert get(source, MemoryDirectory(generic), "g", "opening", "mm") == {0: 3000.0}
    typed = replace(CRACK, uploaded=("disp", "T", "opening"))
    source = MemorySource({**READINGS, ("c", "opening"): {0: 99.0}})
    assert get(source, MemoryDirectory(typed), "c", "opening", "mm") == {0: 99.0}
    assert "definition" not in plan(typed, "opening", "mm", None, MemoryDirectory(typed)).describe()["metric"]  # type: ignore[operator]


def test_the_plan_is_of_the_usual_nodes() -> None:
    """A formula over raw series in base units, then a conversion; a delta above it."""
    root = plan(CRACK, "opening", "in", None, MemoryDirectory(CRACK)).node
    assert isinstance(root, Convert)
    assert isinstance(root.node, Map)
    assert [type(child) for child in root.node.children] == [Convert, Raw]
    assert (root.node.unit, root.node.dimension) == ("m", "length")
    delta = plan(CRACK, "warming", "C", None, MemoryDirectory(CRACK)).node
    assert isinstance(delta, Delta)
    assert isinstance(delta.node, Map)


def test_provenance_holds_the_definition() -> None:
    """Version, body, the expression and its source, the props as used, the chain of units."""
    told = plan(CRACK, "opening", "mm", None, MemoryDirectory(CRACK)).describe()
    assert told["metric"] == {
        "id": "opening", "version": 2, "definedBy": "project", "definition": dict(OWN["opening"].body)
    }  # fmt: skip
    assert told["formulas"] == [
        {"id": "opening", "equation": "opening = disp - K * (T - T_REF)", "source": "report 7, eq. 3"}
    ]
    assert [(each["name"], each["value"], each["unit"], each["from"]) for each in told["props"]] == [  # type: ignore[attr-defined]
        ("K", 0.5, "mm/C", "sensor"),
        ("T_REF", 20.0, "C", "default"),
    ]
    assert told["units"] == ["mm", "m", "mm"]
