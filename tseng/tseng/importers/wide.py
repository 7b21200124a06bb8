"""Tables with a time column and value columns, block by block: shared by CSV, TOA5 and Parquet.

A column none of whose cells is a number (a name, a GPS string) holds no observations and is remarked once; in a column
that has numbers, a cell that is none is a bad cell. Which of the two it is may be known only at the end of the file, so
the first bad cells of a column without numbers wait.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tseng.importers import cells
from tseng.importers.delimited import Block
from tseng.importers.ledger import KEPT, BadRow, Ledger
from tseng.importers.rows import table, words


@dataclass
class Value:
    """One value column.

    Attributes:
        name: as the file has it.
        metric: what it becomes.
        unit: text of its unit; empty: left blank; None: the file says nothing.
        wanted: named by the person, so that text in it is always a fault.
    """

    name: str
    metric: str
    unit: str | None
    wanted: bool = False
    numeric: int = 0
    waiting: list[BadRow] = field(default_factory=list)
    waiting_count: int = 0


@dataclass(frozen=True)
class Rules:
    """How cells are read: zone and format of times, numbers that mean "no value", decimal comma."""

    where: tzinfo
    time_format: str | None = None
    sentinel: tuple[float, ...] = ()
    decimal_comma: bool = False


def _seen(column: pa.Array, row: int) -> str:
    """What stood in a cell, cut to a length people can read."""
    cell = column[row]
    try:
        return str(cell)[:80] if cell.is_valid else ""
    except (OverflowError, ValueError):  # a time beyond Python's calendar, or finer than its microseconds
        return f"{cell.value} ({cell.type})"


def read_times(column: pa.Array, line: NDArray[np.int64], rules: Rules, ledger: Ledger) -> cells.Times:
    """Times of a block; the rows without one go to the ledger by line."""
    times = cells.times(column, rules.where, rules.time_format)
    ledger.naive = ledger.naive or times.naive
    reasons = (
        (times.unreadable, "is not a time"),
        (times.outside, "lies outside the years 1 to 9999"),
        (times.nonexistent, "does not exist in this zone (the clock was put forward)"),
        (times.ambiguous, "comes twice in this zone (the clock was put back)"),
    )
    for mask, why in reasons:
        for row in np.flatnonzero(mask).tolist():
            ledger.refuse(int(line[row]), _seen(column, row), why)
    return times


def _bad_cells(value: Value, column: pa.Array, bad: NDArray[np.bool_], line: NDArray[np.int64], ledger: Ledger) -> None:
    """Report the cells that are no numbers, or let them wait while the column has shown no number."""
    rows = np.flatnonzero(bad)
    if value.numeric and value.waiting_count:
        ledger.refuse_all(value.waiting, value.waiting_count)
        value.waiting, value.waiting_count = [], 0
    room = KEPT - (ledger.bad_count if value.numeric else len(value.waiting))
    shown = [
        BadRow(int(line[r]), _seen(column, r), f"in column {value.name} is not a number") for r in rows[: max(room, 0)]
    ]
    if value.numeric or value.wanted:
        ledger.refuse_all(shown, len(rows))
    else:
        value.waiting += shown
        value.waiting_count += len(rows)


def read_values(
    value: Value, column: pa.Array, usable: NDArray[np.bool_], line: NDArray[np.int64], rules: Rules, ledger: Ledger
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Read numbers of one column of a block.

    Args:
        value: the column.
        column: its cells, n of them.
        usable: rows that have a time; the others are reported already, shape (n,).
        line: line of each row, shape (n,).
        rules: how cells are read.
        ledger: takes missing and bad cells.

    Returns:
        float64 values, shape (n,), and the mask of those to keep.
    """
    read = cells.numbers(column, decimal_comma=rules.decimal_comma)
    marked = np.isin(read.value, rules.sentinel) if rules.sentinel else np.zeros(len(line), dtype=bool)
    keep = usable & ~read.missing & ~read.bad & ~marked
    value.numeric += int((usable & ~read.missing & ~read.bad).sum())
    ledger.missing += int((usable & read.missing).sum())
    if (usable & marked).any():
        ledger.sentinels[value.name] += int((usable & marked).sum())
    _bad_cells(value, column, usable & read.bad, line, ledger)
    return read.value, keep


@dataclass(frozen=True)
class Usable:
    """Times of a block, int64 microseconds since 1970 UTC, and the mask of rows that can be used; both shape (n,)."""

    time: NDArray[np.int64]
    rows: NDArray[np.bool_]


def melt(
    sensor: str | pa.Array, values: Mapping[int, Value], block: Block, usable: Usable, rules: Rules, ledger: Ledger
) -> Iterator[pa.Table]:
    """Yield one table of `rows.SCHEMA` per value column of a block."""
    count = len(block.line)
    ids = words(sensor, count) if isinstance(sensor, str) else sensor
    for at, value in values.items():
        number, keep = read_values(value, block.columns[at], usable.rows, block.line, rules, ledger)
        if keep.any():
            yield table(ids, words(value.metric, count), words(value.unit, count), usable.time, number, keep)


def close(values: Sequence[Value], ledger: Ledger) -> None:
    """Remark, at the end of the file, the columns that held text and no number, and the sentinels met."""
    texts = [value for value in values if value.waiting_count]
    if texts:
        first = texts[0].waiting[0]
        names = ", ".join(value.name for value in texts)
        ledger.note(f"no numbers, so no observations, in {names} (line {first.line}: {first.seen!r})")
    for name, count in ledger.sentinels.items():
        ledger.note(f"{count} sentinel values in {name} taken as missing")
