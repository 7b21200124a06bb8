"""REST: a project's own metrics and its unit maps (ours; `docs/own-metrics.md` says what may be written)."""

from typing import Any

import msgspec
from starlette.responses import Response

from tseng.definitions import Listed
from tseng_api.http import Received, answer_json, route
from tseng_api.queries import only, project_ids
from tseng_units.unit_maps import UnitMap


class Definitions(msgspec.Struct, forbid_unknown_fields=True):
    """Definitions by metric id; each is checked by the engine, which names every bad one."""

    metrics: dict[str, Any]


class NewMap(msgspec.Struct, forbid_unknown_fields=True):
    """What a free-text unit means: value [unit] = value as stored x scale + offset."""

    text: str
    unit: str
    scale: float = 1.0
    offset: float = 0.0
    dimension: str | None = None


def get_definitions(received: Received) -> Response:
    """Answer `GET /api/metrics/definitions`: the project's own metrics and those of plugins."""
    return _metrics(received.engine.metrics_defined(project=_project(received)))


def post_definitions(received: Received) -> Response:
    """Answer `POST /api/metrics/definitions`: all of them, or none if one is bad."""
    project, body = _project(received), received.json(Definitions)
    return _metrics(received.engine.define_metrics(body.metrics, project=project))


def delete_definition(received: Received) -> Response:
    """Answer `DELETE /api/metrics/definitions/{id}`."""
    received.engine.remove_metric(received.path["id"], project=_project(received))
    return Response(status_code=204)


def get_maps(received: Received) -> Response:
    """Answer `GET /api/units/maps`."""
    found = received.engine.unit_maps(project=_project(received))
    return answer_json({"units": [_map(each) for each in found]})


def post_map(received: Received) -> Response:
    """Answer `POST /api/units/maps`."""
    project, asked = _project(received), received.json(NewMap)
    made = received.engine.map_unit(
        asked.text, asked.unit, scale=asked.scale, offset=asked.offset, dimension=asked.dimension, project=project
    )
    return answer_json(_map(made))


def delete_map(received: Received) -> Response:
    """Answer `DELETE /api/units/maps/{text}`; the text may hold slashes."""
    received.engine.unmap_unit(received.path["text"], project=_project(received))
    return Response(status_code=204)


def _project(received: Received) -> str:
    only(received.query, ("projectIds",))
    return received.session.project(project_ids(received.query))


def _metrics(found: list[Listed]) -> Response:
    return answer_json({"metrics": [_listed(each) for each in found]})


def _listed(metric: Listed) -> dict[str, Any]:
    shape: dict[str, Any] = {"id": metric.id, "version": metric.version, "definedBy": metric.defined_by}
    shape |= {"definition": metric.definition} if metric.definition else {}
    return shape | ({"problem": metric.problem} if metric.problem else {})


def _map(found: UnitMap) -> dict[str, Any]:
    names = ("text", "unit", "dimension", "scale", "offset", "version")
    return {name: getattr(found, name) for name in names}


ROUTES = [
    route("/api/metrics/definitions", get_definitions),
    route("/api/metrics/definitions", post_definitions, "writer", method="POST"),
    route("/api/metrics/definitions/{id}", delete_definition, "writer", method="DELETE"),
    route("/api/units/maps", get_maps),
    route("/api/units/maps", post_map, "writer", method="POST"),
    route("/api/units/maps/{text:path}", delete_map, "writer", method="DELETE"),
]
