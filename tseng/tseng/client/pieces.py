"""Uploads as requests: JSON of a bounded number of rows and bytes each.

Rows are encoded as they are. A table is written column by column, with no Python per row: each id and metric once as
JSON, times and numbers by the kernels that also write answers, and Arrow joins them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tseng.errors import InvalidRequest
from tseng.requests import iso, plain
from tseng.text import iso_times, numbers, rows
from tseng.uploads import Observation, from_columns
from tseng_storage.intake import normalise
from tseng_storage.observations import Rows

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any] | Observation


class Piece(NamedTuple):
    """One request: the rows of the caller from `first` on, how many, and the body that holds them."""

    first: int
    rows: int
    body: bytes


def of_rows(observations: Iterable[Row], most_rows: int, most_bytes: int) -> Iterator[Piece]:
    """Cut rows into pieces of at most so many rows and, unless a single row is larger, so many bytes.

    Raises:
        InvalidRequest: a row that JSON cannot hold; it is named by its index.
    """
    left, first = iter(observations), 0
    while taken := list(islice(left, most_rows)):
        yield from _bounded(first, len(taken), partial(_encoded, taken, first), most_bytes)
        first += len(taken)


def of_table(table: "pa.Table | pd.DataFrame", most_rows: int, most_bytes: int) -> Iterator[Piece]:
    """Cut columns `sensor`, `metric`, `time`, `value` into pieces likewise, one observation for each row.

    Raises:
        InvalidRequest, tseng_storage.errors.InvalidObservations: as of `Engine.upload_table`, but for what only the
            server knows: which sensors there are, and what they take.
    """
    columns = normalise(from_columns(table, lambda sensors: dict.fromkeys(sensors)))
    sensors, metrics = _words(columns.sensors), _words(columns.metrics)
    for first in range(0, len(columns), most_rows):
        part = columns.take(slice(first, first + most_rows))
        yield from _bounded(first, len(part), partial(_written, part, sensors, metrics), most_bytes)


def _bounded(first: int, count: int, write: Callable[[int, int], bytes], most_bytes: int) -> Iterator[Piece]:
    """The rows from `first` on as one piece, or halved until the pieces are small enough; `write` counts from 0."""
    waiting = [(0, count)]
    while waiting:
        start, stop = waiting.pop()
        body = write(start, stop)
        if len(body) <= most_bytes or stop - start == 1:
            yield Piece(first + start, stop - start, body)
        else:
            middle = (start + stop) // 2
            waiting += [(middle, stop), (start, middle)]


def _encoded(taken: Sequence[Row], first: int, start: int, stop: int) -> bytes:
    try:
        return _JSON.encode({"observations": taken[start:stop]})
    except (TypeError, ValueError):
        for index in range(start, stop):
            _check(taken[index], first + index)
        raise


def _check(row: Row, index: int) -> None:
    try:
        _JSON.encode(row)
    except (TypeError, ValueError) as error:
        raise InvalidRequest.at(f"observations[{index}]", str(error)) from None


def _plain(value: object) -> object:
    """What a row may hold and JSON has no form for: times and numbers of numpy and pandas, other mappings."""
    if isinstance(value, np.datetime64 | datetime):
        return iso(value)
    if isinstance(value, np.generic | Mapping):
        return plain(value)
    raise TypeError(f"JSON has no form for {type(value).__name__}")


_JSON = msgspec.json.Encoder(enc_hook=_plain)


def _words(names: Sequence[str]) -> pa.Array:
    """Names as JSON strings."""
    return pa.array([msgspec.json.encode(name) for name in names], pa.binary())


def _written(part: Rows, sensors: pa.Array, metrics: pa.Array, start: int, stop: int) -> bytes:
    """One observation for each row; a missing value goes as null."""
    part = part.take(slice(start, stop))
    values = pc.if_else(np.isnan(part.value), b"null", numbers(part.value))
    # Without decimals it would be read as a whole number, which has no such zero.
    values = pc.if_else((part.value == 0) & np.signbit(part.value), b"-0.0", values)
    times = iso_times(part.time, b',"timestamp":"', b'Z","values":{')
    members = (sensors.take(part.sensor), times, metrics.take(part.metric), b":", values)
    return b"".join((b'{"observations":[', rows(b'{"sensorId":', *members, b"}},")[:-1], b"]}"))
