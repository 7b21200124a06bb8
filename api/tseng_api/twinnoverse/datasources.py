"""`/api/datasources` makes data sources, `POST /functions/v1/ingest-data` takes what they are sent (seed 001).

The numbers of a payload are observations of the data source's sensor, at their arrival. What came last is kept under
each DataKey as it came, and of texts every version: a text is no observation, but has a history all the same.
"""

import uuid
from typing import Annotated, Any, Literal, TypedDict

import msgspec

from tseng.access import digest, new_key
from tseng.depositing import Reading
from tseng.errors import Forbidden, InvalidRequest, NotFound
from tseng_api.http import JSON
from tseng_api.paging import Paged, behind, token
from tseng_api.query_strings import Ignored, InProject
from tseng_api.routing import Received, route
from tseng_api.twinnoverse.errors import MANNERS
from tseng_api.twinnoverse.widgets import Name, Widget, Widgets, check
from tseng_api.wire import decode
from tseng_storage.credentials import NewKey
from tseng_storage.records import Check, Keep, Record
from tseng_units.instants import format_instant, parse_instant

SENSOR_TYPE = "DATASOURCE"
LARGEST_PAYLOAD = 2**18
# Kinds of the records.
SOURCE, LATEST, TEXT = "twinnoverse.datasource", "twinnoverse.latest", "twinnoverse.text"


class Outline(msgspec.Struct, forbid_unknown_fields=True):
    """A data source to be made."""

    name: Name
    widgets: Annotated[list[Widget], msgspec.Meta(min_length=1, max_length=100)]


class Latest(msgspec.Struct):
    """What came last under a DataKey, as it came, and when."""

    time: str
    value: Any


class Source(TypedDict):
    """A data source that was made; its key is shown this once."""

    id: str
    name: str
    key: str
    exampleSchema: dict[str, Any]
    widgets: list[Widget]


class ShownSource(TypedDict):
    """A data source and its widgets, each with its `latest` `time` and `value`; null before the first."""

    id: str
    name: str
    exampleSchema: dict[str, Any]
    widgets: list[dict[str, Any]]


class SourceName(TypedDict):
    """A data source in a list."""

    id: str
    name: str


class Sources(TypedDict):
    """The data sources of a project, by id."""

    datasources: list[SourceName]


class OfMetric(Paged, kw_only=True):
    """Which texts are meant, and one page of them."""

    metric: str


class Texts(TypedDict):
    """The texts of one metric by their time, oldest first, and the token of the next page if there is one."""

    metric: str
    data: dict[str, str]
    nextPageToken: str | None


class Taken(TypedDict):
    """The payload is on disk."""

    status: Literal["OK"]


def post_datasource(received: Received[InProject, Outline]) -> Source:
    """Make a data source with its widgets, and the key that it is sent to with."""
    asked, id, key = received.body, uuid.uuid4().hex, new_key()
    check(asked.widgets)
    received.engine.deposit(
        records=[Keep(SOURCE, id, "absent", msgspec.json.encode(asked).decode())],
        keys=[NewKey(id, "sender", digest(key))],
        by=received.session.author,
        project=received.project,
    )
    return {"id": id, "name": asked.name, "key": key, "exampleSchema": _example(asked), "widgets": asked.widgets}


def list_datasources(received: Received[InProject, None]) -> Sources:
    """List the data sources of a project."""
    found = received.engine.records(SOURCE, project=received.project)
    return {"datasources": [{"id": each.id, "name": _outline(each).name} for each in found]}


def get_datasource(received: Received[InProject, None]) -> ShownSource:
    """Show a data source and what came last for each of its widgets."""
    record = _found(received, received.path["id"], received.project)
    outline = _outline(record)
    latest = {key: _latest(received, record.id, key) for key in {widget.DataKey for widget in outline.widgets}}
    shown = [{**msgspec.to_builtins(widget), "latest": latest[widget.DataKey]} for widget in outline.widgets]
    return {"id": record.id, "name": outline.name, "exampleSchema": _example(outline), "widgets": shown}


def get_texts(received: Received[OfMetric, None]) -> Texts:
    """Read the texts that came under a DataKey, or `DataKey.subKey`: the history that numbers have as observations."""
    engine, project, asked = received.engine, received.project, received.query
    id = f"{_found(received, received.path['id'], project).id}/{asked.metric}"
    size, list_of = asked.pageSize, [project, TEXT, id]
    after: int = behind(asked.pageToken, list_of, int) or 0
    # First the present one: what replaces it meanwhile is then seen among those of the past.
    last = engine.record(TEXT, id, project=project)
    past = engine.past_records(TEXT, id, after=after, most=size + 1, project=project)
    found = [(each.modified, each.body) for each in past]
    if last is not None and len(found) <= size and last.modified > max([after, *(at for at, _ in found)]):
        found.append((last.modified, last.body))
    texts = [msgspec.json.decode(body, type=Latest) for _, body in found[:size]]
    # They were kept as they came to the disk.
    texts.sort(key=lambda each: parse_instant(each.time))
    more = token(list_of, found[size - 1][0]) if len(found) > size else None
    return {"metric": asked.metric, "data": {each.time: each.value for each in texts}, "nextPageToken": more}


def ingest_data(received: Received[Ignored, bytes]) -> Taken:
    """Take what a data source is sent.

    An object with a DataKey, or several, of the data source's widgets: its numbers are observations from then on. The
    key stands in `X-API-Key` or as `Authorization: Bearer`.
    """
    identity = received.session.require("sender")
    project = received.session.project()
    if identity.role != "sender":
        raise Forbidden("this is no key of a data source; `POST /api/datasources` makes one", field="X-API-Key")
    source, payload = _found(received, identity.name, project), decode(received.body, dict[str, Any])
    data = Widgets(_outline(source).widgets).read(payload)
    if not payload:
        raise InvalidRequest.at("", "must hold something")
    time = received.engine.arrivals.now()
    at = format_instant(time)
    numbers = [each for each in data if isinstance(each.value, float)]
    values = {each.metric: each.value for each in numbers if isinstance(each.value, float)}
    units = {each.metric: each.unit for each in numbers if each.unit is not None}
    latest = [Keep(LATEST, f"{source.id}/{key}", body=_kept(at, value), at=time) for key, value in payload.items()]
    texts = [each for each in data if isinstance(each.value, str)]
    history = [Keep(TEXT, f"{source.id}/{each.metric}", body=_kept(at, each.value), past=True) for each in texts]
    received.engine.deposit(
        [Reading(f"/twinnoverse/{source.id}/sensor", time, values, units)] if values else [],
        type=SENSOR_TYPE,
        records=[Check(SOURCE, source.id, "present"), *latest, *history],
        by=source.id,
        project=project,
    )
    return {"status": "OK"}


def _found(received: Received[Any, Any], id: str, project: str) -> Record:
    found = received.engine.record(SOURCE, id, project=project)
    if found is None:
        raise NotFound(f"there is no data source {id!r}", field="id", seen=id)
    return found


def _outline(record: Record) -> Outline:
    return msgspec.json.decode(record.body, type=Outline)


def _example(outline: Outline) -> dict[str, Any]:
    return Widgets(outline.widgets).example()


def _latest(received: Received[InProject, None], source: str, key: str) -> Latest | None:
    found = received.engine.record(LATEST, f"{source}/{key}", project=received.project)
    return None if found is None else msgspec.json.decode(found.body, type=Latest)


def _kept(time: str, value: Any) -> str:
    return msgspec.json.encode(Latest(time, value)).decode()


ROUTES = [
    route("/api/datasources", post_datasource, "writer", method="POST", status=201, refusals=(404,)),
    route("/api/datasources", list_datasources, refusals=(404,)),
    route("/api/datasources/{id}", get_datasource, refusals=(404,)),
    route("/api/datasources/{id}/texts", get_texts, refusals=(404,)),
    route(
        "/functions/v1/ingest-data",
        ingest_data,
        "sender",
        method="POST",
        takes={JSON: dict[str, Any]},
        manners=MANNERS,
        most_bytes=LARGEST_PAYLOAD,
    ),
]
