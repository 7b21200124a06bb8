"""What sensors offer: raw metrics of their type or of their props, derived ones whose props resolve."""

from dataclasses import replace
from typing import Any

import pytest
from tests.units.memory import MemoryDirectory

from tseng_units.sensors import OfferedMetric, Sensor, derived_metrics, is_generic, metrics, raw_metrics


def offered(
    type_: str, props: dict[str, Any] | None = None, uploaded: tuple[str, ...] = ()
) -> dict[str, OfferedMetric]:
    """All metrics of one sensor by id."""
    sensor = Sensor("s", type_, props or {}, uploaded=uploaded)
    return {metric.id: metric for metric in metrics(sensor, MemoryDirectory(sensor))}


def test_kind_is_the_integration_id_where_that_is_listed() -> None:
    """INTEGRATION_ID names the type if it is in the table, else the sensor's own type does."""
    assert Sensor("s", "DYNAMIC", {"INTEGRATION_ID": "THERMISTOR"}).kind == "THERMISTOR"
    assert Sensor("s", "THERMISTOR", {"INTEGRATION_ID": "THREAD_SDE"}).kind == "THERMISTOR"
    assert Sensor("s", "THERMISTOR", {"INTEGRATION_ID": None}).kind == "THERMISTOR"
    assert Sensor("s", "THERMISTOR", {"INTEGRATION_ID": 7}).kind == "THERMISTOR"


def test_prop_order() -> None:
    """A sensor prop overrides the device's, null counts as absent."""
    sensor = Sensor("s", "X", {"A": 1, "B": None}, "d", {"A": 2, "B": 3})
    assert [sensor.prop(name, 9) for name in "ABC"] == [1, 3, 9]


def test_raw_metrics_in_positional_order() -> None:
    """Raw metrics come in the order in which loggers list them, stored in the default unit."""
    raw = raw_metrics(Sensor("s", "PRISM_TS"))
    assert [metric.id for metric in raw] == ["e", "n", "h", "ha", "za", "sd", "T", "P"]
    assert {metric.id: metric.stored_unit for metric in raw}["ha"] == "deg"


def test_offered_metric_of_the_catalogue() -> None:
    """A derived metric has no stored unit, says which parameters are mandatory, takes all units of its dimension."""
    prism = offered("PRISM_TS")
    assert prism["vn"].params == (("dt", True),)
    assert prism["vn"].stored_unit is None
    delta = prism["dT"]
    assert [unit.id for unit in delta.units] == ["C", "K", "F"]
    assert (delta.dimension, delta.raw, delta.hidden, delta.standard) == ("temperature_delta", False, False, True)
    assert prism["T"].params == ()


def test_metrics_whose_props_do_not_resolve_are_not_listed() -> None:
    """Missing or unusable props take a metric off the list; those in a prop of the device count."""
    assert "wl_elev" not in offered("WATER_LEVEL_VENTED")
    assert "wl_elev" in offered("WATER_LEVEL_VENTED", {"ELEVATION": 12.5})
    assert "wl_elev" not in offered("WATER_LEVEL_VENTED", {"ELEVATION": "high"})
    assert "dT" not in offered("TEMPERATURE_SDE", {"ZERO_DATE": "yesterday"})
    sensor = Sensor("s", "TILT_UNIAXIAL", {}, "d", {"GAUGE_LENGTH": 2})
    assert "dx" in [metric.id for metric in metrics(sensor, MemoryDirectory(sensor))]


def test_a_barometer_must_exist_and_have_pressure() -> None:
    """An absolute level resolves only with a barometer that is there and delivers P."""
    level = Sensor("w", "WATER_LEVEL_ABS", {"BARO_SENSOR": "b"})
    for barometer, expected in ((Sensor("b", "BAROMETER"), True), (Sensor("b", "THERMISTOR"), False), (None, False)):
        directory = MemoryDirectory(level, *([barometer] if barometer else []))
        assert ("head" in [metric.id for metric in metrics(level, directory)]) is expected


def test_generic_pairs_by_index() -> None:
    """Index i pairs a metric with the known or the unknown unit of the same index, written as object or list."""
    props = {
        "KNOWN_METRICS": {"0": "T", "1": "cum_distance"},
        "KNOWN_UNITS": {"0": "F", "1": "mm", "2": "kPa"},
        "UNKNOWN_METRICS": {"2": "sleeve", "3": "glow"},
        "UNKNOWN_UNITS": {"3": "candela"},
    }
    found = offered("GENERIC_SENSOR_SDE", props)
    assert list(found) == ["T", "cum_distance", "sleeve", "glow", "dT"]
    assert [(m.stored_unit, m.dimension) for m in found.values()] == [
        ("F", "temperature"),
        ("mm", "length"),
        ("kPa", "pressure"),
        ("candela", None),
        (None, "temperature_delta"),
    ]
    assert found["cum_distance"].default_unit == "mm"
    assert [unit.id for unit in found["glow"].units] == ["candela"]
    assert (found["glow"].name, found["glow"].display_name, found["glow"].notation) == ("glow", "glow", "glow")
    listed = offered("GENERIC_SENSOR_SDE", {"KNOWN_METRICS": ["T"], "KNOWN_UNITS": ["K"]})
    assert listed["T"].stored_unit == "K"


def test_generic_without_a_unit() -> None:
    """A metric declared or uploaded without unit: the catalogue's default if it knows the metric, else GENERIC."""
    found = offered("DEMO_SENSOR", {"UNKNOWN_METRICS": ["P"]}, uploaded=("sd", "rpm"))
    assert {id_: metric.stored_unit for id_, metric in found.items()} == {
        "P": "GENERIC",
        "sd": "m",
        "rpm": "GENERIC",
        "dsd": None,
    }


@pytest.mark.parametrize(
    "props",
    [
        {"UNKNOWN_METRICS": {"0": "T"}, "KNOWN_UNITS": {"0": "C"}},
        {"KNOWN_METRICS": {"0": "T"}, "UNKNOWN_UNITS": {"0": "celsius"}},
        {"KNOWN_METRICS": {"0": "T"}, "KNOWN_UNITS": {"0": "mm"}},
    ],
)
def test_no_delta_of_what_the_catalogue_does_not_understand(props: dict[str, Any]) -> None:
    """A base declared as unknown, or kept in a unit that is not a temperature's, has no dT."""
    assert list(offered("GENERIC_SENSOR_SDE", props)) == ["T"]


@pytest.mark.parametrize("written", ["T", 7, {"0": 7}, {"0": None}, [[]], {"0": ""}])
def test_nonsense_in_props_declares_nothing(written: object) -> None:
    """Props of another shape declare no metrics instead of failing."""
    assert offered("GENERIC_SENSOR_SDE", {"KNOWN_METRICS": written}) == {}


def test_names_that_are_their_owners() -> None:
    """What is uploaded undeclared is a metric of the catalogue by its name, but where the sensor says it is not."""
    plain = Sensor("s", "GENERIC_SENSOR_SDE", uploaded=("T", "abc"))
    free = replace(plain, props={"UNDECLARED_METRICS": "UNKNOWN"})
    assert [(metric.id, metric.default_unit) for metric in raw_metrics(plain)] == [("T", "C"), ("abc", "GENERIC")]
    assert [(metric.id, metric.default_unit) for metric in raw_metrics(free)] == [("T", "GENERIC"), ("abc", "GENERIC")]
    assert (derived_metrics(plain), derived_metrics(free)) == (("dT",), ())


def test_any_other_type_is_generic() -> None:
    """A type that nobody listed offers what was uploaded."""
    assert is_generic(Sensor("s", "MADE_UP"))
    assert list(offered("MADE_UP", uploaded=("T", "x1"))) == ["T", "x1", "dT"]


def test_metric_in_a_unit_that_a_prop_names() -> None:
    """A generic sensor's `val` takes its unit from VAL_UNIT, and is opaque without."""
    assert offered("MADE_UP", {"VAL_UNIT": "kPa"}, uploaded=("val",))["val"].dimension == "pressure"
    assert offered("MADE_UP", uploaded=("val",))["val"].stored_unit == "GENERIC"
