"""Observations as they were recorded: the raw metrics of one sensor side by side, in the units they are stored in.

Masked readings are missing, here as everywhere. The series are read over common windows, a few row groups at a time, so
memory does not grow with what is asked for, and all through one view, so all are of one snapshot.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tseng.reads import time_range
from tseng.requests import When, instant
from tseng.series import Block
from tseng.shape import Limit, check_limit
from tseng.view import ProjectView
from tseng_units.evaluate import Execution
from tseng_units.plan import stored_plan

# Points of each metric that are held at once: a row group's, which is what has to be decoded for a single one too.
_AT_ONCE = 32_768

Window = tuple[int, int]


@dataclass(frozen=True)
class RawRows:
    """Observations of one sensor; each time has some value and each metric too.

    Attributes:
        time: int64 microseconds since 1970 UTC, shape (n,), ascending and unique.
        metrics: k ids.
        values: float64, shape (k, n), in the metrics' stored units; NaN where a metric has no value.
    """

    time: NDArray[np.int64]
    metrics: tuple[str, ...]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.time)

    def only(self, part: slice) -> "RawRows":
        """Some of the rows; a metric without a value in any of them is left out."""
        values = self.values[:, part]
        some = np.flatnonzero(~np.isnan(values).all(axis=1))
        return RawRows(self.time[part], tuple(self.metrics[each] for each in some), values[some])


def observations(
    view: ProjectView,
    sensor: str,
    *,
    start: When = None,
    end: When = None,
    limit: Limit | None = None,
    as_of: When = None,
) -> Iterator[RawRows]:
    """The observations of a sensor, in blocks that ascend in time; every refusal comes from this call.

    The options are those of a read, as `tseng.requests.Options` tells them.

    Raises:
        UnknownSensor: no such sensor.
        InvalidTimeRange: `end` lies before `start`.
        tseng_units.errors.MetricNotAvailable: a mask that cannot be understood.
    """
    check_limit(limit)
    then = instant("asOf", as_of)
    view = view if then is None else view.as_of(then)
    found = view.known(sensor)
    first, last = time_range(start, end)
    recorded = [metric for metric in found.raw.values() if metric.id in found.uploaded]
    series = {metric.id: Execution(stored_plan(found, metric), view) for metric in recorded}
    windows = _common([view.blocks(sensor, metric, first, last, most=_AT_ONCE) for metric in series])
    return _limited(series, windows, limit)


def _common(windows: list[Iterator[Window]]) -> list[Window]:
    """Windows that cover those of all the series, each within one window of each series."""
    each = [window for of_series in windows for window in of_series]
    begins = sorted({begin for begin, _ in each})
    ends = [begin - 1 for begin in begins[1:]]
    return list(zip(begins, [*ends, *sorted(end for _, end in each)[-1:]], strict=True))


def _limited(series: Mapping[str, Execution], windows: list[Window], limit: Limit | None) -> Iterator[RawRows]:
    for window in reversed(windows) if limit == "last" else windows:
        found = _rows({metric: each.evaluate(*window) for metric, each in series.items()})
        if len(found) and limit:
            yield found.only(slice(0, 1) if limit == "first" else slice(-1, None))
            return
        if len(found):
            yield found


def _rows(series: Mapping[str, Block]) -> RawRows:
    """Series by metric as rows over all their times."""
    some = {metric: each for metric, each in series.items() if len(each[0])}
    if not some:
        return RawRows(np.empty(0, np.int64), (), np.empty((0, 0)))
    times = [time for time, _ in some.values()]
    if all(np.array_equal(time, times[0]) for time in times[1:]):
        return RawRows(times[0], tuple(some), np.stack([value for _, value in some.values()]))
    union = np.unique(np.concatenate(times))
    values = np.full((len(some), len(union)), np.nan)
    for row, (time, value) in zip(values, some.values(), strict=True):
        row[np.searchsorted(union, time)] = value
    return RawRows(union, tuple(some), values)
