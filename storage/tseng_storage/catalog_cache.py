"""Catalog lookups remembered until anything in the catalog changes, in this process or another.

Uploads commit to the same database all the time, so its change counter alone would empty the cache with every value
that arrives. Each transaction that changes the catalog, and each upload that brings a new series, therefore also
raises a revision kept in the database: when the change counter moved, the revision is read once, and only when that
moved too the cache is emptied.
"""

import sqlite3
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Integer, String, literal_column, select, update
from sqlalchemy import cast as as_type
from sqlalchemy.dialects import sqlite

from tseng_storage.database import Database
from tseng_storage.statements import driver_of, prepared
from tseng_storage.tables import META

C = TypeVar("C")
T = TypeVar("T")

_LIMIT = 100_000
_ABSENT = object()


class CachedDatabase:
    """A database with a cache of lookups."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._cache: dict[Hashable, Any] = {}
        self._changes = -1
        self._revision = ""

    def read(self) -> AbstractContextManager[Connection]:
        """One consistent view, as `Database.read`."""
        return self._database.read()

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """One transaction that changes the catalog; every process's cache takes notice."""
        with self._database.write() as connection:
            yield connection
            raise_revision(connection)
            raise_access(connection)

    def cached(self, key: Hashable, lookup: Callable[[Connection], T]) -> T:
        """The remembered answer to `key`, or that of `lookup`."""
        return self._remembered(key, lookup, self._database.read)

    def looked_up(self, key: Hashable, lookup: Callable[[sqlite3.Connection], T]) -> T:
        """As `cached`, for prepared statements that the driver runs alone."""
        return self._remembered(key, lookup, self._database.look)

    def _remembered(self, key: Hashable, lookup: Callable[[C], T], view: Callable[[], AbstractContextManager[C]]) -> T:
        changes = self._database.changes()
        if changes == self._changes:
            answer = self._cache.get(key, _ABSENT)
            if answer is not _ABSENT:
                return cast(T, answer)
        with self._lock:
            self._refresh(changes)
            if key not in self._cache:
                if len(self._cache) >= _LIMIT:
                    self._cache.clear()
                # What is found may be newer than the revision. Then the counter has moved on too: the next one to ask
                # sees another revision, and forgets it.
                with view() as connection:
                    self._cache[key] = lookup(connection)
            return cast(T, self._cache[key])

    def revision(self) -> str:
        """A text that differs after every change of what may be cached, by any process; nobody delays it."""
        ((revision,),) = self._database.glance(_REVISION)
        return str(revision)

    def access(self) -> str:
        """A text that differs after every change of keys, clients or projects, by any process; nobody delays it."""
        return "".join(str(value) for (value,) in self._database.glance(_ACCESS))

    def _refresh(self, changes: int) -> None:
        revision = self.revision()
        if revision != self._revision:
            self._cache = {}
        # The revision is set before the counter: a reader without the lock trusts the cache only once both agree.
        self._revision, self._changes = revision, changes


def raise_revision(connection: Connection) -> None:
    """Say within a transaction that it changes what the cache may hold."""
    driver_of(connection).execute(_RAISE)


def raise_access(connection: Connection) -> None:
    """Say within a transaction that it may change who may do what."""
    driver_of(connection).execute(_RAISE_ACCESS)


_IS_REVISION = META.c.key == literal_column("'revision'")
_REVISION = prepared(select(META.c.value).where(_IS_REVISION))
_NEXT = as_type(as_type(META.c.value, Integer) + literal_column("1"), String)
_RAISE = prepared(update(META).where(_IS_REVISION).values(value=_NEXT))
_ACCESS = prepared(select(META.c.value).where(META.c.key == literal_column("'access'")))
_FIRST = sqlite.insert(META).values(key=literal_column("'access'"), value=literal_column("'1'"))
_RAISE_ACCESS = prepared(_FIRST.on_conflict_do_update(index_elements=["key"], set_={"value": _NEXT}))
