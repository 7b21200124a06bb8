"""The shape of an answer: a series aggregated per window or interpolated on a grid, limited, thinned out, gaps marked.

Each stage takes blocks and gives blocks, and holds no more than a block, the points of one window, or the points that a
downsampler holds. How the series was cut into blocks changes no bit of what comes out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from tseng.errors import InvalidRequest
from tseng.series import Block, Gaps
from tseng_units.aggregates import NAMES, Aggregate, aggregate_of
from tseng_units.downsample import Downsampler, Points
from tseng_units.errors import InvalidParam
from tseng_units.grid import on_grid
from tseng_units.sensors import OfferedMetric
from tseng_units.windows import Times, Window, parse_duration, parse_window, parse_zone

if TYPE_CHECKING:
    from tseng.requests import Request

Limit = Literal["first", "last"]
INTERPOLATE = "interpolate"
FEWEST_POINTS = 4


@dataclass(frozen=True)
class Shape:
    """What becomes of a series; nothing of it is left that can be refused.

    With a window there is either an aggregate or, for interpolation, `max_gap` [us]. `unit` is that of the answer.
    """

    unit: str
    window: Window | None = None
    aggregate: Aggregate | None = None
    max_gap: int | None = None
    points: int | None = None
    gap: int | None = None

    @classmethod
    def of(cls, request: "Request", metric: OfferedMetric) -> Self:
        """Check what a request says of the shape of its answer.

        Raises:
            InvalidRequest: options that need each other, or a number of points that is none.
            tseng_units.errors.InvalidParam: what one option says.
        """
        points, gap = _points(request.points), _gap(request.gap)
        if request.aggregate is None:
            _only_with("aggregate", window=request.window, timeZone=request.time_zone, maxGap=request.max_gap)
            return cls(request.unit, points=points, gap=gap)
        if request.window is None:
            raise InvalidRequest.at("window", "is missing: an aggregate is of each window, such as 1h, 1d or 1month")
        window = parse_window(request.window, parse_zone(request.time_zone))
        if request.aggregate == INTERPOLATE:
            return cls(request.unit, window, None, _max_gap(request, metric), points, gap)
        _only_with(f"the aggregate {INTERPOLATE}", maxGap=request.max_gap)
        aggregate = aggregate_of(request.aggregate, metric, request.unit)
        return cls(aggregate.unit, window, aggregate, None, points, gap)

    def describe(self, request: "Request") -> dict[str, Any]:
        """What was made of the series, for its provenance; nothing where it was left as it is."""
        told: dict[str, Any] = {}
        if self.window is not None:
            told |= {"aggregate": request.aggregate, "window": request.window, "timeZone": request.time_zone or "UTC"}
            told |= {"unit": self.unit, "dimension": self.aggregate.dimension} if self.aggregate else {}
        given = {"maxGap": request.max_gap, "points": request.points, "gap": request.gap}
        told |= {name: value for name, value in given.items() if value is not None}
        return {"shape": told} if told else {}

    def windowed(self, blocks: Iterator[Block], start: int | None, end: int | None) -> Iterator[Block]:
        """Aggregate or interpolate; `start` and `end` [us, inclusive] bound the grid of an interpolation."""
        assert self.window is not None
        if self.aggregate is not None:
            return _aggregated(blocks, self.window, self.aggregate)
        assert self.max_gap is not None
        return _interpolated(blocks, self.window, self.max_gap, start, end)

    def finished(self, blocks: Iterator[Block], gaps: list[Gaps] | None) -> Iterator[Block]:
        """Thin the series out, and mark its gaps in `gaps`, one array for each block."""
        if self.points is None and self.gap is None:
            return blocks
        flagged = _flagged(blocks, self.gap)
        if self.points is not None:
            flagged = _thinned(flagged, self.points)
        return _marked(flagged, [] if gaps is None else gaps)


def joined(blocks: list[Block]) -> Block:
    """Blocks as one, without a copy where it is one already."""
    if len(blocks) == 1:
        return blocks[0]
    empty = np.empty(0, np.int64), np.empty(0, np.float64)
    time, value = zip(empty, *blocks, strict=True)
    return np.concatenate(time), np.concatenate(value)


def check_limit(limit: object) -> None:
    """Let pass what a limit may be.

    Raises:
        InvalidRequest: it is something else.
    """
    if limit not in (None, "first", "last"):
        raise InvalidRequest.at("limit", f"{limit!r} is neither first nor last")


def limited(blocks: Iterator[Block], limit: Limit | None) -> Iterator[Block]:
    """The first or the last point alone."""
    if limit is None:
        yield from blocks
        return
    found = None
    for time, value in blocks:
        if len(time):
            at = slice(0, 1) if limit == "first" else slice(-1, None)
            found = time[at], value[at]
            if limit == "first":
                break
    if found:
        yield found


def _only_with(what: str, **options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise InvalidRequest.at(name, f"{value!r} means nothing without {what}")


def _points(points: Any) -> int | None:
    if points is None:
        return None
    try:
        number = index(points)  # of numpy's integers too
    except TypeError:
        number = 0
    if number < FEWEST_POINTS or isinstance(points, bool):
        raise InvalidRequest.at("points", f"{points!r} is not a whole number of at least {FEWEST_POINTS}")
    return number


def _gap(gap: object) -> int | None:
    duration = None if gap is None else parse_duration(gap, "gap")
    if duration == 0:
        raise InvalidRequest.at("gap", f"{gap!r} is no time: every two points would have a gap between them")
    return duration


def _max_gap(request: "Request", metric: OfferedMetric) -> int:
    if metric.cyclic:
        problem = f"{metric.id} is a direction on the full circle, which is not interpolated"
        raise InvalidParam(problem, field="aggregate", seen=INTERPOLATE, allowed=NAMES)
    if request.max_gap is None:
        raise InvalidRequest.at("maxGap", "is missing: say over which gap between two readings a line may be drawn")
    return parse_duration(request.max_gap, "maxGap")


def _whole_windows(blocks: Iterator[Block], window: Window) -> Iterator[Block]:
    """The same points, cut at borders of windows: the points of the last window wait for what else is in it."""
    waiting: list[Block] = []
    for time, value in blocks:
        if not len(time):
            continue
        start = int(window.split(time[-1:]).start[0])
        cut = int(np.searchsorted(time, start))
        if waiting and waiting[0][0][0] < start:
            yield joined([*waiting, (time[:cut], value[:cut])])
            waiting = []
        elif cut:
            yield time[:cut], value[:cut]
        waiting.append((time[cut:], value[cut:]))
    if waiting:
        yield joined(waiting)


def _aggregated(blocks: Iterator[Block], window: Window, aggregate: Aggregate) -> Iterator[Block]:
    for time, value in _whole_windows(blocks, window):
        yield aggregate.over(window, time, value)


def _interpolated(
    blocks: Iterator[Block], window: Window, max_gap: int, start: int | None, end: int | None
) -> Iterator[Block]:
    last: list[Block] = []
    after = None if start is None else start - 1
    for time, value in blocks:
        if not len(time):
            continue
        for at, sampled in on_grid(window, *joined([*last, (time, value)]), max_gap, after):
            inside = slice(None if end is None else int(np.searchsorted(at, end, side="right")))
            yield at[inside], sampled[inside]
        last = [(time[-1:], value[-1:])]
        after = int(time[-1]) if after is None else max(after, int(time[-1]))


def _flagged(blocks: Iterator[Block], gap: int | None) -> Iterator[Points]:
    """Points with a flag where one is more than `gap` later than the point before."""
    last = np.empty(0, np.int64)
    for time, value in blocks:
        if len(time):
            yield time, value, np.zeros(len(time), np.bool_) if gap is None else time - _before(last, time) > gap
            last = time[-1:]


def _thinned(flagged: Iterator[Points], points: int) -> Iterator[Points]:
    thinner = Downsampler(points)
    for time, value, torn in flagged:
        thinner.add(time, value, torn)
    kept = thinner.take()
    if len(kept[0]):
        yield kept


def _marked(flagged: Iterator[Points], gaps: list[Gaps]) -> Iterator[Block]:
    last = np.empty(0, np.int64)
    for time, value, torn in flagged:
        gaps.append(np.stack([_before(last, time)[torn], time[torn]], axis=1))
        last = time[-1:]
        yield time, value


def _before(last: Times, time: Times) -> Times:
    """The time before each; before the very first one, where `last` is empty, itself."""
    return np.concatenate([last if len(last) else time[:1], time[:-1]])
