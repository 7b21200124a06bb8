"""Encoders: a stream of blocks to the bytes of JSON, columns, CSV, Arrow or Parquet, in bounded memory.

`tseng get --format` and the HTTP routes write the same bytes because both come from here. JSON and CSV go through
Arrow string kernels on whole columns (`tseng.text`); a missing point is simply not in the stream, so no NaN can leave.
Where gaps are marked, JSON and columns list them; CSV, Arrow and Parquet have a row without a value after the last
point before each, at which charts break the line.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tseng.aligned import Table
from tseng.errors import InvalidRequest
from tseng.observations import RawRows
from tseng.series import Block, Stream, record_batch
from tseng.text import iso_times, numbers, rows
from tseng_storage.arrays import to_arrow

_ROW_GROUP = 262_144
# Points that are turned into text at once: what a core's cache holds, so smaller is slower and larger only uses memory.
_AT_ONCE = 32_768


@dataclass(frozen=True)
class Format:
    """One way to write a stream: its short name and media type, and whether it has a place for the provenance."""

    name: str
    media_type: str
    encoder: Callable[[Stream], Iterator[bytes]]
    tells: bool = True

    def encode(self, stream: Stream) -> Iterator[bytes]:
        """The bytes of a stream, in pieces.

        Raises:
            InvalidRequest: the provenance is to be written, and this format has no place for it.
        """
        if stream.telling and not self.tells:
            others = ", ".join(each.name for each in FORMATS.values() if each.tells)
            raise InvalidRequest.at("provenance", f"{self.name} has no place for it; these have: {others}")
        return self.encoder(stream)


def _json(stream: Stream) -> Iterator[bytes]:
    """Write `{"sensor","metric","unit","data":{ISO time: value}}`."""
    head = msgspec.json.encode({"sensor": stream.sensor, "metric": stream.metric, "unit": stream.unit})
    yield head[:-1] + b',"data":'
    yield from json_map(stream.blocks)
    yield json_gaps(stream) + json_provenance(stream) + b"}"


def _slices(blocks: Iterable[Block], size: int = _AT_ONCE) -> Iterator[Block]:
    """The same points in slices of at most `size`, none of them empty."""
    for time, value in blocks:
        for start in range(0, len(time), size):
            yield time[start : start + size], value[start : start + size]


def json_map(blocks: Iterator[Block]) -> Iterator[bytes]:
    """Write `{ISO time: value}` alone."""
    before = b"{"
    for _, members in json_members(blocks, _AT_ONCE):
        yield before
        yield members
        before = b","
    yield b"}" if before == b"," else b"{}"


def json_members(blocks: Iterable[Block], size: int) -> Iterator[tuple[int, bytes]]:
    """Write `ISO time: value` of up to `size` points at a time, joined by commas, each with the number of points."""
    for time, value in _slices(blocks, size):
        yield len(time), bytes(rows(iso_times(time, b',"', b'Z":'), numbers(value))[1:])


def json_observations(blocks: Iterable[RawRows], size: int) -> Iterator[tuple[int, bytes]]:
    """Write `ISO time: {raw metric: value}` of up to `size` values at a time, joined by commas, each with their number.

    A metric that has no value at a time is left out there.
    """
    for found in blocks:
        step = max(1, size // len(found.metrics))
        for start in range(0, len(found), step):
            yield _observation_members(found.only(slice(start, start + step)))


def _observation_members(found: RawRows) -> tuple[int, bytes]:
    valid = ~np.isnan(found.values)
    # Each member but a row's first one starts with a comma.
    first = valid & (valid.cumsum(axis=0) == 1)
    columns = zip(found.metrics, found.values, valid, first, strict=True)
    texts = [text for column in columns for text in _member(*column)]
    return int(valid.sum()), bytes(rows(iso_times(found.time, b',"', b'Z":{'), *texts, b"}")[1:])


def _member(
    metric: str, value: NDArray[np.float64], valid: NDArray[np.bool_], first: NDArray[np.bool_]
) -> tuple[pa.Array | bytes, pa.Array]:
    name = msgspec.json.encode(metric) + b":"
    before: pa.Array | bytes = b"," + name
    if first.any():
        before = name if first.all() else pc.if_else(first, name, before)
    if valid.all():
        return before, numbers(value)
    return pc.if_else(valid, before, b""), pc.if_else(valid, numbers(value), b"")


def json_gaps(stream: Stream) -> bytes:
    """Write `,"gaps":[[last before, first after],…]` where gaps are marked; only once the blocks are through."""
    if stream.gaps is None:
        return b""
    gaps = np.concatenate([np.empty((0, 2), np.int64), *stream.gaps])
    if not len(gaps):
        return b',"gaps":[]'
    pairs = rows(iso_times(gaps[:, 0], b',["', b'Z","'), iso_times(gaps[:, 1], b"", b'Z"]'))
    return b',"gaps":[' + bytes(pairs[1:]) + b"]"


def json_provenance(stream: Stream) -> bytes:
    """Write `,"provenance":{…}` where it is wanted."""
    return b',"provenance":' + msgspec.json.encode(stream.provenance) if stream.telling else b""


def _columns(stream: Stream) -> Iterator[bytes]:
    """Write `{"time":[epoch ms],"value":[…]}`; the values wait as float64 (8 bytes a point) while the times go out."""
    kept: list[NDArray[np.float64]] = []
    yield b'{"time":['
    for time, value in _slices(stream.blocks):
        yield _items(_epoch_ms(time), more=bool(kept))
        kept.append(value)
    yield b'],"value":['
    for number, value in enumerate(kept):
        yield _items(numbers(value), more=number > 0)
    yield b"]" + json_gaps(stream) + json_provenance(stream) + b"}"


def _epoch_ms(time: NDArray[np.int64]) -> pa.Array:
    if (time % 1000).any():
        return numbers(time / 1000)
    return to_arrow(time // 1000, pa.int64()).cast(pa.string()).cast(pa.binary())


def _items(texts: pa.Array, *, more: bool) -> bytes:
    commas = pa.repeat(pa.scalar(b",", pa.binary()), len(texts))
    return bytes(rows(commas, texts)[0 if more else 1 :])


def _csv(stream: Stream) -> Iterator[bytes]:
    """Write `time,value` and one line per point."""
    yield b"time,value\n"
    for time, value in _slices(stream.rows()):
        texts = numbers(value) if stream.gaps is None else pc.if_else(pc.is_nan(value), b"", numbers(value))
        yield bytes(rows(iso_times(time, b"", b"Z,"), texts, b"\n"))


class _Sink:
    """A file that hands over what was written to it since it was last asked."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> int:
        self._chunks.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        taken = b"".join(self._chunks)
        self._chunks.clear()
        return taken


def _arrow(stream: Stream) -> Iterator[bytes]:
    """Write an Arrow IPC stream of columns `time`, `value`."""
    sink, schema = _Sink(), stream.schema()
    with pa.ipc.new_stream(sink, schema) as writer:
        for block in stream.rows():
            writer.write_batch(record_batch(schema, block))
            yield sink.take()
    yield sink.take()


def _parquet(stream: Stream) -> Iterator[bytes]:
    """Write one Parquet file of columns `time`, `value`."""
    import pyarrow.parquet as pq

    sink, schema = _Sink(), stream.schema()
    with pq.ParquetWriter(pa.PythonFile(sink, "w"), schema, compression="zstd") as writer:
        for block in stream.rows():
            writer.write_batch(record_batch(schema, block), row_group_size=_ROW_GROUP)
            yield sink.take()
    yield sink.take()


FORMATS = {
    each.name: each
    for each in (
        Format("json", "application/json", _json),
        Format("columns", "application/vnd.tseng.columns+json", _columns),
        Format("csv", "text/csv", _csv, tells=False),
        Format("arrow", "application/vnd.apache.arrow.stream", _arrow),
        Format("parquet", "application/vnd.apache.parquet", _parquet),
    )
}


def _table_json(table: Table) -> Iterator[bytes]:
    """Write `{"time":[epoch ms],"columns":[{"name","sensor","metric","unit","values":[… null …]}]}`."""
    yield b'{"time":['
    yield from _pieces(_epoch_ms, table.time.view(np.int64))
    yield b'],"columns":['
    for number, column in enumerate(table.columns):
        ids = {"name": column.name, "sensor": column.sensor, "metric": column.metric, "unit": column.unit}
        yield (b"," if number else b"") + msgspec.json.encode(ids)[:-1] + b',"values":['
        yield from _pieces(_or_null, column.value)
        yield (b'],"provenance":' + msgspec.json.encode(column.provenance) if table.telling else b"]") + b"}"
    yield b"]}"


def _pieces(texts: Callable[[NDArray[Any]], pa.Array], values: NDArray[Any]) -> Iterator[bytes]:
    for start in range(0, len(values), _AT_ONCE):
        yield _items(texts(values[start : start + _AT_ONCE]), more=start > 0)


def _or_null(value: NDArray[np.float64]) -> pa.Array:
    return pc.if_else(np.isnan(value), b"null", numbers(value))


def _table_csv(table: Table) -> Iterator[bytes]:
    """Write `time` and the columns' names, then a line for each time; nothing between commas where a value misses."""
    import pyarrow.csv

    if table.telling:
        raise InvalidRequest.at("provenance", "csv has no place for it; these have: json, arrow, parquet")
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    names = ["time", *(column.name for column in table.columns)]
    yield ",".join(map(_quoted, names)).encode() + b"\n"
    for batch in table.to_arrow().to_batches(max_chunksize=_AT_ONCE):
        sink = _Sink()
        time = iso_times(batch.column(0).cast(pa.int64()).to_numpy(), b"", b"Z").cast(pa.string())
        texts = pa.RecordBatch.from_arrays([time, *batch.columns[1:]], names)
        pyarrow.csv.write_csv(texts, pa.PythonFile(sink, "w"), options)
        yield sink.take()


def _quoted(name: str) -> str:
    """Name of a column in CSV (RFC 4180, section 2)."""
    return '"' + name.replace('"', '""') + '"' if any(each in name for each in ',"\r\n') else name


def _table_arrow(table: Table) -> Iterator[bytes]:
    """Write an Arrow IPC stream."""
    sink, columns = _Sink(), table.to_arrow(provenance=table.telling)
    with pa.ipc.new_stream(sink, columns.schema) as writer:
        for batch in columns.to_batches(max_chunksize=_AT_ONCE):
            writer.write_batch(batch)
            yield sink.take()
    yield sink.take()


def _table_parquet(table: Table) -> Iterator[bytes]:
    """Write one Parquet file."""
    import pyarrow.parquet as pq

    sink, columns = _Sink(), table.to_arrow(provenance=table.telling)
    with pq.ParquetWriter(pa.PythonFile(sink, "w"), columns.schema, compression="zstd") as writer:
        for batch in columns.to_batches(max_chunksize=_ROW_GROUP):
            writer.write_batch(batch)
            yield sink.take()
    yield sink.take()


TABLE_FORMATS: dict[str, Callable[[Table], Iterator[bytes]]] = {
    "json": _table_json,
    "csv": _table_csv,
    "arrow": _table_arrow,
    "parquet": _table_parquet,
}
"""Encoders of tables; their media types are those of `FORMATS`."""
