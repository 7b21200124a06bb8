"""The one shape of observations inside storage.

`Rows` keeps ids as integer codes into sorted lists of names: comparing, sorting and writing then work on integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tseng_storage.arrays import to_numpy

Codes = NDArray[np.int32]
Instants = NDArray[np.int64]
Values = NDArray[np.float64]

MICROSECONDS = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class Rows:
    """Observations as columns of equal length n.

    `sensors`, `metrics`: the distinct ids, ascending by UTF-8 bytes. `sensor`, `metric`: int32, codes into them.
    `time`, `received`: int64, epoch us. `value`: float64, NaN where missing. `seq`: int64, the log position.
    """

    sensors: tuple[str, ...]
    metrics: tuple[str, ...]
    sensor: Codes
    metric: Codes
    time: Instants
    value: Values
    received: Instants
    seq: Instants

    def __len__(self) -> int:
        return len(self.time)

    @cached_property
    def starts(self) -> NDArray[np.intp]:
        """intp: where a run of rows of the same series begins."""
        if len(self) < 2:
            return np.zeros(len(self), np.intp)
        new = self.sensor[1:] != self.sensor[:-1]
        new |= self.metric[1:] != self.metric[:-1]
        return np.concatenate(([0], np.flatnonzero(new) + 1))

    @property
    def series(self) -> NDArray[np.int64]:
        """int64, (n,): one number per row that orders by (sensor, metric)."""
        return self.sensor.astype(np.int64) * max(len(self.metrics), 1) + self.metric

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Rows:
        """The rows of `index`, under the same names."""
        columns = (self.sensor, self.metric, self.time, self.value, self.received, self.seq)
        return Rows(self.sensors, self.metrics, *(column[index] for column in columns))  # type: ignore[arg-type]

    def series_seen(self) -> set[tuple[str, str, bool]]:
        """The (sensor, metric) pairs that occur, with False; those of which a value is valid also with True."""
        if not len(self):
            return set()
        starts, valid = self.starts, ~np.isnan(self.value)
        filled = valid if len(starts) == len(self) else np.logical_or.reduceat(valid, starts)
        runs = zip(self.sensor[starts].tolist(), self.metric[starts].tolist(), filled.tolist(), strict=True)
        return {
            (self.sensors[sensor], self.metrics[metric], each)
            for sensor, metric, has in set(runs)
            for each in {False, has}
        }

    def stamped(self, seq: int, received: int) -> Rows:
        """The same rows at log position `seq`, received at epoch us `received`; takes no memory."""
        n = len(self)
        return replace(self, seq=np.broadcast_to(np.int64(seq), n), received=np.broadcast_to(np.int64(received), n))


def rank(names: Sequence[str], codes: NDArray[np.int32]) -> tuple[tuple[str, ...], Codes]:
    """Sorted distinct names and int32 codes into them, from names in any order and codes (n,) into those."""
    # UTF-8 bytes and code points order alike, so Python's order is also the order of Parquet statistics.
    ordered = sorted(set(names))
    if ordered == list(names):
        return tuple(ordered), codes.astype(np.int32, copy=False)
    place = {name: number for number, name in enumerate(ordered)}
    translation = np.array([place[name] for name in names], np.int32)
    return tuple(ordered), translation[codes]


def ranked(array: pa.DictionaryArray) -> tuple[tuple[str, ...], Codes]:
    """Sorted distinct names and int32 codes into them, from a dictionary array of them with int32 indices."""
    return rank(array.dictionary.to_pylist(), to_numpy(array.indices, np.int32))
