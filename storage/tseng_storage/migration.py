"""Bringing the catalog of an older release forward, when the store opens.

All of it is one transaction of the catalog's database, the new schema number included. A process that dies in it leaves
the older catalog as it was, and the next one to open the store does it again; two that open it at once wait for each
other, and the second finds nothing to do.

Schema 1 kept in each row of the history all props of the entity after a change, from the time of recording on, and a
read used the newest for readings of any date. So the rows become what changed, from the beginning of time on: reads
answer as before.

Schema 2 did not say who changed an entity. That stays unknown of the changes there are.

Schema 3 knew no removal of entities, no documents and no uploads that are recognised when they come again: there are
none.

Schema 4 kept one secret of an OAuth2 client, and every client for good.

Schema 5 had no records and no queues.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from tseng_storage.database import Database
from tseng_storage.history import ALWAYS, Timeline, apply, in_force, resolved
from tseng_storage.tables import (
    BULK_LOAD,
    DOCUMENT,
    ENTITY,
    ENTITY_PAST,
    IDEMPOTENCY,
    MESSAGE,
    META,
    PROP_HISTORY,
    RECORD,
    RECORD_PAST,
    SCHEMA_VERSION,
    SERIES,
)

_SCHEMA = META.c.key == "schema"

_SECOND_COLUMNS = (
    "ALTER TABLE entity ADD COLUMN epochs TEXT",
    "ALTER TABLE entity ADD COLUMN change BIGINT DEFAULT 0 NOT NULL",
    "ALTER TABLE series RENAME TO series_1",
)

_THIRD_COLUMNS = (
    "ALTER TABLE entity ADD COLUMN modified_by VARCHAR",
    "ALTER TABLE prop_history ADD COLUMN modified_by VARCHAR",
)

_FOURTH_COLUMNS = ("ALTER TABLE prop_history ADD COLUMN removed INTEGER DEFAULT 0 NOT NULL",)

_FIFTH_COLUMNS = (
    "ALTER TABLE oauth_client ADD COLUMN old_hash VARCHAR",
    "ALTER TABLE oauth_client ADD COLUMN old_until BIGINT",
    "ALTER TABLE oauth_client ADD COLUMN revoked BIGINT",
)

# Which upload brought a series was not kept, nor whether it had a value: reads took any for one that had.
_SERIES = (
    "INSERT INTO series (project, sensor, metric, valid, seen, seq) "
    "SELECT project, sensor, metric, column1, seen, 0 FROM series_1, (VALUES (0), (1))",
    "DROP TABLE series_1",
)


def migrate(database: Database) -> None:
    """Bring the catalog to `SCHEMA_VERSION` if it is older."""
    with database.read() as connection:
        if _schema(connection) == SCHEMA_VERSION:
            return
    with database.write() as connection:
        found = _schema(connection)
        # The newest first, because what follows names the columns that the tables have today.
        if found < 6:
            for table in (RECORD, RECORD_PAST, MESSAGE):
                table.create(connection)
        if found < 5:
            _run(connection, _FIFTH_COLUMNS)
        if found < 4:
            _run(connection, _FOURTH_COLUMNS)
            for table in (ENTITY_PAST, DOCUMENT, IDEMPOTENCY):
                table.create(connection)
        if found < 3:
            _run(connection, _THIRD_COLUMNS)
        if found < 2:
            _to_second(connection)
        connection.execute(update(META).where(_SCHEMA).values(value=str(SCHEMA_VERSION)))


def _schema(connection: Connection) -> int:
    return int(connection.execute(select(META.c.value).where(_SCHEMA)).scalar_one())


def _to_second(connection: Connection) -> None:
    _run(connection, _SECOND_COLUMNS)
    BULK_LOAD.create(connection)
    SERIES.create(connection)
    _run(connection, _SERIES)
    query = select(PROP_HISTORY).order_by(*(PROP_HISTORY.c[name] for name in ("project", "kind", "id", "number")))
    rows = connection.execute(query).mappings().all()
    newest = 0
    for _, group in groupby(rows, lambda row: (row["project"], row["kind"], row["id"])):
        states = list(group)
        connection.execute(_AS_CHANGE, list(_changes(states)))
        connection.execute(_NOTE_LAST, {"last": states[-1]["number"], **_owner(states[-1])})
        newest = max(newest, states[-1]["number"])
    connection.execute(insert(META).values(key="config", value=str(newest)))


def _run(connection: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)


def _changes(states: list[RowMapping]) -> Iterator[dict[str, Any]]:
    """Of rows that hold all props, in order, what each changed; null where it removed."""
    times: Timeline = {}
    for row in states:
        state = json.loads(row["props"])
        changed = resolved(times, {**dict.fromkeys(in_force(times)), **state}, ALWAYS).get(ALWAYS, {})
        apply(times, ALWAYS, changed)
        yield {"at": row["number"], "changed": json.dumps(changed), "since": ALWAYS}


def _owner(row: RowMapping) -> dict[str, str]:
    return {f"of_{name}": row[name] for name in ("project", "kind", "id")}


_AS_CHANGE = (
    update(PROP_HISTORY)
    .where(PROP_HISTORY.c.number == bindparam("at"))
    .values(props=bindparam("changed"), valid_from=bindparam("since"))
)
_NOTE_LAST = (
    update(ENTITY)
    .where(*(ENTITY.c[name] == bindparam(f"of_{name}") for name in ("project", "kind", "id")))
    .values(change=bindparam("last"))
)
