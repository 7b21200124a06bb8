"""AGS4 ground investigation data: the readings of group MOND, the installations of group MONG.

A file is groups of lines, each line quoted cells after a word (GROUP, HEADING, UNIT, TYPE, DATA). A series is
LOCA_ID + MONG_ID + MONG_DIS + MOND_TYPE; the first three make the sensor, the type is its metric.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

import numpy as np
import pyarrow as pa

from tseng.errors import InvalidRequest
from tseng.importers.ledger import Ledger
from tseng.importers.options import ImportOptions
from tseng.importers.rows import encoded, table
from tseng.importers.source import Source
from tseng.importers.wide import Rules, Value, read_times, read_values
from tseng.importers.zones import zone

_ROWS = 100_000
_NEEDED = ("LOCA_ID", "MOND_DTIM", "MOND_TYPE", "MOND_RDNG")
_INSTALLATION = ("LOCA_ID", "MONG_ID", "MONG_DIS")


def sensor_id(installation: tuple[str, ...]) -> str:
    """Id of the sensor at one installation: location, instrument and depth, those that are not blank."""
    return "/ags/" + "/".join(quote(part, safe=" :+,()@") for part in installation if part) + "/sensor"


@dataclass
class _Group:
    """Rows of one group as they pass: the line of each and its cells by heading."""

    headings: list[str] = field(default_factory=list)

    def row(self, cells: list[str]) -> dict[str, str]:
        return dict(zip(self.headings, cells[1:], strict=True))


def _lines(source: Source) -> Iterator[tuple[int, str]]:
    number = 0
    for piece in source.blocks():
        for line in piece.decode().removesuffix("\n").split("\n"):
            number += 1
            yield number, line


def _group_rows(source: Source, wanted: tuple[str, ...], ledger: Ledger) -> Iterator[tuple[str, int, dict[str, str]]]:
    """Rows of the wanted groups: group, line, cells by heading."""
    name, group = "", _Group()
    for number, line in _lines(source):
        if line.startswith('"GROUP"'):
            name, group = next(csv.reader([line]))[-1], _Group()
        elif name in wanted and line.startswith('"HEADING"'):
            group.headings = next(csv.reader([line]))[1:]
        elif name in wanted and line.startswith('"DATA"'):
            cells = next(csv.reader([line]))
            if len(cells) == len(group.headings) + 1:
                yield name, number, group.row(cells)
            else:
                ledger.rows += name == "MOND"
                ledger.refuse(number, line[:80], f"has {len(cells) - 1} columns, not {len(group.headings)}")


@dataclass
class _Readings:
    """Readings waiting to become a table."""

    line: list[int] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)

    def column(self, heading: str) -> pa.Array:
        return pa.array([row.get(heading, "") for row in self.rows], pa.string())

    def sensors(self) -> pa.Array:
        return pa.array([sensor_id(_installation(row)) for row in self.rows], pa.string())


def _installation(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row.get(heading, "").strip() for heading in _INSTALLATION)


def _table(readings: _Readings, options: ImportOptions, rules: Rules, ledger: Ledger) -> pa.Table:
    line = np.array(readings.line, dtype=np.int64)
    times = read_times(readings.column("MOND_DTIM"), line, rules, ledger)
    value = Value("MOND_RDNG", "", None, wanted=True)
    number, keep = read_values(value, readings.column("MOND_RDNG"), times.good, line, rules, ledger)
    sensor = readings.sensors() if options.sensor is None else pa.array([options.sensor] * len(line), pa.string())
    unit = readings.column("MOND_UNIT")
    return table(encoded(sensor), encoded(readings.column("MOND_TYPE")), encoded(unit), times.time, number, keep)


def read(source: Source, options: ImportOptions, ledger: Ledger) -> Iterator[list[pa.Table]]:
    """Read the monitoring readings of an AGS4 file; its other groups are not for this store.

    Args:
        source: the open file.
        options: what the person says about it.
        ledger: takes counts, bad rows by line, and remarks.

    Yields:
        Pieces of bounded size in file order, each tables of `rows.SCHEMA`, units as in MOND_UNIT.

    Raises:
        InvalidRequest: the file has no MOND group, or one without a heading that is needed.
    """
    rules = Rules(zone(options.tz or "UTC"), None, options.sentinel or ())
    readings, installed, used = _Readings(), set(), set()
    for group, line, row in _group_rows(source, ("MOND", "MONG"), ledger):
        if group == "MONG":
            installed.add(_installation(row))
            continue
        absent = [heading for heading in _NEEDED if heading not in row]
        if absent:
            raise InvalidRequest.at("file", f"{source.path.name}: group MOND has no heading {', '.join(absent)}")
        ledger.rows += 1
        used.add(_installation(row))
        readings.line.append(line)
        readings.rows.append(row)
        if len(readings.line) == _ROWS:
            yield [_table(readings, options, rules, ledger)]
            readings = _Readings()
    if readings.line:
        yield [_table(readings, options, rules, ledger)]
    if not used:
        raise InvalidRequest.at("file", f"{source.path.name} has no monitoring readings (group MOND)")
    ledger.note(f"{len(installed)} installations (MONG), {len(used)} of them with readings")
    for each in sorted(used - installed):
        ledger.note(f"readings of {' '.join(filter(None, each))} have no installation in MONG")
