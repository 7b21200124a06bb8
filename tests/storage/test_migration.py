"""A store of an older release is brought forward when it opens, all of it or nothing."""

import multiprocessing
import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable
from tests.storage.helpers import PROJECT, edited, opened, read, series

from tseng_storage.entities import Uploaded
from tseng_storage.errors import StorageError
from tseng_storage.history import ALWAYS
from tseng_storage.knowledge import Knowledge
from tseng_storage.store import Store
from tseng_storage.tables import DOCUMENT, ENTITY_PAST, IDEMPOTENCY, META

KILLS = 12
NURSERY = multiprocessing.get_context("forkserver")
NURSERY.set_forkserver_preload(["tests.storage.test_migration", "deltalake", "pandas"])

# What no earlier release had.
WITHOUT_SIXTH = ("DROP TABLE record", "DROP TABLE record_past", "DROP TABLE message")
WITHOUT_FIFTH = (
    *WITHOUT_SIXTH,
    *(f"ALTER TABLE oauth_client DROP COLUMN {name}" for name in ("old_hash", "old_until", "revoked")),
)
WITHOUT_FOURTH = (*WITHOUT_FIFTH, "DROP TABLE entity_past", "DROP TABLE document", "DROP TABLE idempotency")

FIRST_SCHEMA = (
    *WITHOUT_FOURTH,
    "DROP TABLE entity",
    "DROP TABLE prop_history",
    "DROP TABLE series",
    "DROP TABLE bulk_load",
    "CREATE TABLE entity (project VARCHAR NOT NULL, kind VARCHAR NOT NULL, id VARCHAR NOT NULL, type VARCHAR NOT NULL, "
    "parent VARCHAR, props TEXT NOT NULL, custom_props TEXT, observation_type VARCHAR, ref_id VARCHAR, "
    "created BIGINT NOT NULL, modified BIGINT NOT NULL, PRIMARY KEY (project, kind, id))",
    "CREATE INDEX entity_parent ON entity (project, kind, parent)",
    "CREATE TABLE prop_history (number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, project VARCHAR NOT NULL, "
    "kind VARCHAR NOT NULL, id VARCHAR NOT NULL, props TEXT NOT NULL, valid_from BIGINT NOT NULL, "
    "recorded BIGINT NOT NULL)",
    "CREATE INDEX prop_history_entity ON prop_history (project, kind, id, valid_from)",
    "CREATE TABLE series (project VARCHAR NOT NULL, sensor VARCHAR NOT NULL, metric VARCHAR NOT NULL, "
    "seen BIGINT NOT NULL, PRIMARY KEY (project, sensor, metric))",
    "INSERT INTO entity VALUES ('default', 'sensor', '/s', 'TILT', '/d', '{\"a\": 3, \"c\": true}', '{}', NULL, NULL, "
    "100, 300), ('default', 'device', '/d', 'LOGGER', NULL, '{}', '{}', NULL, NULL, 150, 150)",
    "INSERT INTO prop_history VALUES (1, 'default', 'sensor', '/s', '{\"a\": 1, \"b\": 2}', 100, 100), "
    "(2, 'default', 'device', '/d', '{}', 150, 150), "
    "(3, 'default', 'sensor', '/s', '{\"a\": 1, \"b\": 2, \"c\": 1}', 200, 200), "
    "(5, 'default', 'sensor', '/s', '{\"a\": 3, \"c\": true}', 300, 300)",
    "INSERT INTO series VALUES ('default', '/s', 'T', 120)",
    "UPDATE meta SET value = '1' WHERE key = 'schema'",
    "DELETE FROM meta WHERE key = 'config'",
)

SECOND_SCHEMA = (
    *WITHOUT_FOURTH,
    "DROP TABLE entity",
    "DROP TABLE prop_history",
    "CREATE TABLE entity (project VARCHAR NOT NULL, kind VARCHAR NOT NULL, id VARCHAR NOT NULL, type VARCHAR NOT NULL, "
    "parent VARCHAR, props TEXT NOT NULL, custom_props TEXT, observation_type VARCHAR, ref_id VARCHAR, "
    "created BIGINT NOT NULL, modified BIGINT NOT NULL, epochs TEXT, change BIGINT DEFAULT '0' NOT NULL, "
    "PRIMARY KEY (project, kind, id))",
    "CREATE INDEX entity_parent ON entity (project, kind, parent)",
    "CREATE TABLE prop_history (number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, project VARCHAR NOT NULL, "
    "kind VARCHAR NOT NULL, id VARCHAR NOT NULL, props TEXT NOT NULL, valid_from BIGINT NOT NULL, "
    "recorded BIGINT NOT NULL)",
    "CREATE INDEX prop_history_entity ON prop_history (project, kind, id, valid_from)",
    "INSERT INTO entity VALUES ('default', 'sensor', '/s', 'TILT', '/d', '{\"a\": 3, \"c\": true}', '{}', NULL, NULL, "
    "100, 300, NULL, 5), ('default', 'device', '/d', 'LOGGER', NULL, '{}', '{}', NULL, NULL, 150, 150, NULL, 2)",
    f"INSERT INTO prop_history VALUES (1, 'default', 'sensor', '/s', '{{\"a\": 1, \"b\": 2}}', {ALWAYS}, 100), "
    f"(2, 'default', 'device', '/d', '{{}}', {ALWAYS}, 150), "
    f"(3, 'default', 'sensor', '/s', '{{\"c\": 1}}', {ALWAYS}, 200), "
    f"(5, 'default', 'sensor', '/s', '{{\"a\": 3, \"b\": null, \"c\": true}}', {ALWAYS}, 300)",
    "UPDATE series SET seen = 120, seq = 0",
    "UPDATE meta SET value = '2' WHERE key = 'schema'",
    "UPDATE meta SET value = '5' WHERE key = 'config'",
)


THIRD_SCHEMA = (
    *SECOND_SCHEMA,
    "ALTER TABLE entity ADD COLUMN modified_by VARCHAR",
    "ALTER TABLE prop_history ADD COLUMN modified_by VARCHAR",
    "UPDATE meta SET value = '3' WHERE key = 'schema'",
)

FOURTH_SCHEMA = (
    *THIRD_SCHEMA,
    "ALTER TABLE prop_history ADD COLUMN removed INTEGER DEFAULT 0 NOT NULL",
    *(str(CreateTable(table).compile(dialect=sqlite.dialect())) for table in (ENTITY_PAST, DOCUMENT, IDEMPOTENCY)),
    "CREATE INDEX entity_past_parent ON entity_past (project, kind, parent)",
    "UPDATE meta SET value = '4' WHERE key = 'schema'",
)

FIFTH_SCHEMA = (
    *FOURTH_SCHEMA,
    *(
        f"ALTER TABLE oauth_client ADD COLUMN {column}"
        for column in ("old_hash VARCHAR", "old_until BIGINT", "revoked BIGINT")
    ),
    "UPDATE meta SET value = '5' WHERE key = 'schema'",
)


@pytest.fixture(
    params=[FIRST_SCHEMA, SECOND_SCHEMA, THIRD_SCHEMA, FOURTH_SCHEMA, FIFTH_SCHEMA],
    ids=["first", "second", "third", "fourth", "fifth"],
)
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A store as an earlier release left it, after the same changes.

    In the first, each row of the history holds all props from its recording on; in the second what changed; the third
    also says by whom, where that is known; the fourth knows removals, the fifth clients that are revoked.
    """
    with opened(tmp_path / "store") as store:
        store.append(series({1: 1.0}), PROJECT)
        with store._database.write() as connection:
            for statement in request.param:
                connection.exec_driver_sql(statement)
    return tmp_path / "store"


def _check(store: Store) -> None:
    """Reads answer as before; what was configured earlier can be asked; new changes go on from there."""
    catalog = store.catalog
    entity = catalog.entity(PROJECT, "sensor", "/s")
    assert entity is not None
    assert (entity.props, entity.epochs, entity.change, entity.modified) == ({"a": 3, "c": True}, {}, 5, 300)
    assert entity.modified_by is None
    history = catalog.history(PROJECT, "sensor", "/s")
    assert [(one.number, one.props, one.valid_from, one.recorded) for one in history] == [
        (1, {"a": 1, "b": 2}, ALWAYS, 100), (3, {"c": 1}, ALWAYS, 200),
        (5, {"a": 3, "b": None, "c": True}, ALWAYS, 300),
    ]  # fmt: skip
    states = [catalog.entity(PROJECT, "sensor", "/s", Knowledge(time=time)) for time in (99, 100, 299, 300)]
    assert [state and state.props for state in states] == [
        None, {"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 1}, {"a": 3, "c": True}
    ]  # fmt: skip
    assert catalog.metrics_of(PROJECT, "/s", Knowledge(seq=0, time=120)) == Uploaded(("T",))
    assert [one.id for one in catalog.sensors_of_device(PROJECT, "/d")] == ["/s"]
    changed = edited(catalog, "device", "/d", {"x": 1}, by="somebody")
    assert (changed.change, changed.modified_by) == (6, "somebody")
    assert [change.by for change in catalog.history(PROJECT, "device", "/d")] == [None, "somebody"]
    store.append(series({2: 2.0}, metric="x"), PROJECT)
    assert catalog.metrics_of(PROJECT, "/s") == Uploaded(("T", "x"))
    assert read(store) == {1: 1.0}
    assert store.verify().clean


def test_an_older_schema_is_brought_forward(older: Path) -> None:
    """Rows of the history are what changed, from always on, by nobody known; opening again finds nothing to do."""
    with opened(older) as store:
        _check(store)
    with opened(older) as store:
        assert store.catalog.config() == 6


def test_a_newer_schema_is_refused(older: Path) -> None:
    """A store of a later release is left as it is, and the schemas are named."""
    with opened(older) as store, store._database.write() as connection:
        connection.execute(update(META).where(META.c.key == "schema").values(value="99"))
    with pytest.raises(StorageError, match="schema 99"):
        opened(older)


def _open_and_die(path: Path, line: int) -> None:
    """Open the store and die before the `line`-th line that runs of the migration; the last line: once it is done."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if not frame.f_code.co_filename.endswith("migration.py"):
            return None
        if event == "line":
            lines += 1
            if lines == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    opened(path)
    os.kill(os.getpid(), signal.SIGKILL)


def test_killed_while_bringing_it_forward(older: Path, tmp_path: Path) -> None:
    """Killed before lines spread over the migration, the store opens, and is as if nothing had happened."""
    for kill in range(KILLS):
        copy = tmp_path / str(kill)
        shutil.copytree(older, copy)
        process = NURSERY.Process(target=_open_and_die, args=(copy, 1 + kill * 4), daemon=True)
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        with opened(copy) as store:
            _check(store)
