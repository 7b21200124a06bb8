"""Reading one segment: the footer once, then single row groups, then slices of what was decoded before."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tseng_storage.arrays import flat, to_numpy
from tseng_storage.cache import BoundedCache
from tseng_storage.errors import Damaged
from tseng_storage.observations import Instants, Rows, Values, rank
from tseng_storage.segments import VERSIONS

Series = tuple[str, str]


@dataclass(frozen=True)
class GroupBounds:
    """What the footer says of one row group; `series`: the one (sensor, metric) in it, None when there are several."""

    low: Series
    high: Series
    time: tuple[int, int]
    rows: int
    nulls: int

    @property
    def series(self) -> Series | None:
        """The only series of the group, if it is the only one."""
        return self.low if self.low == self.high else None


@dataclass(frozen=True)
class Group:
    """One decoded row group. `time`: int64, epoch us; `value`: float64, NaN missing; `runs`: series to (from, to)."""

    time: Instants
    value: Values
    runs: dict[Series, tuple[int, int]]
    nulls: bool

    @property
    def cost(self) -> int:
        """Bytes held, roughly."""
        return self.time.nbytes + self.value.nbytes + 200 * len(self.runs) + 500


class SegmentFile:
    """An open segment; `cache` is shared by all of a store. Raises FileNotFoundError when it was vacuumed meanwhile."""

    def __init__(self, path: Path, cache: BoundedCache[Group]) -> None:
        self._path, self._cache = path, cache
        self._lock = threading.Lock()
        try:
            self._file = pq.ParquetFile(path, memory_map=True, read_dictionary=["sensor", "metric"])
            self.groups = tuple(_bounds(self._file.metadata))
        except (pa.ArrowException, OSError) as fault:
            if isinstance(fault, FileNotFoundError):
                raise
            raise _damaged(path, fault) from fault
        self.versions = (self._file.metadata.metadata or {}).get(VERSIONS.encode()) != b"one"
        self._last_sensor = [group.high[0] for group in self.groups]

    def find(self, sensor: str, metric: str, start: int | None, end: int | None) -> Iterator[int]:
        """The row groups that may hold points of the series in the window (inclusive, epoch us; None: open)."""
        for number in range(bisect_left(self._last_sensor, sensor), len(self.groups)):
            group = self.groups[number]
            if group.low[0] > sensor:
                return
            if group.low[0] == group.high[0] and not group.low[1] <= metric <= group.high[1]:
                continue
            if (start is None or group.time[1] >= start) and (end is None or group.time[0] <= end):
                yield number

    def group(self, number: int) -> Group:
        """Decode a row group, or take it from the cache."""
        key = (self._path, number)
        group = self._cache.get(key)
        if group is None:
            group = self._decode(number)
            self._cache.put(key, group, group.cost)
        return group

    def seq(self, number: int) -> Instants:
        """int64: the log positions of a row group's rows."""
        return to_numpy(flat(self._read(number, ["seq"]).column(0)), np.int64)

    def rows(self, number: int) -> Rows:
        """A whole row group with all columns."""
        return rows_of(self._read(number, None))

    def _decode(self, number: int) -> Group:
        bounds = self.groups[number]
        single = bounds.series
        table = self._read(number, ["time", "value"] if single else ["sensor", "metric", "time", "value"])
        runs = {single: (0, table.num_rows)} if single else _runs(table)
        time = to_numpy(flat(table.column("time")), np.int64)
        value = to_numpy(flat(table.column("value")), np.float64)
        return Group(time, value, runs, bounds.nulls > 0)

    def _read(self, number: int, columns: list[str] | None) -> pa.Table:
        try:
            with self._lock:
                return self._file.read_row_group(number, columns=columns, use_threads=False)
        except (pa.ArrowException, OSError) as fault:
            raise _damaged(self._path, fault) from fault


def rows_of(table: pa.Table) -> Rows:
    """The rows of a segment's table."""
    sensors, sensor = _codes(table.column("sensor"))
    metrics, metric = _codes(table.column("metric"))
    time, received, seq = (to_numpy(flat(table.column(name)), np.int64) for name in ("time", "received", "seq"))
    value = to_numpy(flat(table.column("value")), np.float64)
    return Rows(sensors, metrics, sensor, metric, time, value, received, seq)


def _codes(column: pa.ChunkedArray) -> tuple[tuple[str, ...], np.ndarray[tuple[int], np.dtype[np.int32]]]:
    array = flat(column)
    return rank(array.dictionary.to_pylist(), to_numpy(array.indices, np.int32))


def _runs(table: pa.Table) -> dict[Series, tuple[int, int]]:
    sensors, sensor = _codes(table.column("sensor"))
    metrics, metric = _codes(table.column("metric"))
    starts = np.flatnonzero((sensor[1:] != sensor[:-1]) | (metric[1:] != metric[:-1])) + 1
    begins = [0, *starts.tolist()]
    names = zip(sensor[begins].tolist(), metric[begins].tolist(), strict=True)
    spans = zip(begins, [*begins[1:], len(sensor)], strict=True)
    return {(sensors[one], metrics[two]): run for (one, two), run in zip(names, spans, strict=True)}


def _bounds(footer: pq.FileMetaData) -> Iterator[GroupBounds]:
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        sensor, metric, time, value = (group.column(column).statistics for column in range(4))
        low, high = (sensor.min, metric.min), (sensor.max, metric.max)
        yield GroupBounds(low, high, (time.min_raw, time.max_raw), group.num_rows, value.null_count)


def _damaged(path: Path, fault: Exception) -> Damaged:
    return Damaged(f"{path.parent.name}/{path.name} cannot be read: {fault}", "file", str(path))
