"""Queues: messages that wait in order until somebody has retrieved them and says so.

Whoever retrieves gets all that waits, what was retrieved before and not acknowledged included; an acknowledgement takes
away what was retrieved until then, and nothing that came in meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select, update

from tseng_storage.database import Database
from tseng_storage.entities import now_us
from tseng_storage.statements import parameters, prepared
from tseng_storage.tables import MESSAGE

_MOST = 10_000
_NEW = ("project", "queue", "body", "received", "retrieved")
_INSERT = prepared(insert(MESSAGE).values(parameters(MESSAGE, *_NEW)), _NEW)


@dataclass(frozen=True)
class Send:
    """A message to be put at the end of a queue."""

    queue: str
    body: bytes


def send(driver: sqlite3.Connection, project: str, message: Send) -> None:
    """Put a message at the end of its queue within a transaction."""
    driver.execute(_INSERT, (project, message.queue, message.body, now_us(), 0))


class Queues:
    """The queues of one store; thread-safe and safe beside other processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def holds(self, project: str, queue: str) -> bool:
        """Whether anything waits; that is no retrieval."""
        with self._database.read() as connection:
            return connection.execute(select(MESSAGE.c.number).where(*_of(project, queue)).limit(1)).first() is not None

    def retrieve(self, project: str, queue: str, most_bytes: int) -> Sequence[bytes]:
        """The messages that wait, oldest first: as many as fit into so many bytes, and the first in any case.

        That they were retrieved is on disk when they are returned.
        """
        query = select(MESSAGE.c.number, MESSAGE.c.body, MESSAGE.c.retrieved).where(*_of(project, queue))
        found: list[Any] = []
        size = 0
        with self._database.read() as connection:
            for row in connection.execute(query.order_by(MESSAGE.c.number).limit(_MOST)):
                size += len(row.body)
                if found and size > most_bytes:
                    break
                found.append(row)
        if any(not row.retrieved for row in found):
            waiting = MESSAGE.c.retrieved == 0, MESSAGE.c.number <= found[-1].number
            with self._database.write() as connection:
                connection.execute(update(MESSAGE).where(*_of(project, queue), *waiting).values(retrieved=1))
        return [row.body for row in found]

    def acknowledge(self, project: str, queue: str) -> int:
        """Take away what was retrieved; how many messages that were."""
        with self._database.write() as connection:
            gone = connection.execute(delete(MESSAGE).where(*_of(project, queue), MESSAGE.c.retrieved == 1))
            return gone.rowcount


def _of(project: str, queue: str) -> tuple[ColumnElement[bool], ...]:
    return MESSAGE.c.project == project, MESSAGE.c.queue == queue
