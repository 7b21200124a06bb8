"""Projects, entities and their properties: verbs over the catalog tables, each one transaction.

Every change of properties is also appended to `prop_history` with the date from which it holds, so that dated
configuration can be read later without having been written differently.
"""

import json
import uuid
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from tseng_storage.catalog_cache import CachedDatabase
from tseng_storage.credentials import Credentials
from tseng_storage.database import Database
from tseng_storage.entities import Entity, Kind, Project, now_us
from tseng_storage.errors import Exists, NotFound
from tseng_storage.tables import ENTITY, LOG, PROJECT, PROP_HISTORY, SERIES

DEFAULT_PROJECT = "default"

# SQLite takes some tens of thousands of bound values in one statement; PostgreSQL fewer.
_CHUNK = 10_000


class Catalog(Credentials):
    """The entities of a store, its projects, keys and clients; safe in many threads and processes."""

    def __init__(self, database: Database) -> None:
        super().__init__(CachedDatabase(database))

    # -- projects

    def projects(self) -> list[Project]:
        """All projects, oldest first."""
        with self._base.read() as connection:
            query = select(PROJECT).order_by(PROJECT.c.created, PROJECT.c.id)
            return [_project(row) for row in connection.execute(query).mappings()]

    def create_project(self, name: str, itwin_id: str | None = None) -> Project:
        """A new project under an id never used before; Exists when the alias is taken."""
        project = Project(uuid.uuid4().hex, name, itwin_id, False, now_us())
        try:
            with self._base.change() as connection:
                if itwin_id is not None and _find_project(connection, itwin_id) is not None:
                    raise Exists(f"a project with the iTwin id {itwin_id!r} exists already", "itwin_id", itwin_id)
                connection.execute(insert(PROJECT).values({**vars(project), "is_default": 0}))
        except IntegrityError as taken:
            raise Exists(f"a project {project.id!r} exists already", "itwin_id", itwin_id) from taken
        return project

    def project(self, id: str) -> Project | None:
        """The project of that id or iTwin id, else None. Cached until the catalog changes."""
        return self._base.cached(("project", id), lambda connection: _find_project(connection, id))

    def delete_project(self, id: str) -> None:
        """Forget a project, its entities and its unflushed data; its segments go with `Store.delete_project`.

        NotFound when there is none; Exists for the default project, which stays.
        """
        with self._base.change() as connection:
            project = _find_project(connection, id)
            if project is None:
                raise NotFound(f"there is no project {id!r}", "project", id)
            if project.is_default:
                raise Exists("the default project cannot be deleted", "project", id)
            connection.execute(delete(PROJECT).where(PROJECT.c.id == project.id))
            for table in (ENTITY, PROP_HISTORY, SERIES, LOG):
                connection.execute(delete(table).where(table.c.project == project.id))

    # -- entities

    def create_entity(
        self,
        project: str,
        kind: Kind,
        id: str,
        type: str,
        props: Mapping[str, Any] | None = None,
        parent: str | None = None,
        observation_type: str | None = None,
        ref_id: str | None = None,
        custom_props: Mapping[str, Any] | None = None,
    ) -> Entity:
        """A new node, device or sensor; Exists when the id is taken among its kind, NotFound without such a project."""
        now = now_us()
        entity = Entity(
            project, kind, id, type, parent, dict(props or {}), dict(custom_props or {}),
            observation_type, ref_id, now, now,
        )  # fmt: skip
        with self._base.change() as connection:
            if _find_project(connection, project) is None:
                raise NotFound(f"there is no project {project!r}", "project", project)
            if connection.execute(_one(project, kind, id)).first() is not None:
                raise Exists(f"a {kind} {id!r} exists already", "id", id)
            connection.execute(insert(ENTITY).values(_row(entity)))
            _remember(connection, entity, now)
        return entity

    def update_props(self, project: str, kind: Kind, id: str, props: Mapping[str, Any]) -> Entity:
        """Merge `props` into the entity's (null removes a key) and return it; NotFound when there is none."""
        now = now_us()
        with self._base.change() as connection:
            row = connection.execute(_one(project, kind, id)).mappings().first()
            if row is None:
                raise NotFound(f"there is no {kind} {id!r}", "id", id)
            old = _entity(row)
            merged = {key: value for key, value in {**old.props, **props}.items() if value is not None}
            entity = Entity(**{**vars(old), "props": merged, "modified": now})
            changed = {"props": json.dumps(merged), "modified": now}
            connection.execute(update(ENTITY).where(*_is(project, kind, id)).values(changed))
            _remember(connection, entity, now)
        return entity

    def entity(self, project: str, kind: Kind, id: str) -> Entity | None:
        """The entity, or None. Cached until the catalog changes."""

        def lookup(connection: Connection) -> Entity | None:
            row = connection.execute(_one(project, kind, id)).mappings().first()
            return None if row is None else _entity(row)

        return self._base.cached(("entity", project, kind, id), lookup)

    def entities(
        self,
        project: str,
        kind: Kind,
        ids: Collection[str] | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[Entity]:
        """At most `limit` entities beyond `after` in the order of their ids: all, or those of `ids` that exist."""
        query = select(ENTITY).where(ENTITY.c.project == project, ENTITY.c.kind == kind).order_by(ENTITY.c.id)
        if after is not None:
            query = query.where(ENTITY.c.id > after)
        with self._base.read() as connection:
            if ids is None:
                return _all(connection, query.limit(limit))
            wanted = sorted(set(ids))
            chunks = [wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK)]
            found = [entity for chunk in chunks for entity in _all(connection, query.where(ENTITY.c.id.in_(chunk)))]
        return found if limit is None else found[:limit]

    def sensors_of_device(self, project: str, device: str) -> tuple[Entity, ...]:
        """The sensors whose parent is the device, in the order of their ids. Cached until the catalog changes."""
        query = select(ENTITY).where(ENTITY.c.project == project, ENTITY.c.kind == "sensor", ENTITY.c.parent == device)
        query = query.order_by(ENTITY.c.id)
        return self._base.cached(("members", project, device), lambda connection: tuple(_all(connection, query)))

    def metrics_of(self, project: str, sensor: str) -> tuple[str, ...]:
        """The metrics ever uploaded for the sensor, sorted. Cached until the catalog changes."""
        query = select(SERIES.c.metric).where(SERIES.c.project == project, SERIES.c.sensor == sensor)
        query = query.order_by(SERIES.c.metric)
        return self._base.cached(
            ("metrics", project, sensor), lambda connection: tuple(connection.execute(query).scalars())
        )


def _find_project(connection: Connection, id: str) -> Project | None:
    row = (
        connection.execute(select(PROJECT).where(or_(PROJECT.c.id == id, PROJECT.c.itwin_id == id))).mappings().first()
    )
    return None if row is None else _project(row)


def _is(project: str, kind: Kind, id: str) -> tuple[Any, ...]:
    return (ENTITY.c.project == project, ENTITY.c.kind == kind, ENTITY.c.id == id)


def _one(project: str, kind: Kind, id: str) -> Select[Any]:
    return select(ENTITY).where(*_is(project, kind, id))


def _all(connection: Connection, query: Select[Any]) -> list[Entity]:
    return [_entity(row) for row in connection.execute(query).mappings()]


def _remember(connection: Connection, entity: Entity, now: int) -> None:
    row = {key: value for key, value in _row(entity).items() if key in ("project", "kind", "id", "props")}
    connection.execute(insert(PROP_HISTORY).values({**row, "valid_from": now, "recorded": now}))


def _row(entity: Entity) -> dict[str, Any]:
    return {
        **vars(entity), "props": json.dumps(entity.props), "custom_props": json.dumps(entity.custom_props)
    }  # fmt: skip


def _project(row: RowMapping) -> Project:
    return Project(row["id"], row["name"], row["itwin_id"], bool(row["is_default"]), row["created"])


def _entity(row: RowMapping) -> Entity:
    return Entity(**{**row, "props": json.loads(row["props"]), "custom_props": json.loads(row["custom_props"] or "{}")})
