"""The log: every acknowledged upload as one row of the catalog database, numbered in the order of commit.

Group commit. A thread that appends queues its upload and then takes the commit lock. Whoever gets the lock commits all
that is queued in one transaction, its own upload included; the others find theirs done when the lock comes to them. So
one sync to disk serves everybody who waited for it, and a lone writer hands over to no other thread.

The number (seq) is the order of versions: a later seq wins. Numbers are given under the database's write lock, so a
reader that has seen n has seen everything below n. They are never used twice, not even after the row was trimmed.

A row without observations is a marker: it only takes a number, for a bulk load whose values go straight to Parquet.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple
from zlib import crc32

from sqlalchemy import Connection, bindparam, column, delete, func, insert, literal_column, select, table, update

from tseng_storage import once
from tseng_storage.catalog_cache import raise_revision
from tseng_storage.database import Database
from tseng_storage.deposits import FAULTS, Deposit, is_small, keep
from tseng_storage.entities import now_us
from tseng_storage.errors import Damaged, KeyReused, NotFound, StoreBusy
from tseng_storage.layout import CATALOG
from tseng_storage.observations import Rows
from tseng_storage.once import Earlier, Once
from tseng_storage.payload import LogRow, encode
from tseng_storage.records import Record
from tseng_storage.statements import driver_of, prepared
from tseng_storage.tables import BULK_LOAD, DELTA_FILE, LOG, META, PROJECT, SERIES

_GROUP = 512

Series = tuple[str, str, bool]

_NO_FILES: Mapping[str, str] = MappingProxyType({})


@dataclass
class _Pending:
    project: str
    payload: bytes
    rows: int
    series: set[Series]
    once: Once | None = None
    deposit: Deposit | None = None
    written: list[Record | None] = field(default_factory=list)
    seq: int = 0
    earlier: bool = False
    error: BaseException | None = None
    done: bool = False


class Beyond(NamedTuple):
    """The log's `rows` beyond some number, in order, how far it was trimmed, and how the catalog stands beside it.

    `revision` differs after every change of what the catalog's cache holds, `config` numbers the newest change.
    """

    trimmed: int
    revision: str
    config: int
    rows: list[LogRow]


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
        self._known: dict[str, set[Series]] = {}
        self._floor = 0

    def append(self, project: str, rows: Rows, once: Once | None = None) -> int:
        """Keep `rows` durably; their seq. NotFound without such a project.

        `once`: what was kept under its key already gets the seq that it got. KeyReused where that was another upload,
        StoreBusy while it is on its way as a bulk load.
        """
        return self._committed(_Pending(project, encode(rows), len(rows), rows.series_seen(), once)).seq

    def deposit(self, project: str, rows: Rows | None, deposit: Deposit) -> list[Record | None]:
        """Keep `rows`, if there are any, and a deposit beside them, all durably or nothing; the records written.

        Raises what `deposits.keep` raises.
        """
        if rows is None or not len(rows):
            pending = _Pending(project, b"", 0, set(), deposit=deposit)
        else:
            pending = _Pending(project, encode(rows), len(rows), rows.series_seen(), deposit=deposit)
        return self._committed(pending).written

    def _committed(self, pending: _Pending) -> _Pending:
        self._queue.append(pending)
        with self._committing:
            # Only until its own is done: under constant load one thread would else commit for all others forever.
            while not pending.done:
                self._commit([self._queue.popleft() for _ in range(min(_GROUP, len(self._queue)))])
        if pending.error is not None:
            raise pending.error
        return pending

    def mark(self, project: str, series: set[Series], once: Once | None = None) -> tuple[int, bool]:
        """Take a number for a bulk load and note the series it brings.

        With the number comes whether there is nothing to load: it is that of an upload that came under the key before.
        """
        pending = _Pending(project, b"", 0, series, once)
        with self._committing:
            self._commit([pending])
        if pending.error is not None:
            raise pending.error
        return pending.seq, pending.earlier

    def _commit(self, group: list[_Pending]) -> None:
        try:
            if all(map(self._is_plain, group)):
                with self._database.put() as driver:
                    now = now_us()
                    for pending in group:
                        if pending.deposit and not _deposited(driver, None, pending, pending.deposit):
                            continue
                        if pending.rows:
                            self._number(pending, driver.execute(_INSERT_ROW, _values(pending, now)).fetchone())
            else:
                with self._database.write() as connection:
                    self._insert(connection, group)
        except BaseException as fault:
            for pending in group:
                pending.error = pending.error or fault
        else:
            for done in group:
                if done.error is None and not done.earlier:
                    self._known.setdefault(done.project, set()).update(done.series)
        for pending in group:
            pending.done = True

    def _is_plain(self, pending: _Pending) -> bool:
        """Whether an upload is one row, or a small deposit, and nothing else to note."""
        noted = pending.series <= self._known.get(pending.project, _NONE)
        small = pending.rows > 0 if pending.deposit is None else is_small(pending.deposit)
        return noted and small and pending.once is None

    def _insert(self, connection: Connection, group: list[_Pending]) -> None:
        """Insert uploads of which there is more to note: a series not yet noted, a bulk load, a key, an entity."""
        now, driver = now_us(), driver_of(connection)
        fresh: dict[tuple[str, Series], int] = {}
        for pending in group:
            if pending.once and _came_before(connection, pending, pending.once, now):
                continue
            if pending.deposit and not _deposited(driver, connection, pending, pending.deposit):
                continue
            if pending.deposit and not pending.rows:
                continue
            if not self._number(pending, driver.execute(_INSERT_ROW, _values(pending, now)).fetchone()):
                continue
            if pending.once:
                this = Earlier(pending.seq, pending.rows, pending.rows > 0)
                once.record(connection, pending.project, pending.once, this, now)
            if not pending.rows:
                connection.execute(insert(BULK_LOAD).values(seq=pending.seq, project=pending.project))
            for one in pending.series - self._known.get(pending.project, _NONE):
                fresh.setdefault((pending.project, one), pending.seq)
        if fresh:
            rows = [
                (project, sensor, metric, int(valid), now, seq)
                for (project, (sensor, metric, valid)), seq in sorted(fresh.items())
            ]
            driver.executemany(_NOTE_SERIES, rows)
            raise_revision(connection)

    def _number(self, pending: _Pending, found: Sequence[int] | None) -> bool:
        """Give an upload the number that its row got; whether there is one, and so its project."""
        if found is None:
            pending.error = NotFound(f"there is no project {pending.project!r}", "project", pending.project)
            return False
        (pending.seq,) = found
        self._check(pending.seq)
        return True

    def stay_above(self, flushed: int) -> None:
        """Take no number that the table counts among those it contains: what got one would be dropped unread."""
        self._floor = max(self._floor, flushed)

    def _check(self, seq: int) -> None:
        if seq <= self._floor:
            raise Damaged(behind(seq - 1, self._floor), "file", CATALOG)

    # -- uploads under a key

    def earlier(self, project: str, key: Once) -> Earlier | None:
        """The upload that came under the key before; KeyReused where that was another."""
        with self._database.read() as connection:
            return once.find(connection, project, key, now_us())

    def settle(self, project: str, key: Once, *, stored: bool) -> None:
        """Note of a bulk load under a key that the table has it, or forget the key."""
        with self._database.write() as connection:
            (once.finish if stored else once.forget)(connection, project, key)

    def forget_old_keys(self) -> None:
        """Forget the keys that are not recognised any more."""
        with self._database.write() as connection:
            once.forget_old(connection, now_us())

    # -- reading and trimming

    def rows_after(self, seq: int) -> tuple[int, list[LogRow]]:
        """(trimmed, rows): how far the log was trimmed, and its rows beyond `seq` in order, in one consistent view."""
        found = self.beyond(seq)
        return found.trimmed, found.rows

    def beyond(self, seq: int) -> Beyond:
        """What lies beyond `seq`, in one consistent view. On the path of every read that follows an upload."""
        found, rows = self._database.ask((_READ_STANDING, ()), (_READ_ROWS, (seq,)))
        standing: dict[str, str] = dict(found)
        trimmed, config = int(standing["trimmed"]), int(standing["config"])
        return Beyond(trimmed, standing["revision"], config, [LogRow(*row) for row in rows])

    def state(self) -> LogState:
        """What waits to be flushed."""
        with self._database.read() as connection:
            return LogState(*connection.execute(_STATE).one())

    def sizes(self, project: str, after: int) -> tuple[int, list[tuple[int, int, int]]]:
        """How far the log was trimmed, and of a project's uploads beyond `after` when received, values and bytes."""
        query = select(LOG.c.received, LOG.c.rows, func.length(LOG.c.payload))
        query = query.where(LOG.c.project == project, LOG.c.seq > after, LOG.c.rows > 0).order_by(LOG.c.seq)
        with self._database.read() as connection:
            rows = [(row[0], row[1], row[2]) for row in connection.execute(query)]
            return int(connection.execute(_TRIMMED).scalar_one()), rows

    def trim(self, seq: int, files: Mapping[str, str] = _NO_FILES) -> None:
        """Forget the rows up to `seq`, now on disk elsewhere; note the commits that hold them, as `note` does."""
        with self._database.write() as connection:
            connection.execute(delete(LOG).where(LOG.c.seq <= seq))
            if int(connection.execute(_TRIMMED).scalar_one()) < seq:
                connection.execute(update(META).where(META.c.key == "trimmed").values(value=str(seq)))
            _note(connection, files)

    def note(self, files: Mapping[str, str], stored: tuple[str, Once] | None = None) -> None:
        """Note the SHA-256 by name of files of the Delta log now on disk.

        From then on a commit that does not parse is damage; before, it may be torn. `stored`: project and key of the
        bulk load that they hold.
        """
        with self._database.write() as connection:
            _note(connection, files)
            if stored is not None:
                once.finish(connection, *stored)

    def loads(self, project: str) -> list[int]:
        """The numbers of all bulk loads of a project."""
        with self._database.read() as connection:
            return list(connection.execute(select(BULK_LOAD.c.seq).where(BULK_LOAD.c.project == project)).scalars())

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

    def last(self) -> int:
        """The last number given, also to rows no longer there; 0 before the first."""
        with self._database.read() as connection:
            return int(connection.execute(_LAST).scalar() or 0)

    def noted(self) -> dict[str, str]:
        """SHA-256 by name of the files of the Delta log known to be on disk."""
        with self._database.read() as connection:
            return {row.name: row.sha256 for row in connection.execute(select(DELTA_FILE))}


def behind(last: int, flushed: int) -> str:
    """What is wrong with a catalog whose numbers end at `last` beside a table that contains `flushed`."""
    return (
        f"{CATALOG}: its numbers end at {last}, but the table contains uploads up to {flushed}; "
        "it is older than the table, restore a backup of the whole store"
    )


def _came_before(connection: Connection, pending: _Pending, key: Once, now: int) -> bool:
    """Whether an upload came under the key before; the pending one then gets its number, or its error."""
    try:
        found = once.find(connection, pending.project, key, now)
    except KeyReused as fault:
        pending.error = fault
        return True
    if found is None:
        return False
    if found.done:
        pending.seq, pending.earlier = found.seq, True
    else:
        pending.error = StoreBusy(f"the upload under the key {key.key!r} is on its way")
    return True


def _deposited(driver: sqlite3.Connection, connection: Connection | None, pending: _Pending, deposit: Deposit) -> bool:
    """Whether a deposit could be kept; where not, the others of the transaction go on."""
    try:
        pending.written = keep(driver, connection, pending.project, deposit)
    except FAULTS as fault:
        pending.error = fault
        return False
    return True


def _values(pending: _Pending, now: int) -> tuple[object, ...]:
    """What `_INSERT_ROW` binds, in its order."""
    return pending.project, now, pending.rows, crc32(pending.payload), pending.payload, pending.project


def _note(connection: Connection, files: Mapping[str, str]) -> None:
    for name, digest in files.items():
        connection.execute(delete(DELTA_FILE).where(DELTA_FILE.c.name == name))
        connection.execute(insert(DELTA_FILE).values(name=name, sha256=digest))


_NONE: set[Series] = set()

# One statement that finds the project and takes the number: this is what every upload waits for.
_INSERT_ORDER = ("project", "received", "rows", "checksum", "payload", "known")
_INSERT_ROW = prepared(
    insert(LOG)
    .from_select(
        _INSERT_ORDER[:-1],
        select(*(bindparam(name, type_=LOG.c[name].type) for name in _INSERT_ORDER[:-1])).where(
            select(PROJECT.c.id).where(PROJECT.c.id == bindparam("known")).exists()
        ),
    )
    .returning(LOG.c.seq),
    _INSERT_ORDER,
)
# Where SQLite keeps the numbers of AUTOINCREMENT columns.
_NUMBERS = table("sqlite_sequence", column("name"), column("seq"))
_LAST = select(_NUMBERS.c.seq).where(_NUMBERS.c.name == LOG.name)
_NOTE_SERIES = prepared(insert(SERIES).prefix_with("OR IGNORE"), [column.name for column in SERIES.c])
_TRIMMED = select(META.c.value).where(META.c.key == "trimmed")
_READ_STANDING = prepared(
    select(META.c.key, META.c.value).where(
        META.c.key.in_([literal_column(f"'{key}'") for key in ("trimmed", "revision", "config")])
    )
)
_READ_ROWS = prepared(
    select(LOG.c.seq, LOG.c.project, LOG.c.received, LOG.c.rows, LOG.c.checksum, LOG.c.payload)
    .where(LOG.c.seq > bindparam("seq"))
    .order_by(LOG.c.seq),
    ("seq",),
)
_STATE = select(
    func.count(),
    func.coalesce(func.sum(LOG.c.rows), 0),
    func.min(LOG.c.received),
    func.coalesce(func.max(LOG.c.seq), 0),
)
