"""One store: the folder with catalog, log and segments, and everything that is done with it.

Any number of processes may have a store open. Uploads and reads never wait for maintenance; flush, bulk load,
compaction, vacuum and backup wait for one another.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from tseng_storage import backup as copies
from tseng_storage.background import Background
from tseng_storage.catalog import Catalog
from tseng_storage.changes import Touched, changed, touched, uploaded_since
from tseng_storage.compaction import Compaction
from tseng_storage.creation import open_parts
from tseng_storage.deposits import Deposit
from tseng_storage.documents import Documents
from tseng_storage.entities import Uploaded
from tseng_storage.errors import Damaged, StoreBusy
from tseng_storage.intake import normalise
from tseng_storage.knowledge import EVERYTHING, Knowledge
from tseng_storage.layout import Layout
from tseng_storage.log import Log
from tseng_storage.maintenance import Maintenance
from tseng_storage.observations import Instants, Rows, Values
from tseng_storage.once import Once
from tseng_storage.queues import Queues
from tseng_storage.reader import Reader
from tseng_storage.records import Record, Records
from tseng_storage.settings import StoreSettings
from tseng_storage.snapshot import Snapshot, Snapshots
from tseng_storage.usage import Meter, Usage
from tseng_storage.verify import Report, verify

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

_ATTEMPTS = 5


class Store:
    """An open store; thread-safe. Use `Store.open`, and close it or use it in a `with` block.

    `id` tells it from other stores; backups and what is restored from them have the same.
    """

    def __init__(self, path: Path, settings: StoreSettings, *, create: bool) -> None:
        self.layout, self.settings = Layout(path), settings
        self._database, table = open_parts(self.layout, settings, create=create)
        self.records, self.queues = Records(self._database), Queues(self._database)
        self._log = Log(self._database)
        self.catalog = Catalog(self._database)
        self.documents = Documents(self.layout, self._database)
        self._maintenance = Maintenance(self.layout, self._log, settings)
        self._compaction = Compaction(self.layout, self._log, self._maintenance, settings)
        self._snapshots = Snapshots(self.layout, self._database, self._log, table)
        self._reader = Reader(self.layout, settings)
        self._meter = Meter(self.layout)
        self._background = Background(self._log, self._maintenance, self._care, settings)
        self.id = self.catalog.store_id()
        self._closing = threading.Lock()
        self._next_vacuum = time.monotonic()
        self._closed = False

    @classmethod
    def open(cls, path: str | Path, *, create: bool = True, settings: StoreSettings | None = None) -> Store:
        """The store in folder `path`, made when absent and `create`, else StoreMissing."""
        return cls(Path(path).absolute(), settings or StoreSettings(), create=create)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Flush what this process uploaded (another process's flush will do as well) and let go of everything."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._background.stop()
            try:
                if self.settings.flush_on_close and self._background.wrote:
                    with suppress(StoreBusy):
                        self._maintenance.flush(wait=False)
            finally:
                self._database.close()

    # -- writing

    def append(self, table: pa.Table | Rows, project: str, *, once: Once | None = None) -> int:
        """Keep the observations of `table` (columns sensor, metric, time, value); on disk when the seq is returned.

        `once`: where they were kept under its key before, here or by `load`, nothing happens and that seq is returned.
        KeyReused where something else was.
        """
        rows = table if isinstance(table, Rows) else normalise(table)
        if once is not None and (before := self._log.earlier(project, once)) is not None and not before.done:
            self._maintenance.settle(project, once)
        seq = self._log.append(project, rows, once)
        self._background.wake(len(rows))
        return seq

    def load(self, table: pa.Table | Rows, project: str, *, once: Once | None = None) -> int:
        """As `append` for large tables in any order: straight to segments, on disk when the seq is returned."""
        seq = self._maintenance.load(project, table if isinstance(table, Rows) else normalise(table), once)
        self._background.wake(0)
        return seq

    def deposit(self, table: pa.Table | Rows | None, project: str, deposit: Deposit) -> list[Record | None]:
        """Keep observations, if any, and a deposit beside them: all on disk when it returns, or nothing.

        Of each write of a record what it then is. Raises Changed or TooMany for a record, ChangesRefused for entities,
        NotFound without such a project.
        """
        rows = table if table is None or isinstance(table, Rows) else normalise(table)
        written = self._log.deposit(project, rows, deposit)
        if rows is not None:
            self._background.wake(len(rows))
        return written

    def stored(self, project: str, once: Once) -> bool:
        """Whether an upload is known to be stored under this key; KeyReused where another came under it."""
        earlier = self._log.earlier(project, once)
        return earlier is not None and earlier.done

    def delete_project(self, project: str) -> None:
        """Delete a project with all that belongs to it; NotFound without one, Exists for the default one."""
        found = self.catalog.project(project)
        self.catalog.delete_project(project)
        if found is not None:
            self.documents.remove_all(found.id)
            self._maintenance.forget([found.id])

    def newest(self) -> int:
        """The newest seq ever given, also where nothing of it is left: a snapshot may have been named by it."""
        return self._log.last()

    # -- reading

    def snapshot(self) -> Snapshot:
        """The store as of now: everything acknowledged so far by any process. Readable for the retention time."""
        return self._snapshots.current()

    def read(
        self,
        project: str,
        sensor: str,
        metric: str,
        start: int | None = None,
        end: int | None = None,
        *,
        at: Snapshot | None = None,
        known: Knowledge = EVERYTHING,
    ) -> tuple[Instants, Values]:
        """Valid points of a series in [start, end] (epoch us): int64 times, ascending and unique, and float64 values.

        Values that can be written to are the caller's own; others, and all times, may be cached data. `at`: an earlier
        snapshot instead of the newest. `known`: of each point the last version that was known; where that is a missing
        value, there is no point.
        """
        wanted = (project, sensor, metric, start, end, known)
        return self._retried(lambda now: self._reader.read(now, wanted), at)

    def parts(
        self,
        project: str,
        sensor: str,
        metric: str,
        start: int | None = None,
        end: int | None = None,
        *,
        at: Snapshot | None = None,
        known: Knowledge = EVERYTHING,
    ) -> tuple[Instants, list[Values]]:
        """As `read`, the values in parts that follow one another: what is computed from them needs no copy of them.

        The parts may be cached data: they are not to be written to.
        """
        wanted = (project, sensor, metric, start, end, known)
        return self._retried(lambda now: self._reader.parts(now, wanted), at)

    def blocks(
        self,
        project: str,
        sensor: str,
        metric: str,
        start: int | None = None,
        end: int | None = None,
        *,
        most: int | None = None,
        at: Snapshot | None = None,
        known: Knowledge = EVERYTHING,
    ) -> Iterator[tuple[int, int]]:
        """Windows (epoch us, inclusive), ascending and disjoint, that cover the series' points in [start, end].

        Each holds about `most` points at most, by default `settings.block_points`, the first ones fewer, so that a long
        series can be read piece by piece and its beginning is soon there.
        """
        wanted = (project, sensor, metric, start, end, known)
        most = most or self.settings.block_points
        return iter(self._retried(lambda now: list(self._reader.blocks(now, wanted, most)), at))

    def metrics_of(self, project: str, sensor: str, known: Knowledge = EVERYTHING) -> Uploaded:
        """The metrics ever uploaded for the sensor (by what was `known`)."""
        return self.catalog.metrics_of(project, sensor, known)

    def session(
        self, projects: Collection[str] | None = None, *, at: Snapshot | None = None
    ) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with the views of `duck.session` over one snapshot; the caller closes it."""
        from tseng_storage import duck

        return self._retried(lambda now: duck.open_session(self.layout, self._reader, self.catalog, now, projects), at)

    def _retried(self, work: Callable[[Snapshot], T], at: Snapshot | None) -> T:
        """`work` on a snapshot, and again on a newer one when vacuum took a file of it away."""
        missing: FileNotFoundError | None = None
        for _ in range(_ATTEMPTS):
            try:
                return work(at or self.snapshot())
            except FileNotFoundError as gone:
                missing = gone
                if at is not None:
                    break
        name = getattr(missing, "filename", None) or str(missing)
        raise Damaged(f"a segment of the snapshot is missing: {name}", "file", str(name)) from missing

    # -- following

    def changes(self) -> int:
        """A number that differs after any commit by any process; two microseconds.

        What a process committed that died before it was acknowledged, a bulk load, may show with the next commit only.
        """
        return self._database.changes()

    def wait(self, seen: int, seconds: float) -> int:
        """Block until `changes()` is no longer `seen`, at most `seconds`; the number now. For many threads at once.

        Commits of this process wake it at once, those of others within 5 ms. StoreClosed when the store closes.
        """
        return self._database.wait(seen, seconds)

    def changed(
        self, project: str, sensor: str, metric: str, since: Knowledge, *, at: Snapshot | None = None
    ) -> Instants:
        """Times (int64 us, ascending, unique) of which the store holds a version that `since` does not cover.

        Also those whose version is a missing value. One that repeats the value before it is told until flush or
        compaction drops it. `at`: an earlier snapshot instead of the newest.
        """
        series = (project, sensor, metric)
        return self._retried(lambda now: changed(self._reader, now, series, since), at)

    def uploaded_since(self, since: Knowledge, at: Snapshot) -> set[tuple[str, str]] | None:
        """(project, sensor) of the uploads in the snapshot's tail beyond `since`.

        None when a segment may hold rows beyond it: a bulk load, or what was flushed before it was seen. Then
        `changed` tells of each series.
        """
        return uploaded_since(at, since)

    def touched(self, project: str, since: Knowledge, *, at: Snapshot | None = None) -> dict[str, Touched]:
        """The sensors of a project with versions that `since` does not cover: `changed` of all series in one pass.

        Of each the first and last time that have such a version and when the latest came in, epoch us.
        """
        return self._retried(lambda now: touched(self._reader, now, project, since), at)

    # -- care

    def flush(self, *, wait: bool = True) -> int:
        """Move the log into segments; how many values. StoreBusy when not to `wait` for other maintenance."""
        return self._maintenance.flush(wait=wait)

    def compact(self) -> int:
        """Flush, merge small and overlapping segments, vacuum; how many segments were replaced."""
        replaced = self._compaction.compact()
        self.vacuum()
        return replaced

    def tidy(self) -> int:
        """Merge where many segments of like size have gathered, as the background thread does; how many were replaced.

        StoreBusy while other maintenance goes on.
        """
        return self._compaction.tidy()

    def vacuum(self, retention_seconds: float | None = None) -> list[Path]:
        """Delete files that no snapshot of the last `retention_seconds` (default: the setting) needs; those deleted.

        Files of documents that nobody keeps are among them.
        """
        keep = self.settings.retention_seconds if retention_seconds is None else retention_seconds
        return [*self._maintenance.vacuum(self._project_ids, keep), *self.documents.vacuum(keep)]

    def _care(self) -> None:
        """What the background thread does after a flush."""
        self._compaction.tidy()
        if time.monotonic() >= self._next_vacuum:
            self._next_vacuum = time.monotonic() + self.settings.retention_seconds / 4
            self._maintenance.vacuum(self._project_ids, wait=False)
            self.documents.vacuum(self.settings.retention_seconds)

    def _project_ids(self) -> set[str]:
        return {project.id for project in self.catalog.projects()}

    def verify(self) -> Report:
        """Check every file against its recorded size and checksum, and the log against itself."""
        return verify(self.layout, self._database, self._log, self.documents)

    def backup(self, target: str | Path) -> None:
        """Copy the store into the new or empty folder `target`, else StoreNotEmpty."""
        copies.backup(self.layout, self._database, Path(target))

    @staticmethod
    def restore(source: str | Path, target: str | Path) -> None:
        """Make `target` (new or an empty folder, else StoreNotEmpty) the store backed up in `source`."""
        copies.restore(Path(source), Path(target))

    def info(self) -> Mapping[str, Any]:
        """Counts and sizes: path, version, segments, rows and bytes of the table, uploads and values in the log."""
        snapshot, log = self.snapshot(), self._log.state()
        segments = snapshot.table.segments.values()
        return {
            "path": str(self.layout.root),
            "version": snapshot.version,
            "segments": len(segments),
            "rows": sum(segment.rows for segment in segments),
            "bytes": sum(segment.size for segment in segments),
            "flushed": snapshot.table.flushed,
            "log_commits": log.commits,
            "log_rows": log.rows,
            "projects": len(self.catalog.projects()),
        }

    def usage(self, project: str) -> Usage:
        """How much a project holds, by the month in which it came in: in its segments and in the log."""

        def work(now: Snapshot) -> Usage | None:
            trimmed, uploads = self._log.sizes(project, now.table.flushed)
            # What left the log since then is in segments that this snapshot does not have.
            return None if trimmed > now.table.flushed else self._meter.usage(now.index.project(project), uploads)

        while (found := self._retried(work, None)) is None:
            continue
        return found
