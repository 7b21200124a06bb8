"""Opening the database of a store, and making the store where there is none.

Making it happens under the maintenance lock and may be interrupted anywhere: the catalog's `ready` row is written last,
and whoever finds it missing does the rest.
"""

from __future__ import annotations

import uuid

from sqlalchemy import Connection, insert, inspect, select

from tseng_storage import delta
from tseng_storage.catalog import DEFAULT_PROJECT
from tseng_storage.database import Database
from tseng_storage.entities import now_us
from tseng_storage.errors import StorageError, StoreBusy, StoreMissing
from tseng_storage.files import exclusive, make_folder, sync_folder
from tseng_storage.layout import Layout
from tseng_storage.log import Log
from tseng_storage.settings import StoreSettings
from tseng_storage.tables import META, METADATA, PROJECT, SCHEMA_VERSION


def open_database(layout: Layout, settings: StoreSettings, *, create: bool) -> Database:
    """The database of a complete store, repaired where nobody else is at work; StoreMissing when not to create it."""
    if not layout.catalog.exists():
        if not create:
            raise StoreMissing(f"there is no store at {layout.root}", "path", str(layout.root))
        make_folder(layout.catalog.parent)
    database = Database(layout.catalog, settings.busy_seconds)
    try:
        version = _version(database)
        if version is None:
            with exclusive(layout.lock):
                _create(layout, database)
        elif version != SCHEMA_VERSION:
            raise StorageError(f"the store has schema {version}, this release reads {SCHEMA_VERSION}", "path", version)
        else:
            _repair(layout, database)
    except BaseException:
        database.close()
        raise
    return database


def _version(database: Database) -> int | None:
    with database.read() as connection:
        if not inspect(connection).has_table("meta"):
            return None
        found = connection.execute(select(META.c.value).where(META.c.key == "schema")).scalar()
    return None if found is None else int(found)


def _create(layout: Layout, database: Database) -> None:
    if _version(database) is not None:
        return
    delta.repair(layout, {})
    files = delta.create(layout)
    with database.write() as connection:
        METADATA.create_all(connection)
        _first_rows(connection)
    Log(database).note(files)
    sync_folder(layout.catalog.parent)


def _first_rows(connection: Connection) -> None:
    values = {"schema": SCHEMA_VERSION, "trimmed": 0, "revision": 0, "store": uuid.uuid4().hex}
    connection.execute(insert(META), [{"key": key, "value": str(value)} for key, value in values.items()])
    project = {"id": DEFAULT_PROJECT, "name": "Default", "itwin_id": None, "is_default": 1, "created": now_us()}
    connection.execute(insert(PROJECT).values(project))


def _repair(layout: Layout, database: Database) -> None:
    try:
        with exclusive(layout.lock, wait=False):
            delta.repair(layout, Log(database).noted())
    except StoreBusy:
        # Whoever holds the lock opened the store after the last power cut, and looked then.
        return
