"""The laws of arrays and directions, on random series with gaps, jitter and missing values."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.units.memory import MemoryDirectory, MemorySource, get

from tseng_units.errors import NoZeroReading
from tseng_units.instants import format_instant
from tseng_units.sensors import Sensor

MINUTE = 60_000_000
LAW = settings(max_examples=60)
TILTS = st.floats(-80.0, 80.0)
VALUES = st.floats(-1e3, 1e3)
MOMENTS = st.integers(-5 * MINUTE, 70 * MINUTE)

IPI = [
    Sensor(f"t{i}", "IPI_BIAXIAL", {"MUX_INDEX": i, "GAUGE_LENGTH": 1.0 + i}, "d", {"SCAN_TOLERANCE": 20})
    for i in range(3)
]
LEVEL = Sensor("w", "WATER_LEVEL_ABS", {"BARO_SENSOR": "b", "BARO_MAX_GAP": 1200, "ELEVATION": 5.0, "ZERO_COUNT": 2})
BAROMETER = Sensor("b", "BAROMETER", {"ELEVATION": 300.0})
PRISM = Sensor("p", "PRISM_TS", {"STATION_E": 1.0, "STATION_N": 2.0, "STATION_H": 3.0})
DIRECTORY = MemoryDirectory(*IPI, LEVEL, BAROMETER, PRISM)
COLUMNS = {
    **{(sensor.id, metric): TILTS for sensor in IPI for metric in ("tilt_x", "tilt_y")},
    ("w", "P_raw"): st.floats(1e5, 3e5),
    ("b", "P"): st.floats(9e4, 1.1e5),
    ("b", "T"): st.floats(-40.0, 40.0),
    **{("p", metric): VALUES for metric in ("e", "n", "h", "ha", "za", "sd", "T", "P")},
}
RATES = {"vn", "ve", "vh"}


@st.composite
def sources(draw: st.DrawFn) -> MemorySource:
    """All sensors scanned about every ten minutes, some scans and some values missing, clocks off by some seconds."""
    scans = draw(st.lists(st.integers(0, 6), unique=True, max_size=6))
    data: dict[tuple[str, str], dict[int, float | None]] = {}
    for (sensor, metric), values in COLUMNS.items():
        lag = draw(st.sampled_from([0, 0, 5_000_000, 15_000_000]))
        data[sensor, metric] = {scan * 10 * MINUTE + lag: draw(st.none() | values) for scan in scans}
    return MemorySource(data, block=draw(st.integers(1, 4)))


def parameters(metric: str, zero: int | None, dt: int | None) -> dict[str, Any]:
    """Request parameters; a rate gets its interval in any case."""
    interval = 600 if metric in RATES and dt is None else dt
    dates = {} if zero is None else {"ZERO_DATE": {"value": format_instant(zero)}}
    return dates if interval is None else {**dates, "dt": {"value": interval}}


OPTIONS = st.tuples(st.none() | MOMENTS, st.sampled_from([None, None, 600, 1200]))


def answer(source: MemorySource, *request: Any) -> dict[int, float] | str:
    """An answer, or the name of the one error that depends on data."""
    try:
        return get(source, DIRECTORY, *request)
    except NoZeroReading as problem:
        return problem.category


@LAW
@given(sources(), OPTIONS)
def test_segments_add_up(source: MemorySource, options: Any) -> None:
    """The displacement of a segment's end less that of the one below is the segment's own increment."""
    params = parameters("dx", *options)
    upper, lower, own = (
        answer(source, sensor, metric, "m", params) for sensor, metric in (("t0", "dx"), ("t1", "dx"), ("t0", "dx_inc"))
    )
    if isinstance(upper, str) or isinstance(lower, str) or isinstance(own, str):
        return
    if source.arrays["t1", "tilt_x"][0].tolist() != source.arrays["t2", "tilt_x"][0].tolist():
        return  # with a tolerance the two sums may have met different scans of the segment below both
    for us, value in upper.items():
        below = min(lower, key=lambda at: (abs(at - us), at))
        assert value - lower[below] == pytest.approx(own[us], abs=1e-9)


@LAW
@given(sources(), st.sampled_from(["x", "y", "z"]))
def test_both_ends_measure_the_same_array(source: MemorySource, metric: str) -> None:
    """At each joint the position above the foot less that below the head is the length of the whole array."""
    bottom, top = ({"END": {"value": end}} for end in ("BOTTOM", "TOP"))
    for key in list(source.arrays):  # one clock: positions of different segments are compared at equal times
        source.arrays[key] = source.arrays["t0", key[1]] if key[0] in ("t1", "t2") else source.arrays[key]
    whole = get(source, DIRECTORY, "t0", metric, "m", bottom)
    for above, below in (("t0", "t1"), ("t1", "t2")):
        foot, head = get(source, DIRECTORY, below, metric, "m", bottom), get(source, DIRECTORY, above, metric, "m", top)
        assert {us: foot[us] - head[us] for us in whole} == pytest.approx(whole, abs=1e-12)


@LAW
@given(sources(), st.floats(-720.0, 720.0), OPTIONS)
def test_azimuth_keeps_lengths(source: MemorySource, azimuth: float, options: Any) -> None:
    """North and east components have the length of dx and dy whatever the azimuth of the sensor's axes."""
    params = {**parameters("dn", *options), "AZIMUTH_XY": {"value": azimuth}}
    dn, de, length = (answer(source, "t1", metric, "mm", params) for metric in ("dn", "de", "d_xy"))
    if isinstance(dn, str) or isinstance(de, str) or isinstance(length, str):
        return
    assert {us: float(np.hypot(dn[us], de[us])) for us in dn} == pytest.approx(length, rel=1e-12, abs=1e-9)


@LAW
@given(sources(), st.sampled_from(["t0", "p"]), OPTIONS)
def test_structure_axis_to_the_north(source: MemorySource, sensor: str, options: Any) -> None:
    """With AZIMUTH_STRUCTURE 0, longitudinal is northing and transverse easting."""
    params = parameters("dl", *options)
    for along, axis in (("dl", "dn"), ("dtr", "de")):
        assert answer(source, sensor, along, "m", params) == _where_both(source, sensor, axis, params)


def _where_both(source: MemorySource, sensor: str, axis: str, params: dict[str, Any]) -> dict[int, float] | str:
    """A component at the times at which the other one exists too."""
    asked = answer(source, sensor, axis, "m", params)
    other = answer(source, sensor, "de" if axis == "dn" else "dn", "m", params)
    if isinstance(asked, str) or isinstance(other, str):
        return "NO_ZERO_READING"
    return {us: value for us, value in asked.items() if us in other}
