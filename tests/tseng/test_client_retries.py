"""What a client sends again, and after which wait; against a server that answers what the test says."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import msgspec
import pytest

import tseng
from tseng.client.client import Client
from tseng.client.retrying import retry_after, waits
from tseng.client.settings import ClientSettings
from tseng.errors import EngineError, Exists, Forbidden, InvalidRequest, NotFound, TooLarge, Unauthenticated
from tseng_storage.errors import KeyReused, StorageError

ROW = {"sensorId": "s", "timestamp": "2024-01-01T00:00:00Z", "values": {"T": 1.0}}
Answer = httpx.Response | Exception


class Stub(httpx.BaseTransport):
    """Gives its answers one after the other, the last one for ever, and keeps the requests."""

    def __init__(self, *answers: Answer) -> None:
        """These answers."""
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The next answer."""
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content, request=request)

    def keys(self) -> list[str]:
        """The Idempotency-Keys that were sent."""
        return [each.headers["Idempotency-Key"] for each in self.requests]


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits, which take no time here."""
    kept: list[float] = []
    monkeypatch.setattr("tseng.client.connection.time.sleep", kept.append)
    return kept


def client(stub: Stub, **settings: Any) -> Client:
    """A client of the stub."""
    return tseng.connect("http://stub", api_key="k", settings=ClientSettings(transport=stub, **settings))


def refusal(status: int, code: str = "STORE", **headers: str) -> httpx.Response:
    """As the server refuses."""
    return httpx.Response(status, json={"error": {"code": code, "message": "no", "field": "f"}}, headers=headers)


STORED = httpx.Response(202, json={"status": "ACCEPTED"})
PASSING: list[Answer] = [
    refusal(429, "LIMIT"),
    httpx.Response(502, text="<html>"),
    refusal(503),
    httpx.Response(504),
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("no answer"),
    httpx.ReadError("reset"),
    httpx.RemoteProtocolError("the answer broke off"),
]


@pytest.mark.parametrize("answer", PASSING, ids=repr)
def test_an_upload_is_sent_again_under_its_key(answer: Answer, waited: list[float]) -> None:
    """As often as it takes, each time the same bytes."""
    stub = Stub(answer, answer, STORED)
    assert client(stub).upload([ROW]) == 1
    assert len(stub.requests) == 3
    assert len(set(stub.keys())) == 1
    assert len({each.content for each in stub.requests}) == 1
    assert len(waited) == 2


REFUSALS = [
    (refusal(400, "INVALID_REQUEST"), InvalidRequest),
    (httpx.Response(401, json={"errors": [{"message": "who?", "path": "Authorization"}]}), Unauthenticated),
    (refusal(403, "FORBIDDEN"), Forbidden),
    (refusal(404, "NOT_FOUND"), NotFound),
    (refusal(413, "TOO_LARGE"), TooLarge),
    (refusal(422, "IDEMPOTENCY_KEY_REUSED"), KeyReused),
    (refusal(500, "INTERNAL"), EngineError),
]


@pytest.mark.parametrize(("answer", "error"), REFUSALS)
def test_a_refusal_for_good_is_raised_at_once(answer: httpx.Response, error: type[Exception]) -> None:
    """Of an upload as of a read."""
    stub = Stub(answer)
    with pytest.raises(error):
        client(stub).upload([ROW])
    with pytest.raises(error):
        client(stub).get_data("s", "T", "C")
    assert len(stub.requests) == 2


def test_each_piece_has_a_key_of_its_own() -> None:
    """Five rows in pieces of two, and no piece beyond so many bytes unless a row alone is."""
    stub = Stub(STORED)
    assert client(stub, piece_rows=2).upload(iter([ROW] * 5)) == 5
    assert len(set(stub.keys())) == 3
    stub = Stub(STORED)
    assert client(stub, piece_bytes=200, coding=None).upload([ROW] * 5) == 5
    sizes = [len(each.content) for each in stub.requests]
    assert max(sizes) <= 200
    stub = Stub(STORED)
    assert client(stub, piece_bytes=1).upload([ROW] * 5) == 5
    assert len(stub.requests) == 5


@pytest.mark.parametrize("call", [
    lambda client: client.create_entity("sensor", "s", "TEMPERATURE_SDE"),
    lambda client: client.update_entity("sensor", "s", {}),
    lambda client: client.remove_entity("sensor", "s"),
    lambda client: client.define_metrics({"x": {}}),
    lambda client: client.call("createSensor", {"sensor": "s"}),
])  # fmt: skip
def test_what_may_have_been_done_is_not_done_again(call: Callable[[Client], object]) -> None:
    """A change whose answer was lost is the caller's to look after; one that did not get through is sent again."""
    for lost in (httpx.ReadTimeout("no answer"), httpx.ReadError("reset"), httpx.RemoteProtocolError("broke off")):
        stub = Stub(lost)
        with pytest.raises(type(lost)):
            call(client(stub))
        assert len(stub.requests) == 1
    for lost_by_proxy in (502, 504):
        stub = Stub(httpx.Response(lost_by_proxy))
        with pytest.raises(EngineError, match=str(lost_by_proxy)):
            call(client(stub))
        assert len(stub.requests) == 1
    stub = Stub(httpx.ConnectError("refused"), refusal(503), refusal(429), refusal(409, "EXISTS"))
    with pytest.raises(Exists):
        call(client(stub))
    assert len(stub.requests) == 4


def test_reads_are_sent_again() -> None:
    """Lists and JSON-RPC reads too."""
    stub = Stub(httpx.ReadError("reset"), httpx.Response(200, json={"sensors": [], "nextPageToken": None}))
    assert client(stub).entities("sensor") == []
    stub = Stub(httpx.Response(502), httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": {"time": "now"}}))
    assert client(stub).call("time") == {"time": "now"}


def test_tries_end(waited: list[float]) -> None:
    """After so many, with what the last one met; or when the next one would be too late."""
    stub = Stub(refusal(503))
    with pytest.raises(StorageError, match="no"):
        client(stub, attempts=4).get_data("s", "T", "C")
    assert len(stub.requests) == 4
    assert len(waited) == 3
    stub = Stub(refusal(503, **{"Retry-After": "1000"}))
    with pytest.raises(StorageError):
        client(stub, patience=999.0).get_data("s", "T", "C")
    assert len(stub.requests) == 1
    stub = Stub(httpx.ConnectError("refused"))
    with pytest.raises(httpx.ConnectError):
        client(stub, attempts=1).upload([ROW])
    assert len(stub.requests) == 1


def test_a_url_that_is_none_is_not_tried_again() -> None:
    """No waiting for a mistake."""
    stub = Stub(httpx.UnsupportedProtocol("what is ftp?"))
    with pytest.raises(httpx.UnsupportedProtocol):
        client(stub).get_data("s", "T", "C")
    assert len(stub.requests) == 1


def test_waits_double_and_are_drawn_at_random() -> None:
    """Each from zero on, up to 0.5, 1, 2, 4 and then always 4 seconds."""
    drawn = [waits(ClientSettings(first_wait=0.5, longest_wait=4.0)) for _ in range(300)]
    by_try = [[next(each) for each in drawn] for _ in range(6)]
    for most, seconds in zip([0.5, 1, 2, 4, 4, 4], by_try, strict=True):
        assert 0 <= min(seconds) < most / 4
        assert most * 3 / 4 < max(seconds) <= most


def test_what_the_server_asks_for_is_waited(waited: list[float]) -> None:
    """In seconds, with something at random on top."""
    stub = Stub(refusal(429, "LIMIT", **{"Retry-After": "7"}), STORED)
    client(stub, first_wait=0.25).upload([ROW])
    assert 7 <= waited[0] <= 7.25


def test_retry_after_is_a_number_or_a_date() -> None:
    """RFC 9110, 10.2.3; anything else asks for nothing."""
    assert retry_after("120") == 120
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)
    assert 55 < retry_after(in_a_minute) <= 60
    assert [retry_after(each) for each in ("Fri, 31 Dec 1999 23:59:59 GMT", "soon", "-3", "", None)] == [0] * 5


def test_rows_that_json_cannot_hold_are_named() -> None:
    """By their index, and before the piece is sent."""
    stub = Stub(STORED)
    with pytest.raises(InvalidRequest) as refused:
        client(stub, piece_rows=2).upload([ROW, ROW, ROW, ROW | {"values": {"T": object()}}])
    assert [fault.path for fault in refused.value.faults] == ["observations[3]"]
    assert len(stub.requests) == 1


def test_a_later_piece_that_fails_says_what_is_stored() -> None:
    """Faults are named by the caller's own rows; what cannot be reached says it too."""
    faults = httpx.Response(400, json={"errors": [{"message": "bad", "path": "observations[1].timestamp"}]})
    with pytest.raises(InvalidRequest, match="the 4 rows before row 4 are stored") as refused:
        client(Stub(STORED, STORED, faults), piece_rows=2).upload([ROW] * 6)
    assert [fault.path for fault in refused.value.faults] == ["observations[5].timestamp"]
    unknown = refusal(404, "UNKNOWN_SENSOR")
    with pytest.raises(EngineError, match="no, counted from row 2; the 2 rows before row 2 are stored") as absent:
        client(Stub(STORED, unknown), piece_rows=2).upload([ROW] * 6)
    assert absent.value.category == "UNKNOWN_SENSOR"
    with pytest.raises(httpx.ConnectError, match=r"refused.*the 2 rows before row 2 are stored"):
        client(Stub(STORED, httpx.ConnectError("refused")), piece_rows=2, attempts=2).upload([ROW] * 6)


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
def test_uploads_are_compressed_unless_they_are_small(coding: str) -> None:
    """By the coding that the settings name."""
    stub = Stub(STORED)
    client(stub, coding=coding).upload([ROW] * 1000)
    client(stub, coding=coding).upload([ROW])
    large, small = stub.requests
    assert large.headers["Content-Encoding"] == coding
    assert len(large.content) < 5000
    assert "Content-Encoding" not in small.headers
    assert msgspec.json.decode(small.content) == {"observations": [ROW]}
