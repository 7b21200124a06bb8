"""Clients as they are on bad lines and bad days, over TCP and WebSocket, against a server process."""

import json
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.api.process import Process, serving
from tests.api.talkers import PATIENCE_SECONDS, Talker, WebSocketTalker, addresses, request

from tseng.engine import Engine

SENSOR = "/fn/åäö 東京/node/logger/1/device/t😀/sensor"
LONG = "long"
POINTS = 1_000_000
THREADS = 8
"""That a pool may have started meanwhile, to keep."""
START = "2024-01-01T00:00:00.000Z"
READING = {"sensorId": SENSOR, "timestamp": START, "values": {"T": 12.5}}

Connect = Callable[..., Talker]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with a sensor of an unusual name and one of a million points; a writer's key."""
    path = tmp_path_factory.mktemp("hostile") / "store"
    with Engine.open(path) as engine:
        engine.create_entity("sensor", SENSOR, "TEMPERATURE_SDE")
        engine.create_entity("sensor", LONG, "TEMPERATURE_SDE")
        engine.upload([READING])
        time = pa.array(np.arange(POINTS) * 1_000_000 + 1_600_000_000_000_000).cast(pa.timestamp("us", "UTC"))
        value = np.round(np.sin(np.arange(POINTS)), 3)
        columns = {"sensor": [LONG] * POINTS, "metric": ["T"] * POINTS, "time": time, "value": value}
        engine.upload_table(pa.table(columns))
        return path, engine.keys.create("hostile", "writer")


@pytest.fixture(scope="module")
def server(store: tuple[Path, str]) -> Iterator[Process]:
    """A process that serves it; nothing that its clients do may be its own fault."""
    with serving(store[0], "--tcp-port", "0") as process:
        yield process
        assert not [line for line in process.logged if line.get("level") in ("ERROR", "CRITICAL") or "text" in line]


@pytest.fixture(params=["tcp", "ws"])
def connect(request: pytest.FixtureRequest, store: tuple[Path, str], server: Process) -> Connect:
    """Open an authenticated connection."""
    kind = {"tcp": Talker, "ws": WebSocketTalker}[request.param]
    return partial(kind, addresses(server.line)[request.param], store[1])


def _until(condition: Callable[[], Any]) -> None:
    pause = threading.Event()
    for _ in range(PATIENCE_SECONDS * 100):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("waited in vain")


def test_bytes_one_at_a_time(connect: Connect) -> None:
    """A request that comes byte by byte is the request that came at once."""
    with connect() as talker:
        for byte in talker.pack(request("getSensors", "slow", sensors=[SENSOR])):
            talker.raw.sendall(bytes([byte]))
        answer = talker.receive()
    assert answer["id"] == "slow"
    assert [sensor["id"] for sensor in answer["result"]] == [SENSOR]


def test_a_thousand_requests_in_one_write(connect: Connect) -> None:
    """Each is answered, in the order in which they were sent."""
    with connect() as talker:
        talker.send(*(request("time" if id % 3 else "getNodes", id) for id in range(1000)))
        answers = [talker.receive() for _ in range(1000)]
    assert [answer["id"] for answer in answers] == list(range(1000))
    assert all("result" in answer for answer in answers)


def test_who_has_said_all_still_hears_the_answers(server: Process, store: tuple[Path, str]) -> None:
    """A TCP client that closes its own direction gets what it has asked for, and then the end."""
    with Talker(addresses(server.line)["tcp"], store[1]) as talker:
        talker.send(request("time", 1), request("getSensors", 2, sensors=[SENSOR]))
        talker.raw.shutdown(socket.SHUT_WR)
        assert [talker.receive()["id"] for _ in range(2)] == [1, 2]
        with pytest.raises(EOFError):
            talker.receive()


def test_half_of_a_websocket_is_none(server: Process, store: tuple[Path, str]) -> None:
    """A WebSocket that ends without its closing frame has failed: the server ends its side too."""
    with WebSocketTalker(addresses(server.line)["ws"], store[1]) as talker:
        assert "time" in talker.ask("time")
        talker.raw.shutdown(socket.SHUT_WR)
        with pytest.raises(EOFError):
            talker.receive()


def test_leaving_in_the_middle_of_an_answer(connect: Connect, server: Process) -> None:
    """Ten clients take one piece of a million points each and are gone; the server has none of their sockets left."""
    with connect() as talker:
        talker.send(request("getData", sensor=LONG, metric="T", unit="C", endDate="2020-09-14"))
        assert dict(_data(talker, 1))  # the file of that series is open from now on
        open_before = server.memory.num_fds()
        leavers = [connect(buffer=2**15) for _ in range(10)]
        for leaver in leavers:
            leaver.send(request("getData", sensor=LONG, metric="T", unit="C"))
        for leaver in leavers:
            assert leaver.raw.recv(1000)
            leaver.vanish()
        _until(lambda: server.memory.num_fds() <= open_before)
        assert "time" in talker.ask("time")


def test_a_stalled_reader_costs_little_and_gets_it_all(connect: Connect, server: Process) -> None:
    """While it does not read a million points, the server's memory hardly grows; then all of them come, in order."""
    with connect(buffer=2**15) as talker, connect() as other:
        other.send(request("getData", sensor=LONG, metric="T", unit="C"))
        whole = dict(_data(other, 1))
        before = server.memory.memory_info().rss
        talker.send(request("getData", 7, sensor=LONG, metric="T", unit="C"))
        for _ in range(20):
            assert "time" in other.ask("time")
        assert server.memory.memory_info().rss - before < 30 * 2**20
        assert dict(_data(talker, 7)) == whole
    assert len(whole) == POINTS
    assert list(whole) == sorted(whole)


def _data(talker: Talker, id: int) -> Iterator[tuple[str, float]]:
    """Points of the frames of a getData, to the last."""
    while True:
        answer = talker.receive()
        assert answer["id"] == id
        if answer["result"] == {"requestStatus": "finished"}:
            return
        yield from answer["result"]["data"].items()


def test_slow_senders_keep_nobody_waiting(connect: Connect) -> None:
    """Fifty clients hold half a request back; another is served as ever, and each of them once it has finished."""
    halves = [connect() for _ in range(50)]
    sent = [talker.pack(request("time", number)) for number, talker in enumerate(halves)]
    for talker, bytes_ in zip(halves, sent, strict=True):
        talker.raw.sendall(bytes_[:20])
    with connect() as quick:
        assert "time" in quick.ask("time")
    for number, (talker, bytes_) in enumerate(zip(halves, sent, strict=True)):
        with talker:
            talker.raw.sendall(bytes_[20:])
            assert talker.receive()["id"] == number


def test_batches_of_two_connections_do_not_mix(connect: Connect) -> None:
    """Each gets its own answers, in one array per batch, whatever the other has under way."""
    with connect() as one, connect() as other:
        batches = {
            talker: [_batch(name, number) for number in range(20)] for talker, name in ((one, "one"), (other, "other"))
        }
        for ours, theirs in zip(*batches.values(), strict=True):
            one.send(ours)
            other.send(theirs)
        for talker, name in ((one, "one"), (other, "other")):
            for number in range(20):
                ids = [(answer["id"], answer.get("error", {}).get("code")) for answer in talker.receive()]
                assert ids == [(f"{name} {number}", None), (f"{name} {number}", -32601), (None, -32600)]


def _batch(name: str, number: int) -> bytes:
    calls = [
        {"jsonrpc": "2.0", "method": "time", "id": f"{name} {number}"},
        {"jsonrpc": "2.0", "method": "time"},
        {"jsonrpc": "2.0", "method": "nothing", "id": f"{name} {number}"},
        "no request",
    ]
    return json.dumps(calls).encode()


@pytest.mark.parametrize(
    "id",
    ['"née 東京 😀"', r'"\ud83d\ude00 \" \\ {[}]"', '""', "0", "-7", "1.0", "1e2", "12345678901234567890123", "null"],
)
def test_an_id_comes_back_as_it_was_sent(connect: Connect, id: str) -> None:
    """Byte for byte: strings of any script and escape, numbers of any form, null."""
    with connect() as talker:
        talker.send(b'{"jsonrpc":"2.0","method":"time","id":%b}' % id.encode())
        assert b'"id":%b,' % id.encode() in talker.receive_text()


@pytest.mark.parametrize("id", ["true", "[1]", '{"a":"}"}'])
def test_what_is_no_id_is_an_invalid_request(connect: Connect, id: str) -> None:
    """-32600 with the id null, and the connection goes on."""
    with connect() as talker:
        talker.send(b'{"jsonrpc":"2.0","method":"time","id":%b}' % id.encode())
        answer = talker.receive()
        assert (answer["id"], answer["error"]["code"]) == (None, -32600)
        assert "time" in talker.ask("time")


def test_subscriptions_are_told_apart_by_value_and_type(connect: Connect) -> None:
    """The number 1 and the text "1" are two subscriptions; 1.0 is the number once more, and refused."""
    asked = {"sensors": [SENSOR], "metric": "T", "unit": "C"}
    with connect() as talker:
        assert talker.ask("subscribeData", 1, **asked) == {"subscriptionId": 1}
        assert talker.ask("subscribeData", "1", **asked) == {"subscriptionId": "1"}
        assert talker.ask("subscribeData", 1, **asked)["code"] == -32600
        assert talker.ask("unsubscribeData", 2, id="1") == {"unsubscribed": True}
        assert talker.ask("unsubscribeData", 3, id="1")["code"] == -32004
        assert talker.ask("unsubscribeData", 4, id=1) == {"unsubscribed": True}


def test_clients_that_come_and_vanish_leave_nothing_behind(
    connect: Connect, server: Process, store: tuple[Path, str]
) -> None:
    """200 subscribers go in the middle of uploads; the one that stays misses nothing, the server keeps nothing."""
    at = [f"2024-03-01T{number // 60:02}:{number % 60:02}:00.000Z" for number in range(200)]
    sensor = f"/passed/{uuid.uuid4()}/sensor"
    asked = {"sensors": [sensor], "metric": "T", "unit": "F"}
    with connect() as writer, connect() as faithful:
        writer.ask("createSensor", sensor=sensor, type="TEMPERATURE_SDE")
        assert faithful.ask("subscribeData", 5, **asked) == {"subscriptionId": 5}
        before = server.memory.num_fds(), server.memory.num_threads()
        for number, moment in enumerate(at):
            passer = connect()
            passer.send(request("subscribeData", "x", **asked))
            if number % 2:
                passer.receive()
            row = {"sensorId": sensor, "timestamp": moment, "values": {"T": number}}
            assert writer.ask("uploadData", number, data=[row]) == {"successfullyProcessedObs": 1}
            passer.vanish()
        told: dict[str, float] = {}
        while len(told) < 200:
            told |= faithful.receive()["result"]["data"]
        # T is a temperature: 32 F and nine fifths of each degree.
        assert list(told) == at
        assert list(told.values()) == pytest.approx([32 + 1.8 * number for number in range(200)])
        _until(lambda: server.memory.num_fds() <= before[0])
        assert server.memory.num_threads() <= before[1] + THREADS
