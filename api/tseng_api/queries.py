"""One read as it is asked for: the params object of getData, or the same in a query string."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import msgspec
from starlette.datastructures import QueryParams

from tseng.align import Align
from tseng.aligned import Table
from tseng.errors import Fault, InvalidRequest
from tseng.observations import RawRows
from tseng.parameters import from_text
from tseng.reads import summary
from tseng.series import Stream
from tseng_api.session import Session
from tseng_units.errors import InvalidParam


class Size(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How many points a limit leaves; one is all there is (seed 003, Retrieving Data)."""

    size: Literal[1] = 1


class Limit(msgspec.Struct, forbid_unknown_fields=True):
    """The first or the last point of the window alone."""

    function: Literal["first", "last"]
    params: Size = Size()


class Query(msgspec.Struct, forbid_unknown_fields=True):
    """The params object of getData."""

    sensor: str
    metric: str
    unit: str
    params: dict[str, Any] | None = None
    startDate: str | None = None
    endDate: str | None = None
    limit: Limit | None = None
    aggregate: str | None = None
    window: str | None = None
    timeZone: str | None = None
    maxGap: str | None = None
    points: int | None = None
    gap: str | None = None
    asOf: str | None = None
    provenance: bool = False
    projectIds: list[str] | str | None = None

    def open(self, session: Session) -> Stream:
        """Ask the engine; every refusal comes from here, none from the stream."""
        stream = session.engine.stream(
            self.sensor, self.metric, self.unit, params=self.params, start=self.startDate, end=self.endDate,
            limit=self.limit.function if self.limit else None, aggregate=self.aggregate, window=self.window,
            time_zone=self.timeZone, max_gap=self.maxGap, points=self.points, gap=self.gap, as_of=self.asOf,
            project=session.project(self.projectIds),
        )  # fmt: skip
        return replace(stream, telling=self.provenance)

    def summary(self, session: Session) -> dict[str, Any]:
        """First and last point and the count."""
        if self.provenance:
            raise InvalidRequest.at("provenance", "a summary has none; ask for the series")
        return summary(self.open(session))


class Observations(msgspec.Struct, forbid_unknown_fields=True):
    """The params object of getObservations. What getData needs besides may be there, and changes nothing."""

    sensor: str
    metric: str | None = None
    unit: str | None = None
    params: dict[str, Any] | None = None
    startDate: str | None = None
    endDate: str | None = None
    limit: Limit | None = None
    asOf: str | None = None
    projectIds: list[str] | str | None = None

    def open(self, session: Session) -> Iterator[RawRows]:
        """Ask the engine; every refusal comes from here, none from the rows."""
        return session.engine.observations(
            self.sensor, start=self.startDate, end=self.endDate, limit=self.limit.function if self.limit else None,
            as_of=self.asOf, project=session.project(self.projectIds),
        )  # fmt: skip


class TableQuery(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request for a table; its columns are checked by the engine, which names each by its index."""

    columns: list[Any]
    startDate: str | None = None
    endDate: str | None = None
    align: Align = "exact"
    tolerance: str | None = None
    window: str | None = None
    aggregate: str | None = None
    timeZone: str | None = None
    maxGap: str | None = None
    asOf: str | None = None
    provenance: bool = False
    projectIds: list[str] | str | None = None

    def read(self, session: Session) -> Table:
        """Ask the engine."""
        table = session.engine.get_table(
            self.columns, start=self.startDate, end=self.endDate, align=self.align, tolerance=self.tolerance,
            window=self.window, aggregate=self.aggregate, time_zone=self.timeZone, max_gap=self.maxGap,
            as_of=self.asOf, project=session.project(self.projectIds),
        )  # fmt: skip
        return replace(table, telling=self.provenance)


_MANY_DIGITS = 19

# What a query string may hold beside metric parameters; every other name is taken for one, and refused by the engine.
_PLAIN = (
    "sensor",
    "metric",
    "unit",
    "startDate",
    "endDate",
    "aggregate",
    "window",
    "timeZone",
    "maxGap",
    "gap",
    "asOf",
)
_OTHERS = ("limit", "points", "provenance", "projectIds", "format")


def from_query(query: QueryParams) -> Query:
    """Read a query string: `ZERO_DATE=…`, `dt=3600` and `dt=2,h` become metric parameters.

    Raises:
        InvalidRequest: a mandatory name is missing, or one that stands alone comes twice.
    """
    given = {name: single(query, name) for name in query if name != "projectIds"}
    missing = [name for name in ("sensor", "metric", "unit") if name not in given]
    if missing:
        raise InvalidRequest([Fault(name, "is missing") for name in missing])
    return Query(
        **{name: given[name] for name in _PLAIN if name in given},
        params={name: from_text(text) for name, text in given.items() if name not in (*_PLAIN, *_OTHERS)},
        limit=_limit(given.get("limit")),
        points=_points(given.get("points")),
        provenance=_flag("provenance", given.get("provenance", "false")),
        projectIds=project_ids(query),
    )


def single(query: QueryParams, name: str) -> str:
    """Return the value of a name that may come once.

    Raises:
        InvalidRequest: it comes more often.
    """
    values = query.getlist(name)
    if len(values) != 1:
        raise InvalidRequest.at(name, f"comes {len(values)} times")
    return values[0]


def project_ids(query: QueryParams) -> list[str]:
    """Return the ids of `projectIds`, which may be repeated or hold commas."""
    return [id for text in query.getlist("projectIds") for id in text.split(",") if id]


def only(query: QueryParams, allowed: Sequence[str]) -> None:
    """Let pass a query string of these names.

    Raises:
        InvalidParam: it holds another name.
    """
    for name in query:
        if name not in allowed:
            raise InvalidParam(f"{name!r} is no parameter here", field=name, seen=query[name], allowed=allowed)


def _limit(text: str | None) -> Limit | None:
    if text is None or text == "":
        return None
    if text not in ("first", "last"):
        raise InvalidRequest.at("limit", f"{text!r} is neither first nor last")
    return Limit(text)  # type: ignore[arg-type]


def _points(text: str | None) -> int | None:
    if text is not None and not (text.isascii() and text.isdigit() and len(text) < _MANY_DIGITS):
        raise InvalidRequest.at("points", f"{text!r} is not a whole number")
    return None if text is None else int(text)


def _flag(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise InvalidRequest.at(name, f"{text!r} is neither true nor false")
    return text == "true"
