"""Looking up entities, their history and their series as of what was known; see `configuration`."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, select

from tseng_storage import history
from tseng_storage.entities import AnyKind, Entity, Uploaded
from tseng_storage.entity_rows import change_of, chunks, fetch
from tseng_storage.history import Change
from tseng_storage.knowledge import Knowledge
from tseng_storage.tables import ENTITY, PROP_HISTORY, SERIES


def unchanged(entity: Entity, known: Knowledge) -> bool:
    """Whether the entity is today as it was known then."""
    return known.covers_change(entity.change, entity.modified)


def as_known(connection: Connection, entities: Sequence[Entity], known: Knowledge) -> list[Entity]:
    """Those of some entities of one project and kind that existed by then, as they were."""
    changed = [entity for entity in entities if not unchanged(entity, known)]
    if not changed:
        return list(entities)
    project, kind = changed[0].project, changed[0].kind
    earlier = dict(histories(connection, project, kind, [entity.id for entity in changed], known))
    return [
        entity if unchanged(entity, known) else _at(entity, earlier[entity.id])
        for entity in entities
        if unchanged(entity, known) or entity.id in earlier
    ]


def _at(entity: Entity, changes: Sequence[Change]) -> Entity:
    """The entity after these changes, at least one."""
    times = history.timeline(changes)
    return Entity(**{
        **vars(entity), "props": history.in_force(times), "epochs": history.dated(times),
        "modified": max(change.recorded for change in changes), "change": changes[-1].number,
        "modified_by": changes[-1].by,
    })  # fmt: skip


def histories(
    connection: Connection, project: str, kind: AnyKind, ids: Sequence[str], known: Knowledge
) -> Iterable[tuple[str, list[Change]]]:
    """The known changes of those entities that have any, in the order of their numbers."""
    of_all = known_changes(known, PROP_HISTORY, project, kind).order_by(PROP_HISTORY.c.id, PROP_HISTORY.c.number)
    for chunk in chunks(ids):
        rows = connection.execute(of_all.where(PROP_HISTORY.c.id.in_(chunk))).mappings()
        for id, group in groupby(rows, lambda row: str(row["id"])):
            yield id, [change_of(row) for row in group]


def of_kind(project: str, kind: AnyKind, parent: str | None, connection: Connection) -> tuple[Entity, ...]:
    """All entities of a kind, or those of one parent, in the order of their ids."""
    query = select(ENTITY).where(ENTITY.c.project == project, ENTITY.c.kind == kind).order_by(ENTITY.c.id)
    return tuple(fetch(connection, query if parent is None else query.where(ENTITY.c.parent == parent)))


def series(connection: Connection, project: str, sensors: Sequence[str]) -> Iterable[Any]:
    """Rows of the series that were ever uploaded, in order: the uploads that first named and first filled each."""
    query = select(SERIES.c.sensor, SERIES.c.metric, SERIES.c.valid, SERIES.c.seq, SERIES.c.seen)
    query = query.where(SERIES.c.project == project).order_by(SERIES.c.sensor, SERIES.c.metric)
    for chunk in chunks(sensors):
        yield from connection.execute(query.where(SERIES.c.sensor.in_(chunk)))


def uploaded(rows: Iterable[Any], known: Knowledge) -> Uploaded:
    """What the rows of one sensor say, as far as it was known."""
    seen = [row for row in rows if known.covers_upload(row.seq, row.seen)]
    valid = {row.metric for row in seen if row.valid}
    empty = tuple(row.metric for row in seen if not row.valid and row.metric not in valid)
    return Uploaded(tuple(sorted(valid)), empty)


def known_changes(known: Knowledge, what: Any, project: str, kind: AnyKind) -> Select[Any]:
    """`what` of the known changes of one kind of entity."""
    query = select(what).where(PROP_HISTORY.c.project == project, PROP_HISTORY.c.kind == kind)
    if known.config is not None:
        query = query.where(PROP_HISTORY.c.number <= known.config)
    return query if known.time is None else query.where(PROP_HISTORY.c.recorded <= known.time)
