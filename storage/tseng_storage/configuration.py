"""Entities, their properties and what users define: verbs over the catalog tables, each one transaction.

Every change of properties is a row of `prop_history` and nothing there is ever rewritten; the entity's own row is what
follows from them today. So each lookup can also be asked as of what was `known` at an earlier moment. That costs
nothing where the entity has not changed since, which its row says by the number and the date of its last change.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from tseng_storage import history
from tseng_storage.catalog_cache import CachedDatabase
from tseng_storage.entities import AnyKind, Definition, Draft, Entity, Uploaded, now_us
from tseng_storage.entity_rows import chunks, entity_of, fetch, is_entity, one, row_of
from tseng_storage.errors import Exists, NotFound
from tseng_storage.hierarchy import Above, sensors_below
from tseng_storage.history import ALWAYS, Change
from tseng_storage.knowledge import EVERYTHING, Knowledge
from tseng_storage.known_entities import as_known, histories, known_changes, of_kind, series, unchanged, uploaded
from tseng_storage.tables import ENTITY, META, PROJECT, PROP_HISTORY

_NAMED = 20
_CHANGING = ("props", "epochs", "modified", "change", "modified_by")


class Configuration:
    """The entities and definitions of a store. `base`: the catalog's database with its cache."""

    def __init__(self, base: CachedDatabase) -> None:
        self._base = base

    def config(self) -> int:
        """The number of the newest change of configuration, 0 before the first. Cached until the catalog changes."""
        return self._base.cached(("config",), _newest)

    def revision(self) -> str:
        """A text that differs after every change of entities or definitions, or of which series exist."""
        return self._base.revision()

    # -- changing

    def create_entity(
        self,
        project: str,
        kind: AnyKind,
        id: str,
        type: str,
        props: Mapping[str, Any] | None = None,
        parent: str | None = None,
        observation_type: str | None = None,
        ref_id: str | None = None,
        custom_props: Mapping[str, Any] | None = None,
        *,
        by: str | None = None,
    ) -> Entity:
        """A new node, device or sensor; Exists when the id is taken among its kind, NotFound without such a project.

        Its props hold from the beginning of time; null is as good as absent. `by`: who makes it, here as in all verbs.
        """
        draft = Draft(kind, id, type, props or {}, parent, observation_type, ref_id, custom_props or {})
        return self.create_entities(project, [draft], by=by)[0]

    def create_entities(self, project: str, drafts: Sequence[Draft], *, by: str | None = None) -> list[Entity]:
        """New entities in one transaction, all of them or none.

        Raises Exists, naming the ids that are taken (or come twice), and NotFound without such a project.
        """
        now = now_us()
        with self._base.change() as connection:
            _require_project(connection, project)
            _require_free(connection, project, drafts)
            first = _newest(connection) + 1
            entities = [_made(project, draft, now, number, by) for number, draft in enumerate(drafts, first)]
            if entities:
                connection.execute(insert(ENTITY), [row_of(entity) for entity in entities])
                _remember(connection, ((entity, ALWAYS, entity.props) for entity in entities), now, by)
        return entities

    def update_props(
        self,
        project: str,
        kind: AnyKind,
        id: str,
        props: Mapping[str, Any],
        valid_from: int | None = None,
        *,
        by: str | None = None,
    ) -> Entity:
        """Set some `props` of an entity (null removes) from the date `valid_from` (epoch us) on, and return it.

        Without a date the newest value of each is corrected: for all time, or from the date of its newest epoch on. A
        value that is there already changes nothing.

        Raises:
            NotFound: no such entity.
            InvalidDate: the date lies in the future.
        """
        with self._base.change() as connection:
            row = connection.execute(one(project, kind, id)).mappings().first()
            if row is None:
                raise NotFound(f"there is no {kind} {id!r}", "id", id)
            return _updated(connection, entity_of(row), props, valid_from, by)

    def put_definitions(
        self, project: str, kind: Definition, bodies: Mapping[str, Mapping[str, Any]], *, by: str | None = None
    ) -> list[Entity]:
        """Define each id, or define it anew, in one transaction: its props are those of its body and `version`.

        The version counts the definitions that an id has had; what is so already keeps its own. An empty body takes a
        definition away. NotFound without such a project.
        """
        with self._base.change() as connection:
            _require_project(connection, project)
            return [_defined(connection, project, kind, id, body, by) for id, body in bodies.items()]

    # -- asking

    def entity(self, project: str, kind: AnyKind, id: str, known: Knowledge = EVERYTHING) -> Entity | None:
        """The entity (as of what was `known`), or None. Cached until the catalog changes."""

        def lookup(connection: Connection) -> Entity | None:
            row = connection.execute(one(project, kind, id)).mappings().first()
            return None if row is None else entity_of(row)

        found = self._base.cached(("entity", project, kind, id), lookup)
        if found is None or unchanged(found, known):
            return found
        key = ("entity", project, kind, id, known.config, known.time)
        earlier = self._base.cached(key, lambda connection: tuple(as_known(connection, [found], known)))
        return earlier[0] if earlier else None

    def entities(
        self,
        project: str,
        kind: AnyKind,
        ids: Collection[str] | None = None,
        after: str | None = None,
        limit: int | None = None,
        known: Knowledge = EVERYTHING,
    ) -> list[Entity]:
        """At most `limit` entities beyond `after` in the order of their ids: all, or those of `ids` that exist.

        With `known`, those that existed by then, as they were.
        """
        query = select(ENTITY).where(ENTITY.c.project == project, ENTITY.c.kind == kind).order_by(ENTITY.c.id)
        if after is not None:
            query = query.where(ENTITY.c.id > after)
        if (known.config, known.time) != (None, None):
            query = query.where(ENTITY.c.id.in_(known_changes(known, PROP_HISTORY.c.id, project, kind)))
        with self._base.read() as connection:
            if ids is None:
                found = fetch(connection, query.limit(limit))
            else:
                parts = [query.where(ENTITY.c.id.in_(chunk)) for chunk in chunks(sorted(set(ids)))]
                found = [entity for part in parts for entity in fetch(connection, part)]
            return as_known(connection, found[:limit], known)

    def sensors_of_device(self, project: str, device: str, known: Knowledge = EVERYTHING) -> tuple[Entity, ...]:
        """The sensors whose parent is the device, in the order of their ids. Cached until the catalog changes."""
        found = self._base.cached(("members", project, device), partial(of_kind, project, "sensor", device))
        if all(unchanged(entity, known) for entity in found):
            return found
        key = ("members", project, device, known.config, known.time)
        return self._base.cached(key, lambda connection: tuple(as_known(connection, found, known)))

    def sensors_below(self, project: str, kind: Above, ids: Collection[str]) -> dict[str, list[str]]:
        """The sensors of each of these devices or nodes, in the order of their ids; those without any are left out.

        A sensor is below its device and below the node that its device names, else the nodes in its own id's path.
        """
        with self._base.read() as connection:
            return sensors_below(connection, project, kind, ids)

    def definitions(self, project: str, kind: Definition, known: Knowledge = EVERYTHING) -> tuple[Entity, ...]:
        """All definitions of one kind that hold (as of what was `known`), by their ids; `props` are body and version.

        Cached until the catalog changes.
        """
        found = self._base.cached(("definitions", project, kind), partial(of_kind, project, kind, None))
        if not all(unchanged(entity, known) for entity in found):
            key = ("definitions", project, kind, known.config, known.time)
            found = self._base.cached(key, lambda connection: tuple(as_known(connection, found, known)))
        return tuple(entity for entity in found if entity.props)

    def metrics_of(self, project: str, sensor: str, known: Knowledge = EVERYTHING) -> Uploaded:
        """The metrics ever uploaded for the sensor (by what was `known`). Cached until the catalog changes."""
        found = self._base.cached(
            ("metrics", project, sensor), lambda connection: tuple(series(connection, project, [sensor]))
        )
        return uploaded(found, known)

    def metrics_of_each(
        self, project: str, sensors: Collection[str], known: Knowledge = EVERYTHING
    ) -> dict[str, Uploaded]:
        """`metrics_of` many sensors at once; those without any are left out."""
        with self._base.read() as connection:
            rows = list(series(connection, project, sorted(set(sensors))))
        return {sensor: uploaded(group, known) for sensor, group in groupby(rows, lambda row: row.sensor)}

    def changed_entities(self, after: int) -> list[tuple[str, AnyKind, str]]:
        """(project, kind, id) of the entities and definitions with a change numbered > `after`, each once.

        In the order of their last changes. What went with its project is not among them.
        """
        last = func.max(PROP_HISTORY.c.number)
        owner = (PROP_HISTORY.c.project, PROP_HISTORY.c.kind, PROP_HISTORY.c.id)
        query = select(*owner).where(PROP_HISTORY.c.number > after).group_by(*owner).order_by(last)
        with self._base.read() as connection:
            return [(row.project, row.kind, row.id) for row in connection.execute(query)]

    def history(self, project: str, kind: AnyKind, id: str) -> list[Change]:
        """Every change of an entity's props, in the order they were recorded; NotFound when there is none."""
        with self._base.read() as connection:
            found = dict(histories(connection, project, kind, [id], EVERYTHING))
        if not found:
            raise NotFound(f"there is no {kind} {id!r}", "id", id)
        return found[id]


# -- changing


def _require_project(connection: Connection, project: str) -> None:
    if connection.execute(select(PROJECT.c.id).where(PROJECT.c.id == project)).first() is None:
        raise NotFound(f"there is no project {project!r}", "project", project)


def _require_free(connection: Connection, project: str, drafts: Sequence[Draft]) -> None:
    """Raise Exists unless no two drafts, and no entity, have the same kind and id."""
    by_kind: dict[AnyKind, list[str]] = {}
    for draft in drafts:
        by_kind.setdefault(draft.kind, []).append(draft.id)
    taken = [(kind, id) for kind, ids in by_kind.items() for id in _taken(connection, project, kind, ids)]
    if taken:
        named = ", ".join(f"{kind} {id!r}" for kind, id in taken[:_NAMED])
        more = f" and {len(taken) - _NAMED} more" if len(taken) > _NAMED else ""
        raise Exists(f"taken already: {named}{more}", "id", [id for _, id in taken] if taken[1:] else taken[0][1])


def _taken(connection: Connection, project: str, kind: AnyKind, ids: Sequence[str]) -> list[str]:
    there = select(ENTITY.c.id).where(ENTITY.c.project == project, ENTITY.c.kind == kind)
    taken = {id for chunk in chunks(ids) for id in connection.execute(there.where(ENTITY.c.id.in_(chunk))).scalars()}
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


def _defined(
    connection: Connection, project: str, kind: Definition, id: str, body: Mapping[str, Any], by: str | None
) -> Entity:
    row = connection.execute(one(project, kind, id)).mappings().first()
    if row is None:
        entity = _made(project, Draft(kind, id, kind), now_us(), _newest(connection) + 1, by)
        connection.execute(insert(ENTITY).values(row_of(entity)))
        _remember(connection, [(entity, ALWAYS, {})], entity.created, by)
    else:
        entity = entity_of(row)
    if body and _same(body, {name: value for name, value in entity.props.items() if name != "version"}):
        return entity
    version = {"version": 1 + _last_version(connection, entity)} if body else {}
    return _updated(connection, entity, {**dict.fromkeys(entity.props), **body, **version}, None, by)


def _last_version(connection: Connection, entity: Entity) -> int:
    changes = dict(histories(connection, entity.project, entity.kind, [entity.id], EVERYTHING))[entity.id]
    return max((change.props.get("version") or 0 for change in changes), default=0)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    # As text: in Python 1, 1.0 and True are equal.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _updated(
    connection: Connection, old: Entity, props: Mapping[str, Any], valid_from: int | None, by: str | None
) -> Entity:
    now = now_us()
    history.check_date(valid_from, now)
    times = history.timeline_of(old.props, old.epochs)
    changes = history.resolved(times, props, valid_from)
    if not changes:
        return old
    for since, changed in changes.items():
        history.apply(times, since, changed)
    last = _remember(connection, ((old, since, changed) for since, changed in sorted(changes.items())), now, by)
    # Never before the last change: of what is not `modified` after a moment, every change was recorded by then.
    entity = Entity(**{
        **vars(old), "props": history.in_force(times), "epochs": history.dated(times),
        "modified": max(now, old.modified), "change": last, "modified_by": by,
    })  # fmt: skip
    changed = {name: value for name, value in row_of(entity).items() if name in _CHANGING}
    connection.execute(update(ENTITY).where(*is_entity(old.project, old.kind, old.id)).values(changed))
    return entity


def _remember(
    connection: Connection, changes: Iterable[tuple[Entity, int, Mapping[str, Any]]], now: int, by: str | None
) -> int:
    """Append (entity, valid from, props) to the history; the number of the last."""
    first = _newest(connection) + 1
    rows = [
        {
            "number": number, "project": entity.project, "kind": entity.kind, "id": entity.id,
            "props": json.dumps(props), "valid_from": since, "recorded": now, "modified_by": by,
        }
        for number, (entity, since, props) in enumerate(changes, first)
    ]  # fmt: skip
    connection.execute(insert(PROP_HISTORY), rows)
    # Not the table's own counter: it must be readable in one small look-up, and outlive the rows of deleted projects.
    last = first + len(rows) - 1
    connection.execute(update(META).where(META.c.key == "config").values(value=str(last)))
    return last


def _newest(connection: Connection) -> int:
    return int(connection.execute(select(META.c.value).where(META.c.key == "config")).scalar_one())
