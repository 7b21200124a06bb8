"""Records: small texts that are replaced as a whole, each version under an etag of its own.

What a door keeps beside observations and entities is kept here: twins, models, data sources. What the texts hold is the
door's business. Whoever writes may say which version was seen, and is refused when that is another by now, as HTTP's
conditional requests are (RFC 9110, 13). Versions that were replaced stay where that is asked for.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from tseng_storage.database import Database
from tseng_storage.entities import now_us
from tseng_storage.errors import Changed, TooMany
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

    `past`: the version that it replaces stays to be asked for. `most`: how many of the kind a project may hold.
    """

    body: str = ""
    past: bool = False
    most: int | None = None
    etag: str = field(default_factory=lambda: str(uuid.uuid4()))


class Records:
    """The records of one store; thread-safe and safe beside other processes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._read_one, self._insert = database.prepare(_ONE, _OF), database.prepare(_INSERT, _COLUMNS)
        self._update = database.prepare(_UPDATE, (*(f"new_{name}" for name in _NEW), *_OF))

    def get(self, project: str, kind: str, id: str) -> Record | None:
        """The record as it is now."""
        (rows,) = self._database.ask((self._read_one, (project, kind, id)))
        return Record(*rows[0]) if rows else None

    def list(self, project: str, kind: str, *, after: str = "", most: int | None = None) -> Sequence[Record]:
        """The records of a kind with ids beyond `after`, at most so many, by id."""
        query = select(RECORD).where(RECORD.c.project == project, RECORD.c.kind == kind, RECORD.c.id > after)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(RECORD.c.id).limit(most)).mappings()
            return [Record(**row) for row in rows]

    def past(self, project: str, kind: str, id: str) -> Sequence[Past]:
        """The versions that were kept of a record, oldest first; the present one is not among them."""
        columns = [RECORD_PAST.c[name] for name in ("body", "modified", "modified_by", "until")]
        which = RECORD_PAST.c.project == project, RECORD_PAST.c.kind == kind, RECORD_PAST.c.id == id
        with self._database.read() as connection:
            query = select(*columns).where(*which).order_by(RECORD_PAST.c.number)
            return [Past(*row) for row in connection.execute(query)]

    def write(self, connection: Connection, project: str, change: Check, by: str | None) -> Record | None:
        """Do one write within a transaction; the record as it then is, None where there is none any more.

        Raises Changed where it is not as expected, TooMany.
        """
        row = connection.exec_driver_sql(self._read_one, (project, change.kind, change.id)).first()
        before = None if row is None else Record(*row)
        _require(change, before)
        if isinstance(change, Keep):
            return self._keep(connection, project, change, before, by)
        if isinstance(change, Drop) and before is not None:
            if change.past:
                _remember(connection, before, now_us())
            where = RECORD.c.project == project, RECORD.c.kind == change.kind, RECORD.c.id == change.id
            connection.execute(delete(RECORD).where(*where))
            return None
        return before

    def _keep(
        self, connection: Connection, project: str, change: Keep, before: Record | None, by: str | None
    ) -> Record:
        now, id = now_us(), (project, change.kind, change.id)
        if before is None:
            _make_room(connection, project, change)
            connection.exec_driver_sql(self._insert, (*id, change.body, change.etag, now, now, by))
            return Record(*id, change.body, change.etag, now, now, by)
        now = max(now, before.modified + 1)
        if change.past:
            _remember(connection, before, now)
        connection.exec_driver_sql(self._update, (change.body, change.etag, now, by, *id))
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


def _make_room(connection: Connection, project: str, change: Keep) -> None:
    if change.most is None:
        return
    query = select(func.count()).where(RECORD.c.project == project, RECORD.c.kind == change.kind)
    if connection.execute(query).scalar_one() >= change.most:
        raise TooMany(f"there are {change.most} of kind {change.kind} already", change.kind, change.id)


def _remember(connection: Connection, before: Record, until: int) -> None:
    row = {name: value for name, value in vars(before).items() if name in RECORD_PAST.c}
    connection.execute(insert(RECORD_PAST).values({**row, "until": until}))


# Statements that the driver takes as text: composing them anew at each write costs more than SQLite takes to run them.
_COLUMNS = tuple(column.name for column in RECORD.c)
_ID, _NEW = ("project", "kind", "id"), ("body", "etag", "modified", "modified_by")
_WHICH = [RECORD.c[name] == bindparam(f"of_{name}", type_=RECORD.c[name].type) for name in _ID]
_OF = tuple(f"of_{name}" for name in _ID)
_ONE, _INSERT = select(RECORD).where(*_WHICH), insert(RECORD)
_UPDATE = update(RECORD).where(*_WHICH).values({name: bindparam(f"new_{name}") for name in _NEW})
