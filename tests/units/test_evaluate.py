"""Evaluation: zero readings, moving differences, pairing, arrays, streaming, and what never leaves."""

import numpy as np
import pytest
from tests.units.memory import MemoryDirectory, MemorySource, get

from tseng_units.errors import MetricNotAvailable, NoZeroReading
from tseng_units.evaluate import Execution
from tseng_units.plan import plan
from tseng_units.sensors import Sensor

SECOND = 1_000_000
HOUR = 3600 * SECOND
THERMOMETER = Sensor("s", "TEMPERATURE_SDE")


def thermometer(values: dict[int, float | None], block: int = 3) -> tuple[MemorySource, MemoryDirectory]:
    """One thermometer with readings at whole hours."""
    data = {hour * HOUR: value for hour, value in values.items()}
    return MemorySource({("s", "T"): data}, block), MemoryDirectory(THERMOMETER)


def at(hour: float) -> dict[str, str]:
    """A date parameter so many hours after the epoch."""
    return {"value": f"1970-01-{1 + int(hour // 24):02d}T{int(hour % 24):02d}:00:00Z"}


def test_no_data_is_an_empty_series() -> None:
    """A sensor without any reading gives an empty series for every metric, not an error."""
    source, directory = thermometer({})
    assert get(source, directory, "s", "T", "F") == {}
    assert get(source, directory, "s", "dT", "C", {"ZERO_DATE": at(5)}) == {}
    assert get(source, directory, "s", "dT", "C", {"dt": {"value": 1}}) == {}
    assert Execution(plan(THERMOMETER, "dT", "C", None, directory), source).zeros == []


@pytest.mark.parametrize("window", [(None, None), (0, 0), (90 * HOUR, 91 * HOUR)])
def test_no_zero_reading_whatever_the_window(window: tuple[int | None, int | None]) -> None:
    """Readings exist, none at or after the zero date: an error that names sensor and date, for any window."""
    source, directory = thermometer(dict.fromkeys(range(9), 1.0))
    with pytest.raises(NoZeroReading, match=r"'s'.*1970-01-01T09:00:00.000Z") as raised:
        get(source, directory, "s", "dT", "C", {"ZERO_DATE": at(9)}, *window)
    assert raised.value.field == "ZERO_DATE"


def test_too_few_zero_readings() -> None:
    """Fewer than ZERO_COUNT readings from the zero date on are no zero reading, with a date and without."""
    sensor = Sensor("s", "TEMPERATURE_SDE", {"ZERO_COUNT": 3})
    source, directory = thermometer({0: 1.0, 1: 2.0})[0], MemoryDirectory(sensor)
    with pytest.raises(NoZeroReading, match="2 valid readings"):
        get(source, directory, "s", "dT", "C")
    with pytest.raises(NoZeroReading, match="1 valid readings"):
        get(source, directory, "s", "dT", "C", {"START_DATE": at(1)})


def test_zero_count_across_blocks() -> None:
    """The mean of the first readings is found even where they lie in several blocks."""
    sensor = Sensor("s", "TEMPERATURE_SDE", {"ZERO_COUNT": 4})
    source = thermometer({hour: float(hour) for hour in range(0, 300, 30)}, block=2)[0]
    assert get(source, MemoryDirectory(sensor), "s", "dT", "C", {"ZERO_DATE": at(25)})[30 * HOUR] == -45.0


def test_a_long_series_is_not_read_for_its_zero() -> None:
    """Finding the zero reading and a short window reads a few rows of a long series."""
    times = np.arange(200_000, dtype=np.int64) * 600 * SECOND
    source = MemorySource({}, block=50_000)
    source.add("s", "T", times, np.ones(len(times)))
    execution = Execution(plan(THERMOMETER, "dT", "C", {"ZERO_DATE": at(30)}, MemoryDirectory(THERMOMETER)), source)
    windows = len(times) - int(np.searchsorted(times, 30 * HOUR))
    execution.evaluate(int(times[1000]), int(times[1009]))
    first = source.reads - windows  # the fake source reads to make its windows
    execution.evaluate(int(times[2000]), int(times[2009]))
    assert first <= 12
    assert source.reads - windows - first == 10


def test_moving_difference_reaches_out_of_the_window() -> None:
    """The reading one interval earlier may lie before the window, and 1.1 intervals before it."""
    source, directory = thermometer({0: 1.0, 1: 2.0, 2: 4.0})
    params = {"dt": {"value": 1, "unit": "h"}}
    assert get(source, directory, "s", "dT", "C", params, 2 * HOUR, 2 * HOUR) == {2 * HOUR: 2.0}
    source = MemorySource({("s", "T"): {0: 1.0, 66 * 60 * SECOND: 3.0}})
    assert get(source, directory, "s", "dT", "C", params, HOUR, None) == {66 * 60 * SECOND: 2.0}


def test_moving_difference_ties_take_the_earlier_reading() -> None:
    """Of two readings equally near to t - dt the earlier one counts."""
    source = MemorySource({("s", "T"): {9 * SECOND: 1.0, 11 * SECOND: 2.0, 110 * SECOND: 5.0}})
    params = {"dt": {"value": 100}}
    assert get(source, MemoryDirectory(THERMOMETER), "s", "dT", "C", params) == {110 * SECOND: 4.0}


def test_enormous_dt() -> None:
    """An interval longer than all of time finds no reading and breaks nothing."""
    source, directory = thermometer({0: 1.0, 1: 2.0})
    assert get(source, directory, "s", "dT", "C", {"dt": {"value": 1e300}}, 0, HOUR) == {}


def test_rate_divides_by_the_actual_time() -> None:
    """A rate uses the time between the two readings, not dt: 1 mm in 66 minutes is 21.8 mm/d."""
    sensor = Sensor("d", "DISPLACEMENT")
    source = MemorySource({("d", "disp"): {0: 1.0, 66 * 60 * SECOND: 2.0}})
    got = get(source, MemoryDirectory(sensor), "d", "v_disp", "mm_d", {"dt": {"value": 1, "unit": "h"}})
    assert got == {66 * 60 * SECOND: pytest.approx(24 / 1.1, rel=1e-12)}


def test_overflow_is_missing() -> None:
    """A value that leaves the range of float64 in another unit or as a difference is left out, the others stay."""
    sensor = Sensor("d", "DISPLACEMENT")
    source = MemorySource({("d", "disp"): {0: 1.7e308, 1: 1.0, 2: -1.7e308}})
    directory = MemoryDirectory(sensor)
    assert get(source, directory, "d", "disp", "um") == {1: 1000.0}
    assert get(source, directory, "d", "ddisp", "mm") == {0: 0.0, 1: -1.7e308}


def test_a_fault_is_never_the_zero() -> None:
    """A reading that has no temperature is skipped when the first one is looked for."""
    sensor = Sensor("r", "THERMISTOR")
    source = MemorySource({("r", "R_th"): {0: 0.0, 1: 1e9, 2: 3000.0, 3: 3000.0}})
    assert get(source, MemoryDirectory(sensor), "r", "dT", "C") == {2: 0.0, 3: 0.0}


def test_tilt_beyond_a_right_angle() -> None:
    """A tilt of 95 degrees is returned as recorded, and missing in what is derived from it."""
    sensor = Sensor("t", "TILT_UNIAXIAL", {"GAUGE_LENGTH": 1.0})
    source, directory = MemorySource({("t", "tilt_x"): {0: 95.0, 1: 0.0, 2: 90.0}}), MemoryDirectory(sensor)
    assert list(get(source, directory, "t", "tilt_x", "deg")) == [0, 1, 2]
    for metric in ("dtilt_x", "grad_x", "x_inc", "dx"):
        unit = {"dtilt_x": "deg", "grad_x": "m_m"}.get(metric, "m")
        got = get(source, directory, "t", metric, unit)
        assert list(got) == [1, 2]
        assert got[1] == 0.0


def level(pressures: dict[int, float], **props: object) -> tuple[MemorySource, MemoryDirectory]:
    """An absolute level at 200 kPa every hour, and its barometer."""
    directory = MemoryDirectory(Sensor("w", "WATER_LEVEL_ABS", {"BARO_SENSOR": "b", **props}), Sensor("b", "BAROMETER"))
    water = {hour * HOUR: 200_000.0 for hour in range(5)}
    return MemorySource({("w", "P_raw"): water, ("b", "P"): {h * HOUR: p for h, p in pressures.items()}}), directory


def test_barometer_beyond_the_window_is_used() -> None:
    """The neighbours of a reading may lie outside the window, up to the widest gap bridged."""
    source, directory = level({1: 100_000.0, 3: 102_000.0})
    assert get(source, directory, "w", "P_w", "kPa", None, 2 * HOUR, 2 * HOUR) == {2 * HOUR: 99.0}


def test_barometer_is_not_extrapolated_nor_stretched() -> None:
    """Before the first and after the last barometer reading, and in too wide gaps, there is no water pressure."""
    source, directory = level({1: 100_000.0, 4: 103_000.0})
    assert list(get(source, directory, "w", "P_w", "kPa")) == [HOUR, 4 * HOUR]
    source, directory = level({1: 100_000.0, 4: 103_000.0}, BARO_MAX_GAP=3 * 3600)
    assert get(source, directory, "w", "P_w", "kPa")[3 * HOUR] == pytest.approx(98.0)


def test_barometer_in_another_unit() -> None:
    """A generic barometer that stores hectopascals is converted before it is subtracted."""
    generic = Sensor("b", "DYNAMIC", {"KNOWN_METRICS": ["P"], "KNOWN_UNITS": ["hPa"]})
    source, _ = level(dict.fromkeys(range(5), 1000.0))
    directory = MemoryDirectory(Sensor("w", "WATER_LEVEL_ABS", {"BARO_SENSOR": "b"}), generic)
    assert set(get(source, directory, "w", "P_w", "kPa").values()) == {100.0}


@pytest.mark.parametrize(
    "props",
    [
        {"UNKNOWN_METRICS": ["P"], "UNKNOWN_UNITS": ["Pa"]},
        {"UNKNOWN_METRICS": ["P"], "UNKNOWN_UNITS": ["hPa"]},
        {"KNOWN_METRICS": ["P"], "KNOWN_UNITS": ["C"]},
    ],
)
def test_barometer_in_no_unit_of_pressure(props: dict[str, object]) -> None:
    """Free text is not converted, even where it spells a unit: such a sensor is no barometer."""
    sensor = Sensor("w", "WATER_LEVEL_ABS", {"BARO_SENSOR": "b"})
    with pytest.raises(MetricNotAvailable, match="P of BARO_SENSOR 'b' is in") as raised:
        plan(sensor, "P_w", "kPa", None, MemoryDirectory(sensor, Sensor("b", "DYNAMIC", props)))
    assert raised.value.field == "BARO_SENSOR"


def test_barometer_without_data() -> None:
    """A barometer that never reported makes an empty series, not an error."""
    source, directory = level({})
    assert get(source, directory, "w", "dhead", "m", {"ZERO_DATE": at(1)}) == {}


def string(*offsets: int, tolerance: object = 0) -> tuple[MemorySource, MemoryDirectory]:
    """An array of 1 m segments, each one's readings so many seconds after the whole hours; asin(0.001 hour) in X."""
    sensors = [
        Sensor(f"t{i}", "IPI_BIAXIAL", {"MUX_INDEX": i}, "d", {"GAUGE_LENGTH": 1.0, "SCAN_TOLERANCE": tolerance})
        for i in range(len(offsets))
    ]
    tilt = {hour: float(np.degrees(np.arcsin(0.001 * hour))) for hour in range(4)}
    return MemorySource(
        {
            (f"t{i}", metric): {hour * HOUR + offset * SECOND: value for hour, value in tilt.items()}
            for i, offset in enumerate(offsets)
            for metric in ("tilt_x", "tilt_y")
        }
    ), MemoryDirectory(*sensors)


def test_scan_tolerance_is_inclusive_and_keeps_the_sensors_own_times() -> None:
    """Segments read within the tolerance belong together; one second beyond it they do not."""
    source, directory = string(0, 10, -10, tolerance=10)
    got = get(source, directory, "t0", "dx", "mm", None, HOUR, 2 * HOUR)
    assert got == {HOUR: pytest.approx(3.0), 2 * HOUR: pytest.approx(6.0)}
    source, directory = string(0, 11, tolerance=10)
    assert get(source, directory, "t0", "dx", "mm") == {}


def test_a_segment_without_data_empties_the_chain() -> None:
    """No readings of one segment leave nothing above it, and everything where it is not in the chain."""
    source, directory = string(0, 0, 0)
    del source.arrays["t2", "tilt_x"]
    assert get(source, directory, "t0", "x", "m") == {}
    assert len(get(source, directory, "t1", "x", "m", {"END": {"value": "TOP"}})) == 4


def test_a_segment_without_zero_reading_is_named() -> None:
    """Every segment of the chain needs its zero reading; the error names the one that has none."""
    source, directory = string(0, 0, 0)
    times, values = source.arrays["t1", "tilt_x"]
    source.arrays["t1", "tilt_x"] = times[:2], values[:2]
    with pytest.raises(NoZeroReading, match="'t1'"):
        get(source, directory, "t0", "dx", "m", {"ZERO_DATE": at(2)})
    assert len(get(source, directory, "t2", "dx", "m", {"ZERO_DATE": at(2)})) == 4


def test_each_segment_has_its_own_zero_date() -> None:
    """A replaced segment's own ZERO_DATE moves its reference alone; a request's ZERO_DATE moves all."""
    source, directory = string(0, 0)
    bottom = directory.sensors["t1"]
    directory.sensors["t1"] = Sensor(
        "t1", bottom.type, {**bottom.props, "ZERO_DATE": "1970-01-01T01:00:00Z"}, "d", bottom.device_props
    )
    assert get(source, directory, "t0", "dx", "mm")[2 * HOUR] == pytest.approx(2.0 + 1.0)
    assert get(source, directory, "t0", "dx", "mm", {"ZERO_DATE": at(2)})[2 * HOUR] == 0.0


def test_source_arrays_are_never_written_to() -> None:
    """Every metric of a rich sensor is computed without touching the arrays that the source handed out."""
    sensor = Sensor("p", "PRISM_TS", {"STATION_E": 1.0, "STATION_N": 2.0, "STATION_H": 3.0})
    source = MemorySource(
        {("p", metric): {0: 10.0, HOUR: 11.0} for metric in ("e", "n", "h", "ha", "za", "sd", "T", "P")}
    )
    for metric in sensor.kind_of_sensor.raw + sensor.kind_of_sensor.derived:
        unit = {"ha": "gon", "za": "gon", "T": "F", "dT": "F", "P": "psi", "dP": "psi"}.get(metric, "ft")
        unit = "m_d" if metric in ("vn", "ve", "vh") else unit
        params = {"dt": {"value": 1, "unit": "h"}} if unit == "m_d" else None
        assert get(source, MemoryDirectory(sensor), "p", metric, unit, params)
    assert all(not values.flags.writeable for _, values in source.arrays.values())
