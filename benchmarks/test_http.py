"""HTTP: an upload against the engine's own, and the read of a day against a bare server of the same bytes."""

import itertools
import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import msgspec
import pytest

from benchmarks.conftest import METRICS, SHORT, START, TEN_MINUTES, Versus, sensor_ids
from benchmarks.processes import process, served
from tseng.engine import Engine
from tseng_units.instants import format_instant

ROWS, UPLOADERS = (1_000 if SHORT else 10_000), 100
REQUESTS, CONNECTIONS, POINTS_OF_A_DAY = (200 if SHORT else 2_000), 8, 144
NEW_DAYS = 20 if SHORT else 200
DAY = TEN_MINUTES * POINTS_OF_A_DAY
_PIECE = 65_536
_READ = "/api/data?sensor=/a/sensor&metric=tilt_x&unit=deg"


def _uploaders(store: Path) -> Engine:
    engine = Engine.open(store)
    for sensor in sensor_ids(UPLOADERS):
        engine.create_entity("sensor", sensor, "TILT_BIAXIAL", {"GAUGE_LENGTH": 2.0})
    return engine


def test_upload_over_http(versus: Versus, tmp_path: Path) -> None:
    """10,000 observations of three values in one body; at least 0.3 of the engine's values per second."""
    rows = [
        {
            "sensorId": sensor,
            "timestamp": format_instant(int(START) + step * TEN_MINUTES),
            "values": {name: round(step * 0.001 + place, 3) for place, name in enumerate(METRICS)},
        }
        for step, sensor in itertools.product(range(ROWS // UPLOADERS), sensor_ids(UPLOADERS))
    ]
    body = msgspec.json.encode({"observations": rows})
    with _uploaders(tmp_path / "engine") as rival, _uploaders(tmp_path / "served") as engine:
        headers = {"Authorization": f"ApiKey {engine.keys.create('bench', 'writer')}"}
        with served(tmp_path / "served", tmp_path) as port:
            connection = HTTPConnection("127.0.0.1", port)

            def upload() -> None:
                connection.request("POST", "/api/data/upload", body, headers)
                answer = connection.getresponse()
                assert (answer.status, answer.read()) == (202, b'{"status":"ACCEPTED"}')

            versus("engine.upload", upload, lambda: rival.upload(rows), bound=1 / 0.3, rounds=15)
            connection.close()
        stored = engine.get_data(sensor_ids(UPLOADERS)[-1], "T", "C")
        assert stored.value.tolist() == [row["values"]["T"] for row in rows[UPLOADERS - 1 :: UPLOADERS]]  # type: ignore[index]


class _Asker:
    """Keep-alive connections that ask in turn and wait for whole answers, which are all of one length."""

    def __init__(self, port: int, connections: int, head: str = "") -> None:
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
        self._head = f" HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n".encode()
        self._length = 0

    def first(self, target: str) -> bytes:
        """Ask one and return the body; the length of its answer is that of all that follow."""
        answer = self._one(target)
        self._length = len(answer)
        return answer.partition(b"\r\n\r\n")[2]

    def _one(self, target: str) -> bytes:
        """Ask one and return its answer, of whatever length."""
        self._sockets[0].sendall(b"GET " + target.encode() + self._head)
        answer, length = b"", 0
        while not length or len(answer) < length:
            answer += self._sockets[0].recv(_PIECE)
            if not length and b"\r\n\r\n" in answer:
                head = answer.partition(b"\r\n\r\n")[0].lower()
                (size,) = re.findall(rb"content-length: (\d+)", head)
                length = len(head) + 4 + int(size)
        assert answer.startswith(b"HTTP/1.1 200 ")
        return answer

    def ask_in_turn(self, targets: Iterable[str]) -> None:
        """Ask one after the other; the answers may have different lengths."""
        for target in targets:
            self._one(target)

    def ask(self, targets: Iterable[str]) -> None:
        """Ask all, as many at once as there are connections."""
        requests = [b"GET " + target.encode() + self._head for target in targets]
        for at in range(0, len(requests), len(self._sockets)):
            asked = list(zip(self._sockets, requests[at:], strict=False))
            for connection, request in asked:
                connection.sendall(request)
            for connection, _ in asked:
                left = self._length
                while left:
                    left -= len(connection.recv(left))

    def close(self) -> None:
        """Close the connections."""
        for connection in self._sockets:
            connection.close()


@pytest.fixture(scope="module")
def port(long_series: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The series of 1 M points behind a server process."""
    store = Path(long_series.settings.data)
    with served(store, tmp_path_factory.mktemp("log")) as port:
        yield port


@contextmanager
def _askers(port: int, engine: Engine, connections: int) -> Iterator[tuple[_Asker, _Asker]]:
    """Ours, and the bare server with the bytes of a day."""
    key = engine.keys.create("bench")
    ours = _Asker(port, connections, f"Authorization: ApiKey {key}\r\n")
    body = ours.first(_day(0))
    assert len(msgspec.json.decode(body)["data"]) == POINTS_OF_A_DAY
    with process(["-m", "benchmarks.bare_http"], stdin=body) as bare_port:
        bare = _Asker(bare_port, connections)
        assert bare.first("/api/data") == body
        try:
            yield ours, bare
        finally:
            ours.close()
            bare.close()


def _day(number: int) -> str:
    start = int(START) + number * DAY
    return f"{_READ}&startDate={format_instant(start)}&endDate={format_instant(start + DAY - 1)}"


@pytest.mark.parametrize("connections", [1, CONNECTIONS], ids=["1_connection", "8_connections"])
def test_get_a_day(versus: Versus, port: int, long_series: Engine, connections: int) -> None:
    """The same window of 144 points again and again; at least 0.5 of the bare server's requests per second."""
    with _askers(port, long_series, connections) as (ours, bare):
        same, rival = [_day(0)] * REQUESTS, ["/api/data"] * REQUESTS
        versus(f"bare Starlette x {REQUESTS}", lambda: ours.ask(same), lambda: bare.ask(rival), bound=2.0, rounds=15)


def test_get_a_day_not_asked_before(versus: Versus, port: int, long_series: Engine) -> None:
    """Each window of 144 points once, so that none is in memory, on one connection; the bound is that of above."""
    days = itertools.count(1)
    with _askers(port, long_series, 1) as (ours, bare):
        rival = ["/api/data"] * NEW_DAYS

        def new_days() -> None:
            ours.ask_in_turn(map(_day, itertools.islice(days, NEW_DAYS)))

        title = f"bare Starlette x {NEW_DAYS}"
        versus(title, new_days, lambda: bare.ask_in_turn(rival), bound=2.0, rounds=15)
