"""What a snapshot holds beyond what was known: how followers of a store find what to look at again.

A follower keeps the `Knowledge` of the last snapshot that it has dealt with and asks what lies beyond. All of it
follows from log positions that segments and tail carry anyway: nothing is written down for followers, and flush,
compaction and vacuum, which keep the positions, change no answer.

What "beyond" means is `Knowledge.covers_upload`: a later number, or the bulk load that was under way. A version that
repeats the value before it is beyond until flush or compaction drops it, as far as they may. So a time that is told may
turn out to have the value that it had; a time whose value differs is always told.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tseng_storage.knowledge import Knowledge
from tseng_storage.observations import Instants
from tseng_storage.pieces import covered
from tseng_storage.reader import Reader
from tseng_storage.segment_file import SegmentFile
from tseng_storage.snapshot import Snapshot
from tseng_storage.tail import SeriesKey

_NONE: Instants = np.zeros(0, np.int64)


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
