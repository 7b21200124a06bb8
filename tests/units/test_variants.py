"""Rules that props choose between: which calibration an instrument has, and what is refused."""

from collections.abc import Mapping

import pytest
from tests.units.memory import MemoryDirectory, MemorySource, get

from tseng_units.errors import IncompatibleUnit, MetricNotAvailable, UnknownUnit
from tseng_units.instants import MIN_US
from tseng_units.nodes import Linear, Map, Raw, walk
from tseng_units.plan import plan
from tseng_units.sensors import Sensor, metrics

LINE = {"G": -0.1, "R0": 9000.0}
HOUR = 3_600_000_000


def computed(type_: str, metric: str, unit: str, props: Mapping[str, object], **columns: float) -> float | None:
    """The one value of a sensor with one reading, None where it has none."""
    sensor = Sensor("s", type_, props, uploaded=tuple(columns))
    source = MemorySource({("s", column): {0: value} for column, value in columns.items()})
    return get(source, MemoryDirectory(sensor), "s", metric, unit).get(0)


def refused(type_: str, metric: str, unit: str, props: Mapping[str, object]) -> MetricNotAvailable:
    """The refusal of a metric for its props."""
    sensor = Sensor("s", type_, props)
    with pytest.raises(MetricNotAvailable) as raised:
        plan(sensor, metric, unit, None, MemoryDirectory(sensor))
    return raised.value


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        (LINE, 100.0),
        ({**LINE, "CAL_FORM": "R0-R1"}, -100.0),
        ({**LINE, "CAL_MODEL": "LINEAR", "K": 0}, 100.0),
        ({**LINE, "K": 0.5, "T0": 10.0}, 105.0),
        ({**LINE, "TEMP_M": 0.0, "TEMP_B": -5.0, "T0": 10.0}, 105.0),
        ({**LINE, "K": 99.0, "TEMP_M": 0.0, "TEMP_B": -5.0, "T0": 10.0}, 105.0),
        ({"CAL_MODEL": "POLYNOMIAL", "A": 1e-5, "B": -0.1, "C": 200.0}, 40.0),
        ({"CAL_MODEL": "POLYNOMIAL", "A": 0, "B": -0.1, "R0": 9000.0}, 100.0),
        ({"CAL_MODEL": "POLYNOMIAL", "A": 1e-5, "B": -0.1, "C": 200.0, "R0": 9000.0}, 40.0),
        ({"CAL_MODEL": "POLYNOMIAL", "A": 0, "B": -0.1, "C": 0, "K": 0.5, "T0": 10.0}, -795.0),
    ],
)
def test_calibrations(props: dict[str, object], expected: float) -> None:
    """8000 digits at 20 C: each form of a calibration sheet by its own rule; an explicit C wins over R0."""
    assert computed("VW_PIEZOMETER", "P_w", "kPa", props, digits=8000.0, T=20.0) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("props", "field"),
    [
        ({}, "G"),
        ({"G": -0.1}, "R0"),
        ({"G": True, "R0": 9000.0}, "G"),
        ({**LINE, "CAL_FORM": "R2"}, "CAL_FORM"),
        ({**LINE, "CAL_MODEL": "CUBIC"}, "CAL_MODEL"),
        ({**LINE, "K": 0.5}, "T0"),
        ({**LINE, "K": "0.5"}, "K"),
        ({**LINE, "TEMP_M": 0.1}, "T0"),
        ({"CAL_MODEL": "POLYNOMIAL", "A": 1.0}, "B"),
        ({"CAL_MODEL": "POLYNOMIAL", "A": 1.0, "B": 1.0}, "R0"),
        ({**LINE, "CAL_UNIT": "mm"}, "CAL_UNIT"),
        ({**LINE, "CAL_UNIT": "furlong"}, "CAL_UNIT"),
        ({**LINE, "CAL_UNIT": 5}, "CAL_UNIT"),
        ({**LINE, "BARO_SENSOR": "gone", "BARO_ZERO": 1e5}, "BARO_SENSOR"),
    ],
)
def test_calibrations_that_cannot_be(props: dict[str, object], field: str) -> None:
    """A missing or unusable prop makes the metric unavailable and is named."""
    assert refused("VW_PIEZOMETER", "P_w", "kPa", props).field == field


def test_what_would_be_allowed_is_told() -> None:
    """A value that is no case of a choice is answered with the cases."""
    assert "none of LINEAR, POLYNOMIAL" in str(refused("VW_PIEZOMETER", "P_w", "kPa", {"CAL_MODEL": "CUBIC"}))
    assert "no unit of pressure" in str(refused("VW_PIEZOMETER", "P_w", "kPa", {**LINE, "CAL_UNIT": "kN"}))
    assert "no unit of length, pressure" in str(refused("SETTLEMENT_CELL", "elev", "m", {**LINE, "CAL_UNIT": "kN"}))
    assert refused("RAIN_GAUGE", "rain", "mm", {"COUNTER": "true"}).field == "COUNTER"


@pytest.mark.parametrize(
    ("type_", "metric", "unit", "cal_unit", "expected"),
    [
        ("VW_PIEZOMETER", "P_w", "Pa", None, 1e5),
        ("VW_PIEZOMETER", "P_w", "Pa", "bar", 1e7),
        ("LOAD_CELL_VW", "load", "N", None, 1e5),
        ("LOAD_CELL_VW", "load", "N", "kgf", 980.665),
        ("CRACKMETER_VW", "disp", "m", None, 0.1),
        ("CRACKMETER_VW", "disp", "m", "in", 2.54),
    ],
)
def test_unit_of_a_calibration(type_: str, metric: str, unit: str, cal_unit: object, expected: float) -> None:
    """The sheet's unit is that of CAL_UNIT, or the type's own."""
    props = {**LINE, "CAL_UNIT": cal_unit}
    assert computed(type_, metric, unit, props, digits=8000.0) == pytest.approx(expected)


def test_a_linear_calibration_is_one_pass() -> None:
    """Without a temperature term a linear calibration is a line over the stored readings, ready to be fused."""
    sensor = Sensor("s", "CRACKMETER_VW", {**LINE, "CAL_UNIT": "in"}, uploaded=("digits",))
    node = plan(sensor, "disp", "in", None, MemoryDirectory(sensor)).node
    assert isinstance(node, Linear)
    assert isinstance(node.node, Raw)
    assert (node.shift, node.factor, node.unit) == (9000.0, -0.1, "in")


def test_what_chose_a_calibration_is_told() -> None:
    """The plan tells which model was taken and why, and the unit of each coefficient."""
    sensor = Sensor("s", "VW_PIEZOMETER", {**LINE, "CAL_UNIT": "psi"})
    props = plan(sensor, "P_w", "kPa", None, MemoryDirectory(sensor)).describe()["props"]
    assert isinstance(props, list)
    assert {"sensor": "s", "name": "CAL_MODEL", "value": "LINEAR", "from": "default"} in props
    assert {"sensor": "s", "name": "K", "value": 0, "from": "default"} in props
    assert {"sensor": "s", "name": "CAL_UNIT", "value": "psi", "from": "sensor"} in props
    assert {"sensor": "s", "name": "G", "value": -0.1, "unit": "psi/digit", "from": "sensor"} in props


def test_every_prop_is_told_once() -> None:
    """A prop that chooses a formula and is a coefficient of it is told once; of a counter it is told that it is one."""
    given = {"CAL_MODEL": "POLYNOMIAL", "A": 0, "B": -0.2, "C": 1800.0, "K": 0.4, "T0": 5.0, "BARO_ZERO": 1e5}
    gauge = Sensor("s", "VW_PIEZOMETER", {**given, "BARO_SENSOR": "b"})
    told = plan(gauge, "P_w", "kPa", None, MemoryDirectory(gauge, Sensor("b", "BAROMETER"))).describe()["props"]
    assert isinstance(told, list)
    own = [prop["name"] for prop in told if prop["sensor"] == "s" and "epochs" not in prop]
    assert sorted(own) == sorted([*given, "CAL_UNIT", "BARO_SENSOR", "BARO_MAX_GAP", "STEINHART", "T_RANGE"])
    rain = Sensor("r", "RAIN_GAUGE", {"COUNTER": True})
    told = plan(rain, "rain_rate", "mm_h", None, MemoryDirectory(rain)).describe()["props"]
    assert isinstance(told, list)
    assert {"sensor": "r", "name": "COUNTER", "value": True, "from": "sensor"} in told


def test_settlement_cells_by_their_unit() -> None:
    """Calibrated as a length the cell's reading is added, as a pressure it is a column of liquid above the cell."""
    props = {**LINE, "ELEVATION": 50.0}
    assert computed("SETTLEMENT_CELL", "elev", "m", {**props, "CAL_UNIT": "cm"}, digits=8000.0) == pytest.approx(51.0)
    sunk = computed("SETTLEMENT_CELL", "elev", "m", {**props, "G": -9.80665e-3}, digits=8000.0)
    assert sunk == pytest.approx(49.0)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"digits": 8000.0}, 8000.0),
        ({"f": 2000.0}, 4000.0),
        ({"digits_1": 1.0, "digits_2": 3.0}, 2.0),
        ({"f_1": 1000.0, "digits_2": 3000.0}, 2000.0),
        ({"f_3": 1000.0}, 1000.0),
        ({"f": 2000.0, "digits": 8000.0, "digits_1": 5.0}, 5.0),
        ({"f_1": 1000.0, "digits_1": 7.0}, 7.0),
        ({"digits_1": 1.0, "f_2": 0.0}, None),
        ({}, None),
    ],
)
def test_gauges_of_a_load_cell(columns: dict[str, float], expected: float | None) -> None:
    """Uploaded gauges are averaged in digits, plain readings taken only where there are none; one missing: all."""
    got = computed("LOAD_CELL_VW", "load", "kN", {"G": 1.0, "R0": 0.0}, **columns)
    assert got == (None if expected is None else pytest.approx(expected))


def test_bridges_have_a_scale() -> None:
    """A bridge's reading is its ratio times SCALE, also where it is stored in another unit."""
    props = {"G": 2.0, "R0": 100.0, "SCALE": 100.0}
    assert computed("LOAD_CELL_BRIDGE", "load", "kN", props, V_ratio=1.5) == pytest.approx(100.0)
    assert computed("CRACKMETER_POT", "disp", "mm", props, V_ratio=1.5) == pytest.approx(100.0)


def test_raw_wins_inside_a_calibration() -> None:
    """Uploaded digits, temperatures and displacements are taken before those that would be computed."""
    warm = {**LINE, "K": 1.0, "T0": 0.0}
    assert computed("VW_PIEZOMETER", "P_w", "kPa", warm, f=1.0, digits=9000.0, T=5.0, R_th=3000.0) == pytest.approx(5.0)
    assert computed("VW_PIEZOMETER", "P_w", "kPa", warm, digits=9000.0, R_th=3000.0) == pytest.approx(25.0, abs=0.05)
    assert computed("CRACKMETER_VW", "disp", "mm", LINE, digits=8000.0, disp=1.25) == 1.25
    assert computed("TILT_BIAXIAL_DGSI", "grad_x", "mm_m", {}, A_raw=0.1, tilt_x=30.0) == pytest.approx(500.0)


def test_slope_distances() -> None:
    """Corrected slope distances are taken where the type has them, plain ones where it has not."""
    columns = {"sd": 100.0, "sd_corrected": 102.0, "za": 90.0}
    assert computed("TRIMBLE4D_PRISM", "hd", "m", {}, **columns) == pytest.approx(102.0)
    assert computed("PRISM_TS", "hd", "m", {}, sd=100.0, za=90.0) == pytest.approx(100.0)


def loop(**props: object) -> tuple[Sensor, MemoryDirectory]:
    """A loop from 0 to 10 with other props."""
    sensor = Sensor("s", "LOOP_4_20", {"LOOP_LO": 0, "LOOP_HI": 10, **props})
    return sensor, MemoryDirectory(sensor)


def test_loop_in_a_unit_of_its_prop() -> None:
    """The value of a loop is in VAL_UNIT and converts within the first dimension that has it."""
    sensor, directory = loop(VAL_UNIT="bar")
    source = MemorySource({("s", "I_loop"): {0: 0.012}})
    assert get(source, directory, "s", "val", "kPa") == {0: pytest.approx(500.0)}
    offered = next(metric for metric in metrics(sensor, directory) if metric.id == "val")
    assert (offered.dimension, offered.default_unit) == ("pressure", "bar")
    with pytest.raises(IncompatibleUnit):
        plan(sensor, "val", "m", None, directory)


def test_loop_in_a_unit_of_free_text() -> None:
    """A unit that nobody knows is given as it is and converts to nothing."""
    sensor, directory = loop(VAL_UNIT="NTU")
    assert get(MemorySource({("s", "I_loop"): {0: 0.012}}), directory, "s", "val", "NTU") == {0: 5.0}
    with pytest.raises(IncompatibleUnit):
        plan(sensor, "val", "m", None, directory)
    with pytest.raises(UnknownUnit):
        plan(sensor, "val", "ntu", None, directory)


@pytest.mark.parametrize("props", [{}, {"VAL_UNIT": ""}, {"VAL_UNIT": 5}, {"VAL_UNIT": ["m"]}])
def test_loop_without_a_unit(props: dict[str, object]) -> None:
    """Without a usable VAL_UNIT there is no value; a known unit is no mistake then, an unknown one still is."""
    sensor, directory = loop(**props)
    assert "val" not in {metric.id for metric in metrics(sensor, directory)}
    with pytest.raises(MetricNotAvailable) as raised:
        plan(sensor, "val", "m", None, directory)
    assert raised.value.field == "VAL_UNIT"
    with pytest.raises(UnknownUnit):
        plan(sensor, "val", "furlong", None, directory)


def test_inputs_of_a_strain_are_one_node_each() -> None:
    """Stress reads digits and temperature once each, whatever is made of them."""
    sensor = Sensor("s", "VW_STRAIN_GAUGE", {"GAUGE_FACTOR": 4.0, "ALPHA_STRUCT": 10.0, "E_MOD": 200.0})
    node = plan(sensor, "dstress", "MPa", None, MemoryDirectory(sensor)).node
    assert sorted(each.metric for each in walk(node) if isinstance(each, Raw)) == ["R_th", "f"]
    assert [each.formula.name for each in walk(node) if isinstance(each, Map)] == [
        "digits_of_frequency",
        "steinhart_hart",
        "load_strain",
    ]


def test_every_part_of_a_calibration_has_its_dates() -> None:
    """Unit, model, temperature term and barometer change one after the other; each reading has those of its time."""
    epochs = {
        "CAL_UNIT": ((MIN_US, "MPa"), (1 * HOUR, "kPa")),
        "CAL_MODEL": ((MIN_US, "POLYNOMIAL"), (2 * HOUR, "LINEAR")),
        "K": ((MIN_US, None), (3 * HOUR, 0.4)),
        "BARO_SENSOR": ((MIN_US, None), (4 * HOUR, "b")),
    }
    props = {**LINE, "A": 0, "B": 0.002, "C": -10.0, "T0": 10.0, "BARO_ZERO": 1e5}
    now = {name: values[-1][1] for name, values in epochs.items()}
    sensor = Sensor("s", "VW_PIEZOMETER", {**props, **now}, uploaded=("digits", "T"), epochs=epochs)
    hours = range(5)
    source = MemorySource(
        {
            ("s", "digits"): {hour * HOUR: 8000.0 for hour in hours},
            ("s", "T"): {hour * HOUR: 20.0 for hour in hours},
            ("b", "P"): {hour * HOUR: 101_000.0 for hour in hours},
        }
    )
    found = get(source, MemoryDirectory(sensor, Sensor("b", "BAROMETER")), "s", "P_w", "kPa")
    assert list(found.values()) == pytest.approx([6000.0, 6.0, 100.0, 104.0, 103.0])


def test_a_counter_that_becomes_one() -> None:
    """Tips count as they are before the date and as steps of a counter from it on, each with the bucket of its time."""
    epochs = {"COUNTER": ((MIN_US, False), (2 * HOUR, True)), "TIP_SIZE": ((MIN_US, 0.5), (3 * HOUR, 1.0))}
    sensor = Sensor("s", "RAIN_GAUGE", {"COUNTER": True, "TIP_SIZE": 1.0}, epochs=epochs)
    source = MemorySource({("s", "tips"): {hour * HOUR: tips for hour, tips in enumerate([4.0, 10.0, 12.0, 15.0])}})
    directory = MemoryDirectory(sensor)
    assert list(get(source, directory, "s", "rain", "mm").values()) == [2.0, 5.0, 1.0, 3.0]
    assert list(get(source, directory, "s", "rain_cum", "mm").values()) == [2.0, 7.0, 8.0, 11.0]
