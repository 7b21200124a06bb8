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


class EngineError(Exception):
    """Base of the engine's refusals."""

    category = "INTERNAL"

    def __init__(self, message: str, *, field: str = "", seen: object = None, allowed: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.field = field
        self.seen = seen
        self.allowed = tuple(allowed)


class UnknownSensor(EngineError):
    """No such sensor in this project (a sensor of another project looks the same)."""

    category = "UNKNOWN_SENSOR"

    def __init__(self, sensor: str, known: Iterable[str] = (), *, at: Sequence[int] = ()) -> None:
        near = get_close_matches(sensor, list(known), n=3)
        hint = f"; near it: {', '.join(near)}" if near else ""
        where = f" (rows {', '.join(map(str, at[:20]))}{' ...' if len(at) > 20 else ''})" if at else ""
        super().__init__(f"there is no sensor {sensor!r}{where}{hint}", field="sensor", seen=sensor, allowed=near)


class NotFound(EngineError):
    """No such node, device, project or key."""

    category = "NOT_FOUND"


class Exists(EngineError):
    """The id is taken."""

    category = "EXISTS"


class InvalidTimeRange(EngineError):
    """`endDate` lies before `startDate`."""

    category = "INVALID_TIME_RANGE"


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a request: where (`[3].timestamp` of the rows sent) and what."""

    path: str
    message: str


class InvalidRequest(EngineError):
    """The request has the wrong shape or values; every fault found is listed."""

    category = "INVALID_REQUEST"

    def __init__(self, faults: Sequence[Fault], *, shown: int = 5) -> None:
        self.faults = tuple(faults)
        said = "; ".join(f"{fault.path}: {fault.message}" for fault in self.faults[:shown])
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


# What a caller can do something about; anything else is ours, and is logged.
Refusal = EngineError | StorageError | UnitsError
REFUSALS: tuple[type[Refusal], ...] = (EngineError, StorageError, UnitsError)
