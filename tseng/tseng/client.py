"""The same verbs as the engine's, against a running server: reads come as Arrow, uploads go as JSON in pieces."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack
from urllib.parse import quote

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tseng.align import TableOptions
from tseng.aligned import Table, from_arrow
from tseng.definitions import Listed
from tseng.errors import REFUSALS, EngineError, Fault, InvalidRequest, Refusal, Unauthenticated
from tseng.requests import Options, to_wire
from tseng.series import Series
from tseng.text import iso_times
from tseng_units.unit_maps import UnitMap

if TYPE_CHECKING:
    import httpx
    import pandas as pd

_ROWS_A_PIECE = 100_000
_ARROW = "application/vnd.apache.arrow.stream"


class Client:
    """A server at `url`, reached with one API key. Safe to use from many threads; close it or use it as a context.

    Args:
        url: such as `http://127.0.0.1:4201`.
        api_key: sent as `Authorization: ApiKey <key>`.
        project: id or iTwin id of the project meant; None leaves it to the key.
        timeout: seconds to wait for the next byte of an answer.
    """

    def __init__(self, url: str, *, api_key: str, project: str | None = None, timeout: float = 60.0) -> None:
        import httpx

        self._project = project
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"ApiKey {api_key}"}, timeout=timeout)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get_data(
        self, sensor: str, metric: str, unit: str, *, provenance: bool = False, **options: Unpack[Options]
    ) -> Series:
        """One metric of one sensor in the unit asked for; arguments and refusals are `Engine.get_data`'s.

        The provenance of the series is empty unless `provenance` asks the server for it.

        Raises:
            EngineError: the server refused; where the class that it names exists here, that class.
            httpx.TransportError: the server cannot be reached.
        """
        body = self._read(sensor, metric, unit, options) | ({"provenance": True} if provenance else {})
        answer = self._ask("POST", "/api/data", content=msgspec.json.encode(body), headers={"Accept": _ARROW})
        return _series(answer.content, sensor, metric)

    def get_table(
        self, columns: Sequence[Mapping[str, Any]], *, provenance: bool = False, **options: Unpack[TableOptions]
    ) -> Table:
        """Many metrics of many sensors over common times; arguments and refusals are `Engine.get_table`'s.

        The provenances of the columns are empty unless `provenance` asks the server for them.
        """
        body = {"columns": list(columns), "provenance": provenance, **to_wire(options), **self._scope()}
        answer = self._ask("POST", "/api/data/table", content=msgspec.json.encode(body), headers={"Accept": _ARROW})
        return from_arrow(pa.ipc.open_stream(answer.content).read_all())

    def summary(self, sensor: str, metric: str, unit: str, **options: Unpack[Options]) -> dict[str, Any]:
        """First and last point and the count, as `{"first": {"timestamp", "value"}, "last": ..., "count": n}`."""
        result: dict[str, Any] = self.call("getObservationsSummary", self._read(sensor, metric, unit, options))
        return result

    def sql(self, query: str) -> pa.Table:
        """Run one SELECT over the projects that the key reaches; see `docs/sql.md` for views, functions and limits.

        Raises:
            InvalidRequest: the query is wrong, not allowed, too slow or too large.
        """
        body = msgspec.json.encode({"sql": query, **self._scope()})
        answer = self._ask("POST", "/api/sql", content=body, headers={"Accept": _ARROW})
        return pa.ipc.open_stream(answer.content).read_all()

    def upload(self, observations: Sequence[Mapping[str, Any]]) -> int:
        """Store rows of `{"sensorId", "timestamp", "values"}`; durable when it returns, all of them or none.

        Returns:
            The number of rows.
        """
        content = msgspec.json.encode({"observations": observations})
        self._ask("POST", "/api/data/upload", content=content, params=self._query())
        return len(observations)

    def upload_table(self, table: "pa.Table | pd.DataFrame") -> int:
        """Store columns `sensor`, `metric`, `time` (UTC), `value` (stored unit).

        It goes as JSON, 100,000 rows at a time, each piece stored whole or not at all: where a later piece is refused,
        the earlier ones stay. Sending the same table again changes nothing.

        Returns:
            The number of rows.
        """
        table = table if isinstance(table, pa.Table) else pa.Table.from_pandas(table, preserve_index=False)
        return sum(self.upload(piece) for piece in _pieces(table))

    def define_metrics(self, definitions: Mapping[str, Any]) -> list[Listed]:
        """Define metrics of the project's own, all of them or none; as `Engine.define_metrics`."""
        return self._metrics("POST", msgspec.json.encode({"metrics": definitions}))

    def metrics_defined(self) -> list[Listed]:
        """The metrics beside the catalogue, as `Engine.metrics_defined`."""
        return self._metrics("GET")

    def remove_metric(self, id: str) -> None:
        """Forget a metric of the project's own."""
        self._ask("DELETE", f"/api/metrics/definitions/{quote(id, safe='')}", params=self._query())

    def map_unit(
        self, text: str, unit: str, *, scale: float = 1.0, offset: float = 0.0, dimension: str | None = None
    ) -> UnitMap:
        """Say what a free-text unit means, as `Engine.map_unit`."""
        body = {"text": text, "unit": unit, "scale": scale, "offset": offset, "dimension": dimension}
        answer = self._ask("POST", "/api/units/maps", content=msgspec.json.encode(body), params=self._query())
        return UnitMap(**msgspec.json.decode(answer.content))

    def unit_maps(self) -> list[UnitMap]:
        """What the project says of free-text units, by text."""
        answer = self._ask("GET", "/api/units/maps", params=self._query())
        return [UnitMap(**each) for each in msgspec.json.decode(answer.content)["units"]]

    def unmap_unit(self, text: str) -> None:
        """Take a unit map away."""
        self._ask("DELETE", f"/api/units/maps/{quote(text, safe='')}", params=self._query())

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Call any JSON-RPC method and return its result, such as `client.call("getSensors", {"sensors": [...]})`."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**self._scope(), **(params or {})}}
        answer = msgspec.json.decode(self._ask("POST", "/api/rpc", content=msgspec.json.encode(request)).content)
        if "error" in answer:
            data = answer["error"].get("data") or {}
            raise refusal(data.get("category", ""), answer["error"]["message"], data.get("field", ""))
        return answer["result"]

    def _metrics(self, method: str, content: bytes | None = None) -> list[Listed]:
        answer = self._ask(method, "/api/metrics/definitions", content=content, params=self._query())
        return [
            Listed(each["id"], each["version"], each["definedBy"], each.get("definition", {}), each.get("problem"))
            for each in msgspec.json.decode(answer.content)["metrics"]
        ]

    def _query(self) -> dict[str, str] | None:
        return {"projectIds": self._project} if self._project else None

    def _scope(self) -> dict[str, Any]:
        return {"projectIds": [self._project]} if self._project else {}

    def _read(self, sensor: str, metric: str, unit: str, options: Options) -> dict[str, Any]:
        return {"sensor": sensor, "metric": metric, "unit": unit, **to_wire(options), **self._scope()}

    def _ask(self, method: str, path: str, **request: Any) -> "httpx.Response":
        answer = self._http.request(method, path, **request)
        if answer.is_success:
            return answer
        raise _refused(answer.status_code, answer.content)


def refusal(category: str, message: str, field: str) -> Refusal:
    """Return an error of the class that has this category, as if the engine were here; unknown ones are EngineError."""
    known = _classes().get(category, EngineError)
    if not issubclass(known, EngineError):
        return known(message, field=field)
    # The engine's own constructors compose their text; here it is there already, so the base's is enough.
    error = known.__new__(known)
    EngineError.__init__(error, message, field=field)
    if isinstance(error, InvalidRequest):
        error.faults = (Fault(field, message),)
    return error


def _refused(status: int, body: bytes) -> Refusal:
    try:
        said = msgspec.json.decode(body)
        if "errors" in said:
            faults = [Fault(each["path"], each["message"]) for each in said["errors"]]
            return Unauthenticated(faults[0].message, field=faults[0].path) if status == 401 else InvalidRequest(faults)
        return refusal(said["error"]["code"], said["error"]["message"], said["error"]["field"])
    except (msgspec.DecodeError, KeyError, TypeError, IndexError):
        return EngineError(f"the server answered {status} and nothing that can be read")


def _classes() -> dict[str, type[Refusal]]:
    """Classes of refusals by category; of several with one category the first made."""
    found: dict[str, type[Refusal]] = {}
    for base in REFUSALS:
        for known in base.__subclasses__():
            found.setdefault(known.category, known)
    return found


def _series(content: bytes, sensor: str, metric: str) -> Series:
    """Series of an Arrow stream: its unit is the answer's, and where a row has no value there is a gap."""
    table = pa.ipc.open_stream(content).read_all()
    time = table["time"].cast(pa.int64()).to_numpy().view("datetime64[us]")
    value, unit = table["value"].to_numpy(), table.schema.metadata[b"unit"].decode()
    told = msgspec.json.decode(table.schema.metadata.get(b"provenance", b"{}"))
    if not table["value"].null_count:
        return Series(time, value, unit, sensor, metric, told)
    broken = np.flatnonzero(np.isnan(value))
    gaps = list(zip(time[broken - 1], time[broken + 1], strict=True))
    return Series(np.delete(time, broken), np.delete(value, broken), unit, sensor, metric, told, gaps)


def _pieces(table: pa.Table) -> Iterator[list[dict[str, Any]]]:
    absent = [name for name in ("sensor", "metric", "time", "value") if name not in table.column_names]
    if absent:
        raise InvalidRequest([Fault(name, "the column is missing") for name in absent])
    for start in range(0, table.num_rows, _ROWS_A_PIECE):
        yield _rows(table.slice(start, _ROWS_A_PIECE))


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    """One observation a row; NaN and infinities go as null."""
    time = table["time"].cast(pa.timestamp("us"), safe=False).cast(pa.int64()).to_numpy()
    value = table["value"].cast(pa.float64())
    value = pc.if_else(pc.is_finite(value), value, None)
    texts = [text.decode() for text in iso_times(time, b"", b"Z").to_pylist()]
    columns = zip(table["sensor"].to_pylist(), texts, table["metric"].to_pylist(), value.to_pylist(), strict=True)
    return [{"sensorId": id, "timestamp": at, "values": {metric: number}} for id, at, metric, number in columns]
