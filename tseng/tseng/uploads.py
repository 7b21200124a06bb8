"""Observations on their way in: checked against the sensors' raw metrics, whole, before anything is written.

Two forms arrive. Rows of `{"sensorId", "timestamp", "values"}` come from devices, a few at a time; columns `sensor`,
`metric`, `time`, `value` come from importers and programs, millions at a time. Both leave as the same Arrow table.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tseng.errors import Fault, InvalidRequest, UnknownSensor
from tseng_units.instants import parse_instant

if TYPE_CHECKING:
    import pandas as pd

# Faults listed of one upload: a body of a hundred thousand bad rows must not become an answer ten times its size.
MOST_FAULTS = 1000

_TIME = pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    [
        ("sensor", pa.dictionary(pa.int32(), pa.string())),
        ("metric", pa.dictionary(pa.int32(), pa.string())),
        ("time", _TIME),
        ("value", pa.float64()),
    ]
)

# Of each sensor id: its raw metrics, or None where any metric may come (generic sensors); a sensor that is not there
# is left out.
Accepts = Callable[[Sequence[str]], Mapping[str, frozenset[str] | None]]


class Observation(msgspec.Struct, forbid_unknown_fields=True):
    """One row as devices send it (seed 003, Uploading Data): all three fields are mandatory."""

    sensorId: str
    timestamp: str
    values: dict[str, float | None]


def from_rows(rows: Sequence[Mapping[str, Any] | Observation], accepts: Accepts) -> pa.Table:
    """Check rows and turn them into a table of `SCHEMA`.

    Raises:
        InvalidRequest: wrong shape, bad timestamps or metrics a sensor does not have; every bad index is named.
        UnknownSensor: a sensor does not exist.
    """
    observations = _structs(rows)
    takes = _known([each.sensorId for each in observations], accepts)
    times = _times([each.timestamp for each in observations])
    counts = np.array([len(each.values) for each in observations], dtype=np.int64)
    sensors = pa.array([each.sensorId for each in observations], pa.string()).dictionary_encode()
    metrics = pa.array([name for each in observations for name in each.values], pa.string()).dictionary_encode()
    values = pa.array([value for each in observations for value in each.values.values()], pa.float64())
    row_of = np.repeat(np.arange(len(observations)), counts)
    table = pa.Table.from_arrays(
        [sensors.take(pa.array(row_of)), metrics, pa.array(times[row_of]).view(_TIME), values],
        schema=SCHEMA,
    )
    refused = (
        Fault(f"[{row_of[at]}].values", each.message) for each in _refused(table, takes) for at in each.positions
    )
    _refuse(islice(refused, MOST_FAULTS))
    return table


def from_columns(table: "pa.Table | pd.DataFrame", accepts: Accepts) -> pa.Table:
    """Check columns `sensor`, `metric`, `time`, `value` and cast them to `SCHEMA`.

    A time without zone is UTC; nanoseconds are cut to microseconds. NaN and infinities become null (missing).

    Raises:
        InvalidRequest: a column is absent or of the wrong type, a time is null, or a metric is not one of its sensor.
        UnknownSensor: a sensor does not exist.
    """
    table = table if isinstance(table, pa.Table) else pa.Table.from_pandas(table, preserve_index=False)
    absent = [
        Fault(name, f"the column is missing; there are: {', '.join(table.column_names)}")
        for name in SCHEMA.names
        if name not in table.column_names
    ]
    if absent:
        raise InvalidRequest(absent)
    table = pa.Table.from_arrays([_column(table[field.name], field) for field in SCHEMA], schema=SCHEMA)
    refused = [
        Fault(f"metric[{each.positions[0]}]", f"{each.message} ({len(each.positions)} rows)")
        for each in _refused(table, accepts)
    ]
    if refused:
        raise InvalidRequest(refused)
    return table


def _known(sensors: list[str], accepts: Accepts) -> Accepts:
    """Ask once what the sensors of all rows take; a row of an unknown sensor is refused even if it holds no value."""
    takes = accepts(sorted({*sensors}))
    at = [index for index, sensor in enumerate(sensors) if sensor not in takes]
    if at:
        raise UnknownSensor(sensors[at[0]], at=at)
    return lambda _: takes


def _refuse(faults: Iterable[Fault]) -> None:
    found = list(faults)
    if found:
        raise InvalidRequest(found)


def _structs(rows: Sequence[Mapping[str, Any] | Observation]) -> list[Observation]:
    try:
        return msgspec.convert(rows, list[Observation])
    except msgspec.ValidationError:
        faults = (fault for index, row in enumerate(rows) for fault in _row_faults(index, row))
        raise InvalidRequest(list(islice(faults, MOST_FAULTS))) from None


def _row_faults(index: int, row: object) -> list[Fault]:
    try:
        msgspec.convert(row, Observation)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        return [Fault(f"[{index}]{path.rstrip('`')}", message)]
    return []


def _times(texts: list[str]) -> NDArray[np.int64]:
    """Parse all at once where they share the usual form, else one by one to name the bad ones."""
    try:
        times: NDArray[np.int64] = pa.array(texts, pa.string()).cast(_TIME).cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        return _times_one_by_one(texts)
    return times


def _times_one_by_one(texts: list[str]) -> NDArray[np.int64]:
    times, faults = np.empty(len(texts), np.int64), []
    for index, text in enumerate(texts):
        try:
            times[index] = parse_instant(text)
        except ValueError as error:
            faults.append(Fault(f"[{index}].timestamp", str(error)))
    _refuse(faults[:MOST_FAULTS])
    return times


def _column(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    try:
        return _CASTS[field.name](column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise InvalidRequest.at(field.name, f"{column.type} does not become {field.type}: {error}") from None


def _ids(column: pa.ChunkedArray) -> pa.ChunkedArray:
    encoded = column if pa.types.is_dictionary(column.type) else column.cast(pa.string()).dictionary_encode()
    encoded = encoded.cast(SCHEMA.field("sensor").type).unify_dictionaries()
    if encoded.null_count:
        raise pa.ArrowInvalid("a row without an id")
    return encoded


def _instants(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_timestamp(column.type):
        raise pa.ArrowTypeError("a timestamp column is needed")
    if column.null_count:
        raise pa.ArrowInvalid("a row without a time")
    zoned = column if column.type.tz else column.cast(pa.timestamp(column.type.unit, "UTC"))
    return zoned.cast(_TIME, safe=False)


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    value = column.cast(pa.float64())
    finite = pc.is_finite(value)
    return value if pc.all(finite, skip_nulls=True).as_py() is not False else pc.if_else(finite, value, None)


_CASTS = {"sensor": _ids, "metric": _ids, "time": _instants, "value": _numbers}


@dataclass(frozen=True)
class _Refused:
    """One (sensor, metric) pair that may not be stored, and where in the table it stands."""

    message: str
    positions: NDArray[np.int64]


def _refused(table: pa.Table, accepts: Accepts) -> list[_Refused]:
    """Hold every (sensor, metric) pair of the table against what the sensor takes: pairs are few, rows are many."""
    if not table.num_rows:
        return []
    (sensor_codes, sensors), (metric_codes, metrics) = _codes(table["sensor"]), _codes(table["metric"])
    pair = sensor_codes.astype(np.int64) * len(metrics) + metric_codes
    present = [
        (int(code), sensors[code // len(metrics)], metrics[code % len(metrics)])
        for code in np.flatnonzero(np.bincount(pair))
    ]
    takes = accepts(sorted({sensor for _, sensor, _ in present}))
    unknown = [(code, sensor) for code, sensor, _ in present if sensor not in takes]
    if unknown:
        positions = np.flatnonzero(np.isin(pair, [code for code, _ in unknown]))
        raise UnknownSensor(unknown[0][1], at=positions.tolist())
    return [
        _Refused(_refusal(sensor, metric, takes[sensor]), np.flatnonzero(pair == code))
        for code, sensor, metric in present
        if not _taken(metric, takes[sensor])
    ]


def _codes(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], list[str]]:
    whole = column.combine_chunks()
    chunk = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    return chunk.indices.to_numpy(), chunk.dictionary.to_pylist()


def _taken(metric: str, allowed: frozenset[str] | None) -> bool:
    return metric != "" and (allowed is None or metric in allowed)


def _refusal(sensor: str, metric: str, allowed: frozenset[str] | None) -> str:
    if allowed is None:
        return f"{sensor} was sent a metric without a name"
    return f"{metric!r} is not a raw metric of {sensor}; it takes {', '.join(sorted(allowed))}"
