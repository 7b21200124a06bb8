"""REST: `POST /api/sql`, one SELECT over the projects that the key reaches."""

from collections.abc import Generator
from typing import Any, BinaryIO, TypedDict

import msgspec
from starlette.responses import Response

from tseng.sql_sandbox import run
from tseng.tables import WRITERS
from tseng_api.errors import NotAcceptable
from tseng_api.http import PIECE, answer_pieces
from tseng_api.media import Formatted, media_types, negotiate
from tseng_api.routing import Answer, Received, route


class Ask(msgspec.Struct, forbid_unknown_fields=True):
    """The body: the query, and the one project it is about."""

    sql: str
    projectIds: list[str] | str | None = None


class Rows(TypedDict):
    """The answer as JSON."""

    columns: list[str]
    rows: list[list[Any]]


def post_sql(received: Received[Formatted, Ask]) -> Response:
    """Answer one SELECT over one snapshot.

    The answer is complete before its first byte leaves, so a refusal always comes first.
    """
    format, ask = negotiate(received), received.body
    if format.name not in WRITERS:
        raise NotAcceptable(f"SQL is answered as {', '.join(WRITERS)}, not {format.name}", field="format")
    project = _project(received, ask.projectIds or received.query.projectIds)
    answer = run(received.engine, ask.sql, format.name, project)
    return answer_pieces(_pieces(answer), format.media_type)


def _project(received: Received[Formatted, Ask], asked: list[str] | str) -> str | None:
    """Return the project asked for, else the key's; None, and so all of them, for a key that is bound to none."""
    return received.session.project(asked) if asked else received.session.require("reader").project


def _pieces(file: BinaryIO) -> Generator[bytes, None, None]:
    with file:
        while piece := file.read(PIECE):
            yield piece


ROUTES = [
    route(
        "/api/sql",
        post_sql,
        method="POST",
        answers={200: Answer("The rows.", media_types(WRITERS, json=Rows))},
        refusals=(404, 406),
        few=True,
    )
]
