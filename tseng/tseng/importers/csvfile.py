"""CSV with a header: one value column, metric names as columns (wide), or sensor, metric, time, value (long)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tseng.errors import InvalidRequest
from tseng.importers.delimited import NUMBER, TEXT, TIME, Block, Layout, blocks, delimiter_of, split_line
from tseng.importers.ledger import Ledger
from tseng.importers.options import ImportOptions
from tseng.importers.rows import encoded, table, words
from tseng.importers.source import Source
from tseng.importers.wide import Rules, Usable, Value, close, melt, read_times, read_values
from tseng.importers.zones import zone

_WITH_UNIT = re.compile(r"(.+?)\s*\[(.*)\]")
_WORDS = ("sensor", "metric", "unit")


@dataclass(frozen=True)
class Plan:
    """What each column of a header is for, by position; `words` are the columns sensor, metric, unit of long form."""

    time: int
    words: dict[str, int]
    values: dict[int, Value]
    long: bool


def _time_column(names: list[str], options: ImportOptions) -> int:
    wanted = [options.time_column.strip()] if options.time_column else ["time", "timestamp"]
    lowered = [name.lower() for name in names]
    found = [lowered.index(each.lower()) for each in wanted if each.lower() in lowered]
    if found:
        return found[0]
    if names[0][:1].isdigit():
        raise InvalidRequest.at("file", f"the first line must name the columns; it reads: {', '.join(names)}")
    message = f"no column is called {' or '.join(wanted)}; there are: {', '.join(names)}. Name it with --time-column"
    raise InvalidRequest.at("time_column", message)


def _named(name: str) -> Value:
    """A column as a metric; `INC-01 [deg]` is the metric INC-01 in deg."""
    match = _WITH_UNIT.fullmatch(name)
    return Value(name, match[1], match[2].strip()) if match else Value(name, name, None)


def _mapped(names: list[str], options: ImportOptions) -> dict[int, Value]:
    """Map the columns that the person picked."""
    values = {}
    for each in options.columns:
        if each.name not in names:
            raise InvalidRequest.at("column", f"there is no column {each.name!r}; there are: {', '.join(names)}")
        unit = each.unit or _named(each.name).unit or options.unit
        values[names.index(each.name)] = Value(each.name, each.metric, unit, wanted=True)
    return values


def _values(names: list[str], spare: list[int], options: ImportOptions) -> dict[int, Value]:
    """Take every remaining column as a metric, or the only one as `--metric`."""
    values = {at: _named(names[at]) for at in spare if names[at]}
    if options.metric and len(values) != 1:
        listed = ", ".join(names[at] for at in spare) or "none"
        message = f"one metric is named but the value columns are: {listed}. Pick with --column NAME={options.metric}"
        raise InvalidRequest.at("metric", message)
    for value in values.values():
        value.metric = options.metric or value.metric
        value.unit = value.unit or options.unit
        value.wanted = bool(options.metric)
    if not values:
        raise InvalidRequest.at("file", f"there is no value column beside the time; the header is: {', '.join(names)}")
    return values


def plan_of(names: list[str], options: ImportOptions) -> Plan:
    """Decide what each column is for.

    Raises:
        InvalidRequest: no time column, a column twice, or a sensor or metric named neither by the file nor an option.
    """
    time = _time_column(names, options)
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise InvalidRequest.at("file", f"the header has {', '.join(twice)} more than once")
    known = {word: names.index(word) for word in _WORDS if word in names}
    if "sensor" not in known and not options.sensor:
        raise InvalidRequest.at("sensor", "the file names no sensor; say which one with --sensor")
    if options.columns:
        return Plan(time, known, _mapped(names, options), long=False)
    if "value" in names:
        if "metric" not in known and not options.metric:
            raise InvalidRequest.at(
                "metric", "the file has a value column but names no metric; say which one with --metric"
            )
        return Plan(time, known, {names.index("value"): Value("value", "", options.unit, wanted=True)}, long=True)
    spare = [at for at in range(len(names)) if at != time and at not in known.values()]
    return Plan(time, known, _values(names, spare, options), long=False)


def _word(plan: Plan, block: Block, word: str, given: str | None) -> pa.DictionaryArray:
    """Column sensor, metric or unit of a block; the file wins over an option."""
    if word in plan.words:
        return encoded(block.columns[plan.words[word]])
    return words(given, len(block.line))


def _nameless(column: pa.DictionaryArray, what: str, line: NDArray[np.int64], ledger: Ledger) -> NDArray[np.bool_]:
    """Rows whose sensor or metric is blank, each reported."""
    blank = pc.fill_null(pc.is_in(column.dictionary, pa.array([""])).take(column.indices), True).to_numpy(
        zero_copy_only=False
    )
    for row in np.flatnonzero(blank).tolist():
        ledger.refuse(int(line[row]), "", f"names no {what}")
    flags: NDArray[np.bool_] = blank
    return flags


def tables(plan: Plan, block: Block, options: ImportOptions, rules: Rules, ledger: Ledger) -> Iterator[pa.Table]:
    """Tables of `rows.SCHEMA` out of one block of columns."""
    times = read_times(block.columns[plan.time], block.line, rules, ledger)
    sensor = _word(plan, block, "sensor", options.sensor)
    usable = times.good & ~_nameless(sensor, "sensor", block.line, ledger)
    if not plan.long:
        yield from melt(sensor, plan.values, block, Usable(times.time, usable), rules, ledger)
        return
    [(at, value)] = plan.values.items()
    metric, unit = _word(plan, block, "metric", options.metric), _word(plan, block, "unit", options.unit)
    usable &= ~_nameless(metric, "metric", block.line, ledger)
    number, keep = read_values(value, block.columns[at], usable, block.line, rules, ledger)
    yield table(sensor, metric, unit, times.time, number, keep)


def _header(source: Source) -> tuple[str, int, Iterator[bytes]]:
    """Header line, its number, and the text after it; blank lines and lines starting with # before it are skipped."""
    pieces = source.blocks()
    first = next(pieces, b"")
    number = 0
    while first:
        line, _, first = first.partition(b"\n")
        number += 1
        if line.strip() and not line.startswith(b"#"):
            return line.decode().rstrip("\r"), number, chain([first], pieces)
    raise InvalidRequest.at("file", f"{source.path.name} is empty")


def read(source: Source, options: ImportOptions, ledger: Ledger) -> Iterator[list[pa.Table]]:
    """Read a CSV file.

    Args:
        source: the open file, plain or compressed.
        options: what the person says about it.
        ledger: takes counts, bad rows by line, and remarks.

    Yields:
        Pieces of bounded size in file order, each tables of `rows.SCHEMA`.
    """
    header, number, pieces = _header(source)
    delimiter = delimiter_of(header)
    names = split_line(header, delimiter)
    plan = plan_of(names, options)
    kinds = {plan.time: TIME if options.time_format is None else TEXT}
    kinds |= {at: pa.dictionary(pa.int32(), pa.string()) for at in plan.words.values()}
    kinds |= dict.fromkeys(plan.values, NUMBER)
    comma = delimiter == ";"
    rules = Rules(zone(options.tz or "UTC"), options.time_format, options.sentinel or (), decimal_comma=comma)
    for block in blocks(pieces, Layout(len(names), delimiter, kinds), number + 1, ledger):
        yield list(tables(plan, block, options, rules, ledger))
    close(list(plan.values.values()), ledger)
