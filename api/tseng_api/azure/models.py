"""`/models`: interfaces of DTDL, which twins follow.

The vendor's REST reference, Digital Twins dataplane 2023-10-31, section Models. A model is a record: its definition,
and the shape that follows from it and from all it is made of, so that a twin's payload needs no other record. What it
is made of stays as long as the model: definitions never change, and what others refer to cannot be deleted.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NotRequired, TypedDict
from urllib.parse import urlencode

import msgspec

from tseng_api.azure import errors
from tseng_api.azure.dtdl import Interface, is_model_id, localized, parse, refuse
from tseng_api.azure.errors import MANNERS, Refused
from tseng_api.azure.hierarchy import Hierarchy, finding, references
from tseng_api.azure.patches import PATCH, operations
from tseng_api.azure.requests import Version, most_items, packed, text_of, unpacked
from tseng_api.azure.shapes import Shape
from tseng_api.routing import Received, route
from tseng_api.wire import encode
from tseng_storage.errors import Changed
from tseng_storage.records import Check, Drop, Keep, Record

MODEL = "azure/model"
_CATALOGUE, _ALL = "azure/models", "all"
MOST_MODELS = 250
"""Of one upload: the vendor's service limits, section Functional limits."""

_PAGE = 100


class Kept(msgspec.Struct):
    """A model as it is kept; `bases` are the ids of all that it extends, `references` of all that it names."""

    definition: dict[str, Any]
    uploaded: str
    decommissioned: bool
    bases: list[str]
    references: list[str]
    shape: Shape


class ModelData(TypedDict):
    """A model, with its definition where that is asked for."""

    id: str
    description: dict[str, str]
    displayName: dict[str, str]
    decommissioned: bool
    uploadTime: str
    model: NotRequired[dict[str, Any]]


class ModelPage(TypedDict):
    """Models in the order of their ids, and where the next ones are."""

    value: list[ModelData]
    nextLink: NotRequired[str]


class Definition(Version, frozen=True):
    """Whether definitions are wanted."""

    includeModelDefinition: bool = False


class Listed(Definition, frozen=True):
    """Which models, and from where on."""

    dependenciesFor: list[str] = msgspec.field(default_factory=list)
    continuationToken: str = ""


@lru_cache(1000)
def opened(body: str) -> Kept:
    """Return what the body of a model's record holds; it is not to be written to."""
    return msgspec.json.decode(body, type=Kept)


def post_models(received: Received[Version, list[dict[str, Any]]]) -> list[ModelData]:
    """Upload models: all of them, or none.

    Interfaces of DTDL version 2 or 3. What they extend and have as components is among them or was uploaded before.
    """
    if not 0 < len(received.body) <= MOST_MODELS:
        raise Refused(errors.INVALID_ARGUMENT, f"an upload has 1 to {MOST_MODELS} models, not {len(received.body)}")
    interfaces = parse(received.body)
    given = {each.id: each for each in interfaces}
    refuse([] if len(given) == len(interfaces) else ["there is more than one interface of an id"])
    taken = [id for id in given if _record(received, id)]
    if taken:
        raise _exists(taken)
    hierarchy = Hierarchy(finding(given, lambda id: _stored(received, id)))
    now = text_of(received.engine.arrivals.now())
    kept = {
        each.id: Kept(dict(each.definition), now, False, hierarchy.bases(each), references(each), hierarchy.shape(each))
        for each in interfaces
    }
    refuse(hierarchy.faults)
    others = {id for each in kept.values() for id in (*each.references, *each.bases)} - given.keys()
    _deposit(
        received,
        [
            Keep(_CATALOGUE, _ALL),
            *(Check(MODEL, id, "present") for id in sorted(others)),
            *(Keep(MODEL, id, "absent", encode(each).decode()) for id, each in kept.items()),
        ],
    )
    return [_data(id, each) for id, each in kept.items()]


def list_models(received: Received[Listed, None]) -> ModelPage:
    """List models by id: all, or some with all that they are made of."""
    query, engine = received.query, received.engine
    most = most_items(received.headers, _PAGE, _PAGE)
    after = unpacked(query.continuationToken, str) if query.continuationToken else ""
    if query.dependenciesFor:
        wanted = sorted(id for id in _dependencies(received, query.dependenciesFor) if id > after)
        records = [record for id in wanted[: most + 1] if (record := _record(received, id))]
    else:
        records = list(engine.records(MODEL, after=after, most=most + 1, project=received.session.project()))
    shown = records[:most]
    page = ModelPage(value=[_data(each.id, opened(each.body), query.includeModelDefinition) for each in shown])
    if records[most:]:
        page["nextLink"] = _next(query, shown[-1].id)
    return page


def get_model(received: Received[Definition, None]) -> ModelData:
    """One model."""
    record = _found(received)
    return _data(record.id, opened(record.body), received.query.includeModelDefinition)


def patch_model(received: Received[Version, bytes]) -> None:
    """Decommission a model: no new twin may follow it.

    `[{"op": "replace", "path": "/decommissioned", "value": true}]`; false takes it back.
    """
    patch = operations(received.body)
    if any(each.op != "replace" or each.path != ("decommissioned",) or type(each.value) is not bool for each in patch):
        raise Refused(errors.JSON_PATCH_INVALID, "of a model /decommissioned can be replaced, by true or false")
    while True:
        record = _found(received)
        kept = opened(record.body)
        for each in patch:
            kept = msgspec.structs.replace(kept, decommissioned=each.value)
        try:
            _deposit(received, [Keep(MODEL, record.id, [record.etag], encode(kept).decode())])
        except Changed:
            continue
        return


def delete_model(received: Received[Version, None]) -> None:
    """Delete a model that no other one refers to; its twins stay."""
    engine, project = received.engine, received.session.project()
    while True:
        catalogue = engine.record(_CATALOGUE, _ALL, project=project)
        record = _found(received)
        users = [
            each.id for each in engine.records(MODEL, project=project) if record.id in opened(each.body).references
        ]
        if users:
            raise Refused(errors.MODEL_REFERENCED, f"{record.id} is referred to by {', '.join(users[:20])}")
        unchanged = [catalogue.etag] if catalogue else "absent"
        try:
            _deposit(received, [Keep(_CATALOGUE, _ALL, unchanged), Drop(MODEL, record.id, "present")])
        except Changed:
            continue
        return


def _deposit(received: Received[Any, Any], records: Sequence[Check]) -> None:
    try:
        received.engine.deposit(records=records, by=received.session.author, project=received.session.project())
    except Changed as changed:
        # Another upload took an id since we looked.
        made = [each.id for each in records if isinstance(each, Keep) and each.expected == "absent"]
        taken = [id for id in made if _record(received, id)]
        if taken:
            raise _exists(taken) from None
        if made:
            raise Refused(errors.DTDL_PARSER_ERROR, "a model that these refer to was deleted meanwhile") from None
        raise changed


def _exists(ids: Sequence[str]) -> Refused:
    return Refused(errors.MODEL_EXISTS, f"there is already {', '.join(ids[:20])}", [f"{id} exists" for id in ids])


def _record(received: Received[Any, Any], id: str) -> Record | None:
    return received.engine.record(MODEL, id, project=received.session.project())


def _stored(received: Received[Any, Any], id: str) -> Interface | None:
    record = _record(received, id)
    if record is None:
        return None
    return next(each for each in parse([opened(record.body).definition]) if each.id == id)


def _found(received: Received[Any, Any]) -> Record:
    id = received.path["id"]
    if not is_model_id(id):
        raise Refused(errors.INVALID_ARGUMENT, f"{id[:128]!r} is no id of a model")
    record = _record(received, id)
    if record is None:
        raise Refused(errors.MODEL_NOT_FOUND, f"there is no model {id}")
    return record


def _dependencies(received: Received[Any, Any], ids: Sequence[str]) -> set[str]:
    """Models and all that they are made of."""
    found: set[str] = set()
    wanted = list(ids)
    while wanted:
        id = wanted.pop()
        if id in found:
            continue
        if not is_model_id(id):
            raise Refused(errors.INVALID_ARGUMENT, f"{id[:128]!r} is no id of a model")
        record = _record(received, id)
        if record is None:
            raise Refused(errors.MODEL_NOT_FOUND, f"there is no model {id}")
        found.add(id)
        wanted += opened(record.body).references
    return found


def _data(id: str, kept: Kept, whole: bool = False) -> ModelData:
    texts = [localized(kept.definition.get(name, "")) or {} for name in ("description", "displayName")]
    data = ModelData(
        id=id,
        description=texts[0],
        displayName=texts[1],
        decommissioned=kept.decommissioned,
        uploadTime=kept.uploaded,
    )
    if whole:
        data["model"] = kept.definition
    return data


def _next(query: Listed, last: str) -> str:
    names: Mapping[str, Any] = {
        "api-version": query.version,
        "includeModelDefinition": str(query.includeModelDefinition).lower(),
        "dependenciesFor": query.dependenciesFor,
        "continuationToken": packed(last),
    }
    return f"/models?{urlencode(names, doseq=True)}"


ROUTES = [
    route("/models", post_models, "writer", method="POST", status=201, refusals=(409,), manners=MANNERS),
    route("/models", list_models, refusals=(404,), manners=MANNERS),
    route("/models/{id}", get_model, refusals=(404,), manners=MANNERS),
    route("/models/{id}", patch_model, "writer", method="PATCH", takes=PATCH, refusals=(404,), manners=MANNERS),
    route("/models/{id}", delete_model, "writer", method="DELETE", refusals=(404, 409), manners=MANNERS),
]
