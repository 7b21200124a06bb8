"""Nodes, devices and sensors as seed 003 prints them, and what it lets one read out of their ids.

An id is a path: `/fn/6C4F6D/node/dgsimlogger/032432/device/tilt4/sensor` is a sensor of the device
`/fn/6C4F6D/node/dgsimlogger/032432/device`, which hangs on the node `/fn/6C4F6D/node`. An id of another
form says nothing.
"""

from collections.abc import Mapping
from typing import Any

from tseng.engine import Engine
from tseng_storage.entities import Entity, Kind
from tseng_units.instants import format_instant


def above(id: str, kind: Kind) -> str | None:
    """Id of the node or device in the path of `id`, itself included; None where the path names none."""
    head, found, _ = (id + "/").partition(f"/{kind}/")
    return f"{head}/{kind}" if found else None


def serial_number(id: str) -> str | None:
    """Serial number in a path: what stands before `/device`, else before `/node` (createSensor, createNode)."""
    owner = above(id, "device") or above(id, "node")
    return (owner or "").split("/")[-2] or None if owner else None


def parent_of(kind: Kind, id: str, props: Mapping[str, Any]) -> str | None:
    """Id of a device's node or a sensor's device: a device may name its node in NODE_ID, the rest is in the path."""
    if kind == "device":
        named = props.get("NODE_ID")
        return named if isinstance(named, str) and named else above(id, "node")
    return above(id, "device") if kind == "sensor" else None


def create(
    engine: Engine,
    kind: Kind,
    id: str,
    type: str,
    props: Mapping[str, Any],
    *,
    project: str,
    observation_type: str | None = None,
    ref_id: str | None = None,
    custom_props: Mapping[str, Any] | None = None,
) -> Entity:
    """Create an entity under the parent that its id or props name."""
    return engine.create_entity(
        kind, id, type, props, project=project, parent=parent_of(kind, id, props),
        observation_type=observation_type, ref_id=ref_id, custom_props=custom_props,
    )  # fmt: skip


def wire(entity: Entity) -> dict[str, Any]:
    """Return an entity as it is printed: id, type, a sensor's device and observation type, props, custom props."""
    shape: dict[str, Any] = {"id": entity.id, "type": entity.type}
    if entity.kind == "sensor":
        device = entity.parent or above(entity.id, "device")
        shape |= {"device": device} if device else {}
        shape |= {"observationType": entity.observation_type or entity.type}
    if entity.ref_id is not None:
        shape["refId"] = entity.ref_id
    return {**shape, "props": _props(entity), "customProps": entity.custom_props}


def _props(entity: Entity) -> dict[str, Any]:
    """Stored props win over those that the server knows by itself."""
    own = {
        "ACCESSIBLE": True,
        "NODE_ID": above(entity.id, "node"),
        "SERIAL_NO": entity.ref_id or serial_number(entity.id),
        "CREATION_DATE": format_instant(entity.created),
        "LAST_MODIFIED_DATE": format_instant(entity.modified),
    }
    known = {name: value for name, value in own.items() if value is not None}
    return {**known, **entity.props, "PROJECT_ID": entity.project}
