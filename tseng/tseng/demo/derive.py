"""A derived metric from a person's own file: one column whose unit says what it measures, since its first reading."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tseng.demo import show
from tseng.importers.files import import_file
from tseng.importers.options import ColumnMap, ImportOptions

if TYPE_CHECKING:
    from tseng.engine import Engine


@dataclass(frozen=True)
class Recipe:
    """What a column can be taken for: a sensor type, its raw metric, the derived metric and unit to show.

    `named` is a pattern that the column's name must have where the unit alone does not say what is measured: degrees
    may be of the wind.
    """

    type: str
    raw: str
    derived: str
    unit: str
    named: str = ""


LEVEL = Recipe("WATER_LEVEL_VENTED", "P_raw", "dhead", "m")
RECIPES = {
    "angle": Recipe("TILT_UNIAXIAL", "tilt_x", "dtilt_x", "mrad", "tilt|inc|rot"),
    "length": Recipe("DISPLACEMENT", "disp", "ddisp", "mm", "disp|crack|joint|move|settle|deform"),
    "temperature": Recipe("TEMPERATURE_SDE", "T", "dT", "F"),
}
"""By dimension of the column's unit; the first dimension of this table that a file has is shown."""


@dataclass(frozen=True)
class Found:
    """A column, as metric of the sensor it came in for, and what it can be taken for."""

    metric: str
    recipe: Recipe


def _candidates(engine: "Engine", sensors: Sequence[str]) -> Iterator[Found]:
    offered = [metric for sensor in sensors for metric in engine.raw_metrics(sensor)]
    levels = (metric for metric in offered if metric.id.upper() == "LEVEL" and metric.dimension == "length")
    yield from (Found(metric.id, LEVEL) for metric in levels)
    for dimension, recipe in RECIPES.items():
        fitting = (metric.id for metric in offered if metric.dimension == dimension)
        yield from (Found(id, recipe) for id in fitting if re.search(recipe.named, id, re.IGNORECASE))


def _options(path: Path, found: Found, options: ImportOptions, names: Sequence[str]) -> ImportOptions:
    """Options that import that one column into a sensor of its own."""
    sensor = f"/import/{path.name.split('.')[0]}/{found.metric}/sensor"
    picked = next((name for name in names if name.partition(" [")[0] == found.metric), found.metric)
    columns = () if found.recipe is LEVEL else (ColumnMap(picked, found.recipe.raw),)
    return replace(options, sensor=sensor, metric=None, create=found.recipe.type, columns=columns)


def _command(path: Path, options: ImportOptions) -> str:
    """Spell the options as a person would type them."""
    words = [f'--sensor "{options.sensor}"', f"--create {options.create}"]
    words += [f'--column "{each.name}={each.metric}"' for each in options.columns]
    words += [f'--time-column "{options.time_column}"'] if options.time_column else []
    return f"{show.command()} import {path} {' '.join(words)}"


def show_derived(
    engine: "Engine", path: Path, options: ImportOptions, sensors: Sequence[str], names: Sequence[str]
) -> show.Question | None:
    """Import one column once more as what it is, and print what is derived from it.

    Args:
        engine: the store.
        path: the person's file.
        options: those it was imported with.
        sensors: the sensors it filled.
        names: its header, if it has one.

    Returns:
        What was asked; None where no unit says what a column measures.
    """
    found = next(_candidates(engine, sensors), None)
    if found is None:
        print("\nNo column has a unit from which a metric can be derived. With one, for example:")
        example = replace(options, sensor="/my/sensor", create="TEMPERATURE_SDE", columns=(ColumnMap("NAME", "T:C"),))
        print(f"  {_command(path, example)}")
        return None
    chosen, recipe = _options(path, found, options, names), found.recipe
    import_file(engine, path, chosen)
    question = show.Question(chosen.sensor or "", recipe.derived, recipe.unit)
    print(f"\nA derived metric: {found.metric} taken as {recipe.raw} of a {recipe.type}, since its first reading:")
    print(f"  {_command(path, chosen)}")
    show.answer(f"{recipe.derived} in {recipe.unit}", engine.get_data(question.sensor, question.metric, question.unit))
    return question
