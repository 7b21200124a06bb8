"""A subscription of a client against a server that says what the test wants."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pyarrow as pa
import pytest
from websockets.sync.server import ServerConnection, serve

import tseng
from tseng.client.client import Client
from tseng.client.settings import ClientSettings
from tseng.errors import EngineError, InvalidRequest
from tseng.live.updates import DataUpdate, Trouble
from tseng.series import arrow_schema

PATIENCE = 60.0
FIRST, SECOND = "2024-01-01T00:00:00.000Z", "2024-01-01T00:00:01.000Z"
Talk = Callable[[ServerConnection, dict[str, Any]], None]


def empty(_: httpx.Request) -> httpx.Response:
    """A series without points, to every read."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, arrow_schema("s", "T", "C")):
        pass
    return httpx.Response(200, content=sink.getvalue().to_pybytes())


@contextmanager
def talking(talk: Talk, **settings: Any) -> Iterator[Client]:
    """A client of a server that answers each request after `authenticate` as `talk` does."""

    def handle(connection: ServerConnection) -> None:
        for message in connection:
            request = json.loads(message)
            if request["method"] == "authenticate":
                answer(connection, request, {"nextId": 1})
            else:
                talk(connection, request)

    transport, quick = httpx.MockTransport(empty), {"first_wait": 0.01, "longest_wait": 0.02, **settings}
    with serve(handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        try:
            with tseng.connect(url, api_key="k", settings=ClientSettings(transport=transport, **quick)) as client:
                yield client
        finally:
            server.shutdown()
            thread.join()


def answer(connection: ServerConnection, request: dict[str, Any], result: Any) -> None:
    """A result under the request's id."""
    connection.send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}))


def test_what_is_told_between_two_subscriptions_is_kept() -> None:
    """The first sensor's update comes before the answer for the second; both are told, in order."""
    known: list[dict[str, Any]] = []

    def talk(connection: ServerConnection, request: dict[str, Any]) -> None:
        if known:
            answer(connection, known[0], {"data": {FIRST: 1}, "sensor": "a"})
        known.append(request)
        answer(connection, request, {"subscriptionId": request["id"]})
        answer(connection, known[0], {"data": {SECOND: None}, "sensor": "a"})

    with talking(talk) as client, client.subscribe_data(["a", "b"], "T", "C") as updates:
        told = [updates.next(PATIENCE) for _ in range(3)]
    assert [update.changed[0].tolist() for update in told if isinstance(update, DataUpdate)] == [
        [1704067201000000], [1704067200000000], [1704067201000000],
    ]  # fmt: skip
    assert [request["params"]["sensors"] for request in known] == [["a"], ["b"]]


@pytest.mark.parametrize("category", ["INTERNAL", "STORE"])
def test_a_server_that_cannot_says_nothing_of_the_series(category: str) -> None:
    """When it is connected to again: it is asked until it can, and no trouble is told."""
    asked: list[str] = []

    def talk(connection: ServerConnection, request: dict[str, Any]) -> None:
        asked.append(request["method"])
        if 1 < len(asked) < 5:
            error = {"code": -32603, "message": "not now", "data": {"category": category, "field": ""}}
            connection.send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}))
            return
        answer(connection, request, {"subscriptionId": request["id"]})
        if len(asked) == 1:
            connection.close()
        else:
            answer(connection, request, {"data": {FIRST: 1}, "sensor": "a"})

    with talking(talk) as client, client.subscribe("a", "T", "C") as updates:
        told = [updates.next(PATIENCE), updates.next(PATIENCE)]
    assert [type(each).__name__ for each in told] == ["Reread", "DataUpdate"]
    assert len(asked) == 5


def test_an_error_without_an_id_ends_the_connection_not_the_subscription() -> None:
    """Such as of a peer that was idle."""
    asked: list[dict[str, Any]] = []

    def talk(connection: ServerConnection, request: dict[str, Any]) -> None:
        asked.append(request)
        answer(connection, request, {"subscriptionId": request["id"]})
        if len(asked) == 1:
            error = {"code": -32008, "message": "idle", "data": {"category": "IDLE", "field": ""}}
            connection.send(json.dumps({"jsonrpc": "2.0", "error": error}))

    with talking(talk) as client, client.subscribe("a", "T", "C") as updates:
        assert type(updates.next(PATIENCE)).__name__ == "Reread"
    assert len(asked) == 2


def test_an_error_under_the_id_is_trouble() -> None:
    """Of the sensor, with the server's words."""

    def talk(connection: ServerConnection, request: dict[str, Any]) -> None:
        answer(connection, request, {"subscriptionId": request["id"]})
        error = {"code": -32602, "message": "masked", "data": {"category": "INVALID_REQUEST", "field": "MASKS"}}
        connection.send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}))

    with talking(talk) as client, client.subscribe("a", "T", "C") as updates:
        told = updates.next(PATIENCE)
    assert isinstance(told, Trouble)
    assert isinstance(told.error, InvalidRequest)
    assert (told.sensor, str(told.error), told.error.field) == ("a", "masked", "MASKS")


def test_a_server_that_does_not_answer_is_given_up() -> None:
    """After the time-out, and as many tries as there are."""
    asked: list[str] = []
    with (
        talking(lambda _, request: asked.append(request["method"]), timeout=0.2, attempts=2) as client,
        pytest.raises((OSError, EngineError)),
    ):
        client.subscribe("a", "T", "C")
    assert asked == ["subscribeData", "subscribeData"]
