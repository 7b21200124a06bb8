"""The TCP face: nothing between two answers, and what is no JSON ends the connection with a word."""

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.site import READINGS, THERMOMETER, Site
from tests.api.site import site as open_site
from tests.api.talk import TIMEOUT, TcpTalk, WebSocketTalk, wait_until
from tests.api.talkers import Address, Talker, WebSocketTalker, request

from tseng_api.limits import FRAME_BYTES, NESTING
from tseng_api.listening import listen

READ = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}


@pytest.fixture
def plain(site: Site) -> Iterator[socket.socket]:
    """A connection as the system gives it."""
    with socket.create_connection(("127.0.0.1", site.ports.tcp), timeout=TIMEOUT) as connection:
        yield connection


def everything(connection: socket.socket) -> bytes:
    """Read to the end."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_answers_follow_each_other_with_nothing_between(site: Site, plain: socket.socket) -> None:
    """Not even a line feed: the printed Python sample counts braces from the first byte."""
    calls = [request("authenticate", 1, code=site.keys["reader"]), request("time", 2), request("getData", 3, **READ)]
    plain.sendall(b" \r\n\t".join(calls))
    plain.shutdown(socket.SHUT_WR)
    text, answers, decoder = everything(plain).decode(), [], json.JSONDecoder()
    while text:
        answer, end = decoder.raw_decode(text)
        answers.append(answer)
        text = text[end:]
    assert [answer["id"] for answer in answers] == [1, 2, 3, 3]
    assert answers[2]["result"]["data"] == READINGS


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"hello", -32700),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", -32700),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", -32700),
        (b'{"jsonrpc":}', -32700),
        (b'{"a":"\xff"}', -32700),
        (b"[" * (NESTING + 1), -32700),
        (b'{"a":"' + b"x" * FRAME_BYTES, -32600),
    ],
    ids=["words", "HTTP", "TLS", "no JSON", "no UTF-8", "too deep", "too large"],
)
def test_what_is_no_request_ends_the_connection_with_a_word(
    site: Site, plain: socket.socket, sent: bytes, code: int
) -> None:
    """What was asked before it is answered first; then one error without an id, then the end, and others go on."""
    with TcpTalk(site.ports.tcp, site.keys["reader"]) as other:
        before = request("authenticate", 1, code=site.keys["reader"]) + request("time", 2)
        plain.sendall(before + sent)
        talk = json.JSONDecoder()
        text, answers = everything(plain).decode(), []
        while text:
            answer, end = talk.raw_decode(text)
            answers.append(answer)
            text = text[end:]
        assert [answer.get("id") for answer in answers] == [1, 2, None]
        assert "id" not in answers[-1]
        assert answers[-1]["error"]["code"] == code
        assert "time" in other.call("time")


def test_the_last_word_arrives_however_much_is_still_being_sent(site: Site, plain: socket.socket) -> None:
    """Nine megabytes and more of one request: the client may send them all, and reads why."""
    plain.sendall(b'{"a":"' + b"x" * (3 * FRAME_BYTES))
    assert json.loads(everything(plain))["error"]["code"] == -32600


def test_a_frame_of_eight_mib_is_taken(site: Site) -> None:
    """Spaces inside it count."""
    with TcpTalk(site.ports.tcp, site.keys["reader"]) as talk:
        text = request("time", 5).decode()
        talk.write(text[:-1] + " " * (FRAME_BYTES - len(text)) + "}")
        assert talk.next()["id"] == 5


def test_a_peer_that_vanished_is_noticed_and_small_messages_leave_at_once() -> None:
    """What is accepted has SO_KEEPALIVE and TCP_NODELAY."""
    (listener,) = listen("127.0.0.1", 0)
    with listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_peer_that_sends_ahead_without_end_is_read_no_further(site: Site) -> None:
    """Hundreds of megabytes of requests, no answer read: the server stops reading, and others are served."""
    with (
        Talker(Address("127.0.0.1", site.ports.tcp), site.keys["reader"], buffer=2**14) as greedy,
        TcpTalk(site.ports.tcp, site.keys["reader"]) as other,
    ):
        calls = b"".join(request("help", number) for number in range(1000))
        greedy.raw.settimeout(1)
        with pytest.raises(TimeoutError):
            greedy.raw.sendall(calls * (500 * 2**20 // len(calls)))
        assert "time" in other.call("time")


def test_who_says_nothing_is_told_and_closed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """`time` keeps a TCP connection, a pong a WebSocket; -32008 without an id for the others."""
    caplog.set_level(logging.INFO, "tseng.access")
    with open_site(tmp_path / "store", idle_seconds=0.9) as site:
        key, http = site.keys["reader"], Address("127.0.0.1", site.ports.http)
        with (
            WebSocketTalk(site.ports.http, key) as answering,
            TcpTalk(site.ports.tcp, key) as busy,
            TcpTalk(site.ports.tcp, key) as silent,
            TcpTalk(site.ports.tcp) as stranger,
            WebSocketTalker(http, key) as mute,
        ):
            for quiet in (silent, stranger, mute):
                told: Any = None
                while told is None:
                    assert "time" in busy.call("time")
                    told = _came(quiet)
                assert (told["error"]["code"], "id" in told) == (-32008, False)
            assert silent.closed() == 0
            assert "time" in answering.call("time")
            assert "time" in busy.call("time")
        wait_until(lambda: sum(vars(record).get("reason") == "idle" for record in caplog.records) == 3)


def _came(quiet: TcpTalk | WebSocketTalker) -> Any:
    """Wait a moment for a message."""
    connection = quiet.socket if isinstance(quiet, TcpTalk) else quiet.raw
    connection.settimeout(0.05)
    try:
        return quiet.next() if isinstance(quiet, TcpTalk) else quiet.receive()
    except TimeoutError:
        return None
