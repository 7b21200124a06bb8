"""Planning: what is refused, in which order, and what a plan says of itself."""

import json
from typing import Any

import pytest
from tests.units.memory import MemoryDirectory, MemorySource

from tseng_units.errors import (
    IncompatibleUnit,
    InvalidParam,
    MetricNotAvailable,
    MissingParam,
    UnitsError,
    UnknownMetric,
    UnknownUnit,
)
from tseng_units.evaluate import Execution
from tseng_units.nodes import Accumulate, Convert, Map, Raw, walk
from tseng_units.params import Params
from tseng_units.plan import Plan, plan
from tseng_units.sensors import Sensor

HOUR = 3_600_000_000


def planned(sensor: Sensor, metric: str, unit: str, params: Any = None, *mates: Sensor) -> Plan:
    """A plan for one sensor among its mates."""
    return plan(sensor, metric, unit, params, MemoryDirectory(sensor, *mates))


def segment(id_: str, index: object, **props: object) -> Sensor:
    """A segment of an in-place inclinometer, 2 m long."""
    return Sensor(id_, "IPI_BIAXIAL", {"GAUGE_LENGTH": 2.0, "MUX_INDEX": index, **props}, "string")


@pytest.mark.parametrize(
    ("metric", "unit", "params", "error"),
    [
        ("flux", "furlong", {"dt": 0}, UnknownMetric),
        ("dx", "furlong", {"dt": 0}, MetricNotAvailable),
        ("wl_elev", "furlong", {"dt": 0}, UnknownUnit),
        ("wl_elev", "kPa", {"dt": 0}, IncompatibleUnit),
        ("wl_elev", "m", {"dt": 0}, InvalidParam),
        ("wl_elev", "m", {}, MetricNotAvailable),
    ],
)
def test_order_of_checks(metric: str, unit: str, params: Any, error: type[UnitsError]) -> None:
    """Of several faults the first in the order metric, type, unit, params, props is reported."""
    with pytest.raises(error):
        planned(Sensor("w", "WATER_LEVEL_VENTED"), metric, unit, params)


def test_missing_dt_comes_before_props() -> None:
    """A rate without its interval is MISSING_PARAM naming dt; a bad parameter beside it is reported first."""
    with pytest.raises(MissingParam, match="dt") as raised:
        planned(Sensor("p", "PRISM_TS"), "vn", "mm_d")
    assert raised.value.field == "dt"
    with pytest.raises(InvalidParam):
        planned(Sensor("p", "PRISM_TS"), "vn", "mm_d", {"END": {"value": "LEFT"}})


def test_errors_offer_what_there_is() -> None:
    """A wrong metric or unit is answered with the ones this sensor has, near misses first."""
    with pytest.raises(UnknownMetric) as metric:
        planned(Sensor("s", "TEMPERATURE_SDE"), "DT", "C")
    assert metric.value.allowed == ("dT", "T")
    with pytest.raises(UnknownUnit) as unit:
        planned(Sensor("s", "TEMPERATURE_SDE"), "T", "c")
    assert unit.value.allowed == ("C", "K", "F")


@pytest.mark.parametrize(("unit", "error"), [("m", IncompatibleUnit), ("furlong", UnknownUnit)])
def test_free_text_units_convert_to_nothing(unit: str, error: type[UnitsError]) -> None:
    """An opaque unit is given as it is and refuses every other one, known or not."""
    props = {"UNKNOWN_METRICS": ["glow"], "UNKNOWN_UNITS": ["millimeter"]}
    assert planned(Sensor("s", "DYNAMIC", props), "glow", "millimeter").node == Raw("s", "glow", "millimeter", None)
    with pytest.raises(error) as raised:
        planned(Sensor("s", "DYNAMIC", props), "glow", unit)
    assert raised.value.allowed == ("millimeter",)


def test_generic_delta_without_its_base_is_a_matter_of_type() -> None:
    """A generic sensor without T has no dT, whatever the unit."""
    with pytest.raises(MetricNotAvailable):
        planned(Sensor("s", "DYNAMIC"), "dT", "furlong")


def test_params_may_come_validated() -> None:
    """Parameters that were validated before are taken as they are."""
    sensor = Sensor("s", "TEMPERATURE_SDE")
    assert planned(sensor, "dT", "C", Params(ZERO_DATE=HOUR)) == planned(
        sensor, "dT", "C", {"ZERO_DATE": {"value": "1970-01-01T01:00:00Z"}}
    )


@pytest.mark.parametrize(
    ("mates", "problem"),
    [
        ([segment("b", 1)], "same MUX_INDEX"),
        ([segment("b", None)], "not all of them have"),
        ([segment("b", "two")], "MUX_INDEX: 'two' is not a number"),
        ([segment("b", 2, GAUGE_LENGTH=None)], "GAUGE_LENGTH"),
        ([segment("b", 2, GAUGE_LENGTH=0)], "GAUGE_LENGTH"),
        ([segment("b", 2, ZERO_COUNT=1.5)], "ZERO_COUNT"),
    ],
)
def test_arrays_that_cannot_be_put_in_order(mates: list[Sensor], problem: str) -> None:
    """A member without its key or with another's, or a segment of the chain without usable props, is named."""
    with pytest.raises(MetricNotAvailable, match=problem):
        planned(segment("a", 1), "dx", "mm", None, *mates)


def test_chain_of_an_array() -> None:
    """The chain goes from the sensor to the fixed end; props of segments outside it do not matter."""
    mates = [segment("b", 2), segment("c", 3), segment("top", 0, GAUGE_LENGTH=None)]
    bottom = planned(segment("a", 1), "x", "m", None, *mates).node
    assert isinstance(bottom, Accumulate)
    assert (bottom.sensors, bottom.sign) == (("a", "b", "c"), 1.0)
    with pytest.raises(MetricNotAvailable):
        planned(segment("a", 1), "x", "m", {"END": {"value": "TOP"}}, *mates)


def test_depth_orders_before_index_and_only_own_props_count() -> None:
    """DEPTH decides where every member has its own; a depth of the device orders nothing."""
    deep = Sensor("a", "IPI_BIAXIAL", {"GAUGE_LENGTH": 2, "MUX_INDEX": 1, "DEPTH": 9}, "string", {"DEPTH": 30})
    half = Sensor("b", "IPI_BIAXIAL", {"GAUGE_LENGTH": 2, "MUX_INDEX": 2, "DEPTH": 3}, "string", {"DEPTH": 30})
    none = Sensor("b", "IPI_BIAXIAL", {"GAUGE_LENGTH": 2, "MUX_INDEX": 2}, "string", {"DEPTH": 30})
    for mate, expected in ((half, ("a",)), (none, ("a", "b"))):
        node = planned(deep, "x", "m", None, mate).node
        assert isinstance(node, Accumulate)
        assert node.sensors == expected


def test_other_kinds_on_the_device_are_no_mates() -> None:
    """An array is made of sensors of one type: a thermometer on the same device needs no index."""
    node = planned(segment("a", None), "x", "m", None, Sensor("t", "THERMISTOR", {}, "string")).node
    assert isinstance(node, Accumulate)
    assert node.sensors == ("a",)


@pytest.mark.parametrize("props", [{}, {"BARO_SENSOR": "gone"}, {"BARO_SENSOR": 5}, {"BARO_SENSOR": "t"}])
def test_barometer_that_does_not_resolve(props: dict[str, object]) -> None:
    """Without BARO_SENSOR, or where it names no sensor with P, an absolute level is not available."""
    with pytest.raises(MetricNotAvailable):
        planned(Sensor("w", "WATER_LEVEL_ABS", props), "head", "m", None, Sensor("t", "THERMISTOR"))


def test_raw_wins() -> None:
    """Where a logger delivered the metric itself, the formula is not used."""
    assert isinstance(planned(Sensor("s", "THERMISTOR"), "T", "C").node, Map)
    assert planned(Sensor("s", "THERMISTOR", uploaded=("R_th", "T")), "T", "C").node == Raw(
        "s", "T", "C", "temperature"
    )


def test_a_quantity_is_one_node() -> None:
    """A quantity that a metric needs twice is one node of its plan, so it is read and computed once."""
    prism = planned(Sensor("p", "PRISM_TS"), "d_enh", "mm")
    tilt = planned(Sensor("t", "TILT_BIAXIAL", {"GAUGE_LENGTH": 1}), "dl", "mm")
    assert sum(isinstance(node, Raw) for node in walk(prism.node)) == 3
    assert [node.metric for node in walk(tilt.node) if isinstance(node, Raw)] == ["tilt_x", "tilt_y"]


def test_no_conversion_where_none_is_needed() -> None:
    """A plan converts only where units differ, and never twice in a row."""
    assert not [n for n in walk(planned(Sensor("w", "WATER_LEVEL_VENTED"), "head", "m").node) if isinstance(n, Convert)]
    node = planned(Sensor("s", "DYNAMIC", {"KNOWN_METRICS": ["T"], "KNOWN_UNITS": ["F"]}), "dT", "K").node
    assert isinstance(node, Convert)
    assert (node.node.unit, node.unit, node.dimension) == ("F", "K", "temperature_delta")


def test_description_of_an_array_metric() -> None:
    """The description says what was asked, what was used, from where, by which formulas, through which units."""
    own = segment("a", 1, ZERO_DATE="2024-03-01", ZERO_COUNT=2)
    params = {"AZIMUTH_XY": {"value": 100, "unit": "gon"}, "dt": {"value": 1}}
    device = Sensor("b", "IPI_BIAXIAL", {"MUX_INDEX": 2}, "string", {"GAUGE_LENGTH": 3.0})
    del params["dt"]
    told = planned(own, "dn", "mm", params, device).describe()
    assert json.loads(json.dumps(told)) == told
    assert told["metric"] == {"id": "dn", "version": 1}
    assert told["units"] == ["deg", "m", "mm"]
    assert told["parameters"] == {
        "ZERO_DATE": {"value": "2024-03-01T00:00:00.000Z", "from": "sensor"},
        "END": {"value": "BOTTOM", "from": "default"},
        "AZIMUTH_XY": {"value": 90.0, "unit": "deg", "from": "request"},
    }
    props = told["props"]
    assert isinstance(props, list)
    assert {"sensor": "b", "name": "GAUGE_LENGTH", "value": 3.0, "unit": "m", "from": "device"} in props
    assert {"sensor": "a", "name": "ZERO_COUNT", "value": 2, "from": "sensor"} in props
    assert {"sensor": "a", "name": "Y_SENSE", "value": "CW", "from": "default"} in props
    assert told["inputs"] == [
        {"sensor": sensor, "metric": metric, "unit": "deg"} for metric in ("tilt_x", "tilt_y") for sensor in ("a", "b")
    ]
    formulas = told["formulas"]
    assert isinstance(formulas, list)
    assert [formula["id"] for formula in formulas] == ["segment_deviation", "northing_of_frame"]
    assert formulas[0]["source"] == "Geokon 6180 manual, section 4.2."


def test_description_of_a_rate_and_of_raw_readings() -> None:
    """A rate names its dt in seconds; raw readings have neither parameters nor formulas."""
    rate = planned(Sensor("p", "DISPLACEMENT"), "v_disp", "mm_d", {"dt": {"value": 1, "unit": "d"}}).describe()
    assert rate["parameters"] == {"dt": {"value": 86400.0, "unit": "s", "from": "request"}}
    assert rate["units"] == ["mm", "m", "m_s", "mm_d"]
    raw = planned(Sensor("p", "DISPLACEMENT"), "disp", "mm").describe()
    assert (raw["parameters"], raw["formulas"], raw["units"]) == ({}, [], ["mm"])


def test_description_of_a_compensated_level() -> None:
    """A compensated level names its barometer and the widest gap bridged; START_DATE shows as the zero's origin."""
    level = Sensor("w", "WATER_LEVEL_ABS", {"BARO_SENSOR": "b"})
    params = {"START_DATE": {"value": "2024-03-01"}}
    told = planned(level, "dhead", "ft", params, Sensor("b", "BAROMETER")).describe()
    assert told["parameters"] == {"START_DATE": {"value": "2024-03-01T00:00:00.000Z", "from": "request"}}
    props = told["props"]
    assert isinstance(props, list)
    assert {"sensor": "w", "name": "BARO_SENSOR", "value": "b", "from": "sensor"} in props
    assert {"sensor": "w", "name": "BARO_MAX_GAP", "value": 7200.0, "unit": "s", "from": "default"} in props


def test_zeros_of_an_execution() -> None:
    """The zero readings used are told with sensor, metric, time, value, unit and count."""
    sensor = Sensor("s", "TEMPERATURE_SDE", {"ZERO_COUNT": 2})
    source = MemorySource({("s", "T"): {0: 1.0, HOUR: 2.0, 2 * HOUR: 4.0}})
    told = Execution(planned(sensor, "dT", "F", Params(ZERO_DATE=1)), source).zeros
    zero = {"sensor": "s", "metric": "T", "time": "1970-01-01T01:00:00.000Z", "value": 3.0, "unit": "C"}
    assert told == [{**zero, "count": 2, "mode": "FIRST"}]
