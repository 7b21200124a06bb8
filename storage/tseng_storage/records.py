"""Records: small texts that are replaced as a whole, each version under an etag of its own.

What a door keeps beside observations and entities is kept here: twins, models, data sources. What the texts hold is the
door's business. Whoever writes may say which version was seen, and is refused when that is another by now, as HTTP's
conditional requests are (RFC 9110, 13). Versions that were replaced stay where that is asked for.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import delete, func, insert, literal_column, select, update

from tseng_storage.database import Database
from tseng_storage.entities import now_us
from tseng_storage.errors import Changed, TooMany
from tseng_storage.statements import parameters, prepared
from tseng_storage.tables import RECORD, RECORD_PAST

Expected = Collection[str] | Literal["present", "absent"] | None
"""What a record must be for a write to happen: one of some etags, there, not there, or anything."""


@dataclass(frozen=True)
class Record:
    """A record as kept; `created` and `modified`: epoch us."""

    project: str
    kind: str
    id: str
    body: str
    etag: str
    created: int
    modified: int
    modified_by: str | None = None


@dataclass(frozen=True)
class Past:
    """A version that a record had from `modified` until `until`, epoch us."""

    body: str
    modified: int
    modified_by: str | None
    until: int


@dataclass(frozen=True)
class Check:
    """A record that must be as `expected` for other writes to happen."""

    kind: str
    id: str
    expected: Expected = None


@dataclass(frozen=True)
class Drop(Check):
    """A record to be taken away; with `past` its last version stays to be asked for."""

    past: bool = False


@dataclass(frozen=True)
class Keep(Check):
    """A record to be made, or replaced.

    `past`: the version that it replaces stays to be asked for. `most`: how many of the kind a project may hold. `at`:
    when it came, epoch us; a version that came later is not replaced.
    """

    body: str = ""
    past: bool = False
    most: int | None = None
    at: int | None = None
    etag: str = field(default_factory=lambda: str(uuid.uuid4()))


class Records:
    """The records of one store; thread-safe and safe beside other processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, project: str, kind: str, id: str) -> Record | None:
        """The record as it is now."""
        (rows,) = self._database.ask((_ONE, (project, kind, id)))
        return Record(*rows[0]) if rows else None

    def list(self, project: str, kind: str, *, after: str = "", most: int | None = None) -> Sequence[Record]:
        """The records of a kind with ids beyond `after`, at most so many, by id."""
        query = select(RECORD).where(RECORD.c.project == project, RECORD.c.kind == kind, RECORD.c.id > after)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(RECORD.c.id).limit(most)).mappings()
            return [Record(**row) for row in rows]

    def past(self, project: str, kind: str, id: str, *, after: int = -1, most: int | None = None) -> Sequence[Past]:
        """The versions that were kept of a record, oldest first; the present one is not among them.

        Those modified beyond `after`, epoch us, at most so many; no two of one record have the same.
        """
        columns = [RECORD_PAST.c[name] for name in ("body", "modified", "modified_by", "until")]
        which = [RECORD_PAST.c.project == project, RECORD_PAST.c.kind == kind, RECORD_PAST.c.id == id]
        which.append(RECORD_PAST.c.modified > after)
        with self._database.read() as connection:
            query = select(*columns).where(*which).order_by(RECORD_PAST.c.modified).limit(most)
            return [Past(*row) for row in connection.execute(query)]


def write(driver: sqlite3.Connection, project: str, change: Check, by: str | None) -> Record | None:
    """Do one write within a transaction; the record as it then is, None where there is none any more.

    Raises Changed where it is not as expected, TooMany.
    """
    id = (project, change.kind, change.id)
    row = driver.execute(_ONE, id).fetchone()
    before = None if row is None else Record(*row)
    _require(change, before)
    if isinstance(change, Keep):
        return _keep(driver, id, change, before, by)
    if isinstance(change, Drop) and before is not None:
        if change.past:
            _remember(driver, before, now_us())
        driver.execute(_DELETE, id)
        return None
    return before


def _keep(
    driver: sqlite3.Connection, id: tuple[str, str, str], change: Keep, before: Record | None, by: str | None
) -> Record:
    now = now_us() if change.at is None else change.at
    if before is None:
        if change.most is not None:
            _make_room(driver, id, change.most)
        driver.execute(_INSERT, (*id, change.body, change.etag, now, now, by))
        return Record(*id, change.body, change.etag, now, now, by)
    if change.at is not None and change.at < before.modified:
        return before
    now = max(now, before.modified + 1)
    if change.past:
        _remember(driver, before, now)
    driver.execute(_UPDATE, (change.body, change.etag, now, by, *id))
    return Record(*id, change.body, change.etag, before.created, now, by)


def _require(change: Check, before: Record | None) -> None:
    expected = change.expected
    if expected is None:
        return
    if expected in ("present", "absent"):
        good = (before is not None) == (expected == "present")
    else:
        good = before is not None and before.etag in expected
    if not good:
        now = "is not there" if before is None else f"is at version {before.etag}"
        raise Changed(f"{change.kind} {change.id!r} {now}", change.kind, before and before.etag)


def _make_room(driver: sqlite3.Connection, id: tuple[str, str, str], most: int) -> None:
    project, kind, own = id
    ((highest,),) = driver.execute(_HIGHEST)
    if (highest or 0) < most:
        return  # there are not so many records of all kinds: counting those of one takes the longer the more there are
    ((count,),) = driver.execute(_COUNT, (project, kind))
    if count >= most:
        raise TooMany(f"there are {most} of kind {kind} already", kind, own)


def _remember(driver: sqlite3.Connection, before: Record, until: int) -> None:
    driver.execute(_INSERT_PAST, (*(getattr(before, name) for name in _PAST[:-1]), until))


_COLUMNS = tuple(column.name for column in RECORD.c)
_PAST = tuple(column.name for column in RECORD_PAST.c if column.name != "number")
_ID, _NEW = ("project", "kind", "id"), ("body", "etag", "modified", "modified_by")
_OF = parameters(RECORD, *_ID, prefix="of_")
_OF_ID = [f"of_{name}" for name in _ID]
_WHICH = [RECORD.c[name] == value for name, value in _OF.items()]
_ONE = prepared(select(RECORD).where(*_WHICH), _OF_ID)
_DELETE = prepared(delete(RECORD).where(*_WHICH), _OF_ID)
_COUNT = prepared(select(func.count()).select_from(RECORD).where(*_WHICH[:2]), ("of_project", "of_kind"))
_HIGHEST = prepared(select(func.max(literal_column("rowid"))).select_from(RECORD))
_INSERT = prepared(insert(RECORD), _COLUMNS)
_UPDATE = prepared(
    update(RECORD).where(*_WHICH).values(parameters(RECORD, *_NEW, prefix="new_")),
    [*(f"new_{name}" for name in _NEW), *_OF_ID],
)
_INSERT_PAST = prepared(insert(RECORD_PAST).values(parameters(RECORD_PAST, *_PAST)), _PAST)
