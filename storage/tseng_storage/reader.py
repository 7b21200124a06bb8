"""The one-series path: from a snapshot to two arrays, touching only the row groups that hold the series.

What of it was known earlier is looked up in the same places. Row groups whose versions were all known, most of them,
are read as always; of the others log positions and dates are read as well.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tseng_storage.cache import BoundedCache
from tseng_storage.knowledge import Knowledge
from tseng_storage.layout import Layout
from tseng_storage.observations import Instants, Values
from tseng_storage.pieces import Piece, cut, in_parts, join, tail_piece, window
from tseng_storage.segment_file import Decoded, SegmentFile, read_facts
from tseng_storage.segments import Facts, Segment
from tseng_storage.settings import StoreSettings
from tseng_storage.snapshot import Snapshot

_OPEN_FILES = 512
_KNOWN_FILES = 100_000
_NO_TIME: Instants = np.zeros(0, np.int64)
_NO_VALUE: Values = np.zeros(0)


Wanted = tuple[str, str, str, int | None, int | None, Knowledge]
"""Project, sensor, metric, start and end (epoch us, inclusive, None: open) of a series, and what was known of it.

No record of its own: making one costs as much as all of the questions that a read asks of the index.
"""


class Reader:
    """Reads series of one store; thread-safe. Raises FileNotFoundError when a segment was vacuumed under a snapshot."""

    def __init__(self, layout: Layout, settings: StoreSettings) -> None:
        self._layout, self._settings = layout, settings
        self._newest = -1
        self._decoded = Decoded(settings.cache_bytes)
        self._files: BoundedCache[SegmentFile] = BoundedCache(_OPEN_FILES)
        self._facts: BoundedCache[Facts] = BoundedCache(_KNOWN_FILES)

    def open(self, segment: Segment) -> SegmentFile:
        """The open file of a segment, from the cache where possible."""
        file = self._files.get(segment.name)
        if file is None:
            file = SegmentFile(self._layout.segment(segment.name), self._decoded)
            self._files.put(segment.name, file, 1)
        return file

    def let_go(self, at: Snapshot) -> None:
        """Close segments that a newer table no longer has: an open file keeps its disk space after vacuum."""
        if at.version > self._newest:
            self._newest = at.version
            self._files.retain(lambda name: name in at.table.segments)

    def facts(self, segment: Segment) -> Facts:
        """What the footer of a segment says of all its rows."""
        facts = self._facts.get(segment.name)
        if facts is None:
            facts = read_facts(self._layout.segment(segment.name))
            self._facts.put(segment.name, facts, 1)
        return facts

    def read(self, at: Snapshot, wanted: Wanted) -> tuple[Instants, Values]:
        """Valid points of the series: times ascending and unique, no NaN.

        Values that may be cached data cannot be written to; those that can are the caller's. Times are not to be
        written to in any case.
        """
        pieces = self._all(at, wanted)
        return join(pieces) if pieces else (_NO_TIME, _NO_VALUE)

    def parts(self, at: Snapshot, wanted: Wanted) -> tuple[Instants, list[Values]]:
        """As `read`, the values in parts that follow one another; none of them is to be written to."""
        pieces = self._all(at, wanted)
        return in_parts(pieces, self._decoded) if pieces else (_NO_TIME, [])

    def _all(self, at: Snapshot, wanted: Wanted) -> list[Piece]:
        self.let_go(at)
        return [piece for piece in self._pieces(at, wanted) if len(piece.time)]

    def _pieces(self, at: Snapshot, wanted: Wanted) -> Iterator[Piece]:
        project, sensor, metric, start, end, bound = wanted
        known = at.cut_by(bound)
        for file, number in self._groups(at, wanted):
            # A group at the seam of two sensors may turn out not to hold the series: its values stay undecoded.
            run = file.find_rows(number, sensor, metric)
            if run is not None:
                yield cut(file, number, run, start, end, known)
        chunk = at.tail_chunk(project, sensor, metric)
        if chunk is not None:
            yield tail_piece(at, chunk, start, end, known)

    def _groups(self, at: Snapshot, wanted: Wanted) -> Iterator[tuple[SegmentFile, int]]:
        """The row groups that may hold points of the series that were known."""
        project, sensor, metric, start, end, known = wanted
        for segment in at.index.candidates(project, sensor, metric):
            if _apart(segment.box.time, start, end):
                continue
            if known.seq is not None and segment.box.seq[0] > known.seq:
                continue
            file = self.open(segment)
            for number in file.find(sensor, metric, start, end):
                yield file, number

    def blocks(self, at: Snapshot, wanted: Wanted, most: int) -> Iterator[tuple[int, int]]:
        """Windows (epoch us, inclusive), ascending and disjoint, that cover all points of the series.

        Each holds about `most` points at most, the first ones fewer, a row group's and then twice as many each time:
        who reads in order soon has something. Nothing is decoded to find them but groups of several series.
        """
        start, end = wanted[3:5]
        empty = start is not None and end is not None and start > end
        spans = [] if empty else sorted(self._spans(at, wanted))
        if not spans:
            return
        last = max(high for _, high, _ in spans)
        begin, held = spans[0][0], 0
        room = min(self._settings.group_rows, most)
        for low, _, points in spans:
            if held and held + points > room and low > begin:
                yield begin, low - 1
                begin, held = low, 0
                room = min(2 * room, most)
            held += points
        yield begin, last

    def _spans(self, at: Snapshot, wanted: Wanted) -> Iterator[tuple[int, int, int]]:
        """(first time, last time, points at most) of parts of the series, clipped to the window."""
        project, sensor, metric, start, end, _ = wanted
        step = max(1, min(self._settings.group_rows, self._settings.block_points // 4))
        for file, number in self._groups(at, wanted):
            bounds = file.groups[number]
            if bounds.series is not None:
                yield _clip(*bounds.time, start, end, bounds.rows)
                continue
            run = file.find_rows(number, sensor, metric)
            if run is not None:
                yield from _parts(file.values(number)[0][run], start, end, step)
        chunk = at.tail_chunk(project, sensor, metric)
        if chunk is not None:
            yield from _parts(chunk.time, start, end, step)


def _parts(time: Instants, start: int | None, end: int | None, step: int) -> Iterator[tuple[int, int, int]]:
    time = time[window(time, start, end)]
    for begin in range(0, len(time), step):
        part = time[begin : begin + step]
        yield int(part[0]), int(part[-1]), len(part)


def _clip(low: int, high: int, start: int | None, end: int | None, points: int) -> tuple[int, int, int]:
    return (low if start is None else max(low, start)), (high if end is None else min(high, end)), points


def _apart(time: tuple[int, int], start: int | None, end: int | None) -> bool:
    return (start is not None and time[1] < start) or (end is not None and time[0] > end)
