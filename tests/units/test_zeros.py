"""Which reading is the zero: first at or after a date, exactly at it, or the nearest one."""

import numpy as np
import pytest
from tests.units.memory import MemoryDirectory, MemorySource, get

from tseng_units.errors import MetricNotAvailable, NoZeroReading
from tseng_units.evaluate import Execution
from tseng_units.plan import plan
from tseng_units.sensors import Sensor

MINUTE = 60_000_000
HOUR = 60 * MINUTE
READINGS: dict[int, float | None] = {0: 1.0, 50 * MINUTE: 2.0, 70 * MINUTE: 4.0, 80 * MINUTE: 8.0, 180 * MINUTE: 16.0}
LAST = 180 * MINUTE


def last(zero: str, **props: object) -> float:
    """The difference at the last reading, of value 16, with this zero date and these props."""
    sensor = Sensor("s", "TEMPERATURE_SDE", {"ZERO_DATE": f"1970-01-01T{zero}Z", **props})
    return get(MemorySource({("s", "T"): READINGS}, block=2), MemoryDirectory(sensor), "s", "dT", "C")[LAST]


def test_exact() -> None:
    """EXACT takes the reading at the zero date and no other."""
    assert last("00:50:00", ZERO_MODE="EXACT") == 14.0
    assert last("00:50:00", ZERO_MODE="EXACT", ZERO_COUNT=3) == pytest.approx(16 - 14 / 3)
    with pytest.raises(NoZeroReading, match="exactly at 1970-01-01T00:51:00"):
        last("00:51:00", ZERO_MODE="EXACT")


@pytest.mark.parametrize(
    ("zero", "tolerance", "expected"),
    [
        ("01:00:00", 600, 14.0),  # 00:50 and 01:10 are ten minutes away: the earlier one
        ("01:00:01", 600, 12.0),
        ("00:40:00", 600, 14.0),
        ("02:10:00", 3000, 8.0),  # 01:20 and 03:00 are fifty minutes away
        ("00:50:00", 0, 14.0),
        ("23:00:00", 1e300, 0.0),
    ],
)
def test_nearest(zero: str, tolerance: float, expected: float) -> None:
    """NEAREST takes the nearest reading, the earlier one of two, at most ZERO_TOLERANCE seconds away, inclusive."""
    assert last(zero, ZERO_MODE="NEAREST", ZERO_TOLERANCE=tolerance) == expected


def test_nearest_then_the_mean() -> None:
    """With ZERO_COUNT the mean counts from the nearest reading on: (2 + 4) / 2 from 00:50."""
    assert last("01:00:00", ZERO_MODE="NEAREST", ZERO_TOLERANCE=600, ZERO_COUNT=2) == 13.0


def test_a_mean_beyond_all_numbers() -> None:
    """There is nothing that could be subtracted: no points, and no warning."""
    source = MemorySource({("s", "T"): {0: 1e308, MINUTE: 1.5e308, HOUR: 1.0}})
    sensor = Sensor("s", "TEMPERATURE_SDE", {"ZERO_COUNT": 2})
    assert get(source, MemoryDirectory(sensor), "s", "dT", "C") == {}


def test_nothing_near_enough() -> None:
    """A zero date with no reading within the tolerance is an error, unless there are no readings at all."""
    with pytest.raises(NoZeroReading, match="within 599 s of 1970-01-01T01:00:00") as raised:
        last("01:00:00", ZERO_MODE="NEAREST", ZERO_TOLERANCE=599)
    assert raised.value.field == "ZERO_DATE"
    with pytest.raises(NoZeroReading, match="2 valid readings"):
        last("01:20:00", ZERO_MODE="NEAREST", ZERO_TOLERANCE=60, ZERO_COUNT=3)
    sensor = Sensor("s", "TEMPERATURE_SDE", {"ZERO_DATE": "2024-01-01", "ZERO_MODE": "EXACT"})
    assert get(MemorySource({}), MemoryDirectory(sensor), "s", "dT", "C") == {}


def test_without_a_date_the_mode_says_nothing() -> None:
    """Where no zero date is set the first reading is the zero, in every mode."""
    sensor = Sensor("s", "TEMPERATURE_SDE", {"ZERO_MODE": "EXACT"})
    assert get(MemorySource({("s", "T"): READINGS}), MemoryDirectory(sensor), "s", "dT", "C")[LAST] == 15.0


@pytest.mark.parametrize(
    ("props", "field"),
    [
        ({"ZERO_MODE": "CLOSEST"}, "ZERO_MODE"),
        ({"ZERO_MODE": "NEAREST"}, "ZERO_TOLERANCE"),
        ({"ZERO_MODE": "NEAREST", "ZERO_TOLERANCE": -1}, "ZERO_TOLERANCE"),
    ],
)
def test_unusable_modes(props: dict[str, object], field: str) -> None:
    """An unknown mode, and NEAREST without a usable tolerance, make differences unavailable and name the prop."""
    sensor = Sensor("s", "TEMPERATURE_SDE", props)
    with pytest.raises(MetricNotAvailable, match=field) as raised:
        plan(sensor, "dT", "C", None, MemoryDirectory(sensor))
    assert raised.value.field == field


def test_the_mode_is_told() -> None:
    """Plan and execution say which mode found the zero reading, and within which tolerance."""
    props = {"ZERO_DATE": "1970-01-01T01:00:00Z", "ZERO_MODE": "NEAREST", "ZERO_TOLERANCE": 600}
    sensor = Sensor("s", "TEMPERATURE_SDE", props)
    planned = plan(sensor, "dT", "C", None, MemoryDirectory(sensor))
    zero = Execution(planned, MemorySource({("s", "T"): READINGS})).zeros[0]
    assert (zero["mode"], zero["time"], zero["value"]) == ("NEAREST", "1970-01-01T00:50:00.000Z", 2.0)
    told = planned.describe()["props"]
    assert isinstance(told, list)
    assert {"sensor": "s", "name": "ZERO_TOLERANCE", "value": 600.0, "unit": "s", "from": "sensor"} in told


def test_the_nearest_reading_of_a_long_series_is_found_without_reading_it() -> None:
    """Looking back from a date reads some rows, not the blocks before it."""
    times = np.arange(200_000, dtype=np.int64) * 10 * MINUTE
    source = MemorySource({}, block=50_000)
    source.add("s", "T", times, np.ones(len(times)))
    props = {"ZERO_DATE": "1972-01-01T00:04:00Z", "ZERO_MODE": "NEAREST", "ZERO_TOLERANCE": 1e9}
    sensor = Sensor("s", "TEMPERATURE_SDE", props)
    execution = Execution(plan(sensor, "dT", "C", None, MemoryDirectory(sensor)), source)
    assert execution.zeros[0]["time"] == "1972-01-01T00:00:00.000Z"
    # the fake source reads to make its windows: before the date, after it, and from the zero on
    day = 730 * 144
    assert source.reads - (day + 1) - 2 * (len(times) - day) <= 10
