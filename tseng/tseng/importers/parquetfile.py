"""Parquet with columns sensor, metric, time, value (long), or time and one column per metric (wide)."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tseng.errors import InvalidRequest
from tseng.importers.csvfile import plan_of, tables
from tseng.importers.delimited import Block
from tseng.importers.ledger import Ledger
from tseng.importers.options import ImportOptions
from tseng.importers.source import Source
from tseng.importers.wide import Rules, close
from tseng.importers.zones import zone

# A piece has at most so many rows, and so many readings: a table a thousand columns wide is read in short pieces.
_ROWS, _READINGS = 262_144, 4_194_304


def _cells(name: str, column: pa.Array, wanted: str) -> pa.Array:
    """A column in the form the readers of cells take: numbers as float64, times as timestamps or dates, else text."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if wanted == "time" and (pa.types.is_date(kind) or pa.types.is_timestamp(kind)):
        return column.cast(kind)
    if wanted == "value" and (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)
    ):
        return column.cast(pa.float64(), safe=False)  # integers beyond 2^53: the nearest float64
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column.cast(pa.string())
    raise InvalidRequest.at("file", f"column {name} holds {kind}, which is no {wanted}")


def _open(source: Source) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(source.path)
    except (pa.ArrowException, OSError) as error:
        raise InvalidRequest.at("file", f"{source.path.name} is not readable as Parquet: {error}") from error


def _batches(source: Source, file: pq.ParquetFile, names: list[str]) -> Iterator[pa.RecordBatch]:
    """Pieces of the wanted columns; damage inside the file is refused by name."""
    try:
        yield from file.iter_batches(batch_size=max(min(_ROWS, _READINGS // len(names)), 1), columns=names)
    except (pa.ArrowException, OSError) as error:
        raise InvalidRequest.at("file", f"{source.path.name} is damaged: {error}") from error


def read(source: Source, options: ImportOptions, ledger: Ledger) -> Iterator[list[pa.Table]]:
    """Read a Parquet file; "line" in a bad row is the row's number, the first being 1.

    Args:
        source: the open file.
        options: what the person says about it.
        ledger: takes counts, bad rows, and remarks.

    Yields:
        Pieces of bounded size in file order, each tables of `rows.SCHEMA`.
    """
    file = _open(source)
    plan = plan_of(list(file.schema_arrow.names), options)
    uses = {plan.time: "time"} | dict.fromkeys(plan.words.values(), "text") | dict.fromkeys(plan.values, "value")
    names = file.schema_arrow.names
    rules = Rules(zone(options.tz or "UTC"), options.time_format, options.sentinel or ())
    first = 1
    for batch in _batches(source, file, [names[at] for at in uses]):
        columns = {at: _cells(names[at], batch.column(names[at]), use) for at, use in uses.items()}
        line = np.arange(first, first + batch.num_rows, dtype=np.int64)
        first += batch.num_rows
        ledger.rows += batch.num_rows
        source.reach(first / max(file.metadata.num_rows, 1))
        yield list(tables(plan, Block(columns, line), options, rules, ledger))
    close(list(plan.values.values()), ledger)
