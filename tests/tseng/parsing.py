"""Running a parser alone: no engine, no store."""

from itertools import chain
from pathlib import Path

import pyarrow as pa

from tseng.importers.formats import recognise
from tseng.importers.ledger import Ledger
from tseng.importers.options import ImportOptions
from tseng.importers.source import Source

Reading = tuple[str, str, str | None, str, float]


def parse(path: Path, options: ImportOptions | None = None) -> tuple[list[Reading], Ledger]:
    """All readings of a file as (sensor, metric, unit, ISO time, value), and the ledger."""
    ledger, readings = Ledger(), []
    with Source(path) as source:
        pieces = recognise(source).read(source, options or ImportOptions(), ledger)
        for table in chain.from_iterable(pieces):
            columns = [table[name].to_pylist() for name in ("sensor", "metric", "unit")]
            times = table["time"].cast(pa.timestamp("us")).cast(pa.string()).to_pylist()
            readings += list(zip(*columns, times, table["value"].to_pylist(), strict=True))
    return readings, ledger


def bad(ledger: Ledger) -> list[tuple[int, str]]:
    """Bad rows as (line, what stood there), in order."""
    return sorted((row.line, row.seen) for row in ledger.bad)
