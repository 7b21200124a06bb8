"""Uploads as bytes, and back: one Arrow IPC stream a log row, or MessagePack where there are few values.

What a device sends is a row or two, thousands of times. Arrow takes twenty times as long for them, to write and to
read: every upload waits for the one, and every follower of live data for the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import msgspec
import numpy as np
import pyarrow as pa

from tseng_storage.arrays import dictionary, to_arrow, to_numpy
from tseng_storage.errors import Damaged
from tseng_storage.observations import MICROSECONDS, Instants, Rows, Values, rank, ranked

_FEW = 64
# What an array of four begins with in MessagePack. An Arrow IPC stream begins with four bytes of ones.
_FOUR = b"\x94"
_Columns = tuple[list[str], list[str], list[int], list[float]]
_FEW_DECODER = msgspec.msgpack.Decoder(_Columns)


@dataclass(frozen=True)
class LogRow:
    """One acknowledged upload as the log keeps it. `received`: epoch us; `rows`: how many observations."""

    seq: int
    project: str
    received: int
    rows: int
    checksum: int
    payload: bytes

    def decode(self) -> Rows:
        """The observations in the order uploaded; Damaged when bytes and record disagree."""
        if crc32(self.payload) != self.checksum:
            raise Damaged(f"log row {self.seq}: the checksum of its payload does not match", "log", self.seq)
        try:
            rows = decode(self.payload, self.received, self.seq)
        except (pa.ArrowInvalid, OSError, ValueError, KeyError) as fault:
            raise Damaged(f"log row {self.seq}: its payload does not decode: {fault}", "log", self.seq) from fault
        if len(rows) != self.rows:
            raise Damaged(f"log row {self.seq}: holds {len(rows)} values, {self.rows} recorded", "log", self.seq)
        return rows


def encode(rows: Rows) -> bytes:
    """Sensor, metric, time and value of `rows` in columns; nothing for no rows."""
    if not len(rows):
        return b""
    if len(rows) <= _FEW:
        sensors = [rows.sensors[code] for code in rows.sensor.tolist()]
        metrics = [rows.metrics[code] for code in rows.metric.tolist()]
        return msgspec.msgpack.encode((sensors, metrics, rows.time.tolist(), rows.value.tolist()))
    columns = [
        dictionary(rows.sensors, rows.sensor),
        dictionary(rows.metrics, rows.metric),
        to_arrow(rows.time, MICROSECONDS),
        to_arrow(rows.value, pa.float64()),
    ]
    batch = pa.record_batch(columns, names=["sensor", "metric", "time", "value"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    payload: bytes = sink.getvalue().to_pybytes()
    return payload


def decode(payload: bytes, received: int, seq: int) -> Rows:
    """The rows of `encode`, all at log position `seq`, received at epoch us `received`."""
    if not payload:
        none: Instants = np.zeros(0, np.int64)
        return Rows((), (), np.zeros(0, np.int32), np.zeros(0, np.int32), none, np.zeros(0), none, none)
    if payload[:1] == _FOUR:
        return _few(received, seq, *_FEW_DECODER.decode(payload))
    batch = pa.ipc.open_stream(payload).read_next_batch()
    sensors, sensor = ranked(batch.column(0))
    metrics, metric = ranked(batch.column(1))
    time: Instants = to_numpy(batch.column(2), np.int64)
    value: Values = to_numpy(batch.column(3), np.float64)
    return Rows(sensors, metrics, sensor, metric, time, value, time, time).stamped(seq, received)


def _few(
    received: int, seq: int, sensors: list[str], metrics: list[str], times: list[int], values: list[float]
) -> Rows:
    n = len(times)
    (names, sensor), (kinds, metric) = (rank(each, np.arange(n, dtype=np.int32)) for each in (sensors, metrics))
    columns = np.array(times, np.int64), np.array(values, np.float64), np.full(n, received), np.full(n, seq)
    return Rows(names, kinds, sensor, metric, *columns)
