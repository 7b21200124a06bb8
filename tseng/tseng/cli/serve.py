"""`serve`: the server, found through its entry point because the API lies above this package."""

from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from tseng.cli.options import Data, open_engine


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("serve")(serve)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of HTTP and WebSocket; 0 picks a free one.", min=0, max=65535)] = 4201,
    tcp_port: Annotated[
        int, typer.Option(help="Port of JSON-RPC over TCP; 0 picks a free one.", min=0, max=65535)
    ] = 4200,
    no_tcp: Annotated[bool, typer.Option("--no-tcp", help="No JSON-RPC over TCP.")] = False,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Private key, PEM.")] = None,
    workers: Annotated[int, typer.Option(help="Processes that serve, on the same ports.", min=1, max=256)] = 1,
    data: Data = None,
) -> None:
    """Serve the store over HTTP, WebSocket and TCP until SIGTERM."""
    if (tls_cert is None) != (tls_key is None):
        raise typer.BadParameter("--tls-cert and --tls-key go together", param_hint="--tls-cert")
    (server,) = entry_points(group="tseng.server", name="http")
    with open_engine(data, create=True) as engine:
        server.load()(
            engine, host=host, port=port, tcp_port=None if no_tcp else tcp_port,
            tls_cert=tls_cert, tls_key=tls_key, workers=workers,
        )  # fmt: skip
