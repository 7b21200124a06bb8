"""Encoders of tables, the answers of SQL: JSON, CSV, Arrow and Parquet.

`ENCODERS` write a whole table for the command line, one JSON object a row. `WRITERS` write batch by batch what
leaves over HTTP: not a number and the infinities are null there in every format, also inside lists and structs, and
times are ISO text in UTC where the format has text alone.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tseng.errors import InvalidRequest
from tseng.text import iso_times

# First and last microsecond of the years 1 to 9999: what ISO 8601 writes with four digits.
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
_INFINITE = (np.iinfo(np.int64).max, -np.iinfo(np.int64).max)

# Digits as they are, also beyond 2^53: a text in quotes would be another type.
_encode = msgspec.json.Encoder(decimal_format="number").encode


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


class Out(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> int: ...


def finite(column: pa.Array) -> pa.Array:
    """Return an array whose numbers are finite or null, also inside lists, structs and maps."""
    kind = column.type
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind))
    if pa.types.is_list(kind):
        return pa.ListArray.from_arrays(column.offsets, finite(column.values), kind, mask=column.is_null())
    if pa.types.is_fixed_size_list(kind):
        return finite(column.cast(pa.list_(kind.value_type)))
    if pa.types.is_map(kind):
        return pa.MapArray.from_arrays(column.offsets, column.keys, finite(column.items), mask=column.is_null())
    if pa.types.is_struct(kind):
        fields = [kind.field(number) for number in range(kind.num_fields)]
        return pa.StructArray.from_arrays(
            [finite(each) for each in column.flatten()], fields=fields, mask=column.is_null()
        )
    return column


def _batches(reader: pa.RecordBatchReader) -> Iterator[list[pa.Array]]:
    for batch in reader:
        yield [finite(column) for column in batch.columns]


def _readable(column: pa.Array) -> pa.Array:
    """Return times as ISO text, everything else as it is; a time at infinity is null.

    Only a time with a zone is one of UTC and says so: without one it is what some wall clock showed.
    """
    if not pa.types.is_timestamp(column.type):
        return column
    time = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())
    missing = pc.or_(column.is_null(), pc.is_in(time, pa.array(_INFINITE, pa.int64())))
    values = pc.if_else(missing, pa.scalar(0, pa.int64()), time).to_numpy(zero_copy_only=False)
    if len(values) and (values.min() < _FIRST or values.max() > _LAST):
        raise InvalidRequest.at("sql", "the answer holds a time outside the years 1 to 9999")
    texts = iso_times(values, b"", b"Z").cast(pa.string()) if len(values) else pa.array([], pa.string())
    texts = texts if column.type.tz else pc.utf8_rtrim(texts, "Z")
    return pc.if_else(missing, pa.scalar(None, pa.string()), texts)


def _write_json(reader: pa.RecordBatchReader, out: Out) -> None:
    """Write `{"columns":[…],"rows":[[…]]}`."""
    out.write(b'{"columns":%b,"rows":[' % _encode(reader.schema.names))
    before = b""
    for columns in _batches(reader):
        rows = list(zip(*(_readable(column).to_pylist() for column in columns), strict=True))
        if rows:
            out.write(before + _encode(rows)[1:-1])
            before = b","
    out.write(b"]}")


def _write_csv(reader: pa.RecordBatchReader, out: Out) -> None:
    """Write a header and a line for each row; lists and structs have no form in CSV."""
    import pyarrow.csv

    out.write(",".join('"' + name.replace('"', '""') + '"' for name in reader.schema.names).encode() + b"\n")
    options = pyarrow.csv.WriteOptions(include_header=False)
    for columns in _batches(reader):
        batch = pa.RecordBatch.from_arrays([_readable(column) for column in columns], reader.schema.names)
        pyarrow.csv.write_csv(batch, out, options)


def _write_arrow(reader: pa.RecordBatchReader, out: Out) -> None:
    """Write an Arrow IPC stream."""
    schema = _finite_schema(reader.schema)
    with pa.ipc.new_stream(out, schema) as writer:
        for columns in _batches(reader):
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def _write_parquet(reader: pa.RecordBatchReader, out: Out) -> None:
    """Write one Parquet file."""
    import pyarrow.parquet as pq

    schema = _finite_schema(reader.schema)
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for columns in _batches(reader):
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def _finite_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema of what `finite` returns: arrays of fixed size have become lists."""
    empty = [finite(pa.array([], field.type)) for field in schema]
    return pa.schema([pa.field(name, column.type) for name, column in zip(schema.names, empty, strict=True)])


WRITERS: dict[str, Callable[[pa.RecordBatchReader, Out], None]] = {
    "json": _write_json,
    "csv": _write_csv,
    "arrow": _write_arrow,
    "parquet": _write_parquet,
}
