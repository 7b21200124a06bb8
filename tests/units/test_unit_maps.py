"""Free-text units that a project has said something of."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.units.memory import MemoryDirectory, MemorySource, Series, get

from tseng_units.define import define
from tseng_units.errors import IncompatibleUnit, InvalidDefinition, MetricNotAvailable, UnknownUnit
from tseng_units.nodes import Linear, Raw
from tseng_units.plan import plan
from tseng_units.sensors import OfferedMetric, Sensor, metrics
from tseng_units.unit_maps import UnitMap, unit_map

HOUR = 3_600_000_000
TEXT = "Vx10^-2"
# A hundredth of a volt is ten millivolts.
MAPPED = {TEXT: unit_map(TEXT, "mV", 10)}
BRIDGE = Sensor("b", "DYNAMIC", {"UNKNOWN_METRICS": ["bridge"], "UNKNOWN_UNITS": [TEXT]}, uploaded=("bridge",))
READINGS: dict[tuple[str, str], Series] = {("b", "bridge"): {0: 0.1, HOUR: 23.4}}


def read(sensor: Sensor, metric: str, unit: str, params: Any = None) -> dict[int, float]:
    """One metric of a sensor with the readings above."""
    return get(MemorySource(READINGS), MemoryDirectory(sensor), sensor.id, metric, unit, params)


def offered(sensor: Sensor) -> dict[str, OfferedMetric]:
    """The sensor's metrics by id."""
    return {metric.id: metric for metric in metrics(sensor, MemoryDirectory(sensor))}


def test_a_mapped_text_converts() -> None:
    """23.4 hundredths of a volt are 234 mV or 0.234 V; the text itself gives the stored values, bit by bit."""
    mapped = replace(BRIDGE, unit_maps=MAPPED)
    assert read(mapped, "bridge", "mV") == pytest.approx({0: 1.0, HOUR: 234.0}, rel=1e-12)
    assert read(mapped, "bridge", "V") == pytest.approx({0: 0.001, HOUR: 0.234}, rel=1e-12)
    assert read(mapped, "bridge", TEXT) == {0: 0.1, HOUR: 23.4}
    assert plan(mapped, "bridge", TEXT, None, MemoryDirectory(mapped)).node == Raw("b", "bridge", TEXT, None)


def test_without_the_map_it_does_not() -> None:
    """Before it was mapped, and after the map was taken away."""
    with pytest.raises(IncompatibleUnit, match="converts to nothing else"):
        read(BRIDGE, "bridge", "mV")
    assert [unit.id for unit in offered(BRIDGE)["bridge"].units] == [TEXT]


def test_all_units_of_the_dimension_are_offered() -> None:
    """After the text, which stays the default; other dimensions and unknown ids are refused."""
    mapped = replace(BRIDGE, unit_maps=MAPPED)
    bridge = offered(mapped)["bridge"]
    assert [unit.id for unit in bridge.units] == [TEXT, "V", "mV", "uV"]
    assert (bridge.default_unit, bridge.stored_unit, bridge.dimension) == (TEXT, TEXT, "voltage")
    with pytest.raises(IncompatibleUnit, match="not a unit of voltage"):
        read(mapped, "bridge", "mA")
    with pytest.raises(UnknownUnit):
        read(mapped, "bridge", "Vx10")


def test_an_offset_is_added_after_the_scale() -> None:
    """A text of degrees Fahrenheit: 212 is 212 x 5/9 - 160/9 = 100 C."""
    mapped = replace(BRIDGE, unit_maps={TEXT: unit_map(TEXT, "C", 5 / 9, -160 / 9)})
    source = MemorySource({("b", "bridge"): {0: 212.0, HOUR: 32.0}})
    values = get(source, MemoryDirectory(mapped), "b", "bridge", "K")
    assert values == pytest.approx({0: 373.15, HOUR: 273.15}, rel=1e-12)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_any_straight_line(stored: float, scale: float, offset: float) -> None:
    """Value in the target's unit = stored x scale + offset, to rounding of the larger of the two."""
    mapped = replace(BRIDGE, unit_maps={TEXT: unit_map(TEXT, "mV", scale, offset)})
    values = get(MemorySource({("b", "bridge"): {0: stored}}), MemoryDirectory(mapped), "b", "bridge", "mV")
    size = max(abs(stored * scale), abs(offset))
    assert math.isclose(values[0], stored * scale + offset, rel_tol=1e-12, abs_tol=1e-15 * size + 1e-300)


def test_simple_deltas_appear() -> None:
    """A known metric in a mapped text has its delta: 2 x 0.5 C are 1.8 F of difference."""
    props = {"KNOWN_METRICS": ["T"], "UNKNOWN_UNITS": ["half degrees"]}
    sensor = Sensor("b", "DYNAMIC", props, uploaded=("T",))
    assert "dT" not in offered(sensor)
    mapped = replace(sensor, unit_maps={"half degrees": unit_map("half degrees", "C", 0.5)})
    assert [unit.id for unit in offered(mapped)["dT"].units] == ["C", "K", "F"]
    source = MemorySource({("b", "T"): {0: 40.0, HOUR: 42.0}})
    assert get(source, MemoryDirectory(mapped), "b", "dT", "F") == pytest.approx({0: 0.0, HOUR: 1.8}, rel=1e-12)
    # A temperature that somebody takes for a voltage is a voltage, and has no difference of temperatures.
    wrong = replace(sensor, unit_maps={"half degrees": unit_map("half degrees", "mV")})
    assert list(offered(wrong)) == ["T"]
    assert offered(wrong)["T"].dimension == "voltage"


def test_a_known_metric_brings_its_own_dimension() -> None:
    """A percentage is a strain first, but of a relative humidity it is a ratio."""
    props = {"KNOWN_METRICS": ["RH"], "UNKNOWN_METRICS": {"1": "share"}, "UNKNOWN_UNITS": ["%", "%"]}
    sensor = Sensor("b", "DYNAMIC", props, unit_maps={"%": unit_map("%", "pct")})
    assert {id: metric.dimension for id, metric in offered(sensor).items()} == {"RH": "ratio", "share": "strain"}


def test_own_metrics_take_mapped_inputs() -> None:
    """A definition that needs a voltage finds one: 234 mV at 2 mm/mV are 468 mm."""
    body = {"unit": "mm", "expression": "bridge * k", "inputs": {"bridge": {"unit": "mV"}},
            "constants": {"k": {"value": 2, "unit": "mm/mV"}}}  # fmt: skip
    sensor = replace(BRIDGE, definitions={"sag": define("sag", body)})
    with pytest.raises(MetricNotAvailable, match=r"it needs bridge \[voltage\]"):
        read(sensor, "sag", "mm")
    assert read(replace(sensor, unit_maps=MAPPED), "sag", "mm")[HOUR] == pytest.approx(468.0, rel=1e-12)


def test_a_derived_value_in_free_text_is_translated_too() -> None:
    """A loop's value in a unit of the site's own: half of the range of 100 steps, at 2 mm each, is 100 mm."""
    sensor = Sensor("l", "LOOP_4_20", {"VAL_UNIT": "steps", "LOOP_LO": 0, "LOOP_HI": 100})
    mapped = replace(sensor, unit_maps={"steps": unit_map("steps", "mm", 2)})
    source = MemorySource({("l", "I_loop"): {0: 0.012}})
    for unit, value in (("steps", 50.0), ("mm", 100.0), ("m", 0.1)):
        assert get(source, MemoryDirectory(mapped), "l", "val", unit) == pytest.approx({0: value}, rel=1e-12)
    assert [unit.id for unit in offered(mapped)["val"].units][:3] == ["steps", "m", "km"]


def test_declared_units_are_not_touched() -> None:
    """A map of `mm` speaks of texts declared as unknown; a known unit stays what it is."""
    props = {
        "KNOWN_METRICS": ["disp"],
        "KNOWN_UNITS": ["mm"],
        "UNKNOWN_METRICS": {"1": "gap"},
        "UNKNOWN_UNITS": {"1": "mm"},
    }
    sensor = Sensor("b", "DYNAMIC", props, uploaded=("disp", "gap"))
    assert [unit.id for unit in offered(sensor)["gap"].units] == ["mm"]
    mapped = replace(sensor, unit_maps={"mm": unit_map("mm", "mm")})
    source = MemorySource({("b", "disp"): {0: 1000.0}, ("b", "gap"): {0: 2000.0}})
    for metric, unit, value in (("disp", "m", 1.0), ("gap", "m", 2.0), ("gap", "mm", 2000.0)):
        assert get(source, MemoryDirectory(mapped), "b", metric, unit) == pytest.approx({0: value}, rel=1e-12)
    # A known unit of another dimension than the metric's means nothing, and a map does not change that.
    odd = Sensor("b", "DYNAMIC", {"KNOWN_METRICS": ["T"], "KNOWN_UNITS": ["mm"]}, unit_maps=mapped.unit_maps)
    assert offered(odd)["T"].dimension is None


def test_provenance_shows_the_map() -> None:
    """The chain of units begins with the text, and the map is one of the formulas."""
    mapped = replace(BRIDGE, unit_maps={TEXT: unit_map(TEXT, "mV", 10, 0.5, version=3)})
    found = plan(mapped, "bridge", "V", None, MemoryDirectory(mapped))
    told = found.describe()
    assert told["units"] == [TEXT, "mV", "V"]
    assert told["formulas"] == [
        {
            "id": "unit map Vx10^-2",
            "equation": "[mV] = 10.0 * [Vx10^-2] + 0.5",
            "source": "unit map of the project, version 3",
        }
    ]
    again = plan(mapped, "bridge", "mV", None, MemoryDirectory(mapped)).node
    assert isinstance(again, Linear)
    assert again == plan(mapped, "bridge", "mV", None, MemoryDirectory(mapped)).node


@pytest.mark.parametrize(
    ("arguments", "field", "says"),
    [
        ({"text": " "}, "text", "1 to 200 characters"),
        ({"text": "x" * 201}, "text", "1 to 200 characters"),
        ({"text": "GENERIC"}, "text", "no unit"),
        ({"unit": "millivolt"}, "unit", "'millivolt' is no unit; allowed: "),
        ({"unit": "mV", "dimension": "length"}, "unit", "'mV' is no unit of dimension 'length'"),
        ({"scale": 0}, "scale", "not a finite number other than zero"),
        ({"scale": math.nan}, "scale", "nan"),
        ({"offset": math.inf}, "offset", "inf"),
        ({"text": "V", "scale": 100}, "scale", "'V' is a unit of voltage itself: 1 V is 1000.0 mV"),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], field: str, says: str) -> None:
    """The field, what stood there, what is allowed."""
    with pytest.raises(InvalidDefinition) as raised:
        unit_map(**{"text": TEXT, "unit": "mV", **arguments})
    assert raised.value.field == field
    assert says in str(raised.value)


def test_a_word_that_spells_a_unit_may_be_mapped() -> None:
    """As what it means, or as something of another dimension: nothing in one list of units means two things."""
    assert unit_map("V", "mV", 1000) == UnitMap("V", "mV", "voltage", 1000.0, 0.0)
    assert unit_map("F", "C", 5 / 9, -160 / 9).dimension == "temperature"
    assert unit_map("C", "mV", 3).dimension == "voltage"
