"""Snapshots: one consistent moment of a store, as (segments, uploads not yet in them).

A commit carries the last upload S that the segments contain, so a snapshot is the table at one version plus the log
beyond its S. Table and log are read one after the other, and a flush by any process may fall between:
- the log was trimmed to T after the table was read. Then T > S shows it, and the table is read again: the commit that
  allowed the trimming is on disk before it.
- a commit came after the table was read, the log is not yet trimmed. Nothing is missing or double: the older table
  plus the log beyond its own S is still a consistent moment. But a bulk load acknowledged before an upload in that log
  must not be missed, so the table is looked at once more after the log.

Noticing that nothing changed costs one PRAGMA and two look-ups of a file name, a few microseconds.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property

from tseng_storage import replay
from tseng_storage.database import Database
from tseng_storage.errors import Damaged
from tseng_storage.knowledge import EVERYTHING, Knowledge
from tseng_storage.layout import Layout
from tseng_storage.log import Beyond, Log
from tseng_storage.replay import TableState
from tseng_storage.segments import Segment
from tseng_storage.tail import Chunk, Tail

_ATTEMPTS = 100


class SegmentIndex:
    """The segments of one table version by project, with the answers to earlier questions."""

    def __init__(self, table: TableState) -> None:
        self._by_project: dict[str, list[Segment]] = {}
        for segment in table.segments.values():
            self._by_project.setdefault(segment.project, []).append(segment)
        for segments in self._by_project.values():
            segments.sort(key=lambda segment: segment.box.time)
        self.newest = max((segment.box.seq[1] for segment in table.segments.values()), default=0)
        self._found: dict[tuple[str, str, str], list[Segment]] = {}

    def project(self, project: str) -> list[Segment]:
        """All segments of a project, by their earliest time."""
        return self._by_project.get(project, [])

    def candidates(self, project: str, sensor: str, metric: str) -> list[Segment]:
        """The segments whose box may hold points of the series, by their earliest time."""
        key = (project, sensor, metric)
        found = self._found.get(key)
        if found is None:
            if len(self._found) > 100_000:
                self._found.clear()
            found = self._found[key] = [
                segment for segment in self.project(project)
                if segment.box.sensor[0] <= sensor <= segment.box.sensor[1]
                and segment.box.metric[0] <= metric <= segment.box.metric[1]
            ]  # fmt: skip
        return found


@dataclass(frozen=True)
class Snapshot:
    """One consistent moment: `table` at its version, and the uploads of `tail` in (table.flushed, upto].

    `marker` is the number of the last bulk load that had begun. `revision` and `config` tell how the catalog stood
    when the tail was read: the revision differs after every change of entities, definitions or of which series exist,
    `config` numbers the newest change of configuration.
    """

    table: TableState
    index: SegmentIndex
    tail: Tail
    upto: int
    marker: int = 0
    revision: str = ""
    config: int = 0

    @property
    def version(self) -> int:
        """The Delta Lake version of the segments."""
        return self.table.version

    @cached_property
    def seq(self) -> int:
        """The number of the newest upload in this snapshot; every other that is not `loading` is in it too."""
        return max(self.upto, self.table.flushed, self.index.newest)

    @cached_property
    def loading(self) -> int | None:
        """The number of a bulk load that is not in this snapshot, although later uploads are; None without one.

        Nothing else is committed while a load goes on. So it is done, or has died, when the table has something of its
        number or of a later one.
        """
        return self.marker if self.marker > max(self.table.flushed, self.index.newest) else None

    def cut_by(self, known: Knowledge) -> Knowledge | None:
        """`known` where it may leave out something of this snapshot, else None."""
        if known is EVERYTHING:
            return None
        whole = known.time is None and (known.seq is None or known.seq >= self.seq) and known.loading == self.loading
        return None if whole else known

    def tail_chunk(self, project: str, sensor: str, metric: str) -> Chunk | None:
        """The unflushed points of a series, all versions, sorted by (time, seq); None without any."""
        return self.tail.chunk((project, sensor, metric), self.upto, self.table.flushed)


class Snapshots:
    """Hands out the newest snapshot of a store; thread-safe."""

    def __init__(self, layout: Layout, database: Database, log: Log, table: TableState = replay.EMPTY) -> None:
        """`table`: the table as known when the store opened."""
        self._layout, self._database, self._log = layout, database, log
        self._lock = threading.Lock()
        self._folder = str(layout.delta_log)
        self._changes: int | None = None
        log.stay_above(table.flushed)
        self._current = Snapshot(table, SegmentIndex(table), Tail(0), 0)

    def current(self) -> Snapshot:
        """The newest snapshot: everything acknowledged before the call is in it."""
        # The counter first: whoever sees a new one here also sees the snapshot that was published before it.
        changes = self._changes
        snapshot = self._current
        if changes == self._database.changes() and replay.is_current(self._folder, snapshot.table):
            return snapshot
        with self._lock:
            return self._refresh()

    def _refresh(self) -> Snapshot:
        table, tail = self._current.table, self._current.tail
        for _ in range(_ATTEMPTS):
            changes = self._database.changes()
            # The tail may reach less far than this table when another process flushed uploads never seen here.
            found = self._log.beyond(max(tail.last, table.flushed))
            if found.trimmed <= table.flushed:
                if table.flushed > tail.base:
                    tail = tail.without(table.flushed)
                tail.extend(found.rows)
                if replay.is_current(self._folder, table):
                    return self._publish(table, tail, changes, found)
            table = replay.refresh(self._layout.delta_log, table)
        raise Damaged("the log was trimmed further than any commit accounts for", "log", table.flushed)

    def _publish(self, table: TableState, tail: Tail, changes: int, found: Beyond) -> Snapshot:
        self._log.stay_above(table.flushed)
        before = self._current
        index = before.index if table is before.table else SegmentIndex(table)
        self._current = Snapshot(table, index, tail, tail.last, tail.marker, found.revision, found.config)
        self._changes = changes
        return self._current
