"""Small stores and tables for the storage tests."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa

from tseng_storage import delta
from tseng_storage.catalog import Catalog
from tseng_storage.entities import Edit, Entity, Kind
from tseng_storage.errors import ChangesRefused
from tseng_storage.settings import StoreSettings
from tseng_storage.store import Store

PROJECT = "default"

QUIET = StoreSettings(background=False, flush_on_close=False)
"""Nothing happens but what a test asks for."""

SMALL = StoreSettings(
    background=False, flush_on_close=False, group_rows=4, segment_rows=32, merge_rows=8, block_points=5, compact_files=2
)
"""Every limit so low that a handful of rows crosses it."""

Point = tuple[str, str, int, float | None]


def table(points: Sequence[Point]) -> pa.Table:
    """An input table of (sensor, metric, epoch us, value)."""
    sensors, metrics, times, values = zip(*points, strict=True) if points else ((), (), (), ())
    return pa.table({
        "sensor": pa.array(sensors, pa.string()),
        "metric": pa.array(metrics, pa.string()),
        "time": pa.array(times, pa.timestamp("us")),
        "value": pa.array(values, pa.float64()),
    })  # fmt: skip


def series(values: Mapping[int, float | None], sensor: str = "/s", metric: str = "T") -> pa.Table:
    """An input table of one series."""
    return table([(sensor, metric, time, value) for time, value in values.items()])


def read(
    store: Store, sensor: str = "/s", metric: str = "T", start: int | None = None, end: int | None = None
) -> dict[int, float]:
    """What the store answers for one series."""
    times, values = store.read(PROJECT, sensor, metric, start, end)
    assert times.dtype == np.int64
    assert values.dtype == np.float64
    return dict(zip(times.tolist(), values.tolist(), strict=True))


def seen_by_duckdb(store: Store) -> dict[tuple[str, str, int], float]:
    """All observations as the DuckDB view shows them; fails when it shows a point twice."""
    connection = store.session()
    try:
        rows = connection.sql("SELECT sensor, metric, epoch_us(time), value FROM observations").fetchall()
    finally:
        connection.close()
    seen = {(sensor, metric, time): value for sensor, metric, time, value in rows}
    assert len(seen) == len(rows)
    return seen


def opened(path: Path, settings: StoreSettings = QUIET) -> Store:
    """The store at `path`, made when absent."""
    return Store.open(path, settings=settings)


@contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """Do something while the bulk load of the block has its number and is not seen yet."""
    commit, done = delta.commit, False

    def slowly(*arguments: Any, **keywords: Any) -> Any:
        nonlocal done
        if not done:
            done = True
            act()
        return commit(*arguments, **keywords)

    with patch.object(delta, "commit", slowly):
        yield


def edited(
    catalog: Catalog,
    kind: Kind,
    id: str,
    props: Mapping[str, Any],
    valid_from: int | None = None,
    *,
    by: str | None = None,
    project: str = PROJECT,
) -> Entity:
    """Set some props of one entity; what is wrong with that is raised as it is."""
    try:
        (entity,) = catalog.apply(project, [Edit(kind, id, props, valid_from=valid_from)], by=by)
    except ChangesRefused as refused:
        ((_, fault),) = refused.faults
        raise fault from None
    return entity
