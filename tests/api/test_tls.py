"""TLS on every face. The pair in `tls/` is for 127.0.0.1 and serves these tests alone."""

import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from tests.api.process import Process, serving
from tests.api.site import running
from tests.api.source import PART, installed, settled
from tests.api.talk import TcpTalk, WebSocketTalk
from tests.api.talkers import Address, Talker, WebSocketTalker, request

from tseng.engine import Engine
from tseng_api.server import Certificate

CHAIN, KEY = (Path(__file__).parent / "tls" / name for name in ("cert.pem", "key.pem"))
SENSOR = "long"
POINTS = 20_000


@pytest.fixture(scope="module")
def context() -> ssl.SSLContext:
    """Trusts that pair alone."""
    return ssl.create_default_context(cafile=str(CHAIN))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with one long series, and an admin key."""
    path = tmp_path_factory.mktemp("tls") / "store"
    with Engine.open(path) as engine:
        engine.create_entity("sensor", SENSOR, "TEMPERATURE_SDE")
        rows = [
            {"sensorId": SENSOR, "timestamp": f"2024-01-{1 + at // 1440:02}T{at // 60 % 24:02}:{at % 60:02}:00Z"}
            for at in range(POINTS)
        ]
        engine.upload([row | {"values": {"T": number}} for number, row in enumerate(rows)])
        return path, engine.keys.create("all", "admin")


@pytest.fixture(scope="module")
def server(store: tuple[Path, str]) -> Iterator[Process]:
    """A server of its own that speaks TLS."""
    with serving(store[0], "--tls-cert", str(CHAIN), "--tls-key", str(KEY)) as process:
        yield process


def test_the_line_says_so_and_http_speaks_it(server: Process, context: ssl.SSLContext) -> None:
    """`https://`, `wss://`, `tls://`."""
    http, tcp = server.ports
    assert server.line == f"listening https://127.0.0.1:{http} wss://127.0.0.1:{http} tls://127.0.0.1:{tcp}"
    assert httpx.get(f"{server.url}/healthz", verify=context).json() == {"status": "ok"}


@pytest.mark.parametrize("face", ["wss", "tls"])
def test_sockets_speak_it(server: Process, store: tuple[Path, str], context: ssl.SSLContext, face: str) -> None:
    """A key goes in, a long answer comes out whole."""
    http, tcp = server.ports
    opened = WebSocketTalk(http, store[1], context) if face == "wss" else TcpTalk(tcp, store[1], context)
    with opened as talk:
        data = talk.collect(talk.ask("getData", {"sensor": SENSOR, "metric": "T", "unit": "C"}))
    assert list(data.values()) == list(range(POINTS))


def test_what_does_not_speak_it_gets_no_answer_and_does_no_harm(
    server: Process, store: tuple[Path, str], context: ssl.SSLContext
) -> None:
    """Plain text, and a client that does not trust the certificate; the next one is served."""
    for port in server.ports:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
            plain.sendall(b'{"jsonrpc":"2.0","id":1,"method":"time"}' * 10)
            assert b"jsonrpc" not in _all(plain)
        with (
            socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            ssl.create_default_context().wrap_socket(plain, server_hostname="127.0.0.1")
    with TcpTalk(server.ports[1], store[1], context) as talk:
        assert "time" in talk.call("time")
    assert [line for line in server.logged if "traceback" in line] == []


def test_a_stop_says_goodbye_through_tls(store: tuple[Path, str], context: ssl.SSLContext) -> None:
    """The WebSocket gets 1012, the TCP stream ends, the process ends with 0."""
    with serving(store[0], "--tls-cert", str(CHAIN), "--tls-key", str(KEY)) as process:
        http, tcp = process.ports
        with WebSocketTalk(http, store[1], context) as web, TcpTalk(tcp, store[1], context) as plain:
            process.popen.send_signal(signal.SIGTERM)
            assert web.closed() == 1012
            assert plain.closed() == 0
        assert process.popen.wait(10) == 0


def _all(plain: socket.socket) -> bytes:
    """All that is received until the other side ends it: by closing, or by a reset, as what was sent lies unread."""
    received = b""
    with suppress(ConnectionResetError):
        while more := plain.recv(65536):
            received += more
    return received


@pytest.mark.parametrize("face", ["wss", "tls"])
def test_no_more_is_computed_than_is_taken(
    tmp_path: Path, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, face: str
) -> None:
    """Also through TLS a client that reads nothing costs a few megabytes; then it reads on."""
    source = installed(monkeypatch)
    with Engine.open(tmp_path / "store") as engine, running(engine, Certificate(CHAIN, KEY)) as ports:
        key = engine.keys.create("slow")
        kind, port = (SecureWebSocketTalker, ports.http) if face == "wss" else (SecureTalker, ports.tcp)
        with kind(context, Address("127.0.0.1", port), key) as slow:
            slow.send(*(request("parts", number) for number in range(20)))
            made = settled(source)
            assert made * len(PART) < 10 * 2**20
            for _ in range(60):
                slow.receive()
            assert settled(source) > made


class SecureTalker(Talker):
    """Over TLS, and it keeps little while it does not read."""

    def __init__(self, context: ssl.SSLContext, address: Address, key: str) -> None:
        self._context = context
        super().__init__(address, key, buffer=2**14)

    def _open(self, address: Address) -> None:
        self.raw = self._context.wrap_socket(self.raw, server_hostname=address.host)
        super()._open(address)


class SecureWebSocketTalker(SecureTalker, WebSocketTalker):
    """The same for a WebSocket."""
