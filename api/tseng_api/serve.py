"""The server: uvicorn around the application, TCP beside it, one line on stdout when ready, a clean end on SIGTERM."""

import asyncio
import resource
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from tseng.engine import Engine
from tseng_api.app import create_app
from tseng_api.limits import MESSAGE_BYTES, PING_SECONDS, PONG_SECONDS, UNACCEPTED
from tseng_api.logs import configure
from tseng_api.sockets import Sockets
from tseng_api.tcp import TcpProtocol
from tseng_api.websocket import SocketProtocol

# Of the ten seconds that a stop may take, what requests under way get; the rest is for the flush.
_GRACE_SECONDS = 7
# Longer than clients keep idle connections, so that it is they who close them and no request meets a closing one.
_IDLE_SECONDS = 75


@dataclass(frozen=True)
class Certificate:
    """What TLS is spoken with: a chain and its private key, both PEM."""

    chain: Path
    key: Path


class Server(uvicorn.Server):
    """HTTP and WebSocket on one socket, TCP on another if there is one, over one engine."""

    def __init__(
        self, engine: Engine, *, certificate: Certificate | None = None, ready: Callable[[], None] = lambda: None
    ) -> None:
        """`ready` is called once every face takes connections."""
        self._ready = ready
        chain, key = (certificate.chain, certificate.key) if certificate else (None, None)
        self._sockets = Sockets(engine)
        super().__init__(
            uvicorn.Config(
                create_app(engine, self._sockets), log_config=None, access_log=False, server_header=False,
                lifespan="off", timeout_graceful_shutdown=_GRACE_SECONDS, timeout_keep_alive=_IDLE_SECONDS,
                backlog=UNACCEPTED, ws=SocketProtocol, ws_max_size=MESSAGE_BYTES, ws_per_message_deflate=False,
                ws_ping_interval=PING_SECONDS, ws_ping_timeout=PONG_SECONDS,
                ssl_certfile=chain, ssl_keyfile=key,
            )
        )  # fmt: skip

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen: the first socket is for HTTP, a second one for TCP."""
        assert sockets
        await super().startup(sockets[:1])
        loop = asyncio.get_running_loop()
        for each in sockets[1:]:
            made = await loop.create_server(
                lambda: TcpProtocol(self._sockets, self.server_state),
                sock=each, ssl=self.config.ssl, backlog=UNACCEPTED,
            )  # fmt: skip
            self.servers.append(made)
        self._watch = loop.create_task(self._sockets.watch())
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is under way and close; who has not closed when the time is over is cut off."""
        self._watch.cancel()
        self._sockets.stop()
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def serve(
    engine: Engine,
    *,
    host: str = "127.0.0.1",
    port: int = 4201,
    tcp_port: int | None = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
) -> None:
    """Serve an engine until SIGTERM or SIGINT: requests under way are finished; whoever opened the engine flushes it.

    Args:
        engine: an open engine.
        host: name or address to listen on.
        port: port of HTTP and WebSocket; 0 picks a free one.
        tcp_port: port of JSON-RPC over TCP; 0 picks a free one, None is none.
        tls_cert: certificate chain (PEM); with it TLS is spoken on both.
        tls_key: its private key (PEM).

    Raises:
        OSError: an address is taken or not ours.
    """
    certificate = Certificate(tls_cert, tls_key) if tls_cert and tls_key else None
    configure(engine.settings.log_level)
    allow_many_files()
    with ExitStack() as stack:
        listeners = [stack.enter_context(listener) for listener in listen(host, port, tcp_port)]
        server = Server(engine, certificate=certificate, ready=lambda: announce(listeners, certificate))
        # uvicorn stops at a signal and then raises it once more: with this that second time ends nothing.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        server.run(listeners)


def allow_many_files() -> None:
    """Raise the number of files this process may open as far as it may: every connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def listen(host: str, *ports: int | None) -> list[socket.socket]:
    """Return a listening socket for each port; None stands for none.

    Raises:
        OSError: an address is taken or not ours.
    """
    listeners: list[socket.socket] = []
    try:
        for port in ports:
            if port is not None:
                listeners.append(_listen(host, port))
    except OSError:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def announce(listeners: Sequence[socket.socket], certificate: Certificate | None) -> None:
    """Print the one line that scripts wait for."""
    schemes = ("http", "ws", "tcp") if certificate is None else ("https", "wss", "tls")
    # HTTP and WebSocket share the first socket.
    bound = (listeners[0], *listeners)
    urls = [f"{scheme}://{_address(each)}" for scheme, each in zip(schemes, bound, strict=False)]
    print(f"listening {' '.join(urls)}", flush=True)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        listener = socket.socket(family, kind)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # What is accepted inherits these: peers that vanished are noticed, and small messages leave at once.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"{f'[{host}]' if ':' in host else host}:{port}"
