"""Statements as text that SQLite's driver runs itself.

For what every upload or look-up waits for: composing a statement anew costs more than SQLite takes to run it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from sqlalchemy import BindParameter, ClauseElement, Connection, Insert, Table, bindparam
from sqlalchemy.dialects import sqlite

_DIALECT = sqlite.dialect()


def prepared(statement: ClauseElement, order: Sequence[str] = ()) -> str:
    """A statement as text, its values bound by place in that `order`."""
    if isinstance(statement, Insert):
        statement = statement.inline()  # the number that a row gets is returned where that is said, and nowhere else
    compiled = statement.compile(dialect=_DIALECT)
    places = list(getattr(compiled, "positiontup", None) or ())
    if places != list(order):
        raise ValueError(f"the statement binds {places}, not {order}")
    return str(compiled)


def parameters(table: Table, *names: str, prefix: str = "") -> dict[str, BindParameter[object]]:
    """Parameters for some columns, by the column's name; their own names have the prefix."""
    return {name: bindparam(prefix + name, type_=table.c[name].type) for name in names}


def driver_of(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection: what it runs belongs to the transaction that is open there."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
