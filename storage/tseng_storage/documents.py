"""Documents: files beside the table, each with a row of the catalog that says what it is.

Order of keeping one: the whole file on disk under its name → its row. Of taking one away: its row → the file. So a row
whose file is gone or differs is damage, and a file without a row is what a process left behind that died, or is just
being kept; once it is old, vacuum takes it. Files without a row are deleted inside a transaction that writes: whoever
adds a row sees in its own whether the file is still there, and writes it again otherwise.

A backup copies the rows first and then their files. Meanwhile it holds a lock of its own, for which the deletion of
files waits; keeping and reading documents waits for nothing.
"""

import hashlib
import os
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, select, tuple_

from tseng_storage.database import Database
from tseng_storage.disk import disk_faults
from tseng_storage.entities import now_us
from tseng_storage.errors import Damaged, NotFound, StorageError
from tseng_storage.files import exclusive, write_file
from tseng_storage.layout import Layout
from tseng_storage.tables import DOCUMENT, PROJECT


@dataclass(frozen=True)
class Document:
    """What is recorded of a document; `created`: epoch us, `created_by`: None where that is not known."""

    project: str
    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    created: int
    created_by: str | None = None


class Documents:
    """The documents of one store; thread-safe and safe beside other processes."""

    def __init__(self, layout: Layout, database: Database) -> None:
        self._layout, self._database = layout, database

    def add(self, project: str, name: str, media_type: str, content: bytes, *, by: str | None = None) -> Document:
        """Keep a document under a new id; on disk when it returns. NotFound without such a project."""
        digest = hashlib.sha256(content).hexdigest()
        made = Document(project, uuid.uuid4().hex, name, media_type, len(content), digest, now_us(), by)
        path = self._layout.document(project, made.id)
        with disk_faults(path):
            # The one who deletes files may just have looked here; then it is written below.
            with suppress(FileNotFoundError):
                write_file(path, content)
            try:
                self._record(made, path, content)
            except StorageError:
                path.unlink(missing_ok=True)
                raise
        return made

    def _record(self, made: Document, path: Path, content: bytes) -> None:
        with self._database.write() as connection:
            if connection.execute(select(PROJECT.c.id).where(PROJECT.c.id == made.project)).first() is None:
                raise NotFound(f"there is no project {made.project!r}", "project", made.project)
            if not path.exists():
                write_file(path, content)
            connection.execute(insert(DOCUMENT).values(vars(made)))

    def all(
        self, project: str | None = None, *, after: tuple[int, str] | None = None, limit: int | None = None
    ) -> list[Document]:
        """The documents of a project, or of all, oldest first; `after`: those behind this time and id, `limit` many."""
        place = tuple_(DOCUMENT.c.created, DOCUMENT.c.id)
        query = select(DOCUMENT).order_by(DOCUMENT.c.created, DOCUMENT.c.id).limit(limit)
        if after is not None:
            query = query.where(place > tuple_(*after))
        if project is not None:
            query = query.where(DOCUMENT.c.project == project)
        with self._database.read() as connection:
            return [Document(**row) for row in connection.execute(query).mappings()]

    def usage(self, project: str) -> tuple[int, int]:
        """How many documents a project has, and their bytes."""
        query = select(func.count(), func.coalesce(func.sum(DOCUMENT.c.size), 0)).where(DOCUMENT.c.project == project)
        with self._database.read() as connection:
            count, size = connection.execute(query).one()
        return count, size

    def find(self, project: str, id: str) -> Document:
        """What is recorded of a document; NotFound when there is none."""
        query = select(DOCUMENT).where(DOCUMENT.c.project == project, DOCUMENT.c.id == id)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise _absent(id)
        return Document(**row)

    def content(self, document: Document) -> bytes:
        """The bytes of a document, as they were kept; NotFound when it was taken away, else Damaged."""
        path = self._layout.document(document.project, document.id)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            self.find(document.project, document.id)
            raise self._damaged(document, "the file is missing") from None
        if hashlib.sha256(content).hexdigest() != document.sha256:
            raise self._damaged(document, "the content does not match the recorded checksum")
        return content

    def _damaged(self, document: Document, reason: str) -> Damaged:
        path = self._layout.document(document.project, document.id)
        return Damaged(f"{path.relative_to(self._layout.root)}: {reason}", "file", str(path))

    def remove(self, project: str, id: str) -> None:
        """Take a document away, its file too; NotFound when there is none."""
        with self._database.write() as connection:
            if not _forget(connection, project, id):
                raise _absent(id)
        path = self._layout.document(project, id)
        with disk_faults(path), exclusive(self._layout.documents_lock):
            path.unlink(missing_ok=True)

    def remove_all(self, project: str) -> None:
        """Delete the files of a project that is deleted, its rows included."""
        folder = self._layout.documents_of(project)
        with disk_faults(folder), exclusive(self._layout.documents_lock):
            self._sweep(path for path in folder.glob("*") if path.suffix != ".tmp")
            with suppress(OSError):  # what is just being written there fails for want of a project
                folder.rmdir()

    def vacuum(self, retention_seconds: float) -> list[Path]:
        """Delete files without a row that are older than this; those deleted."""
        folder = self._layout.documents
        with disk_faults(folder), exclusive(self._layout.documents_lock):
            return self._sweep(path for path in folder.glob("*/*") if _age(path) >= retention_seconds)

    def _sweep(self, paths: Iterable[Path]) -> list[Path]:
        """Delete those of the files that have no row; those deleted."""
        kept = {self._layout.document(each.project, each.id) for each in self.all()}
        strays = [path for path in paths if path not in kept]
        if not strays:
            return []
        with self._database.write() as connection:
            rows = connection.execute(select(DOCUMENT.c.project, DOCUMENT.c.id))
            kept = {self._layout.document(row.project, row.id) for row in rows}
            gone = [path for path in strays if path not in kept]
            for path in gone:
                path.unlink(missing_ok=True)
        return gone


def _forget(connection: Connection, project: str, id: str) -> bool:
    return connection.execute(delete(DOCUMENT).where(DOCUMENT.c.project == project, DOCUMENT.c.id == id)).rowcount > 0


def _absent(id: str) -> NotFound:
    return NotFound(f"there is no document {id!r}", "id", id)


def _age(path: Path) -> float:
    """Seconds since the file was written; less than any where it is gone."""
    try:
        return time.time() - os.stat(path).st_mtime
    except FileNotFoundError:
        return -1.0
