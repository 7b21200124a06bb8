"""JSON-RPC methods on nodes, devices and sensors (seed 003, Working With Entities).

The three kinds differ in the name of one field alone, so each method is written once and made three times.
"""

from typing import Any

import msgspec
from msgspec.structs import FieldInfo

from tseng_api.entities import EntityObject, wired
from tseng_api.rpc import Call, Method, Methods
from tseng_api.session import Session
from tseng_storage.entities import Kind

ProjectIds = list[str] | str | None


class Get(msgspec.Struct, forbid_unknown_fields=True):
    """Which entities; without ids all of the project."""

    ids: list[str] | None = None
    projectIds: ProjectIds = None


class Update(msgspec.Struct, forbid_unknown_fields=True):
    """Props to merge into an entity's, from a date on or as a correction; null removes a key."""

    id: str
    props: dict[str, Any]
    validFrom: str | None = None
    projectIds: ProjectIds = None


class New(msgspec.Struct, forbid_unknown_fields=True):
    """An entity to be made."""

    id: str
    type: str
    props: dict[str, Any] = {}
    observationType: str | None = None
    refId: str | None = None
    customProps: dict[str, Any] | None = None


class Create(New, forbid_unknown_fields=True):
    """A new entity, and its project."""

    projectIds: ProjectIds = None


def methods_of(kind: Kind) -> Methods:
    """Return get, update and create of one kind."""
    name = kind.capitalize()
    return {
        f"get{name}s": Method(_get(kind), renamed(Get, "ids", f"{kind}s"), list[EntityObject]),
        f"update{name}": Method(_update(kind), renamed(Update, "id", kind), EntityObject, "writer"),
        f"create{name}": Method(_create(kind), renamed(Create, "id", kind), EntityObject, "writer"),
    }


def renamed(base: type[msgspec.Struct], field: str, wire_name: str) -> type[msgspec.Struct]:
    """Return the struct with one field under another name on the wire."""
    fields = [(each.name, each.type, *_default(each)) for each in msgspec.structs.fields(base)]
    return msgspec.defstruct(base.__name__, fields, rename={field: wire_name}, forbid_unknown_fields=True)


def _default(field: FieldInfo) -> tuple[Any, ...]:
    if field.required:
        return ()
    made = field.default_factory is not msgspec.NODEFAULT
    return (msgspec.field(default_factory=field.default_factory) if made else field.default,)


def made(session: Session, kind: Kind, asked: New, project: str) -> EntityObject:
    """Make an entity, and return it as it is printed."""
    entity = session.engine.create_entity(
        kind, asked.id, asked.type, asked.props, observation_type=asked.observationType, ref_id=asked.refId,
        custom_props=asked.customProps, by=session.author, project=project,
    )  # fmt: skip
    return wired(session.engine, [entity])[0]


def _author(call: Call) -> str:
    return call.session.author


def _get(kind: Kind) -> Any:
    def get(call: Call, params: Get) -> list[EntityObject]:
        """Retrieve the entities of these ids in their current state; unknown ids are left out, no ids means all."""
        found = call.engine.entities(kind, params.ids, project=call.session.project(params.projectIds))
        return wired(call.engine, found)

    return get


def _update(kind: Kind) -> Any:
    def update(call: Call, params: Update) -> EntityObject:
        """Merge props into an entity's, from the date validFrom on, else as a correction; null removes a key."""
        project, since, by = call.session.project(params.projectIds), params.validFrom, _author(call)
        changed = call.engine.update_entity(kind, params.id, params.props, valid_from=since, by=by, project=project)
        return wired(call.engine, [changed])[0]

    return update


def _create(kind: Kind) -> Any:
    def make(call: Call, params: Create) -> EntityObject:
        """Create an entity; an error if it exists."""
        return made(call.session, kind, params, call.session.project(params.projectIds))

    return make
