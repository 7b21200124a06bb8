"""The tables of catalog and log, in SQL that SQLite and PostgreSQL both speak.

Times are int64 microseconds since 1970 UTC. JSON is kept as text: both databases store it the same way and nobody
queries inside it here. `prop_history` is append-only (see `history`); what an entity's row says of props, epochs and
change follows from it and is there for quick reading. What else a row says is kept in `entity_past` when it changes,
or when the entity is removed: the row as it was until the change numbered `until`.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

SCHEMA_VERSION = 6
"""Raised with every change of these tables; an older store is brought forward when it opens, a newer one refused."""

METADATA = MetaData()

# SQLite counts up without reuse only in a column of exactly INTEGER PRIMARY KEY AUTOINCREMENT.
_SERIAL = BigInteger().with_variant(Integer, "sqlite")

META = Table("meta", METADATA, Column("key", String, primary_key=True), Column("value", String, nullable=False))

PROJECT = Table(
    "project",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("itwin_id", String, unique=True),
    Column("is_default", Integer, nullable=False, default=0),
    Column("created", BigInteger, nullable=False),
)


def _entity_columns() -> list[Column[Any]]:
    return [
        Column("project", String, primary_key=True),
        Column("kind", String, primary_key=True),
        Column("id", String, primary_key=True),
        Column("type", String, nullable=False),
        Column("parent", String),
        Column("props", Text, nullable=False),
        Column("custom_props", Text),
        Column("observation_type", String),
        Column("ref_id", String),
        Column("created", BigInteger, nullable=False),
        Column("modified", BigInteger, nullable=False),
        Column("epochs", Text),
        Column("change", BigInteger, nullable=False, server_default="0"),
        Column("modified_by", String),
    ]


ENTITY = Table("entity", METADATA, *_entity_columns(), Index("entity_parent", "project", "kind", "parent"))

ENTITY_PAST = Table(
    "entity_past",
    METADATA,
    *_entity_columns(),
    Column("until", BigInteger, primary_key=True, autoincrement=False),
    Index("entity_past_parent", "project", "kind", "parent"),
)

PROP_HISTORY = Table(
    "prop_history",
    METADATA,
    Column("number", _SERIAL, primary_key=True, autoincrement=True),
    Column("project", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("id", String, nullable=False),
    Column("props", Text, nullable=False),
    Column("valid_from", BigInteger, nullable=False),
    Column("recorded", BigInteger, nullable=False),
    Column("modified_by", String),
    Column("removed", Integer, nullable=False, server_default="0"),
    Index("prop_history_entity", "project", "kind", "id", "valid_from"),
    sqlite_autoincrement=True,
)

# The upload that first named a series (`valid` 0), and the one that first brought a value of it (`valid` 1).
SERIES = Table(
    "series",
    METADATA,
    Column("project", String, primary_key=True),
    Column("sensor", String, primary_key=True),
    Column("metric", String, primary_key=True),
    Column("valid", Integer, primary_key=True),
    Column("seen", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
)

API_KEY = Table(
    "api_key",
    METADATA,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("project", String),
    Column("hash", String, nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("revoked", BigInteger),
    sqlite_autoincrement=True,
)

OAUTH_CLIENT = Table(
    "oauth_client",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("project", String),
    Column("secret_hash", String, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("old_hash", String),
    Column("old_until", BigInteger),
    Column("revoked", BigInteger),
)

LOG = Table(
    "log",
    METADATA,
    Column("seq", _SERIAL, primary_key=True, autoincrement=True),
    Column("project", String, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("checksum", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

BULK_LOAD = Table(
    "bulk_load",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("project", String, nullable=False),
)

DELTA_FILE = Table(
    "delta_file",
    METADATA,
    Column("name", String, primary_key=True),
    Column("sha256", String, nullable=False),
)

# A file that users keep with a project; its bytes lie beside the catalog.
DOCUMENT = Table(
    "document",
    METADATA,
    Column("project", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("media_type", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("created_by", String),
)

# An upload that may be sent again under its key, and the number that it got. That of a bulk load is `done` once the
# table has it.
IDEMPOTENCY = Table(
    "idempotency",
    METADATA,
    Column("project", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("done", Integer, nullable=False),
)

# A small text that is replaced as a whole, under an id among those of its kind: a twin, a model, a data source. Each
# version has an etag of its own.
RECORD = Table(
    "record",
    METADATA,
    Column("project", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("body", Text, nullable=False),
    Column("etag", String, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("modified_by", String),
)

# The versions of a record that were replaced or taken away and are to be kept: as they were until `until`.
RECORD_PAST = Table(
    "record_past",
    METADATA,
    Column("number", _SERIAL, primary_key=True, autoincrement=True),
    Column("project", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("id", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("modified_by", String),
    Column("until", BigInteger, nullable=False),
    Index("record_past_record", "project", "kind", "id", "modified"),
    sqlite_autoincrement=True,
)

# What waits in a queue, in the order of `number`; `retrieved` once somebody has it who has not acknowledged it yet.
MESSAGE = Table(
    "message",
    METADATA,
    Column("number", _SERIAL, primary_key=True, autoincrement=True),
    Column("project", String, nullable=False),
    Column("queue", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("retrieved", Integer, nullable=False, default=0),
    Index("message_queue", "project", "queue", "number"),
    sqlite_autoincrement=True,
)
