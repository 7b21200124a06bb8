"""Aggregates of the points in each window: which there are, what they mean for a metric, and in which unit they come.

The values are those of the answer without an aggregate: derived, zeroed, in the unit asked for. Kernels take whole
arrays. Each window is reduced from its own points alone, so its bits do not depend on what is computed beside it. What
a window does not have (the standard deviation of one point) is NaN here and is left out of the answer.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from tseng_units.errors import InvalidParam
from tseng_units.registry import DIMENSIONS, conversion, interval_of
from tseng_units.sensors import OfferedMetric
from tseng_units.windows import Rows, Times, Window

Floats = NDArray[np.float64]

NOT_ADDED = {"temperature": "temperatures", "sound_level": "levels"}
"""Dimensions whose values have no sum: their zero is a convention, or they are logarithms."""
YEAR_S = 365.25 * 86_400
"""Seconds of the year in mm_yr."""
CANCELLED = 1e-12
"""Mean resultant length up to which directions cancel out, and their mean is that of rounding errors."""
TURN = 2 * np.pi


@dataclass(frozen=True)
class Windowed:
    """Points and the windows they lie in; every window has at least one.

    Attributes:
        time: int64 us, ascending, (n,).
        value: float64, finite, (n,).
        row: first row of each window, ascending from 0, (k,).
    """

    time: Times
    value: Floats
    row: Rows

    @cached_property
    def count(self) -> Rows:
        """Number of points of each window, (k,)."""
        return np.diff(self.row, append=len(self.time))

    @property
    def last(self) -> Rows:
        """Last row of each window, (k,)."""
        return self.row + self.count - 1

    def total(self, value: Floats) -> Floats:
        """Sum of values (n,) over each window, (k,)."""
        return np.asarray(np.add.reduceat(value, self.row))

    def spread(self, value: Floats) -> Floats:
        """Values of windows (k,) at their points, (n,)."""
        return np.repeat(value, self.count)


Kernel = Callable[[Windowed], Floats]


@dataclass(frozen=True)
class Aggregate:
    """One aggregate of one metric.

    `unit` and `dimension` are those of its results; `dimension` is None where no dimension has the unit.
    """

    name: str
    kernel: Kernel
    unit: str
    dimension: str | None

    def over(self, window: Window, time: Times, value: Floats) -> tuple[Times, Floats]:
        """Starts of the windows that have a result, int64 us (k,), and the results [unit], float64 (k,), finite.

        Args:
            window: which points belong together.
            time: int64 us, ascending, (n,), n at least one.
            value: float64, finite, (n,).
        """
        groups = window.split(time)
        with np.errstate(all="ignore"):
            result = self.kernel(Windowed(time, value, groups.row))
        valid = np.isfinite(result)
        return (groups.start, result) if valid.all() else (groups.start[valid], result[valid])


def mean(points: Windowed) -> Floats:
    """Arithmetic mean."""
    return points.total(points.value) / points.count


def std(points: Windowed) -> Floats:
    """Sample standard deviation (divisor n - 1), in two passes."""
    deviation = points.value - points.spread(mean(points))
    return np.sqrt(points.total(deviation * deviation) / (points.count - 1))


def percentile(points: Windowed, share: float) -> Floats:
    """Percentile `share` [%], linear between order statistics.

    Source: Hyndman & Fan (1996), Sample Quantiles in Statistical Packages, The American Statistician 50(4), type 7.
    """
    result = np.empty(len(points.row))
    for count in np.flatnonzero(np.bincount(points.count)):
        alike = np.flatnonzero(points.count == count)
        result[alike] = np.percentile(points.value[points.row[alike, None] + np.arange(count)], share, axis=1)
    return result


def rate(points: Windowed, per: float) -> Floats:
    """Change from the first point to the last over the time between them, per `per` seconds."""
    change = points.value[points.last] - points.value[points.row]
    return change / ((points.time[points.last] - points.time[points.row]) / (per * 1e6))


def mean_direction(points: Windowed, unit: str) -> Floats:
    """Direction of the sum of unit vectors, from 0 to less than a full turn [unit]; NaN where they cancel out.

    Source: Mardia & Jupp (2000), Directional Statistics, section 2.2.1.
    """
    direction = conversion("angle", "rad", unit).apply(_directions(points, _radians(points, unit)) % TURN)
    direction[direction >= conversion("angle", "rad", unit).apply(np.array([TURN]))] = 0.0
    return direction


def std_direction(points: Windowed, unit: str) -> Floats:
    """Circular standard deviation sqrt(-2 ln R) [unit]; NaN for a single point.

    R is the mean of cos(deviation); 1 - R is summed instead, so that small spreads keep their digits.
    Source: Mardia & Jupp (2000), Directional Statistics, equations 2.3.4 and 2.3.14.
    """
    angle = _radians(points, unit)
    half = np.sin((angle - points.spread(_directions(points, angle))) / 2)
    variance = points.total(2 * half * half) / points.count
    deviation = np.sqrt(-2 * np.log1p(-variance))
    return np.where(points.count > 1, conversion("angle", "rad", unit).apply(deviation), np.nan)


def _radians(points: Windowed, unit: str) -> Floats:
    return conversion("angle", unit, "rad").apply(points.value)


def _directions(points: Windowed, angle: Floats) -> Floats:
    """Mean direction of angles (n,) [rad], (k,) [rad]."""
    east, north = points.total(np.sin(angle)), points.total(np.cos(angle))
    return np.where(np.hypot(east, north) > CANCELLED * points.count, np.arctan2(east, north), np.nan)


OF_NUMBERS: Mapping[str, Kernel] = {
    "mean": mean,
    "min": lambda points: np.minimum.reduceat(points.value, points.row),
    "max": lambda points: np.maximum.reduceat(points.value, points.row),
    "median": partial(percentile, share=50.0),
    "std": std,
    "sum": lambda points: points.total(points.value),
    "range": lambda points: OF_NUMBERS["max"](points) - OF_NUMBERS["min"](points),
}
OF_ANY: Mapping[str, Kernel] = {
    "first": lambda points: points.value[points.row],
    "last": lambda points: points.value[points.last],
    "count": lambda points: points.count.astype(np.float64),
}
OF_DIRECTIONS: Mapping[str, Callable[[Windowed, str], Floats]] = {"mean": mean_direction, "std": std_direction}
INTERVALS = ("std", "range")
"""Aggregates that are differences of values."""
RATE = re.compile(r"rate(?:/(\w+))?", re.ASCII)
PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,9})?|100)", re.ASCII)
NAMES = (*OF_ANY, *OF_NUMBERS, "p95", "rate", "rate/h", "rate/d")
"""What there is, with examples of percentiles and rates."""


def aggregate_of(name: object, metric: OfferedMetric, unit: str) -> Aggregate:
    """The aggregate of that name over values of a metric [unit].

    Raises InvalidParam: no such aggregate, or one that has no meaning for the metric.
    """
    if not isinstance(name, str):
        raise InvalidParam(f"{name!r} is no aggregate", field="aggregate", seen=name, allowed=NAMES)
    if name in OF_ANY:
        derived = ("count", "count") if name == "count" else (unit, metric.dimension)
        return Aggregate(name, OF_ANY[name], *derived)
    if metric.cyclic:
        return _of_direction(name, metric, unit)
    if name == "sum" and metric.dimension in NOT_ADDED:
        problem = f"the sum of {NOT_ADDED[metric.dimension]} means nothing: {metric.id} has no {name}"
        raise InvalidParam(problem, field="aggregate", seen=name, allowed=[each for each in NAMES if each != name])
    if name in OF_NUMBERS:
        dimension = interval_of(metric.dimension) if name in INTERVALS else metric.dimension
        return Aggregate(name, OF_NUMBERS[name], unit, dimension)
    if found := PERCENTILE.fullmatch(name):
        return Aggregate(name, partial(percentile, share=float(found[1])), unit, metric.dimension)
    if found := RATE.fullmatch(name):
        return _rate(name, found[1] or "s", metric, unit)
    raise InvalidParam(f"no aggregate is called {name!r}", field="aggregate", seen=name, allowed=NAMES)


def _of_direction(name: str, metric: OfferedMetric, unit: str) -> Aggregate:
    # A free-text unit may stand for an angle elsewhere, or be spelt like one: what a full turn is cannot be known.
    known = tuple(OF_DIRECTIONS) if metric.dimension == "angle" and unit in DIMENSIONS["angle"].units else ()
    if name not in known:
        problem = f"{metric.id} is a direction on the full circle, of which {name!r} means nothing"
        raise InvalidParam(problem, field="aggregate", seen=name, allowed=(*OF_ANY, *known))
    kernel = OF_DIRECTIONS[name]
    return Aggregate(name, lambda points: kernel(points, unit), unit, metric.dimension)


def _rate(name: str, per: str, metric: OfferedMetric, unit: str) -> Aggregate:
    times = DIMENSIONS["time"].units
    if per not in times and per != "yr":
        allowed = [f"rate/{time}" for time in (*times, "yr")]
        raise InvalidParam(f"{name!r} is no rate", field="aggregate", seen=name, allowed=allowed)
    seconds = YEAR_S if per == "yr" else conversion("time", per, "s").scale
    kernel = partial(rate, per=seconds)
    velocity = f"{unit}_{per}"
    if metric.dimension == "length" and velocity in DIMENSIONS["velocity"].units:
        return Aggregate(name, kernel, velocity, "velocity")
    return Aggregate(name, kernel, f"{unit}/{per}", None)
