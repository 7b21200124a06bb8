"""A person's own file in place of the simulated site: imported with as little asked as possible, then shown."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tseng.demo import show
from tseng.demo.derive import show_derived
from tseng.errors import InvalidRequest
from tseng.importers.delimited import delimiter_of, split_line
from tseng.importers.files import import_file
from tseng.importers.formats import CSV, recognise
from tseng.importers.options import ImportOptions
from tseng.importers.source import Source

if TYPE_CHECKING:
    from tseng.engine import Engine

_TIME_WORDS = ("time", "date", "stamp", "index")
_LINES_OF_METRICS = 60
_DERIVABLE = ("CSV", "Campbell TOA5", "Solinst XLE")


def header(path: Path) -> list[str]:
    """Column names of a CSV file; empty for every other format."""
    with Source(path) as source:
        if recognise(source) is not CSV:
            return []
        for piece in source.blocks():
            lines = [line for line in piece.decode().split("\n") if line.strip() and not line.startswith("#")]
            return split_line(lines[0], delimiter_of(lines[0])) if lines else []
    return []


def guessed(path: Path) -> ImportOptions:
    """Options for a file nobody said anything about: a sensor named after it, the column that looks like the time."""
    options = ImportOptions(create="GENERIC_SENSOR_SDE")
    names = header(path)
    if not names:
        return options
    lowered = [name.lower() for name in names]
    if "sensor" not in lowered:
        options = replace(options, sensor=f"/import/{path.name.split('.')[0]}/sensor")
    if "value" in lowered and "metric" not in lowered:
        options = replace(options, metric="value")
    if not {"time", "timestamp"} & set(lowered):
        looks = [name for name, low in zip(names, lowered, strict=True) if any(word in low for word in _TIME_WORDS)]
        if not looks:
            message = f"the first line of {path.name} names no time column: {', '.join(names)}"
            raise InvalidRequest.at("file", message)
        options = replace(options, time_column=looks[0])
    return options


def _series(engine: "Engine", sensors: list[str]) -> list[tuple[show.Question, tuple[str, ...]]]:
    """A line per raw metric that has readings."""
    found = []
    for sensor in sensors:
        for metric in engine.raw_metrics(sensor):
            data = engine.get_data(sensor, metric.id, metric.default_unit)
            if len(data.value):
                span = (show.stamp(data.time[0]), show.stamp(data.time[-1]))
                figures = tuple(f"{value:.6g}" for value in (data.value.min(), data.value.mean(), data.value.max()))
                question = show.Question(sensor, metric.id, metric.default_unit)
                found.append((question, (sensor, metric.id, data.unit, f"{len(data.value):,}", *span, *figures)))
    return found


def show_file(engine: "Engine", data: Path, path: Path) -> None:
    """Import a person's file and show what came in.

    Raises:
        tseng.errors.EngineError: the file cannot be read; the message says why.
    """
    options = guessed(path)
    report = import_file(engine, path, options)
    show.imported([report])
    if options.time_column:
        print(f"  column {options.time_column!r} looked like the time and was taken as such")
    show.remarks([report])
    sensors = list(report.sensors)
    found = _series(engine, sensors)
    if not found:
        print("\nNo readings came in.")
        return
    print(f"\nWhat is there now ({len(found)} series):")
    head = ("sensor", "metric", "unit", "count", "first", "last", "min", "mean", "max")
    rows = [row for _, row in found[:_LINES_OF_METRICS]]
    show.table([head, *rows], right=frozenset({3, 6, 7, 8}))
    if len(found) > len(rows):
        print(f"  ... and {len(found) - len(rows)} more")
    derived = show_derived(engine, path, options, sensors, header(path)) if report.format in _DERIVABLE else None
    show.ask_again(engine, data, derived or found[0][0], found[0][1][4])
