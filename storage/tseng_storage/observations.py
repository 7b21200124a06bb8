"""The one shape of observations inside storage, and the door where tables become it.

`Rows` keeps ids as integer codes into sorted lists of names. Comparing, sorting and writing then work on integers, and
a table of millions of rows is encoded by looking only at the places where the id changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tseng_storage.arrays import flat, to_numpy
from tseng_storage.errors import InvalidObservations

COLUMNS = ("sensor", "metric", "time", "value")

Codes = NDArray[np.int32]
Instants = NDArray[np.int64]
Values = NDArray[np.float64]

ID_LENGTH = 1000
"""Characters that the id of a sensor or metric may have."""

FIRST_INSTANT = -62_135_596_800_000_000
LAST_INSTANT = 253_402_300_799_999_999
"""The years 1 to 9999, which all readers of the files can show: epoch us of 0001-01-01 and before 10000-01-01."""

_FEW = 10_000

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
        if not len(self):
            return np.zeros(0, np.intp)
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

    def series_seen(self) -> set[tuple[str, str]]:
        """The (sensor, metric) pairs that occur."""
        pairs = set(zip(self.sensor[self.starts].tolist(), self.metric[self.starts].tolist(), strict=True))
        return {(self.sensors[sensor], self.metrics[metric]) for sensor, metric in pairs}

    def stamped(self, seq: int, received: int) -> Rows:
        """The same rows at log position `seq`, received at epoch us `received`; takes no memory."""
        n = len(self)
        return replace(self, seq=np.broadcast_to(np.int64(seq), n), received=np.broadcast_to(np.int64(received), n))


def normalise(table: pa.Table) -> Rows:
    """Rows of an input table in the order given, not yet received; InvalidObservations names the column at fault.

    Columns sensor and metric are text (plain or dictionary), time any timestamp (naive means UTC; nanoseconds are cut),
    value a number (null, NaN and infinities are missing).
    """
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise InvalidObservations(f"column {missing[0]!r} is missing", missing[0], table.column_names, COLUMNS)
    sensors, sensor = _codes(table.column("sensor"), "sensor")
    metrics, metric = _codes(table.column("metric"), "metric")
    _check_ids(sensors, "sensor")
    _check_ids(metrics, "metric")
    later = np.broadcast_to(np.int64(0), table.num_rows)
    instants, values = _instants(table.column("time")), _values(table.column("value"))
    return Rows(sensors, metrics, sensor, metric, instants, values, later, later)


def _check_ids(names: Sequence[str], column: str) -> None:
    # Parquet writes no bounds for longer text, and without bounds nothing could be found.
    long = next((name for name in names if len(name) > ID_LENGTH or not name), None)
    if long is not None:
        raise InvalidObservations(f"column {column!r}: an id has 1 to {ID_LENGTH} characters", column, long[:80])


def _codes(column: pa.ChunkedArray, name: str) -> tuple[tuple[str, ...], Codes]:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise InvalidObservations(
            f"column {name!r} must be text, not {column.type}", name, str(column.type), ["string"]
        )
    if column.null_count or _hidden_nulls(column):
        raise InvalidObservations(f"column {name!r} has rows without a value", name)
    return _ranked(flat(column))


def _hidden_nulls(column: pa.ChunkedArray) -> bool:
    """Whether a dictionary has a null among its words: no null by the count, and still no id."""
    return pa.types.is_dictionary(column.type) and any(chunk.dictionary.null_count for chunk in column.chunks)


def _ranked(array: pa.Array) -> tuple[tuple[str, ...], Codes]:
    if pa.types.is_dictionary(array.type):
        names, codes = array.dictionary, to_numpy(array.indices.cast(pa.int32()), np.int32)
    elif len(array) < _FEW:
        encoded = array.dictionary_encode()
        names, codes = encoded.dictionary, to_numpy(encoded.indices, np.int32)
    else:
        # Runs first: a table sorted by sensor has a thousand of them where it has millions of rows.
        runs = pc.run_end_encode(array)
        encoded = runs.values.dictionary_encode()
        lengths = np.diff(to_numpy(runs.run_ends, np.int32), prepend=0)
        names, codes = encoded.dictionary, np.repeat(to_numpy(encoded.indices, np.int32), lengths)
    return rank(names.to_pylist(), codes)


def rank(names: Sequence[str], codes: NDArray[np.int32]) -> tuple[tuple[str, ...], Codes]:
    """Sorted distinct names and int32 codes into them, from names in any order and codes (n,) into those."""
    # UTF-8 bytes and code points order alike, so Python's order is also the order of Parquet statistics.
    ordered = sorted(set(names))
    if ordered == list(names):
        return tuple(ordered), codes.astype(np.int32, copy=False)
    place = {name: number for number, name in enumerate(ordered)}
    translation = np.array([place[name] for name in names], np.int32)
    return tuple(ordered), translation[codes]


def _instants(column: pa.ChunkedArray) -> Instants:
    kind = column.type
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        raise InvalidObservations(f"column 'time' must be a timestamp, not {kind}", "time", str(kind), ["timestamp"])
    if column.null_count:
        raise InvalidObservations("column 'time' has rows without a value", "time")
    try:
        if pa.types.is_timestamp(kind) and kind.unit == "ns":
            # Floored, not cut towards zero: before 1970 a cut would move instants forward.
            return _in_range(np.floor_divide(to_numpy(flat(column).view(pa.int64()), np.int64), 1000, dtype=np.int64))
        zone = kind.tz if pa.types.is_timestamp(kind) else None
        return _in_range(to_numpy(flat(column.cast(pa.timestamp("us", zone))).view(pa.int64()), np.int64))
    except pa.ArrowInvalid as fault:
        raise InvalidObservations(f"column 'time' does not fit: {fault}", "time", str(kind)) from fault


def _in_range(instants: Instants) -> Instants:
    if len(instants) and not FIRST_INSTANT <= instants.min() <= instants.max() <= LAST_INSTANT:
        raise InvalidObservations("column 'time' reaches beyond the years 1 to 9999", "time")
    return instants


def _values(column: pa.ChunkedArray) -> Values:
    kind = column.type
    number = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)
    if not (number or pa.types.is_decimal(kind)):
        raise InvalidObservations(f"column 'value' must be numbers, not {kind}", "value", str(kind), ["double"])
    values = to_numpy(flat(column.cast(pa.float64(), safe=False)), np.float64)
    infinite = np.isinf(values)
    if infinite.any():
        values = np.where(infinite, np.nan, values)
    return values
