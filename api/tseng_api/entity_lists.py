"""REST: lists of nodes, devices and sensors (seed 003, iTwin IoT Platform REST API), filtered and sorted."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypedDict

import msgspec

from tseng_api.entities import EntityObject, wired
from tseng_api.paging import Paged, behind, token
from tseng_api.routing import Received, route
from tseng_storage.entities import Entity, Kind

Sort = Literal[
    "id", "-id", "name", "-name", "type", "-type", "creationDate", "-creationDate", "lastModifiedDate",
    "-lastModifiedDate",
]  # fmt: skip


class Nodes(Paged):
    """One page, of these types, with this name."""

    types: Annotated[list[str], msgspec.Meta(description="Types, or templates in INTEGRATION_ID.")] = msgspec.field(
        default_factory=list
    )
    name: Annotated[str | None, msgspec.Meta(description="What NAME contains, in capitals or not.")] = None
    sort: Annotated[Sort, msgspec.Meta(description="With - the last comes first.")] = "id"


class Devices(Nodes):
    """The same, below these nodes."""

    nodeIds: list[str] = msgspec.field(default_factory=list)


class Sensors(Devices):
    """The same, of these devices."""

    deviceIds: list[str] = msgspec.field(default_factory=list)


class NodePage(TypedDict):
    """Nodes, and the token of the next page if there is one."""

    nodes: list[EntityObject]
    nextPageToken: str | None


class DevicePage(TypedDict):
    """Devices, and the token of the next page if there is one."""

    devices: list[EntityObject]
    nextPageToken: str | None


class SensorPage(TypedDict):
    """Sensors, and the token of the next page if there is one."""

    sensors: list[EntityObject]
    nextPageToken: str | None


# Of an entity what it is sorted by, and after that its id.
_Key = tuple[int | str, str]
_KEYS: Mapping[str, Callable[[Entity], int | str]] = {
    "id": lambda entity: entity.id,
    "name": lambda entity: _name(entity).casefold(),
    "type": lambda entity: entity.type,
    "creationDate": lambda entity: entity.created,
    "lastModifiedDate": lambda entity: entity.modified,
}


def list_nodes(received: Received[Nodes, None]) -> NodePage:
    """List nodes page by page."""
    page, more = _page(received, "node")
    return {"nodes": page, "nextPageToken": more}


def list_devices(received: Received[Devices, None]) -> DevicePage:
    """List devices page by page."""
    page, more = _page(received, "device")
    return {"devices": page, "nextPageToken": more}


def list_sensors(received: Received[Sensors, None]) -> SensorPage:
    """List sensors page by page."""
    page, more = _page(received, "sensor")
    return {"sensors": page, "nextPageToken": more}


def _page(received: Received[Any, None], kind: Kind) -> tuple[list[EntityObject], str | None]:
    asked: Nodes = received.query
    size, list_of = asked.pageSize, _list(received.project, kind, asked)
    dated = asked.sort.endswith("Date")
    after: _Key | None = behind(asked.pageToken, list_of, tuple[int, str] if dated else tuple[str, str])
    page = _plain(received, kind, after) if _is_plain(asked) else _picked(received, kind, after)
    more = token(list_of, _key(asked.sort)(page[size - 1])) if len(page) > size else None
    return wired(received.engine, page[:size]), more


def _is_plain(asked: Nodes) -> bool:
    return not asked.types and asked.name is None and asked.sort == "id" and not _above(asked)


def _above(asked: Nodes) -> list[str]:
    return [*getattr(asked, "nodeIds", ()), *getattr(asked, "deviceIds", ())]


def _plain(received: Received[Any, None], kind: Kind, after: _Key | None) -> list[Entity]:
    """All of a kind by their ids: the store finds the page."""
    limit = received.query.pageSize + 1
    return received.engine.entities(kind, project=received.project, after=after and after[1], limit=limit)


def _picked(received: Received[Any, None], kind: Kind, after: _Key | None) -> list[Entity]:
    """Some of a kind, in some order: looked for among all of them."""
    asked: Nodes = received.query
    key, last_first = _key(asked.sort), asked.sort.startswith("-")
    found = [entity for entity in _below(received, kind) if _wanted(entity, asked)]
    found.sort(key=key, reverse=last_first)
    if after is not None:
        found = [entity for entity in found if (key(entity) < after if last_first else key(entity) > after)]
    return found[: asked.pageSize + 1]


def _below(received: Received[Any, None], kind: Kind) -> list[Entity]:
    """The entities of a kind that hang where it is asked for."""
    engine, project, asked = received.engine, received.project, received.query
    if not _above(asked):
        return engine.entities(kind, project=project)
    if kind == "device":
        return engine.children("device", asked.nodeIds, project=project)
    devices = set(asked.deviceIds)
    if not asked.nodeIds:
        return engine.children("sensor", sorted(devices), project=project)
    below = {device.id for device in engine.children("device", asked.nodeIds, project=project)}
    return engine.children("sensor", sorted(below & devices if devices else below), project=project)


def _wanted(entity: Entity, asked: Nodes) -> bool:
    typed = not asked.types or entity.type in asked.types or entity.props.get("INTEGRATION_ID") in asked.types
    return typed and (asked.name is None or asked.name.casefold() in _name(entity).casefold())


def _name(entity: Entity) -> str:
    return str(entity.props.get("NAME", ""))


def _key(sort: str) -> Callable[[Entity], _Key]:
    value = _KEYS[sort.removeprefix("-")]
    return lambda entity: (value(entity), entity.id)


def _list(project: str, kind: Kind, asked: Nodes) -> list[Any]:
    """What tells a list from others; a token belongs to the list it came from."""
    return [project, kind, asked.sort, asked.types, asked.name, _above(asked)]


ROUTES = [
    route("/api/nodes/all", list_nodes, refusals=(404,)),
    route("/api/devices/all", list_devices, refusals=(404,)),
    route("/api/sensors/all", list_sensors, refusals=(404,)),
]
