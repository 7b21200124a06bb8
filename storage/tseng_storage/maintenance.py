"""What moves data between log and segments: flush, bulk load, forgetting projects, vacuum.

Each holds the one maintenance lock from the first file written to the last record of it, so there is one writer of
segments and commits at any time, over all processes. Uploads and reads go on meanwhile. A process that dies at any line
leaves at most files that no commit names; those wait for vacuum.

Order of a flush: segments on disk → commit with the last upload S on disk → rows up to S leave the log. Dying between
the last two leaves rows in the log that the table contains as well; readers skip them by S, the next flush drops them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tseng_storage import delta
from tseng_storage.disk import maintaining
from tseng_storage.entities import now_us
from tseng_storage.layout import Layout
from tseng_storage.log import Log
from tseng_storage.observations import Rows
from tseng_storage.once import Once
from tseng_storage.ordering import in_order, joined, without_repeats
from tseng_storage.payload import LogRow
from tseng_storage.segments import Segment, holds, write_segment
from tseng_storage.settings import StoreSettings

FLUSH_ROWS = 4_000_000
"""Values that one flush sorts in memory; a longer log is flushed in several commits."""

_PART_ROWS = 500_000


class Maintenance:
    """Flush, load and vacuum of one store; thread-safe and safe beside other processes."""

    def __init__(self, layout: Layout, log: Log, settings: StoreSettings) -> None:
        self._layout, self._log, self._settings = layout, log, settings

    def flush(self, *, wait: bool = True) -> int:
        """Move the log into segments; the number of values moved. StoreBusy when not waiting and another is at it."""
        with maintaining(self._layout, wait=wait):
            return self.flush_locked()

    def flush_locked(self) -> int:
        """`flush` for a caller that holds the maintenance lock."""
        moved, until = 0, self._log.state().last
        while batch := self._batch(until):
            moved += self._flush(batch)
        return moved

    def _batch(self, until: int) -> list[LogRow]:
        flushed = delta.load_state(self._layout).flushed
        trimmed, rows = self._log.rows_after(flushed)
        if trimmed < flushed:
            self._log.trim(flushed)
        rows = [row for row in rows if row.seq <= until]
        total = np.cumsum([row.rows for row in rows])
        if not len(total) or not total[-1]:
            # Markers alone: their loads are committed or died, and nothing is left to be ordered against them.
            if rows:
                self._log.drop_markers(rows[-1].seq)
            return []
        return rows[: max(1, int(np.searchsorted(total, FLUSH_ROWS, "right")))]

    def _flush(self, batch: list[LogRow]) -> int:
        breaks = [row.seq for row in batch if not row.rows]
        uploads: dict[str, list[Rows]] = {}
        for row in batch:
            if row.rows:
                uploads.setdefault(row.project, []).append(row.decode())
        segments = [
            write_segment(
                self._layout, project, without_repeats(in_order(joined(parts)), breaks), self._settings.group_rows
            )
            for project, parts in uploads.items()
        ]
        files = delta.commit(self._layout, segments, flushed=batch[-1].seq)
        self._log.trim(batch[-1].seq, files)
        return sum(row.rows for row in batch)

    def load(self, project: str, rows: Rows, once: Once | None = None) -> int:
        """Write many rows straight to segments, past the log; their seq. Durable and visible when it returns.

        `once`: what is in the store under its key already gets the seq that it got.
        """
        rows = in_order(rows)
        if not len(rows):
            return 0
        with maintaining(self._layout):
            if once is not None:
                self._settle(project, once)
            seq, stored = self._log.mark(project, rows.series_seen(), once)
            if not stored:
                parts = _parts(rows.stamped(seq, now_us()), self._settings)
                files = delta.commit(self._layout, self._written(project, parts))
                self._log.note(files, None if once is None else (project, once))
        return seq

    def settle(self, project: str, once: Once) -> None:
        """Wait for a bulk load under the key, and find out whether one that died had come to its end."""
        with maintaining(self._layout):
            self._settle(project, once)

    def _settle(self, project: str, once: Once) -> None:
        """Under the lock, where no load is under way."""
        earlier = self._log.earlier(project, once)
        if earlier is not None and not earlier.done:
            segments = delta.load_state(self._layout).segments.values()
            mine = [segment for segment in segments if segment.project == project]
            stored = any(holds(self._layout, segment, earlier.seq) for segment in mine)
            self._log.settle(project, once, stored=stored)

    def _written(self, project: str, parts: list[Rows]) -> list[Segment]:
        """The segments of `parts`, all of them or none: a full disk must not fill further with each new try."""
        with ThreadPoolExecutor(self._settings.threads) as pool:
            rows = self._settings.group_rows
            writing = [pool.submit(write_segment, self._layout, project, part, rows) for part in parts]
        fault = next((fault for one in writing if (fault := one.exception()) is not None), None)
        if fault is None:
            return [one.result() for one in writing]
        for one in writing:
            if one.exception() is None:
                # No other file has this name: its rows carry the number that only this load has.
                self._layout.segment(one.result().name).unlink()
        raise fault

    def forget(self, projects: Iterable[str]) -> None:
        """Take the segments of deleted projects out of the table; their files go with vacuum."""
        gone = set(projects)
        with maintaining(self._layout):
            self._forget(gone)

    def _forget(self, projects: set[str]) -> None:
        segments = delta.load_state(self._layout).segments.values()
        removes = [segment for segment in segments if segment.project in projects]
        if removes:
            touch(self._layout, removes)
            self._log.note(delta.commit(self._layout, [], removes))

    def vacuum(
        self, known: Callable[[], set[str]], retention_seconds: float | None = None, *, wait: bool = True
    ) -> list[Path]:
        """Delete files that no snapshot of the last `retention_seconds` needs; those deleted.

        `known` gives the projects that exist; segments of others leave the table first. It is asked under the lock: a
        project made and loaded while this waited for the lock must be among them.
        """
        keep = self._settings.retention_seconds if retention_seconds is None else retention_seconds
        with maintaining(self._layout, wait=wait):
            state = delta.load_state(self._layout)
            self._forget({segment.project for segment in state.segments.values()} - known())
            needed = {self._layout.segment(name) for name in delta.load_state(self._layout).segments}
            files = [path for path in self._layout.observations.rglob("*") if path.is_file() and path not in needed]
            leftovers = [*self._layout.delta_log.glob("*.tmp"), *self._layout.delta_log.glob("*.torn")]
            old = [path for path in (*files, *leftovers) if path.stat().st_mtime <= time.time() - keep]
            for path in old:
                path.unlink()
            self._log.forget_old_keys()
        return old


def touch(layout: Layout, segments: Iterable[Segment]) -> None:
    """Date the files at now: vacuum counts the retention of a replaced file from its modification time."""
    for segment in segments:
        path = layout.segment(segment.name)
        if path.exists():
            os.utime(path)


def _parts(rows: Rows, settings: StoreSettings) -> list[Rows]:
    """Sorted rows in as many parts as there are threads (or more), cut between series where possible."""
    count = max(min(settings.threads, len(rows) // _PART_ROWS), -(-len(rows) // settings.segment_rows), 1)
    starts = rows.starts
    ideal = [len(rows) * number // count for number in range(1, count)]
    cuts = sorted({int(starts[np.searchsorted(starts, cut, "right") - 1]) for cut in ideal} - {0})
    return [rows.take(slice(begin, end)) for begin, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
