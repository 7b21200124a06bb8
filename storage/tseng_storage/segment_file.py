"""Reading one segment: the footer once, then single row groups, then slices of what was decoded before."""

from __future__ import annotations

import json
import sys
import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary, ref

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tseng_storage.arrays import flat, to_numpy
from tseng_storage.cache import BoundedCache
from tseng_storage.errors import Damaged
from tseng_storage.knowledge import Knowledge
from tseng_storage.observations import Codes, Instants, Rows, Values, ranked
from tseng_storage.segments import FACTS, Facts

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
class Versions:
    """What the footer says of the versions in one row group: the largest `seq` and the latest `received` (epoch us).

    `first` is the smallest of the numbers.
    """

    seq: int
    received: int
    first: int

    def all_known(self, known: Knowledge) -> bool:
        """Whether the whole group was known."""
        return known.covers_upload(self.seq, self.received) and (known.loading is None or self.seq < known.loading)

    def none_known(self, known: Knowledge) -> bool:
        """Whether certainly nothing of the group was known."""
        return known.seq is not None and self.first > known.seq


@dataclass(frozen=True)
class Runs:
    """Where each series of a row group lies. `series`: int64, ascending, sensor code × metrics + metric code; `starts`.

    Arrays and shared names instead of a dictionary: small segments of many sensors would else spend more memory on
    places than on values.
    """

    sensors: tuple[str, ...]
    metrics: tuple[str, ...]
    series: NDArray[np.int64]
    starts: NDArray[np.int64]

    def find(self, sensor: str, metric: str) -> slice | None:
        """The rows of a series, None when the group has none of it."""
        codes = [bisect_left(names, name) for names, name in ((self.sensors, sensor), (self.metrics, metric))]
        if self.sensors[codes[0] : codes[0] + 1] != (sensor,) or self.metrics[codes[1] : codes[1] + 1] != (metric,):
            return None
        code = codes[0] * len(self.metrics) + codes[1]
        place = int(self.series.searchsorted(code))
        if place == len(self.series) or self.series[place] != code:
            return None
        return slice(int(self.starts[place]), int(self.starts[place + 1]))

    @property
    def cost(self) -> int:
        """Bytes held, roughly."""
        return 500 + 8 * len(self.sensors) + self.series.nbytes + self.starts.nbytes


Cut = tuple[Instants, int, int]
"""Decoded times, and the first row and the number of rows that are taken of them."""
Joined = tuple[Instants, list[ref[Instants]]]


class Decoded:
    """What was decoded before, for all segments of a store: values, and apart from them the places of the series.

    Times that several row groups share are kept once, and counted once: what they cost goes with the first of them.

    The places of a row group take a hundredth of the memory of its values and cost as much to decode. They get a
    quarter of the budget, and so outlive the values many times over.
    """

    def __init__(self, budget: int) -> None:
        # Values by path and row group, and joined times by the row groups' times; one budget for both.
        self.values: BoundedCache[Any] = BoundedCache(budget - budget // 4)
        self.runs: BoundedCache[Runs] = BoundedCache(budget // 4)
        self._times: WeakValueDictionary[tuple[int, int, int, int], Instants] = WeakValueDictionary()

    def common(self, times: Instants) -> tuple[Instants, bool]:
        """Equal times that are kept already, and True; else `times`. The sensors of a logger are read at one time."""
        count = len(times)
        if not count:
            return times, False
        key = (count, int(times[0]), int(times[count // 2]), int(times[-1]))
        kept = self._times.get(key)
        if kept is not None and np.array_equal(kept, times):
            return kept, True
        self._times[key] = times
        return times, False

    def joined(self, cuts: Sequence[Cut]) -> Instants | None:
        """The times of several cuts in one array, if it is kept."""
        found: Joined | None = self.values.get(_places(cuts))
        # An array's id means something only while it lives.
        if found is None or not all(each() is whole for each, (whole, _, _) in zip(found[1], cuts, strict=True)):
            return None
        return found[0]

    def keep_joined(self, cuts: Sequence[Cut], times: Instants) -> None:
        """Keep the times of several cuts in one array: other series were read at them too."""
        self.values.put(_places(cuts), (times, [ref(whole) for whole, _, _ in cuts]), 500 + 8 * len(times))


def _places(cuts: Sequence[Cut]) -> tuple[tuple[int, int, int], ...]:
    return tuple((id(whole), first, count) for whole, first, count in cuts)


class SegmentFile:
    """An open segment; `decoded` is shared by all of a store. FileNotFoundError when it was vacuumed meanwhile."""

    def __init__(self, path: Path, decoded: Decoded) -> None:
        self._path, self._decoded = path, decoded
        self._versions: dict[int, Versions] = {}
        self._lock = threading.Lock()
        try:
            self._file = pq.ParquetFile(
                path, memory_map=True, read_dictionary=["sensor", "metric"], page_checksum_verification=True
            )
        except (pa.ArrowException, OSError) as fault:
            if isinstance(fault, FileNotFoundError):
                raise
            raise _damaged(path, fault) from fault

    @cached_property
    def groups(self) -> tuple[GroupBounds, ...]:
        """What the footer says of each row group; a session over many segments never asks."""
        return tuple(_bounds(self._file.metadata))

    @cached_property
    def _last_sensor(self) -> list[str]:
        return [group.high[0] for group in self.groups]

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

    def find_rows(self, number: int, sensor: str, metric: str) -> slice | None:
        """The rows of a series within a row group, None when it has none of it."""
        single = self.groups[number].series
        if single is not None:
            return slice(0, self.groups[number].rows) if single == (sensor, metric) else None
        return self._runs(number).find(sensor, metric)

    def _runs(self, number: int) -> Runs:
        key = (self._path, number)
        runs = self._decoded.runs.get(key)
        if runs is None:
            runs = _runs(self._read(number, ["sensor", "metric"]))
            self._decoded.runs.put(key, runs, runs.cost)
        return runs

    def values(self, number: int) -> tuple[Instants, Values]:
        """A row group's times (int64, epoch us) and values (float64, NaN where missing), decoded or from the cache."""
        key = (self._path, number)
        values = self._decoded.values.get(key)
        if values is None:
            table = self._read(number, ["time", "value"])
            times, shared = self._decoded.common(to_numpy(flat(table.column(0)), np.int64))
            values = times, to_numpy(flat(table.column(1)), np.float64)
            self._decoded.values.put(key, values, 500 + (8 if shared else 16) * len(times))
        return values

    def seq(self, number: int) -> Instants:
        """int64: the log positions of a row group's rows, decoded or from the cache. Not to be written to."""
        versions = self.versions(number)
        if versions.first == versions.seq:
            return np.broadcast_to(np.int64(versions.seq), self.groups[number].rows)
        key = (self._path, number, "seq")
        seq: Instants | None = self._decoded.values.get(key)
        if seq is None:
            seq = to_numpy(flat(self._read(number, ["seq"]).column(0)), np.int64)
            self._decoded.values.put(key, seq, 500 + seq.nbytes)
        return seq

    def received(self, number: int) -> Instants:
        """int64, epoch us: when a row group's rows came in."""
        return to_numpy(flat(self._read(number, ["received"]).column(0)), np.int64)

    def origins(self, number: int) -> tuple[tuple[str, ...], Codes, Instants, Instants, Instants]:
        """Of a row group's rows: sensors and int32 codes into them, times, log positions, when they came in."""
        table = self._read(number, ["sensor", "time", "seq", "received"])
        time, seq, received = (to_numpy(flat(table.column(name)), np.int64) for name in ("time", "seq", "received"))
        return *ranked(flat(table.column("sensor"))), time, seq, received

    def versions(self, number: int) -> Versions:
        """How late a row group's rows are."""
        found = self._versions.get(number)
        if found is None:
            group = self._file.metadata.row_group(number)
            received, seq = (group.column(column).statistics for column in (4, 5))
            found = self._versions[number] = Versions(seq.max_raw, received.max_raw, seq.min_raw)
        return found

    def rows(self, number: int) -> Rows:
        """A whole row group with all columns."""
        return rows_of(self._read(number, None))

    def _read(self, number: int, columns: list[str] | None) -> pa.Table:
        try:
            with self._lock:
                return self._file.read_row_group(number, columns=columns, use_threads=False)
        except (pa.ArrowException, OSError) as fault:
            raise _damaged(self._path, fault) from fault


def read_facts(path: Path) -> Facts:
    """What the footer says of all rows; Damaged without it, FileNotFoundError when the file was vacuumed."""
    try:
        facts = json.loads((pq.read_metadata(path, memory_map=True).metadata or {})[FACTS.encode()])
        return Facts(tuple(facts["first"]), tuple(facts["last"]), facts["several"])
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, KeyError, ValueError) as fault:
        raise _damaged(path, fault) from fault


def rows_of(table: pa.Table) -> Rows:
    """The rows of a segment's table."""
    sensors, sensor = ranked(flat(table.column("sensor")))
    metrics, metric = ranked(flat(table.column("metric")))
    time, received, seq = (to_numpy(flat(table.column(name)), np.int64) for name in ("time", "received", "seq"))
    value = to_numpy(flat(table.column("value")), np.float64)
    return Rows(sensors, metrics, sensor, metric, time, value, received, seq)


def _runs(table: pa.Table) -> Runs:
    sensors, sensor = ranked(flat(table.column("sensor")))
    metrics, metric = ranked(flat(table.column("metric")))
    starts = np.flatnonzero((sensor[1:] != sensor[:-1]) | (metric[1:] != metric[:-1])) + 1
    begins = np.concatenate(([0], starts, [len(sensor)])).astype(np.int64)
    series = sensor[begins[:-1]].astype(np.int64) * len(metrics) + metric[begins[:-1]]
    # The same ids in every group and segment: one text each.
    return Runs(tuple(map(sys.intern, sensors)), tuple(map(sys.intern, metrics)), series, begins)


def _bounds(footer: pq.FileMetaData) -> Iterator[GroupBounds]:
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        sensor, metric, time, value = (group.column(column).statistics for column in range(4))
        low, high = (sensor.min, metric.min), (sensor.max, metric.max)
        yield GroupBounds(low, high, (time.min_raw, time.max_raw), group.num_rows, value.null_count)


def _damaged(path: Path, fault: Exception) -> Damaged:
    return Damaged(f"{path.parent.name}/{path.name} cannot be read: {fault}", "file", str(path))
