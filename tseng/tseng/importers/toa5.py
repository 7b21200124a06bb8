"""Campbell Scientific TOA5: four header lines (environment, names, units, process), then one record a line.

Numbers a logger writes for "no value": NAN in text; -7999 where NAN was stored in the two-byte format FP2 and
-2147483648 in a LONG (CR300 Series product manual, section on NAN); -6999 and -99999 from the older array-based
loggers; -999 by convention of many station programs. Positive 6999 and 7999 are kept: counters pass through them.
"""

from collections.abc import Iterator
from itertools import chain

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tseng.errors import InvalidRequest
from tseng.importers.delimited import NUMBER, TIME, Layout, blocks, split_line
from tseng.importers.ledger import Ledger
from tseng.importers.options import ImportOptions
from tseng.importers.source import Source
from tseng.importers.wide import Rules, Usable, Value, close, melt, read_times
from tseng.importers.zones import zone

SENTINEL = (-999.0, -6999.0, -7999.0, -99999.0, -2147483648.0)
_HEADER_LINES = 4
_STATION, _TABLE = 1, -1
_ENVIRONMENT = ("format", "station", "model", "serial", "os", "program", "signature", "table")
_RECORD = "RN"


def default_sensor(environment: list[str]) -> str:
    """Id of the sensor of a file, from the station and table names of its first line."""
    return f"/toa5/{environment[_STATION] or 'station'}/{environment[_TABLE] or 'table'}/sensor"


def _header(source: Source) -> tuple[list[list[str]], Iterator[bytes]]:
    pieces = source.blocks()
    rest = next(pieces, b"")
    lines = []
    for _ in range(_HEADER_LINES):
        line, newline, rest = rest.partition(b"\n")
        lines.append(split_line(line.decode().rstrip("\r"), ","))
        if not newline:
            raise InvalidRequest.at("file", f"{source.path.name} ends inside the four header lines of TOA5")
    _, names, units, process = lines
    if not len(names) == len(units) == len(process):
        counts = f"{len(names)} names, {len(units)} units, {len(process)} processes"
        raise InvalidRequest.at("file", f"{source.path.name}: the TOA5 header lines differ in length ({counts})")
    return lines, chain([rest], pieces)


def _values(names: list[str], units: list[str], options: ImportOptions) -> dict[int, Value]:
    """Columns that are metrics: all but time stamp and record number, or those the person picked."""
    if options.columns:
        absent = [each.name for each in options.columns if each.name not in names]
        if absent:
            raise InvalidRequest.at("column", f"there is no column {absent[0]!r}; there are: {', '.join(names)}")
        picked = [(names.index(each.name), each) for each in options.columns]
        return {at: Value(each.name, each.metric, each.unit or units[at], wanted=True) for at, each in picked}
    return {
        at: Value(name, name, units[at])
        for at, name in enumerate(names)
        if at > 0 and units[at] != _RECORD and name != "RECORD"
    }


class _Records:
    """Record numbers as they pass: first, last, and where one does not follow its neighbour."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.last = 0
        self.breaks = 0

    def take(self, column: pa.Array) -> None:
        """Look at one block; a column that is no number says nothing."""
        if not pa.types.is_floating(column.type) or not len(column) or column.null_count:
            return
        number: NDArray[np.float64] = column.to_numpy()
        self.breaks += int((np.diff(number) != 1).sum())
        if self.first is None:
            self.first = int(number[0])
        elif number[0] != self.last + 1:
            self.breaks += 1
        self.last = int(number[-1])

    def remark(self, ledger: Ledger) -> None:
        """Say what was seen."""
        if self.first is not None:
            breaks = "without a break" if not self.breaks else f"with {self.breaks} breaks"
            ledger.note(f"records {self.first} to {self.last} {breaks}")


def read(source: Source, options: ImportOptions, ledger: Ledger) -> Iterator[list[pa.Table]]:
    """Read a TOA5 file: every column is a metric of `--sensor`, by default `/toa5/{station}/{table}/sensor`.

    Args:
        source: the open file.
        options: what the person says about it.
        ledger: takes counts, bad rows by line, and remarks.

    Yields:
        Pieces of bounded size in file order, each tables of `rows.SCHEMA`, units as in the header.
    """
    (environment, names, units, process), pieces = _header(source)
    ledger.about |= dict(zip(_ENVIRONMENT, environment, strict=False))
    ledger.about["process"] = {name: word for name, word in zip(names, process, strict=True) if word}
    sensor = options.sensor or default_sensor(environment)
    values = _values(names, units, options)
    record = names.index("RECORD") if "RECORD" in names else None
    kinds = {0: TIME} | dict.fromkeys(values, NUMBER)
    if record is not None:
        kinds |= {record: NUMBER}
    rules = Rules(zone(options.tz or "UTC"), None, SENTINEL if options.sentinel is None else options.sentinel)
    records = _Records()
    for block in blocks(pieces, Layout(len(names), ",", kinds), _HEADER_LINES + 1, ledger):
        times = read_times(block.columns[0], block.line, rules, ledger)
        if record is not None:
            records.take(block.columns[record])
        yield list(melt(sensor, values, block, Usable(times.time, times.good), rules, ledger))
    records.remark(ledger)
    close(list(values.values()), ledger)
