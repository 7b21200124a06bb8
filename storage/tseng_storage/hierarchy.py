"""Which sensors lie below a device or a node.

A sensor names its device and a device its node. Neither needs to exist: of a sensor whose device is not there, or names
no node, its own id tells, which is then a path that begins with the node's.
"""

from collections.abc import Collection, Iterable
from typing import Any, Literal

from sqlalchemy import Connection, Select, and_, exists, select

from tseng_storage.entity_rows import chunks
from tseng_storage.tables import ENTITY

Above = Literal["node", "device"]

_SENSOR, _DEVICE = ENTITY.alias("sensor"), ENTITY.alias("device")
_IS_ITS_DEVICE = and_(
    _DEVICE.c.project == _SENSOR.c.project, _DEVICE.c.kind == "device", _DEVICE.c.id == _SENSOR.c.parent
)


def sensors_below(connection: Connection, project: str, kind: Above, ids: Collection[str]) -> dict[str, list[str]]:
    """The sensors of each of these devices or nodes, in the order of their ids; those without any are left out."""
    found: dict[str, set[str]] = {}
    for above, sensor in _pairs(connection, project, kind, sorted(set(ids))):
        found.setdefault(above, set()).add(sensor)
    return {above: sorted(sensors) for above, sensors in found.items()}


def _pairs(connection: Connection, project: str, kind: Above, ids: list[str]) -> Iterable[tuple[str, str]]:
    above = _SENSOR.c.parent if kind == "device" else _DEVICE.c.parent
    query = select(above, _SENSOR.c.id).where(_SENSOR.c.project == project, _SENSOR.c.kind == "sensor")
    if kind == "node":
        query = query.join(_DEVICE, _IS_ITS_DEVICE)
    for chunk in chunks(ids):
        yield from ((row[0], row[1]) for row in connection.execute(query.where(above.in_(chunk))))
    if kind == "node":
        for id in ids:
            yield from ((id, sensor) for sensor in connection.execute(_by_path(project, id)).scalars())


def _by_path(project: str, node: str) -> Select[Any]:
    """The sensors whose ids begin with the path of a node, and whose devices name no node."""
    named = exists().where(_IS_ITS_DEVICE, _DEVICE.c.parent.is_not(None))
    # A range, not a pattern, so that the index finds it; "0" is the character that follows "/".
    within = (_SENSOR.c.id > f"{node}/", _SENSOR.c.id < f"{node}0")
    return select(_SENSOR.c.id).where(_SENSOR.c.project == project, _SENSOR.c.kind == "sensor", *within, ~named)
