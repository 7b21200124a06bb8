"""The laws for sensors of every type with random epochs, masks and replacements.

Values are computed in chunks of two here, so that the chunks' seams lie everywhere.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.units.memory import MemoryDirectory, MemorySource, get
from tests.units.site import DIRECTORY, MOMENTS, NAMES, read_with, readings, source_of
from tests.units.test_laws_of_types import EACH, OPTIONS, offered, parameters

from tseng_units import chain
from tseng_units.errors import NoZeroReading
from tseng_units.evaluate import Execution
from tseng_units.instants import MIN_US, format_instant, parse_instant
from tseng_units.nodes import Epochs, walk
from tseng_units.plan import plan
from tseng_units.sensors import UNDATED, Sensor

LAW = settings(max_examples=6)
OFTEN = settings(max_examples=60)
SECOND_BAROMETER = replace(DIRECTORY.sensors["barometer"], id="barometer 2")
WORDS: dict[str, list[object]] = {
    "BARO_SENSOR": ["barometer", "barometer 2"],
    "CAL_FORM": ["R1-R0", "R0-R1"],
    "Y_SENSE": ["CW", "CCW"],
}
"""What props that are no numbers change to."""
EVENTS = st.sampled_from(["CARRY", "CARRY", "KEEP", None])
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


def _changed(name: str, value: object) -> st.SearchStrategy[object] | None:
    """What a prop may change to: near its value, or one of a few words; None where it does not change by date."""
    if isinstance(value, float) and name not in UNDATED:
        return st.floats(0.5, 1.5).map(value.__mul__)
    return st.sampled_from(WORDS[name]) if name in WORDS else None


@st.composite
def histories(draw: st.DrawFn, sensor: Sensor, masks: bool = True) -> Sensor:
    """The sensor with props that changed, masks, replacements and a way to find its zero."""
    epochs: dict[str, tuple[tuple[int, object], ...]] = {}
    dates = st.lists(MOMENTS, min_size=1, max_size=3, unique=True).map(sorted)
    for name, value in sensor.props.items():
        values = _changed(name, value)
        if values is not None and draw(st.booleans()):
            epochs[name] = tuple((date, draw(values)) for date in draw(dates))
    if draw(st.booleans()):
        epochs["REPLACEMENT"] = tuple((date, draw(EVENTS)) for date in draw(dates))
    now = {name: values[-1][1] for name, values in epochs.items()}
    hidden = {"MASKS": draw(st.lists(spans(), max_size=2))} if masks else {}
    return replace(sensor, props={**sensor.props, **now, **hidden, **draw(MODES)}, epochs=epochs)


def directories(name: str, masks: bool = True) -> st.SearchStrategy[MemoryDirectory]:
    """A sensor and those that its metrics may read, each with a history of its own."""
    sensors = [*read_with(DIRECTORY.sensors[name]), SECOND_BAROMETER]
    return st.tuples(*(histories(sensor, masks) for sensor in sensors)).map(lambda drawn: MemoryDirectory(*drawn))


def sources(name: str) -> st.SearchStrategy[MemorySource]:
    """Readings of the sensor and of those that its metrics may read."""
    sensors = [*read_with(DIRECTORY.sensors[name]), SECOND_BAROMETER]
    return st.builds(source_of, readings(sensors), st.integers(1, 4))


def answer(source: MemorySource, directory: MemoryDirectory, *request: Any) -> dict[int, float] | str:
    """An answer, or the name of the one error that depends on data."""
    try:
        return get(source, directory, *request)
    except NoZeroReading as problem:
        return problem.category


@EACH
@LAW
@given(st.data(), OPTIONS, MOMENTS, MOMENTS)
def test_window(name: str, data: st.DataObject, options: Any, start: int, end: int) -> None:
    """The result over a window is the result over all time, cut."""
    source, directory = data.draw(sources(name)), data.draw(directories(name))
    for metric in offered(name):
        request = name, metric.id, metric.default_unit, parameters(metric, *options)
        whole, part = answer(source, directory, *request), answer(source, directory, *request, start, end)
        expected = whole if isinstance(whole, str) else {us: v for us, v in whole.items() if start <= us <= end}
        assert part == expected, metric.id


@EACH
@LAW
@given(st.data(), OPTIONS, st.none() | MOMENTS, st.none() | MOMENTS)
def test_blocks(name: str, data: st.DataObject, options: Any, start: int | None, end: int | None) -> None:
    """Blocks evaluated one after the other give exactly the one evaluation of all."""
    source, directory = data.draw(sources(name)), data.draw(directories(name))
    for metric in offered(name):
        params = parameters(metric, *options)
        whole = answer(source, directory, name, metric.id, metric.default_unit, params, start, end)
        if isinstance(whole, str):
            continue
        planned = plan(directory.sensors[name], metric.id, metric.default_unit, params, directory)
        execution = Execution(planned, source)
        pieces = [execution.evaluate(*window) for window in execution.blocks(start, end)]
        joined = [pair for times, values in pieces for pair in zip(times.tolist(), values.tolist(), strict=True)]
        assert joined == list(whole.items()), metric.id


@EACH
@LAW
@given(st.data(), OPTIONS, st.lists(spans(), max_size=2))
def test_masked_readings_are_readings_that_do_not_exist(
    name: str, data: st.DataObject, options: Any, masks: list[dict[str, str]]
) -> None:
    """Masking every sensor gives what the store without those readings gives."""
    source, directory = data.draw(sources(name)), data.draw(directories(name, masks=False))
    hidden = MemoryDirectory(
        *(replace(each, props={**each.props, "MASKS": masks}) for each in directory.sensors.values())
    )
    left: dict[tuple[str, str], dict[int, float | None]] = {}
    for key, (times, values) in source.arrays.items():
        rows = zip(times.tolist(), values.tolist(), strict=True)
        left[key] = {us: value for us, value in rows if not any(_hides(mask, us) for mask in masks)}
    for metric in offered(name):
        request = name, metric.id, metric.default_unit, parameters(metric, *options)
        expected = answer(MemorySource(left, source.block), directory, *request)
        assert answer(source, hidden, *request) == expected, metric.id


def _hides(mask: dict[str, str], us: int) -> bool:
    start, end = (
        parse_instant(mask.get(key, default)) for key, default in (("start", "0001-01-01"), ("end", "9999-12-31"))
    )
    return start <= us <= end


@EACH
@LAW
@given(st.data(), MOMENTS, OPTIONS)
def test_a_new_value_changes_no_older_reading(name: str, data: st.DataObject, since: int, options: Any) -> None:
    """Another value of every prop from a date on: answers before it, from zeros before it, are the same to the bit."""
    source, sensor = data.draw(sources(name)), DIRECTORY.sensors[name]
    old = {prop: value for prop, value in sensor.props.items() if isinstance(value, float) and prop not in UNDATED}
    new = {prop: value * 1.25 for prop, value in old.items()}
    epochs = {prop: ((MIN_US, old[prop]), (since, new[prop])) for prop in old}
    others = [each for each in read_with(sensor) if each is not sensor]
    before = MemoryDirectory(sensor, *others)
    after = MemoryDirectory(replace(sensor, props={**sensor.props, **new}, epochs=epochs), *others)
    for metric in offered(name):
        request = metric.id, metric.default_unit, parameters(metric, *options)
        then, now = (answer(source, directory, name, *request) for directory in (before, after))
        if not isinstance(then, str) and _zeros_lie_before(since, source, before, name, *request):
            assert not isinstance(now, str), metric.id
            assert list(now) == list(then), metric.id
            assert [now[us] for us in now if us < since] == [then[us] for us in then if us < since], metric.id


def _zeros_lie_before(since: int, source: MemorySource, directory: MemoryDirectory, name: str, *request: Any) -> bool:
    metric, unit, params = request
    zeros = Execution(plan(directory.sensors[name], metric, unit, params, directory), source).zeros
    return all(zero["count"] == 1 and parse_instant(str(zero["time"])) < since for zero in zeros)


@OFTEN
@given(sources("prism"), st.lists(MOMENTS, min_size=1, max_size=3, unique=True))
def test_carrying_over_leaves_no_step(source: MemorySource, dates: list[int]) -> None:
    """From the last reading of one instrument to the first one of the next the movement is 0; else it is as read."""
    sensor = Sensor("prism", "PRISM_TS", epochs={"REPLACEMENT": tuple((date, "CARRY") for date in sorted(dates))})
    moved = list(get(source, MemoryDirectory(sensor), "prism", "de", "m").items())
    read = get(source, MemoryDirectory(sensor), "prism", "e", "m")
    for (us, value), (next_us, next_value) in pairwise(moved):
        step = 0.0 if any(us < date <= next_us for date in dates) else read[next_us] - read[us]
        assert next_value - value == pytest.approx(step, abs=1e-9)


def test_the_laws_meet_what_changes() -> None:
    """Among the sensors whose props are numbers, most have metrics that a change of all of them cuts into periods."""
    cut: set[str] = set()
    for name in NAMES:
        sensor = DIRECTORY.sensors[name]
        values = {prop: value for prop, value in sensor.props.items() if isinstance(value, float)}
        dated = replace(sensor, epochs={prop: ((0, value), (1, value + 1.0)) for prop, value in values.items()})
        directory = MemoryDirectory(
            dated, *(each for each in read_with(sensor) if each is not sensor), SECOND_BAROMETER
        )
        for metric in offered(name):
            planned = plan(dated, metric.id, metric.default_unit, parameters(metric, None, None), directory)
            cut.update(name for node in walk(planned.node) if isinstance(node, Epochs))
    assert len(cut) > len(NAMES) / 2
