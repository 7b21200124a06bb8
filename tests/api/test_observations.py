"""getObservations: what was recorded, all raw metrics side by side, as it is stored."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.api.calling import connected, count_reads, messages, request
from tests.api.site import READINGS, THERMOMETER, Site

from tseng.engine import Engine
from tseng.settings import Settings
from tseng_api.messages import parse
from tseng_api.methods import METHODS
from tseng_api.rpc import Frames, answer
from tseng_storage.entities import now_us
from tseng_units.instants import format_instant

STATION = "/trimble4d/nodeId/node/deviceId/device/sensorId/sensor"
LOGGER = "/fn/6C4F6D/node/dgsimlogger/032432/device/tilt4/sensor"
FINISHED = {"requestStatus": "finished"}
ROWS: dict[str, dict[str, float | None]] = {
    "2018-06-04T19:35:35.400Z": {"e": 100.0, "n": 101.5, "T": 23.0},
    "2018-06-04T19:45:35.400Z": {"e": 100.25, "n": None},
    "2018-06-04T19:55:35.400Z": {"n": -0.5, "P": 101325.0},
    "2018-06-04T20:05:35.400Z": {"T": None},
}
# What is missing is left out, and a row of nothing is none.
SEEN = {at: {metric: value for metric, value in row.items() if value is not None} for at, row in ROWS.items()}
SEEN.pop("2018-06-04T20:05:35.400Z")


def upload(engine: Engine, sensor: str, rows: Any) -> None:
    """Store rows by time."""
    engine.upload([{"sensorId": sensor, "timestamp": at, "values": row} for at, row in rows.items()])


@pytest.fixture(scope="module", autouse=True)
def recorded(site: Site) -> None:
    """A total station as the seed's upload has it, with readings missing here and there."""
    site.engine.create_entity("sensor", STATION, "DEMO_SENSOR")
    upload(site.engine, STATION, ROWS)


def asked(engine: Engine, **params: Any) -> tuple[dict[str, Any], list[int]]:
    """Return what comes in the frames of one request, and how many values each had."""
    *parts, last = [each["result"] for each in messages(connected(engine)[0], request("getObservations", params))]
    assert last == FINISHED
    assert all(set(part) == {"data"} for part in parts)
    data = {at: row for part in parts for at, row in part["data"].items()}
    assert list(data) == sorted(data)
    return data, [sum(map(len, part["data"].values())) for part in parts]


def test_each_time_has_the_metrics_that_were_read(site: Site) -> None:
    """In one answer over HTTP, in frames and an end on a connection, alone in its place in a batch."""
    whole = {"data": SEEN} | FINISHED
    assert site.rpc("getObservations", {"sensor": STATION}) == whole
    assert asked(site.engine, sensor=STATION)[0] == SEEN
    (batch,) = messages(connected(site.engine)[0], [request("getObservations", {"sensor": STATION})])
    assert batch[0]["result"] == whole


def test_what_get_data_needs_besides_changes_nothing(site: Site) -> None:
    """The seed describes one set of parameters for both: metric and unit may be there, the answer is raw."""
    more = {"metric": "dT", "unit": "F", "params": {"ZERO_DATE": {"value": "2018-01-01T00:00:00Z"}}}
    assert site.rpc("getObservations", {"sensor": STATION, **more})["data"] == SEEN


def test_a_window_is_inclusive(site: Site) -> None:
    """As of getData."""
    first, second, _ = SEEN
    window = {"startDate": first, "endDate": second}
    assert site.rpc("getObservations", {"sensor": STATION, **window})["data"] == {
        at: SEEN[at] for at in window.values()
    }
    empty = {"startDate": "2030-01-01T00:00:00Z"}
    assert site.rpc("getObservations", {"sensor": STATION, **empty}) == {"data": {}} | FINISHED


@pytest.mark.parametrize(("function", "index"), [("first", 0), ("last", -1)])
def test_a_limit_is_one_row(site: Site, function: str, index: int) -> None:
    """The earliest or latest time at which anything was read, with what was read then."""
    limit = {"function": function, "params": {"size": 1}}
    at = list(SEEN)[index]
    assert site.rpc("getObservations", {"sensor": STATION, "limit": limit})["data"] == {at: SEEN[at]}


def test_values_are_in_the_units_they_are_stored_in(site: Site) -> None:
    """A thermometer stores celsius."""
    data = site.rpc("getObservations", {"sensor": THERMOMETER})["data"]
    assert data == {at: {"T": value} for at, value in READINGS.items()}


def test_masked_readings_are_missing(site: Site) -> None:
    """As everywhere (docs/rules.md, Masks); a mask that cannot be understood lets nothing through."""
    sensor = "/fn/masked/sensor"
    mask = {"start": "2018-06-04T19:40:00Z", "metrics": ["e"]}
    site.engine.create_entity("sensor", sensor, "DEMO_SENSOR", {"MASKS": [mask]})
    upload(site.engine, sensor, {at: {"e": 1.0, "n": 2.0} for at in list(SEEN)[:2]})
    first, second, _ = SEEN
    assert site.rpc("getObservations", {"sensor": sensor})["data"] == {first: {"e": 1, "n": 2}, second: {"n": 2}}
    site.engine.update_entity("sensor", sensor, {"MASKS": "yesterday"})
    assert site.rpc("getObservations", {"sensor": sensor})["code"] == -32010


def test_as_of_shows_what_was_known_then(site: Site) -> None:
    """Ours: a correction that came later is not seen."""
    sensor, at = "/fn/corrected/sensor", next(iter(SEEN))
    site.engine.create_entity("sensor", sensor, "DEMO_SENSOR")
    upload(site.engine, sensor, {at: {"e": 1.0}})
    then = format_instant(now_us())
    upload(site.engine, sensor, {at: {"e": 2.0}})
    assert site.rpc("getObservations", {"sensor": sensor, "asOf": then})["data"] == {at: {"e": 1}}
    assert site.rpc("getObservations", {"sensor": sensor})["data"] == {at: {"e": 2}}


@pytest.mark.parametrize(
    ("params", "code", "field"),
    [
        ({"sensor": "/nowhere"}, -32004, "sensor"),
        ({}, -32602, "sensor"),
        ({"sensor": STATION, "startDate": "2020-01-02", "endDate": "2020-01-01"}, -32602, "endDate"),
        ({"sensor": STATION, "startDate": "soon"}, -32602, "startDate"),
        ({"sensor": STATION, "limit": {"function": "last", "params": {"size": 2}}}, -32602, "limit.params.size"),
        ({"sensor": STATION, "aggregate": "mean"}, -32602, "aggregate"),
    ],
)
def test_refusals_name_the_field(site: Site, params: Any, code: int, field: str) -> None:
    """One error, before any frame."""
    (answered,) = messages(connected(site.engine)[0], request("getObservations", params))
    assert (answered["error"]["code"], answered["error"]["data"]["field"]) == (code, field)


def test_frames_hold_at_most_ten_thousand_values(tmp_path: Path) -> None:
    """3,333 rows of three metrics, then 1,667; in a batch that is too much."""
    with _station(tmp_path, {"e": 5_000, "n": 5_000, "h": 5_000}) as engine:
        data, sizes = asked(engine, sensor=LOGGER)
        assert (len(data), sizes) == (5_000, [9_999, 5_001])
        assert data["1970-01-01T00:00:07.000Z"] == {"e": 7, "n": 7, "h": 7}
        ((refused,),) = messages(connected(engine)[0], [request("getObservations", {"sensor": LOGGER})])
        assert refused["error"]["code"] == -32600


def test_the_first_frame_takes_the_same_work_however_much_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row group of readings, 32,768, of each metric; and what comes in meanwhile is not seen."""
    read = count_reads(monkeypatch)
    with _station(tmp_path, {"e": 150_000, "n": 70_000}) as engine:
        frame = parse(json.dumps(request("getObservations", {"sensor": LOGGER})).encode())
        answered = answer(frame, connected(engine)[0], METHODS)
        assert isinstance(answered, Frames)
        assert len(json.loads(next(answered.messages))["result"]["data"]) == 5_000
        assert sum(read) <= 2 * 32_768
        upload(engine, LOGGER, {"1970-01-02T00:00:00Z": {"e": -1.0}, "1970-03-01T00:00:00Z": {"e": -1.0}})
        *parts, last = [json.loads(each)["result"] for each in answered.messages]
        values = [value for part in parts for row in part["data"].values() for value in row.values()]
        assert (len(values), min(values), last) == (220_000 - 10_000, 5_000, FINISHED)


def _station(path: Path, metrics: dict[str, int]) -> Engine:
    """A store with one sensor, whose metrics have so many readings, a second apart, each its own number."""
    engine = Engine.open(path / "store", settings=Settings(bulk_rows=50_000))
    engine.create_entity("sensor", LOGGER, "DEMO_SENSOR")
    for metric, points in metrics.items():
        time = pa.array(np.arange(points) * 1_000_000, pa.timestamp("us", "UTC"))
        names = [pa.array([LOGGER] * points), pa.array([metric] * points)]
        values = pa.array(np.arange(points, dtype=float))
        engine.upload_table(pa.table([*names, time, values], ["sensor", "metric", "time", "value"]))
    return engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store of its own."""
    with Engine.open(tmp_path_factory.mktemp("law") / "store", settings=Settings(bulk_rows=20)) as engine:
        yield engine


_READINGS = st.dictionaries(st.integers(0, 40), st.none() | st.floats(-1e9, 1e9), max_size=40)
_SECOND = st.integers(0, 40) | st.none()
_UPLOADS = st.lists(st.dictionaries(st.sampled_from(["e", "n", 'h"1']), _READINGS, max_size=3), max_size=3)


@settings(max_examples=40)
@given(
    _UPLOADS, st.integers(0, 40) | st.none(), st.integers(0, 40) | st.none(), st.sampled_from([None, "first", "last"])
)
def test_rows_are_the_series_of_the_raw_metrics_side_by_side(
    engine: Engine, uploads: Any, start: int | None, end: int | None, limit: str | None
) -> None:
    """Whatever was uploaded in whatever order, to the log or in bulk: what the last upload says of each time."""
    sensor = f"/law/{len(engine.entities('sensor'))}/sensor"
    engine.create_entity("sensor", sensor, "DEMO_SENSOR")
    expected = defaultdict[str, dict[str, float]](dict)
    for each in uploads:
        rows = defaultdict[str, dict[str, float | None]](dict)
        for metric, readings in each.items():
            for second, value in readings.items():
                rows[_at(second)][metric] = value
        if rows:
            upload(engine, sensor, rows)
        for at, row in rows.items():
            expected[at] |= {metric: value for metric, value in row.items() if value is not None}
            for metric in [metric for metric, value in row.items() if value is None]:
                expected[at].pop(metric, None)
    window = {"startDate": start, "endDate": end}
    params = {"sensor": sensor} | {name: _at(second) for name, second in window.items() if second is not None}
    if limit:
        params["limit"] = {"function": limit}  # type: ignore[assignment]
    if start is not None and end is not None and end < start:
        return
    inside = {
        at: expected[at] for at in sorted(expected)
        if expected[at] and (start is None or at >= _at(start)) and (end is None or at <= _at(end))
    }  # fmt: skip
    found = list(inside.items())
    wanted = dict(found[:1] if limit == "first" else found[-1:] if limit == "last" else found)
    assert asked(engine, **params)[0] == wanted


def _at(second: int) -> str:
    return f"2024-01-01T00:00:{second:02}.000Z"
