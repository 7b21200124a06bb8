"""The log: every acknowledged upload as one row of the catalog database, numbered in the order of commit.

Group commit. A thread that appends queues its upload and then takes the commit lock. Whoever gets the lock commits all
that is queued in one transaction, its own upload included; the others find theirs done when the lock comes to them. So
one sync to disk serves everybody who waited for it, and a lone writer hands over to no other thread.

The number (seq) is the order of versions: a later seq wins. Numbers are given under the database's write lock, so a
reader that has seen n has seen everything below n. They are never used twice, not even after the row was trimmed.

A row without observations is a marker: it only takes a number, for a bulk load whose values go straight to Parquet.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from tseng_storage.database import Database
from tseng_storage.entities import now_us
from tseng_storage.errors import NotFound
from tseng_storage.observations import Rows
from tseng_storage.payload import LogRow, encode
from tseng_storage.tables import DELTA_ENTRY, LOG, META, PROJECT, SERIES

_GROUP = 512

Series = tuple[str, str]


@dataclass
class _Pending:
    project: str
    payload: bytes
    rows: int
    series: set[Series]
    seq: int = 0
    error: BaseException | None = None
    done: bool = False


@dataclass(frozen=True)
class LogState:
    """What waits in the log: `commits` uploads with `rows` values, the oldest received at epoch us `oldest`."""

    commits: int
    rows: int
    oldest: int | None
    last: int


class Log:
    """Appends to and reads the log; thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: deque[_Pending] = deque()
        self._committing = threading.Lock()
        self._known: set[tuple[str, str, str]] = set()

    def append(self, project: str, rows: Rows) -> int:
        """Keep `rows` durably; their seq. NotFound without such a project."""
        pending = _Pending(project, encode(rows), len(rows), rows.series_seen())
        self._queue.append(pending)
        with self._committing:
            if not pending.done:
                self._commit_queued()
        if pending.error is not None:
            raise pending.error
        return pending.seq

    def mark(self, project: str, series: set[Series]) -> int:
        """Take a number for a bulk load and note the series it brings."""
        pending = _Pending(project, b"", 0, series)
        with self._committing:
            self._commit([pending])
        if pending.error is not None:
            raise pending.error
        return pending.seq

    def _commit_queued(self) -> None:
        while self._queue:
            self._commit([self._queue.popleft() for _ in range(min(_GROUP, len(self._queue)))])

    def _commit(self, group: list[_Pending]) -> None:
        try:
            with self._database.write() as connection:
                self._insert(connection, group)
        except BaseException as fault:
            for pending in group:
                pending.error = pending.error or fault
        else:
            self._known.update((done.project, *one) for done in group if done.error is None for one in done.series)
        for pending in group:
            pending.done = True

    def _insert(self, connection: Connection, group: list[_Pending]) -> None:
        now = now_us()
        for project in {pending.project for pending in group}:
            if connection.execute(_PROJECT_EXISTS, {"id": project}).first() is None:
                _fail(group, project)
        good = [pending for pending in group if pending.error is None]
        for pending in good:
            row = {
                "project": pending.project, "received": now, "rows": pending.rows,
                "checksum": crc32(pending.payload), "payload": pending.payload,
            }  # fmt: skip
            pending.seq = connection.execute(_INSERT, row).scalar_one()
        fresh = {(pending.project, *one) for pending in good for one in pending.series} - self._known
        if fresh:
            names = ("project", "sensor", "metric")
            rows = [{**dict(zip(names, one, strict=True)), "seen": now} for one in sorted(fresh)]
            connection.execute(_NOTE_SERIES, rows)

    # -- reading and trimming

    def rows_after(self, seq: int) -> tuple[int, list[LogRow]]:
        """(trimmed, rows): how far the log was trimmed, and its rows beyond `seq` in order, in one consistent view."""
        with self._database.read() as connection:
            trimmed = int(connection.execute(_TRIMMED).scalar_one())
            rows = [LogRow(*row) for row in connection.execute(_AFTER, {"seq": seq})]
        return trimmed, rows

    def state(self) -> LogState:
        """What waits to be flushed."""
        with self._database.read() as connection:
            return LogState(*connection.execute(_STATE).one())

    def trim(self, seq: int, entries: Iterable[tuple[int, str]] = ()) -> None:
        """Forget the rows up to `seq`, now on disk elsewhere; note (version, hash) of the commits that hold them."""
        with self._database.write() as connection:
            connection.execute(delete(LOG).where(LOG.c.seq <= seq))
            if int(connection.execute(_TRIMMED).scalar_one()) < seq:
                connection.execute(update(META).where(META.c.key == "trimmed").values(value=str(seq)))
            note_entries(connection, entries)

    def note(self, entries: Iterable[tuple[int, str]]) -> None:
        """Note (version, hash) of commits on disk; from then on a commit that does not parse is damage, not torn."""
        with self._database.write() as connection:
            note_entries(connection, entries)

    def drop_markers(self, upto: int) -> None:
        """Forget the markers up to `upto`."""
        with self._database.write() as connection:
            connection.execute(delete(LOG).where(LOG.c.rows == 0, LOG.c.seq <= upto))

    def first_waiting(self, after: int) -> int | None:
        """The seq of the first upload with values beyond `after`, None when all is flushed."""
        query = select(func.min(LOG.c.seq)).where(LOG.c.rows > 0, LOG.c.seq > after)
        with self._database.read() as connection:
            first: int | None = connection.execute(query).scalar_one()
        return first

    def entries(self) -> dict[int, str]:
        """SHA-256 by version of the commits known to be on disk."""
        with self._database.read() as connection:
            return {row.version: row.sha256 for row in connection.execute(select(DELTA_ENTRY))}

    def trimmed(self) -> int:
        """The last seq that was dropped after a flush."""
        with self._database.read() as connection:
            return int(connection.execute(_TRIMMED).scalar_one())


def note_entries(connection: Connection, entries: Iterable[tuple[int, str]]) -> None:
    """Record the SHA-256 of Delta commits, for verify."""
    for version, digest in entries:
        connection.execute(delete(DELTA_ENTRY).where(DELTA_ENTRY.c.version == version))
        connection.execute(insert(DELTA_ENTRY).values(version=version, sha256=digest))


def _fail(group: list[_Pending], project: str) -> None:
    for pending in group:
        if pending.project == project:
            pending.error = NotFound(f"there is no project {project!r}", "project", project)


_PROJECT_EXISTS = select(PROJECT.c.id).where(PROJECT.c.id == bindparam("id"))
_INSERT = insert(LOG).returning(LOG.c.seq)
_NOTE_SERIES = insert(SERIES).prefix_with("OR IGNORE", dialect="sqlite")
_TRIMMED = select(META.c.value).where(META.c.key == "trimmed")
_AFTER = (
    select(LOG.c.seq, LOG.c.project, LOG.c.received, LOG.c.rows, LOG.c.checksum, LOG.c.payload)
    .where(LOG.c.seq > bindparam("seq"))
    .order_by(LOG.c.seq)
)
_STATE = select(
    func.count(),
    func.coalesce(func.sum(LOG.c.rows), 0),
    func.min(LOG.c.received),
    func.coalesce(func.max(LOG.c.seq), 0),
)
