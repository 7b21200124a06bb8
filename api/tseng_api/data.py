"""REST: `/api/data`, its summary and the upload of observations."""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, ClassVar, Literal, NotRequired, TypedDict, cast

import msgspec
from starlette.responses import Response

from tseng.engine import Engine
from tseng.errors import REFUSALS, InvalidRequest, UnknownSensor
from tseng.formats import FORMATS, TABLE_FORMATS, Format
from tseng.parameters import from_text
from tseng.uploads import Observation
from tseng_api.errors import Faults, NotAcceptable, NotJson, Refused, error_object, fault_list, under
from tseng_api.http import JSON, answer_json, answer_pieces
from tseng_api.media import FormatName, Formatted, media_types, negotiate
from tseng_api.queries import (
    Aggregate,
    Duration,
    Instant,
    Known,
    Limit,
    Most,
    Query,
    Summary,
    TableQuery,
    Zone,
)
from tseng_api.query_strings import InProject, Rest
from tseng_api.routing import Answer, OneOf, Received, route
from tseng_api.wire import convert, decode, encode, lenient, shaped
from tseng_storage.errors import KeyReused
from tseng_storage.once import Once
from tseng_units.errors import InvalidParam

IDEMPOTENCY_KEY = "Idempotency-Key"
LONGEST_KEY = 255


class Many(msgspec.Struct, forbid_unknown_fields=True):
    """Several reads in one request; each is decoded by itself, so that one bad one does not spoil the others."""

    requests: list[dict[str, Any]]


class Upload(msgspec.Struct, forbid_unknown_fields=True):
    """The body of an upload, decoded in one pass."""

    observations: list[Observation]


class LooseUpload(msgspec.Struct, forbid_unknown_fields=True):
    """The same with rows not looked into, for the engine to name every bad one."""

    observations: list[Any] = []


class Series(Rest):
    """One read; a name that is none of these is a metric parameter, such as `ZERO_DATE=…`, `dt=3600` or `dt=2,h`."""

    REST: ClassVar[str] = "params"

    sensor: str
    metric: str
    unit: str
    params: dict[str, str] = msgspec.field(default_factory=dict)
    startDate: Instant | None = None
    endDate: Instant | None = None
    limit: Literal["first", "last", ""] = ""
    aggregate: Aggregate | None = None
    window: Duration | None = None
    timeZone: Zone | None = None
    maxGap: Duration | None = None
    points: Most | None = None
    gap: Duration | None = None
    asOf: Known | None = None
    provenance: bool = False

    def query(self) -> Query:
        """Return it as the params object of getData."""
        return Query(
            self.sensor, self.metric, self.unit, {name: from_text(text) for name, text in self.params.items()},
            self.startDate, self.endDate, Limit(self.limit) if self.limit else None, self.aggregate, self.window,
            self.timeZone, self.maxGap, self.points, self.gap, self.asOf, self.provenance, self.projectIds,
        )  # fmt: skip


class FormattedSeries(Series):
    """One read, and the form of the answer."""

    format: FormatName | None = None


class SeriesObject(TypedDict):
    """A series as JSON: values by ISO time; gaps and provenance where they are asked for."""

    sensor: str
    metric: str
    unit: str
    data: dict[str, float]
    gaps: NotRequired[list[list[str]]]
    provenance: NotRequired[dict[str, Any]]


class SeriesColumns(TypedDict):
    """A series as two columns, the times in milliseconds since 1970."""

    time: list[int]
    value: list[float]
    gaps: NotRequired[list[list[str]]]
    provenance: NotRequired[dict[str, Any]]


class Results(TypedDict):
    """The answers to many reads, in their order."""

    results: list[dict[str, Any]]


class TableColumn(TypedDict):
    """One column of a table; null where there is no value."""

    name: str
    sensor: str
    metric: str
    unit: str
    values: list[float | None]
    provenance: NotRequired[dict[str, Any]]


class TableObject(TypedDict):
    """A table as JSON, its times in milliseconds since 1970."""

    time: list[int]
    columns: list[TableColumn]


class Accepted(TypedDict):
    """All rows are on disk."""

    status: Literal["ACCEPTED"]


def get_data(received: Received[FormattedSeries, None]) -> Response:
    """Read one series."""
    format = negotiate(received)
    stream = received.query.query().open(received.session)
    return answer_pieces(format.encode(stream), format.media_type)


def post_data(received: Received[Formatted, bytes]) -> Response:
    """Read one series by the params object of getData, or many by `{"requests": [...]}`."""
    format, body = negotiate(received), decode(received.body, dict[str, Any])
    if "requests" not in body:
        stream = _query(received, body).open(received.session)
        return answer_pieces(format.encode(stream), format.media_type)
    if format.name not in ("json", "columns"):
        raise NotAcceptable(f"many requests are answered as json or columns, not {format.name}", field="format")
    return answer_pieces(_results(received, convert(body, Many).requests, format), JSON)


def post_table(received: Received[Formatted, TableQuery]) -> Response:
    """Read many series over common times."""
    format, query = negotiate(received), received.body
    if format.name not in TABLE_FORMATS:
        raise NotAcceptable(f"a table is answered as {', '.join(TABLE_FORMATS)}, not {format.name}", field="format")
    query.projectIds = query.projectIds or received.query.projectIds
    return answer_pieces(TABLE_FORMATS[format.name](query.read(received.session)), format.media_type)


def get_summary(received: Received[Series, None]) -> Summary:
    """Tell the first and the last point of a series, and how many it has."""
    if "format" in received.query.params:
        raise InvalidParam("a summary is JSON alone", field="format", seen=received.query.params["format"])
    return received.query.query().summary(received.session)


def upload(received: Received[InProject, bytes]) -> Response:
    """Store observations, all of them or none.

    Answers 202 when all rows are durable, 400 with every fault when none is stored. With the header Idempotency-Key it
    may be sent again for a day: it is stored once.
    """
    project, once = received.project, _once(received)
    try:
        _store(received.engine, _observations(received.body), project, once)
    except InvalidRequest as error:
        return answer_json(fault_list(error), 400)
    return answer_json({"status": "ACCEPTED"}, 202)


def _once(received: Received[InProject, bytes]) -> Once | None:
    """What the header Idempotency-Key says: text, also in quotes (the IETF's draft has it as a structured string)."""
    given = received.headers.get(IDEMPOTENCY_KEY)
    if given is None:
        return None
    quoted = len(given) > 1 and given[0] == given[-1] == '"'
    key = given[1:-1] if quoted else given
    if not (key.isascii() and key.isprintable() and 0 < len(key) <= LONGEST_KEY and key.strip() == key):
        raise InvalidRequest.at(IDEMPOTENCY_KEY, f"must be 1 to {LONGEST_KEY} characters of ASCII, not {given!r:.80}")
    return Once(key, hashlib.sha256(received.body).hexdigest())


def _query(received: Received[Formatted, bytes], body: dict[str, Any]) -> Query:
    query = convert(body, Query)
    query.projectIds = query.projectIds or received.query.projectIds
    return query


def _results(received: Received[Formatted, bytes], requests: list[dict[str, Any]], format: Format) -> Iterator[bytes]:
    before = b'{"results":['
    for request in requests:
        yield before
        yield from _result(received, request, format)
        before = b","
    yield b"]}" if requests else before + b"]}"


def _result(received: Received[Formatted, bytes], request: dict[str, Any], format: Format) -> Iterator[bytes]:
    """One result, or the error that stands in its place: it is known before the first byte of the result."""
    try:
        stream = _query(received, request).open(received.session)
    except REFUSALS as error:
        return iter([encode({"error": error_object(error)})])
    return format.encode(stream)


def _observations(body: bytes) -> list[Any]:
    """Rows of an upload, in one pass where they are well formed.

    Only then is it asked whether this is JSON at all; a row of the wrong shape is left to the engine, which sees all.
    """
    if not body.strip():
        return []
    # What is wrong with it, and in which rows, is found out below and by the engine, which name all of them.
    with suppress(InvalidRequest):
        return cast("list[Any]", shaped(body, Upload).observations)
    try:
        return shaped(lenient(body), LooseUpload).observations
    except NotJson as error:
        raise InvalidRequest.at("", str(error)) from None


def _store(engine: Engine, observations: list[Any], project: str, once: Once | None) -> None:
    try:
        engine.upload(observations, once=once, project=project)
    except (InvalidRequest, UnknownSensor) as error:
        raise under("observations", error) from None
    except KeyReused as reused:
        raise KeyReused(str(reused), IDEMPOTENCY_KEY, reused.seen) from None


_SERIES = media_types(FORMATS, json=SeriesObject, columns=SeriesColumns)

ROUTES = [
    route("/api/data", get_data, answers={200: Answer("The series.", _SERIES)}, refusals=(404, 406), same=True),
    route(
        "/api/data",
        post_data,
        method="POST",
        takes={JSON: OneOf((Query, Many))},
        answers={200: Answer("The series, or the results.", _SERIES | {JSON: OneOf((SeriesObject, Results))})},
        refusals=(404, 406),
    ),
    route(
        "/api/data/table",
        post_table,
        method="POST",
        answers={200: Answer("The table.", media_types(TABLE_FORMATS, json=TableObject))},
        refusals=(404, 406),
        few=True,
    ),
    route("/api/data/summary", get_summary, refusals=(404,), same=True),
    route(
        "/api/data/upload",
        upload,
        "writer",
        method="POST",
        takes={JSON: Upload},
        answers={
            202: Answer("All rows are on disk.", {JSON: Accepted}),
            400: Answer("Nothing is stored; every fault.", {JSON: OneOf((Faults, Refused))}),
        },
        refusals=(404, 422),
    ),
]
