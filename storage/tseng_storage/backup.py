"""Copies of a whole store: the table's files at one version, the catalog with the log that goes with it, documents."""

from __future__ import annotations

import os
import shutil
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tseng_storage import replay
from tseng_storage.database import Database, copy_database
from tseng_storage.disk import disk_faults
from tseng_storage.errors import StoreMissing, StoreNotEmpty
from tseng_storage.files import exclusive, make_folder, sync_file, sync_folder
from tseng_storage.layout import Layout


def backup(layout: Layout, database: Database, target: Path) -> None:
    """Copy the store into the new or empty folder `target`, complete and synced when it appears.

    Holds the maintenance lock, so the table stands still; uploads go on. The log is copied after the table was read:
    what is not in the copied segments is in the copied log.
    """
    with _made(target) as copy, exclusive(layout.lock):
        _copy_table(layout, copy)
        make_folder(copy.catalog.parent)
        with exclusive(layout.documents_lock):
            database.copy(copy.catalog)
            _copy_documents(layout, copy)


def restore(source: Path, target: Path) -> None:
    """Make `target` (new or an empty folder) the store that was backed up into `source`."""
    layout = Layout(source)
    if not layout.catalog.is_file():
        raise StoreMissing(f"{source} is not a backup: it has no catalog", "source", str(source))
    with _made(target) as copy:
        _copy_table(layout, copy)
        make_folder(copy.catalog.parent)
        with closing(sqlite3.connect(f"{layout.catalog.resolve().as_uri()}?mode=ro", uri=True)) as origin:
            copy_database(origin, copy.catalog)
        _copy_documents(layout, copy)


@contextmanager
def _made(target: Path) -> Iterator[Layout]:
    """A folder to fill, which becomes `target` when the block has ended and goes when it fails."""
    with disk_faults(target):
        partial = _prepared(target)
        try:
            yield Layout(partial)
            _publish(partial, target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def _prepared(target: Path) -> Path:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise StoreNotEmpty(f"{target} is not empty", "target", str(target))
    make_folder(target.absolute().parent)
    partial = target.absolute().with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
    partial.mkdir()
    return partial


def _copy_table(source: Layout, target: Layout) -> None:
    # The log folder first: its newest state names the files to copy.
    make_folder(target.delta_log)
    make_folder(target.observations)
    entries = [
        path for path in source.delta_log.iterdir() if path.is_file() and not path.name.endswith((".tmp", ".torn"))
    ]
    _copy(entries, target.delta_log)
    for name in replay.load(target.delta_log).segments:
        make_folder(target.segment(name).parent)
        _copy([source.segment(name)], target.segment(name).parent)


def _copy_documents(source: Layout, target: Layout) -> None:
    """The files of the rows that the copied catalog has; a backup of an earlier release has none."""
    # The copy is nobody else's: opened so, SQLite puts no other files beside it.
    with closing(sqlite3.connect(f"{target.catalog.resolve().as_uri()}?immutable=1", uri=True)) as catalog:
        if not catalog.execute("SELECT 1 FROM sqlite_master WHERE name = 'document'").fetchone():
            return
        rows = catalog.execute("SELECT project, id FROM document").fetchall()
    for project, id in rows:
        make_folder(target.documents_of(project))
        _copy([source.document(project, id)], target.documents_of(project))


def _copy(paths: Iterable[Path], folder: Path) -> None:
    for path in paths:
        shutil.copy2(path, folder / path.name)
        sync_file(folder / path.name)
    sync_folder(folder)


def _publish(partial: Path, target: Path) -> None:
    sync_file(Layout(partial).catalog)
    sync_folder(Layout(partial).catalog.parent)
    sync_folder(partial)
    if target.exists():
        target.rmdir()
    os.rename(partial, target.absolute())
    sync_folder(target.absolute().parent)
