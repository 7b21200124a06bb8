"""What a person sees of an import: a bar on a terminal, and a few lines on what came of it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tseng.errors import REFUSALS, InvalidRequest
from tseng.importers.files import import_file

if TYPE_CHECKING:
    from tseng.importers.door import Door
    from tseng.importers.options import ImportOptions
    from tseng.importers.report import ImportReport

_BAD_ROWS_SHOWN = 20


def import_with_progress(door: "Door", file: Path, options: "ImportOptions") -> bool:
    """Import one file, report on stdout, name bad rows on stderr; return whether every row was good.

    A file that is refused is one line on stderr, and not good either.
    """
    try:
        report = _import(door, file, options)
    except (*REFUSALS, OSError, ValueError) as error:
        print(f"tseng: {_why(file, error)}", file=sys.stderr)
        return False
    _print(report)
    return not report.bad_count


def _import(door: "Door", file: Path, options: "ImportOptions") -> "ImportReport":
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(file.name, total=None)
        return import_file(door, file, options, lambda done, total: bar.update(task, completed=done, total=total))


def _why(file: Path, error: Exception) -> str:
    """What was wrong, in one line that names the file."""
    about_file = isinstance(error, InvalidRequest) and error.field == "file"
    message = str(error).removeprefix("file: " if about_file else "")
    said = " ".join("; ".join([message, *getattr(error, "__notes__", ())]).split())
    return said if file.name in said else f"{file}: {said}"


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
