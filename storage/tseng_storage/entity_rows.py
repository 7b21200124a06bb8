"""Rows of the entity table and of its history as records, and back."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select

from tseng_storage.entities import AnyKind, Entity
from tseng_storage.history import Change
from tseng_storage.statements import parameters, prepared
from tseng_storage.tables import ENTITY

COLUMNS = tuple(column.name for column in ENTITY.c)

_ID = ("project", "kind", "id")
_WHICH = (ENTITY.c[name] == value for name, value in parameters(ENTITY, *_ID).items())
_ONE = prepared(select(ENTITY).where(*_WHICH), _ID)
# SQLite takes some tens of thousands of bound values in one statement; PostgreSQL fewer.
_CHUNK = 10_000


def chunks(ids: Sequence[str]) -> list[Sequence[str]]:
    """The ids in parts that one statement takes."""
    return [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]


def is_entity(project: str, kind: AnyKind, id: str) -> tuple[Any, ...]:
    """Conditions that one entity meets."""
    return (ENTITY.c.project == project, ENTITY.c.kind == kind, ENTITY.c.id == id)


def find(driver: sqlite3.Connection, project: str, kind: AnyKind, id: str) -> Entity | None:
    """One entity."""
    row = driver.execute(_ONE, (project, kind, id)).fetchone()
    return None if row is None else entity_of(dict(zip(COLUMNS, row, strict=True)))


def fetch(connection: Connection, query: Select[Any]) -> list[Entity]:
    """The entities that a query finds."""
    return [entity_of(row) for row in connection.execute(query).mappings()]


def row_of(entity: Entity) -> dict[str, Any]:
    """The row that keeps an entity."""
    texts = {name: json.dumps(getattr(entity, name)) for name in ("props", "custom_props")}
    return {**vars(entity), **texts, "epochs": json.dumps(entity.epochs) if entity.epochs else None}


def entity_of(row: Mapping[str, Any] | RowMapping) -> Entity:
    """The entity that a row keeps."""
    epochs = json.loads(row["epochs"]) if row["epochs"] else {}
    return Entity(**{
        **row, "props": json.loads(row["props"]), "custom_props": json.loads(row["custom_props"] or "{}"),
        "epochs": {name: tuple((since, value) for since, value in values) for name, values in epochs.items()},
    })  # fmt: skip


def change_of(row: RowMapping) -> Change:
    """The entry of the history that a row keeps."""
    props, removed = json.loads(row["props"]), bool(row["removed"])
    return Change(row["number"], props, row["valid_from"], row["recorded"], row["modified_by"], removed)
