"""The rival of twins over HTTP: a bare Starlette application that keeps bytes in SQLite, one commit or read a request.

`python -m benchmarks.bare_twins FILE` prints its port. SQLite is set as the store's catalog is, the server as of
`bare_http`; nothing goes through a thread.
"""

import sqlite3
import sys

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.bare_http import serve

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
    serve(Starlette(routes=[Route(where, put, methods=["PUT"]), Route(where, get)]))


if __name__ == "__main__":
    _main(sys.argv[1])
