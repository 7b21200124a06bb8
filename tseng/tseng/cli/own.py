"""`metrics` and `units`: what a project defines for itself."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tseng.cli.options import Data, ProjectOption, columns, open_engine


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    metrics = typer.Typer(help="Metrics of a project's own, beside the catalogue.", no_args_is_help=True)
    metrics.command("add")(add_metrics)
    metrics.command("list")(list_metrics)
    metrics.command("remove")(remove_metric)
    app.add_typer(metrics, name="metrics")
    units = typer.Typer(help="What free-text units of a project's sensors mean.", no_args_is_help=True)
    units.command("map")(map_unit)
    units.command("list")(list_units)
    units.command("unmap")(unmap_unit)
    app.add_typer(units, name="units")


def add_metrics(
    file: Annotated[Path, typer.Argument(help="TOML with a table [metrics.ID] for each metric.")],
    project: ProjectOption = None,
    data: Data = None,
) -> None:
    """Define the metrics of a file, or define them anew; all of them or none."""
    definitions = _definitions(file)
    with open_engine(data) as engine:
        made = engine.define_metrics(definitions, project=project)
    for each in made:
        print(f"{each.id} version {each.version}")


def list_metrics(project: ProjectOption = None, data: Data = None) -> None:
    """List the project's own metrics and those of plugins; what is broken is named on stderr."""
    with open_engine(data) as engine:
        found = engine.metrics_defined(project=project)
    rows = [("id", "version", "unit", "defined by", "expression")]
    rows += [
        (
            each.id,
            str(each.version),
            _said(each.definition, "unit"),
            each.defined_by,
            _said(each.definition, "expression"),
        )
        for each in found
        if each.problem is None
    ]
    columns(rows)
    for each in found:
        if each.problem is not None:
            typer.echo(f"tseng: {each.id} is not in use: {each.problem}", err=True)


def remove_metric(
    metric: Annotated[str, typer.Argument(metavar="ID", help="The id that `metrics list` shows.")],
    project: ProjectOption = None,
    data: Data = None,
) -> None:
    """Forget a metric of the project's own; no reading is touched."""
    with open_engine(data) as engine:
        engine.remove_metric(metric, project=project)


def map_unit(
    text: Annotated[str, typer.Argument(help="The free-text unit, as the sensors declare it.")],
    unit: Annotated[str, typer.Argument(help="Unit id that it is a multiple of.")],
    scale: Annotated[float, typer.Option(help="Value in UNIT = value as stored x scale + offset.")] = 1.0,
    offset: Annotated[float, typer.Option(help="Added after scaling, in UNIT.")] = 0.0,
    dimension: Annotated[str | None, typer.Option(help="Dimension, where several hold UNIT (C, pct).")] = None,
    project: ProjectOption = None,
    data: Data = None,
) -> None:
    """Say what a free-text unit means; nothing stored changes, and the text stays a unit."""
    with open_engine(data) as engine:
        engine.map_unit(text, unit, scale=scale, offset=offset, dimension=dimension, project=project)


def list_units(project: ProjectOption = None, data: Data = None) -> None:
    """List the project's unit maps."""
    with open_engine(data) as engine:
        found = engine.unit_maps(project=project)
    rows = [("text", "unit", "scale", "offset", "dimension")]
    columns(rows + [(each.text, each.unit, f"{each.scale!r}", f"{each.offset!r}", each.dimension) for each in found])


def unmap_unit(
    text: Annotated[str, typer.Argument(help="The text that `units list` shows.")],
    project: ProjectOption = None,
    data: Data = None,
) -> None:
    """Forget a map: the text converts to nothing but itself again."""
    with open_engine(data) as engine:
        engine.unmap_unit(text, project=project)


def _said(definition: Any, name: str) -> str:
    return str(definition.get(name, "-"))


def _definitions(file: Path) -> dict[str, Any]:
    """The tables below [metrics] of a TOML file.

    Raises:
        ValueError: it is no TOML, or holds something else.
    """
    import tomllib

    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    others = [name for name in table if name != "metrics"]
    if others or not isinstance(table.get("metrics"), dict):
        found = f"there is {others[0]!r} beside it" if others else "there is none"
        raise ValueError(f"{file}: the file holds tables [metrics.ID] alone, and {found}")
    definitions: dict[str, Any] = table["metrics"]
    return definitions
