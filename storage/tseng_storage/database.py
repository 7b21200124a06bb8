"""The catalog database: one writing connection, one reading, one that only watches.

A transaction that means to write takes the write lock at once (BEGIN IMMEDIATE): waiting happens there, under the busy
timeout, and never in the middle where SQLite could only fail. The watching connection asks `PRAGMA data_version`, which
changes with every commit of any other connection of any process and costs two microseconds: how a reader notices
acknowledged data without a query. It never holds a transaction, because inside one the answer would stand still: so
it is one thread's at a time, as the questions of two that overlap share a transaction, begun by the first of them.

Nothing else in a process may open the file, not even to sync it: closing it again lets go of SQLite's own locks, and
the next process to close the store would take the write-ahead log away from under this one.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from tseng_storage.bell import Bell
from tseng_storage.disk import full, read_only
from tseng_storage.errors import Damaged, StorageError, StoreBusy, StoreClosed
from tseng_storage.statements import driver_of

_WRITES, _READS = "BEGIN IMMEDIATE", "BEGIN"


class Database:
    """Connections to the SQLite file at `path`; thread-safe. `busy_seconds`: how long to wait for other processes."""

    def __init__(self, path: Path, busy_seconds: float) -> None:
        self._path = path
        self._writing = threading.RLock()
        self._reading = threading.RLock()
        self._engines = [_engine(path, busy_seconds, begin) for begin in (_WRITES, _READS)]
        with _translated(path):
            self._writer, self._reader = (engine.connect() for engine in self._engines)
        self._watching = threading.Lock()
        self._watcher = sqlite3.connect(path, busy_seconds, isolation_level=None, check_same_thread=False)
        self._bell = Bell(self.changes)
        self._closed = False

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, durable when the block has ended; nothing happened when the block raises."""
        with self._writing:
            self._check()
            with _translated(self._path), self._writer.begin():
                yield self._writer
        self._bell.ring()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view; waits for nobody."""
        with self._reading:
            self._check()
            with _translated(self._path), self._reader.begin():
                yield self._reader

    def ask(self, *questions: tuple[str, Sequence[object]]) -> list[list[Any]]:
        """The rows of each of some prepared statements with its values, in one consistent view.

        For what is asked after every upload: the driver alone takes a tenth of a millisecond less.
        """
        with self.look() as driver:
            return [driver.execute(text, tuple(values)).fetchall() for text, values in questions]

    @contextmanager
    def look(self) -> Iterator[sqlite3.Connection]:
        """As `read`, for prepared statements that the driver runs alone."""
        with self._reading:
            self._check()
            with _by_the_driver(self._reader, _READS, self._path) as driver:
                yield driver

    @contextmanager
    def put(self) -> Iterator[sqlite3.Connection]:
        """As `write`, for prepared statements that the driver runs alone: what every upload waits for."""
        with self._writing:
            self._check()
            with _by_the_driver(self._writer, _WRITES, self._path) as driver:
                yield driver
        self._bell.ring()

    def changes(self) -> int:
        """A number that differs after any commit by any process, this one's other connections included."""
        ((number,),) = self.glance("PRAGMA data_version")
        return int(number)

    def glance(self, statement: str) -> list[Any]:
        """The rows of a short prepared statement, outside of any transaction; nobody's reading or writing delays it."""
        with self._watching:
            self._check()
            try:
                return self._watcher.execute(statement).fetchall()
            except sqlite3.OperationalError as fault:
                raise _operational(str(fault), self._path) from fault

    def wait(self, seen: int, seconds: float) -> int:
        """Block until `changes()` is no longer `seen`, at most `seconds`; the number now. StoreClosed when it closes.

        Commits of this object wake it at once, those of others within `bell.PAUSE`. For many threads at once.
        """
        return self._bell.wait(seen, seconds)

    def copy(self, target: Path) -> None:
        """A consistent copy of the whole database into the new file `target`."""
        with self._reading:
            self._check()
            copy_database(driver_of(self._reader), target)

    def close(self) -> None:
        """Close all connections; further use raises StoreClosed."""
        with self._writing, self._reading:
            if self._closed:
                return
            self._closed = True
            # First those who wait: they look at the watcher all the time.
            self._bell.close()
            with self._watching:
                self._watcher.close()
            self._reader.close()
            self._writer.close()
            for engine in self._engines:
                engine.dispose()

    def _check(self) -> None:
        if self._closed:
            raise StoreClosed("the store is closed")


def copy_database(source: sqlite3.Connection, target: Path) -> None:
    """A consistent copy of the whole database behind `source` into the new file `target`."""
    try:
        with closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
    except sqlite3.OperationalError as fault:
        raise _operational(str(fault), target) from fault
    except sqlite3.DatabaseError as fault:
        raise Damaged(f"the catalog cannot be copied: {fault}", "file", str(target)) from fault


@contextmanager
def _by_the_driver(connection: Connection, begin: str, path: Path) -> Iterator[sqlite3.Connection]:
    """A transaction on the driver's own connection, its errors as those of storage."""
    driver = driver_of(connection)
    with _translated(path):
        driver.execute(begin)
        try:
            yield driver
            driver.execute("COMMIT")
        finally:
            if driver.in_transaction:
                driver.execute("ROLLBACK")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """The database's own errors, and those of its driver, as those of storage; everything else passes."""
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError) as fault:
        cause = fault.orig if isinstance(fault, DatabaseError) else fault
        if isinstance(cause, sqlite3.OperationalError):
            raise _operational(str(cause), path) from fault
        # The driver's plain DatabaseError, not one of its subclasses, is what a torn or foreign file raises.
        if type(cause) is sqlite3.DatabaseError:
            raise _damaged(cause, path) from fault
        raise


def _damaged(fault: Exception, path: Path) -> Damaged:
    return Damaged(f"{path.parent.name}/{path.name}: {fault}", "file", str(path))


def _operational(words: str, path: Path) -> StorageError:
    if "locked" in words or "busy" in words:
        return StoreBusy(f"another process kept the catalog locked for too long: {words}")
    if "disk is full" in words:
        return full(path)
    if "readonly" in words or "unable to open" in words:
        return read_only(path)
    return StorageError(f"the catalog cannot be used: {words}", "file", str(path))


def _engine(path: Path, busy_seconds: float, begin: str) -> Engine:
    # Opened by ourselves: in a database URL `?` and `%` would not be part of the path.
    engine = create_engine(
        "sqlite+pysqlite://",
        poolclass=StaticPool,
        creator=lambda: sqlite3.connect(path, busy_seconds, check_same_thread=False),
    )

    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine
