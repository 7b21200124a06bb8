"""The laws of windows, blocks and missing rows for sensors with random epochs, masks and replacements.

Values are computed in chunks of two here, so that the chunks' seams lie everywhere.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.units.memory import MemoryDirectory, MemorySource, get
from tests.units.test_laws import (
    BAROMETER,
    DIRECTORY,
    IPI,
    LAW,
    LEVEL,
    MOMENTS,
    OPTIONS,
    PRISM,
    parameters,
)
from tests.units.test_laws import sources as plain_sources

from tseng_units import chain
from tseng_units.errors import NoZeroReading
from tseng_units.evaluate import Execution
from tseng_units.instants import format_instant, parse_instant
from tseng_units.plan import plan
from tseng_units.sensors import Sensor, metrics

METRICS = [
    (sensor.id, offered.id, offered.default_unit, offered.units[-1].id)
    for sensor in (IPI[0], IPI[2], LEVEL, BAROMETER, PRISM)
    for offered in metrics(sensor, DIRECTORY)
    if offered.id != "T" or sensor is BAROMETER
]
ASKED = st.sampled_from(METRICS)
DATED: dict[str, dict[str, st.SearchStrategy[object]]] = {
    "IPI_BIAXIAL": {"GAUGE_LENGTH": st.floats(0.5, 3.0), "AZIMUTH_XY": st.floats(0.0, 360.0)},
    "WATER_LEVEL_ABS": {"BARO_SENSOR": st.sampled_from(["b", "b2"]), "ELEVATION": st.floats(0.0, 9.0)},
    "BAROMETER": {"ELEVATION": st.floats(0.0, 900.0)},
    "PRISM_TS": {"STATION_E": st.floats(0.0, 9.0), "ORIENTATION": st.floats(0.0, 360.0)},
}
SECOND_BAROMETER = replace(BAROMETER, id="b2")
SENSORS = [*IPI, LEVEL, BAROMETER, SECOND_BAROMETER, PRISM]
WORDS = st.sampled_from(["CARRY", "CARRY", "KEEP", None])
MODES: st.SearchStrategy[dict[str, object]] = st.sampled_from([
    {}, {}, {"ZERO_MODE": "EXACT"}, {"ZERO_MODE": "NEAREST", "ZERO_TOLERANCE": 900}, {"ZERO_COUNT": 2},
])  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def small_chunks() -> Iterator[None]:
    """Two values in a chunk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain, "CHUNK", 2)
        yield


def spans() -> st.SearchStrategy[dict[str, str]]:
    """Masks with one end, both or none."""
    ends = st.tuples(MOMENTS, MOMENTS).map(sorted)
    both = ends.map(lambda pair: {"start": format_instant(pair[0]), "end": format_instant(pair[1])})
    return both | both.map(lambda mask: {"start": mask["start"]}) | both.map(lambda mask: {"end": mask["end"]})


@st.composite
def histories(draw: st.DrawFn, sensor: Sensor, masks: bool = True) -> Sensor:
    """The sensor with props that changed, masks, replacements and a way to find its zero."""
    epochs: dict[str, tuple[tuple[int, object], ...]] = {}
    dates = st.lists(MOMENTS, min_size=1, max_size=3, unique=True).map(sorted)
    for name, values in DATED[sensor.kind].items():
        if draw(st.booleans()):
            epochs[name] = tuple((date, draw(values)) for date in draw(dates))
    if draw(st.booleans()):
        epochs["REPLACEMENT"] = tuple((date, draw(WORDS)) for date in draw(dates))
    hidden = draw(st.lists(spans(), max_size=2)) if masks else []
    now = {name: values[-1][1] for name, values in epochs.items()}
    return replace(sensor, props={**sensor.props, **now, "MASKS": hidden, **draw(MODES)}, epochs=epochs)


@st.composite
def directories(draw: st.DrawFn, masks: bool = True) -> MemoryDirectory:
    """All sensors, each with a history of its own."""
    return MemoryDirectory(*(draw(histories(sensor, masks)) for sensor in SENSORS))


@st.composite
def sources(draw: st.DrawFn) -> MemorySource:
    """The readings of the other laws, and a second barometer that reads 10 hPa more."""
    source = draw(plain_sources())
    times, values = source.arrays["b", "P"]
    source.add("b2", "P", times.copy(), values + 1000.0)
    return source


def answer(source: MemorySource, directory: MemoryDirectory, *request: Any) -> dict[int, float] | str:
    """An answer, or the name of the one error that depends on data."""
    try:
        return get(source, directory, *request)
    except NoZeroReading as problem:
        return problem.category


@LAW
@given(sources(), directories(), ASKED, OPTIONS, MOMENTS, MOMENTS)
def test_window(
    source: MemorySource, directory: MemoryDirectory, asked: Any, options: Any, start: int, end: int
) -> None:
    """The result over a window is the result over all time, cut."""
    sensor, metric, unit, _ = asked
    params = parameters(metric, *options)
    whole = answer(source, directory, sensor, metric, unit, params)
    part = answer(source, directory, sensor, metric, unit, params, start, end)
    if isinstance(whole, str):
        assert part == whole
    else:
        assert part == {us: value for us, value in whole.items() if start <= us <= end}


@LAW
@given(sources(), directories(), ASKED, OPTIONS, st.none() | MOMENTS, st.none() | MOMENTS)
def test_blocks(
    source: MemorySource, directory: MemoryDirectory, asked: Any, options: Any, start: int | None, end: int | None
) -> None:
    """Blocks evaluated one after the other give exactly the one evaluation of all."""
    sensor, metric, unit, _ = asked
    params = parameters(metric, *options)
    whole = answer(source, directory, sensor, metric, unit, params, start, end)
    if isinstance(whole, str):
        return
    execution = Execution(plan(directory.sensors[sensor], metric, unit, params, directory), source)
    pieces = [execution.evaluate(*window) for window in execution.blocks(start, end)]
    joined = [pair for times, values in pieces for pair in zip(times.tolist(), values.tolist(), strict=True)]
    assert joined == list(whole.items())


@LAW
@given(sources(), directories(masks=False), ASKED, OPTIONS, st.lists(spans(), max_size=2))
def test_masked_readings_are_readings_that_do_not_exist(
    source: MemorySource, directory: MemoryDirectory, asked: Any, options: Any, masks: list[dict[str, str]]
) -> None:
    """Masking every sensor gives what the store without those readings gives."""
    sensor, metric, unit, _ = asked
    params = parameters(metric, *options)
    hidden = MemoryDirectory(
        *(replace(each, props={**each.props, "MASKS": masks}) for each in directory.sensors.values())
    )
    left: dict[tuple[str, str], dict[int, float | None]] = {}
    for key, (times, values) in source.arrays.items():
        rows = zip(times.tolist(), values.tolist(), strict=True)
        left[key] = {us: value for us, value in rows if not any(_hides(mask, us) for mask in masks)}
    expected = answer(MemorySource(left, source.block), directory, sensor, metric, unit, params)
    assert answer(source, hidden, sensor, metric, unit, params) == expected


def _hides(mask: dict[str, str], us: int) -> bool:
    start, end = (
        parse_instant(mask.get(key, default)) for key, default in (("start", "0001-01-01"), ("end", "9999-12-31"))
    )
    return start <= us <= end


@LAW
@given(sources(), st.sampled_from(["x_inc", "dx_inc"]), MOMENTS, st.floats(0.5, 3.0), OPTIONS)
def test_a_new_calibration_changes_no_older_reading(
    source: MemorySource, metric: str, since: int, length: float, options: Any
) -> None:
    """Where the zero lies before the new gauge length, answers before it stay the same to the bit."""
    before = Sensor("t0", "TILT_UNIAXIAL", {"GAUGE_LENGTH": 1.0})
    after = replace(before, props={"GAUGE_LENGTH": length}, epochs={"GAUGE_LENGTH": ((0, 1.0), (since, length))})
    params = parameters(metric, None, options[1])
    then, now = (answer(source, MemoryDirectory(each), "t0", metric, "m", params) for each in (before, after))
    assert not isinstance(then, str)
    assert not isinstance(now, str)
    assert list(then) == list(now)
    if "dt" in params or min(then, default=0) < since:
        assert {us: value for us, value in now.items() if us < since} == {
            us: value for us, value in then.items() if us < since
        }


@LAW
@given(sources(), st.lists(MOMENTS, min_size=1, max_size=3, unique=True))
def test_carrying_over_leaves_no_step(source: MemorySource, dates: list[int]) -> None:
    """From the last reading of one instrument to the first one of the next the movement is 0; else it is as read."""
    epochs = {"REPLACEMENT": tuple((date, "CARRY") for date in sorted(dates))}
    sensor = Sensor("p", "PRISM_TS", epochs=epochs)
    moved = list(get(source, MemoryDirectory(sensor), "p", "de", "m").items())
    read = get(source, MemoryDirectory(sensor), "p", "e", "m")
    for (us, value), (next_us, next_value) in pairwise(moved):
        step = 0.0 if any(us < date <= next_us for date in dates) else read[next_us] - read[us]
        assert next_value - value == pytest.approx(step, abs=1e-9)
