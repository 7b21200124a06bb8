"""Props that change at a date: each reading is derived with the values in force at its own time."""

import numpy as np
import pytest
from tests.units.memory import MemoryDirectory, MemorySource, get

from tseng_units.errors import MetricNotAvailable
from tseng_units.evaluate import Execution
from tseng_units.instants import MIN_US
from tseng_units.nodes import Epochs, Map
from tseng_units.plan import plan
from tseng_units.sensors import Sensor

HOUR = 3_600_000_000
SINE = {hour: float(np.degrees(np.arcsin(0.01 * (hour + 1)))) for hour in range(4)}
"""Tilts whose sines are 0.01, 0.02, 0.03, 0.04."""


def hours(values: dict[int, float]) -> dict[int, float | None]:
    """Readings at whole hours after 1970."""
    return {hour * HOUR: value for hour, value in values.items()}


def segment(id_: str, index: int, *lengths: tuple[int, float]) -> Sensor:
    """A segment of an in-place inclinometer whose length changed at these hours."""
    epochs = {"GAUGE_LENGTH": tuple((hour * HOUR, length) for hour, length in lengths)}
    props = {"MUX_INDEX": index, "GAUGE_LENGTH": lengths[-1][1]}
    return Sensor(id_, "IPI_BIAXIAL", props, "d", epochs=epochs if len(lengths) > 1 else {})


def test_a_sensor_as_it_was() -> None:
    """A first value holds before its date too, None takes a prop away, and props of a whole series stay the newest."""
    sensor = Sensor(
        "s",
        "TILT_BIAXIAL",
        {"A": 3, "B": 7, "ZERO_DATE": "2024-01-02"},
        device_props={"C": 5},
        epochs={"A": ((10, 1), (20, None), (30, 3)), "ZERO_DATE": ((10, "2024-01-01"), (20, "2024-01-02"))},
        device_epochs={"C": ((15, 4), (25, 5))},
    )
    assert sensor.changes == (20, 25, 30)
    assert [sensor.at(us).prop("A") for us in (MIN_US, 10, 19, 20, 29, 30)] == [1, 1, 1, None, None, 3]
    assert [sensor.at(us).prop("C") for us in (0, 24, 25)] == [4, 4, 5]
    assert (sensor.at(0).prop("B"), sensor.at(0).prop("ZERO_DATE")) == (7, "2024-01-02")
    assert sensor.at(0).changes == ()


def test_a_gauge_length_that_changed() -> None:
    """Length 2 m, from 02:00 on 3 m: 0.01 and 0.02 times 2, then 0.03 and 0.04 times 3; a difference sees one base."""
    sensor = segment("a", 1, (0, 2.0), (2, 3.0))
    source, directory = MemorySource({("a", "tilt_x"): hours(SINE)}), MemoryDirectory(sensor)
    expected = {0: 0.02, 1: 0.04, 2: 0.09, 3: 0.12}
    assert get(source, directory, "a", "x_inc", "m") == pytest.approx(hours(expected))
    got = get(source, directory, "a", "dx_inc", "mm", {"ZERO_DATE": {"value": "1970-01-01T01:00:00Z"}})
    assert got == pytest.approx(hours({0: -20.0, 1: 0.0, 2: 50.0, 3: 80.0}))
    assert got[HOUR] == 0.0


def test_windows_that_meet_one_period_or_none() -> None:
    """A window before, across or after the date gives the whole answer, cut; a window without readings gives none."""
    sensor = segment("a", 1, (0, 2.0), (2, 3.0))
    source, directory = MemorySource({("a", "tilt_x"): hours(SINE)}, block=1), MemoryDirectory(sensor)
    whole = get(source, directory, "a", "x_inc", "m")
    for start, end in ((0, HOUR), (HOUR, 2 * HOUR), (2 * HOUR, None), (None, 2 * HOUR - 1), (HOUR + 1, HOUR + 2)):
        cut = {us: value for us, value in whole.items() if (start or 0) <= us <= (end or 9 * HOUR)}
        assert get(source, directory, "a", "x_inc", "m", None, start, end) == cut
    execution = Execution(plan(sensor, "x_inc", "m", None, directory), source)
    assert list(execution.blocks()) == [(hour * HOUR, hour * HOUR) for hour in range(4)]


def test_one_segment_of_an_array_changes() -> None:
    """Each member has its own periods: at 02:00 the upper one is 3 m instead of 2 m long, the lower one stays 1 m."""
    upper, lower = segment("a", 1, (0, 2.0), (2, 3.0)), segment("b", 2, (0, 1.0))
    source = MemorySource({(id_, "tilt_x"): hours(SINE) for id_ in ("a", "b")})
    got = get(source, MemoryDirectory(upper, lower), "a", "dx", "mm")
    assert got == pytest.approx(hours({0: 0.0, 1: 30.0, 2: 90.0, 3: 130.0}))
    assert get(source, MemoryDirectory(upper, lower), "b", "dx", "mm")[3 * HOUR] == pytest.approx(30.0)


def test_a_barometer_that_was_swapped() -> None:
    """From 02:00 on the new barometer is subtracted; what it read before, and the old one after, has no effect."""
    water = Sensor(
        "w", "WATER_LEVEL_ABS", {"BARO_SENSOR": "new"}, epochs={"BARO_SENSOR": ((0, "old"), (2 * HOUR, "new"))}
    )
    source = MemorySource({
        ("w", "P_raw"): hours(dict.fromkeys(range(4), 150_000.0)),
        ("old", "P"): hours(dict.fromkeys(range(4), 100_000.0)),
        ("new", "P"): hours(dict.fromkeys(range(4), 99_000.0)),
    })  # fmt: skip
    directory = MemoryDirectory(water, Sensor("old", "BAROMETER"), Sensor("new", "BAROMETER"))
    assert get(source, directory, "w", "P_w", "kPa") == hours({0: 50.0, 1: 50.0, 2: 51.0, 3: 51.0})
    assert get(source, directory, "w", "dP_w", "kPa") == hours({0: 0.0, 1: 0.0, 2: 1.0, 3: 1.0})


def test_a_period_without_a_needed_prop() -> None:
    """A metric is not available while one of its periods lacks a prop; a prop it does not read is no matter."""
    sensor = segment("a", 1, (0, 2.0))
    gone = Sensor("a", "IPI_BIAXIAL", sensor.props, epochs={"GAUGE_LENGTH": ((0, None), (HOUR, 2.0))})
    with pytest.raises(MetricNotAvailable, match="GAUGE_LENGTH"):
        plan(gone, "x_inc", "m", None, MemoryDirectory(gone))
    other = Sensor("a", "IPI_BIAXIAL", sensor.props, epochs={"COMMENT": ((0, "x"), (HOUR, "y"))})
    assert isinstance(plan(other, "x_inc", "m", None, MemoryDirectory(other)).node, Map)


def test_a_request_overrides_dated_props() -> None:
    """The azimuth of a request holds for all of time; without it each reading is turned by the azimuth of its day."""
    props = {"AZIMUTH_XY": 90.0, "GAUGE_LENGTH": 1.0}
    sensor = Sensor("a", "TILT_BIAXIAL", props, epochs={"AZIMUTH_XY": ((0, 0.0), (2 * HOUR, 90.0))})
    directory = MemoryDirectory(sensor)
    source = MemorySource({("a", "tilt_x"): hours(SINE), ("a", "tilt_y"): hours(dict.fromkeys(SINE, 0.0))})
    dated = plan(sensor, "dn", "mm", None, directory)
    assert isinstance(dated.node.children[0], Epochs)
    assert get(source, directory, "a", "dn", "mm") == pytest.approx(hours({0: 0.0, 1: 10.0, 2: 0.0, 3: 0.0}), abs=1e-12)
    asked = {"AZIMUTH_XY": {"value": 0}}
    assert isinstance(plan(sensor, "dn", "mm", asked, directory).node.children[0], Map)
    assert get(source, directory, "a", "dn", "mm", asked)[3 * HOUR] == pytest.approx(30.0)


def test_sensor_over_device_over_type_in_each_period() -> None:
    """A sensor's own length that is taken away leaves the device's, as it does without dates."""
    sensor = Sensor(
        "a",
        "TILT_UNIAXIAL",
        {},
        "d",
        {"GAUGE_LENGTH": 4.0},
        epochs={"GAUGE_LENGTH": ((0, 2.0), (HOUR, None))},
        device_epochs={"GAUGE_LENGTH": ((0, 3.0), (2 * HOUR, 4.0))},
    )
    source = MemorySource({("a", "tilt_x"): hours(dict.fromkeys(range(4), 30.0))})
    got = get(source, MemoryDirectory(sensor), "a", "x_inc", "m")
    assert got == pytest.approx(hours({0: 1.0, 1: 1.5, 2: 2.0, 3: 2.0}))
