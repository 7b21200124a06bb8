"""Deposits: what a door keeps beside observations, in the one transaction that these are acknowledged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from tseng_storage import queues
from tseng_storage.catalog_cache import raise_revision
from tseng_storage.change_sets import apply
from tseng_storage.credentials import NewKey, added
from tseng_storage.database import Database
from tseng_storage.entities import Alteration
from tseng_storage.errors import StorageError
from tseng_storage.queues import Send
from tseng_storage.recording import require_project
from tseng_storage.records import Check, Record, Records


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


class Deposits:
    """Keeps deposits within transactions of others."""

    def __init__(self, database: Database) -> None:
        self._records = Records(database)

    def keep(self, connection: Connection, project: str, deposit: Deposit) -> list[Record | None]:
        """Keep all of a deposit, or nothing with the refusal; of each write of a record what it then is.

        Raises Changed or TooMany for a record, ChangesRefused for entities, NotFound without such a project.
        """
        connection.exec_driver_sql("SAVEPOINT deposit")
        try:
            require_project(connection, project)
            written = [self._records.write(connection, project, change, deposit.by) for change in deposit.records]
            if deposit.entities:
                apply(connection, project, deposit.entities, deposit.by)
            for key in deposit.keys:
                added(connection, key, project)
            if deposit.entities or deposit.keys:
                raise_revision(connection)
            for message in deposit.messages:
                queues.send(connection, project, message)
        except StorageError:
            # Whatever else may happen ends the whole transaction.
            connection.exec_driver_sql("ROLLBACK TO deposit")
            connection.exec_driver_sql("RELEASE deposit")
            raise
        connection.exec_driver_sql("RELEASE deposit")
        return written
