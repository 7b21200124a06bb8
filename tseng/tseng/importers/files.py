"""Import one file: parse, find each column's place, convert to the stored unit, write in large pieces.

What is refused is refused before anything is written, as far as a piece of about a million readings reaches. Importing
a file again changes nothing: of a series that was there before, readings that the store holds already, value for
value, are not written a second time.
"""

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from tseng.errors import REFUSALS, InvalidRequest
from tseng.importers.door import Door, standing
from tseng.importers.formats import recognise
from tseng.importers.ledger import KEPT, Ledger
from tseng.importers.options import ImportOptions
from tseng.importers.report import ImportReport
from tseng.importers.source import Source
from tseng.importers.writer import Writer

if TYPE_CHECKING:
    from tseng.engine import Engine

Progress = Callable[[int, int], None]
"""Told how far a read came: bytes of the file done, and its size."""


def _silent(done: int, total: int) -> None:
    """Tell nobody."""


def _notes(ledger: Ledger, options: ImportOptions, left_out: int) -> tuple[str, ...]:
    notes = list(ledger.notes)
    if ledger.naive and options.tz is None:
        notes.insert(0, "times carry no zone: taken as UTC (say otherwise with --tz)")
    if ledger.assumed:
        listed = ", ".join(f"{column} {unit}" for column, unit in ledger.assumed.items())
        notes.append(f"no unit stated, taken as stored: {listed} (say otherwise with --unit)")
    if left_out:
        notes.append(f"{left_out} readings left out, since their sensors do not take them")
    if ledger.missing:
        notes.append(f"{ledger.missing} cells hold no value")
    if ledger.bad_count > KEPT:
        notes.append(f"{ledger.bad_count} bad rows in all; the first {KEPT} are listed")
    return tuple(notes)


def _store(source: Source, ledger: Ledger, options: ImportOptions, writer: Writer, progress: Progress) -> str:
    """Read, convert and write everything; return the format's name."""
    found = recognise(source)
    for piece in found.read(source, options, ledger):
        writer.add(piece, found.adapt)
        progress(source.done, source.total)
    writer.flush()
    if writer.left_out and not writer.sensors:
        raise InvalidRequest.at("file", f"nothing in {source.path.name} can be stored: {'; '.join(ledger.notes)}")
    progress(source.total, source.total)
    return found.name


def import_file(
    engine: "Engine | Door",
    path: "str | PathLike[str]",
    options: ImportOptions | None = None,
    progress: Progress = _silent,
) -> ImportReport:
    """Import one file of readings; what is bad in it is reported by line, the rest goes in.

    Args:
        engine: where to; behind a door, a store that is not there yet is made with the first write.
        path: the file; its format is told from its content.
        options: what the file does not say itself.
        progress: called with (bytes done, bytes in all).

    Returns:
        What came of it.

    Raises:
        tseng.errors.InvalidRequest: the file cannot be read, or an option is missing or wrong.
        MissingSensor: a sensor does not exist and `options.create` is None.
        tseng_units.errors.UnitsError: a unit does not convert to the stored one.

    What was written before one of these, in a long file, stays; a note on the error then says how much that is.
    """
    options = options or ImportOptions()
    ledger = Ledger()
    writer = Writer(engine if isinstance(engine, Door) else standing(engine), options, ledger)
    with Source(Path(path)) as source:
        try:
            name = _store(source, ledger, options, writer, progress)
        except REFUSALS as refusal:
            if writer.stored:
                refusal.add_note(f"{writer.stored} observations before it are stored; importing again is safe")
            raise
    bad = tuple(sorted(ledger.bad, key=lambda row: row.line))
    return ImportReport(
        path=Path(path),
        format=name,
        rows=ledger.rows,
        stored=writer.stored,
        unchanged=writer.unchanged,
        left_out=writer.left_out,
        sensors=tuple(writer.sensors),
        sensors_created=tuple(writer.created),
        bad_rows=bad,
        bad_count=ledger.bad_count,
        notes=_notes(ledger, options, writer.left_out),
    )
