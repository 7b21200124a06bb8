"""Nodes, devices and sensors as seed 003 prints them."""

from typing import Any

from tseng.ids import above
from tseng_storage.entities import Entity
from tseng_storage.history import ALWAYS
from tseng_units.instants import format_instant


def serial_number(id: str) -> str | None:
    """Serial number in a path: what stands before `/device`, else before `/node` (createSensor, createNode)."""
    owner = above(id, "device") or above(id, "node")
    return (owner or "").split("/")[-2] or None if owner else None


def wire(entity: Entity) -> dict[str, Any]:
    """Return an entity as it is printed: id, type, a sensor's device and observation type, props, custom props.

    Ours: `epochs`, of the props that changed at a date the values by that date, null for what held from the beginning.
    """
    shape: dict[str, Any] = {"id": entity.id, "type": entity.type}
    if entity.kind == "sensor":
        device = entity.parent or above(entity.id, "device")
        shape |= {"device": device} if device else {}
        shape |= {"observationType": entity.observation_type or entity.type}
    if entity.ref_id is not None:
        shape["refId"] = entity.ref_id
    epochs = {name: [_epoch(*epoch) for epoch in values] for name, values in entity.epochs.items()}
    shape |= {"epochs": epochs} if epochs else {}
    return {**shape, "props": _props(entity), "customProps": entity.custom_props}


def _epoch(since: int, value: Any) -> dict[str, Any]:
    return {"since": None if since == ALWAYS else format_instant(since), "value": value}


def _props(entity: Entity) -> dict[str, Any]:
    """Stored props win over those that the server knows by itself."""
    own = {
        "ACCESSIBLE": True,
        "NODE_ID": above(entity.id, "node"),
        "SERIAL_NO": entity.ref_id or serial_number(entity.id),
        "CREATION_DATE": format_instant(entity.created),
        "LAST_MODIFIED_DATE": format_instant(entity.modified),
        "LAST_MODIFIED_BY": entity.modified_by,
    }
    known = {name: value for name, value in own.items() if value is not None}
    return {**known, **entity.props, "PROJECT_ID": entity.project}
