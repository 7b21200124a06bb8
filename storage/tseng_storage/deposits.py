"""Deposits: what a door keeps beside observations, in the one transaction that these are acknowledged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from tseng_storage import queues, records
from tseng_storage.catalog_cache import raise_revision
from tseng_storage.change_sets import apply
from tseng_storage.credentials import NewKey, added
from tseng_storage.entities import Alteration
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


def keep(connection: Connection, project: str, deposit: Deposit) -> list[Record | None]:
    """Keep a deposit within a transaction; of each write of a record what it then is.

    Raises Changed or TooMany for a record, ChangesRefused for entities, NotFound without such a project.
    """
    require_project(connection, project)
    written = [records.write(connection, project, change, deposit.by) for change in deposit.records]
    if deposit.entities:
        apply(connection, project, deposit.entities, deposit.by)
    for key in deposit.keys:
        added(connection, key, project)
    if deposit.entities or deposit.keys:
        raise_revision(connection)
    for message in deposit.messages:
        queues.send(connection, project, message)
    return written
