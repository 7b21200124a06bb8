"""The engine: the few verbs that the command line, Python, HTTP and every foreign API are routed through.

It owns nothing itself. The store below keeps observations and entities, the units package derives, and each verb here
joins the two: check at the edge, find the project, call, answer.
"""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

import pyarrow as pa

from tseng import reads, uploads
from tseng.access import Keys, find_project
from tseng.align import TableOptions, read_table
from tseng.aligned import Table
from tseng.configuring import Configuring
from tseng.defining import Defining
from tseng.depositing import Arrivals, Depositing
from tseng.documents import Documenting
from tseng.errors import Exists, InvalidRequest
from tseng.live.verbs import Live
from tseng.observations import RawRows, observations
from tseng.plans import Plans
from tseng.profiles import Profiling
from tseng.requests import Options, Request, When
from tseng.series import Series, Stream
from tseng.settings import Settings
from tseng.shape import Limit
from tseng.view import ProjectView
from tseng.vitals import Monitor, Vitals
from tseng_storage.entities import Entity, Project
from tseng_storage.observations import Rows
from tseng_storage.once import Once
from tseng_storage.settings import StoreSettings
from tseng_storage.store import Store
from tseng_storage.usage import Usage
from tseng_units.sensors import OfferedMetric, is_generic, metrics, raw_metrics

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


class Engine(Configuring, Defining, Depositing, Documenting, Profiling, Live):
    """An open store. Safe to use from many threads, and beside other processes on the same folder.

    Every verb takes `project`, an id or an iTwin id; without it the default project is meant. A sensor, device or node
    of another project looks as if it did not exist.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        super().__init__(store)
        self.settings = settings
        self.keys = Keys(store.catalog)
        self._monitor = Monitor(store)
        self._plans = Plans()
        self.arrivals = Arrivals()

    @classmethod
    def open(
        cls, path: "str | PathLike[str] | None" = None, *, create: bool = True, settings: Settings | None = None
    ) -> Self:
        """Open the store at `path`, else where `$TSENG_DATA` points, else `./tseng-data`.

        Raises:
            tseng_storage.errors.StoreMissing: there is none and `create` is false.
        """
        settings = settings or Settings.read()
        settings = settings if path is None else dataclasses.replace(settings, data=Path(path))
        store = StoreSettings(
            flush_rows=settings.flush_rows,
            flush_seconds=settings.flush_seconds,
            retention_seconds=settings.keep_files,
        )
        return cls(Store.open(settings.data, create=create, settings=store), settings)

    def close(self) -> None:
        """Flush what this process wrote and let go of the store; subscriptions are told nothing more."""
        self._end_live()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Projects and entities

    def project(self, project: str | None = None) -> Project:
        """Return a project by id or iTwin id; None means the default one.

        Raises:
            NotFound: no such project.
        """
        return find_project(self.store.catalog, project)

    def projects(self) -> list[Project]:
        """All projects, the default one first."""
        return self.store.catalog.projects()

    def create_project(self, name: str, itwin_id: str | None = None) -> Project:
        """Make a project."""
        return self.store.catalog.create_project(name, itwin_id)

    def delete_project(self, project: str) -> None:
        """Delete a project by id or iTwin id, with all that belongs to it.

        Raises:
            NotFound: no such project.
            Exists: it is the default one, which stays.
        """
        found = self.project(project)
        if found.is_default:
            raise Exists("the default project cannot be deleted", field="project", seen=project)
        self.store.delete_project(found.id)

    def usage(self, project: str | None = None) -> Usage:
        """How many raw values a project holds and their bytes on disk, in all and by the month in which they came in.

        Raises:
            NotFound: no such project.
        """
        return self.store.usage(self.project(project).id)

    def vitals(self, entities: Sequence[Entity]) -> list[Vitals]:
        """What the store knows of nodes, devices and sensors by itself, in their order: counts, last observation, size.

        They are as of now. What was counted once is brought forward afterwards, so asking again costs little.
        """
        return self._monitor.take(entities)

    # Metrics

    def raw_metrics(self, sensor: str, *, project: str | None = None) -> list[OfferedMetric]:
        """Raw metrics of a sensor, as stored.

        Raises:
            UnknownSensor: no such sensor in this project.
        """
        return raw_metrics(self._view(project).known(sensor))

    def raw_metrics_of(self, sensors: Collection[str], *, project: str | None = None) -> dict[str, list[OfferedMetric]]:
        """`raw_metrics` of many sensors by their ids; those that do not exist are left out."""
        return {sensor.id: raw_metrics(sensor) for sensor in self._view(project).sensors(sensors)}

    def metrics(self, sensor: str, *, project: str | None = None) -> list[OfferedMetric]:
        """Raw metrics of a sensor and the derived ones whose props resolve.

        Raises:
            UnknownSensor: no such sensor in this project.
        """
        view = self._view(project)
        return metrics(view.known(sensor), view)

    # Writing

    def upload(
        self,
        observations: Iterable[Mapping[str, Any] | uploads.Observation],
        *,
        once: Once | None = None,
        project: str | None = None,
    ) -> int:
        """Store rows of `{"sensorId", "timestamp", "values": {raw metric: number or null}}`; durable when it returns.

        Values are in the raw metric's stored unit. A later upload replaces the values of the metrics it carries. All
        rows go in, or none. `once`: what was stored under its key within a day is not stored again, nor looked at.

        Returns:
            The number of rows.

        Raises:
            UnknownSensor: a sensor does not exist.
            InvalidRequest: a row is bad; every bad index is named.
            tseng_storage.errors.KeyReused: something else was stored under the key.
        """
        home = self.project(project).id
        rows = observations if isinstance(observations, list) else list(observations)
        if not rows:
            raise InvalidRequest.at("", "must not be empty")
        if once is None or not self.store.stored(home, once):
            self._write(uploads.from_rows(rows, lambda sensors: self._accepts(home, sensors)), home, once)
        return len(rows)

    def upload_table(
        self, table: "pa.Table | pd.DataFrame", *, once: Once | None = None, project: str | None = None
    ) -> int:
        """Store columns `sensor`, `metric`, `time` (UTC), `value` (stored unit); durable when it returns.

        Large tables are written to Parquet at once. All rows go in, or none. `once` is that of `upload`.

        Returns:
            The number of rows.

        Raises:
            UnknownSensor: a sensor does not exist.
            InvalidRequest: a column is absent or of the wrong type, or a metric is not one of its sensor.
            tseng_storage.errors.KeyReused: something else was stored under the key.
        """
        home = self.project(project).id
        if once is not None and self.store.stored(home, once):
            return len(table)
        checked = uploads.from_columns(table, lambda sensors: self._accepts(home, sensors))
        self._write(checked, home, once)
        return int(checked.num_rows)

    def _write(self, table: pa.Table | Rows, project: str, once: Once | None) -> None:
        if len(table) >= self.settings.bulk_rows:
            self.store.load(table, project, once=once)
        elif len(table):
            self.store.append(table, project, once=once)

    def _accepts(self, project: str, sensors: Sequence[str]) -> dict[str, frozenset[str] | None]:
        found = self._view(project).described(sensors)
        return {
            sensor.id: None if is_generic(sensor) else frozenset(metric.id for metric in raw_metrics(sensor))
            for sensor in found
        }

    # Reading

    def get_data(
        self, sensor: str, metric: str, unit: str, *, project: str | None = None, **options: Unpack[Options]
    ) -> Series:
        """One metric of one sensor in the unit asked for.

        Args:
            sensor: sensor id.
            metric: raw or derived metric id.
            unit: unit id of the metric's dimension.
            project: id or iTwin id; None is the default project.
            **options: window, metric parameters and the like; each is told in `tseng.requests.Options`.

        Raises:
            UnknownSensor: no such sensor.
            InvalidTimeRange: `end` lies before `start`.
            tseng_units.errors.UnitsError: metric, unit, parameter or zero reading (domain section 10).
        """
        return self.read(Request(sensor, metric, unit, **options), project=project).series()

    def stream(
        self, sensor: str, metric: str, unit: str, *, project: str | None = None, **options: Unpack[Options]
    ) -> Stream:
        """Like `get_data`, in blocks of bounded size: every refusal comes from this call, none from the blocks."""
        return self.read(Request(sensor, metric, unit, **options), project=project).stream()

    def summary(
        self, sensor: str, metric: str, unit: str, *, project: str | None = None, **options: Unpack[Options]
    ) -> dict[str, Any]:
        """First and last point and the count, as `{"first": {"timestamp", "value"}, "last": ..., "count": n}`."""
        return reads.summary(self.stream(sensor, metric, unit, project=project, **options))

    def observations(
        self,
        sensor: str,
        *,
        start: When = None,
        end: When = None,
        limit: Limit | None = None,
        as_of: When = None,
        project: str | None = None,
    ) -> Iterator[RawRows]:
        """All raw metrics of a sensor, as they are stored, in blocks of rows; the options are those of `get_data`.

        Raises:
            UnknownSensor: no such sensor.
            InvalidTimeRange: `end` lies before `start`.
            tseng_units.errors.MetricNotAvailable: a mask that cannot be understood.
        """
        return observations(self._view(project), sensor, start=start, end=end, limit=limit, as_of=as_of)

    def get_table(
        self, columns: Sequence[Mapping[str, Any]], *, project: str | None = None, **options: Unpack[TableOptions]
    ) -> Table:
        """Many metrics of many sensors over common times, all from one snapshot.

        Args:
            columns: of each `{"sensor", "metric", "unit"}`, and where wanted `"params"`, a `"name"` and, for windows,
                an `"aggregate"` of its own.
            project: id or iTwin id; None is the default project.
            **options: range, alignment and the like; each is told in `tseng.align.TableOptions`.

        Raises:
            InvalidRequest: the columns, the options or the size (`Settings.table_cells`).
            EngineError, tseng_units.errors.UnitsError: as of `get_data`; the column is named by its index.
        """
        return read_table(self._view(project), columns, options, self.settings.table_cells)

    def read(self, request: Request, *, project: str | None = None) -> reads.Read:
        """A request resolved: what can be refused has been, and nothing is computed yet."""
        return reads.Read(self._view(project), request, self._plans)

    def replay(self, provenance: Mapping[str, Any]) -> Series:
        """Compute again what a provenance document describes, from what was known then: `series.provenance`.

        Raises:
            InvalidRequest: it is no such document, or of another store, a newer engine, or a metric since redefined.
        """
        from tseng.replay import recompute

        return recompute(self.store, provenance)

    def sql(self, query: str) -> "duckdb.DuckDBPyRelation":
        """Run SQL over one snapshot of the store; see `docs/sql.md` for its views and functions."""
        from tseng.sql import session

        return session(self).sql(query)

    def _view(self, project: str | None) -> ProjectView:
        return ProjectView(self.store, self.project(project).id)
