"""`tseng serve`: one process or several, one line on stdout when ready, a clean end on SIGTERM."""

from contextlib import ExitStack
from pathlib import Path

from tseng.engine import Engine
from tseng.tokens import Tokens
from tseng_api.listening import allow_many_files, announce, listen
from tseng_api.logs import configure
from tseng_api.server import Certificate, Server, run
from tseng_api.workers import supervise


def serve(
    engine: Engine,
    *,
    host: str = "127.0.0.1",
    port: int = 4201,
    tcp_port: int | None = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    workers: int = 1,
) -> None:
    """Serve an engine until SIGTERM or SIGINT: requests under way are finished; whoever opened the engine flushes it.

    Args:
        engine: an open engine.
        host: name or address to listen on.
        port: port of HTTP and WebSocket; 0 picks a free one.
        tcp_port: port of JSON-RPC over TCP; 0 picks a free one, None is none.
        tls_cert: certificate chain (PEM); with it TLS is spoken on both.
        tls_key: its private key (PEM).
        workers: processes that serve; with several of them the engine is closed, for each opens one of its own.

    Raises:
        OSError: an address is taken or not ours.
        EngineError: the certificate, or a key set that the settings name, cannot be used; a worker could not start.
    """
    certificate = Certificate(tls_cert, tls_key) if tls_cert and tls_key else None
    if certificate is not None:
        certificate.check()
    configure(engine.settings.log_level)
    allow_many_files()
    with ExitStack() as stack:
        listeners = [stack.enter_context(listener) for listener in listen(host, port, tcp_port)]

        def ready() -> None:
            announce(listeners, secure=certificate is not None)

        if workers == 1:
            run(Server(engine, certificate=certificate, ready=ready), listeners)
        else:
            Tokens(engine).check_settings()
            engine.close()
            supervise(engine.settings, workers, listeners, certificate, ready)
