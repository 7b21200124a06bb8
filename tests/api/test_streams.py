"""Long answers in frames: computed as they are taken, side by side, and no longer than somebody listens."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.api.site import Site
from tests.api.site import site as open_site
from tests.api.source import PART, Source, installed, settled
from tests.api.talk import Talk, TcpTalk, WebSocketTalk, wait_until
from tests.api.talkers import Address, Talker, WebSocketTalker, request

from tseng_api import connection, server
from tseng_api.inbox import Inbox
from tseng_api.subscriptions import SocketSubscriptions

FACES = ["websocket", "tcp"]


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    """Called by the method `parts`."""
    return installed(monkeypatch)


def talker(site: Site, face: str) -> Talker:
    """A client that keeps little while it does not read."""
    kind, port = (WebSocketTalker, site.ports.http) if face == "websocket" else (Talker, site.ports.tcp)
    return kind(Address("127.0.0.1", port), site.keys["reader"], buffer=2**14)


def talk(site: Site, face: str) -> Talk:
    """A client that reads."""
    key = site.keys["reader"]
    return WebSocketTalk(site.ports.http, key) if face == "websocket" else TcpTalk(site.ports.tcp, key)


@pytest.mark.parametrize("face", FACES)
def test_no_more_is_computed_than_is_taken(site: Site, source: Source, face: str) -> None:
    """A client that reads nothing costs a few megabytes, however much it has asked for; then it reads on."""
    with talker(site, face) as slow:
        slow.send(*(request("parts", number) for number in range(20)))
        made = settled(source)
        # Eight streams hold a part each, and the system takes four megabytes.
        assert made * len(PART) < 10 * 2**20
        heard = [slow.receive()["id"] for _ in range(60)]
        while len(set(heard)) < 8:
            heard.append(slow.receive()["id"])
        assert settled(source) > made
    wait_until(lambda: source.closed == 8)


@pytest.mark.parametrize("face", FACES)
def test_a_batch_is_computed_as_it_is_taken(site: Site, source: Source, face: str) -> None:
    """Three hundred megabytes in one message cost a few as well; to who reads a long one comes whole and in order."""
    calls = [json.loads(request("parts", number, count=1)) for number in range(1000)]
    with talker(site, face) as slow:
        slow.send(json.dumps(calls).encode())
        assert settled(source) * len(PART) < 12 * 2**20
    with talk(site, face) as quick:
        quick.send(calls[:40])
        assert [answer["id"] for answer in quick.next()] == list(range(40))


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("way", ["close", "vanish"])
def test_the_work_ends_with_the_connection(site: Site, source: Source, face: str, way: str) -> None:
    """Closed properly or lost: the iterator is closed and nothing is computed any more."""
    listener = talker(site, face)
    listener.send(request("parts", 1), request("parts", 2))
    begun: set[int] = set()
    while begun != {1, 2}:
        begun.add(listener.receive()["id"])
    if way == "close":
        listener.raw.close()
    else:
        listener.vanish()
    wait_until(lambda: source.closed == 2)
    assert settled(source) == settled(source)


@pytest.mark.parametrize("face", FACES)
def test_other_answers_come_between_the_frames(site: Site, source: Source, face: str) -> None:
    """A short one need not wait for a long one that was asked before it."""
    source.go.clear()
    with talk(site, face) as quick:
        long, short = quick.ask("parts", {"count": 2}), quick.ask("time")
        assert {quick.next()["id"], quick.next()["id"]} == {long, short}
        source.go.set()
        assert [quick.next()["id"] for _ in range(2)] == [long, long]


@pytest.mark.parametrize("face", FACES)
def test_so_many_streams_run_side_by_side(site: Site, source: Source, face: str) -> None:
    """Of nine the last begins when another has ended; what is asked after it waits too."""
    source.go.clear()
    with talk(site, face) as quick:
        ids = [quick.ask("parts", {"count": 20}) for _ in range(9)]
        after = quick.ask("time")
        assert {quick.next()["id"] for _ in range(8)} == set(ids[:8])
        source.go.set()
        came = [quick.next() for _ in range(8 * 20 + 21 + 1)]
    assert all(message["id"] in {*ids, after} for message in came)
    ended = next(at for at, message in enumerate(came) if message.get("result") == {"requestStatus": "finished"})
    assert ended < next(at for at, message in enumerate(came) if message["id"] in (ids[8], after))


@pytest.mark.parametrize("face", FACES)
def test_a_failure_in_the_middle_ends_that_answer_alone(site: Site, source: Source, face: str) -> None:
    """-32603 under its id, with nothing of the inside; the connection goes on."""
    with talk(site, face) as quick:
        id = quick.ask("parts", {"count": 3, "fails": True})
        answers = [quick.next() for _ in range(4)]
        assert [answer["id"] for answer in answers] == [id] * 4
        assert answers[3]["error"]["code"] == -32603
        assert "secret" not in str(answers[3])
        assert "time" in quick.call("time")


def test_a_failure_that_nobody_thought_of_is_told_and_hurts_nobody(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """-32603 without an id, for it ends the connection; the request's id is in the log, with the traceback."""
    key = site.keys["reader"]
    with WebSocketTalk(site.ports.http, key) as talk, TcpTalk(site.ports.tcp, key) as other:
        monkeypatch.setattr(connection, "answer", lambda *_: 1 / 0)
        talk.ask("time")
        told = talk.next()
        monkeypatch.undo()
        assert talk.closed() == 1011
        assert "time" in other.call("time")
    assert ("id" in told, told["error"]["code"]) == (False, -32603)
    (record,) = [record for record in caplog.records if record.exc_info]
    assert vars(record)["requestId"] in told["error"]["message"]
    assert "ZeroDivisionError" not in str(told)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("where", [(Inbox, "put"), (SocketSubscriptions, "answered")])
def test_a_failure_beside_the_answers_is_told_as_well(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: tuple[type, str], face: str
) -> None:
    """Where what comes is received, and where updates begin after an answer: nobody is left waiting."""
    with talk(site, face) as unlucky, talk(site, face) as other:
        monkeypatch.setattr(*where, lambda *_: 1 / 0)
        unlucky.ask("time")
        told = unlucky.next()
        told = unlucky.next() if "id" in told else told
        monkeypatch.undo()
        assert unlucky.closed() in (0, 1011)
        assert "time" in other.call("time")
    assert told["error"]["code"] == -32603
    (record,) = [record for record in caplog.records if record.exc_info]
    assert vars(record)["requestId"] in told["error"]["message"]


@pytest.mark.parametrize("face", FACES)
def test_a_stop_waits_for_streams_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Source, face: str
) -> None:
    """One that ends in time comes whole, then the end; one without end is cut off when the time is over."""
    monkeypatch.setattr(server, "_GRACE_SECONDS", 2)
    with open_site(tmp_path / "store") as site:
        first = talk(site, face)
        id = first.ask("parts", {"count": 50})
        first.next()
        endless = talker(site, face)
        endless.send(request("parts", 1))
        endless.receive()
        reader = threading.Thread(target=_read_all, args=(first, rest := list[Any]()))
        reader.start()
        stopped = time.monotonic()
    assert time.monotonic() - stopped < 10
    reader.join()
    first.close()
    endless.raw.close()
    assert [message["id"] for message in rest] == [id] * 50
    assert rest[-1]["result"] == {"requestStatus": "finished"}
    wait_until(lambda: source.closed == 2)


def _read_all(talk: Talk, into: list[Any]) -> None:
    while not into or into[-1]["result"] != {"requestStatus": "finished"}:
        into.append(talk.next())
    assert talk.closed() in (0, 1012)
