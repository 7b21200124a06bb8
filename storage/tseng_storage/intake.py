"""The door where tables become rows: the one place that decides what times, values and ids may come in.

Ids become integer codes here; a table of millions of rows is encoded by looking only where the id changes.
Times are held against the calendar before they are multiplied: afterwards what does not fit 64 bits would have wrapped.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tseng_storage.arrays import flat, to_numpy, validity
from tseng_storage.errors import InvalidObservations
from tseng_storage.observations import Codes, Instants, Rows, Values, rank

COLUMNS = ("sensor", "metric", "time", "value")

ID_LENGTH = 1000
"""Characters that the id of a sensor or metric may have."""

FIRST_INSTANT = -62_135_596_800_000_000
LAST_INSTANT = 253_402_300_799_999_999
"""The years 1 to 9999, which all readers of the files can show: epoch us of 0001-01-01 and before 10000-01-01."""

_FEW = 10_000
_DAY = 86_400_000_000
_MICROSECONDS = {"s": 1_000_000, "ms": 1000, "us": 1}


def normalise(table: pa.Table) -> Rows:
    """Rows of an input table in the order given, not yet received.

    Columns sensor and metric are text (plain or dictionary); time is any timestamp (without zone it is UTC, nanoseconds
    go down to the microsecond below) or date; value is a number (null, NaN and infinities are missing).

    InvalidObservations names the column at fault, and the first row where it is not the column as a whole.
    """
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise InvalidObservations(f"column {missing[0]!r} is missing", missing[0], table.column_names, COLUMNS)
    sensors, sensor = _codes(table.column("sensor"), "sensor")
    metrics, metric = _codes(table.column("metric"), "metric")
    later = np.broadcast_to(np.int64(0), table.num_rows)
    instants, values = _instants(table.column("time")), _values(table.column("value"))
    return Rows(sensors, metrics, sensor, metric, instants, values, later, later)


def assembled(
    sensors: tuple[Sequence[str], Codes], metrics: tuple[Sequence[str], Codes], time: Instants, value: Values
) -> Rows:
    """As `normalise`, of columns that are no table: what Arrow takes to hold a few values costs more than storing them.

    `sensors`, `metrics`: names in any order, and the code of each row, int32 (n,), into them; `time`: epoch us.
    """
    for name, (words, codes) in (("sensor", sensors), ("metric", metrics)):
        _refuse_unfit(name, words, codes)
    later = np.broadcast_to(np.int64(0), len(time))
    (sensor_ids, sensor), (metric_ids, metric) = rank(*sensors), rank(*metrics)
    return Rows(sensor_ids, metric_ids, sensor, metric, _multiplied(time, 1), _finite(value), later, later)


def _refuse(column: str, bad: NDArray[np.bool_], reason: str) -> None:
    """InvalidObservations that names the first row of `bad`, (n,), unless there is none."""
    rows = np.flatnonzero(bad)
    if not len(rows):
        return
    more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
    message = f"column {column!r}, row {rows[0]}{more}: {reason}"
    raise InvalidObservations(message, column, row=int(rows[0]), count=len(rows))


def _refuse_nulls(column: str, array: pa.Array) -> None:
    valid = validity(array)
    if valid is not None:
        _refuse(column, ~valid, "no value")


def _codes(column: pa.ChunkedArray, name: str) -> tuple[tuple[str, ...], Codes]:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise InvalidObservations(
            f"column {name!r} must be text, not {column.type}", name, str(column.type), ["string"]
        )  # fmt: skip
    array = flat(column)
    _refuse_nulls(name, array)
    words, codes = _words(array)
    _refuse_words(name, codes, [word is None for word in words], "no value")
    _refuse_unfit(name, words, codes)
    return rank([word or "" for word in words], codes)


def _refuse_unfit(column: str, words: Sequence[str | None], codes: Codes) -> None:
    # Parquet writes no bounds for longer text, and without bounds nothing could be found.
    unfit = [word is not None and not 1 <= len(word) <= ID_LENGTH for word in words]
    _refuse_words(column, codes, unfit, f"an id has 1 to {ID_LENGTH} characters")


def _refuse_words(column: str, codes: Codes, unfit: Sequence[bool], reason: str) -> None:
    """Refuse the rows whose word is `unfit`; a dictionary may also hold words that no row uses."""
    if any(unfit):
        _refuse(column, np.array(unfit)[codes], reason)


def _words(array: pa.Array) -> tuple[list[str | None], Codes]:
    """Words in any order, and the code of each row into them."""
    if pa.types.is_dictionary(array.type):
        return array.dictionary.to_pylist(), to_numpy(array.indices.cast(pa.int32()), np.int32)
    if len(array) < _FEW:
        encoded = array.dictionary_encode()
        return encoded.dictionary.to_pylist(), to_numpy(encoded.indices, np.int32)
    if pa.types.is_string_view(array.type):
        array = array.cast(pa.string())
    # Runs first: a table sorted by sensor has a thousand of them where it has millions of rows.
    runs = pc.run_end_encode(array)
    encoded = runs.values.dictionary_encode()
    lengths = np.diff(to_numpy(runs.run_ends, np.int32), prepend=0)
    return encoded.dictionary.to_pylist(), np.repeat(to_numpy(encoded.indices, np.int32), lengths)


def _instants(column: pa.ChunkedArray) -> Instants:
    kind = column.type
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        raise InvalidObservations(f"column 'time' must be a timestamp, not {kind}", "time", str(kind), ["timestamp"])
    array = flat(column)
    _refuse_nulls("time", array)
    if pa.types.is_date32(kind):
        return _multiplied(to_numpy(array.view(pa.int32()), np.int32).astype(np.int64), _DAY)
    # With a zone or without, Arrow counts in UTC.
    counts = to_numpy(array.view(pa.int64()), np.int64)
    unit = "ms" if pa.types.is_date64(kind) else kind.unit
    if unit == "ns":
        # Floored, not cut towards zero: before 1970 a cut would move instants forward.
        return np.floor_divide(counts, 1000, dtype=np.int64)
    return _multiplied(counts, _MICROSECONDS[unit])


def _multiplied(counts: NDArray[np.int64], factor: int) -> Instants:
    """Epoch us of `counts`, int64 (n,), each of `factor` us; InvalidObservations beyond the years 1 to 9999."""
    first, last = FIRST_INSTANT // factor, LAST_INSTANT // factor
    if len(counts) and not first <= counts.min() <= counts.max() <= last:
        _refuse("time", (counts < first) | (counts > last), "beyond the years 1 to 9999")
    return counts if factor == 1 else counts * factor


def _values(column: pa.ChunkedArray) -> Values:
    kind = column.type
    number = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)
    if not (number or pa.types.is_decimal(kind)):
        raise InvalidObservations(f"column 'value' must be numbers, not {kind}", "value", str(kind), ["double"])
    return _finite(to_numpy(flat(column.cast(pa.float64(), safe=False)), np.float64))


def _finite(values: Values) -> Values:
    infinite = np.isinf(values)
    return np.where(infinite, np.nan, values) if infinite.any() else values
