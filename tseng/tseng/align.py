"""Many sensors and metrics in one table: read over one snapshot, brought to common times, NaN where one has no value.

Times are common in one of three ways. `exact`: all times that any column has. `nearest`: those of the first column,
the clock; the others give their nearest reading within a tolerance. `window`: the starts of windows in which any column
has an aggregate.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypedDict, get_args

import msgspec
import numpy as np

from tseng.aligned import Column, Table
from tseng.errors import REFUSALS, InvalidRequest, within
from tseng.reads import Read, time_range
from tseng.requests import Request, When, instant, to_wire
from tseng.series import Block
from tseng.shape import INTERPOLATE, joined
from tseng.view import ProjectView
from tseng_units.align import Floats, at_nearest, at_times, union
from tseng_units.run import widened
from tseng_units.windows import Times, parse_duration, parse_window, parse_zone

Align = Literal["exact", "nearest", "window"]
ALIGNMENTS: tuple[Align, ...] = get_args(Align)
WINDOWED = ("window", "aggregate", "time_zone", "max_gap")


class TableOptions(TypedDict, total=False):
    """What a table may be told beside its columns; the keywords of every verb that reads one."""

    start: When
    """First instant of the range, inclusive."""
    end: When
    """Last instant of the range, inclusive."""
    align: Align
    """"exact" (the default), "nearest" or "window"."""
    tolerance: str | None
    """With "nearest": how far from the clock's time a reading may lie, such as "5min"; the earlier one on a tie."""
    window: str | None
    """With "window": which windows, as for one series."""
    aggregate: str | None
    """With "window": the aggregate of columns that name none themselves."""
    time_zone: str | None
    """With "window": IANA name of the zone whose days the windows keep to, by default UTC."""
    max_gap: str | None
    """With the aggregate "interpolate": over which gaps a line may go."""
    as_of: When
    """Answer as it was known then."""


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """One column as it is asked for."""

    sensor: str
    metric: str
    unit: str
    params: dict[str, Any] | None = None
    name: str | None = None
    aggregate: str | None = None

    @property
    def title(self) -> str:
        """The column's name: the one given, else what it is made of."""
        return self.name or " ".join(part for part in (self.sensor, self.metric, self.aggregate) if part)


def read_table(view: ProjectView, columns: Sequence[Mapping[str, Any]], options: TableOptions, cells: int) -> Table:
    """Read columns over one view, which is over one snapshot.

    Raises:
        InvalidRequest: the shape of the request, or a table of more than `cells` cells; names the column by its index.
        EngineError, tseng_units.errors.UnitsError: what is wrong with a column; likewise.
    """
    wanted, tolerance = _wanted(columns), _tolerance(options)
    instant("asOf", options.get("as_of"))
    requests = _requests(wanted, options, tolerance)
    reads = [_read(view, index, request) for index, request in enumerate(requests)]
    time, values = _at_all_times(reads, cells) if tolerance is None else _at_clock(reads, tolerance, cells)
    told = {"alignment": {"align": options.get("align") or "exact", "tolerance": options.get("tolerance")}}
    made = [
        Column(each.title, each.sensor, each.metric, read.unit, value, {**read.provenance, **told})
        for each, read, value in zip(wanted, reads, values, strict=True)
    ]
    return Table(time.view("datetime64[us]"), tuple(made))


def _at_all_times(reads: Sequence[Read], cells: int) -> tuple[Times, list[Floats]]:
    left, blocks = cells, []
    for read in reads:
        blocks.append(_collected(read, left, cells))
        left -= len(blocks[-1][0])
    time = union([block[0] for block in blocks])
    if len(time) * len(reads) > cells:
        raise _too_large(cells)
    return time, [at_times(*block, time) for block in blocks]


def _at_clock(reads: Sequence[Read], tolerance: int, cells: int) -> tuple[Times, list[Floats]]:
    time, value = _collected(reads[0], cells // len(reads), cells)
    return time, [value, *(at_nearest(*_collected(read, cells, cells), time, tolerance) for read in reads[1:])]


def _collected(read: Read, most: int, cells: int) -> Block:
    blocks = []
    for block in read.stream().blocks:
        blocks.append(block)
        most -= len(block[0])
        if most < 0:
            raise _too_large(cells)
    return joined(blocks)


def _too_large(cells: int) -> InvalidRequest:
    said = f"these would take more than {cells} cells, rows times columns; ask for fewer or for a shorter range"
    return InvalidRequest.at("columns", f"{said} (the setting TSENG_TABLE_CELLS)")


def _wanted(columns: Sequence[Mapping[str, Any]]) -> list[Wanted]:
    if not columns:
        raise InvalidRequest.at("columns", "must name at least one column")
    wanted = [_column(index, column) for index, column in enumerate(columns)]
    seen = {"time": "the name of the times"}
    for index, each in enumerate(wanted):
        if each.title in seen:
            problem = f"{each.title!r} is {seen[each.title]}; give each column a name of its own"
            raise InvalidRequest.at(f"columns[{index}].name", problem)
        seen[each.title] = f"the name of columns[{index}]"
    return wanted


def _column(index: int, column: Mapping[str, Any]) -> Wanted:
    try:
        return msgspec.convert(column, Wanted)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise InvalidRequest.at(f"columns[{index}]{path.rstrip('`')}", message) from None


def _read(view: ProjectView, index: int, request: Request) -> Read:
    try:
        return Read(view, request)
    except REFUSALS as error:
        raise within(f"columns[{index}]", error) from None


def _requests(wanted: Sequence[Wanted], options: TableOptions, tolerance: int | None) -> list[Request]:
    align = options.get("align") or "exact"
    if align not in ALIGNMENTS:
        raise InvalidRequest.at("align", f"{align!r} is none of {', '.join(ALIGNMENTS)}")
    span = time_range(options.get("start"), options.get("end"))
    # Readings near to a time of the range may lie outside it.
    near = span if tolerance is None else widened(*span, tolerance, tolerance)
    windows = _windows(wanted, options) if align == "window" else _no_windows(align, wanted, options)
    return [
        _request(each, near if index else span, {**told, "as_of": options.get("as_of")})
        for index, (each, told) in enumerate(zip(wanted, windows, strict=True))
    ]


def _no_windows(align: Align, wanted: Sequence[Wanted], options: TableOptions) -> list[dict[str, Any]]:
    _means_nothing(align, to_wire({name: options.get(name) for name in WINDOWED}))
    _means_nothing(align, {f"columns[{index}].aggregate": each.aggregate for index, each in enumerate(wanted)})
    return [{} for _ in wanted]


def _windows(wanted: Sequence[Wanted], options: TableOptions) -> Iterator[dict[str, Any]]:
    """What each column's request says of its windows."""
    window, zone, gap = options.get("window"), options.get("time_zone"), options.get("max_gap")
    if window is None:
        raise InvalidRequest.at("window", "is missing: say of which windows, such as 1h, 1d or 1month")
    parse_window(window, parse_zone(zone))
    aggregates = [each.aggregate or options.get("aggregate") for each in wanted]
    if INTERPOLATE not in aggregates:
        _means_nothing(f"window unless a column is to {INTERPOLATE}", {"maxGap": gap})
    for index, aggregate in enumerate(aggregates):
        if aggregate is None:
            raise InvalidRequest.at(f"columns[{index}].aggregate", "is missing, and the table has none for all columns")
        told = {"window": window, "time_zone": zone, "aggregate": aggregate}
        yield told | {"max_gap": gap} if aggregate == INTERPOLATE else told


def _request(column: Wanted, span: tuple[int | None, int | None], told: Mapping[str, Any]) -> Request:
    start, end = (None if us is None else np.datetime64(us, "us") for us in span)
    return Request(column.sensor, column.metric, column.unit, params=column.params, start=start, end=end, **told)


def _means_nothing(align: str, told: Mapping[str, object]) -> None:
    for name, value in told.items():
        if value is not None:
            raise InvalidRequest.at(name, f"{value!r} means nothing with align {align}")


def _tolerance(options: TableOptions) -> int | None:
    """Microseconds with the alignment that has one."""
    align, tolerance = options.get("align") or "exact", options.get("tolerance")
    if align != "nearest":
        _means_nothing(align, {"tolerance": tolerance})
        return None
    if tolerance is None:
        raise InvalidRequest.at("tolerance", "is missing: say how far from the first column's times a reading may lie")
    return parse_duration(tolerance, "tolerance")
