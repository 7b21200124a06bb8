"""The server of one process: uvicorn around the application, TCP beside it, and a clean end on SIGTERM."""

import asyncio
import gc
import signal
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from tseng.engine import Engine
from tseng.errors import EngineError
from tseng.preload import preload
from tseng_api.app import create_app
from tseng_api.limits import MESSAGE_BYTES, PING_SECONDS, PONG_SECONDS, UNACCEPTED
from tseng_api.sockets import Sockets
from tseng_api.tcp import TcpProtocol
from tseng_api.websocket import SocketProtocol

# Of the ten seconds that a stop may take, what requests under way get. The rest is for the flush and for the end of the
# process: on a busy machine that was measured at two seconds.
_GRACE_SECONDS = 6
# Longer than clients keep idle connections, so that it is they who close them and no request meets a closing one.
_IDLE_SECONDS = 75
# New objects after which the collector looks for cycles among them, and how many such looks until it takes in older
# ones, and all. With a thousand connections the last takes a sixth of a second, in which nobody is answered; hardly
# anything here is a cycle.
COLLECT = (5_000, 20, 50)


@dataclass(frozen=True)
class Certificate:
    """What TLS is spoken with: a chain and its private key, both PEM."""

    chain: Path
    key: Path

    def check(self) -> None:
        """See that it can be used.

        Raises:
            EngineError: it cannot; the text names the files.
        """
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.chain, self.key)
        except OSError as error:
            raise EngineError(f"TLS with {self.chain} and {self.key}: {error.strerror or error}") from None


class Server(uvicorn.Server):
    """HTTP and WebSocket on one socket, TCP on another if there is one, over one engine."""

    def __init__(
        self, engine: Engine, *, certificate: Certificate | None = None, ready: Callable[[], None] = lambda: None
    ) -> None:
        """`ready` is called once every face takes connections, then `settle` in a thread."""
        self._ready = ready
        self.settle: Callable[[], None] = preload
        chain, key = (certificate.chain, certificate.key) if certificate else (None, None)
        self._sockets = Sockets(engine)
        super().__init__(
            uvicorn.Config(
                create_app(engine, self._sockets), log_config=None, access_log=False, server_header=False,
                lifespan="off", timeout_graceful_shutdown=_GRACE_SECONDS, timeout_keep_alive=_IDLE_SECONDS,
                backlog=UNACCEPTED, ws=SocketProtocol, ws_max_size=MESSAGE_BYTES, ws_per_message_deflate=False,
                ws_ping_interval=_ping_seconds(engine.settings.idle_seconds), ws_ping_timeout=PONG_SECONDS,
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
        loop.run_in_executor(None, self.settle)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is under way and close; who has not closed when the time is over is cut off."""
        self._watch.cancel()
        self._sockets.stop()
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def _ping_seconds(idle_seconds: float) -> float:
    """So often that a peer that answers is never taken for idle."""
    return min(PING_SECONDS, idle_seconds / 3) or PING_SECONDS


def run(server: Server, listeners: list[socket.socket]) -> None:
    """Serve until a signal ends it, in a process that does nothing else."""

    def leave(*_: object) -> None:
        server.should_exit = True

    # uvicorn stops at a signal and then raises it once more: with this that second time ends nothing, and a signal that
    # comes before uvicorn looks out for them is not lost.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    server.settle = _settle
    server.run(listeners)


def _settle() -> None:
    """Load what the first read would wait for, and have the garbage collector look at none of it again."""
    preload()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)
