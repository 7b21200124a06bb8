"""Masked readings count as missing everywhere: in answers, differences, pairs and arrays."""

import pytest
from tests.units.memory import MemoryDirectory, MemorySource, get

from tseng_units.errors import MetricNotAvailable, NoZeroReading
from tseng_units.plan import plan
from tseng_units.sensors import Sensor, metrics

HOUR = 3_600_000_000
READINGS: dict[int, float | None] = {hour * HOUR: 2.0**hour for hour in range(6)}


def clock(hour: int) -> str:
    """A whole hour of 1970-01-01 as text."""
    return f"1970-01-01T{hour:02d}:00:00Z"


def thermometer(*masks: object, **more: object) -> Sensor:
    """A thermometer with these masks."""
    return Sensor("s", "TEMPERATURE_SDE", {"MASKS": list(masks), **more})


def hours(sensor: Sensor, metric: str, **params: object) -> dict[int, float]:
    """An answer by whole hours."""
    source = MemorySource({("s", "T"): READINGS}, block=2)
    return {us // HOUR: value for us, value in get(source, MemoryDirectory(sensor), "s", metric, "C", params).items()}


@pytest.mark.parametrize(
    ("mask", "left"),
    [
        ({"start": clock(1), "end": clock(3)}, [0, 4, 5]),
        ({"start": clock(4)}, [0, 1, 2, 3]),
        ({"end": clock(0), "reason": "not yet installed"}, [1, 2, 3, 4, 5]),
        ({"start": "1970-01-01T01:00:00.000001Z", "end": "1970-01-01T01:59:59.999999Z"}, [0, 1, 2, 3, 4, 5]),
        ({"start": clock(1), "end": clock(3), "metrics": ["T"]}, [0, 4, 5]),
        ({"start": clock(1), "end": clock(3), "metrics": []}, [0, 1, 2, 3, 4, 5]),
        ({}, []),
    ],
)
def test_readings_under_a_mask_are_missing(mask: dict[str, object], left: list[int]) -> None:
    """Both ends are inclusive, either may be open, and a mask concerns the metrics it names or all."""
    assert list(hours(thermometer(mask), "T")) == left


def test_masks_may_overlap() -> None:
    """Several masks hide what any of them hides."""
    masks = [
        {"start": clock(3), "end": clock(4)},
        {"start": clock(1), "end": clock(3)},
        {"start": clock(4), "end": clock(4)},
    ]
    assert list(hours(thermometer(*masks), "T")) == [0, 5]


def test_a_mask_over_the_zero_reading() -> None:
    """The first reading after the mask is the zero; one masked until the end is a zero that cannot be found."""
    assert hours(thermometer({"end": clock(1)}), "dT") == {2: 0.0, 3: 4.0, 4: 12.0, 5: 28.0}
    dated = thermometer({"start": clock(1), "end": clock(2)}, ZERO_DATE=clock(1))
    assert hours(dated, "dT") == {0: -7.0, 3: 0.0, 4: 8.0, 5: 24.0}
    with pytest.raises(NoZeroReading):
        hours(thermometer({"start": clock(1)}, ZERO_DATE=clock(1)), "dT")
    exact = thermometer({"start": clock(1), "end": clock(1)}, ZERO_DATE=clock(1), ZERO_MODE="EXACT")
    with pytest.raises(NoZeroReading, match="exactly at"):
        hours(exact, "dT")
    assert hours(thermometer({}, ZERO_DATE=clock(1)), "dT") == {}


def test_a_mask_over_the_reading_before() -> None:
    """A masked reading is no partner of a moving difference."""
    got = hours(thermometer({"start": clock(2), "end": clock(2)}), "dT", dt={"value": 1, "unit": "h"})
    assert got == {1: 1.0, 4: 8.0, 5: 16.0}


def test_a_masked_barometer_is_bridged() -> None:
    """Readings of a masked barometer are replaced by the line between its neighbours, where the gap allows it."""
    water = Sensor("w", "WATER_LEVEL_ABS", {"BARO_SENSOR": "b"})
    air = {0: 100_000.0, HOUR: 0.0, 2 * HOUR: 102_000.0, 3 * HOUR: 0.0, 4 * HOUR: 0.0, 5 * HOUR: 103_000.0}
    masks = [{"start": clock(1), "end": clock(1)}, {"start": clock(3), "end": clock(4), "metrics": ["P"]}]
    barometer = Sensor("b", "BAROMETER", {"MASKS": masks})
    source = MemorySource({("w", "P_raw"): dict.fromkeys(READINGS, 150_000.0), ("b", "P"): dict(air)})
    got = get(source, MemoryDirectory(water, barometer), "w", "P_w", "kPa")
    assert got == {0: 50.0, HOUR: 49.0, 2 * HOUR: 48.0, 5 * HOUR: 47.0}


def test_a_masked_segment() -> None:
    """A masked reading of a segment leaves out that time in everything above it, and moves its zero alone."""
    props = {"GAUGE_LENGTH": 1.0}
    lower = Sensor(
        "b", "IPI_BIAXIAL", {**props, "MUX_INDEX": 2, "MASKS": [{"end": clock(0), "metrics": ["tilt_x"]}]}, "d"
    )
    upper = Sensor("a", "IPI_BIAXIAL", {**props, "MUX_INDEX": 1}, "d")
    tilt = {0: 0.0, HOUR: 30.0, 2 * HOUR: 90.0}
    source = MemorySource({(id_, metric): dict(tilt) for id_ in "ab" for metric in ("tilt_x", "tilt_y")})
    directory = MemoryDirectory(upper, lower)
    assert get(source, directory, "a", "dx", "m") == pytest.approx({HOUR: 0.5, 2 * HOUR: 1.5})
    assert len(get(source, directory, "a", "dy", "m")) == 3


def test_masks_of_the_device_count_too() -> None:
    """A lightning strike masks all sensors of the logger, whatever else a sensor's own masks hide."""
    device = {"MASKS": [{"start": clock(1), "end": clock(1)}, {"end": clock(5), "metrics": ["somebody else's"]}]}
    own = {"MASKS": [{"start": clock(3)}]}
    assert list(hours(Sensor("s", "TEMPERATURE_SDE", own, "d", device), "T")) == [0, 2]
    assert list(hours(Sensor("s", "TEMPERATURE_SDE", {}, "d", device), "T")) == [0, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("masks", "problem"),
    [
        ({"start": clock(1)}, "not a list"),
        (["1970"], "not an object of start, end, metrics, reason"),
        ([{"from": clock(1)}], "not an object of start, end, metrics, reason"),
        ([{"start": "yesterday"}], "'yesterday' is not an ISO 8601 time"),
        ([{"end": 5}], "5 is not an ISO 8601 time"),
        ([{"start": clock(2), "end": clock(1)}], "ends before it starts"),
        ([{"metrics": "T"}], "'T' is not a list of raw metric ids"),
        ([{"metrics": ["dT"]}], "'dT' is no raw metric of the sensor; allowed: T"),
    ],
)
def test_unusable_masks(masks: object, problem: str) -> None:
    """A mask that cannot be understood must not let readings through: nothing of the sensor is available."""
    sensor = Sensor("s", "TEMPERATURE_SDE", {"MASKS": masks})
    directory = MemoryDirectory(sensor)
    for metric in ("T", "dT"):
        with pytest.raises(MetricNotAvailable, match=problem) as raised:
            plan(sensor, metric, "C", None, directory)
        assert (raised.value.field, raised.value.seen) == ("MASKS", masks)
    assert [offered.id for offered in metrics(sensor, directory)] == ["T"]


def test_a_generic_sensor_may_mask_what_it_will_upload() -> None:
    """Which raw metrics a generic sensor has is known from its uploads alone, so a mask may name any."""
    sensor = Sensor("s", "DYNAMIC", {"MASKS": [{"metrics": ["later"]}]}, uploaded=("T",))
    assert plan(sensor, "T", "C", None, MemoryDirectory(sensor))
