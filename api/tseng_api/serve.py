"""The HTTP server: uvicorn around the application, one line on stdout when it is ready, a clean end on SIGTERM."""

import signal
import socket
from pathlib import Path

import uvicorn

from tseng.engine import Engine
from tseng_api.app import create_app
from tseng_api.logs import configure

# Of the ten seconds that a stop may take, what requests under way get; the rest is for the flush.
_GRACE_SECONDS = 7
# Longer than clients keep idle connections, so that it is they who close them and no request meets a closing one.
_IDLE_SECONDS = 75


class _Server(uvicorn.Server):
    """A server that says where it listens once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the one line that scripts wait for."""
        await super().startup(sockets)
        for bound in sockets or ():
            print(f"listening {_url(bound, secure=self.config.is_ssl)}", flush=True)


def serve(
    engine: Engine,
    *,
    host: str = "127.0.0.1",
    port: int = 4201,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
) -> None:
    """Serve an engine until SIGTERM or SIGINT: requests under way are finished; whoever opened the engine flushes it.

    Args:
        engine: an open engine.
        host: name or address to listen on.
        port: TCP port; 0 picks a free one.
        tls_cert: certificate chain (PEM); with it `https://` is spoken.
        tls_key: its private key (PEM).

    Raises:
        OSError: the address is taken or not ours.
    """
    configure(engine.settings.log_level)
    config = uvicorn.Config(
        create_app(engine), log_config=None, access_log=False, server_header=False, lifespan="off",
        timeout_graceful_shutdown=_GRACE_SECONDS, timeout_keep_alive=_IDLE_SECONDS,
        ssl_certfile=tls_cert, ssl_keyfile=tls_key,
    )  # fmt: skip
    listener = _listen(host, port)
    # uvicorn stops at a signal and then raises it once more: with this that second time ends nothing.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    with listener:
        _Server(config).run([listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        listener = socket.socket(family, kind)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener


def _url(bound: socket.socket, *, secure: bool) -> str:
    host, port = bound.getsockname()[:2]
    return f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
