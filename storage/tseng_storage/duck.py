"""A DuckDB connection whose views show exactly one snapshot of a store.

Segments whose boxes (sensors by times by metrics) touch no other segment, nor the tail, and that hold one version of
each point are read as they are. Only the others go through a window function that keeps the last version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from tseng_storage.catalog import Catalog
from tseng_storage.entities import KINDS, Entity
from tseng_storage.layout import Layout
from tseng_storage.observations import MICROSECONDS, Rows
from tseng_storage.ordering import in_order, joined, last_versions
from tseng_storage.overlap import contested_segments
from tseng_storage.reader import Reader
from tseng_storage.segments import Segment, arrow, box_of
from tseng_storage.snapshot import Snapshot

if TYPE_CHECKING:
    from tseng_storage.store import Store

_COLUMNS = "project, sensor, metric, time, value, received"

_EMPTY = (
    "SELECT ''::VARCHAR AS project, ''::VARCHAR AS sensor, ''::VARCHAR AS metric, NULL::TIMESTAMPTZ AS time, "
    "NULL::DOUBLE AS value, NULL::TIMESTAMPTZ AS received WHERE false"
)


def session(
    store: Store, projects: Collection[str] | None = None, *, at: Snapshot | None = None
) -> duckdb.DuckDBPyConnection:
    """An in-memory connection with views observations, sensors, devices and nodes; the caller closes it.

    `projects`: those shown, None for all. `at`: an earlier snapshot instead of the newest. Missing values are left out,
    of several versions the last one counts.
    """
    return store.session(projects, at=at)


def open_session(
    layout: Layout, reader: Reader, catalog: Catalog, at: Snapshot, projects: Collection[str] | None = None
) -> duckdb.DuckDBPyConnection:
    """`session` from the parts of a store. Raises FileNotFoundError when a segment was vacuumed under `at`."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    shown = [project.id for project in catalog.projects() if projects is None or project.id in projects]
    parts = [
        part
        for number, project in enumerate(shown)
        for part in _project_parts(connection, layout, reader, at, project, f"tail_{number}")
    ]
    union = " UNION ALL ".join(parts or [_EMPTY])
    connection.execute(f"CREATE VIEW observations AS SELECT {_COLUMNS} FROM ({union}) WHERE value IS NOT NULL")
    for kind in KINDS:
        entities = [entity for project in shown for entity in catalog.entities(project, kind)]
        _materialise(connection, f"{kind}_rows", _entity_table(entities))
        connection.execute(
            f"CREATE VIEW {kind}s AS SELECT * REPLACE (props::JSON AS props, custom_props::JSON AS custom_props) "
            f"FROM {kind}_rows"
        )
    return connection


def _project_parts(
    connection: duckdb.DuckDBPyConnection, layout: Layout, reader: Reader, at: Snapshot, project: str, name: str
) -> Iterable[str]:
    """SELECTs that together show the observations of a project, each point once; its tail becomes table `name`."""
    segments = at.index.project(project)
    tail = _tail(at, project)
    contested = contested_segments(segments, reader.facts, [] if tail is None else [box_of(tail)])
    contested |= {segment.name for segment in segments if reader.facts(segment).several}
    plain = [segment for segment in segments if segment.name not in contested]
    mixed = [segment for segment in segments if segment.name in contested]
    if plain:
        yield _select(project, _files(layout, plain))
    sources = [_files(layout, mixed)] if mixed else []
    if tail is not None:
        _materialise(connection, name, arrow(tail, True))
        sources.append(f'"{name}"')
    if mixed:
        every = " UNION ALL ".join(f"SELECT sensor, metric, time, value, received, seq FROM {one}" for one in sources)
        newest = "row_number() OVER (PARTITION BY sensor, metric, time ORDER BY seq DESC) = 1"
        yield _select(project, f"(SELECT * FROM ({every}) QUALIFY {newest})")
    elif sources:
        yield _select(project, sources[0])


def _select(project: str, source: str) -> str:
    return f"SELECT {_quoted(project)} AS project, sensor, metric, time, value, received FROM {source}"


def _files(layout: Layout, segments: Sequence[Segment]) -> str:
    paths = ", ".join(_quoted(pattern(layout.segment(segment.name))) for segment in segments)
    return f"read_parquet([{paths}], hive_partitioning = false)"


def pattern(path: Path) -> str:
    """A path as the views name it: DuckDB takes file names for patterns, and this one matches `path` alone."""
    return re.sub(r"[\[?*]", lambda found: f"[{found[0]}]", str(path))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _tail(at: Snapshot, project: str) -> Rows | None:
    """The unflushed rows of a project, the last version of each point."""
    uploads = [rows for owner, rows in at.tail.uploads(at.upto, at.table.flushed) if owner == project]
    if not uploads:
        return None
    return last_versions(in_order(joined(uploads)))


def _entity_table(entities: Sequence[Entity]) -> pa.Table:
    schema = pa.schema([
        *((name, pa.string()) for name in ("project", "id", "type", "parent", "props", "custom_props")),
        ("observation_type", pa.string()), ("ref_id", pa.string()),
        ("created", MICROSECONDS), ("modified", MICROSECONDS),
    ])  # fmt: skip
    texts = ("props", "custom_props")
    rows = [{**vars(entity), **{name: json.dumps(getattr(entity, name)) for name in texts}} for entity in entities]
    return pa.Table.from_pylist(rows, schema=schema)


def _materialise(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Copy an Arrow table into the session, so that it depends on nothing outside."""
    connection.register("incoming", table)
    connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM incoming')
    connection.unregister("incoming")
