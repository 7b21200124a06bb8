"""The WebSocket face: RFC 6455 at its edges, and peers that do not behave."""

import json
import logging
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.api.site import Site
from tests.api.site import site as open_site
from tests.api.talk import WebSocketTalk, wait_until
from tests.api.talkers import Address, Message, WebSocketTalker, frame, messages, request
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tseng_api import connection, server, sockets, websocket
from tseng_api.limits import FRAGMENTS, MESSAGE_BYTES
from tseng_api.pushes import Kept
from tseng_storage.entities import Draft

TEXT, BINARY, CONTINUED, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA
FINAL = 0x80
TOO_BIG, PROTOCOL_ERROR, NO_TEXT, NO_PONG = 1009, 1002, 1007, 1011


@pytest.fixture
def raw(site: Site) -> Iterator[WebSocketTalker]:
    """A client that sends whatever bytes a test wants, authenticated."""
    with WebSocketTalker(Address("127.0.0.1", site.ports.http), site.keys["reader"]) as talker:
        yield talker


def close_code(talker: WebSocketTalker) -> int:
    """Read to the end; the code that the server closes with."""
    try:
        while True:
            talker.receive()
    except EOFError as ended:
        (payload,) = ended.args
        return int.from_bytes(payload[:2])


def make_long(site: Site) -> None:
    """Have so many sensors that a list of them has a megabyte."""
    names = (f"{number:04} " + "x" * 500 for number in range(2000))
    site.engine.create_entities([Draft("sensor", name, "GENERIC") for name in names])


def test_get_of_the_same_path_is_http(site: Site) -> None:
    """Without an upgrade `/` says what this is; another path is no WebSocket."""
    assert site.http(None).get("/").json()["name"] == "tseng"
    with pytest.raises(InvalidStatus, match="403"), connect(f"ws://127.0.0.1:{site.ports.http}/elsewhere"):
        pass


def test_binary_messages_are_taken_like_text(site: Site) -> None:
    """The answer is text all the same."""
    with WebSocketTalk(site.ports.http, site.keys["reader"]) as talk:
        talk.socket.send(request("time", 9))
        assert talk.next()["id"] == 9


def test_a_message_that_is_no_json_is_answered_and_the_socket_stays_open(site: Site) -> None:
    """-32700 with the id null: where the next message begins is clear."""
    with WebSocketTalk(site.ports.http, site.keys["reader"]) as talk:
        for text in ("", "{", "nonsense", '{"a":', "[" * 100_000):
            talk.write(text)
            answer = talk.next()
            assert (answer["id"], answer["error"]["code"]) == (None, -32700)
        assert "time" in talk.call("time")


def test_a_message_may_have_sixteen_mib_and_no_more(site: Site) -> None:
    """One that has is read and answered; one byte more closes with 1009, in one frame or in many."""
    with WebSocketTalk(site.ports.http, site.keys["reader"]) as talk:
        assert MESSAGE_BYTES == 16 * 2**20
        text = request("time", 1).decode()
        talk.write(text + " " * (MESSAGE_BYTES - len(text)))
        assert "result" in talk.next()
        with suppress(ConnectionClosed):
            talk.write(text + " " * (MESSAGE_BYTES - len(text) + 1))
        assert talk.closed() == TOO_BIG
    with WebSocketTalk(site.ports.http) as talk:
        with suppress(ConnectionClosed):
            talk.socket.send([" " * 2**20] * 17)
        assert talk.closed() == TOO_BIG


def test_a_message_in_so_many_fragments_that_they_weigh_more_than_it_does(raw: WebSocketTalker) -> None:
    """1009; those of a client that streams are far fewer."""
    raw.raw.sendall(frame(b"[", TEXT) + frame(b"", CONTINUED) * (FRAGMENTS + 1))
    assert close_code(raw) == TOO_BIG


def test_fragments_with_a_ping_between_are_one_message(raw: WebSocketTalker) -> None:
    """Section 5.4: control frames may come in the middle."""
    text = request("time", 5)
    raw.raw.sendall(frame(text[:9], TEXT) + frame(b"hello", FINAL | PING) + frame(text[9:], FINAL | CONTINUED))
    received = b""
    while b"time" not in received:
        received += raw.raw.recv(65536)
    assert received.startswith(bytes((FINAL | PONG, 5)) + b"hello")
    assert b'"id":5' in received


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (bytes((FINAL | TEXT, 2)) + b"{}", PROTOCOL_ERROR),
        (frame(b"{}", FINAL | CONTINUED), PROTOCOL_ERROR),
        (frame(b"{}", FINAL | 0x3), PROTOCOL_ERROR),
        (frame(b"{}", 0x40 | FINAL | TEXT), PROTOCOL_ERROR),
        (frame(b"x" * 126, FINAL | PING), PROTOCOL_ERROR),
        (frame(b"\xff\xfe", FINAL | TEXT), NO_TEXT),
    ],
    ids=["unmasked", "continues nothing", "unknown kind", "reserved bit", "long ping", "no UTF-8"],
)
def test_a_breach_of_the_protocol_is_told_by_its_code(raw: WebSocketTalker, sent: bytes, code: int) -> None:
    """RFC 6455, section 7.4.1, then the end."""
    raw.raw.sendall(sent)
    assert close_code(raw) == code


def test_a_close_is_echoed(raw: WebSocketTalker) -> None:
    """With its code (section 5.5.1)."""
    raw.raw.sendall(frame(struct.pack("!H", 1001), FINAL | CLOSE))
    assert close_code(raw) == 1001


def test_a_peer_that_answers_no_ping_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does stays; so does one that has not read what came before the ping, as long as it is not stuck."""
    monkeypatch.setattr(server, "PING_SECONDS", 0.1)
    monkeypatch.setattr(server, "PONG_SECONDS", 1)
    with open_site(tmp_path / "store") as site:
        make_long(site)
        port, key = site.ports.http, site.keys["reader"]
        with (
            WebSocketTalk(port, key) as good,
            WebSocketTalk(port, key) as slow,
            WebSocketTalker(Address("127.0.0.1", port), key) as mute,
        ):
            # The client library reads sixteen messages ahead and then nothing, pings included.
            ids = [slow.ask("getSensors") for _ in range(40)]
            assert close_code(mute) == NO_PONG
            assert "time" in good.call("time")
            assert [slow.next()["id"] for _ in ids] == ids


def test_a_lagging_subscriber_that_pings_is_told_what_it_missed(
    site: Site, raw: WebSocketTalker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And answered once, to its newest ping: client libraries ping by themselves, also while nothing is read."""
    # What pushes leave waiting the system may still take some of, before the pings come.
    monkeypatch.setattr(websocket, "BACKLOG_BYTES", 2**20)
    behind, pinged = threading.Semaphore(0), threading.Semaphore(0)
    _signalled(monkeypatch, Kept, "note", behind)
    _signalled(monkeypatch, websocket.SocketProtocol, "handle_ping", pinged)
    site.engine.create_entity("sensor", "fast", "TEMPERATURE_SDE")
    raw.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**15)
    assert raw.ask("subscribeData", 1, sensors=["fast"], metric="T", unit="C") == {"subscriptionId": 1}
    number = 0
    while not behind.acquire(blocking=False):
        _upload_many(site, "fast", number)
        number += 1
    raw.raw.sendall(frame(b"1", FINAL | PING) + frame(b"2", FINAL | PING))
    raw.raw.sendall(frame(b"3", FINAL | PING))
    assert [pinged.acquire(timeout=30) for _ in range(3)] == [True] * 3
    pongs = []
    for message in _received(raw):
        if message.kind == FINAL | PONG:
            pongs.append(message.payload)
        elif pongs and "lagged" in json.loads(message.payload)["result"]:
            break
    assert pongs == [b"3"]


def _signalled(monkeypatch: pytest.MonkeyPatch, kind: type, name: str, told: threading.Semaphore) -> None:
    """Have each call of a method told after it."""
    method = getattr(kind, name)

    def call(*given: Any) -> None:
        method(*given)
        told.release()

    monkeypatch.setattr(kind, name, call)


def _upload_many(site: Site, sensor: str, number: int) -> None:
    """Store so many readings that telling them takes half a megabyte."""
    size = 10_000
    time = np.datetime64("2024-01-01", "us") + np.arange(number * size, (number + 1) * size) * np.timedelta64(1, "s")
    stamps = pa.array(time).cast(pa.timestamp("us", "UTC"))
    columns = {"sensor": [sensor] * size, "metric": ["T"] * size, "time": stamps, "value": np.sin(np.arange(size))}
    site.engine.upload_table(pa.table(columns))


def _received(talker: WebSocketTalker) -> Iterator[Message]:
    """Messages of all kinds, as they come."""
    received, end = b"", 0
    while piece := talker.raw.recv(2**20):
        received += piece
        for message in messages(received):
            yield message
            end = message.end
        received, end = received[end:], 0


def test_a_peer_that_takes_nothing_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After a time of its own, in the middle of whatever it was."""
    monkeypatch.setattr(sockets, "STUCK_SECONDS", 1)
    caplog.set_level(logging.INFO, "tseng.access")
    with open_site(tmp_path / "store") as site:
        make_long(site)
        address = Address("127.0.0.1", site.ports.http)
        with WebSocketTalker(address, site.keys["reader"], buffer=2**14) as stuck:
            stuck.send(*(request("getSensors", number) for number in range(10)))
            words = "took nothing for 1 seconds"
            wait_until(lambda: any(vars(record).get("reason") == words for record in caplog.records))
            with suppress(ConnectionResetError):
                assert sum(len(piece) for piece in iter(lambda: stuck.raw.recv(2**20), b"")) < 10 * 2**20


def test_a_long_answer_comes_in_fragments(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client sees one message, and others in between only before or after it."""
    monkeypatch.setattr(connection, "PART_BYTES", 1000)
    with WebSocketTalk(site.ports.http, site.keys["reader"]) as talk:
        batch = [{"jsonrpc": "2.0", "id": number, "method": "getSensors"} for number in range(50)]
        talk.send(batch)
        assert [answer["id"] for answer in talk.next()] == list(range(50))
        talk.socket.send(json.dumps(batch))
        fragments = list(talk.socket.recv_streaming())
    assert len(fragments) > 10
    assert len(json.loads("".join(map(str, fragments)))) == 50


def test_length_of_a_frame_in_one_two_and_eight_bytes() -> None:
    """RFC 6455, section 5.2."""
    head = websocket.frame_head
    assert head(125, first=True, last=True) == b"\x81\x7d"
    assert head(126, first=True, last=True) == b"\x81\x7e\x00\x7e"
    assert head(65_535, first=True, last=True) == b"\x81\x7e\xff\xff"
    assert head(65_536, first=True, last=True) == b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"
    assert head(1, first=True, last=False) == b"\x01\x01"
    assert head(1, first=False, last=False) == b"\x00\x01"
    assert head(1, first=False, last=True) == b"\x80\x01"
