"""`/digitaltwins`: twins and their components, whose numbers are observations.

Seeds 002 and 004; the vendor's REST reference, Digital Twins dataplane 2023-10-31, section Twins. A twin is a record.
It is written with its numbers in one transaction, in which its model must still be what the payload was held against.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
from starlette.responses import Response

from tseng.depositing import Reading
from tseng_api.azure import errors
from tseng_api.azure.errors import MANNERS, Refused
from tseng_api.azure.models import MODEL, Kept, opened
from tseng_api.azure.patches import PATCH, Patched, is_component, operations
from tseng_api.azure.payloads import Payload, model_of
from tseng_api.azure.requests import Conditions, Version, etag_text
from tseng_api.azure.shapes import METADATA, Path
from tseng_api.http import JSON
from tseng_api.routing import Answer, Received, route
from tseng_api.wire import encode
from tseng_storage.errors import Changed, StoreBusy
from tseng_storage.records import Check, Drop, Keep, Record

T = TypeVar("T")

TWIN = "azure/twin"
SENSOR_TYPE = "DIGITAL_TWIN"
LARGEST_TWIN = 2**20
"""Bytes of a twin or patch."""

_ATTEMPTS = 100
# The vendor's alphabet of ids (IoT Hub identity registry, section Device identity properties).
_ID = re.compile(r"[A-Za-z0-9\-:.+%_#*?!(),=@;$']{1,128}")
_NAME_OF_PART = "componentPath"


def put_twin(received: Received[Version, dict[str, Any]]) -> Response:
    """Add or replace a twin.

    Its numbers are observations, kept in the same transaction. `If-None-Match: *` adds and replaces nothing.
    """
    id, sent = _id(received), received.body
    conditions = Conditions.of(received.headers)
    model = model_of(sent)

    def once() -> Response:
        record, kept = _model(received, model)
        if kept.decommissioned:
            raise Refused(errors.MODEL_DECOMMISSIONED, f"{model} is decommissioned: no twin can be made of it")
        payload = Payload(sent, kept.shape)
        expected = conditions.expected(lambda: _record(received, id))
        etag, arrival = str(uuid4()), received.engine.arrivals.now()
        body = encode(payload.document(id, etag, arrival))
        most = received.engine.settings.twin_limit
        keep = Keep(TWIN, id, expected, body.decode(), most=most, etag=etag)
        _deposit(received, payload.readings(_sensor(id), arrival), [Check(MODEL, model, [record.etag]), keep])
        return _answer(etag, body)

    return _until_done(once, retry=lambda changed: changed.field == MODEL or conditions.looks)


def get_twin(received: Received[Version, None]) -> Response:
    """Retrieve a twin."""
    record = _found(received)
    return _answer(record.etag, record.body.encode())


def patch_twin(received: Received[Version, bytes]) -> Response:
    """Update a twin with a JSON Patch: add, replace and remove.

    The numbers that it sets are observations; what it removes leaves the observations that there are.
    """
    return _patched(received, ())


def delete_twin(received: Received[Version, None]) -> None:
    """Delete a twin; its observations stay."""
    conditions = Conditions.of(received.headers)

    def once() -> None:
        record = _found(received)
        conditions.require(record)
        _deposit(received, [], [Drop(TWIN, record.id, [record.etag])])

    _until_done(once)


def get_component(received: Received[Version, None]) -> Response:
    """Retrieve a component of a twin."""
    record = _found(received)
    return _answer(record.etag, encode(_component(msgspec.json.decode(record.body), _part(received), record.id)))


def patch_component(received: Received[Version, bytes]) -> Response:
    """Update a component of a twin with a JSON Patch."""
    return _patched(received, _part(received))


def _patched(received: Received[Version, bytes], part: Path) -> Response:
    conditions = Conditions.of(received.headers)

    def once() -> Response:
        # Read anew each time: what a step adds, those after it change in place.
        steps = operations(received.body)
        record = _found(received)
        conditions.require(record)
        before, patched = msgspec.json.decode(record.body), Patched(msgspec.json.decode(record.body))
        _component(before, part, record.id)
        for step in steps:
            patched.apply(step, part)
        patched.finish()
        model = model_of(patched.payload)
        followed, kept = _model(received, model)
        if kept.decommissioned and model != before[METADATA]["$model"]:
            raise Refused(errors.MODEL_DECOMMISSIONED, f"{model} is decommissioned: no twin can change to it")
        payload = Payload(patched.payload, kept.shape)
        etag, arrival = str(uuid4()), received.engine.arrivals.now()
        body = encode(payload.document(record.id, etag, arrival, before, patched.touched)).decode()
        readings = payload.readings(_sensor(record.id), arrival, patched.touched)
        _deposit(
            received,
            readings,
            [Check(MODEL, model, [followed.etag]), Keep(TWIN, record.id, [record.etag], body, etag=etag)],
        )
        return Response(status_code=204, headers={"ETag": etag_text(etag)})

    return _until_done(once)


def _until_done(once: Callable[[], T], retry: Callable[[Changed], bool] = lambda changed: True) -> T:
    """Do it, and again where what was looked at has changed since."""
    for _ in range(_ATTEMPTS):
        try:
            return once()
        except Changed as changed:
            if not retry(changed):
                raise
    raise StoreBusy("this twin is changed by others all the time")


def _deposit(received: Received[Any, Any], readings: Sequence[Reading], records: Sequence[Check]) -> None:
    session = received.session
    received.engine.deposit(readings, type=SENSOR_TYPE, records=records, by=session.author, project=session.project())


def _answer(etag: str, body: bytes) -> Response:
    return Response(body, headers={"ETag": etag_text(etag)}, media_type=JSON)


def _sensor(id: str) -> str:
    return f"/adt/{id}/sensor"


def _id(received: Received[Any, Any]) -> str:
    id: str = received.path["id"]
    if not _ID.fullmatch(id):
        words = "an id has 1 to 128 letters, digits and characters of -:.+%_#*?!(),=@;$'"
        raise Refused(errors.INVALID_ARGUMENT, f"{id[:128]!r} is no id of a twin: {words}")
    return id


def _part(received: Received[Any, Any]) -> Path:
    return tuple(received.path[_NAME_OF_PART].split("/"))


def _record(received: Received[Any, Any], id: str) -> Record | None:
    return received.engine.record(TWIN, id, project=received.session.project())


def _found(received: Received[Any, Any]) -> Record:
    id = _id(received)
    record = _record(received, id)
    if record is None:
        raise Refused(errors.TWIN_NOT_FOUND, f"there is no digital twin {id}")
    return record


def _model(received: Received[Any, Any], id: str) -> tuple[Record, Kept]:
    record = received.engine.record(MODEL, id, project=received.session.project())
    if record is None:
        raise Refused(errors.INVALID_ARGUMENT, f"there is no model {id[:128]}")
    return record, opened(record.body)


def _component(document: Any, part: Path, id: str) -> Any:
    """Return what lies at a path of components, the twin itself at an empty one."""
    for name in part:
        document = document.get(name) if name != METADATA else None
        if not is_component(document):
            raise Refused(errors.COMPONENT_NOT_FOUND, f"{id} has no component {'/'.join(part)}")
    return document


_TWIN = {200: Answer("The twin.", {JSON: dict[str, Any]})}
_CHANGED = {204: Answer("Done; the new version is in `ETag`.")}

ROUTES = [
    route(
        "/digitaltwins/{id}",
        put_twin,
        "writer",
        method="PUT",
        answers=_TWIN,
        refusals=(412,),
        manners=MANNERS,
        most_bytes=LARGEST_TWIN,
    ),
    route("/digitaltwins/{id}", get_twin, answers=_TWIN, refusals=(404,), manners=MANNERS),
    route(
        "/digitaltwins/{id}",
        patch_twin,
        "writer",
        method="PATCH",
        takes=PATCH,
        answers=_CHANGED,
        refusals=(404, 412),
        manners=MANNERS,
        most_bytes=LARGEST_TWIN,
    ),
    route("/digitaltwins/{id}", delete_twin, "writer", method="DELETE", refusals=(404, 412), manners=MANNERS),
    route(
        "/digitaltwins/{id}/components/{componentPath:path}",
        get_component,
        answers={200: Answer("The component.", {JSON: dict[str, Any]})},
        refusals=(404,),
        manners=MANNERS,
    ),
    route(
        "/digitaltwins/{id}/components/{componentPath:path}",
        patch_component,
        "writer",
        method="PATCH",
        takes=PATCH,
        answers=_CHANGED,
        refusals=(404, 412),
        manners=MANNERS,
        most_bytes=LARGEST_TWIN,
    ),
]
