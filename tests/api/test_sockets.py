"""What WebSocket and TCP have in common: requests in order, answers in frames, who is let in."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.api.site import READINGS, THERMOMETER, Site
from tests.api.talk import Talk, TcpTalk, WebSocketTalk
from tests.api.talkers import Address, Talker, WebSocketTalker, frame, request

from tseng_api.limits import STRANGER_BYTES

READ = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}
FACES = ["websocket", "tcp"]


def open_talk(site: Site, face: str, role: str | None = "reader") -> Talk:
    """Connect through a face, as a role; None does not say who it is."""
    key = role and site.keys[role]
    return WebSocketTalk(site.ports.http, key) if face == "websocket" else TcpTalk(site.ports.tcp, key)


@pytest.fixture(params=FACES)
def talk(request: pytest.FixtureRequest, site: Site) -> Iterator[Talk]:
    """A reader's connection through each face."""
    with open_talk(site, request.param) as opened:
        yield opened


@pytest.fixture(params=FACES)
def stranger(request: pytest.FixtureRequest, site: Site) -> Iterator[Talk]:
    """A connection through each face that has not said who it is."""
    with open_talk(site, request.param, None) as opened:
        yield opened


def test_a_call_before_authenticate_is_refused_and_the_socket_stays_open(site: Site, stranger: Talk) -> None:
    """-32001 for whatever is asked, -32001 for a wrong key; then the right one is taken on the same connection."""
    assert stranger.call("time")["code"] == -32001
    assert stranger.call("authenticate", {"code": "wrong"})["code"] == -32001
    assert stranger.call("help")["code"] == -32001
    assert stranger.call("authenticate", {"code": site.keys["reader"]}) == {"nextId": 5}
    assert stranger.call("getData", READ | {"limit": {"function": "first", "size": 1}}) is not None


@pytest.fixture(params=FACES)
def plain(request: pytest.FixtureRequest, site: Site) -> Iterator[Talker]:
    """The same, for a client that sends what it likes."""
    kind, port = (WebSocketTalker, site.ports.http) if request.param == "websocket" else (Talker, site.ports.tcp)
    with kind(Address("127.0.0.1", port)) as opened:
        yield opened


def padded(text: bytes, size: int) -> bytes:
    """Return a request of so many bytes."""
    return text[:-1] + b" " * (size - len(text)) + b"}"


def test_a_stranger_sends_short_messages(site: Site, plain: Talker) -> None:
    """What a token needs and more; beyond it the connection is closed, whether or not the message is whole."""
    plain.send(padded(request("time", 1), STRANGER_BYTES), padded(request("time", 2), STRANGER_BYTES))
    assert [plain.receive()["error"]["code"] for _ in range(2)] == [-32001, -32001]
    plain.send(padded(request("authenticate", 3, code="wrong"), STRANGER_BYTES + 1))
    refused_as_too_long(plain)


def test_what_a_stranger_has_begun_is_not_kept(plain: Talker) -> None:
    """Its end does not have to come."""
    message = plain.pack(padded(request("time"), 4 * STRANGER_BYTES))
    plain.raw.sendall(message[: 2 * STRANGER_BYTES])
    refused_as_too_long(plain)


def test_a_stranger_may_not_send_a_long_message_in_short_fragments(site: Site) -> None:
    """Together they are as long."""
    with WebSocketTalker(Address("127.0.0.1", site.ports.http)) as talker:
        piece, fragment, more = b"[" * (STRANGER_BYTES // 2), 0x1, 0x0
        talker.raw.sendall(frame(piece, fragment) + frame(piece, more) + frame(piece, more))
        refused_as_too_long(talker)


@pytest.mark.parametrize("size", [2 * STRANGER_BYTES, 8 * 2**20])
def test_a_long_message_may_follow_authenticate_at_once(site: Site, plain: Talker, size: int) -> None:
    """Without waiting for the answer: by the time it is looked at, the client is known."""
    plain.send(request("authenticate", 1, code=site.keys["reader"]), padded(request("time", 2), size))
    assert [plain.receive()["id"] for _ in range(2)] == [1, 2]
    plain.send(padded(request("time", 3), size))
    assert plain.receive()["id"] == 3


def refused_as_too_long(plain: Talker) -> None:
    """See the server say so, as its face has it, and close."""
    if not isinstance(plain, WebSocketTalker):
        told = plain.receive()
        assert (told["error"]["code"], "id" in told) == (-32600, False)
    with pytest.raises(EOFError) as ended:
        plain.receive()
    assert ended.value.args[0][:2] == ((1009).to_bytes(2) if isinstance(plain, WebSocketTalker) else b"")


def test_a_second_authenticate_replaces_the_identity(site: Site, talk: Talk) -> None:
    """The reader may not upload, the writer may; a key that is wrong leaves things as they were."""
    upload = {"data": [{"sensorId": THERMOMETER, "timestamp": "2024-01-01T00:00:00Z", "values": {"T": None}}]}
    assert talk.call("uploadData", upload)["code"] == -32003
    talk.call("authenticate", {"code": site.keys["writer"]})
    assert talk.call("uploadData", upload) == {"successfullyProcessedObs": 1}
    assert talk.call("authenticate", {"code": "wrong"})["code"] == -32001
    assert talk.call("uploadData", upload) == {"successfullyProcessedObs": 1}


def test_get_data_comes_in_frames_and_says_that_it_is_finished(talk: Talk) -> None:
    """Under the request's id."""
    id = talk.ask("getData", READ)
    assert talk.next() == {"jsonrpc": "2.0", "id": id, "result": {"data": READINGS}}
    assert talk.next() == {"jsonrpc": "2.0", "id": id, "result": {"requestStatus": "finished"}}


def test_requests_sent_at_once_are_answered_in_order(talk: Talk) -> None:
    """A hundred, none of them waited for."""
    ids = [talk.ask("time") for _ in range(100)]
    assert [talk.next()["id"] for _ in ids] == ids


def test_a_batch_is_answered_in_one_message_and_a_notification_not_at_all(talk: Talk) -> None:
    """As JSON-RPC 2.0 has it (sections 4.1 and 6)."""
    time: dict[str, Any] = {"jsonrpc": "2.0", "method": "time"}
    talk.send(time)
    talk.send([time | {"id": "a"}, time, time | {"id": 2}])
    assert [each["id"] for each in talk.next()] == ["a", 2]
