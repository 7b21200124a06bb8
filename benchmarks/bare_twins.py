"""The rival of twins over HTTP: a bare Starlette application that keeps bytes in SQLite, one commit or read a request.

`python -m benchmarks.bare_twins FILE` prints its port. SQLite is set as the store's catalog is, uvicorn and the garbage
collector as `tseng_api.server` sets them; nothing goes through a thread.
"""

import gc
import socket
import sqlite3
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tseng_api.limits import UNACCEPTED
from tseng_api.server import COLLECT

_JSON = "application/json"


def _main(path: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE twin (id TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID")

    async def put(request: Request) -> Response:
        body = await request.body()
        connection.execute("INSERT OR REPLACE INTO twin VALUES (?, ?)", (request.path_params["id"], body))
        return Response(body, media_type=_JSON)

    async def get(request: Request) -> Response:
        row = connection.execute("SELECT body FROM twin WHERE id = ?", (request.path_params["id"],)).fetchone()
        return Response(row[0], media_type=_JSON)

    where = "/digitaltwins/{id}"
    app = Starlette(routes=[Route(where, put, methods=["PUT"]), Route(where, get)])
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, lifespan="off", backlog=UNACCEPTED
    )
    gc.freeze()
    gc.set_threshold(*COLLECT)
    with socket.create_server(("127.0.0.1", 0), backlog=UNACCEPTED) as listener:
        print(listener.getsockname()[1], flush=True)
        uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    _main(sys.argv[1])
