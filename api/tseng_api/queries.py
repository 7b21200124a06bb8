"""One read as it is asked for: the params objects of JSON-RPC, which are the bodies of REST."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, Literal, TypedDict, cast

import msgspec

from tseng.align import Align
from tseng.aligned import Table
from tseng.errors import InvalidRequest
from tseng.observations import RawRows
from tseng.reads import summary
from tseng.series import Stream
from tseng_api.session import Session


def _told(text: str) -> msgspec.Meta:
    return msgspec.Meta(description=text)


# Texts that mean something, each with what it means: in JSON-RPC, in bodies and in query strings.
Instant = Annotated[str, _told("ISO 8601; without offset it is UTC.")]
Known = Annotated[str, _told("ISO 8601: answer as it was known then.")]
Aggregate = Annotated[str, _told("mean, min, max, sum, count, p95 and so on, of each `window`.")]
Duration = Annotated[str, _told("Such as `5min`, `1h`, `1d`.")]
Zone = Annotated[str, _told("IANA name, such as `Europe/Amsterdam`: whose days, weeks and months.")]
Most = Annotated[int, _told("At most so many points, chosen for a chart.")]


class Size(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How many points a limit leaves; one is all there is (seed 003, Retrieving Data)."""

    size: Literal[1] = 1


class Limit(msgspec.Struct, forbid_unknown_fields=True):
    """The first or the last point of the window alone."""

    function: Literal["first", "last"]
    params: Size = Size()


class Point(TypedDict):
    """One point of a series."""

    timestamp: str
    value: float


class Summary(TypedDict):
    """The ends of a series and the number of its points; without points the ends are null."""

    first: Point | None
    last: Point | None
    count: int


class Query(msgspec.Struct, forbid_unknown_fields=True):
    """The params object of getData."""

    sensor: str
    metric: str
    unit: str
    params: dict[str, Any] | None = None
    startDate: Instant | None = None
    endDate: Instant | None = None
    limit: Limit | None = None
    aggregate: Aggregate | None = None
    window: Duration | None = None
    timeZone: Zone | None = None
    maxGap: Duration | None = None
    points: Most | None = None
    gap: Duration | None = None
    asOf: Known | None = None
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

    def summary(self, session: Session) -> Summary:
        """First and last point and the count."""
        if self.provenance:
            raise InvalidRequest.at("provenance", "a summary has none; ask for the series")
        return cast(Summary, summary(self.open(session)))


class Observations(msgspec.Struct, forbid_unknown_fields=True):
    """The params object of getObservations. What getData needs besides may be there, and changes nothing."""

    sensor: str
    metric: str | None = None
    unit: str | None = None
    params: dict[str, Any] | None = None
    startDate: Instant | None = None
    endDate: Instant | None = None
    limit: Limit | None = None
    asOf: Known | None = None
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
    startDate: Instant | None = None
    endDate: Instant | None = None
    align: Align = "exact"
    tolerance: Duration | None = None
    window: Duration | None = None
    aggregate: Aggregate | None = None
    timeZone: Zone | None = None
    maxGap: Duration | None = None
    asOf: Known | None = None
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
