"""REST: `POST /api/sql`, one SELECT over the projects that the key reaches."""

from collections.abc import Generator
from typing import BinaryIO

import msgspec
from starlette.responses import Response

from tseng.sql_sandbox import run
from tseng.tables import WRITERS
from tseng_api.data import negotiate
from tseng_api.errors import NotAcceptable
from tseng_api.http import PIECE, Received, answer_pieces, route
from tseng_api.queries import only, project_ids


class Ask(msgspec.Struct, forbid_unknown_fields=True):
    """The body: the query, and the one project it is about."""

    sql: str
    projectIds: list[str] | str | None = None


def post_sql(received: Received) -> Response:
    """Answer `POST /api/sql`; the answer is complete before its first byte leaves, so a refusal always comes first."""
    only(received.query, ("format", "projectIds"))
    format, ask = negotiate(received), received.json(Ask)
    if format.name not in WRITERS:
        raise NotAcceptable(f"SQL is answered as {', '.join(WRITERS)}, not {format.name}", field="format")
    project = _project(received, ask.projectIds or project_ids(received.query))
    answer = run(received.engine, ask.sql, format.name, project)
    return answer_pieces(_pieces(answer), format.media_type)


def _project(received: Received, asked: list[str] | str) -> str | None:
    """Return the project asked for, else the key's; None, and so all of them, for a key that is bound to none."""
    return received.session.project(asked) if asked else received.session.require("reader").project


def _pieces(file: BinaryIO) -> Generator[bytes, None, None]:
    with file:
        while piece := file.read(PIECE):
            yield piece


ROUTES = [route("/api/sql", post_sql, method="POST", few=True)]
