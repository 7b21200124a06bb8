"""Live data over both faces: what is asked comes in the asked unit, in order, until it is ended."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.site import START, THERMISTOR, THERMOMETER, WATER, Site
from tests.api.site import site as open_site
from tests.api.talk import TIMEOUT, Talk, TcpTalk, WebSocketTalk, wait_until
from tests.api.talkers import Address, Talker, WebSocketTalker, request

from tseng.engine import Engine
from tseng_api import pushes, subscriptions

FACES = ["websocket", "tcp"]


def open_talk(site: Site, face: str, key: str) -> Talk:
    """Connect through a face with a key."""
    return WebSocketTalk(site.ports.http, key) if face == "websocket" else TcpTalk(site.ports.tcp, key)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site of its own for each test."""
    with open_site(tmp_path / "store") as opened:
        yield opened


@pytest.fixture(params=FACES)
def talk(request: pytest.FixtureRequest, site: Site) -> Iterator[Talk]:
    """A writer's connection through each face."""
    with open_talk(site, request.param, site.keys["writer"]) as opened:
        yield opened


def upload(engine: Engine, hour: int, value: float | None, sensor: str = THERMOMETER) -> str:
    """One reading; its time."""
    at = f"2024-05-01T{hour:02}:00:00.000Z"
    engine.upload([{"sensorId": sensor, "timestamp": at, "values": {"T": value}}])
    return at


def subscribe(talk: Talk, sensors: list[str], unit: str = "C", **more: Any) -> int:
    """Subscribe to temperatures; the id."""
    id = talk.ask("subscribeData", {"sensors": sensors, "metric": "T", "unit": unit, **more})
    assert talk.next() == {"jsonrpc": "2.0", "id": id, "result": {"subscriptionId": id}}
    return id


def push(id: int, at: str, value: float | None, sensor: str = THERMOMETER) -> dict[str, Any]:
    """The message that tells one point (interface.md, section 10: `sensor` beside `data`)."""
    return {"jsonrpc": "2.0", "id": id, "result": {"data": {at: value}, "sensor": sensor}}


def followed() -> bool:
    """Whether anything is followed for anybody."""
    return any(thread.name == "tseng-live" for thread in threading.enumerate())


def test_new_points_come_in_the_unit_asked_for(site: Site, talk: Talk) -> None:
    """11 °C is 51.8 °F; corrected it comes again, taken back it is null."""
    celsius, fahrenheit = subscribe(talk, [THERMOMETER]), subscribe(talk, [THERMOMETER], "F")
    for value, converted in ((11.0, 51.8), (10.0, 50.0), (None, None)):
        at = upload(site.engine, 1, value)
        told = sorted((talk.next(), talk.next()), key=lambda message: message["id"])
        assert told == [push(celsius, at, value), push(fahrenheit, at, converted)]


def test_a_connection_is_told_what_it_uploads_itself(site: Site, talk: Talk) -> None:
    """Beside the answer to the upload."""
    id = subscribe(talk, [THERMOMETER])
    at = "2024-05-01T01:00:00.000Z"
    asked = talk.ask("uploadData", {"data": [{"sensorId": THERMOMETER, "timestamp": at, "values": {"T": 1}}]})
    told = {message["id"]: message for message in (talk.next(), talk.next())}
    assert told[asked]["result"] == {"successfullyProcessedObs": 1}
    assert told[id] == push(id, at, 1)


def test_many_sensors_under_one_id(site: Site, talk: Talk) -> None:
    """One push for each, which says whose it is."""
    sensors = [f"s{number}" for number in range(50)]
    for sensor in sensors:
        site.engine.create_entity("sensor", sensor, "TEMPERATURE_SDE")
    id = subscribe(talk, sensors)
    rows = [{"sensorId": sensor, "timestamp": START, "values": {"T": at}} for at, sensor in enumerate(sensors)]
    site.engine.upload(rows)
    told = sorted((talk.next() for _ in sensors), key=lambda message: list(message["result"]["data"].values()))
    assert told == [push(id, START, at, sensor) for at, sensor in enumerate(sensors)]


def test_no_point_is_lost_or_out_of_order(site: Site, talk: Talk) -> None:
    """Three hundred uploads in a row, told in theirs."""
    id = subscribe(talk, [THERMOMETER])
    for number in range(300):
        at = f"2024-05-02T{number // 60:02}:{number % 60:02}:00.000Z"
        site.engine.upload([{"sensorId": THERMOMETER, "timestamp": at, "values": {"T": number}}])
    values: list[float] = []
    while len(values) < 300:
        message = talk.next()
        assert message["id"] == id
        values += message["result"]["data"].values()
    assert values == list(range(300))


def test_after_unsubscribe_nothing_comes(site: Site, talk: Talk) -> None:
    """Neither data nor entities; an id that is none, or of another sort, is -32004."""
    data = subscribe(talk, [THERMOMETER])
    entities = talk.ask("subscribeSensors", {"sensors": [THERMOMETER]})
    assert talk.next()["result"] == {"subscriptionId": entities}
    assert talk.call("unsubscribeSensors", {"id": data})["code"] == -32004
    assert talk.call("unsubscribeData", {"id": str(data)})["code"] == -32004
    assert talk.call("unsubscribeData", {"id": data}) == {"unsubscribed": True}
    assert talk.call("unsubscribeData", {"id": data})["code"] == -32004
    assert talk.call("unsubscribeSensors", {"id": entities}) == {"unsubscribed": True}
    upload(site.engine, 2, 1.0)
    site.engine.update_entity("sensor", THERMOMETER, {"NAME": "new"})
    wait_until(lambda: not followed())
    assert "time" in talk.call("time")


def test_an_id_is_that_of_one_subscription(site: Site, talk: Talk) -> None:
    """A second one is -32600; `1` and `1.0` are the same id, `"1"` is another; ended it is free again."""
    params = {"sensors": [THERMOMETER], "metric": "T", "unit": "C"}
    frame = {"jsonrpc": "2.0", "method": "subscribeData", "params": params}
    said: list[Any] = []
    for id in (100, 100.0, "100"):
        talk.send(frame | {"id": id})
        said.append(talk.next())
    assert [each.get("error", {}).get("code") for each in said] == [None, -32600, None]
    talk.send(frame | {"id": 100, "method": "subscribeSensors", "params": {}})
    assert talk.next()["error"]["code"] == -32600
    assert talk.call("unsubscribeData", {"id": 100.0}) == {"unsubscribed": True}
    talk.send(frame | {"id": 100})
    assert talk.next()["result"] == {"subscriptionId": 100}


def test_what_is_refused_is_not_subscribed(site: Site, talk: Talk) -> None:
    """As getData would: unknown sensor, metric, unit, no zero reading; one bad sensor among good ones."""
    params = {"sensors": [THERMOMETER], "metric": "T", "unit": "C"}
    for change, code in (
        ({"sensors": ["unknown"]}, -32004),
        ({"sensors": [THERMOMETER, "unknown"]}, -32004),
        ({"metric": "unknown"}, -32010),
        ({"unit": "mm"}, -32010),
        ({"metric": "dT", "params": {"ZERO_DATE": {"value": "2040-01-01T00:00:00.000Z"}}}, -32011),
    ):
        assert talk.call("subscribeData", params | change)["code"] == code
    assert talk.call("subscribeNodes", {"nodes": ["unknown"]})["code"] == -32004
    assert not followed()


def test_trouble_is_an_error_under_the_id_and_data_follow_when_it_is_over(site: Site, talk: Talk) -> None:
    """A prop that the metric needs goes and comes back."""
    talk.call("updateSensor", {"sensor": THERMISTOR, "props": {"ZERO_DATE": START}})
    id = talk.ask("subscribeData", {"sensors": [THERMISTOR], "metric": "dT", "unit": "C"})
    told = talk.next()
    if "error" in told:
        pytest.fail(str(told))
    site.engine.update_entity("sensor", THERMISTOR, {"ZERO_DATE": "2040-01-01T00:00:00.000Z"})
    trouble = talk.next()
    assert (trouble["id"], trouble["error"]["code"]) == (id, -32011)
    assert trouble["error"]["data"]["sensor"] == THERMISTOR
    site.engine.update_entity("sensor", THERMISTOR, {"ZERO_DATE": START})
    assert talk.next()["result"]["sensor"] == THERMISTOR


def test_entities_come_when_they_change_or_are_made(site: Site, talk: Talk) -> None:
    """As getSensors prints them; without ids those to come too."""
    one = talk.ask("subscribeSensors", {"sensors": [WATER]})
    assert talk.next()["result"] == {"subscriptionId": one}
    all_ = talk.ask("subscribeSensors", {})
    assert talk.next()["result"] == {"subscriptionId": all_}
    site.engine.update_entity("sensor", WATER, {"NAME": "well"})
    told = sorted((talk.next(), talk.next()), key=lambda message: message["id"])
    assert [message["id"] for message in told] == [one, all_]
    assert [message["result"]["data"]["props"]["NAME"] for message in told] == ["well", "well"]
    site.engine.create_entity("sensor", "new", "GENERIC")
    assert talk.next()["result"]["data"]["id"] == "new"
    assert talk.call("getSensors", {"sensors": [WATER]}) == [told[0]["result"]["data"]]


class Counting:
    """Counting that takes until it is `done`, once `begun`; `late` where it was not done in time."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.begun, self.done, self.late = threading.Event(), threading.Event(), False
        self._real = Engine.vitals
        patch.setattr(Engine, "vitals", lambda engine, entities: self._vitals(engine, entities))

    def _vitals(self, engine: Engine, entities: Any) -> Any:
        self.begun.set()
        self.late |= not self.done.wait(TIMEOUT)
        return self._real(engine, entities)


def test_data_do_not_wait_for_the_counts_of_entities(site: Site, talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long these take; then each entity is told as it is, in the order of their last changes."""
    entities = talk.ask("subscribeSensors", {})
    assert talk.next()["result"] == {"subscriptionId": entities}
    id = subscribe(talk, [THERMOMETER])
    counting = Counting(monkeypatch)
    site.engine.update_entity("sensor", THERMISTOR, {"NAME": "first"})
    assert counting.begun.wait(TIMEOUT)
    for sensor, name in ((WATER, "second"), (THERMISTOR, "third"), (WATER, "fourth")):
        site.engine.update_entity("sensor", sensor, {"NAME": name})
        assert site.engine.hub.settle(TIMEOUT)
    at = upload(site.engine, 1, 1.0)
    assert talk.next() == push(id, at, 1.0)
    assert not counting.late
    counting.done.set()
    told = [talk.next() for _ in range(3)]
    assert [message["id"] for message in told] == [entities] * 3
    assert [message["result"]["data"]["props"]["NAME"] for message in told] == ["first", "third", "fourth"]
    assert told[-1]["result"]["data"] == talk.call("getSensors", {"sensors": [WATER]})[0]


def test_the_end_does_not_wait_for_the_counts_of_entities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither that of the server nor that of the engine; what could not be told then is no error."""
    with open_site(tmp_path / "store") as site, open_talk(site, "tcp", site.keys["reader"]) as talk:
        talk.call("subscribeSensors")
        counting = Counting(monkeypatch)
        site.engine.update_entity("sensor", WATER, {"NAME": "well"})
        assert counting.begun.wait(TIMEOUT)
    assert not counting.late
    counting.done.set()
    wait_until(lambda: not any(thread.name == "tseng-counts" for thread in threading.enumerate()))
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("way", ["close", "vanish"])
@pytest.mark.parametrize("face", FACES)
def test_subscriptions_end_with_their_connection(site: Site, face: str, way: str) -> None:
    """Then nothing is followed for it any more."""
    kind, port = (WebSocketTalker, site.ports.http) if face == "websocket" else (Talker, site.ports.tcp)
    talker = kind(Address("127.0.0.1", port), site.keys["reader"])
    asked = talker.ask("subscribeData", 1, sensors=[THERMOMETER], metric="T", unit="C")
    assert asked == {"subscriptionId": 1}
    assert followed()
    if way == "close":
        talker.raw.close()
    else:
        talker.vanish()
    wait_until(lambda: not followed())


def test_a_revoked_key_ends_its_subscriptions(site: Site, talk: Talk) -> None:
    """Nothing is followed for it, and it hears of nothing after the word that it is out."""
    talk.call("authenticate", {"code": site.engine.keys.create("short")})
    subscribe(talk, [THERMOMETER])
    site.engine.keys.revoke(site.engine.keys.list()[-1].id)
    told = talk.next()
    assert (told["error"]["code"], "id" in told) == (-32001, False)
    upload(site.engine, 1, 1.0)
    talk.closed()
    wait_until(lambda: not followed())


def test_a_new_identity_keeps_only_what_it_may_see(site: Site, talk: Talk) -> None:
    """Another key of the same project goes on; one of another project is told under the id that it ended."""
    id = subscribe(talk, [THERMOMETER])
    assert "nextId" in talk.call("authenticate", {"code": site.keys["reader"]})
    at = upload(site.engine, 1, 1.0)
    assert talk.next() == push(id, at, 1.0)
    other = site.engine.create_project("Other").id
    assert "nextId" in talk.call("authenticate", {"code": site.engine.keys.create("other", "reader", other)})
    ended = talk.next()
    assert (ended["id"], ended["error"]["code"]) == (id, -32003)
    wait_until(lambda: not followed())
    upload(site.engine, 2, 1.0)
    assert "time" in talk.call("time")


def test_so_many_subscriptions_and_no_more(site: Site, talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """-32029, by number and by the sensors named in them; one that is ended makes room."""
    monkeypatch.setattr(subscriptions, "SUBSCRIPTIONS", 3)
    monkeypatch.setattr(subscriptions, "SUBSCRIBED", 4)
    ids = [subscribe(talk, [THERMOMETER]) for _ in range(2)]
    params = {"sensors": [THERMOMETER, THERMISTOR, WATER], "metric": "T", "unit": "C"}
    assert talk.call("subscribeData", params)["code"] == -32029
    ids.append(subscribe(talk, [THERMOMETER]))
    assert talk.call("subscribeSensors")["code"] == -32029
    talk.call("unsubscribeData", {"id": ids[0]})
    assert "subscriptionId" in talk.call("subscribeSensors")


@pytest.mark.parametrize("face", FACES)
def test_a_client_that_lags_is_told_the_range_and_can_read_it(
    site: Site, face: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was pushed and what lies in the ranges told is everything; another subscriber loses nothing meanwhile."""
    monkeypatch.setattr(pushes, "BACKLOG_BYTES", 100_000)
    kind, port = (WebSocketTalker, site.ports.http) if face == "websocket" else (Talker, site.ports.tcp)
    count, size = 40, 10_000
    with (
        kind(Address("127.0.0.1", port), site.keys["reader"], buffer=2**14) as slow,
        open_talk(site, face, site.keys["reader"]) as quick,
    ):
        assert slow.ask("subscribeData", 1, sensors=[THERMOMETER], metric="T", unit="C") == {"subscriptionId": 1}
        id = subscribe(quick, [THERMOMETER])
        for number in range(count):
            site.engine.upload(_rows(number * size, size))
            assert site.engine.hub.settle(30)
            seen: dict[str, float] = {}
            while len(seen) < size:
                message = quick.next()
                assert message["id"] == id
                seen |= message["result"]["data"]
        data, ranges = _told(slow, _time(count * size - 1))
        assert ranges
        for begin, end in ranges:
            slow.send(request("getData", 2, sensor=THERMOMETER, metric="T", unit="C", startDate=begin, endDate=end))
            while (answer := slow.receive()["result"]) != {"requestStatus": "finished"}:
                data |= answer["data"]
        assert data == {_time(number): number for number in range(count * size)}
        at = upload(site.engine, 1, 1.0)
        assert slow.receive() == push(1, at, 1.0)


def _told(slow: Talker | WebSocketTalker, last: str) -> tuple[dict[str, float], list[tuple[str, str]]]:
    """Read until the last point is told of, as a point or in a range."""
    data: dict[str, float] = {}
    ranges: list[tuple[str, str]] = []
    while last not in data and not (ranges and ranges[-1][1] >= last):
        result = slow.receive()["result"]
        if "lagged" in result:
            assert result["sensor"] == THERMOMETER
            ranges.append((result["lagged"]["startDate"], result["lagged"]["endDate"]))
        else:
            data |= result["data"]
    return data, ranges


def _time(number: int) -> str:
    return f"2025-01-{1 + number // 86400:02}T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000Z"


def _rows(begin: int, size: int) -> list[dict[str, Any]]:
    return [
        {"sensorId": THERMOMETER, "timestamp": _time(number), "values": {"T": number}}
        for number in range(begin, begin + size)
    ]
