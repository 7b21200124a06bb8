"""What a snapshot holds beyond what was known: how followers of a store find what to look at again.

A follower keeps the `Knowledge` of the last snapshot that it has dealt with and asks what lies beyond. All of it
follows from log positions that segments and tail carry anyway: nothing is written down for followers, and flush,
compaction and vacuum, which keep the positions, change no answer.

What "beyond" means is `Knowledge.covers_upload`: a later number, or the bulk load that was under way. A version that
repeats the value before it is beyond until flush or compaction drops it, as far as they may. So a time that is told may
turn out to have the value that it had; a time whose value differs is always told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tseng_storage.knowledge import Knowledge
from tseng_storage.observations import Codes, Instants
from tseng_storage.pieces import covered
from tseng_storage.reader import Reader
from tseng_storage.segment_file import SegmentFile
from tseng_storage.snapshot import Snapshot
from tseng_storage.tail import SeriesKey

_NONE: Instants = np.zeros(0, np.int64)


class Touched(NamedTuple):
    """What is new of a sensor: `first` and `last` time with a new version, and when the latest of them came in; us."""

    first: int
    last: int
    received: int

    def joined(self, other: Touched) -> Touched:
        """What both say together."""
        ends = min(self.first, other.first), max(self.last, other.last)
        return Touched(*ends, max(self.received, other.received))


def changed(reader: Reader, at: Snapshot, series: SeriesKey, since: Knowledge) -> Instants:
    """Times (int64 us, ascending, unique) of which `at` holds a version of the series that `since` does not cover."""
    reader.let_go(at)
    parts = [times for times in (*_in_segments(reader, at, series, since), *_in_tail(at, series, since)) if len(times)]
    if not parts:
        return _NONE
    times = np.sort(np.concatenate(parts)) if len(parts) > 1 else parts[0]
    kept: Instants = times[np.append(times[1:] != times[:-1], True)]
    return kept


def uploaded_since(at: Snapshot, since: Knowledge) -> set[tuple[str, str]] | None:
    """(project, sensor) of the uploads in the tail beyond `since`; None when a segment may hold rows beyond it."""
    segments = at.table.segments.values() if _may_exceed((0, at.index.newest), since) else ()
    if any(_may_exceed(segment.box.seq, since) for segment in segments):
        return None
    return {
        (project, sensor)
        for project, rows in at.tail.uploads(at.upto, _first_unknown(at, since))
        if not since.covers_upload(int(rows.seq[0]), int(rows.received[0]))
        for sensor in rows.sensors
    }


def touched(reader: Reader, at: Snapshot, project: str, since: Knowledge) -> dict[str, Touched]:
    """The sensors of a project of which `at` holds versions that `since` does not cover; `changed` in one pass."""
    reader.let_go(at)
    found: dict[str, Touched] = {}
    for sensor, part in (*_touched_in_segments(reader, at, project, since), *_touched_in_tail(at, project, since)):
        before = found.get(sensor)
        found[sensor] = part if before is None else before.joined(part)
    return found


def _touched_in_segments(reader: Reader, at: Snapshot, project: str, since: Knowledge) -> Iterator[tuple[str, Touched]]:
    for segment in at.index.project(project):
        if not _may_exceed(segment.box.seq, since):
            continue
        file = reader.open(segment)
        for number, bounds in enumerate(file.groups):
            versions = file.versions(number)
            if bounds.low[0] == bounds.high[0] and versions.none_known(since):
                # A long series: its groups say all of it without being read.
                yield bounds.low[0], Touched(*bounds.time, versions.received)
            elif not versions.all_known(since):
                yield from _touched_in_group(file, number, since)


def _touched_in_group(file: SegmentFile, number: int, since: Knowledge) -> Iterator[tuple[str, Touched]]:
    sensors, sensor, time, seq, received = file.origins(number)
    beyond = ~covered(since, seq, lambda: received)
    yield from _by_sensor(sensors, sensor[beyond], time[beyond], received[beyond])


def _touched_in_tail(at: Snapshot, project: str, since: Knowledge) -> Iterator[tuple[str, Touched]]:
    for owner, rows in at.tail.uploads(at.upto, _first_unknown(at, since)):
        if owner == project and not since.covers_upload(int(rows.seq[0]), int(rows.received[0])):
            yield from _by_sensor(rows.sensors, rows.sensor, rows.time, rows.received)


def _by_sensor(
    sensors: Sequence[str], sensor: Codes, time: Instants, received: Instants
) -> Iterator[tuple[str, Touched]]:
    """Of each run of one sensor its sensor and what it touched."""
    if not len(sensor):
        return
    starts = np.flatnonzero(np.append(True, sensor[1:] != sensor[:-1]))
    spans = (np.minimum.reduceat(time, starts), np.maximum.reduceat(time, starts))
    latest = np.maximum.reduceat(received, starts)
    for code, *span in zip(*(each.tolist() for each in (sensor[starts], *spans, latest)), strict=True):
        yield sensors[code], Touched(*span)


def _in_segments(reader: Reader, at: Snapshot, series: SeriesKey, since: Knowledge) -> Iterator[Instants]:
    project, sensor, metric = series
    for segment in at.index.candidates(project, sensor, metric):
        if not _may_exceed(segment.box.seq, since):
            continue
        file = reader.open(segment)
        for number in file.find(sensor, metric, None, None):
            run = None if file.versions(number).all_known(since) else file.find_rows(number, sensor, metric)
            if run is not None:
                yield _in_group(file, number, run, since)


def _in_group(file: SegmentFile, number: int, run: slice, since: Knowledge) -> Instants:
    known = covered(since, file.seq(number)[run], lambda: file.received(number)[run])
    return file.values(number)[0][run][~known]


def _in_tail(at: Snapshot, series: SeriesKey, since: Knowledge) -> Iterator[Instants]:
    chunk = at.tail.chunk(series, at.upto, _first_unknown(at, since))
    if chunk is not None:
        known = covered(since, chunk.seq, lambda: at.tail.received(chunk.seq))
        yield chunk.time[~known]


def _first_unknown(at: Snapshot, since: Knowledge) -> int:
    """A number up to which the tail holds nothing beyond `since`; bulk loads are never in the tail."""
    by_number = since.time is None and since.seq is not None
    return max(at.table.flushed, since.seq or 0) if by_number else at.table.flushed


def _may_exceed(seq: tuple[int, int], since: Knowledge) -> bool:
    """Whether one of the numbers from `seq[0]` to `seq[1]` may lie beyond `since`."""
    late = since.time is not None or (since.seq is not None and seq[1] > since.seq)
    return late or (since.loading is not None and seq[0] <= since.loading <= seq[1])
