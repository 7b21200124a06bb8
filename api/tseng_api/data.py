"""REST: `/api/data`, its summary and the upload of observations."""

from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.responses import Response

from tseng.engine import Engine
from tseng.errors import REFUSALS, InvalidRequest
from tseng.formats import FORMATS, TABLE_FORMATS, Format
from tseng.uploads import Observation
from tseng_api.errors import NotAcceptable, NotJson, error_object, fault_list, under
from tseng_api.http import JSON, Received, answer_json, answer_pieces, route
from tseng_api.queries import Query, TableQuery, from_query, only, project_ids, single
from tseng_api.wire import check_json, convert, encode, shaped
from tseng_units.errors import InvalidParam


class Many(msgspec.Struct, forbid_unknown_fields=True):
    """Several reads in one request; each is decoded by itself, so that one bad one does not spoil the others."""

    requests: list[dict[str, Any]]


class Upload(msgspec.Struct, forbid_unknown_fields=True):
    """The body of an upload, decoded in one pass."""

    observations: list[Observation]


class LooseUpload(msgspec.Struct, forbid_unknown_fields=True):
    """The same with rows not looked into, for the engine to name every bad one."""

    observations: list[Any] = []


def get_data(received: Received) -> Response:
    """Answer `GET /api/data`."""
    format = negotiate(received)
    stream = from_query(received.query).open(received.session)
    return answer_pieces(format.encode(stream), format.media_type)


def post_data(received: Received) -> Response:
    """Answer `POST /api/data`: one params object of getData, or `{"requests": [...]}`."""
    only(received.query, ("format", "projectIds"))
    format, body = negotiate(received), received.json(dict[str, Any])
    if "requests" not in body:
        stream = _query(received, body).open(received.session)
        return answer_pieces(format.encode(stream), format.media_type)
    if format.name not in ("json", "columns"):
        raise NotAcceptable(f"many requests are answered as json or columns, not {format.name}", field="format")
    return answer_pieces(_results(received, convert(body, Many).requests, format), JSON)


def post_table(received: Received) -> Response:
    """Answer `POST /api/data/table`: many series over common times."""
    only(received.query, ("format", "projectIds"))
    format, query = negotiate(received), received.json(TableQuery)
    if format.name not in TABLE_FORMATS:
        raise NotAcceptable(f"a table is answered as {', '.join(TABLE_FORMATS)}, not {format.name}", field="format")
    query.projectIds = query.projectIds or project_ids(received.query)
    return answer_pieces(TABLE_FORMATS[format.name](query.read(received.session)), format.media_type)


def get_summary(received: Received) -> Response:
    """Answer `GET /api/data/summary`."""
    if "format" in received.query:
        raise InvalidParam("a summary is JSON alone", field="format", seen=received.query["format"])
    return answer_json(from_query(received.query).summary(received.session))


def upload(received: Received) -> Response:
    """Answer `POST /api/data/upload`: 202 when all rows are durable, 400 with every fault when none is stored."""
    only(received.query, ("projectIds",))
    project = received.session.project(project_ids(received.query))
    try:
        _store(received.engine, _observations(received.body), project)
    except InvalidRequest as error:
        return answer_json(fault_list(error), 400)
    return answer_json({"status": "ACCEPTED"}, 202)


def negotiate(received: Received) -> Format:
    """Pick the format that `?format=` names, else the first that Accept prefers, else JSON.

    Raises:
        InvalidRequest: no such format.
        NotAcceptable: Accept names none of ours.
    """
    if "format" in received.query:
        name = single(received.query, "format")
        if name not in FORMATS:
            raise InvalidRequest.at("format", f"{name!r} is no format; there are: {', '.join(FORMATS)}")
        return FORMATS[name]
    wanted = _by_preference(received.headers.get("accept") or "*/*")
    refused = {media for weight, media in wanted if weight == 0}
    offered = [format for format in FORMATS.values() if format.media_type not in refused]
    for weight, media in wanted:
        for format in offered if weight else ():
            if media in (format.media_type, format.name, "*/*", format.media_type.partition("/")[0] + "/*"):
                return format
    named = ", ".join(format.media_type for format in FORMATS.values())
    raise NotAcceptable(f"none of the accepted media types is offered; there are: {named}", field="Accept")


def _by_preference(accept: str) -> list[tuple[float, str]]:
    """Weights and media types of an Accept header, the preferred first; a weight of 0 refuses (RFC 9110, 12.5.1)."""
    ranges = [part.strip().lower().partition(";") for part in accept.split(",")]
    weighed = [(_weight(parameters), media.strip()) for media, _, parameters in ranges]
    return sorted(weighed, key=lambda pair: (-pair[0], pair[1].count("*")))


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _query(received: Received, body: dict[str, Any]) -> Query:
    query = convert(body, Query)
    query.projectIds = query.projectIds or project_ids(received.query)
    return query


def _results(received: Received, requests: list[dict[str, Any]], format: Format) -> Iterator[bytes]:
    before = b'{"results":['
    for request in requests:
        yield before
        yield from _result(received, request, format)
        before = b","
    yield b"]}" if requests else before + b"]}"


def _result(received: Received, request: dict[str, Any], format: Format) -> Iterator[bytes]:
    """One result, or the error that stands in its place: it is known before the first byte of the result."""
    try:
        stream = _query(received, request).open(received.session)
    except REFUSALS as error:
        return iter([encode({"error": error_object(error)})])
    return format.encode(stream)


def _observations(body: bytes) -> list[Any]:
    """Rows of an upload; a row of the wrong shape is left to the engine, which sees all of them."""
    if not body.strip():
        return []
    try:
        check_json(body)
    except NotJson as error:
        raise InvalidRequest.at("", str(error)) from None
    try:
        return list(shaped(body, Upload).observations)
    except InvalidRequest:
        return shaped(body, LooseUpload).observations


def _store(engine: Engine, observations: list[Any], project: str) -> None:
    try:
        engine.upload(observations, project=project)
    except InvalidRequest as error:
        raise under("observations", error) from None


ROUTES = [
    route("/api/data", get_data),
    route("/api/data", post_data, method="POST"),
    route("/api/data/table", post_table, method="POST", few=True),
    route("/api/data/summary", get_summary),
    route("/api/data/upload", upload, "writer", method="POST"),
]
