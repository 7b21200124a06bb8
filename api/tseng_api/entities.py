"""Nodes, devices and sensors as seed 003 prints them."""

from collections.abc import Callable, Sequence
from typing import Any, NotRequired, TypedDict, cast

from tseng.engine import Engine
from tseng.ids import above
from tseng.vitals import Vitals
from tseng_storage.entities import AnyKind, Entity
from tseng_storage.history import ALWAYS
from tseng_units.instants import format_instant


class Epoch(TypedDict):
    """A value of a prop, and since when it holds; null for what held from the beginning."""

    since: str | None
    value: Any


class EntityObject(TypedDict):
    """A node, device or sensor; the last three fields but `refId` stand on a sensor alone."""

    id: str
    type: str
    device: NotRequired[str]
    observationType: NotRequired[str]
    refId: NotRequired[str]
    epochs: NotRequired[dict[str, list[Epoch]]]
    props: dict[str, Any]
    customProps: dict[str, Any]


def serial_number(id: str) -> str | None:
    """Serial number in a path: what stands before `/device`, else before `/node` (createSensor, createNode)."""
    owner = above(id, "device") or above(id, "node")
    return (owner or "").split("/")[-2] or None if owner else None


def wired(engine: Engine, entities: Sequence[Entity]) -> list[EntityObject]:
    """Return entities as they are printed, with what the server knows of them by itself: all at once costs little."""
    return [wire(entity, vitals) for entity, vitals in zip(entities, engine.vitals(entities), strict=True)]


def wire(entity: Entity, vitals: Vitals | None = None) -> EntityObject:
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
    return cast(EntityObject, {**shape, "props": _props(entity, vitals), "customProps": entity.custom_props})


def _epoch(since: int, value: Any) -> Epoch:
    return {"since": None if since == ALWAYS else format_instant(since), "value": value}


def _props(entity: Entity, vitals: Vitals | None) -> dict[str, Any]:
    """What is stored, and what the server knows by itself: of the latter what was stored under its name is no news.

    A client that writes back what it has read stores counts and dates of that day; they are not printed again.
    """
    serial = entity.ref_id or serial_number(entity.id)
    assumed = {"ACCESSIBLE": True, "SERIAL_NO": serial, **_ASSUMED[entity.kind](entity)}
    known = {
        "PROJECT_ID": entity.project,
        "CREATION_DATE": format_instant(entity.created),
        "LAST_MODIFIED_DATE": format_instant(entity.modified),
        "LAST_MODIFIED_BY": entity.modified_by,
        "OBSERVATION_COUNT": vitals and vitals.observations,
        **_KNOWN[entity.kind](entity, vitals or Vitals()),
    }
    return {name: value for name, value in {**assumed, **entity.props, **known}.items() if value is not None}


def _last_of_device(device: Entity, vitals: Vitals) -> dict[str, Any]:
    last = {"timestamp": _date(vitals.last)}
    return {"SIZE": vitals.size, "LAST_OBSERVATION": None if vitals.last is None else last}


def _last_of_sensor(sensor: Entity, vitals: Vitals) -> dict[str, Any]:
    last = {"sensorId": sensor.id, "timestamp": _date(vitals.last), "values": vitals.values}
    return {"SIZE": vitals.size, "LAST_OBSERVATION": None if vitals.last is None else last}


def _date(us: int | None) -> str | None:
    return None if us is None else format_instant(us)


_ASSUMED: dict[AnyKind, Callable[[Entity], dict[str, Any]]] = {
    "node": lambda node: {"NODE_ID": node.id, "DEVICE_GROUP": node.id},
    "device": lambda device: {"NODE_ID": device.parent or above(device.id, "node"), "SENSOR_GROUP": device.id},
    "sensor": lambda sensor: {"NODE_ID": above(sensor.id, "node")},
}
_KNOWN: dict[AnyKind, Callable[[Entity, Vitals], dict[str, Any]]] = {
    "node": lambda _, vitals: {"LAST_COMM": _date(vitals.received)},
    "device": _last_of_device,
    "sensor": _last_of_sensor,
}
