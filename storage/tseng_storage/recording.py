"""Changing entities and definitions within a transaction: the row of today, the history, and the row as it was.

Every change of properties is a row of the history and nothing there is ever rewritten. What else an entity says of
itself (type, parent, custom props) is kept as it was when it changes, and all of it when the entity is removed.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, literal_column, select, update

from tseng_storage import history
from tseng_storage.entities import AnyKind, Definition, Draft, Entity, now_us
from tseng_storage.entity_rows import COLUMNS, find, is_entity, row_of
from tseng_storage.errors import Exists, NotFound, PropsTooLarge
from tseng_storage.history import ALWAYS
from tseng_storage.knowledge import EVERYTHING
from tseng_storage.known_entities import histories
from tseng_storage.statements import driver_of, prepared
from tseng_storage.tables import ENTITY, ENTITY_PAST, META, PROJECT, PROP_HISTORY

NAMED = 20
"""Ids that a refusal names."""

MOST_BYTES = 2**20
"""That the properties of a node, device or sensor take as JSON."""

_NOTHING: Mapping[str, Any] = {}
_PROJECT = prepared(select(PROJECT.c.id).where(PROJECT.c.id == bindparam("id")), ("id",))


def require_project(driver: sqlite3.Connection, project: str) -> None:
    """Raise NotFound without such a project."""
    if driver.execute(_PROJECT, (project,)).fetchone() is None:
        raise NotFound(f"there is no project {project!r}", "project", project)


def made(connection: Connection, project: str, drafts: Sequence[Draft], by: str | None) -> list[Entity]:
    """Keep new entities, of which none may be taken."""
    now, first = now_us(), newest(connection) + 1
    entities = [_made(project, draft, now, number, by) for number, draft in enumerate(drafts, first)]
    if entities:
        rows = (itemgetter(*COLUMNS)(row_of(entity)) for entity in entities)
        driver_of(connection).executemany(_INSERT, rows)
        _remember(connection, ((entity, ALWAYS, entity.props) for entity in entities), now, by)
    return entities


def check_size(entity: Draft | Entity) -> None:
    """Let pass whose props, custom props and earlier values take at most MOST_BYTES as JSON. Raises PropsTooLarge.

    So that a page of a list, and whoever follows entities, can count on it.
    """
    epochs = entity.epochs if isinstance(entity, Entity) else {}
    sizes = {name: _bytes(value) for name, value in (("props", entity.props), ("customProps", entity.custom_props))}
    sizes["props"] += _bytes(epochs) if epochs else 0
    total = sum(sizes.values())
    if total > MOST_BYTES:
        problem = f"the props and custom props of {entity.kind} {entity.id!r} would take {total} bytes as JSON"
        raise PropsTooLarge(f"{problem}, at most {MOST_BYTES} are kept", max(sizes, key=sizes.__getitem__), total)


def _bytes(value: Any) -> int:
    """Of its JSON in UTF-8."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass"))


def exists(kind_and_id: Sequence[tuple[AnyKind, str]]) -> Exists:
    """The refusal of what is taken."""
    ids = [id for _, id in kind_and_id]
    return Exists(f"taken already: {named(kind_and_id)}", "id", ids if ids[1:] else ids[0])


def named(kind_and_id: Sequence[tuple[AnyKind, str]]) -> str:
    """Entities in words, the first of many."""
    more = f" and {len(kind_and_id) - NAMED} more" if len(kind_and_id) > NAMED else ""
    return ", ".join(f"{kind} {id!r}" for kind, id in kind_and_id[:NAMED]) + more


def taken(connection: Connection, project: str, drafts: Sequence[Draft]) -> list[tuple[AnyKind, str]]:
    """Kind and id of the drafts that another draft, or an entity, has already."""
    by_kind: dict[AnyKind, list[str]] = {}
    for draft in drafts:
        by_kind.setdefault(draft.kind, []).append(draft.id)
    return [(kind, id) for kind, ids in by_kind.items() for id in _taken(connection, project, kind, ids)]


def _taken(connection: Connection, project: str, kind: AnyKind, ids: Sequence[str]) -> list[str]:
    taken = {id for (id,) in driver_of(connection).execute(_THERE, (project, kind, json.dumps(ids)))}
    given: set[str] = set()
    for id in ids:
        (taken if id in given else given).add(id)
    return sorted(taken)


def _made(project: str, draft: Draft, now: int, number: int, by: str | None) -> Entity:
    props = {name: value for name, value in draft.props.items() if value is not None}
    return Entity(
        project, draft.kind, draft.id, draft.type, draft.parent, props, dict(draft.custom_props),
        draft.observation_type, draft.ref_id, now, now, change=number, modified_by=by,
    )  # fmt: skip


def defined(
    connection: Connection, project: str, kind: Definition, id: str, body: Mapping[str, Any], by: str | None
) -> Entity:
    """Define an id, or define it anew; see `Configuration.put_definitions`."""
    entity = find(driver_of(connection), project, kind, id) or made(connection, project, [Draft(kind, id, kind)], by)[0]
    if body and _same(body, {name: value for name, value in entity.props.items() if name != "version"}):
        return entity
    version = {"version": 1 + _last_version(connection, entity)} if body else {}
    return updated(connection, entity, {**dict.fromkeys(entity.props), **body, **version}, None, by)


def _last_version(connection: Connection, entity: Entity) -> int:
    changes = dict(histories(connection, entity.project, entity.kind, [entity.id], EVERYTHING))[entity.id]
    return max((change.props.get("version") or 0 for change in changes), default=0)


def _same(one: Any, other: Any) -> bool:
    # As text: in Python 1, 1.0 and True are equal.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def updated(
    connection: Connection,
    old: Entity,
    props: Mapping[str, Any],
    valid_from: int | None,
    by: str | None,
    rest: Mapping[str, Any] = _NOTHING,
) -> Entity:
    """Set props from a date on, or correct them, and set the `rest`: other fields of the entity by name.

    What is so already changes nothing. Raises InvalidDate.
    """
    now = now_us()
    history.check_date(valid_from, now)
    times = history.timeline_of(old.props, old.epochs)
    changes = history.resolved(times, props, valid_from)
    other = {name: value for name, value in rest.items() if not _same(value, getattr(old, name))}
    if not changes and not other:
        return old
    for since, changed in changes.items():
        history.apply(times, since, changed)
    entries = [(old, since, changed) for since, changed in sorted(changes.items())] or [(old, ALWAYS, {})]
    last = _remember(connection, entries, now, by)
    if other:
        connection.execute(insert(ENTITY_PAST).values({**row_of(old), "until": last}))
    # Never before the last change: of what is not `modified` after a moment, every change was recorded by then.
    entity = Entity(**{
        **vars(old), **other, "props": history.in_force(times), "epochs": history.dated(times),
        "modified": max(now, old.modified), "change": last, "modified_by": by,
    })  # fmt: skip
    connection.execute(update(ENTITY).where(*is_entity(old.project, old.kind, old.id)).values(row_of(entity)))
    return entity


def removed(connection: Connection, entities: Sequence[Entity], by: str | None) -> None:
    """Take entities away; their history and their rows stay for those who ask for what was known before."""
    first = newest(connection) + 1
    _remember(connection, ((entity, ALWAYS, {}) for entity in entities), now_us(), by, removal=True)
    rows = [{**row_of(entity), "until": number} for number, entity in enumerate(entities, first)]
    connection.execute(insert(ENTITY_PAST), rows)
    for entity in entities:
        connection.execute(delete(ENTITY).where(*is_entity(entity.project, entity.kind, entity.id)))


def _remember(
    connection: Connection,
    changes: Iterable[tuple[Entity, int, Mapping[str, Any]]],
    now: int,
    by: str | None,
    *,
    removal: bool = False,
) -> int:
    """Append (entity, valid from, props) to the history; the number of the last."""
    first = newest(connection) + 1
    rows = [
        (number, entity.project, entity.kind, entity.id, json.dumps(props), since, now, by, int(removal))
        for number, (entity, since, props) in enumerate(changes, first)
    ]
    driver = driver_of(connection)
    driver.executemany(_INSERT_HISTORY, rows)
    # Not the table's own counter: it must be readable in one small look-up, and outlive the rows of deleted projects.
    last = first + len(rows) - 1
    driver.execute(_SET_NEWEST, (str(last),))
    return last


def newest(connection: Connection) -> int:
    """The number of the newest change, 0 before the first."""
    ((number,),) = driver_of(connection).execute(_NEWEST)
    return int(number)


_IDS = func.json_each(bindparam("ids")).table_valued("value")
_THERE = prepared(
    select(ENTITY.c.id).where(
        ENTITY.c.project == bindparam("project"),
        ENTITY.c.kind == bindparam("kind"),
        ENTITY.c.id.in_(select(_IDS.c.value)),
    ),
    ("project", "kind", "ids"),
)
_IS_NEWEST = META.c.key == literal_column("'config'")
_NEWEST = prepared(select(META.c.value).where(_IS_NEWEST))
_SET_NEWEST = prepared(update(META).where(_IS_NEWEST).values(value=bindparam("number")), ("number",))
_INSERT = prepared(insert(ENTITY), COLUMNS)
_INSERT_HISTORY = prepared(insert(PROP_HISTORY), [column.name for column in PROP_HISTORY.c])
