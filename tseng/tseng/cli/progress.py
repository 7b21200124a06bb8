"""What a person sees of an import: a bar on a terminal, and a few lines on what came of it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tseng.importers.files import import_file

if TYPE_CHECKING:
    from tseng.engine import Engine
    from tseng.importers.options import ImportOptions
    from tseng.importers.report import ImportReport

_BAD_ROWS_SHOWN = 20


def import_with_progress(engine: "Engine", file: Path, options: "ImportOptions") -> bool:
    """Import one file, report on stdout, name bad rows on stderr; return whether every row was good."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(file.name, total=None)
        report = import_file(engine, file, options, lambda done, total: bar.update(task, completed=done, total=total))
    _print(report)
    return not report.bad_count


def _print(report: "ImportReport") -> None:
    made = f", {len(report.sensors_created)} sensors created" if report.sensors_created else ""
    known = f", {report.unchanged} were there already" if report.unchanged else ""
    print(f"{report.path}: {report.format}, {report.rows} rows, {report.stored} observations stored{known}{made}")
    for note in report.notes:
        print(f"  {note}")
    for bad in report.bad_rows[:_BAD_ROWS_SHOWN]:
        print(f"{report.path}:{bad.line}: {bad.seen!r} {bad.reason}", file=sys.stderr)
    if report.bad_count > _BAD_ROWS_SHOWN:
        print(f"{report.path}: and {report.bad_count - _BAD_ROWS_SHOWN} more bad rows", file=sys.stderr)
