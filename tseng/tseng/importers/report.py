"""What came of an import."""

from dataclasses import dataclass
from pathlib import Path

from tseng.importers.ledger import BadRow


@dataclass(frozen=True)
class ImportReport:
    """The outcome of one file.

    Attributes:
        path: the file.
        format: what it was taken for.
        rows: data rows in it, good or bad.
        stored: observations written.
        unchanged: observations that the store held already, value for value; they were not written again.
        left_out: readings of metrics that their sensor does not take.
        sensors: ids of the sensors that the file has readings of.
        sensors_created: ids of sensors made on the way.
        bad_rows: what was kept out, by line; at most `ledger.KEPT` of them.
        bad_count: how many were kept out.
        notes: remarks, one line each.
    """

    path: Path
    format: str
    rows: int
    stored: int
    unchanged: int
    left_out: int
    sensors: tuple[str, ...]
    sensors_created: tuple[str, ...]
    bad_rows: tuple[BadRow, ...]
    bad_count: int
    notes: tuple[str, ...]
