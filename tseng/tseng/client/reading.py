"""Series, tables and SQL, over HTTP as Arrow."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import msgspec
import numpy as np
import pyarrow as pa

from tseng.align import TableOptions
from tseng.aligned import Table, from_arrow
from tseng.client.connection import Connection
from tseng.requests import Options, to_wire
from tseng.series import Series

ARROW = "application/vnd.apache.arrow.stream"


class Reading:
    """Verbs that read; each is sent again while the server cannot be reached, as it changes nothing."""

    _connection: Connection

    def get_data(
        self, sensor: str, metric: str, unit: str, *, provenance: bool = False, **options: Unpack[Options]
    ) -> Series:
        """One metric of one sensor in the unit asked for; arguments and refusals are `Engine.get_data`'s.

        The provenance of the series is empty unless `provenance` asks the server for it.

        Returns:
            Times as datetime64[us], UTC, ascending, and values as float64 in `unit`, both of shape (n,).

        Raises:
            EngineError: the server refused; where the class that it names exists here, that class.
            httpx.TransportError: the server cannot be reached.
        """
        return read_series(self._connection, sensor, metric, unit, options, provenance=provenance)

    def get_table(
        self, columns: Sequence[Mapping[str, Any]], *, provenance: bool = False, **options: Unpack[TableOptions]
    ) -> Table:
        """Many metrics of many sensors over common times; arguments and refusals are `Engine.get_table`'s.

        The provenances of the columns are empty unless `provenance` asks the server for them.
        """
        body = {"columns": list(columns), "provenance": provenance, **to_wire(options), **self._connection.scope}
        return from_arrow(self._arrow("/api/data/table", body))

    def summary(self, sensor: str, metric: str, unit: str, **options: Unpack[Options]) -> dict[str, Any]:
        """First and last point and the count, as `{"first": {"timestamp", "value"}, "last": ..., "count": n}`."""
        asked = series_body(self._connection, sensor, metric, unit, options)
        result: dict[str, Any] = self._connection.call("getObservationsSummary", asked)
        return result

    def sql(self, query: str) -> pa.Table:
        """Run one SELECT over the projects that the key reaches; see `docs/sql.md` for views, functions and limits.

        Raises:
            InvalidRequest: the query is wrong, not allowed, too slow or too large.
        """
        return self._arrow("/api/sql", {"sql": query, **self._connection.scope})

    def _arrow(self, path: str, body: Mapping[str, Any]) -> pa.Table:
        return opened(self._connection.ask("POST", path, twice=True, **_as_arrow(body)).content)


def read_series(
    connection: Connection,
    sensor: str,
    metric: str,
    unit: str,
    options: Options,
    *,
    provenance: bool = False,
    once: bool = False,
) -> Series:
    """As `Reading.get_data`; `once`: without trying again."""
    body = series_body(connection, sensor, metric, unit, options) | ({"provenance": True} if provenance else {})
    answer = connection.ask("POST", "/api/data", twice=True, once=once, **_as_arrow(body))
    return to_series(opened(answer.content), sensor, metric)


def _as_arrow(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"content": msgspec.json.encode(body), "headers": {"Accept": ARROW}}


def series_body(connection: Connection, sensor: str, metric: str, unit: str, options: Options) -> dict[str, Any]:
    """Return the JSON body that asks for a series."""
    return {"sensor": sensor, "metric": metric, "unit": unit, **to_wire(options), **connection.scope}


def opened(content: bytes) -> pa.Table:
    """Return the table of an Arrow stream."""
    return pa.ipc.open_stream(content).read_all()


def to_series(table: pa.Table, sensor: str, metric: str) -> Series:
    """Return the series of an answer: its unit is the answer's, and where a row has no value there is a gap."""
    time = table["time"].cast(pa.int64()).to_numpy().view("datetime64[us]")
    value, unit = table["value"].to_numpy(), table.schema.metadata[b"unit"].decode()
    told = msgspec.json.decode(table.schema.metadata.get(b"provenance", b"{}"))
    if not table["value"].null_count:
        return Series(time, value, unit, sensor, metric, told)
    broken = np.flatnonzero(np.isnan(value))
    gaps = list(zip(time[broken - 1], time[broken + 1], strict=True))
    return Series(np.delete(time, broken), np.delete(value, broken), unit, sensor, metric, told, gaps)
