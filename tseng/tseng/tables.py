"""Encoders of whole tables, the answers of SQL: JSON rows, CSV, Arrow and Parquet."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pyarrow as pa


def _json(table: pa.Table) -> Iterator[bytes]:
    """Write one JSON object per row, one row per line."""
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            yield msgspec.json.encode(_plain(row)) + b"\n"


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Not a number has no JSON: it leaves as null, like a missing value."""
    return {name: None if isinstance(value, float) and value - value != 0 else value for name, value in row.items()}


def _csv(table: pa.Table) -> Iterator[bytes]:
    import pyarrow.csv

    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(table, sink)
    yield sink.getvalue().to_pybytes()


def _arrow(table: pa.Table) -> Iterator[bytes]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    yield sink.getvalue().to_pybytes()


def _parquet(table: pa.Table) -> Iterator[bytes]:
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    yield sink.getvalue().to_pybytes()


ENCODERS: dict[str, Callable[[pa.Table], Iterator[bytes]]] = {
    "json": _json,
    "csv": _csv,
    "arrow": _arrow,
    "parquet": _parquet,
}
