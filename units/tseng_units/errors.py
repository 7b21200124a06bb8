"""Everything that can be wrong with a request for a metric, as one small family of exceptions.

Each carries what a caller needs to answer for itself: the category (the word every door of the product uses), the
field, what was seen there and what would have been allowed.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar

SHOWN = 8


def nearest_first(seen: object, allowed: Iterable[str]) -> tuple[str, ...]:
    """The allowed names, those that resemble `seen` in front, the rest in their given order."""
    names = tuple(dict.fromkeys(allowed))
    by_lower = {name.lower(): name for name in reversed(names)}
    close = get_close_matches(str(seen).lower(), by_lower, n=3, cutoff=0.6)
    front = [by_lower[name] for name in close]
    return tuple(dict.fromkeys([*front, *names]))


class UnitsError(Exception):
    """Base of all; `str()` is one plain line: what was wrong, then what is allowed."""

    category: ClassVar[str] = "UNITS"

    def __init__(self, problem: str, *, field: str, seen: object = None, allowed: Iterable[str] = ()) -> None:
        """Keep the fields; `allowed` is reordered so that near misses come first."""
        self.problem = problem
        self.field = field
        self.seen = seen
        self.allowed = nearest_first(seen, allowed)
        super().__init__(problem)

    def __str__(self) -> str:
        """Give the problem and the first of the allowed values."""
        if not self.allowed:
            return self.problem
        more = len(self.allowed) - SHOWN
        tail = f" and {more} more" if more > 0 else ""
        return f"{self.problem}; allowed: {', '.join(self.allowed[:SHOWN])}{tail}"


class UnknownMetric(UnitsError):
    """The metric id is neither in the catalogue nor one of the sensor's own."""

    category = "UNKNOWN_METRIC"


class MetricNotAvailable(UnitsError):
    """The metric exists, but not for this sensor type, or a prop that it needs is missing or unusable."""

    category = "METRIC_NOT_AVAILABLE"


class UnknownUnit(UnitsError):
    """The unit id is in no dimension."""

    category = "UNKNOWN_UNIT"


class IncompatibleUnit(UnitsError):
    """The unit id is known, but belongs to another dimension than the metric."""

    category = "INCOMPATIBLE_UNIT"


class NoZeroReading(UnitsError):
    """There are valid readings, but none (or too few) at or after the zero date."""

    category = "NO_ZERO_READING"


class InvalidParam(UnitsError):
    """A request parameter is unknown, of the wrong type or outside its range."""

    category = "INVALID_PARAM"


class MissingParam(UnitsError):
    """A request parameter without which the metric cannot be computed was not given."""

    category = "MISSING_PARAM"


class InvalidDefinition(UnitsError):
    """A user's own metric or unit map cannot be taken as it is written."""

    category = "INVALID_DEFINITION"


class PluginFailed(UnitsError):
    """A plugin's function raised, or returned what cannot be its metric."""

    category = "PLUGIN"
