"""Long answers on a connection: several messages where HTTP has one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.api.calling import connected, count_reads, messages, request
from tests.api.site import READINGS, THERMOMETER, Site

from tseng.engine import Engine
from tseng.settings import Settings
from tseng.view import ProjectView
from tseng_api.messages import parse
from tseng_api.methods import METHODS
from tseng_api.rpc import Frames, answer
from tseng_storage.errors import Damaged

POINTS = 25_003
LONG = "/fn/6C4F6D/node/logger/0001/device/long/sensor"
READ = {"sensor": LONG, "metric": "T", "unit": "C"}
FINISHED = {"requestStatus": "finished"}


def stored(engine: Engine, sensor: str, points: int) -> None:
    """Make a thermometer with readings a second apart, each as many degrees as there were before it."""
    engine.create_entity("sensor", sensor, "TEMPERATURE_SDE", {"ZERO_DATE": "1970-01-01T00:00:00Z"})
    time = pa.array(np.arange(points) * 1_000_000, pa.timestamp("us", "UTC"))
    columns = [pa.array([sensor] * points), pa.array(["T"] * points), time, pa.array(np.arange(points, dtype=float))]
    engine.upload_table(pa.table(columns, ["sensor", "metric", "time", "value"]))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A store with one sensor of POINTS points."""
    with Engine.open(tmp_path_factory.mktemp("long") / "store") as engine:
        stored(engine, LONG, POINTS)
        yield engine


def test_points_come_in_frames_and_then_the_end(engine: Engine) -> None:
    """At most 10,000 in one; each under the request's id; all of them, in order."""
    answered = messages(connected(engine)[0], request("getData", READ, "x"))
    assert all(list(each) == ["jsonrpc", "id", "result"] and each["id"] == "x" for each in answered)
    *parts, last = [each["result"] for each in answered]
    assert [len(part["data"]) for part in parts] == [10_000, 10_000, 5_003]
    assert [value for part in parts for value in part["data"].values()] == list(range(POINTS))
    assert (parts[0]["data"]["1970-01-01T00:00:09.000Z"], last) == (9, FINISHED)


def test_without_points_there_is_just_the_end(engine: Engine) -> None:
    """A window in which nothing was observed."""
    answered = messages(connected(engine)[0], request("getData", READ | {"startDate": "2000-01-01T00:00:00Z"}))
    assert [each["result"] for each in answered] == [FINISHED]


def test_a_limit_is_one_point_and_the_end(engine: Engine) -> None:
    """As the printed `{"function": "last", "params": {"size": 1}}`."""
    limit = {"function": "last", "params": {"size": 1}}
    answered = messages(connected(engine)[0], request("getData", READ | {"limit": limit}))
    assert [each["result"] for each in answered] == [{"data": {"1970-01-01T06:56:42.000Z": 25_002}}, FINISHED]


def test_gaps_and_provenance_come_with_the_end(engine: Engine) -> None:
    """The frames hold points alone."""
    asked = READ | {"gap": "1h", "provenance": True}
    *parts, last = [each["result"] for each in messages(connected(engine)[0], request("getData", asked))]
    assert all(set(part) == {"data"} for part in parts)
    assert (last["requestStatus"], last["gaps"]) == ("finished", [])
    assert last["provenance"]["request"]["sensor"] == LONG


def test_refusals_come_before_any_frame(engine: Engine) -> None:
    """One error response, as of any method."""
    (answered,) = messages(connected(engine)[0], request("getData", READ | {"unit": "Pa"}))
    assert answered["error"]["code"] == -32010


def test_a_notification_is_answered_with_nothing(engine: Engine) -> None:
    """However much there would be to send."""
    assert messages(connected(engine)[0], {"jsonrpc": "2.0", "method": "getData", "params": READ}) == []


def test_in_a_batch_a_short_answer_stands_in_its_place(site: Site) -> None:
    """As over HTTP: a batch is one message."""
    read = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}
    (answered,) = messages(connected(site.engine)[0], [request("getData", read, 1), request("time", id=2)])
    assert answered[0]["result"] == {"data": READINGS} | FINISHED
    assert set(answered[1]["result"]) == {"time"}


def test_in_a_batch_a_long_answer_is_refused(engine: Engine) -> None:
    """10,000 points are short, one more is -32600 in its place; the others are answered."""
    session, _ = connected(engine)
    short = READ | {"endDate": "1970-01-01T02:46:39Z"}
    long = READ | {"endDate": "1970-01-01T02:46:40Z"}
    batch = [request("getData", short, 1), request("getData", long, 2), request("time", id=3)]
    first, second, third = messages(session, batch)[0]
    assert len(first["result"]["data"]) == 10_000
    assert (second["id"], second["error"]["code"], second["error"]["data"]["field"]) == (2, -32600, "method")
    assert set(third["result"]) == {"time"}


def test_over_http_it_is_one_answer_of_any_length(site: Site) -> None:
    """No connection is there to send frames on."""
    text = site.frame([request("getData", {"sensor": THERMOMETER, "metric": "T", "unit": "C"})]).text
    assert json.loads(text)[0]["result"] == {"data": READINGS} | FINISHED


@pytest.mark.parametrize(("metric", "asked"), [("T", {}), ("dT", {}), ("T", {"aggregate": "mean", "window": "1min"})])
@pytest.mark.parametrize("flushed", [False, True])
def test_the_first_frame_takes_the_same_work_however_much_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: str, asked: dict[str, str], flushed: bool
) -> None:
    """A row group of readings, 32,768, and the zero reading, out of a hundred thousand and of four; then the rest."""
    read = count_reads(monkeypatch)
    settings = Settings(bulk_rows=50_000 if flushed else 1_000_000)
    work = []
    with Engine.open(tmp_path / "store", settings=settings) as engine:
        for number, points in enumerate((100_000, 400_000)):
            sensor = f"/fn/1/node/x/{number}/device/t/sensor"
            stored(engine, sensor, points)
            read.clear()
            params = {"sensor": sensor, "metric": metric, "unit": "K", **asked}
            answered = answer(parse(json.dumps(request("getData", params)).encode()), connected(engine)[0], METHODS)
            assert isinstance(answered, Frames)
            assert len(json.loads(next(answered.messages))["result"]["data"]) >= 500
            work.append(sum(read))
            assert json.loads(list(answered.messages)[-1])["result"] == FINISHED
            assert sum(read) >= points
    assert work[0] == work[1] <= 32_768 + 1_000


def test_closing_the_frames_ends_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a connection that is gone would have been sent is not computed."""
    read = count_reads(monkeypatch)
    with Engine.open(tmp_path / "store", settings=Settings(bulk_rows=50_000)) as engine:
        stored(engine, LONG, 300_000)
        answered = answer(parse(json.dumps(request("getData", READ)).encode()), connected(engine)[0], METHODS)
        assert isinstance(answered, Frames)
        next(answered.messages)
        answered.messages.close()  # type: ignore[attr-defined]
        assert list(answered.messages) == []
    assert sum(read) <= 32_768


def test_what_goes_wrong_on_the_way_ends_the_frames_with_an_error(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the same id, after the frames that were sent; the connection has no other way to learn of it."""
    session, _ = connected(engine)
    answered = answer(parse(json.dumps(request("getData", READ)).encode()), session, METHODS)
    assert isinstance(answered, Frames)

    def damaged(*_: Any) -> Any:
        raise Damaged("a segment cannot be read", "file", "x.parquet")

    monkeypatch.setattr(ProjectView, "parts", damaged)
    monkeypatch.setattr(ProjectView, "read", damaged)
    (error,) = map(json.loads, answered.messages)
    assert (error["id"], error["error"]["code"]) == (1, -32603)
