"""Segments: Parquet files of observations sorted by (sensor, metric, time, seq), written once and never changed.

A segment is named by the hash of its content. Writing the same rows twice gives the same file, so an interrupted flush
that is done again leaves nothing behind, and a name that does not match its bytes is damage.

A row group ends where a series ends, unless one series alone is longer: a reader of one series then decodes one group.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tseng_storage.arrays import dictionary, to_arrow
from tseng_storage.files import HashingFile, make_folder, sync_folder
from tseng_storage.layout import Layout, segment_name
from tseng_storage.observations import MICROSECONDS, Codes, Rows
from tseng_storage.ordering import Point, point_at, same_point

NAMES = pa.dictionary(pa.int32(), pa.string())

SCHEMA = pa.schema([
    pa.field("sensor", NAMES, nullable=False),
    pa.field("metric", NAMES, nullable=False),
    pa.field("time", MICROSECONDS, nullable=False),
    pa.field("value", pa.float64()),
    pa.field("received", MICROSECONDS, nullable=False),
    pa.field("seq", pa.int64(), nullable=False),
])  # fmt: skip

FACTS = "tseng"
"""Footer key of what is known of a segment's rows beyond statistics: `Facts` as JSON."""

BOUNDS = ("sensor", "metric", "time", "seq")


@dataclass(frozen=True)
class Facts:
    """Of a segment's rows: the `first` and `last` point, and whether some point has `several` versions.

    Boxes of two neighbours overlap where a cut went through a sensor; first and last point tell them apart.
    """

    first: Point
    last: Point
    several: bool

    def apart(self, other: Facts) -> bool:
        """Whether all points of one lie before all points of the other."""
        return self.last < other.first or other.last < self.first


@dataclass(frozen=True)
class Box:
    """The smallest and largest of each bounded column; sensor and metric as text, time in epoch us."""

    sensor: tuple[str, str]
    metric: tuple[str, str]
    time: tuple[int, int]
    seq: tuple[int, int]

    def overlaps(self, other: Box) -> bool:
        """Whether both may hold the same point (sensor, metric, time)."""
        names = ((self.sensor, other.sensor), (self.metric, other.metric))
        times = self.time[0] <= other.time[1] and other.time[0] <= self.time[1]
        return times and all(mine[0] <= its[1] and its[0] <= mine[1] for mine, its in names)


@dataclass(frozen=True)
class Segment:
    """One file as recorded in its commit: path relative to the store, bytes, rows, box."""

    name: str
    project: str
    size: int
    rows: int
    box: Box
    nulls: int = 0

    @property
    def digest(self) -> str:
        """The start of the content's SHA-256 that the file is named by."""
        return self.name.rpartition("/")[2].removesuffix(".parquet")

    def stats(self) -> str:
        """The statistics of a Delta Lake Add action, JSON."""
        low = {name: _shown(name, getattr(self.box, name)[0]) for name in BOUNDS}
        high = {name: _shown(name, getattr(self.box, name)[1]) for name in BOUNDS}
        counts = {"value": self.nulls}
        return json.dumps({"numRecords": self.rows, "minValues": low, "maxValues": high, "nullCount": counts})


def box_of(rows: Rows) -> Box:
    """The box of at least one row."""

    def ends(names: tuple[str, ...], codes: Codes) -> tuple[str, str]:
        return names[int(codes.min())], names[int(codes.max())]

    return Box(
        ends(rows.sensors, rows.sensor),
        ends(rows.metrics, rows.metric),
        (int(rows.time.min()), int(rows.time.max())),
        (int(rows.seq.min()), int(rows.seq.max())),
    )


class SegmentWriter:
    """Writes one segment from sorted rows in several calls; `close` syncs and names it, `abandon` drops it.

    `group_rows`: rows of a row group. Each call's rows must sort after those of the call before.
    """

    def __init__(self, layout: Layout, project: str, group_rows: int) -> None:
        self._layout, self._project, self._group_rows = layout, project, group_rows
        self._folder = layout.segment(segment_name(project, "")).parent
        make_folder(self._folder)
        self._partial = self._folder / f"_{uuid.uuid4().hex}.tmp"
        self._sink = HashingFile(self._partial)
        self._writer: pq.ParquetWriter | None = None
        self._boxes: list[Box] = []
        self._nulls = 0
        self._facts: Facts | None = None
        self.rows = 0

    def write(self, rows: Rows) -> None:
        """Append sorted rows."""
        if not len(rows):
            return
        missing = np.isnan(rows.value)
        nulls = int(np.count_nonzero(missing))
        if self._writer is None:
            self._writer = _open_writer(self._sink, rows, self._group_rows)
        for group in row_groups(rows, self._group_rows):
            self._writer.write_table(arrow(rows.take(group), nulls > 0), row_group_size=len(rows))
        self._boxes.append(box_of(rows))
        several = bool(same_point(rows).any())
        before = self._facts
        first = before.first if before else point_at(rows, 0)
        self._facts = Facts(first, point_at(rows, -1), several or (before is not None and before.several))
        self.rows += len(rows)
        self._nulls += nulls

    def close(self) -> Segment:
        """Finish, sync file and folder, and rename to the content's hash."""
        if self._writer is None or self._facts is None:
            raise ValueError("a segment needs at least one row")
        self._writer.add_key_value_metadata({FACTS: json.dumps(vars(self._facts))})
        self._writer.close()
        size = self._sink.size
        name = segment_name(self._project, self._sink.finish())
        self._partial.replace(self._layout.segment(name))
        sync_folder(self._folder)
        return Segment(name, self._project, size, self.rows, union(self._boxes), self._nulls)

    def abandon(self) -> None:
        """Drop what was written."""
        # Closing writes what is still buffered, which a full disk refuses; it is not wanted any more.
        with suppress(OSError):
            self._sink.close()
        self._partial.unlink(missing_ok=True)


def write_segment(layout: Layout, project: str, rows: Rows, group_rows: int) -> Segment:
    """Write sorted rows as one segment; on disk, name included, when it returns."""
    writer = SegmentWriter(layout, project, group_rows)
    try:
        writer.write(rows)
        return writer.close()
    except BaseException:
        writer.abandon()
        raise


def holds(layout: Layout, segment: Segment, seq: int) -> bool:
    """Whether a segment has rows of the upload numbered `seq`."""
    first, last = segment.box.seq
    if not first <= seq <= last or seq in (first, last):
        return first <= seq <= last
    return pc.any(pc.equal(pq.read_table(layout.segment(segment.name), columns=["seq"])["seq"], seq)).as_py() is True


def union(boxes: list[Box]) -> Box:
    """The smallest box around at least one box."""
    pairs = {name: [getattr(box, name) for box in boxes] for name in BOUNDS}
    return Box(**{name: (min(low for low, _ in ends), max(high for _, high in ends)) for name, ends in pairs.items()})


def row_groups(rows: Rows, size: int) -> Iterator[slice]:
    """Cut sorted rows into groups of about `size`, at the end of a series where one lies near enough."""
    starts = rows.starts
    begin, total = 0, len(rows)
    while begin < total:
        end = min(begin + size, total)
        if end < total:
            cut = int(starts[np.searchsorted(starts, end, "right") - 1])
            end = cut if cut > begin else end
        yield slice(begin, end)
        begin = end


def arrow(rows: Rows, nulls: bool) -> pa.Table:
    """Rows as an Arrow table of `SCHEMA`; `nulls`: whether values may be missing."""
    return pa.Table.from_arrays([
        dictionary(rows.sensors, rows.sensor),
        dictionary(rows.metrics, rows.metric),
        to_arrow(rows.time, MICROSECONDS),
        to_arrow(rows.value, pa.float64(), ~np.isnan(rows.value) if nulls else None),
        to_arrow(rows.received, MICROSECONDS),
        to_arrow(rows.seq, pa.int64()),
    ], schema=SCHEMA)  # fmt: skip


def _open_writer(sink: HashingFile, rows: Rows, group_rows: int) -> pq.ParquetWriter:
    dictionary, encoding = _encodings(rows, group_rows)
    # Every page carries its checksum: a read that meets a flipped bit fails instead of answering something else.
    return pq.ParquetWriter(
        sink, SCHEMA, compression="zstd", use_dictionary=dictionary, column_encoding=encoding,
        store_schema=False, write_page_checksum=True,
    )  # fmt: skip


_KEYS = ["sensor", "metric", "received", "seq"]
_TIMES = {"time": "DELTA_BINARY_PACKED"}

VALUE_ENCODINGS: dict[str, tuple[list[str], dict[str, str]]] = {
    "dictionary": ([*_KEYS, "value"], _TIMES),
    "plain": (_KEYS, _TIMES),
    "split": (_KEYS, {**_TIMES, "value": "BYTE_STREAM_SPLIT"}),
}
"""For each way to write values: the columns with a dictionary, and the encodings of others."""


def _encodings(rows: Rows, group_rows: int) -> tuple[list[str], dict[str, str]]:
    return VALUE_ENCODINGS[_best_for_values(rows.value, group_rows)]


def _best_for_values(values: np.ndarray[tuple[int], np.dtype[np.float64]], group_rows: int) -> str:
    """The encoding that makes a sample of one row group smallest; a dictionary decodes fastest and wins near ties."""
    middle = max(0, (len(values) - group_rows) // 2)
    sample = pa.Table.from_arrays([to_arrow(values[middle : middle + group_rows], pa.float64())], ["value"])
    sizes = {name: _sample_size(sample, name) for name in VALUE_ENCODINGS}
    sizes["dictionary"] *= 0.9
    return min(sizes, key=lambda name: sizes[name])


def _sample_size(sample: pa.Table, name: str) -> float:
    dictionary, encoding = VALUE_ENCODINGS[name]
    sink = pa.BufferOutputStream()
    pq.write_table(
        sample, sink, compression="zstd", store_schema=False, write_statistics=False,
        use_dictionary=["value"] if "value" in dictionary else False,
        column_encoding={"value": encoding["value"]} if "value" in encoding else None,
    )  # fmt: skip
    return float(sink.getvalue().size)


def _shown(name: str, bound: str | int) -> str | int:
    if name != "time":
        return bound
    return str(np.datetime64(int(bound), "us")) + "Z"
