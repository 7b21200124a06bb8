"""Uploads that may be sent again: each under a key, recognised for a day and stored once.

Whoever sends an upload cannot know, when the connection breaks, whether it was stored. Under the same key it can be
sent again: it is stored if it was not, and gets the number that it got if it was. The key is recorded in the same
transaction as the upload. A bulk load has two: its number is taken before its segments are written, and recorded with
the key as not `done`; it is done when the table has it. What a process left that died in between is looked up in the
table itself, by whoever comes next with the key, under the maintenance lock.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from tseng_storage.errors import KeyReused
from tseng_storage.tables import IDEMPOTENCY

KEPT_US = 24 * 3600 * 1_000_000
"""How long a key is recognised."""


@dataclass(frozen=True)
class Once:
    """An upload's `key`, the sender's own, and the `fingerprint` of what it holds: the same for the same upload."""

    key: str
    fingerprint: str


@dataclass(frozen=True)
class Earlier:
    """An upload that came under the key before: its number, how many values, and whether it is known to be stored."""

    seq: int
    rows: int
    done: bool


def find(connection: Connection, project: str, once: Once, now: int) -> Earlier | None:
    """The upload that came under this key; KeyReused where it was another."""
    query = select(IDEMPOTENCY).where(*_is(project, once), IDEMPOTENCY.c.created > now - KEPT_US)
    row = connection.execute(query).first()
    if row is None:
        return None
    if row.fingerprint != once.fingerprint:
        raise KeyReused(f"the key {once.key!r} was used for another upload", "key", once.key)
    return Earlier(row.seq, row.rows, bool(row.done))


def record(connection: Connection, project: str, once: Once, earlier: Earlier, now: int) -> None:
    """Keep the key of an upload."""
    forget(connection, project, once)
    values = {"project": project, **vars(once), **vars(earlier), "done": int(earlier.done), "created": now}
    connection.execute(insert(IDEMPOTENCY).values(values))


def finish(connection: Connection, project: str, once: Once) -> None:
    """Note that the bulk load under this key is in the table."""
    connection.execute(update(IDEMPOTENCY).where(*_is(project, once)).values(done=1))


def forget(connection: Connection, project: str, once: Once) -> None:
    """Know nothing of this key."""
    connection.execute(delete(IDEMPOTENCY).where(*_is(project, once)))


def forget_old(connection: Connection, now: int) -> None:
    """Know nothing of keys that are not recognised any more."""
    connection.execute(delete(IDEMPOTENCY).where(IDEMPOTENCY.c.created <= now - KEPT_US))


def _is(project: str, once: Once) -> tuple[ColumnElement[bool], ...]:
    return IDEMPOTENCY.c.project == project, IDEMPOTENCY.c.key == once.key
