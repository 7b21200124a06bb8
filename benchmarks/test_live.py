"""getData over WebSocket, against the same over HTTP."""

import json
import socket
from collections.abc import Iterator

import pytest
from tests.api.process import serving
from tests.api.talkers import Address, WebSocketTalker, addresses, messages, request

from benchmarks.conftest import POINTS, Versus
from tseng.engine import Engine

PIECE = 2**20
FINISHED = b'"result":{"requestStatus":"finished"}}'


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


def test_get_data_over_websocket(versus: Versus, served: tuple[Address, str]) -> None:
    """1 M points in frames of 10,000, against the JSON answer over HTTP; at least 0.6 of its points per second."""
    address, key = served
    with WebSocketTalker(address, key) as talker:
        results = [json.loads(message.payload)["result"] for message in messages(_over_websocket(talker))]
        points = {at: value for result in results[:-1] for at, value in result["data"].items()}
        assert len(points) == POINTS
        assert max(len(result["data"]) for result in results[:-1]) <= 10_000
        versus("HTTP, JSON", lambda: _over_websocket(talker), lambda: _over_http(address, key), bound=1 / 0.6)
