"""The ScaleOut door: every status that the seed prints, messages that wait, numbers that are observations."""

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.api.process import serving
from tests.api.site import Site

from tseng.engine import Engine

LIMIT = 64 * 1024  # seed 000: "413 … larger than 64KB"


@pytest.fixture
def twin() -> str:
    """The path of a twin that nobody has used."""
    return f"/Messages/Turbine/{uuid4().hex}"


def sensor_of(twin: str) -> str:
    """The sensor of a twin."""
    return twin.replace("/Messages/", "/scaleout/") + "/sensor"


def send(site: Site, twin: str, body: Any, role: str | None = "writer", **options: Any) -> httpx.Response:
    """Send a message."""
    return site.http(role).post(twin, json=body, **options)


def test_messages_wait_in_order_until_they_are_acknowledged(site: Site, twin: str) -> None:
    """204, then all of them as they were sent, again and again; what comes after a retrieval survives its ack."""
    assert (site.get(twin).status_code, site.get(twin).content) == (204, b"")
    bodies = [b'{"speed": 12.50,  "text":"a\\u00e9"}', b'"only text"', b"[1, 2]"]
    for body in bodies:
        assert site.http("writer").post(twin, content=body).status_code == 200
    for _ in range(2):
        answer = site.get(twin)
        assert (answer.status_code, answer.content) == (200, b"[" + b",".join(bodies) + b"]")
        assert answer.headers["content-type"] == "application/json"
    send(site, twin, {"late": 1})
    assert site.http("writer").post(f"{twin}/ack").status_code == 200
    assert site.get(twin).json() == [{"late": 1}]
    assert site.http("writer").post(f"{twin}/ack").status_code == 200
    assert site.get(twin).status_code == 204


def test_an_ack_without_a_retrieval_takes_nothing(site: Site, twin: str) -> None:
    """Nor does one after a HEAD, which sends no messages, but says whether there are any."""
    assert site.http().head(twin).status_code == 204
    send(site, twin, {"speed": 1})
    assert site.http().head(twin).status_code == 200
    assert site.http("writer").post(f"{twin}/ack").status_code == 200
    assert site.get(twin).json() == [{"speed": 1}]


def test_each_twin_has_its_own(site: Site, twin: str) -> None:
    """Ids are taken as they are, of one model and of another."""
    others = [f"{twin}x", twin.replace("Turbine", "turbine"), f"{twin} ö&?".replace("?", "%3F")]
    for number, path in enumerate([twin, *others]):
        send(site, path, {"number": number})
    assert [site.get(path).json() for path in [twin, *others]] == [[{"number": number}] for number in range(4)]


def test_processed_or_accepted(site: Site, twin: str) -> None:
    """200 by default, 202 to who prefers not to wait (RFC 7240, 4.1); both are kept alike."""
    assert send(site, twin, {"speed": 1}).status_code == 200
    for prefer in ("respond-async", "wait=10, Respond-Async"):
        answer = send(site, twin, {"speed": 2}, headers={"Prefer": prefer})
        assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")
    assert send(site, twin, {"speed": 1}, headers={"Prefer": "wait=10"}).status_code == 200
    assert len(site.get(twin).json()) == 4


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": NaN}', b'{"a": 1e999}', b"{'a': 1}", b'{"a": 1,}', b"\xff"])
def test_what_cannot_be_sent_is_400(site: Site, twin: str, body: bytes) -> None:
    """Nothing of it waits."""
    answer = site.http("writer").post(twin, content=body)
    assert (answer.status_code, set(answer.json()["error"])) == (400, {"code", "message", "field"})
    assert site.get(twin).status_code == 204


@pytest.mark.parametrize("path", ["Pump/a%0Ab", "a%00b/Pump", "Pump/%7F", f"Pump/{'x' * 1000}"])
def test_a_twin_has_no_control_characters_in_its_name(site: Site, path: str) -> None:
    """Nor more than make an id of 1,000; with numbers or without. No sensor is made, and nothing waits."""
    before = site.engine.entities("sensor")
    for body in (b'{"a": 1}', b"{}"):
        answer = site.http("writer").post(f"/Messages/{path}", content=body)
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, "path")
    assert site.engine.entities("sensor") == before
    assert site.http("writer").get(f"/Messages/{path}").status_code == 204


def test_64_kb_are_taken_and_no_byte_more(site: Site, twin: str) -> None:
    """Of the body as it is after it was decompressed, too."""
    fits, over = (b'"' + b"x" * (size - 2) + b'"' for size in (LIMIT, LIMIT + 1))
    assert site.http("writer").post(twin, content=fits).status_code == 200
    answer = site.http("writer").post(twin, content=over)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "TOO_LARGE")
    assert len(site.get(twin).json()) == 1


def test_keys(site: Site, twin: str) -> None:
    """In the query string or the header; none or a wrong one 401 for all three, too low a role 403."""
    nobody, writer = site.http(None), site.keys["writer"]
    assert nobody.post(twin, params={"apiKey": writer}, json={"speed": 1}).status_code == 200
    assert nobody.get(twin, params={"apiKey": site.keys["reader"]}).json() == [{"speed": 1}]
    assert nobody.post(f"{twin}/ack", params={"apiKey": writer}).status_code == 200
    for key in ({}, {"apiKey": "tseng_none"}):
        for method, path in (("POST", twin), ("GET", twin), ("POST", f"{twin}/ack")):
            answer = nobody.request(method, path, params=key)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHENTICATED")
            assert answer.headers["www-authenticate"] == "ApiKey, Bearer"  # RFC 9110, 15.5.2
    for path in (twin, f"{twin}/ack"):
        assert site.http("reader").post(path, json={}).status_code == 403


def test_numbers_at_the_top_are_observations(site: Site, twin: str) -> None:
    """At the time of `timestamp`, which is no metric: ISO text or epoch ms (2024-03-01T00:00:00Z); nothing nested."""
    first = {"timestamp": "2024-03-01T00:00:00Z", "speed": 12.5, "T": 300, "on": True, "name": "x", "deep": {"a": 1}}
    send(site, twin, first)
    send(site, twin, {"timestamp": 1709251200000 + 60_000, "speed": 13})
    engine, sensor = site.engine, sensor_of(twin)
    assert [metric.id for metric in engine.raw_metrics(sensor)] == ["T", "speed"]
    read = engine.get_data(sensor, "speed", "GENERIC")
    assert dict(zip(read.time.astype(str).tolist(), read.value.tolist(), strict=True)) == {
        "2024-03-01T00:00:00.000000": 12.5, "2024-03-01T00:01:00.000000": 13.0
    }  # fmt: skip
    assert engine.get_data(sensor, "T", "GENERIC").value.tolist() == [300.0]


@pytest.mark.parametrize("timestamp", [None, "soon", True, [1], 1e300, {"a": 1}])
def test_without_a_time_it_is_the_arrival(site: Site, twin: str, timestamp: Any) -> None:
    """Two messages never share one."""
    before = time.time_ns() // 1000
    for speed in (1, 2):
        send(site, twin, {"speed": speed} | ({} if timestamp is None else {"timestamp": timestamp}))
    read = site.engine.get_data(sensor_of(twin), "speed", "GENERIC")
    assert read.value.tolist() == [1.0, 2.0]
    assert before <= read.time.view("int64")[0] < read.time.view("int64")[1] <= time.time_ns() // 1000 + 2


def test_a_message_without_numbers_makes_no_sensor(site: Site, twin: str) -> None:
    """It waits like any other."""
    send(site, twin, {"name": "x", "timestamp": 5})
    assert site.engine.entities("sensor", ids=[sensor_of(twin)]) == []
    assert site.get(twin).json() == [{"name": "x", "timestamp": 5}]


def test_many_send_while_one_retrieves_and_acknowledges(site: Site, twin: str) -> None:
    """Every message is retrieved once and in its sender's order, and is an observation."""
    senders, each = 8, 25
    got: list[dict[str, int]] = []

    def sender(number: int) -> None:
        for count in range(each):
            assert send(site, twin, {"sender": number, "count": count}).status_code == 200

    with ThreadPoolExecutor(senders) as pool:
        sending = [pool.submit(sender, number) for number in range(senders)]
        while not all(done.done() for done in sending):
            got += _retrieved(site, twin)
        for done in sending:
            done.result()
    got += _retrieved(site, twin)
    for number in range(senders):
        assert [one["count"] for one in got if one["sender"] == number] == list(range(each))
    assert len(site.engine.get_data(sensor_of(twin), "count", "GENERIC")) == senders * each


def _retrieved(site: Site, twin: str) -> Iterator[dict[str, int]]:
    answer = site.get(twin)
    if answer.status_code == 200:
        yield from answer.json()
        site.http("writer").post(f"{twin}/ack")


def test_what_was_taken_survives_kill_9(tmp_path: Path) -> None:
    """Messages and numbers are there after it, as many of the one as of the other."""
    with Engine.open(tmp_path / "store") as engine:
        headers = {"Authorization": f"ApiKey {engine.keys.create('writer', 'writer')}"}
    sent = 0
    with (
        serving(tmp_path / "store") as server,
        httpx.Client(base_url=server.url, headers=headers) as http,
        ThreadPoolExecutor(1) as pool,
        suppress(httpx.TransportError),
    ):
        for sent in itertools.count(1):
            http.post("/Messages/m/t", json={"number": sent}).raise_for_status()
            if sent == 20:
                pool.submit(server.popen.kill)
    with Engine.open(tmp_path / "store") as engine:
        waiting = len(engine.retrieve("scaleout/m/t"))
        assert sent > 20
        assert waiting in (sent - 1, sent)
        numbers = engine.get_data("/scaleout/m/t/sensor", "number", "GENERIC").value.tolist()
        assert numbers == list(range(1, waiting + 1))
