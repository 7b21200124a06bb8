"""Profiles: what may be written, and the values along one at some times."""

from collections.abc import Iterator, Mapping
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tseng.reads
from tseng.answers import Answer
from tseng.engine import Engine
from tseng.errors import InvalidRequest, NotFound, UnknownSensor
from tseng.replay import compare
from tseng_units.errors import IncompatibleUnit, InvalidParam, UnknownMetric, UnknownUnit
from tseng_units.evaluate import Execution

SENSORS = ["/bh/1/sensor", "/bh/2/sensor", "/bh/3/sensor"]
POINTS = [{"sensor": sensor, "at": at} for sensor, at in zip(SENSORS, (0.5, 1.5, 3.0), strict=True)]
BOREHOLE: dict[str, Any] = {"name": "Borehole 3", "axis": "depth", "unit": "m", "points": POINTS}
READINGS = {
    SENSORS[0]: {"00:00": 10.0, "01:00": 11.0, "02:00": 12.0},
    SENSORS[1]: {"00:04": 20.0, "00:56": 21.0, "02:06": 22.0},
    SENSORS[2]: {},
}
DAY = "2024-03-01T"


@pytest.fixture
def site(engine: Engine) -> Engine:
    """Three thermometers, one of them without readings, and a profile of them."""
    for sensor, readings in READINGS.items():
        engine.create_entity("sensor", sensor, "TEMPERATURE_SDE")
        rows = [{"sensorId": sensor, "timestamp": f"{DAY}{at}Z", "values": {"T": T}} for at, T in readings.items()]
        if rows:
            engine.upload(rows)
    engine.put_profile("BH-3", BOREHOLE)
    return engine


def _rows(value: np.ndarray[Any, Any]) -> list[list[float | None]]:
    return [[None if np.isnan(each) else each for each in row] for row in value.tolist()]


def test_a_profile_is_made_replaced_and_forgotten(site: Engine) -> None:
    """Its version counts changes; writing what is there already is none; without it, it is not found."""
    (made,) = site.profiles()
    assert made == site.profile("BH-3")
    assert (made.id, made.name, made.axis, made.unit, made.version) == ("BH-3", "Borehole 3", "depth", "m", 1)
    assert [(point.sensor, point.at) for point in made.points] == list(zip(SENSORS, (0.5, 1.5, 3.0), strict=True))
    assert site.put_profile("BH-3", {**BOREHOLE, "id": "BH-3", "version": 1}) == made
    assert site.put_profile("BH-3", {**BOREHOLE, "axis": "chainage"}).version == 2
    site.remove_profile("BH-3")
    assert site.profiles() == []
    for ask in (site.profile, site.remove_profile):
        with pytest.raises(NotFound):
            ask("BH-3")
    with pytest.raises(NotFound):
        site.get_profile("BH-3", "T", "C", ["2024-03-01"])


def test_each_project_has_its_own(site: Engine) -> None:
    """Another project has neither the profile nor its sensors."""
    other = site.create_project("other").id
    assert site.profiles(project=other) == []
    with pytest.raises(NotFound):
        site.profile("BH-3", project=other)
    with pytest.raises(InvalidRequest, match="there is no sensor"):
        site.put_profile("BH-3", BOREHOLE, project=other)


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"name": " "}, ["name"]),
        ({"axis": "length"}, ["axis"]),
        ({"id": "other"}, ["id"]),
        ({"points": []}, ["points"]),
        ({"colour": "red"}, [""]),
        ({"points": [*POINTS, {"sensor": "/nowhere", "at": 3.0}]}, ["points[3].sensor", "points[3].at"]),
        ({"points": [POINTS[1], POINTS[0], POINTS[2]]}, ["points[1].at"]),
        ({"points": [POINTS[0], {**POINTS[0], "at": 1.0}]}, ["points[1].sensor"]),
        ({"points": [{**POINTS[0], "at": float("inf")}]}, ["points[0].at"]),
        ({"points": [POINTS[0], {**POINTS[1], "at": float("nan")}]}, ["points[1].at"]),
        ({"points": [{**POINTS[0], "at": True}]}, ["points[0].at"]),
        ({"points": [{**POINTS[0], "at": "1"}]}, ["points[0].at"]),
        ({"points": [{"sensor": f"/{n}", "at": n} for n in range(1001)]}, ["points"]),
    ],
    ids=str,
)
def test_what_a_profile_may_not_be(site: Engine, change: Mapping[str, Any], fields: list[str]) -> None:
    """Every fault is named, and the profile stays as it was."""
    before = site.profiles()
    with pytest.raises(InvalidRequest) as refused:
        site.put_profile("BH-3", {**BOREHOLE, **change})
    assert [fault.path for fault in refused.value.faults][: len(fields)] == fields
    assert site.profiles() == before


def test_ids_and_units(site: Engine) -> None:
    """An id is no path; the unit is one of length."""
    for id in ("", "a/b", "x" * 1001):
        with pytest.raises(InvalidRequest) as refused:
            site.put_profile(id, BOREHOLE)
        assert refused.value.field == "id"
    for unit, error in (("C", IncompatibleUnit), ("furlong", UnknownUnit)):
        with pytest.raises(error):
            site.put_profile("BH-3", {**BOREHOLE, "unit": unit})


def test_values_along_a_profile(site: Engine) -> None:
    """The reading nearest to each time within the tolerance, in the unit asked for; times ascend and come once."""
    at = [f"{DAY}{clock}Z" for clock in ("02:00", "00:00", "01:00", "00:00")]
    found = site.get_profile("BH-3", "T", "C", at, tolerance="5min")
    assert [str(time)[11:16] for time in found.time] == ["00:00", "01:00", "02:00"]
    assert _rows(found.value) == [[10.0, 20.0, None], [11.0, 21.0, None], [12.0, None, None]]
    assert _rows(site.get_profile("BH-3", "T", "F", at[:1], tolerance="6min").value) == [[53.6, 71.6, None]]
    assert _rows(site.get_profile("BH-3", "T", "C", at).value) == [[10, None, None], [11, None, None], [12, None, None]]
    # 00:30 lies 30 minutes from 10 and 11, and 26 from both of the others: the earlier one counts.
    tied = site.get_profile("BH-3", "T", "C", [f"{DAY}00:30Z"], tolerance="1d")
    assert _rows(tied.value) == [[10.0, 20.0, None]]
    zero = {"ZERO_DATE": {"value": f"{DAY}00:00Z"}}
    with_zero = {**BOREHOLE, "points": POINTS[:2]}
    site.put_profile("upper", with_zero)
    assert _rows(site.get_profile("upper", "dT", "C", at[2:3], tolerance="5min", params=zero).value) == [[1.0, 1.0]]


def test_a_frame_has_the_axis_as_its_index(site: Engine) -> None:
    """A row for each point, a column for each time."""
    frame = site.get_profile("BH-3", "T", "C", [f"{DAY}00:00Z", f"{DAY}01:00Z"], tolerance="5min").to_pandas()
    assert (frame.index.tolist(), frame.index.name) == ([0.5, 1.5, 3.0], "depth [m]")
    assert frame.iloc[:2].to_numpy().tolist() == [[10.0, 11.0], [20.0, 21.0]]
    assert str(frame.columns[1]) == "2024-03-01 01:00:00+00:00"


def test_an_earlier_time_has_the_earlier_profile(site: Engine) -> None:
    """What was changed and forgotten since is found as of before."""
    home = site.project().id
    then = np.datetime64(site.store.catalog.history(home, "profile", "BH-3")[-1].recorded, "us")
    site.put_profile("BH-3", {**BOREHOLE, "points": POINTS[1:]})
    site.remove_profile("BH-3")
    found = site.get_profile("BH-3", "T", "C", ["2024-03-01"], as_of=then)
    assert len(found.profile.points) == 3


def test_a_point_that_cannot_be_read_is_named(site: Engine) -> None:
    """The class is that of a single read."""
    for metric, unit, error in (("flux", "C", UnknownMetric), ("T", "mm", IncompatibleUnit)):
        with pytest.raises(error, match=r"points\[0\]: "):
            site.get_profile("BH-3", metric, unit, ["2024-03-01"])
    site.remove_entity("sensor", SENSORS[1])
    with pytest.raises(UnknownSensor, match=r"points\[1\]: ") as refused:
        site.get_profile("BH-3", "T", "C", ["2024-03-01"])
    assert refused.value.field == "points[1].sensor"
    early = np.datetime64("2000-01-01")
    with pytest.raises((NotFound, UnknownSensor)):
        site.get_profile("BH-3", "T", "C", ["2024-03-01"], as_of=early)


@pytest.mark.parametrize(
    ("at", "field"),
    [
        ([], "at"),
        ("2024-03-01", "at"),
        (["2024-03-01"] * 1001, "at"),
        (["2024-03-01", "soon"], "at[1]"),
        ([None], "at[0]"),
    ],
)
def test_times_are_a_list_of_times(site: Engine, at: Any, field: str) -> None:
    """As many as a plot can show."""
    with pytest.raises(InvalidRequest) as refused:
        site.get_profile("BH-3", "T", "C", at)
    assert refused.value.field == field
    with pytest.raises(InvalidParam) as unclear:
        site.get_profile("BH-3", "T", "C", ["2024-03-01"], tolerance="soon")
    assert unclear.value.field == "tolerance"


@pytest.mark.parametrize("tolerance", [None, "5min"])
def test_each_column_can_be_computed_again(site: Engine, tolerance: str | None) -> None:
    """Its provenance computes the same bits, whatever is uploaded later; another value is found."""
    found = site.get_profile("BH-3", "T", "F", [f"{DAY}00:00Z", f"{DAY}01:00Z"], tolerance=tolerance)
    site.upload([{"sensorId": SENSORS[0], "timestamp": f"{DAY}00:00Z", "values": {"T": 99.0}}])
    for number, told in enumerate(found.provenance):
        points = (found.time.astype(np.int64), found.value[:, number])
        assert compare(Answer(points, told), site.replay(told)).identical
    spoiled = (found.time.astype(np.int64), found.value[:, 0] + 1e-9)
    assert not compare(Answer(spoiled, found.provenance[0]), site.replay(found.provenance[0])).identical


@given(
    times=st.lists(st.integers(0, 200), unique=True, max_size=30),
    at=st.lists(st.integers(0, 200), min_size=1, max_size=8) | st.just(list(range(100))),
    tolerance=st.integers(0, 60),
    block=st.integers(3, 300),
    many=st.sampled_from([0, 2, 32]),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
def test_the_nearest_by_hand(
    engine: Engine, times: list[int], at: list[int], tolerance: int, block: int, many: int
) -> None:
    """Over all readings: the one with the least distance, then the earlier, if it is near enough.

    However the series is cut into blocks of seconds, and whether these are computed whole.
    """
    sensor = f"/s{len(engine.entities('sensor'))}/sensor"
    engine.create_entity("sensor", sensor, "TEMPERATURE_SDE")
    base = np.datetime64("2024-03-01T00:00:00")

    def second(number: int) -> str:
        return str(base + np.timedelta64(number, "s"))

    rows = [{"sensorId": sensor, "timestamp": second(time) + "Z", "values": {"T": float(time)}} for time in times]
    if rows:
        engine.upload(rows)
    engine.put_profile("line", {**BOREHOLE, "points": [{"sensor": sensor, "at": 0.0}]})

    def blocks(_: Execution, start: int, end: int) -> Iterator[tuple[int, int]]:
        for first in range(start, end + 1, block * 1_000_000):
            yield first, min(first + block * 1_000_000 - 1, end)

    with patch.object(Execution, "blocks", blocks), patch.object(tseng.reads, "_MANY", many):
        found = engine.get_profile("line", "T", "C", [second(each) for each in at], tolerance=f"{tolerance}s")
    expected = []
    for each in sorted(set(at)):
        near = sorted((abs(time - each), time) for time in times if abs(time - each) <= tolerance)
        expected.append([float(near[0][1]) if near else None])
    assert _rows(found.value) == expected
