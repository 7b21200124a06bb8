"""Metrics and units of the project's own, as `tseng.defining` has them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from tseng.client.connection import Connection
from tseng.definitions import Listed
from tseng_units.unit_maps import UnitMap


class Defining:
    """Verbs over the definitions of the client's project."""

    _connection: Connection

    def define_metrics(self, definitions: Mapping[str, Any]) -> list[Listed]:
        """Define metrics of the project's own, all of them or none; as `Engine.define_metrics`."""
        return self._metrics("POST", content=msgspec.json.encode({"metrics": definitions}))

    def metrics_defined(self) -> list[Listed]:
        """The metrics beside the catalogue, as `Engine.metrics_defined`."""
        return self._metrics("GET")

    def remove_metric(self, id: str) -> None:
        """Forget a metric of the project's own; as `Engine.remove_metric`."""
        self._asked("DELETE", f"/api/metrics/definitions/{quote(id, safe='')}")

    def map_unit(
        self, text: str, unit: str, *, scale: float = 1.0, offset: float = 0.0, dimension: str | None = None
    ) -> UnitMap:
        """Say what a free-text unit means, as `Engine.map_unit`: value [unit] = value as stored x scale + offset."""
        body = {"text": text, "unit": unit, "scale": scale, "offset": offset, "dimension": dimension}
        return UnitMap(**self._asked("POST", "/api/units/maps", content=msgspec.json.encode(body)))

    def unit_maps(self) -> list[UnitMap]:
        """What the project says of free-text units, by text."""
        return [UnitMap(**each) for each in self._asked("GET", "/api/units/maps")["units"]]

    def unmap_unit(self, text: str) -> None:
        """Take a unit map away; as `Engine.unmap_unit`."""
        self._asked("DELETE", f"/api/units/maps/{quote(text, safe='')}")

    def _metrics(self, method: str, **request: Any) -> list[Listed]:
        return [
            Listed(each["id"], each["version"], each["definedBy"], each.get("definition", {}), each.get("problem"))
            for each in self._asked(method, "/api/metrics/definitions", **request)["metrics"]
        ]

    def _asked(self, method: str, path: str, **request: Any) -> Any:
        answer = self._connection.ask(method, path, twice=method == "GET", params=self._connection.query, **request)
        return msgspec.json.decode(answer.content) if answer.content else None
