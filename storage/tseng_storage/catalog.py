"""Projects: verbs over the catalog tables, each one transaction; with entities, keys and clients the whole catalog."""

import sqlite3
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping, bindparam, delete, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from tseng_storage.catalog_cache import CachedDatabase
from tseng_storage.configuration import Configuration
from tseng_storage.credentials import Credentials
from tseng_storage.database import Database
from tseng_storage.entities import Project, now_us
from tseng_storage.errors import Exists, NotFound
from tseng_storage.statements import driver_of, prepared
from tseng_storage.tables import (
    BULK_LOAD,
    DOCUMENT,
    ENTITY,
    ENTITY_PAST,
    IDEMPOTENCY,
    LOG,
    MESSAGE,
    META,
    PROJECT,
    PROP_HISTORY,
    RECORD,
    RECORD_PAST,
    SERIES,
)

DEFAULT_PROJECT = "default"

_OF_PROJECT = (
    ENTITY, ENTITY_PAST, PROP_HISTORY, SERIES, LOG, BULK_LOAD, DOCUMENT, IDEMPOTENCY, RECORD, RECORD_PAST, MESSAGE,
)  # fmt: skip


class Catalog(Configuration, Credentials):
    """The entities of a store, its projects, keys and clients; safe in many threads and processes."""

    def __init__(self, database: Database) -> None:
        super().__init__(CachedDatabase(database))

    def store_id(self) -> str:
        """The id that the store was given when it was made."""
        with self._base.read() as connection:
            return str(connection.execute(select(META.c.value).where(META.c.key == "store")).scalar_one())

    # -- projects

    def access(self) -> str:
        """A text that differs after every change of keys, clients or projects, by any process; eight microseconds."""
        return self._base.access()

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
                if itwin_id is not None and _find_project(driver_of(connection), itwin_id) is not None:
                    raise Exists(f"a project with the iTwin id {itwin_id!r} exists already", "itwin_id", itwin_id)
                connection.execute(insert(PROJECT).values({**vars(project), "is_default": 0}))
        except IntegrityError as taken:
            raise Exists(f"a project {project.id!r} exists already", "itwin_id", itwin_id) from taken
        return project

    def project(self, id: str) -> Project | None:
        """The project of that id or iTwin id, else None. Cached until the catalog changes."""
        return self._base.looked_up(("project", id), lambda driver: _find_project(driver, id))

    def delete_project(self, id: str) -> None:
        """Forget a project, its entities and its unflushed data; its segments go with `Store.delete_project`.

        NotFound when there is none; Exists for the default project, which stays.
        """
        with self._base.change() as connection:
            project = _find_project(driver_of(connection), id)
            if project is None:
                raise NotFound(f"there is no project {id!r}", "project", id)
            if project.is_default:
                raise Exists("the default project cannot be deleted", "project", id)
            connection.execute(delete(PROJECT).where(PROJECT.c.id == project.id))
            for table in _OF_PROJECT:
                connection.execute(delete(table).where(table.c.project == project.id))


def _find_project(driver: sqlite3.Connection, id: str) -> Project | None:
    # RFC 9562, 4: a GUID is the same in capitals and in small letters.
    row = driver.execute(_NAMED, (id, id.lower())).fetchone()
    return None if row is None else _project(dict(zip(PROJECT.c.keys(), row, strict=True)))


_NAMED = prepared(
    select(PROJECT).where(
        or_(PROJECT.c.id == bindparam("id"), func.lower(PROJECT.c.itwin_id) == bindparam("itwin_id"))
    ),
    ("id", "itwin_id"),
)


def _project(row: Mapping[str, Any] | RowMapping) -> Project:
    return Project(row["id"], row["name"], row["itwin_id"], bool(row["is_default"]), row["created"])
