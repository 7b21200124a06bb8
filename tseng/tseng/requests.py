"""What a read may be told, in Python's words and in those of the wire: the one place that names its options."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self, TypedDict

import numpy as np

from tseng.errors import InvalidRequest
from tseng_units.instants import parse_instant

if TYPE_CHECKING:
    from tseng.shape import Limit

When = str | datetime | np.datetime64 | None


class Options(TypedDict, total=False):
    """What a read may be told beside sensor, metric and unit; the keywords of every verb that reads."""

    params: Mapping[str, Any] | None
    """Metric parameters, each `{"value": ..., "unit": optional}`."""
    start: When
    """First instant of the range, inclusive: ISO text, datetime or datetime64; without zone UTC."""
    end: When
    """Last instant of the range, inclusive."""
    limit: "Limit | None"
    """"first" or "last" for that one point of the range, or that one aggregate."""
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
    limit: "Limit | None" = None
    aggregate: str | None = None
    window: str | None = None
    time_zone: str | None = None
    max_gap: str | None = None
    points: int | None = None
    gap: str | None = None
    as_of: When = None

    def to_wire(self) -> dict[str, Any]:
        """The request as the JSON body of `POST /api/data`."""
        asked = {"sensor": self.sensor, "metric": self.metric, "unit": self.unit}
        return {**asked, **to_wire({name: value for name, value in vars(self).items() if name not in asked})}

    @classmethod
    def from_wire(cls, body: Mapping[str, Any]) -> Self:
        """The request that `to_wire` wrote; KeyError or TypeError for anything else."""
        by_wire = {wire: (name, back) for name, (wire, _, back) in _WIRE.items()}
        given = dict(body)
        sensor, metric, unit = (str(given.pop(name)) for name in ("sensor", "metric", "unit"))
        options = {by_wire[wire][0]: by_wire[wire][1](value) for wire, value in given.items()}
        return cls(sensor, metric, unit, **options)


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


def iso(when: When) -> str:
    """ISO text of an instant, however it was given; without zone it has none either."""
    if isinstance(when, np.datetime64):
        return str(when.astype("datetime64[us]"))
    return when.isoformat() if isinstance(when, datetime) else str(when)


def plain(value: Any) -> Any:
    """JSON's own types: a number of numpy's becomes Python's, inside objects and lists too."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


# Of each option of a series or a table: its name on the wire, how its value is written there, how it is read back.
_WIRE: Mapping[str, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "params": ("params", plain, dict),
    "start": ("startDate", iso, str),
    "end": ("endDate", iso, str),
    "limit": ("limit", lambda function: {"function": function}, lambda limit: limit["function"]),
    "aggregate": ("aggregate", str, str),
    "window": ("window", str, str),
    "time_zone": ("timeZone", str, str),
    "max_gap": ("maxGap", str, str),
    "points": ("points", int, int),
    "gap": ("gap", str, str),
    "as_of": ("asOf", iso, str),
    "align": ("align", str, str),
    "tolerance": ("tolerance", str, str),
}


def to_wire(options: Mapping[str, object]) -> dict[str, Any]:
    """The options as fields of the JSON body of a read; what is None is left out."""
    given = {name: value for name, value in options.items() if value is not None}
    unknown = [name for name in given if name not in _WIRE]
    if unknown:
        raise TypeError(f"a read has no option {unknown[0]!r}; there are: {', '.join(_WIRE)}")
    return {_WIRE[name][0]: _WIRE[name][1](value) for name, value in given.items()}
