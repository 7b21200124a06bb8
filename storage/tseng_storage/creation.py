"""Opening catalog and table of a store, and making the store where there is none.

Making it happens under the maintenance lock and may be interrupted anywhere: the catalog's tables are filled last,
and whoever finds it missing does the rest.

The catalog's file is on disk before the table's first commit is. So a commit, or a segment, without that file is no
half-made store but one whose catalog was lost. Making a new one would start the numbers again at 1, and the table would
count what gets them as contained already: acknowledged uploads would vanish. Such a folder is refused, and left as it
is. For the same reason a catalog knows the id of its table, and one that came from another store is refused.
"""

from __future__ import annotations

import os
import re
import uuid
from contextlib import nullcontext

from sqlalchemy import Connection, insert, inspect, select

from tseng_storage import delta, replay
from tseng_storage.catalog import DEFAULT_PROJECT
from tseng_storage.database import Database
from tseng_storage.disk import disk_faults, maintaining, read_only
from tseng_storage.entities import now_us
from tseng_storage.errors import Damaged, StorageError, StoreBusy, StoreMissing
from tseng_storage.files import make_folder, sync_folder
from tseng_storage.layout import CATALOG, Layout
from tseng_storage.log import Log
from tseng_storage.migration import migrate
from tseng_storage.replay import TableState
from tseng_storage.settings import StoreSettings
from tseng_storage.tables import META, METADATA, PROJECT, SCHEMA_VERSION

# The Delta library takes a path for a URL once more than it should, and would look for the table elsewhere.
_UNFIT = re.compile(r"\\|%[0-9A-Fa-f]{2}")


def open_parts(layout: Layout, settings: StoreSettings, *, create: bool) -> tuple[Database, TableState]:
    """Database and table of a complete store, repaired where nobody else is at work.

    A table that cannot be read is given as empty: reading it names the fault. Raises StoreMissing when there is no
    store and none is to be created, Damaged when catalog or table of one is gone or is another store's.
    """
    _check_path(layout)
    if not _present(layout):
        # In this order: a process that makes the store meanwhile puts the catalog there before the table.
        if _begun(layout) and not _present(layout):
            raise _lost(layout)
        if not create:
            raise StoreMissing(f"there is no store at {layout.root}", "path", str(layout.root))
        with disk_faults(layout.root):
            make_folder(layout.catalog.parent)
    _check_writable(layout)
    database = _connected(layout, settings)
    try:
        return database, _opened(layout, database)
    except BaseException:
        database.close()
        raise


def _connected(layout: Layout, settings: StoreSettings) -> Database:
    """The catalog's database, where the file is new made by one process at a time.

    A new file becomes one with a write-ahead log at the first connection. Two that try that at once both hold a lock
    that the other needs gone, and SQLite tells them so at once instead of letting one wait.
    """
    with nullcontext() if _present(layout) else maintaining(layout):
        return Database(layout.catalog, settings.busy_seconds)


def _check_path(layout: Layout) -> None:
    if layout.root.exists() and not layout.root.is_dir():
        raise StorageError(f"{layout.root} is a file, and a store is a folder", "path", str(layout.root))
    unfit = _UNFIT.search(str(layout.root))
    if unfit:
        raise StorageError(
            f"a store's path cannot hold {unfit[0]!r}, the Delta library takes it for another character: {layout.root}",
            "path",
            str(layout.root),
        )


def _check_writable(layout: Layout) -> None:
    """A store is opened for reading and writing alike.

    SQLite could read a log that nobody writes to, but not know that nobody does: on a folder that only this user cannot
    write to, it would miss what others acknowledge.
    """
    for path in (layout.catalog.parent, layout.catalog):
        if path.exists() and not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise read_only(path)


def _present(layout: Layout) -> bool:
    return layout.catalog.exists() and layout.catalog.stat().st_size > 0


def _begun(layout: Layout) -> bool:
    """Whether there is anything of a table."""
    return any(layout.delta_log.glob("*")) or _has_segments(layout)


def _has_segments(layout: Layout) -> bool:
    return any(layout.observations.rglob("*.parquet"))


def _beyond_empty(layout: Layout) -> bool:
    """Whether the table is more than its first commit, which may be torn."""
    checkpoints = layout.delta_log.glob("*checkpoint*")
    return replay.entry_path(layout.delta_log, 1).exists() or any(checkpoints) or _has_segments(layout)


def _lost(layout: Layout) -> Damaged:
    return Damaged(
        f"{layout.root} holds a table, but its catalog {CATALOG} is missing or empty: entities, keys and uploads not "
        "yet flushed were in that file. Restore a backup; the flushed observations can be read as a Delta Lake table",
        "file",
        str(layout.catalog),
    )  # fmt: skip


def _opened(layout: Layout, database: Database) -> TableState:
    version = _version(database)
    if version is None:
        with maintaining(layout):
            _create(layout, database)
    elif version > SCHEMA_VERSION:
        raise StorageError(f"the store has schema {version}, this release reads {SCHEMA_VERSION}", "path", version)
    else:
        migrate(database)
        _repair(layout, database)
    try:
        table = delta.load_state(layout)
    except Damaged:
        # Uploads and `verify` need no working table; whatever reads it says what is wrong.
        return replay.EMPTY
    _check_pair(layout, table, _noted(database, "table"))
    return table


def _check_pair(layout: Layout, table: TableState, expected: str | None) -> None:
    """Damaged unless the catalog was made with this table; `expected` None: before catalogs knew."""
    if table.version < 0:
        raise Damaged(
            f"{layout.root} has a catalog, but {layout.delta_log.name} holds no table: restore a backup",
            "file",
            str(layout.delta_log),
        )
    if expected is not None and table.id != expected:
        raise Damaged(
            f"the catalog {CATALOG} does not belong to the table in {layout.root}: put the right one back, or restore "
            "a backup",
            "file",
            str(layout.catalog),
        )  # fmt: skip


def _version(database: Database) -> int | None:
    with database.read() as connection:
        if not inspect(connection).has_table("meta"):
            return None
    found = _noted(database, "schema")
    return None if found is None else int(found)


def _noted(database: Database, key: str) -> str | None:
    with database.read() as connection:
        found: str | None = connection.execute(select(META.c.value).where(META.c.key == key)).scalar()
    return found


def _create(layout: Layout, database: Database) -> None:
    if _version(database) is not None:
        return
    if _beyond_empty(layout):
        raise _lost(layout)
    # The file itself SQLite has synced.
    sync_folder(layout.catalog.parent)
    delta.repair(layout, {})
    files = delta.create(layout)
    with database.write() as connection:
        METADATA.create_all(connection)
        _first_rows(connection, delta.load_state(layout).id)
    Log(database).note(files)


def _first_rows(connection: Connection, table: str) -> None:
    counts = {"trimmed": 0, "revision": 0, "config": 0}
    values = {"schema": SCHEMA_VERSION, **counts, "store": uuid.uuid4().hex, "table": table}
    connection.execute(insert(META), [{"key": key, "value": str(value)} for key, value in values.items()])
    project = {"id": DEFAULT_PROJECT, "name": "Default", "itwin_id": None, "is_default": 1, "created": now_us()}
    connection.execute(insert(PROJECT).values(project))


def _repair(layout: Layout, database: Database) -> None:
    try:
        with maintaining(layout, wait=False):
            delta.repair(layout, Log(database).noted())
    except StoreBusy:
        # Whoever holds the lock opened the store after the last power cut, and looked then.
        return
