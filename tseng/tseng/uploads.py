"""Observations on their way in: checked against the sensors' raw metrics, whole, before anything is written.

Two forms arrive. Rows of `{"sensorId", "timestamp", "values"}` come from devices, a few at a time; columns `sensor`,
`metric`, `time`, `value` come from importers and programs, millions at a time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tseng.errors import MOST_FAULTS, Fault, InvalidRequest, UnknownSensor
from tseng.ids import fault_of_metric
from tseng_storage.arrays import strings, to_numpy
from tseng_storage.intake import assembled
from tseng_storage.observations import Rows
from tseng_units.instants import MAX_US, MIN_US, parse_instant

if TYPE_CHECKING:
    import pandas as pd

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


# The garbage collector need not look at rows that hold text and numbers alone: with fifty thousand of them it took
# two thirds of the time that decoding takes.
class Observation(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One row as devices send it (seed 003, Uploading Data): all three fields are mandatory."""

    sensorId: str
    timestamp: str
    values: dict[str, float | None]


def from_rows(rows: list[Any], accepts: Accepts) -> Rows:
    """Check rows and turn them into what the store keeps.

    Raises:
        InvalidRequest: wrong shapes, bad timestamps or metrics that a sensor does not have; every bad index is named.
        UnknownSensor: nothing else is wrong, but sensors do not exist; every such row is named.
    """
    faults: _Faults = []
    at, observations = _structs(rows, faults)
    times = _times([each.timestamp for each in observations], at, faults)
    row_of = np.repeat(np.arange(len(observations)), [len(each.values) for each in observations])
    ids, sensor = numbered([each.sensorId for each in observations])
    metrics = numbered([name for each in observations for name in each.values])
    takes = accepts(sorted(ids))
    for refused in _refused((ids, sensor[row_of]), metrics, takes):
        faults += [(at[row_of[cell]], Fault("values", refused.message)) for cell in refused.positions[:MOST_FAULTS]]
    unknown = [(row, each.sensorId) for row, each in zip(at, observations, strict=True) if each.sensorId not in takes]
    if unknown and not faults:
        raise UnknownSensor.in_rows(unknown, "[{}].sensorId")
    _refuse(faults + [(row, Fault("sensorId", f"there is no sensor {sensor!r}")) for row, sensor in unknown])
    values = [value for each in observations for value in each.values.values()]
    return assembled((ids, sensor[row_of]), metrics, times[row_of], np.array(values, np.float64))  # None becomes NaN


# Different names, and int32 (n,): which of them stands in each row.
Named = tuple[list[str], NDArray[np.int32]]


def numbered(names: Sequence[str]) -> Named:
    """Return each different name once, in order of appearance, and (n,) where each of `names` stands among them."""
    found: dict[str, int] = {}
    codes = np.array([found.setdefault(name, len(found)) for name in names], np.int32)
    return list(found), codes


def from_columns(table: "pa.Table | pd.DataFrame", accepts: Accepts) -> pa.Table:
    """Check columns `sensor`, `metric`, `time`, `value`; ids become dictionaries and values float64.

    Times stay as they are: what they mean, the store decides for every door (naive is UTC, finer than a microsecond is
    cut). NaN and infinities become null (missing).

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
    checked = pa.table({field.name: _column(table[field.name], field) for field in SCHEMA})
    takes = accepts(sorted(checked["sensor"].unique().to_pylist()))
    unknown = [sensor for sensor in checked["sensor"].unique().to_pylist() if sensor not in takes]
    if unknown:
        rows = [(_first_row(checked["sensor"], sensor), sensor) for sensor in unknown]
        raise UnknownSensor.in_rows(rows, "sensor[{}]")
    refused = [
        Fault(f"metric[{each.positions[0]}]", f"{each.message} ({len(each.positions)} rows)")
        for each in _refused(_codes(checked["sensor"]), _codes(checked["metric"]), takes)
    ]
    if refused:
        raise InvalidRequest(refused)
    return checked


def _first_row(sensors: pa.ChunkedArray, sensor: str) -> int:
    return int(pc.index(sensors.cast(pa.string()), sensor).as_py())


# How msgspec writes a key of a map, and what a value may be.
_ANY = "[...]"
_NUMBERS = (int, float, np.integer, np.floating, type(None))

# Row number and fault; the fault's path is what follows the row.
_Faults = list[tuple[int, Fault]]


def _refuse(faults: _Faults) -> None:
    if faults:
        named = sorted(faults, key=lambda fault: fault[0])[:MOST_FAULTS]
        raise InvalidRequest(
            [Fault(f"[{row}]{'.' if fault.path else ''}{fault.path}", fault.message) for row, fault in named]
        )


def _structs(rows: list[Any], faults: _Faults) -> tuple[list[int], list[Observation]]:
    """Decode all at once where all are well formed, else one by one; the rows that are, with their numbers."""
    try:
        return list(range(len(rows))), msgspec.convert(rows, list[Observation])
    except msgspec.ValidationError:
        decoded = {index: each for index, row in enumerate(rows) if (each := _struct(index, row, faults)) is not None}
    return list(decoded), list(decoded.values())


def _struct(index: int, row: object, faults: _Faults) -> Observation | None:
    try:
        return msgspec.convert(_plain(row), Observation)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        faults.append((index, Fault(_named(path.rstrip("`").lstrip("."), row), message)))
        # A body of millions of bad rows is refused at once, not after a list of them all is made.
        if len(faults) >= MOST_FAULTS:
            _refuse(faults)
        return None


def _named(path: str, row: object) -> str:
    """The path of a fault, with the metric where it says only that one of the values is wrong."""
    if not path.endswith(_ANY) or not isinstance(row, Mapping):
        return path
    odd = (name for name, value in row["values"].items() if isinstance(value, bool) or not isinstance(value, _NUMBERS))
    return path.removesuffix(_ANY) + "".join(f".{name}" for name in islice(odd, 1))


def _plain(row: object) -> object:
    """Python's own rows may hold datetimes and numpy's numbers: the same in plain types."""
    if not isinstance(row, Mapping):
        return row
    plain = dict(row)
    if isinstance(plain.get("timestamp"), datetime):
        stamp: datetime = plain["timestamp"]
        plain["timestamp"] = (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).isoformat()
    if isinstance(plain.get("values"), Mapping):
        numbers = (np.floating, np.integer)
        plain["values"] = {name: float(v) if isinstance(v, numbers) else v for name, v in plain["values"].items()}
    return plain


# The form that nearly every device sends: parsed a column at a time. Any other goes one by one, and so do few: Arrow's
# regular expression and casts cost as much as two dozen times, and many times that where a server was idle before.
_FEW = 24
_USUAL = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$"


def _times(texts: list[str], at: Sequence[int], faults: _Faults) -> NDArray[np.int64]:
    """Microseconds since 1970 UTC of each text; the bad ones are 0 and become faults."""
    if len(texts) <= _FEW:
        return _times_one_by_one(texts, at, faults)
    written = strings(texts)
    if pc.all(pc.match_substring_regex(written, _USUAL)).as_py() is True:
        try:
            times: NDArray[np.int64] = to_numpy(written.cast(_TIME), np.int64)
        except pa.ArrowInvalid:
            return _times_one_by_one(texts, at, faults)
        if times.min() >= MIN_US and times.max() <= MAX_US:
            return times
    return _times_one_by_one(texts, at, faults)


def _times_one_by_one(texts: list[str], at: Sequence[int], faults: _Faults) -> NDArray[np.int64]:
    times = np.zeros(len(texts), np.int64)
    for index, text in enumerate(texts):
        try:
            times[index] = parse_instant(text)
        except ValueError as error:
            faults.append((at[index], Fault("timestamp", str(error))))
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
    return column


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    # Unsafe, but only for integers beyond 2**53: they become the nearest float64.
    value = column.cast(pa.float64(), safe=False)
    finite = pc.is_finite(value)
    return value if pc.all(finite, skip_nulls=True).as_py() is not False else pc.if_else(finite, value, None)


_CASTS = {"sensor": _ids, "metric": _ids, "time": _instants, "value": _numbers}


@dataclass(frozen=True)
class _Refused:
    """One (sensor, metric) pair that may not be stored, and where in the table it stands."""

    message: str
    positions: NDArray[np.int64]


def _refused(sensor_column: Named, metric_column: Named, takes: Mapping[str, frozenset[str] | None]) -> list[_Refused]:
    """Hold every (sensor, metric) pair of the rows against what the sensor takes: pairs are few, rows are many."""
    (sensors, sensor_codes), (metrics, metric_codes) = sensor_column, metric_column
    pair = sensor_codes.astype(np.int64) * len(metrics) + metric_codes
    present = ((int(code), *divmod(int(code), len(metrics))) for code in np.flatnonzero(np.bincount(pair)))
    named = ((code, sensors[sensor], metrics[metric]) for code, sensor, metric in present)
    return [
        _Refused(_refusal(sensor, metric, takes[sensor]), np.flatnonzero(pair == code))
        for code, sensor, metric in named
        if sensor in takes and not _taken(metric, takes[sensor])
    ]


def _codes(column: pa.ChunkedArray) -> Named:
    whole = column.combine_chunks()
    chunk = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    return chunk.dictionary.to_pylist(), to_numpy(chunk.indices, np.int32)


def _taken(metric: str, allowed: frozenset[str] | None) -> bool:
    return metric in allowed if allowed is not None else fault_of_metric(metric) is None


def _refusal(sensor: str, metric: str, allowed: frozenset[str] | None) -> str:
    if allowed is None:
        return fault_of_metric(metric) or ""
    return f"{metric!r} is not a raw metric of {sensor}; it takes {', '.join(sorted(allowed))}"
