"""What the engine refuses, and why.

Every refusal, here and in the packages below, carries the same four facts: `category` (one word of domain section 10
or of this page), `field` (the name in the request that is wrong), `seen` (what stood there) and `allowed`.
Its text is one plain line. How a category leaves over HTTP or JSON-RPC is one table, in the API package.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from tseng_storage.errors import StorageError
from tseng_units.errors import UnitsError
from tseng_units.instants import format_instant


class EngineError(Exception):
    """Base of the engine's refusals."""

    category = "INTERNAL"

    def __init__(self, message: str, *, field: str = "", seen: object = None, allowed: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.field = field
        self.seen = seen
        self.allowed = tuple(allowed)


MOST_FAULTS = 1000
"""Faults listed of one request: a hundred thousand bad rows must not become an answer ten times their size."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a request: where (`[3].timestamp` of the rows sent) and what."""

    path: str
    message: str


class UnknownSensor(EngineError):
    """No such sensor in this project (a sensor of another project looks the same).

    `faults` are the rows of an upload that name it.
    """

    category = "UNKNOWN_SENSOR"
    faults: tuple[Fault, ...] = ()

    def __init__(self, sensor: str, known: Iterable[str] = (), *, as_of: int | None = None) -> None:
        near = get_close_matches(sensor, list(known), n=3)
        hint = f"; near it: {', '.join(near)}" if near else ""
        there = "there is no" if as_of is None else f"at {format_instant(as_of)} there was no"
        super().__init__(f"{there} sensor {sensor!r}{hint}", field="sensor", seen=sensor, allowed=near)

    @classmethod
    def in_rows(cls, rows: Sequence[tuple[int, str]], path: str, *, shown: int = 20) -> "UnknownSensor":
        """Make the refusal of rows that name sensors which do not exist; each sensor comes with its rows.

        `path` is that of a row's sensor, with braces for the number.
        """
        error, by_sensor = cls(rows[0][1]), dict[str, list[str]]()
        for row, sensor in rows[:shown]:
            by_sensor.setdefault(sensor, []).append(str(row))
        named = (f"{sensor!r} (row{'s'[: len(at) - 1]} {', '.join(at)})" for sensor, at in by_sensor.items())
        rest = f", and {len(rows) - shown} rows more" if len(rows) > shown else ""
        told = rows[:MOST_FAULTS]
        error.faults = tuple(Fault(path.format(row), f"there is no sensor {sensor!r}") for row, sensor in told)
        error.args = (f"there is no sensor {', '.join(named)}{rest}",)
        return error


class NotFound(EngineError):
    """No such node, device, project or key."""

    category = "NOT_FOUND"


class Exists(EngineError):
    """The id is taken."""

    category = "EXISTS"


class InvalidTimeRange(EngineError):
    """`endDate` lies before `startDate`."""

    category = "INVALID_TIME_RANGE"


class InvalidRequest(EngineError):
    """The request has the wrong shape or values; every fault found is listed."""

    category = "INVALID_REQUEST"

    def __init__(self, faults: Sequence[Fault], *, shown: int = 5) -> None:
        self.faults = tuple(faults)
        said = "; ".join(f"{fault.path}: {fault.message}".removeprefix(": ") for fault in self.faults[:shown])
        rest = f"; and {len(self.faults) - shown} more" if len(self.faults) > shown else ""
        super().__init__(said + rest, field=self.faults[0].path)

    @classmethod
    def at(cls, path: str, message: str) -> "InvalidRequest":
        """Make a refusal of one fault."""
        return cls([Fault(path, message)])


class Unauthenticated(EngineError):
    """No credentials, or credentials that are wrong, revoked or expired."""

    category = "UNAUTHENTICATED"


class Forbidden(EngineError):
    """The credentials are good but do not carry the right."""

    category = "FORBIDDEN"


class TooLarge(EngineError):
    """What was sent is larger than is taken."""

    category = "TOO_LARGE"


class UnsupportedType(EngineError):
    """A document of a media type that is not taken."""

    category = "UNSUPPORTED_TYPE"


# What a caller can do something about; anything else is ours, and is logged.
Refusal = EngineError | StorageError | UnitsError
REFUSALS: tuple[type[Refusal], ...] = (EngineError, StorageError, UnitsError)


def again(error: Refusal) -> Refusal:
    """Return the same refusal as a new object: one that is kept must not hold on to what it was first raised from."""
    made = type(error).__new__(type(error))
    vars(made).update(vars(error))
    made.args = error.args
    return made


def within(place: str, error: Refusal) -> Refusal:
    """Return the refusal of a part of a request, its field and its text led by where that part stands."""
    if isinstance(error, InvalidRequest):
        return InvalidRequest([Fault(f"{place}.{fault.path}", fault.message) for fault in error.faults])
    if isinstance(error, UnitsError):
        error.problem = f"{place}: {error.problem}"
    else:
        error.args = (f"{place}: {error}",)
    error.field = f"{place}.{error.field}"
    return error
