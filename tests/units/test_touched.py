"""What differs after readings changed: exactly that, found without computing what cannot differ."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.units.memory import MemoryDirectory, MemorySource
from tests.units.site import DIRECTORY, MINUTE, NAMES, Columns, read_with, readings, source_of
from tests.units.test_laws_of_types import OPTIONS, offered, parameters

from tseng_units.differences import differences
from tseng_units.errors import NoZeroReading
from tseng_units.evaluate import Execution
from tseng_units.instants import MAX_US, MIN_US
from tseng_units.plan import Plan, plan
from tseng_units.run import Times
from tseng_units.sensors import Sensor
from tseng_units.spans import Span, gathered, merged, moved
from tseng_units.touched import Series, touched

SECOND = 1_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EACH = pytest.mark.parametrize("name", NAMES)


class Follower:
    """A client of one series: what it knows of it, told by differences alone."""

    def __init__(self, planned: Plan, source: MemorySource) -> None:
        """Read all of it once; NoZeroReading where that cannot be."""
        self.old = Execution(planned, source)
        self.points = answer(self.old)
        self.waiting: dict[Series, Times] = {}

    def follow(self, source: MemorySource, changed: Mapping[Series, Times]) -> int:
        """Go on to the readings as they are now; how many points were told."""
        for series, times in changed.items():
            self.waiting[series] = np.union1d(self.waiting.get(series, np.empty(0, np.int64)), times)
        old, new = self.old, Execution(self.old.plan, source)
        told = list(differences(old, new, touched(old, new, self.waiting)))
        for times, values in told:
            for us, value in zip(times.tolist(), values.tolist(), strict=True):
                if value == value:
                    self.points[us] = value
                else:
                    del self.points[us]
        self.old, self.waiting = new, {}
        return sum(len(times) for times, _ in told)


def answer(execution: Execution) -> dict[int, float]:
    """A whole series."""
    times, values = execution.evaluate()
    return dict(zip(times.tolist(), values.tolist(), strict=True))


def changes(before: dict[str, Columns], after: dict[str, Columns]) -> dict[Series, Times]:
    """The times of which something was uploaded: all that have another value, and some that have not."""
    found: dict[Series, Times] = {}
    for id_, columns in after.items():
        for metric, series in columns.items():
            old = before[id_][metric]
            times = sorted(us for us in {*series, *old} if series.get(us) != old.get(us) or us % 3 == 0)
            if times:
                found[id_, metric] = np.array(times, np.int64)
    return found


@st.composite
def histories(draw: st.DrawFn, name: str) -> list[dict[str, Columns]]:
    """Readings of a sensor and of those it needs, as they are one time after another: each time some are others."""
    sensors = read_with(DIRECTORY.sensors[name])
    states = [draw(readings(sensors))]
    for _ in range(draw(st.integers(1, 3))):
        fresh, state = draw(readings(sensors)), states[-1]
        kept = draw(st.sampled_from(["before", "later", "all"]))
        bound = max((us for columns in state.values() for series in columns.values() for us in series), default=0)
        states.append({
            id_: {
                metric: {
                    **series,
                    **{us + (bound if kept == "later" else 0): value
                       for us, value in fresh[id_][metric].items() if kept != "before" or us < bound},
                }
                for metric, series in columns.items()
            }
            for id_, columns in state.items()
        })  # fmt: skip
    return states


def follow(planned: Plan, states: list[dict[str, Columns]], block: int) -> Iterator[tuple[str, Any, Any]]:
    """The points of a follower after every state and those of a read, and how many were told and how many differ."""
    follower: Follower | None = None
    for before, after in pairwise([states[0], *states]):
        source = source_of(after, block)
        try:
            fresh = answer(Execution(planned, source))
            if follower is None:
                follower = Follower(planned, source)
        except NoZeroReading:
            if follower is not None:
                with pytest.raises(NoZeroReading):
                    follower.follow(source, changes(before, after))
            continue
        known = dict(follower.points)
        told = follower.follow(source, changes(before, after))
        yield "points", follower.points, fresh
        yield "told", told, sum(known.get(us) != fresh.get(us) for us in {*known, *fresh})


@EACH
@settings(max_examples=12)
@given(st.data(), OPTIONS, st.integers(1, 4))
def test_a_follower_knows_what_a_read_gives(name: str, data: st.DataObject, options: Any, block: int) -> None:
    """Whatever readings change: applying the differences gives the read of now, and nothing equal is told."""
    states = data.draw(histories(name))
    for metric in offered(name):
        planned = plan(DIRECTORY.sensors[name], metric.id, metric.default_unit, parameters(metric, *options), DIRECTORY)
        for what, found, expected in follow(planned, states, block):
            assert found == expected, (metric.id, what)


def gauge(tips: dict[int, float | None], **props: object) -> tuple[Sensor, MemorySource]:
    """A rain gauge with readings at whole hours, a tip of 1 mm each."""
    return Sensor("g", "RAIN_GAUGE", {"TIP_SIZE": 1.0, **props}), MemorySource(
        {("g", "tips"): {hour * HOUR: value for hour, value in tips.items()}}
    )


def spans(sensor: Sensor, source: MemorySource, metric: str, params: Any, *hours: float) -> list[tuple[float, float]]:
    """Spans in hours that changes at some hours touch, where the readings before and after are the same."""
    planned = plan(sensor, metric, {"T": "C", "dT": "C"}.get(metric, "mm"), params, MemoryDirectory(sensor))
    old, new = Execution(planned, source), Execution(planned, source)
    old.settle()
    times = np.array([round(hour * HOUR) for hour in hours], np.int64)
    metrics = {"g": "tips", "t": "T"}
    return [(start / HOUR, end / HOUR) for start, end in touched(old, new, {(sensor.id, metrics[sensor.id]): times})]


HOURS: dict[int, float | None] = {hour: float(hour % 3) for hour in range(100)}
THERMOMETER = Sensor("t", "TEMPERATURE_SDE", {})
TEMPERATURES = MemorySource({("t", "T"): {hour * HOUR: 20.0 + hour for hour in range(100)}})
DT = {"dt": {"value": 10, "unit": "h"}}


@pytest.mark.parametrize(
    ("metric", "params", "hours", "expected"),
    [
        ("T", None, (7,), [(7, 7)]),
        ("T", None, (7, 8, 90), [(7, 8), (90, 90)]),
        ("dT", None, (7,), [(7, 7)]),
        ("dT", None, (0, 7), [(0, 7)]),
        # nearest to ten hours earlier, at most one hour off
        ("dT", DT, (7,), [(7, 7), (16, 18)]),
    ],
)
def test_spans_of_temperatures(metric: str, params: Any, hours: Any, expected: Any) -> None:
    """A reading touches its own time; a difference over an interval also the times one interval later."""
    assert spans(THERMOMETER, TEMPERATURES, metric, params, *hours) == expected


END = MAX_US / HOUR


@pytest.mark.parametrize(
    ("props", "metric", "params", "hours", "expected"),
    [
        ({}, "rain", None, (7,), [(7, 7)]),
        ({"COUNTER": True}, "rain", None, (7,), [(7, 8)]),
        ({"COUNTER": True}, "rain", None, (99,), [(99, 99)]),
        ({}, "rain_cum", None, (7,), [(7, END)]),
        ({}, "rain_cum", {"ZERO_DATE": {"value": "1970-01-01T08:00:00Z"}}, (7,), []),
        ({}, "rain_cum", {"ZERO_DATE": {"value": "1970-01-01T08:00:00Z"}}, (7, 40), [(40, END)]),
        ({}, "rain_cum", DT, (7,), [(7, 17)]),
        ({}, "rain_cum", DT, (0,), [(0, 10)]),
    ],
)
def test_spans_of_rain(props: Any, metric: str, params: Any, hours: Any, expected: Any) -> None:
    """A step of a counter serves the next reading too, a sum everything after its date, a moving one its interval."""
    sensor, source = gauge(HOURS, **props)
    assert spans(sensor, source, metric, params, *hours) == expected


def test_a_zero_reading_that_changes_touches_everything() -> None:
    """A difference changes where its base does, and everywhere when the reading it is taken from does."""
    planned = plan(
        THERMOMETER, "dT", "C", {"ZERO_DATE": {"value": "1970-01-02T00:00:00Z"}}, MemoryDirectory(THERMOMETER)
    )
    then = MemorySource({("t", "T"): {hour * HOUR: 20.0 + hour for hour in range(100)}})
    now = MemorySource({("t", "T"): {hour * HOUR: 20.0 + hour + (hour in (7, 24)) for hour in range(100)}})
    old = Execution(planned, then)
    old.settle()
    at = np.array([7, 24], np.int64) * HOUR
    assert touched(old, Execution(planned, now), {("t", "T"): at[:1]}) == [(7 * HOUR, 7 * HOUR)]
    assert touched(old, Execution(planned, now), {("t", "T"): at[1:]}) == [(MIN_US, MAX_US)]


@pytest.mark.parametrize(
    ("props", "hour", "expected"),
    [
        ({"ZERO_COUNT": 3}, 26, True),
        ({"ZERO_COUNT": 3}, 27, False),
        ({"ZERO_MODE": "NEAREST", "ZERO_TOLERANCE": 86400, "ZERO_DATE": "1970-01-02T00:24:00Z"}, 24.3, True),
        ({"ZERO_MODE": "NEAREST", "ZERO_TOLERANCE": 86400, "ZERO_DATE": "1970-01-02T00:24:00Z"}, 24.9, False),
        ({"ZERO_MODE": "NEAREST", "ZERO_TOLERANCE": 86400, "ZERO_DATE": "1970-01-02T00:24:00Z"}, 23, False),
        ({"ZERO_MODE": "EXACT"}, 24, True),
        ({"ZERO_MODE": "EXACT"}, 23, False),
    ],
)
def test_readings_that_a_zero_is_made_of(props: dict[str, object], hour: float, expected: bool) -> None:
    """Every reading of a mean counts, and one that is nearer to the date than the one taken so far."""
    sensor = Sensor("t", "TEMPERATURE_SDE", {"ZERO_DATE": "1970-01-02T00:00:00Z", **props})
    planned = plan(sensor, "dT", "C", None, MemoryDirectory(sensor))
    before = {each * HOUR: 20.0 + each for each in range(100)}
    us = round(hour * HOUR)
    old = Execution(planned, MemorySource({("t", "T"): before}))
    old.settle()
    new = Execution(planned, MemorySource({("t", "T"): {**before, us: 99.0}}))
    found = touched(old, new, {("t", "T"): np.array([us], np.int64)})
    assert found == ([(MIN_US, MAX_US)] if expected else [(us, us)])


def test_readings_of_an_array_serve_those_near_them() -> None:
    """A segment's reading touches the sums within the tolerance, the requested sensor's own its own time alone."""
    device = {"SCAN_TOLERANCE": 20}
    segments = [
        Sensor(f"s{depth}", "IPI_BIAXIAL", {"GAUGE_LENGTH": 1.0, "DEPTH": depth}, "chain", device) for depth in (1, 2)
    ]
    planned = plan(segments[0], "x", "mm", None, MemoryDirectory(*segments))
    source = MemorySource({("s1", "tilt_x"): {0: 1.0}, ("s2", "tilt_x"): {0: 1.0}})
    at = np.array([HOUR], np.int64)
    for sensor, reach in (("s1", 0), ("s2", 20 * SECOND)):
        old, new = Execution(planned, source), Execution(planned, source)
        assert touched(old, new, {(sensor, "tilt_x"): at}) == [(HOUR - reach, HOUR + reach)]


def test_a_replacement_that_carries_another_offset_touches_what_follows() -> None:
    """What is carried over is looked up again only where one of its two readings may be another."""
    props = {"REPLACEMENT": "CARRY"}
    epochs = {"REPLACEMENT": ((MIN_US, None), (50 * HOUR, "CARRY"))}
    sensor = Sensor("t", "TEMPERATURE_SDE", props, epochs=epochs)
    planned = plan(sensor, "dT", "C", None, MemoryDirectory(sensor))
    then = MemorySource({("t", "T"): {hour * HOUR: 20.0 + hour for hour in range(100)}})
    now = MemorySource({("t", "T"): {hour * HOUR: 20.0 + hour + (hour in (7, 50)) for hour in range(100)}})
    old = Execution(planned, then)
    old.settle()
    at = np.array([7, 50], np.int64) * HOUR
    assert touched(old, Execution(planned, now), {("t", "T"): at[:1]}) == [(7 * HOUR, 7 * HOUR)]
    assert touched(old, Execution(planned, now), {("t", "T"): at[1:]}) == [(50 * HOUR, MAX_US)]


def test_a_paired_reading_touches_what_lies_within_the_gap() -> None:
    """Pressure of the air serves levels between it and its neighbours, at most the gap away."""
    well = Sensor(
        "w", "WATER_LEVEL_ABS", {"BARO_SENSOR": "b", "BARO_MAX_GAP": 1200, "REF_DEPTH": 30.0, "ELEVATION": 1.0}
    )
    air = Sensor("b", "BAROMETER", {})
    source = MemorySource({("w", "P_raw"): {0: 2e5}, ("b", "P"): {0: 1e5}})
    planned = plan(well, "wl_depth", "m", None, MemoryDirectory(well, air))
    old, new = Execution(planned, source), Execution(planned, source)
    at = np.array([5 * HOUR], np.int64)
    assert touched(old, new, {("b", "P"): at}) == [(5 * HOUR - 20 * MINUTE, 5 * HOUR + 20 * MINUTE)]
    assert touched(old, new, {("w", "P_raw"): at}) == [(5 * HOUR, 5 * HOUR)]


class Counting(MemorySource):
    """A source that knows where its blocks end without reading, as a store does."""

    def blocks(self, sensor: str, metric: str, start: int | None, end: int | None) -> Iterator[Span]:
        """Windows that end with every `block`-th reading."""
        reads = self.reads
        found = list(super().blocks(sensor, metric, start, end))
        self.reads = reads
        return iter(found)


@pytest.mark.parametrize("metric", ["rain", "rain_cum", "rain_rate"])
@pytest.mark.parametrize("params", [None, DT])
@pytest.mark.parametrize("length", [1_000, 30_000])
def test_an_appended_reading_costs_the_same_however_long_the_series(metric: str, params: Any, length: int) -> None:
    """Of the readings there were, next to none are read again once the series is followed."""
    sensor, _ = gauge({})
    planned = plan(sensor, metric, "mm_h" if metric == "rain_rate" else "mm", params, MemoryDirectory(sensor))
    times, values = np.arange(length + 3, dtype=np.int64) * HOUR, np.ones(length + 3)
    execution, told = None, 0
    for known in range(length, length + 4):
        source = Counting({}, block=10**6)
        source.add("g", "tips", times[:known].copy(), values[:known].copy())
        old, execution = execution, Execution(planned, source)
        if old is not None:
            found = touched(old, execution, {("g", "tips"): times[known - 1 : known]})
            source.reads = 0
            told += sum(len(part) for part, _ in differences(old, execution, found, int(times[known - 2])))
            # the first sum that is followed is made from its beginning
            assert known == length + 1 or source.reads <= 60
        else:
            execution.settle()
    assert told == 3


def test_gathered() -> None:
    """Times close together are one span; what lies far apart beside the whole is not bridged."""
    assert gathered(None) == gathered(np.empty(0, np.int64)) == ()
    assert gathered(np.array([5, 7], np.int64)) == [(5, 7)]
    day = np.array([0, 1, 100, 101], np.int64) * DAY
    assert gathered(day) == [(0, DAY), (100 * DAY, 101 * DAY)]
    assert len(gathered(np.arange(10_000, dtype=np.int64) * DAY)) == 1


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), max_size=8), st.integers(-9, 9), st.integers(0, 9))
def test_spans_hold_the_instants_they_were_made_of(given_: list[Span], by: int, longer: int) -> None:
    """Merging and moving lose no instant and add none, and leave spans ascending and apart."""
    made = [(start, start + length) for start, length in given_]
    inside = {us for start, end in made for us in range(start, end + 1)}
    found = merged(made[::2], made[1::2])
    assert {us for start, end in found for us in range(start, end + 1)} == inside
    assert all(one[1] + 1 < other[0] for one, other in pairwise(found))
    expected = {us + shift for us in inside for shift in range(by, by + longer + 1)}
    assert {us for start, end in moved(found, by, by + longer) for us in range(start, end + 1)} == expected


def test_points_that_are_gone_and_numbers_that_are_equal() -> None:
    """A point that is gone is NaN; a zero of the other sign is no other number."""
    planned = plan(THERMOMETER, "T", "C", None, MemoryDirectory(THERMOMETER))
    old = Execution(planned, MemorySource({("t", "T"): {1: 0.0, 2: 5.0, 3: 7.0}}))
    new = Execution(planned, MemorySource({("t", "T"): {1: -0.0, 3: 8.0, 4: 9.0}}))
    told = list(differences(old, new, [(MIN_US, MAX_US)]))
    times = np.concatenate([times for times, _ in told]).tolist()
    values = np.concatenate([values for _, values in told])
    assert times == [2, 3, 4]
    np.testing.assert_array_equal(values, [np.nan, 8.0, 9.0])
