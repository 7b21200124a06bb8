"""The server process: its one line, its end, its memory, and clients that go away in the middle."""

import json
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import psutil  # type: ignore[import-untyped]
import pyarrow as pa
import pytest
from tests.api.process import Process, serving
from tests.api.talkers import Talker, WebSocketTalker, addresses

from tseng.engine import Engine
from tseng_api import server as server_module
from tseng_api.listening import listen
from tseng_api.server import Server

POINTS = 10_000_000
READ = {"sensor": "long", "metric": "T", "unit": "F"}
MIB = 2**20


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with one series of ten million points, a second apart, and an admin key."""
    path = tmp_path_factory.mktemp("long") / "store"
    time = np.arange(POINTS, dtype=np.int64) * 1_000_000 + 1_600_000_000_000_000
    value = np.round(20 + 5 * np.sin(np.arange(POINTS) / 43_200), 3)
    ids = {
        name: pa.DictionaryArray.from_arrays(np.zeros(POINTS, np.int32), [id])
        for name, id in (("sensor", "long"), ("metric", "T"))
    }
    with Engine.open(path) as engine:
        engine.create_entity("sensor", "long", "TEMPERATURE_SDE")
        engine.create_entity("sensor", "short", "TEMPERATURE_SDE")
        engine.upload_table(pa.table({**ids, "time": pa.array(time).cast(pa.timestamp("us")), "value": value}))
        return path, engine.keys.create("all", "admin")


@pytest.fixture
def server(store: tuple[Path, str]) -> Iterator[Process]:
    """A fresh process over that store."""
    with serving(store[0]) as process:
        yield process


@contextmanager
def _client(server: Process, key: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"Authorization": f"ApiKey {key}"}, timeout=60) as client:
        yield client


@pytest.mark.parametrize("format", ["json", "columns"])
def test_ten_million_points_do_not_fill_the_memory(store: tuple[Path, str], server: Process, format: str) -> None:
    """The server's memory rises by less than 300 MB while it streams them, and it goes on answering others."""
    with _client(server, store[1]) as client, _client(server, store[1]) as other:
        client.get("/api/data", params=READ | {"limit": "last"}).raise_for_status()
        memory, count, slowest = server.memory, 0, 0.0
        before = peak = memory.memory_info().rss
        with client.stream("GET", "/api/data", params=READ | {"format": format}) as answer:
            for number, chunk in enumerate(answer.iter_raw(MIB)):
                count += chunk.count(b",")
                peak = max(peak, memory.memory_info().rss)
                if number % 50 == 0:
                    asked = time.perf_counter()
                    assert other.get("/healthz").status_code == 200
                    slowest = max(slowest, time.perf_counter() - asked)
    # Commas: between points in a JSON map, plus three in its head; between the items of two columns, plus one.
    assert count == (POINTS + 2 if format == "json" else 2 * POINTS - 1)
    assert peak - before < 300 * MIB
    assert slowest < 2


def test_a_head_request_stops_at_the_head(store: tuple[Path, str], server: Process) -> None:
    """No body is sent, and none of ten million points is written for it."""
    with _client(server, store[1]) as client:
        answer = client.head("/api/data", params=READ, headers={"X-Request-Id": "head"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert server.request("head")["bytes"] == 0


def test_a_client_that_leaves_stops_the_work(store: tuple[Path, str], server: Process) -> None:
    """The log line comes at once and counts far fewer bytes than the whole answer has."""
    with _client(server, store[1]) as client:
        with client.stream("GET", "/api/data", params=READ, headers={"X-Request-Id": "leaver"}) as answer:
            next(answer.iter_raw())
        line = server.request("leaver")
        assert line["bytes"] < 200 * MIB
        assert client.get("/readyz").status_code == 200


def test_sigterm_finishes_what_is_under_way(store: tuple[Path, str], server: Process) -> None:
    """A stream that has begun is whole, then the process ends with 0, within ten seconds."""
    with (
        _client(server, store[1]) as client,
        client.stream("GET", "/api/data", params=READ | {"format": "arrow"}) as answer,
    ):
        chunks = answer.iter_raw()
        body = [next(chunks)]
        server.popen.send_signal(signal.SIGTERM)
        asked = time.perf_counter()
        body += chunks
    assert pa.ipc.open_stream(b"".join(body)).read_all().num_rows == POINTS
    assert server.popen.wait(10) == 0
    assert time.perf_counter() - asked < 10


def test_the_line_says_where_and_a_taken_port_is_one_line_too(store: tuple[Path, str], server: Process) -> None:
    """Each face with its port, alone on stdout; a second server on one of them ends with 1 and no traceback."""
    http, tcp = server.ports
    assert server.line == f"listening http://127.0.0.1:{http} ws://127.0.0.1:{http} tcp://127.0.0.1:{tcp}"
    for option, port in (("--port", http), ("--tcp-port", tcp)):
        with serving(store[0], option, str(port)) as second:
            assert second.popen.wait(30) == 1
            assert second.line == ""
            assert str(port) in second.wait_for(lambda line: "text" in line)["text"]
        assert len(second.logged) == 1


def test_without_tcp_the_line_does_not_speak_of_it(store: tuple[Path, str]) -> None:
    """`--no-tcp` wins over a port."""
    with serving(store[0], "--no-tcp") as process:
        assert process.line == f"listening http://127.0.0.1:{process.ports[0]} ws://127.0.0.1:{process.ports[0]}"


def _raw(server: Process, key: str, head: str, body: bytes) -> None:
    """Send a request whose body ends early, then hang up."""
    parts = urlsplit(server.url)
    lines = ["POST /api/data/upload HTTP/1.1", f"Host: {parts.netloc}", f"Authorization: ApiKey {key}", head, "", ""]
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
        connection.sendall("\r\n".join(lines).encode() + body)


@pytest.mark.parametrize(
    ("id", "head", "frame"),
    [
        ("short", "Content-Length: 100000", b"%b"),
        ("chunked", "Transfer-Encoding: chunked", b"%x\r\n%b\r\n"),
        ("chunk", "Transfer-Encoding: chunked", b"ffff\r\n%b"),
    ],
)
def test_a_body_cut_short_writes_nothing(
    store: tuple[Path, str], server: Process, id: str, head: str, frame: bytes
) -> None:
    """Even where the part that came is a whole upload by itself."""
    row = {"sensorId": "short", "timestamp": "2024-01-01T00:00:00Z", "values": {"T": 1}}
    body = json.dumps({"observations": [row]}).encode()
    body = frame.replace(b"%x", b"%x" % len(body)).replace(b"%b", body)
    _raw(server, store[1], f"X-Request-Id: {id}\r\n{head}", body)
    assert server.request(id)["status"] == 499
    with _client(server, store[1]) as client:
        read = client.get("/api/data", params=READ | {"sensor": "short"})
        assert read.json()["data"] == {}


def test_uploads_from_many_connections_at_once_are_all_there(store: tuple[Path, str], server: Process) -> None:
    """What eight writers were told is stored is stored, also after a kill."""

    def write(writer: int) -> None:
        with _client(server, store[1]) as client:
            for minute in range(10):
                at = f"2024-02-01T{writer:02}:{minute:02}:00Z"
                row = {"sensorId": "short", "timestamp": at, "values": {"T": minute}}
                assert client.post("/api/data/upload", json={"observations": [row]}).status_code == 202

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.popen.kill()
    with Engine.open(store[0]) as engine:
        assert len(engine.get_data("short", "T", "C", start="2024-02-01")) == 80


def test_a_signal_that_comes_too_early_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the moment it ends nothing any more by itself and the one it is listened to: the server ends at once."""
    run, given_up = Server.run, list[bool]()

    def signalled(started: Server, sockets: list[socket.socket]) -> None:
        signal.raise_signal(signal.SIGTERM)
        run(started, sockets)

    def give_up() -> None:
        given_up.append(True)
        served.should_exit = True

    monkeypatch.setattr(Server, "run", signalled)
    monkeypatch.setattr(server_module, "_settle", lambda: None)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    timer = threading.Timer(20, give_up)
    try:
        with Engine.open(tmp_path / "store") as engine:
            served = Server(engine)
            timer.start()
            server_module.run(served, listen("127.0.0.1", 0))
    finally:
        timer.cancel()
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert not given_up


def test_as_many_files_as_may_be_are_allowed(store: tuple[Path, str]) -> None:
    """Each connection is one: the soft limit that a server is started with does not count."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(500, hard), hard))
    try:
        with serving(store[0]) as process:
            assert process.memory.rlimit(psutil.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_peers_that_do_not_say_goodbye_do_not_hold_up_the_end(store: tuple[Path, str], server: Process) -> None:
    """A WebSocket that answers no close and a TCP client that keeps its side open: exit 0 within ten seconds."""
    ports = addresses(server.line)
    with WebSocketTalker(ports["ws"], store[1]) as mute, Talker(ports["tcp"], store[1]) as deaf:
        asked = time.perf_counter()
        server.popen.send_signal(signal.SIGTERM)
        with pytest.raises(EOFError):
            mute.receive()
        with pytest.raises(EOFError):
            deaf.receive()
        assert server.popen.wait(10) == 0
        assert time.perf_counter() - asked < 10
