"""Whole columns as text: ISO times and shortest-form numbers, with no Python per point.

An ISO time is cut from three tables (days, seconds of the day, milliseconds) straight into a fixed-width record, so a
million of them cost three table look-ups and one join with the numbers. That join leaves all rows one after another in
one Arrow data buffer, and that buffer is the text that goes out.
"""

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tseng_storage.arrays import to_arrow

_US_PER_DAY = 86_400_000_000


@cache
def _seconds_of_day() -> NDArray[np.bytes_]:
    return np.array([f"T{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}." for s in range(86_400)], dtype="S10")


@cache
def _three_digits() -> NDArray[np.bytes_]:
    return np.array([f"{n:03}" for n in range(1000)], dtype="S3")


def _days(day: NDArray[np.int64]) -> NDArray[np.bytes_]:
    """Text `2017-03-01` of each day number; ascending days repeat, so only the distinct ones are formatted."""
    first, last = int(day.min()), int(day.max())
    if last - first > len(day) + 1000:
        return np.datetime_as_string(day.view("datetime64[D]")).astype("S10")
    table = np.datetime_as_string(np.arange(first, last + 1).view("datetime64[D]")).astype("S10")
    return table[day - first]


def _records(time: NDArray[np.int64], before: bytes, after: bytes, *, micros: bool) -> pa.Array:
    """Text `{before}2017-03-01T22:00:00.000{after}` per time, as one Arrow binary array over one buffer."""
    day, rest = np.divmod(time, _US_PER_DAY)
    second, fraction = np.divmod(rest, 1_000_000)
    parts = [("before", f"S{len(before)}")] if before else []
    parts += [("day", "S10"), ("second", "S10"), ("ms", "S3")]
    parts += [("us", "S3")] if micros else []
    out = np.empty(len(time), dtype=[*parts, ("after", f"S{len(after)}")])
    if before:
        out["before"] = before
    out["day"], out["second"], out["after"] = _days(day), _seconds_of_day()[second], after
    out["ms"] = _three_digits()[fraction // 1000]
    if micros:
        out["us"] = _three_digits()[fraction % 1000]
    width = out.dtype.itemsize
    offsets = np.arange(0, (len(time) + 1) * width, width, dtype=np.int32)
    return pa.Array.from_buffers(pa.binary(), len(time), [None, pa.py_buffer(offsets), pa.py_buffer(out)])


def iso_times(time: NDArray[np.int64], before: bytes, after: bytes) -> pa.Array:
    """Write times between two pieces of text.

    Args:
        time: int64 microseconds since 1970 UTC, shape (n,), years 0001 to 9999.
        before: put before each time.
        after: put after each time, at least one byte; it starts with the `Z`.

    Returns:
        Arrow binary array of n texts with milliseconds; six digits only where the microseconds are not zero.
    """
    odd = time % 1000 != 0
    if not odd.any():
        return _records(time, before, after, micros=False)
    return pc.if_else(
        pa.array(odd), _records(time, before, after, micros=True), _records(time, before, after, micros=False)
    )


def numbers(value: NDArray[np.float64]) -> pa.Array:
    """Shortest decimal text of each float64 (it reads back to the same bits), as an Arrow binary array."""
    return to_arrow(value, pa.float64()).cast(pa.string()).cast(pa.binary())


def rows(*columns: pa.Array | bytes) -> memoryview:
    """Join text columns row by row, bytes being the same in each row, and return all rows as one buffer."""
    joined = pc.binary_join_element_wise(*columns, b"")
    if isinstance(joined, pa.ChunkedArray):
        joined = joined.combine_chunks()
    start, stop = joined.offset, joined.offset + len(joined)
    offsets = np.frombuffer(joined.buffers()[1], dtype=np.int32)
    return memoryview(joined.buffers()[2])[offsets[start] : offsets[stop]]
