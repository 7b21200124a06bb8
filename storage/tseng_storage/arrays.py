"""Between numpy and Arrow without copies, by way of buffers.

Arrow's own converters look for pandas objects in whatever they are given and import pandas to do so: a third of a
second in a process that never meets one. They also cost more per call than small uploads can bear.
"""

from array import array as packed
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", np.int32, np.int64, np.float64)


def to_arrow(values: NDArray[Any], kind: pa.DataType, valid: NDArray[np.bool_] | None = None) -> pa.Array:
    """A primitive Arrow array over the memory of `values` (n,), null where not `valid`.

    `kind` is of the same width as the dtype: int64 may become a timestamp.
    """
    values = np.ascontiguousarray(values)
    bits = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [bits, pa.py_buffer(values)])


def to_numpy(array: pa.Array, dtype: type[Scalar]) -> NDArray[Scalar]:
    """The values of a primitive Arrow array of that very width, (n,), not writable where shared; null is NaN."""
    _, data = array.buffers()
    if data is None:
        return np.zeros(0, dtype)
    values: NDArray[Scalar] = np.frombuffer(data, dtype)[array.offset : array.offset + len(array)]
    valid = validity(array)
    if valid is None:
        return values
    if not issubclass(dtype, np.floating):
        raise ValueError("nulls among whole numbers")
    return np.where(valid, values, dtype(np.nan))


def validity(array: pa.Array) -> NDArray[np.bool_] | None:
    """bool, (n,): where an Arrow array is not null; None where it never is."""
    bits = array.buffers()[0]
    if bits is None or not array.null_count:
        return None
    valid = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")[array.offset : array.offset + len(array)]
    return valid.view(np.bool_)


def strings(words: Sequence[str]) -> pa.Array:
    """A string array of `words`."""
    encoded = [word.encode() for word in words]
    offsets = packed("i", accumulate(map(len, encoded), initial=0))
    return pa.StringArray.from_buffers(len(words), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))


def dictionary(names: Sequence[str], codes: NDArray[np.int32]) -> pa.DictionaryArray:
    """A dictionary array of `codes` (n,) into `names`, holding only those names that occur."""
    if len(names) == 1 and len(codes):  # as most devices send
        return pa.DictionaryArray.from_arrays(to_arrow(codes, pa.int32()), strings(names))
    low, high = (int(codes.min()), int(codes.max())) if len(codes) else (0, -1)
    names, codes = names[low : high + 1], codes - np.int32(low)
    used = np.zeros(len(names), np.bool_)
    used[codes] = True
    if not used.all():
        names = [names[place] for place in np.flatnonzero(used).tolist()]
        codes = (np.cumsum(used, dtype=np.int32) - np.int32(1))[codes]
    return pa.DictionaryArray.from_arrays(to_arrow(codes, pa.int32()), strings(names))


def flat(column: pa.ChunkedArray) -> pa.Array:
    """The one array behind a column, copied together only where there are several."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
