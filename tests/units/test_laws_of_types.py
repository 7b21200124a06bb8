"""The laws that every answer obeys, for every metric of every sensor type, on random readings."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.units.memory import MemorySource, get
from tests.units.site import DIRECTORY, MINUTE, MOMENTS, NAMES, SENSORS, read_with, readings, source_of

from tseng_units.catalogue import METRICS, SENSOR_TYPES
from tseng_units.errors import NoZeroReading
from tseng_units.evaluate import Execution
from tseng_units.instants import format_instant
from tseng_units.plan import plan
from tseng_units.registry import convert
from tseng_units.sensors import OfferedMetric, metrics

LAW = settings(max_examples=10)
EACH = pytest.mark.parametrize("name", NAMES)
OPTIONS = st.tuples(st.none() | MOMENTS, st.sampled_from([None, None, 600, 1200]))
NOT_LINEAR = {"d_xy", "az_xy", "d_en", "d_enh"}
"""Directions and lengths of differences: another zero does more to them than to add a constant."""


@cache
def offered(name: str) -> tuple[OfferedMetric, ...]:
    """Every metric of a sensor."""
    return tuple(metrics(DIRECTORY.sensors[name], DIRECTORY))


def sources(name: str) -> st.SearchStrategy[MemorySource]:
    """Readings of a sensor and of those that its metrics need."""
    return st.builds(source_of, readings(read_with(DIRECTORY.sensors[name])), st.integers(1, 4))


def parameters(metric: OfferedMetric, zero: int | None, dt: int | None) -> dict[str, Any]:
    """Request parameters; a rate gets its interval in any case."""
    interval = 600 if ("dt", True) in metric.params and dt is None else dt
    dates = {} if zero is None else {"ZERO_DATE": {"value": format_instant(zero)}}
    return dates if interval is None else {**dates, "dt": {"value": interval}}


def answer(source: MemorySource, *request: Any) -> dict[int, float] | str:
    """An answer, or the name of the one error that depends on data."""
    try:
        return get(source, DIRECTORY, *request)
    except NoZeroReading as problem:
        return problem.category


def answers(source: MemorySource, name: str, options: Any) -> Iterator[tuple[OfferedMetric, Any, Any]]:
    """Every metric of a sensor with its parameters and its answer over all time."""
    for metric in offered(name):
        params = parameters(metric, *options)
        yield metric, params, answer(source, name, metric.id, metric.default_unit, params)


def test_every_metric_of_every_type_takes_part() -> None:
    """The sensors of these tests offer every metric that any type has."""
    found = {(sensor.kind, metric.id) for sensor in SENSORS for metric in offered(sensor.id)}
    plain = {(id_, metric) for id_, type_ in SENSOR_TYPES.items() if not type_.generic for metric in type_.derived}
    assert plain <= found
    assert set(METRICS) - {metric for _, metric in found} == {"cum_distance", "V_bat"}


@EACH
@LAW
@given(st.data(), OPTIONS, MOMENTS, MOMENTS)
def test_window(name: str, data: st.DataObject, options: Any, start: int, end: int) -> None:
    """The result over a window is the result over all time, cut."""
    source = data.draw(sources(name))
    for metric, params, whole in answers(source, name, options):
        part = answer(source, name, metric.id, metric.default_unit, params, start, end)
        expected = whole if isinstance(whole, str) else {us: v for us, v in whole.items() if start <= us <= end}
        assert part == expected, metric.id


@EACH
@LAW
@given(st.data(), OPTIONS, st.none() | MOMENTS, st.none() | MOMENTS)
def test_blocks(name: str, data: st.DataObject, options: Any, start: int | None, end: int | None) -> None:
    """Blocks evaluated one after the other give exactly the one evaluation of all."""
    source, sensor = data.draw(sources(name)), DIRECTORY.sensors[name]
    for metric in offered(name):
        params = parameters(metric, *options)
        whole = answer(source, name, metric.id, metric.default_unit, params, start, end)
        if isinstance(whole, str):
            continue
        execution = Execution(plan(sensor, metric.id, metric.default_unit, params, DIRECTORY), source)
        pieces = [execution.evaluate(*window) for window in execution.blocks(start, end)]
        joined = [pair for times, values in pieces for pair in zip(times.tolist(), values.tolist(), strict=True)]
        assert joined == list(whole.items()), metric.id


@EACH
@LAW
@given(st.data(), OPTIONS, st.integers(0, 99))
def test_unit(name: str, data: st.DataObject, options: Any, choice: int) -> None:
    """Deriving in one unit and converting equals deriving in the other."""
    source = data.draw(sources(name))
    for metric, params, here in answers(source, name, options):
        other = metric.units[choice % len(metric.units)].id
        there = answer(source, name, metric.id, other, params)
        if isinstance(here, str) or isinstance(there, str):
            assert here == there, metric.id
        elif metric.dimension is not None:
            converted = convert(list(here.values()), metric.default_unit, other, metric.dimension)
            near = pytest.approx(converted.tolist(), rel=1e-12, abs=1e-9)
            assert list(here) == list(there), metric.id
            assert list(there.values()) == near, metric.id


@EACH
@LAW
@given(st.data(), MOMENTS)
def test_zero_date_adds_a_constant(name: str, data: st.DataObject, zero: int) -> None:
    """Changing ZERO_DATE adds one constant to a difference or sum, at the same times."""
    source = data.draw(sources(name))
    for metric in offered(name):
        if ("ZERO_DATE", False) not in metric.params or metric.id in NOT_LINEAR:
            continue
        first = answer(source, name, metric.id, metric.default_unit, {})
        second = answer(source, name, metric.id, metric.default_unit, parameters(metric, zero, None))
        if isinstance(first, str) or isinstance(second, str):
            continue
        assert list(second) == [us for us in first if metric.id != "rain_cum" or us > zero], metric.id
        shifts = [first[us] - second[us] for us in second]
        size = max(map(abs, [*first.values(), *second.values()]), default=0.0)
        assert shifts == pytest.approx(shifts[:1] * len(shifts), abs=1e-12 * max(size, 1.0)), metric.id


@EACH
@LAW
@given(st.data(), MOMENTS, st.sampled_from([600, 1200, 700]))
def test_dt_ignores_zero_date(name: str, data: st.DataObject, zero: int, dt: int) -> None:
    """With dt, ZERO_DATE changes nothing."""
    source = data.draw(sources(name))
    for metric, params, expected in answers(source, name, (None, dt)):
        with_zero = {**params, "ZERO_DATE": {"value": format_instant(zero)}}
        assert answer(source, name, metric.id, metric.default_unit, with_zero) == expected, metric.id


@EACH
@LAW
@given(st.data(), OPTIONS, st.integers(1, 5))
def test_rows(name: str, data: st.DataObject, options: Any, block: int) -> None:
    """Rows of missing values, the order of rows, and where blocks begin change nothing."""
    rows = data.draw(readings(read_with(DIRECTORY.sensors[name])))
    source, longer = source_of(rows), {}
    for id_, columns in rows.items():
        gaps = dict.fromkeys(data.draw(st.lists(MOMENTS, max_size=2)))
        longer[id_] = {
            metric: dict(data.draw(st.permutations([*({**gaps, **series}).items()])))
            for metric, series in columns.items()
        }
    other = source_of(longer, block)
    for metric, params, expected in answers(source, name, options):
        assert answer(other, name, metric.id, metric.default_unit, params) == expected, metric.id


@EACH
def test_no_data_is_no_error(name: str) -> None:
    """A sensor without readings gives an empty series for each of its metrics."""
    source = MemorySource({})
    for metric, _, found in answers(source, name, (20 * MINUTE, None)):
        assert found == {}, metric.id
