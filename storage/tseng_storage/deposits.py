"""Deposits: what a door keeps beside observations, in the one transaction that these are acknowledged by."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from tseng_storage import queues, records
from tseng_storage.catalog_cache import raise_access, raise_revision
from tseng_storage.change_sets import apply
from tseng_storage.credentials import NewKey, added
from tseng_storage.entities import Alteration
from tseng_storage.errors import StorageError
from tseng_storage.queues import Send
from tseng_storage.recording import require_project
from tseng_storage.records import Check, Record


@dataclass(frozen=True)
class Deposit:
    """What is kept together, all of it or nothing: changes of entities, writes of records, messages, keys; `by` whom.

    The keys are of the project.
    """

    entities: Sequence[Alteration] = ()
    records: Sequence[Check] = ()
    messages: Sequence[Send] = ()
    keys: Sequence[NewKey] = ()
    by: str | None = None


FAULTS = (StorageError, ValueError, TypeError)
"""What a deposit is refused with: also what Python says of a text that is none, half of a surrogate pair."""


def is_small(deposit: Deposit) -> bool:
    """Whether it is records and messages alone, which need no more than the driver."""
    return not deposit.entities and not deposit.keys


def keep(
    driver: sqlite3.Connection, connection: Connection | None, project: str, deposit: Deposit
) -> list[Record | None]:
    """Keep all of a deposit within a transaction, or nothing with the refusal; of each write of a record what it is.

    `connection` is the one above the driver's; a small deposit needs none. Raises Changed or TooMany for a record,
    ChangesRefused for entities, NotFound without such a project.
    """
    driver.execute("SAVEPOINT deposit")
    try:
        require_project(driver, project)
        written = [records.write(driver, project, change, deposit.by) for change in deposit.records]
        if connection is not None and not is_small(deposit):
            _alter(connection, project, deposit)
        for message in deposit.messages:
            queues.send(driver, project, message)
    except FAULTS:
        # Whatever else may happen ends the whole transaction.
        driver.execute("ROLLBACK TO deposit")
        driver.execute("RELEASE deposit")
        raise
    driver.execute("RELEASE deposit")
    return written


def _alter(connection: Connection, project: str, deposit: Deposit) -> None:
    if deposit.entities:
        apply(connection, project, deposit.entities, deposit.by)
    for key in deposit.keys:
        added(connection, key, project)
    if deposit.keys:
        raise_access(connection)
    raise_revision(connection)
