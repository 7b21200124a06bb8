"""Solinst XLE: the XML export of Levelogger software, one `Log` element a reading with Date, Time, ms, ch1, ch2 ...

The XML declaration names no encoding and the degree sign is often one cp1252 byte, so the bytes are made UTF-8 before
the parser sees them. A logger's LEVEL is a column of water; an absolute logger's still holds the air pressure.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

import numpy as np
import pyarrow as pa

from tseng.errors import InvalidRequest
from tseng.importers.delimited import Block
from tseng.importers.ledger import Ledger
from tseng.importers.options import ImportOptions
from tseng.importers.source import Source
from tseng.importers.wide import Rules, Usable, Value, close, melt, read_times
from tseng.importers.zones import zone

_CHANNEL = re.compile(r"Ch(\d+)_data_header")
_PRESSURES = ("LEVEL", "PRESSURE", "BAROMETRIC", "BARO")
_WATER = {"ft": "ftH2O", "m": "mH2O", "cm": "cmH2O", "mm": "mmH2O", "in": "inH2O"}

_ABOUT = (
    *("Instrument_info/Instrument_type", "Instrument_info/Model_number", "Instrument_info/Serial_number"),
    *("Instrument_info/Firmware", "Instrument_info_data_header/Project_ID", "Instrument_info_data_header/Location"),
    *("Instrument_info_data_header/Num_log",),
)


@dataclass
class Log:
    """One export: header texts by path, channels as (name, unit) by number, readings by line."""

    header: dict[str, str] = field(default_factory=dict)
    channels: dict[int, tuple[str, str]] = field(default_factory=dict)
    line: list[int] = field(default_factory=list)
    time: list[str] = field(default_factory=list)
    cells: dict[int, list[str | None]] = field(default_factory=dict)


class _Handler:
    """Takes the parser's events; knows the path of open elements and the reading under way."""

    def __init__(self, log: Log, parser: expat.XMLParserType) -> None:
        self.log, self.parser = log, parser
        self.path: list[str] = []
        self.text = ""
        self.reading: dict[str, str] = {}
        self.line = 0

    def start(self, name: str, _: dict[str, str]) -> None:
        self.path.append(name)
        self.text = ""
        if name == "Log":
            self.reading, self.line = {}, self.parser.CurrentLineNumber

    def data(self, text: str) -> None:
        self.text += text

    def end(self, name: str) -> None:
        self.path.pop()
        parent = self.path[-1] if self.path else ""
        channel = _CHANNEL.fullmatch(parent)
        if parent == "Log":
            self.reading[name] = self.text.strip()
        elif name == "Log":
            self._close_reading()
        elif channel and name in ("Identification", "Unit"):
            known = self.log.channels.get(int(channel[1]), ("", ""))
            said = self.text.strip()
            self.log.channels[int(channel[1])] = (said, known[1]) if name == "Identification" else (known[0], said)
        elif parent:
            self.log.header[f"{parent}/{name}"] = self.text.strip()
        self.text = ""

    def _close_reading(self) -> None:
        reading = self.reading
        ms = reading.get("ms") or "0"
        fraction = f".{int(ms):03}" if ms.isdigit() else f".{ms}"
        self.log.line.append(self.line)
        self.log.time.append(f"{reading.get('Date', '')} {reading.get('Time', '')}{fraction}")
        for channel in self.log.channels:
            self.log.cells.setdefault(channel, []).append(reading.get(f"ch{channel}"))


def _declared(text: bytes) -> bool:
    return b"encoding" in text.partition(b"?>")[0]


def parse(text: bytes, name: str, ledger: Ledger) -> Log:
    """Parse one export. A file cut short gives the readings before the cut; the cut is a bad row."""
    log = Log()
    parser = expat.ParserCreate(None if _declared(text) else "UTF-8")
    handler = _Handler(log, parser)
    parser.StartElementHandler, parser.EndElementHandler = handler.start, handler.end
    parser.CharacterDataHandler, parser.buffer_text = handler.data, True
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        if not log.channels:
            raise InvalidRequest.at("file", f"{name} is not readable as XLE: {error}") from error
        ledger.refuse(error.lineno, expat.ErrorString(error.code), "ends the readable part of the file")
    return log


def default_sensor(log: Log) -> str:
    """Id of the sensor of a file, from the logger's serial number."""
    return f"/solinst/{log.header.get('Instrument_info/Serial_number') or 'logger'}/sensor"


def adapt(metric: str, unit: str | None, offered: Collection[str]) -> tuple[str, str | None]:
    """Name a channel for the sensor it goes to.

    Args:
        metric: channel as the file names it.
        unit: its unit text.
        offered: raw metrics of the sensor; empty for a generic one, which takes channels as named.

    Returns:
        Metric and unit; a level becomes the pressure of that column of conventional water where pressure is stored.
    """
    upper = metric.upper()
    if upper in _PRESSURES:
        for raw in ("P_raw", "P"):
            if raw in offered:
                return raw, _WATER.get(unit or "", unit)
    if upper == "TEMPERATURE" and "T" in offered:
        return "T", unit
    return metric, unit


def read(source: Source, options: ImportOptions, ledger: Ledger) -> Iterator[list[pa.Table]]:
    """Read a Solinst export: each channel is a metric of `--sensor`, by default `/solinst/{serial}/sensor`.

    Args:
        source: the open file.
        options: what the person says about it.
        ledger: takes counts, bad rows by line, and remarks.

    Yields:
        One piece: a table of `rows.SCHEMA` per channel, units as in the file.
    """
    text = source.read() if _declared(source.head()) else b"".join(source.blocks())
    log = parse(text, source.path.name, ledger)
    ledger.rows += len(log.line)
    ledger.about |= {path.partition("/")[2]: text for path, text in log.header.items() if text and path in _ABOUT}
    if not log.line:
        raise InvalidRequest.at("file", f"{source.path.name} holds no readings")
    named = {each.name: each for each in options.columns}
    values = {}
    for channel, (name, unit) in log.channels.items():
        chosen = named.get(name)
        if chosen or not named:
            metric = chosen.metric if chosen else name
            values[channel] = Value(name, metric, (chosen.unit if chosen else None) or unit, wanted=bool(chosen))
    line = np.array(log.line, dtype=np.int64)
    rules = Rules(zone(options.tz or "UTC"), None, options.sentinel or ())
    times = read_times(pa.array(log.time, pa.string()), line, rules, ledger)
    columns = {channel: pa.array(cells, pa.string()) for channel, cells in log.cells.items()}
    usable = Usable(times.time, times.good)
    yield list(melt(options.sensor or default_sensor(log), values, Block(columns, line), usable, rules, ledger))
    close(list(values.values()), ledger)
    if log.header.get("Instrument_info_data_header/Num_log", str(len(log.line))) != str(len(log.line)):
        said = log.header["Instrument_info_data_header/Num_log"]
        ledger.note(f"the header says {said} readings, the file holds {len(log.line)}")
