"""The DuckDB session: one snapshot, each point once."""

import gc
from pathlib import Path

import pytest
from tests.storage.helpers import PROJECT, opened, seen_by_duckdb, series, table

from tseng_storage import duck
from tseng_storage.overlap import contested_segments
from tseng_storage.segments import Box, Facts, Segment
from tseng_storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return opened(tmp_path)


def test_views_of_an_empty_store(store: Store) -> None:
    """All views exist and are empty, with their columns."""
    with duck.session(store) as connection:
        for view in ("observations", "sensors", "devices", "nodes"):
            assert connection.sql(f"SELECT count(*) FROM {view}").fetchall() == [(0,)]
        columns = connection.sql("SELECT * FROM observations").columns
    assert columns == ["project", "sensor", "metric", "time", "value", "received"]


def test_one_row_a_point_wherever_it_lies(store: Store) -> None:
    """Points in separate segments, overlapping ones and the log appear once with their last value; missing ones not."""
    store.load(series(dict.fromkeys(range(10), 1.0)), PROJECT)
    store.load(series(dict.fromkeys(range(100, 110), 2.0)), PROJECT)
    store.load(series({5: 3.0, 6: None}), PROJECT)
    store.append(series({105: 4.0, 106: None, 300: 5.0}), PROJECT)
    store.append(series({300: 6.0}), PROJECT)
    expected = {**dict.fromkeys(range(10), 1.0), **dict.fromkeys(range(100, 110), 2.0), 5: 3.0, 105: 4.0, 300: 6.0}
    del expected[6], expected[106]
    assert seen_by_duckdb(store) == {("/s", "T", time): value for time, value in expected.items()}


def test_versions_inside_one_segment(store: Store) -> None:
    """A segment that holds several versions of a point shows the last one."""
    store.append(series({1: 1.0}), PROJECT)
    store.append(series({1: 2.0}), PROJECT)
    store.flush()
    assert (store.info()["segments"], store.info()["rows"]) == (1, 2)
    assert seen_by_duckdb(store) == {("/s", "T", 1): 2.0}


def test_a_session_stands_still(store: Store) -> None:
    """What comes after a session was opened is not in it, whatever is flushed or compacted meanwhile."""
    store.append(series({1: 1.0}), PROJECT)
    with store.session() as connection:
        store.append(series({2: 2.0}), PROJECT)
        store.compact()
        assert connection.sql("SELECT value FROM observations").fetchall() == [(1.0,)]


def test_only_the_projects_asked_for(store: Store) -> None:
    """Observations and entities of other projects are not in a session; quotes in names do no harm."""
    other = store.catalog.create_project("it's").id
    store.append(table([("/it's", "T'", 1, 1.0)]), PROJECT)
    store.append(series({1: 2.0}), other)
    store.catalog.create_entity(other, "sensor", "/s", "TILT", {"a": {"b": 7}})
    for flushed in (False, True):
        if flushed:
            store.flush()
        with store.session([other]) as connection:
            rows = connection.sql("SELECT project, sensor, value FROM observations").fetchall()
            assert rows == [(other, "/s", 2.0)]
            query = "SELECT id, type, CAST(props->'a'->'b' AS INTEGER) FROM sensors"
            assert connection.sql(query).fetchall() == [("/s", "TILT", 7)]
        with store.session([PROJECT]) as connection:
            assert connection.sql("SELECT sensor, metric FROM observations").fetchall() == [("/it's", "T'")]
            assert connection.sql("SELECT count(*) FROM sensors").fetchall() == [(0,)]


def test_time_is_utc_and_received_is_shown(store: Store) -> None:
    """Times are shown as UTC whatever the machine's zone; received is when the upload came."""
    store.append(series({0: 1.0}), PROJECT)
    with store.session() as connection:
        query = "SELECT CAST(time AS VARCHAR), received > '2020-01-01'::TIMESTAMPTZ FROM observations"
        assert connection.sql(query).fetchall() == [("1970-01-01 00:00:00+00", True)]


def test_closing_leaves_nothing(store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    """A closed session is gone without a word on stderr."""
    store.session().close()
    gc.collect()
    assert capfd.readouterr().err == ""


def _segment(
    name: str, sensors: tuple[str, str], times: tuple[int, int], metrics: tuple[str, str] = ("T", "x")
) -> Segment:
    return Segment(name, PROJECT, 1, 1, Box(sensors, metrics, times, (1, 1)))


def _facts(segment: Segment) -> Facts:
    box = segment.box
    return Facts((box.sensor[0], box.metric[0], box.time[0]), (box.sensor[1], box.metric[1], box.time[1]), False)


def test_which_segments_are_contested() -> None:
    """Only segments that share sensors, metrics and times with another, or with the tail, are contested."""
    segments = [
        _segment("long", ("/a", "/m"), (0, 100)),
        _segment("inside", ("/m", "/z"), (50, 60)),
        _segment("other sensors", ("/n", "/z"), (0, 40)),
        _segment("after", ("/a", "/z"), (101, 200)),
        _segment("other metric", ("/a", "/z"), (0, 300), ("y", "z")),
    ]
    assert contested_segments(segments, _facts) == {"long", "inside"}
    tail = Box(("/b", "/b"), ("T", "T"), (150, 400), (9, 9))
    assert contested_segments(segments, _facts, [tail]) == {"long", "inside", "after"}


def test_neighbours_cut_inside_a_sensor_are_not_contested() -> None:
    """Segments cut inside a sensor have overlapping boxes and share no point: first and last point say so."""
    left, right = _segment("left", ("/a", "/m"), (0, 100)), _segment("right", ("/m", "/z"), (0, 100))
    facts = {
        "left": Facts(("/a", "T", 0), ("/m", "T", 40), False),
        "right": Facts(("/m", "T", 41), ("/z", "x", 100), False),
    }
    assert contested_segments([left, right], lambda segment: facts[segment.name]) == set()
