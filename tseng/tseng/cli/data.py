"""`import`, `get`, `table` and `sql`: readings in, answers out."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tseng.cli.options import Data, ProjectOption, choice, json_values, open_engine, pairs

if TYPE_CHECKING:
    import pyarrow as pa

    from tseng.series import Stream


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("import")(import_files)
    app.command("get")(get)
    app.command("table")(table)
    app.command("sql")(sql)


def get(
    sensor: Annotated[str, typer.Argument(help="Sensor id.")],
    metric: Annotated[str, typer.Argument(help="Metric id, raw or derived.")],
    unit: Annotated[str, typer.Argument(help="Unit id of the metric's dimension.")],
    start: Annotated[str | None, typer.Option(help="First instant, inclusive (ISO 8601; without zone UTC).")] = None,
    end: Annotated[str | None, typer.Option(help="Last instant, inclusive.")] = None,
    param: Annotated[
        list[str] | None, typer.Option(help="Metric parameter NAME=VALUE[,UNIT]: ZERO_DATE=2017-03-01, dt=2,h.")
    ] = None,
    limit: Annotated[str | None, typer.Option(help="Only the `first` or the `last` point.")] = None,
    aggregate: Annotated[
        str | None, typer.Option(help="mean, min, max, std, p95, rate/h … of each window; or `interpolate`.")
    ] = None,
    window: Annotated[str | None, typer.Option(help="Windows of the aggregate: 10min, 1h, 1d, 1w, 1month …")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Zone whose days the windows keep to [UTC].")] = None,
    max_gap: Annotated[str | None, typer.Option(help="Interpolate over gaps of at most this, such as 2h.")] = None,
    points: Annotated[int | None, typer.Option(help="At most so many points, chosen for a chart.")] = None,
    gap: Annotated[str | None, typer.Option(help="Mark where points are farther apart than this, such as 1h.")] = None,
    as_of: Annotated[str | None, typer.Option(help="Answer as it was known at this instant.")] = None,
    format: Annotated[str, typer.Option("--format", help="table, json, columns, csv, arrow or parquet.")] = "table",
    provenance: Annotated[
        bool, typer.Option(help="Also say how the values came to be: in the answer, for table and csv on stderr.")
    ] = False,
    project: ProjectOption = None,
    data: Data = None,
) -> None:
    """Get one metric of one sensor in the unit asked for."""
    form = choice("--format", format, ("table", "json", "columns", "csv", "arrow", "parquet"))
    edge = None if limit is None else choice("--limit", limit, ("first", "last"))
    with open_engine(data) as engine:
        stream = engine.stream(
            sensor, metric, unit, params=_params(param or []), start=start, end=end, limit=edge, aggregate=aggregate,
            window=window, time_zone=time_zone, max_gap=max_gap, points=points, gap=gap, as_of=as_of,
            project=project,
        )  # fmt: skip
        beside = form in ("table", "csv")
        stream = replace(stream, telling=provenance and not beside)
        _write(_table(stream) if form == "table" else _encoded(stream, form))
        if provenance and beside:
            print(_pretty(stream.provenance), file=sys.stderr)


def table(
    column: Annotated[list[str], typer.Option(help="Sensor, metric and unit with commas between; may be repeated.")],
    start: Annotated[str | None, typer.Option(help="First instant, inclusive (ISO 8601; without zone UTC).")] = None,
    end: Annotated[str | None, typer.Option(help="Last instant, inclusive.")] = None,
    param: Annotated[
        list[str] | None, typer.Option(help="Metric parameter of all columns: NAME=VALUE[,UNIT], as of `get`.")
    ] = None,
    align: Annotated[
        str, typer.Option(help="exact: all times; nearest: the first column's times; window: aggregates.")
    ] = "exact",
    tolerance: Annotated[str | None, typer.Option(help="With nearest: how far off a reading may be, as 5min.")] = None,
    window: Annotated[str | None, typer.Option(help="With window: 10min, 1h, 1d, 1w, 1month …")] = None,
    aggregate: Annotated[str | None, typer.Option(help="With window: mean, max, p95, rate/h …")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Zone whose days the windows keep to [UTC].")] = None,
    max_gap: Annotated[str | None, typer.Option(help="With `interpolate`: over gaps of at most this.")] = None,
    as_of: Annotated[str | None, typer.Option(help="Answer as it was known at this instant.")] = None,
    format: Annotated[str, typer.Option("--format", help="csv, json, arrow or parquet.")] = "csv",
    provenance: Annotated[
        bool, typer.Option(help="Also say how the values came to be: in the answer, for csv on stderr.")
    ] = False,
    project: ProjectOption = None,
    data: Data = None,
) -> None:
    """Get many metrics of many sensors as one table."""
    form = choice("--format", format, ("csv", "json", "arrow", "parquet"))
    alignment = choice("--align", align, ("exact", "nearest", "window"))
    params = _params(param or [])
    columns = [{**_column(text), "params": params} for text in column]
    with open_engine(data) as engine:
        from tseng.formats import TABLE_FORMATS

        answer = engine.get_table(
            columns, start=start, end=end, align=alignment, tolerance=tolerance, window=window, aggregate=aggregate,
            time_zone=time_zone, max_gap=max_gap, as_of=as_of, project=project,
        )  # fmt: skip
        _write(TABLE_FORMATS[form](replace(answer, telling=provenance and form != "csv")))
        if provenance and form == "csv":
            print(_pretty({each.name: each.provenance for each in answer.columns}), file=sys.stderr)


def sql(
    query: Annotated[
        str, typer.Argument(help="One SELECT over observations, sensors, devices, nodes, metrics, units.")
    ],
    format: Annotated[str, typer.Option("--format", help="table, json, csv, arrow or parquet.")] = "table",
    data: Data = None,
) -> None:
    """Run SQL (DuckDB) over one snapshot of the store."""
    form = choice("--format", format, ("table", "json", "csv", "arrow", "parquet"))
    with open_engine(data) as engine:
        from tseng.sql import session

        with session(engine) as connection:
            relation = connection.sql(query)
            if relation is None:
                return
            if form == "table":
                relation.show(max_width=10_000, max_rows=10_000)
            else:
                _write(_relation(relation.to_arrow_table(), form))


def import_files(
    files: Annotated[list[Path], typer.Argument(help="csv, csv.gz, parquet, Campbell TOA5, AGS4 or Solinst XLE.")],
    sensor: Annotated[str | None, typer.Option(help="Sensor id, where the file names none.")] = None,
    metric: Annotated[str | None, typer.Option(help="Metric id of a `value` column.")] = None,
    unit: Annotated[str | None, typer.Option(help="Unit of the values, where the file names none.")] = None,
    tz: Annotated[str | None, typer.Option(help="Zone of times without one: Europe/Amsterdam, -07:00 [UTC].")] = None,
    create: Annotated[str | None, typer.Option(help="Make missing sensors, of this type.", metavar="TYPE")] = None,
    prop: Annotated[list[str] | None, typer.Option(help="Prop of sensors made, such as GAUGE_LENGTH=2.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="Take this column alone: NAME=metric[:unit].")] = None,
    time_column: Annotated[str | None, typer.Option(help="Header of the time column, if unusual.")] = None,
    time_format: Annotated[str | None, typer.Option(help="How times are written, if not ISO: %d/%m/%Y %H:%M.")] = None,
    sentinel: Annotated[list[float] | None, typer.Option(help="Number that means missing, such as -999.")] = None,
    project: ProjectOption = None,
    data: Data = None,
) -> None:
    """Import files; importing one again changes nothing. Bad rows are named by line, the good ones go in."""
    from tseng.cli.progress import import_with_progress
    from tseng.importers.door import Door
    from tseng.importers.options import ImportOptions, column_map

    options = ImportOptions(
        sensor=sensor,
        metric=metric,
        unit=unit,
        tz=tz,
        create=create,
        props=json_values("--prop", prop or []),
        columns=tuple(map(column_map, column or [])),
        time_column=time_column,
        time_format=time_format,
        sentinel=tuple(sentinel) if sentinel else None,
        project=project,
    )
    # A new store has no project but the default one.
    with Door(partial(open_engine, data), make=project is None) as door:
        clean = [import_with_progress(door, file, options) for file in files]
    if not all(clean):
        raise typer.Exit(1)


def _params(texts: list[str]) -> dict[str, Any]:
    from tseng.parameters import from_text

    return {name: from_text(value) for name, value in pairs("--param", texts)}


def _column(text: str) -> dict[str, str]:
    # Ids of sensors may hold commas, those of metrics and units do not.
    parts = text.rsplit(",", 2)
    if len(parts) != 3:
        raise typer.BadParameter(f"{text!r} is not SENSOR,METRIC,UNIT", param_hint="--column")
    return dict(zip(("sensor", "metric", "unit"), parts, strict=True))


def _encoded(stream: "Stream", name: str) -> Iterator[bytes]:
    from tseng.formats import FORMATS

    return FORMATS[name].encode(stream)


def _table(stream: "Stream") -> Iterator[bytes]:
    from tseng.text import iso_times, numbers, rows
    from tseng_units.instants import format_instant

    yield f"# {stream.sensor}\n# {stream.metric} [{stream.unit}]\n".encode()
    for time, value in stream.blocks:
        if len(time):
            yield bytes(rows(iso_times(time, b"", b"Z  "), numbers(value), b"\n"))
    for gaps in stream.gaps or ():
        for before, after in gaps.tolist():
            yield f"# gap from {format_instant(before)} to {format_instant(after)}\n".encode()


def _relation(table: "pa.Table", name: str) -> Iterator[bytes]:
    from tseng.tables import ENCODERS

    return ENCODERS[name](table)


def _write(chunks: Iterator[bytes]) -> None:
    for chunk in chunks:
        sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def _pretty(value: Any) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
