"""How much a project holds, and in which month it came in.

An observation belongs to the month in which it was received, and of the bytes of its file it has as much a share as
every other row. Of a segment the footer says when its row groups were received; only of those that span several months
that one column is read, and what was found is kept, as segments never change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from tseng_storage.arrays import to_numpy
from tseng_storage.cache import BoundedCache
from tseng_storage.layout import Layout
from tseng_storage.observations import Instants
from tseng_storage.segments import SCHEMA, Segment

_REMEMBERED = 100_000
_RECEIVED = SCHEMA.get_field_index("received")


class Month(NamedTuple):
    """What came in in one month (`YYYY-MM`, UTC) and is still there; `bytes` are those on disk."""

    month: str
    observations: int
    bytes: int


@dataclass(frozen=True)
class Usage:
    """What a project holds: raw values of all versions that are kept, missing ones too, and their bytes on disk.

    `months` are those in which any of it came in, ascending; they add up to the whole.
    """

    observations: int
    bytes: int
    months: tuple[Month, ...] = ()


class Meter:
    """Counts what segments hold; thread-safe."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._found = BoundedCache[tuple[Month, ...]](_REMEMBERED)

    def usage(self, segments: Iterable[Segment], uploads: Iterable[tuple[int, int, int]]) -> Usage:
        """What segments hold, and uploads in the log: received [epoch us], values and bytes of each."""
        values, sizes = Counter[str](), Counter[str]()
        waiting = (Month(_month(received), rows, size) for received, rows, size in uploads)
        for each in (*(month for segment in segments for month in self._months(segment)), *waiting):
            values[each.month] += each.observations
            sizes[each.month] += each.bytes
        months = tuple(Month(month, values[month], sizes[month]) for month in sorted(values))
        return Usage(values.total(), sizes.total(), months)

    def _months(self, segment: Segment) -> tuple[Month, ...]:
        found = self._found.get(segment.name)
        if found is None:
            found = _shared(_received(self._layout, segment), segment)
            self._found.put(segment.name, found, 1)
        return found


def _received(layout: Layout, segment: Segment) -> Mapping[str, int]:
    """Rows of a segment by the month in which they were received."""
    counts = Counter[str]()
    with pq.ParquetFile(layout.segment(segment.name)) as file:
        for number in range(file.metadata.num_row_groups):
            group = file.metadata.row_group(number)
            bounds = group.column(_RECEIVED).statistics
            months = {f"{date:%Y-%m}" for date in (bounds.min, bounds.max)}
            if len(months) == 1:
                counts[months.pop()] += group.num_rows
            else:
                received: Instants = to_numpy(
                    file.read_row_group(number, columns=["received"])["received"].combine_chunks(), np.int64
                )
                numbers, each = np.unique(received.view("M8[us]").astype("M8[M]"), return_counts=True)
                counts.update(dict(zip(numbers.astype(str).tolist(), each.tolist(), strict=True)))
    return counts


def _shared(counts: Mapping[str, int], segment: Segment) -> tuple[Month, ...]:
    """The bytes of a segment by month, in whole ones that add up."""
    rows = sorted(counts.items())
    ends = [segment.size * upto // segment.rows for upto in accumulate((count for _, count in rows), initial=0)]
    sizes = (end - start for start, end in pairwise(ends))
    return tuple(Month(month, count, size) for (month, count), size in zip(rows, sizes, strict=True))


def _month(received: int) -> str:
    return str(np.datetime64(received, "us").astype("M8[M]"))
