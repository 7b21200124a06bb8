"""A read: resolve the request into a plan, run the plan, answer with where the numbers came from."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from tseng.errors import InvalidTimeRange
from tseng.plans import Plans
from tseng.provenance import provenance
from tseng.requests import Request, When, instant
from tseng.series import Block, Gaps, Series, Stream, gap_list
from tseng.shape import Limit, Shape, check_limit, joined, limited
from tseng.view import ProjectView
from tseng_storage.entities import now_us
from tseng_units.align import Floats, Times, nearest
from tseng_units.evaluate import Execution
from tseng_units.instants import format_instant
from tseng_units.run import widened

# A window costs as much as several thousand points: with more of them the whole block is computed at once.
_MANY = 32


class Read:
    """A request resolved against one snapshot: nothing is left that can be refused."""

    def __init__(self, view: ProjectView, request: Request, plans: Plans | None = None) -> None:
        """Resolve; `plans` are those that are kept, None to plan for this read alone.

        Raises:
            EngineError: sensor or time range.
            tseng_units.errors.UnitsError: metric, unit, parameters, props or zero reading, in this order.
        """
        check_limit(request.limit)
        plans = plans or Plans()
        self._as_of = instant("asOf", request.as_of)
        self._view = view = view if self._as_of is None else view.as_of(self._as_of)
        planned = plans.find(view, request)
        sensor = None if planned else view.known(request.sensor)
        self.request = request
        self.start, self.end = time_range(request.start, request.end)
        if sensor is not None:
            planned = plans.make(view, sensor, request)
        assert planned is not None
        self._execution = Execution(planned.plan, view)
        self._shape = Shape.of(request, planned.offered)
        self._execution.settle()
        self._resolved_at = now_us()

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Where the answer comes from, as `tseng.provenance` describes it."""
        start, end, then = (None if us is None else format_instant(us) for us in (self.start, self.end, self._as_of))
        understood = replace(self.request, start=start, end=end, as_of=then)
        shape = self._shape.describe(self.request)
        return provenance(self._view, understood, self._execution, shape, self._resolved_at)

    @property
    def unit(self) -> str:
        """Unit of the answer: the one asked for, or what an aggregate makes of it."""
        return self._shape.unit

    def series(self) -> Series:
        """Answer in one piece."""
        asked, shape = self.request, self._shape
        gaps: list[Gaps] = []
        # In one piece deriving is faster than block by block; an aggregate needs no more than a block at a time.
        derived = self._windowed() if shape.window else iter([self._plain()])
        time, value = joined(list(shape.finished(derived, gaps)))
        return Series(
            time.view("datetime64[us]"), value, shape.unit, asked.sensor, asked.metric, self.provenance, gap_list(gaps)
        )

    def stream(self) -> Stream:
        """Answer in blocks of bounded size."""
        asked, shape = self.request, self._shape
        gaps: list[Gaps] | None = None if shape.gap is None else []
        if shape.window:
            derived = self._windowed()
        else:
            derived = iter([self._plain()]) if asked.limit else self._blocks(self.start, self.end)
        blocks = shape.finished(derived, gaps)
        return Stream(asked.sensor, asked.metric, shape.unit, lambda: self.provenance, blocks, gaps)

    def nearest(self, at: Times, tolerance: int) -> Floats:
        """Value of the reading nearest to each of some times, the earlier on a tie.

        NaN where none is within `tolerance` [us]. `at`: int64 us, ascending and unique.
        """
        value = np.full(len(at), np.nan)
        away = np.full(len(at), tolerance + 1)
        span = widened(int(at[0]), int(at[-1]), tolerance, tolerance)
        for block in self._execution.blocks(*span):
            for first, last in _around(at, tolerance, *block):
                time, found = self._execution.evaluate(first, last)
                asked = np.flatnonzero((at >= first - tolerance) & (at <= last + tolerance))
                if len(time):
                    rows, _ = nearest(time, at[asked], tolerance)
                    off = np.abs(time[rows] - at[asked])
                    nearer = off < away[asked]
                    value[asked[nearer]], away[asked[nearer]] = found[rows[nearer]], off[nearer]
        return value

    def _plain(self) -> Block:
        """Neither aggregated nor interpolated, in one piece."""
        limit = self.request.limit
        return self._edge(limit) if limit else self._execution.evaluate(self.start, self.end)

    def _windowed(self) -> Iterator[Block]:
        """Aggregated or interpolated, limited."""
        shape = self._shape
        # What a line is drawn from may lie outside the range asked for.
        reach = shape.max_gap or 0
        blocks = shape.windowed(self._blocks(*widened(self.start, self.end, reach, reach)), self.start, self.end)
        return limited(blocks, self.request.limit)

    def _blocks(self, start: int | None, end: int | None) -> Iterator[Block]:
        for first, last in self._execution.blocks(start, end):
            yield self._execution.evaluate(first, last)

    def _edge(self, limit: Limit) -> Block:
        """The first or last valid point, or none: blocks are tried from that end until one has a point."""
        windows = list(self._execution.blocks(self.start, self.end))
        at = slice(0, 1) if limit == "first" else slice(-1, None)
        for first, last in windows if limit == "first" else reversed(windows):
            time, value = self._execution.evaluate(first, last)
            if len(time):
                return time[at], value[at]
        return np.empty(0, np.int64), np.empty(0, np.float64)


def _around(at: Times, near: int, first: int, last: int) -> list[tuple[int, int]]:
    """The windows of [first, last] that lie within `near` of some time; all of it where there are many of these."""
    times = at[(at >= first - near) & (at <= last + near)]
    if len(times) > _MANY:
        return [(first, last)]
    groups = np.split(times, np.flatnonzero(np.diff(times) > 2 * near) + 1)
    return [(max(first, int(each[0]) - near), min(last, int(each[-1]) + near)) for each in groups if len(each)]


def summary(stream: Stream) -> dict[str, Any]:
    """First and last point (None when there is none) and the count of a stream, which it uses up."""
    first, last, count = None, None, 0
    for time, value in stream.blocks:
        if len(time):
            first = first or _point(time[0], value[0])
            last = _point(time[-1], value[-1])
            count += len(time)
    return {"first": first, "last": last, "count": count}


def _point(time: np.int64, value: np.float64) -> dict[str, Any]:
    return {"timestamp": format_instant(int(time)), "value": float(value)}


def time_range(start: When, end: When) -> tuple[int | None, int | None]:
    """Both ends in microseconds since 1970 UTC, None where open.

    Raises:
        InvalidRequest: not a time.
        InvalidTimeRange: the end lies before the start.
    """
    first, last = instant("startDate", start), instant("endDate", end)
    if first is not None and last is not None and last < first:
        problem = f"endDate {format_instant(last)} lies before startDate {format_instant(first)}"
        raise InvalidTimeRange(problem, field="endDate", seen=end)
    return first, last
