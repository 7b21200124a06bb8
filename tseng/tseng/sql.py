"""SQL over the store: DuckDB views of one snapshot, plus the units and the derived series as functions."""

from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tseng.errors import InvalidRequest
from tseng.reads import Read
from tseng.requests import Request
from tseng.view import ProjectView
from tseng_units.catalogue import METRICS
from tseng_units.registry import DIMENSIONS, Dimension, common_dimension, conversion

if TYPE_CHECKING:
    import duckdb

    from tseng.engine import Engine
    from tseng_storage.snapshot import Snapshot

_POINTS = pa.list_(pa.struct([("time", pa.timestamp("us", "UTC")), ("value", pa.float64())]))


def session(
    engine: "Engine", project: str | None = None, *, at: "Snapshot | None" = None
) -> "duckdb.DuckDBPyConnection":
    """Open a DuckDB connection over one snapshot of the store: `at`, else the newest; of one project, else of all.

    Views: `observations`, `sensors`, `devices`, `nodes` (storage) and `metrics`, `units` (the catalogue). Functions:
    `convert(value, from, to)` for absolute values, `convert_delta(value, from, to)` for differences, and the table
    function `get_data(sensor, metric, unit[, params as JSON][, as_of := time])` with columns time, value. It reads the
    project given, else the default one, whose own metrics stand in `metrics` too.
    """
    snapshot = at or engine.store.snapshot()
    connection = engine.store.session(None if project is None else [engine.project(project).id], at=snapshot)
    # Where a query larger than memory spills to: DuckDB would take the folder that the user stands in.
    connection.execute("SET temp_directory = ?", [str(Path(gettempdir()) / "tseng-sql")])
    view = ProjectView(engine.store, engine.project(project).id, at=snapshot)
    connection.register("metrics", _metrics(view))
    connection.register("units", _units())
    _register(connection, "convert", _convert, ["DOUBLE", "VARCHAR", "VARCHAR"], "DOUBLE")
    _register(connection, "convert_delta", _convert_delta, ["DOUBLE", "VARCHAR", "VARCHAR"], "DOUBLE")
    _register_get_data(connection, view)
    return connection


def _register(
    connection: "duckdb.DuckDBPyConnection",
    name: str,
    function: Callable[..., pa.Array],
    takes: list[str],
    gives: str,
) -> None:
    # NULLs are handed over too: by default a NULL parameter makes an answer without rows, and no NULL may come out.
    connection.create_function(name, function, takes, gives, type="arrow", null_handling="special")


def _register_get_data(connection: "duckdb.DuckDBPyConnection", view: ProjectView) -> None:
    def points(sensor: pa.Array, metric: pa.Array, unit: pa.Array, params: pa.Array, as_of: pa.Array) -> pa.Array:
        rows = zip(*(each.to_pylist() for each in (sensor, metric, unit, params, as_of)), strict=True)
        return pa.concat_arrays([_points(view, *row) for row in rows])

    answer = 'STRUCT("time" TIMESTAMPTZ, value DOUBLE)[]'
    _register(connection, "series_points", points, ["VARCHAR"] * 5, answer)
    connection.execute(
        "CREATE TEMP MACRO get_data(sensor, metric, unit, params := '{}', as_of := NULL) AS TABLE "
        "SELECT unnest(series_points(sensor, metric, unit, params, as_of::VARCHAR), recursive := true)"
    )


def _points(
    view: ProjectView,
    sensor: str | None,
    metric: str | None,
    unit: str | None,
    params: str | None,
    as_of: str | None,
) -> pa.Array:
    for name, given in (("sensor", sensor), ("metric", metric), ("unit", unit)):
        if given is None:
            raise InvalidRequest.at(name, "is NULL")
    request = Request(str(sensor), str(metric), str(unit), _params(params or "{}"), as_of=as_of)
    series = Read(view, request).series().to_arrow().combine_chunks()
    columns = [series["time"].combine_chunks(), series["value"].combine_chunks()]
    points = pa.StructArray.from_arrays(columns, fields=list(_POINTS.value_type))
    return pa.ListArray.from_arrays(pa.array([0, len(points)], pa.int32()), points, type=_POINTS)


def _params(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise InvalidRequest.at("params", f"{text!r} is not a JSON object: {error}") from None


def _convert(value: pa.Array, from_: pa.Array, to: pa.Array) -> pa.Array:
    return _by_pair(value, from_, to, delta=False)


def _convert_delta(value: pa.Array, from_: pa.Array, to: pa.Array) -> pa.Array:
    return _by_pair(value, from_, to, delta=True)


def _by_pair(value: pa.Array, from_: pa.Array, to: pa.Array, *, delta: bool) -> pa.Array:
    """Convert row by row where the units differ from row to row, at once where they do not (the usual case)."""
    pairs = pa.table({"from": from_, "to": to}).group_by(["from", "to"]).aggregate([]).to_pylist()
    result = pa.nulls(len(value), pa.float64())
    for pair in pairs:
        if None in pair.values():
            continue
        affine = conversion(_dimension(pair["from"], pair["to"], delta=delta), pair["from"], pair["to"])
        chosen = pc.and_(pc.equal(from_, pair["from"]), pc.equal(to, pair["to"]))
        with np.errstate(over="ignore"):
            converted = pa.array(affine.apply(value.to_numpy(zero_copy_only=False)))
        # Nothing but numbers leaves: what overflows is missing.
        result = pc.if_else(pc.and_(chosen, pc.is_finite(converted)), converted, result)
    return result.combine_chunks() if isinstance(result, pa.ChunkedArray) else result


def _dimension(from_: str, to: str, *, delta: bool) -> Dimension:
    dimension = common_dimension(from_, to)
    return DIMENSIONS["temperature_delta"] if delta and dimension.name == "temperature" else dimension


def _metrics(view: ProjectView) -> pa.Table:
    fields = ("id", "name", "display_name", "notation", "dimension", "default_unit", "raw")
    known = (*METRICS.values(), *(each.metric for each in view.definitions.values()))
    return pa.Table.from_pylist([{field: getattr(metric, field) for field in fields} for metric in known])


def _units() -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"dimension": dimension.name, "id": unit.id, "name": unit.name, "notation": unit.notation}
            for dimension in DIMENSIONS.values()
            for unit in dimension.units.values()
        ]
    )
