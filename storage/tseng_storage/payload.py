"""Uploads as bytes: one Arrow IPC stream a log row, and back."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pyarrow as pa

from tseng_storage.arrays import dictionary, to_arrow, to_numpy
from tseng_storage.errors import Damaged
from tseng_storage.observations import MICROSECONDS, Instants, Rows, Values, ranked

# Given, they are not looked for in the environment.
_AS_IT_IS = pa.ipc.IpcWriteOptions()


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
        except (pa.ArrowInvalid, OSError, KeyError) as fault:
            raise Damaged(f"log row {self.seq}: its payload does not decode: {fault}", "log", self.seq) from fault
        if len(rows) != self.rows:
            raise Damaged(f"log row {self.seq}: holds {len(rows)} values, {self.rows} recorded", "log", self.seq)
        return rows


def encode(rows: Rows) -> bytes:
    """Sensor, metric, time and value of `rows` as an Arrow IPC stream; nothing for no rows."""
    if not len(rows):
        return b""
    columns = [
        dictionary(rows.sensors, rows.sensor),
        dictionary(rows.metrics, rows.metric),
        to_arrow(rows.time, MICROSECONDS),
        to_arrow(rows.value, pa.float64()),
    ]
    batch = pa.record_batch(columns, names=["sensor", "metric", "time", "value"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=_AS_IT_IS) as writer:
        writer.write_batch(batch)
    payload: bytes = sink.getvalue().to_pybytes()
    return payload


def decode(payload: bytes, received: int, seq: int) -> Rows:
    """The rows of `encode`, all at log position `seq`, received at epoch us `received`."""
    if not payload:
        none: Instants = np.zeros(0, np.int64)
        return Rows((), (), np.zeros(0, np.int32), np.zeros(0, np.int32), none, np.zeros(0), none, none)
    batch = pa.ipc.open_stream(payload).read_next_batch()
    sensors, sensor = ranked(batch.column(0))
    metrics, metric = ranked(batch.column(1))
    time: Instants = to_numpy(batch.column(2), np.int64)
    value: Values = to_numpy(batch.column(3), np.float64)
    return Rows(sensors, metrics, sensor, metric, time, value, time, time).stamped(seq, received)
