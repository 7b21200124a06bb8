"""Compaction: many small or overlapping segments become few that do not overlap.

The inputs are merged slice by slice: row groups come in the order of their first point, what lies before the first
point of the next unread group is final and is written, the rest waits for the next slice. So memory holds about
`merge_rows` rows, however large the project.

Versions that repeat the one before are dropped only while nothing outside the merge can lie between them: no other
segment that may share points and whose log positions fall among those merged, and no upload still in the log below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tseng_storage import delta
from tseng_storage.disk import maintaining
from tseng_storage.layout import Layout
from tseng_storage.log import Log
from tseng_storage.maintenance import Maintenance, touch
from tseng_storage.observations import Rows
from tseng_storage.ordering import Point, in_order, joined, point_at, position, without_repeats
from tseng_storage.overlap import contested_segments
from tseng_storage.segment_file import Decoded, SegmentFile, read_facts
from tseng_storage.segments import Facts, Segment, SegmentWriter, union
from tseng_storage.settings import StoreSettings


class Compaction:
    """Merges segments of one store; safe beside other processes."""

    def __init__(self, layout: Layout, log: Log, maintenance: Maintenance, settings: StoreSettings) -> None:
        self._layout, self._log, self._maintenance, self._settings = layout, log, maintenance, settings

    def compact(self) -> int:
        """Flush, then merge all small and all overlapping segments of each project; how many were replaced."""
        with maintaining(self._layout):
            self._maintenance.flush_locked()
            return self._each_project(self._worth_merging)

    def tidy(self) -> int:
        """Merge where `compact_files` segments of like size have gathered; StoreBusy when other maintenance is on."""
        with maintaining(self._layout, wait=False):
            return self._each_project(lambda segments: fullest_tier(segments, self._settings))

    def _worth_merging(self, segments: list[Segment]) -> list[Segment]:
        facts = {segment.name: read_facts(self._layout.segment(segment.name)) for segment in segments}
        return worth_merging(segments, self._settings.segment_rows // 2, lambda segment: facts[segment.name])

    def _each_project(self, choose: Callable[[list[Segment]], list[Segment]]) -> int:
        replaced = 0
        state = delta.load_state(self._layout)
        for project in sorted({segment.project for segment in state.segments.values()}):
            segments = [segment for segment in state.segments.values() if segment.project == project]
            chosen = choose(segments)
            if chosen:
                others = [segment for segment in segments if segment not in chosen]
                replaced += self._merge(project, chosen, self._forgettable(chosen, others, state.flushed))
        return replaced

    def _forgettable(self, chosen: Sequence[Segment], others: Sequence[Segment], flushed: int) -> bool:
        box = union([segment.box for segment in chosen])
        waiting = self._log.first_waiting(flushed)
        between = (
            other.box.overlaps(box) and other.box.seq[0] <= box.seq[1] and box.seq[0] <= other.box.seq[1]
            for other in others
        )  # fmt: skip
        return (waiting is None or waiting > box.seq[1]) and not any(between)

    def _merge(self, project: str, chosen: Sequence[Segment], forget: bool) -> int:
        output = _Output(self._layout, project, self._settings)
        loads = self._log.loads(project) if forget else []
        try:
            for rows in merged_slices(self._layout, chosen, self._settings.merge_rows):
                output.write(without_repeats(rows, loads=loads) if forget else rows)
            adds = output.close()
        except BaseException:
            output.abandon()
            raise
        kept = {segment.name for segment in adds} & {segment.name for segment in chosen}
        adds = [segment for segment in adds if segment.name not in kept]
        removes = [segment for segment in chosen if segment.name not in kept]
        if not removes:
            return 0
        touch(self._layout, removes)
        self._log.note(delta.commit(self._layout, adds, removes, rewrite=True))
        return len(removes)


class _Output:
    """Segments of about `segment_rows` rows, one after the other."""

    def __init__(self, layout: Layout, project: str, settings: StoreSettings) -> None:
        self._layout, self._project, self._settings = layout, project, settings
        self._writer: SegmentWriter | None = None
        self._done: list[Segment] = []

    def write(self, rows: Rows) -> None:
        for part in _in_halves(rows, max(1, self._settings.segment_rows // 4)):
            if self._writer is None:
                self._writer = SegmentWriter(self._layout, self._project, self._settings.group_rows)
            self._writer.write(part)
            if self._writer.rows >= self._settings.segment_rows:
                self._finish()

    def close(self) -> list[Segment]:
        self._finish()
        return self._done

    def abandon(self) -> None:
        if self._writer is not None:
            self._writer.abandon()

    def _finish(self) -> None:
        if self._writer is not None:
            self._done.append(self._writer.close())
            self._writer = None


def _in_halves(rows: Rows, size: int) -> Iterator[Rows]:
    """Sorted rows in parts of about `size`, never parting the versions of a point."""
    begin = 0
    while len(rows) - begin > size:
        cut = begin + size
        end = position(rows, point_at(rows, cut))
        if end <= begin:
            break
        yield rows.take(slice(begin, end))
        begin = end
    if begin < len(rows):
        yield rows.take(slice(begin, len(rows)))


def merged_slices(layout: Layout, segments: Sequence[Segment], size: int) -> Iterator[Rows]:
    """All rows of the segments in order, in slices of about `size`; versions of a point are never parted."""
    decoded = Decoded(0)
    files = [SegmentFile(layout.segment(segment.name), decoded) for segment in segments]
    groups = sorted(
        (_first_point(file, number), index, number)
        for index, file in enumerate(files) for number in range(len(file.groups))
    )  # fmt: skip
    waiting: list[Rows] = []
    held = 0
    for place, (_, index, number) in enumerate(groups):
        waiting.append(files[index].rows(number))
        held += len(waiting[-1])
        following = groups[place + 1][0] if place + 1 < len(groups) else None
        if following is not None and held < size:
            continue
        rows = in_order(joined(waiting))
        cut = len(rows) if following is None else position(rows, following)
        if cut:
            yield rows.take(slice(0, cut))
        waiting = [rows.take(slice(cut, len(rows)))] if cut < len(rows) else []
        held = len(rows) - cut


def _first_point(file: SegmentFile, number: int) -> Point:
    """A point that no row of the group lies before."""
    group = file.groups[number]
    metric = group.low[1] if group.low[0] == group.high[0] else ""
    return group.low[0], metric, group.time[0] if group.series is not None else -(2**63)


def worth_merging(segments: Sequence[Segment], small: int, facts: Callable[[Segment], Facts]) -> list[Segment]:
    """The segments with fewer than `small` rows and those that overlap others; none when there is but one."""
    contested = contested_segments(segments, facts)
    chosen = [segment for segment in segments if segment.rows < small or segment.name in contested]
    return chosen if len(chosen) > 1 else []


def fullest_tier(segments: Sequence[Segment], settings: StoreSettings) -> list[Segment]:
    """The segments of like size (within a factor of four) that are `compact_files` or more, the smallest tier first."""
    tiers: dict[int, list[Segment]] = {}
    for segment in segments:
        if segment.rows < settings.segment_rows // 2:
            tiers.setdefault(segment.rows.bit_length() // 2, []).append(segment)
    full = [tier for tier in sorted(tiers) if len(tiers[tier]) >= settings.compact_files]
    return tiers[full[0]] if full else []
