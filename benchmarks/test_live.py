"""Live data under load, against a bare asyncio server; getData over WebSocket, against the same over HTTP."""

import json
import resource
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.api.process import serving
from tests.api.talkers import Address, WebSocketTalker, addresses, messages, request

from benchmarks.conftest import SHORT, Versus
from benchmarks.crowd import SENSOR, Task, stamp
from tseng.engine import Engine

IDLE, SUBSCRIBERS, RATE = 1000, 200, 50
SECONDS, ROUNDS = (1, 1) if SHORT else (4, 5)
OPEN_FILES = 8192
PIECE = 2**20
FINISHED = b'"result":{"requestStatus":"finished"}}'


@contextmanager
def _bare() -> Iterator[Address]:
    command = [sys.executable, "-m", "benchmarks.bare"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as popen:
        try:
            assert popen.stdout is not None
            yield Address("127.0.0.1", int(popen.stdout.readline()))
        finally:
            popen.kill()


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """1,000 idle connections and 200 subscribers to one displacement in mm, 50 uploads a second; ours and bare."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, most), most))
    store = tmp_path_factory.mktemp("load") / "store"
    with Engine.open(store) as engine:
        engine.create_entity("sensor", SENSOR, "TILT_BIAXIAL", {"GAUGE_LENGTH": 2.0})
        engine.upload([{"sensorId": SENSOR, "timestamp": stamp(0), "values": {"tilt_x": 0.0}}])
        key = engine.keys.create("crowd", "writer")
    with serving(store, "--no-tcp") as ours, _bare() as bare:
        task = Task(addresses(ours.line)["ws"], bare, key, IDLE, SUBSCRIBERS, RATE, SECONDS, ROUNDS)
        ran = subprocess.run(
            [sys.executable, "-m", "benchmarks.crowd"], input=json.dumps(vars(task)),
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    measured: dict[str, Any] = json.loads(ran.stdout)
    return measured


def _noted(benchmark: Any, load: dict[str, Any], rival: str, title: str, bound: float) -> None:
    """Put what the crowd measured where the report looks for it."""
    benchmark.pedantic(lambda: None, rounds=1)
    medians = {name: [median for median, _ in load[name]] for name in ("ours", rival)}
    ratio = statistics.median(ours / other for ours, other in zip(medians["ours"], medians[rival], strict=True))
    ours_ms, rival_ms = (statistics.median(medians[name]) for name in ("ours", rival))
    benchmark.extra_info.update(rival=title, ours_ms=ours_ms, rival_ms=rival_ms, ratio=ratio, bound=bound, short=SHORT)
    late = {name: statistics.median(p99 for _, p99 in load[name]) for name in ("ours", rival)}
    print(f"\n{benchmark.name}: {ratio:.2f} x {title} (bound {bound:g}); 99th percentiles {late['ours']:.2f}", end="")
    print(f" and {late[rival]:.2f} ms; {load['pushes']:,} pushes, none lost, doubled or out of order")


def test_upload_to_push(benchmark: Any, load: dict[str, Any]) -> None:
    """Median from an upload's sending to its push's arrival, against the echo of the same bytes to one client."""
    _noted(benchmark, load, "echo", "bare asyncio echo", 20.0)


def test_upload_to_200_pushes(benchmark: Any, load: dict[str, Any]) -> None:
    """The same, against a bare server that sends the same bytes to as many."""
    _noted(benchmark, load, "fan_out", "bare asyncio to 200", 3.0)


@pytest.fixture(scope="module")
def served(long_series: Engine) -> Iterator[tuple[Address, str]]:
    """The series of 1 M points behind a server process, and a key."""
    with serving(long_series.settings.data, "--no-tcp") as process:
        yield addresses(process.line)["ws"], long_series.keys.create("bench")


def _over_http(address: Address, key: str) -> bytes:
    head = f"GET /api/data?sensor=/a/sensor&metric=tilt_x&unit=deg HTTP/1.1\r\nHost: {address.host}\r\n"
    with socket.create_connection(address) as connection:
        connection.sendall(f"{head}Authorization: ApiKey {key}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(PIECE), b""))


def _over_websocket(talker: WebSocketTalker) -> bytes:
    talker.send(request("getData", sensor="/a/sensor", metric="tilt_x", unit="deg"))
    pieces = [talker.raw.recv(PIECE)]
    while b"".join(pieces[-2:])[-len(FINISHED) :] != FINISHED:
        pieces.append(talker.raw.recv(PIECE))
    return b"".join(pieces)


def test_get_data_over_websocket(versus: Versus, served: tuple[Address, str], long_series: Engine) -> None:
    """1 M points in frames of 10,000, against the JSON answer over HTTP; at least 0.6 of its points per second."""
    address, key = served
    with WebSocketTalker(address, key) as talker:
        results = [json.loads(message.payload)["result"] for message in messages(_over_websocket(talker))]
        values = [value for result in results[:-1] for value in result["data"].values()]
        assert values == long_series.get_data("/a/sensor", "tilt_x", "deg").value.tolist()
        assert max(len(result["data"]) for result in results[:-1]) <= 10_000
        versus("HTTP, JSON", lambda: _over_websocket(talker), lambda: _over_http(address, key), bound=1 / 0.6)
