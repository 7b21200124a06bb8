"""The one form every parser yields: a table of readings as the file has them, in the file's units, in file order."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_WORD = pa.dictionary(pa.int32(), pa.string())

SCHEMA = pa.schema(
    [
        ("sensor", _WORD),
        ("metric", _WORD),
        ("unit", _WORD),
        ("time", pa.timestamp("us", "UTC")),
        ("value", pa.float64()),
    ]
)
"""`unit` is the text of the file: null where the file says nothing, empty where it leaves the unit blank."""


def words(text: str | None, count: int) -> pa.DictionaryArray:
    """One word repeated, as a dictionary column of `count` rows; None makes nulls."""
    if text is None:
        return pa.nulls(count, _WORD)
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), pa.array([text], pa.string()))


def encoded(column: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    """A column of text as a dictionary column."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return (
        column.cast(pa.string()).dictionary_encode() if not pa.types.is_dictionary(column.type) else column.cast(_WORD)
    )


def table(
    sensor: pa.DictionaryArray,
    metric: pa.DictionaryArray,
    unit: pa.DictionaryArray,
    time: NDArray[np.int64],
    value: NDArray[np.float64],
    keep: NDArray[np.bool_] | None = None,
) -> pa.Table:
    """Put columns together.

    Args:
        sensor: dictionary column, n rows.
        metric: dictionary column, n rows.
        unit: dictionary column, n rows.
        time: int64 microseconds since 1970 UTC, shape (n,).
        value: float64, shape (n,).
        keep: rows to keep, bool, shape (n,); None keeps all.

    Returns:
        Table of `SCHEMA`.
    """
    columns = [sensor, metric, unit, pa.array(time).view(pa.timestamp("us", "UTC")), pa.array(value)]
    whole = pa.Table.from_arrays(columns, schema=SCHEMA)
    return whole if keep is None or bool(keep.all()) else whole.filter(pa.array(keep))
