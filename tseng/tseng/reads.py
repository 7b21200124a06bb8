"""A read: resolve the request into a plan, run the plan, answer with where the numbers came from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypedDict

import numpy as np

from tseng.errors import InvalidRequest, InvalidTimeRange
from tseng.series import Block, Gaps, Series, Stream, gap_list
from tseng.shape import Limit, Shape, joined, limited
from tseng.view import ProjectView
from tseng_units.evaluate import Execution
from tseng_units.instants import format_instant, parse_instant
from tseng_units.plan import offered_metric, plan
from tseng_units.run import widened

When = str | datetime | np.datetime64 | None


class Options(TypedDict, total=False):
    """What a read may be told beside sensor, metric and unit; the keywords of every verb that reads."""

    params: Mapping[str, Any] | None
    """Metric parameters, each `{"value": ..., "unit": optional}`."""
    start: When
    """First instant of the window, inclusive: ISO text, datetime or datetime64; without zone UTC."""
    end: When
    """Last instant of the window, inclusive."""
    limit: Limit | None
    """"first" or "last" for that one point of the window, or that one aggregate."""
    aggregate: str | None
    """One value for each window of time: "mean", "max", "p95", "rate/h" and others; or "interpolate"."""
    window: str | None
    """Which windows: "10min", "1h", "1d", "1w", "1month" and the like."""
    time_zone: str | None
    """IANA name of the zone whose days the windows keep to, by default UTC."""
    max_gap: str | None
    """Interpolation goes over gaps of at most this length, such as "2h"."""
    points: int | None
    """At most so many points, chosen for a chart: the ends, the extremes and the shape stay."""
    gap: str | None
    """Mark where neighbouring points are farther apart than this, such as "1h"."""
    as_of: When
    """Answer as it was known then: observations received and configuration recorded up to this instant."""


@dataclass(frozen=True)
class Request:
    """What was asked for, as it came; beside sensor, metric and unit the fields of `Options`."""

    sensor: str
    metric: str
    unit: str
    params: Mapping[str, Any] | None = None
    start: When = None
    end: When = None
    limit: Limit | None = None
    aggregate: str | None = None
    window: str | None = None
    time_zone: str | None = None
    max_gap: str | None = None
    points: int | None = None
    gap: str | None = None
    as_of: When = None


class Read:
    """A request resolved against one snapshot: nothing is left that can be refused."""

    def __init__(self, view: ProjectView, request: Request) -> None:
        """Resolve.

        Raises:
            EngineError: sensor or time range.
            tseng_units.errors.UnitsError: metric, unit, parameters, props or zero reading, in this order.
        """
        if request.limit not in (None, "first", "last"):
            raise InvalidRequest.at("limit", f"{request.limit!r} is neither first nor last")
        as_of = instant("asOf", request.as_of)
        view = view if as_of is None else view.as_of(as_of)
        sensor = view.known(request.sensor)
        self.request = request
        self.start, self.end = time_range(request.start, request.end)
        self._execution = Execution(plan(sensor, request.metric, request.unit, request.params, view), view)
        self._shape = Shape.of(request, offered_metric(sensor, request.metric))
        self.provenance = {**_provenance(view, self._execution, self.start, self.end), **self._shape.describe(request)}

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
        derived = (
            self._windowed()
            if shape.window
            else iter([self._plain()])
            if asked.limit
            else self._blocks(self.start, self.end)
        )
        return Stream(asked.sensor, asked.metric, shape.unit, self.provenance, shape.finished(derived, gaps), gaps)

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


def instant(field: str, when: When) -> int | None:
    """Microseconds since 1970 UTC of an ISO text, a datetime or a datetime64; without zone UTC.

    Raises:
        InvalidRequest: not a time; names `field`.
    """
    if when is None:
        return None
    if isinstance(when, np.datetime64):
        return _of_numpy(field, when)
    if isinstance(when, datetime):
        when = (when if when.tzinfo else when.replace(tzinfo=UTC)).isoformat()
    if not isinstance(when, str):
        raise InvalidRequest.at(field, f"{when!r} is not an ISO 8601 time")
    try:
        return parse_instant(when)
    except ValueError as error:
        raise InvalidRequest.at(field, str(error)) from None


def _of_numpy(field: str, when: np.datetime64) -> int:
    # Compared as days: a year far outside int64 microseconds wraps when it is cast.
    if not np.datetime64("0001-01-01") <= when.astype("datetime64[D]") <= np.datetime64("9999-12-31"):
        raise InvalidRequest.at(field, f"{when} is not a time of the years 0001 to 9999")
    return int(when.astype("datetime64[us]").astype(np.int64))


def _provenance(view: ProjectView, execution: Execution, start: int | None, end: int | None) -> dict[str, Any]:
    return {
        **execution.plan.describe(),
        "zeroReadings": execution.zeros,
        "replacements": execution.carried,
        "window": {
            "startDate": None if start is None else format_instant(start),
            "endDate": None if end is None else format_instant(end),
        },
        "project": view.project,
        "snapshot": {"version": view.snapshot.version, "seq": view.snapshot.seq},
    }
