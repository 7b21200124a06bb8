"""`serve`: the HTTP server, found through its entry point because the API lies above this package."""

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
    port: Annotated[int, typer.Option(help="HTTP port; 0 picks a free one.", min=0, max=65535)] = 4201,
    no_tcp: Annotated[bool, typer.Option("--no-tcp", help="No JSON-RPC over TCP; there is none yet.")] = False,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Private key, PEM.")] = None,
    data: Data = None,
) -> None:
    """Serve the store over HTTP until SIGTERM."""
    if (tls_cert is None) != (tls_key is None):
        raise typer.BadParameter("--tls-cert and --tls-key go together", param_hint="--tls-cert")
    (server,) = entry_points(group="tseng.server", name="http")
    with open_engine(data, create=True) as engine:
        server.load()(engine, host=host, port=port, tls_cert=tls_cert, tls_key=tls_key)
