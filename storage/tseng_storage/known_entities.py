"""Looking up entities, their history and their series as of what was known; see `configuration`."""

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, case, func, select

from tseng_storage import history
from tseng_storage.entities import AnyKind, Entity, Uploaded
from tseng_storage.entity_rows import change_of, chunks, entity_of, fetch
from tseng_storage.history import Change
from tseng_storage.knowledge import Knowledge
from tseng_storage.tables import ENTITY, ENTITY_PAST, PROP_HISTORY, SERIES

T = TypeVar("T")


def unchanged(entity: Entity, known: Knowledge) -> bool:
    """Whether the entity is today as it was known then."""
    return known.covers_change(entity.change, entity.modified)


def is_bounded(known: Knowledge) -> bool:
    """Whether some changes of entities may not be known."""
    return (known.config, known.time) != (None, None)


def as_known(connection: Connection, project: str, kind: AnyKind, ids: Sequence[str], known: Knowledge) -> list[Entity]:
    """Those of some entities that existed by then, as they were."""
    living = {entity.id: entity for entity in some(connection, project, kind, ids)}
    other = [id for id in ids if id not in living or not unchanged(living[id], known)]
    changes = dict(histories(connection, project, kind, other, known))
    past = past_rows(connection, project, kind, other)
    found = {**living, **{id: _then(living.get(id), past.get(id, ()), changes.get(id, ())) for id in other}}
    return [entity for id in ids if (entity := found.get(id)) is not None]


def _then(living: Entity | None, past: Sequence[tuple[int, Entity]], changes: Sequence[Change]) -> Entity | None:
    """The entity after these changes; None before the first and after a removal."""
    removals = [index for index, change in enumerate(changes) if change.removed]
    since = changes[removals[-1] + 1 :] if removals else changes
    if not since:
        return None
    base = next((entity for until, entity in past if until > since[-1].number), living)
    return None if base is None else _at(base, since)


def past_rows(
    connection: Connection, project: str, kind: AnyKind, ids: Sequence[str]
) -> dict[str, list[tuple[int, Entity]]]:
    """Of those entities that were removed, or had another type or parent, how they were until which change."""
    query = select(ENTITY_PAST).where(ENTITY_PAST.c.project == project, ENTITY_PAST.c.kind == kind)
    found: dict[str, list[tuple[int, Entity]]] = {}
    for chunk in chunks(ids):
        part = query.where(ENTITY_PAST.c.id.in_(chunk)).order_by(ENTITY_PAST.c.until)
        for row in connection.execute(part).mappings():
            kept = {name: value for name, value in row.items() if name != "until"}
            found.setdefault(row["id"], []).append((row["until"], entity_of(kept)))
    return found


def past_members(project: str, device: str, connection: Connection) -> tuple[str, ...]:
    """The sensors that were a device's, and were removed or changed since."""
    query = select(ENTITY_PAST.c.id).where(ENTITY_PAST.c.project == project, ENTITY_PAST.c.kind == "sensor")
    return tuple(connection.execute(query.where(ENTITY_PAST.c.parent == device).distinct()).scalars())


def some(
    connection: Connection,
    project: str,
    kind: AnyKind,
    ids: Collection[str] | None,
    after: str | None = None,
    limit: int | None = None,
) -> list[Entity]:
    """At most `limit` entities of today beyond `after` in the order of their ids: all, or those of `ids`."""
    query = select(ENTITY).where(ENTITY.c.project == project, ENTITY.c.kind == kind).order_by(ENTITY.c.id)
    return _paged(lambda part: fetch(connection, part), query, ENTITY.c.id, ids, after, limit)


def existing(
    connection: Connection,
    project: str,
    kind: AnyKind,
    known: Knowledge,
    ids: Collection[str] | None,
    after: str | None,
    limit: int | None,
) -> list[str]:
    """As `some`, the ids of the entities that existed by then."""
    id, number = PROP_HISTORY.c.id, PROP_HISTORY.c.number
    removed = func.coalesce(func.max(case((PROP_HISTORY.c.removed == 1, number))), 0)
    query = known_changes(known, id, project, kind).group_by(id).having(func.max(number) > removed).order_by(id)
    return _paged(lambda part: [str(one) for one in connection.execute(part).scalars()], query, id, ids, after, limit)


def _paged(
    run: Callable[[Select[Any]], list[T]],
    query: Select[Any],
    id: ColumnElement[str],
    ids: Collection[str] | None,
    after: str | None,
    limit: int | None,
) -> list[T]:
    if after is not None:
        query = query.where(id > after)
    if ids is None:
        return run(query.limit(limit))
    parts = [query.where(id.in_(chunk)) for chunk in chunks(sorted(set(ids)))]
    return [one for part in parts for one in run(part)][:limit]


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
