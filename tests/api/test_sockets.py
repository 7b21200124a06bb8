"""What WebSocket and TCP have in common: requests in order, answers in frames, who is let in."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.api.site import READINGS, THERMOMETER, Site
from tests.api.talk import Talk, TcpTalk, WebSocketTalk

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
