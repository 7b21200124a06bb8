"""The rival of a read over HTTP: a bare Starlette application that answers the same bytes to whoever asks.

`python -m benchmarks.bare_http` reads the bytes from stdin and prints its port. uvicorn and the garbage collector are
set as `tseng_api.server` sets them.
"""

import gc
import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tseng_api.limits import UNACCEPTED
from tseng_api.server import COLLECT


def serve(app: Starlette) -> None:
    """Serve an application on a free port, and print that; uvicorn and the garbage collector are set as ours are."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, lifespan="off", backlog=UNACCEPTED
    )
    gc.freeze()
    gc.set_threshold(*COLLECT)
    with socket.create_server(("127.0.0.1", 0), backlog=UNACCEPTED) as listener:
        print(listener.getsockname()[1], flush=True)
        uvicorn.Server(config).run([listener])


def _main() -> None:
    content = sys.stdin.buffer.read()

    async def answer(request: Request) -> Response:
        return Response(content, media_type="application/json")

    serve(Starlette(routes=[Route("/api/data", answer)]))


if __name__ == "__main__":
    _main()
