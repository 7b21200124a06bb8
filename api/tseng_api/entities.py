"""Nodes, devices and sensors as seed 003 prints them."""

from collections.abc import Callable, Sequence
from typing import Any

from tseng.engine import Engine
from tseng.ids import above
from tseng.vitals import Vitals
from tseng_storage.entities import AnyKind, Entity
from tseng_storage.history import ALWAYS
from tseng_units.instants import format_instant


def serial_number(id: str) -> str | None:
    """Serial number in a path: what stands before `/device`, else before `/node` (createSensor, createNode)."""
    owner = above(id, "device") or above(id, "node")
    return (owner or "").split("/")[-2] or None if owner else None


def wired(engine: Engine, entities: Sequence[Entity]) -> list[dict[str, Any]]:
    """Return entities as they are printed, with what the server knows of them by itself: all at once costs little."""
    return [wire(entity, vitals) for entity, vitals in zip(entities, engine.vitals(entities), strict=True)]


def wire(entity: Entity, vitals: Vitals | None = None) -> dict[str, Any]:
    """Return an entity as it is printed: id, type, a sensor's device and observation type, props, custom props.

    Without `vitals` the counts and what was observed last are left out.

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
    return {**shape, "props": _props(entity, vitals), "customProps": entity.custom_props}


def _epoch(since: int, value: Any) -> dict[str, Any]:
    return {"since": None if since == ALWAYS else format_instant(since), "value": value}


def _props(entity: Entity, vitals: Vitals | None) -> dict[str, Any]:
    """Stored props win over those that the server keeps by itself."""
    kept = {
        "ACCESSIBLE": True,
        "SERIAL_NO": entity.ref_id or serial_number(entity.id),
        "CREATION_DATE": format_instant(entity.created),
        "LAST_MODIFIED_DATE": format_instant(entity.modified),
        "LAST_MODIFIED_BY": entity.modified_by,
        "OBSERVATION_COUNT": vitals and vitals.observations,
        **_OF_KIND[entity.kind](entity, vitals or Vitals()),
    }
    known = {name: value for name, value in kept.items() if value is not None}
    return {**known, **entity.props, "PROJECT_ID": entity.project}


def _of_node(node: Entity, vitals: Vitals) -> dict[str, Any]:
    return {"NODE_ID": node.id, "DEVICE_GROUP": node.id, "LAST_COMM": _date(vitals.received)}


def _of_device(device: Entity, vitals: Vitals) -> dict[str, Any]:
    return {
        "NODE_ID": device.parent or above(device.id, "node"),
        "SENSOR_GROUP": device.id,
        "SIZE": vitals.size,
        "LAST_OBSERVATION": None if vitals.last is None else {"timestamp": _date(vitals.last)},
    }


def _of_sensor(sensor: Entity, vitals: Vitals) -> dict[str, Any]:
    last = {"sensorId": sensor.id, "timestamp": _date(vitals.last), "values": vitals.values}
    return {
        "NODE_ID": above(sensor.id, "node"),
        "SIZE": vitals.size,
        "LAST_OBSERVATION": None if vitals.last is None else last,
    }


def _date(us: int | None) -> str | None:
    return None if us is None else format_instant(us)


_OF_KIND: dict[AnyKind, Callable[[Entity, Vitals], dict[str, Any]]] = {
    "node": _of_node, "device": _of_device, "sensor": _of_sensor,
}  # fmt: skip
