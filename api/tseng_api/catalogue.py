"""REST: metric types, sensor types and the metrics of sensors (seed 003, Sensor Data Service)."""

from typing import Any

import msgspec
from starlette.responses import Response

from tseng.errors import InvalidRequest
from tseng_api.http import Received, answer_json, route
from tseng_api.metrics import metric_types, sensor_metric, sensor_types
from tseng_api.queries import only, project_ids


class Ids(msgspec.Struct, forbid_unknown_fields=True):
    """The sensors asked about."""

    ids: list[str]


def get_metric_types(received: Received) -> Response:
    """Answer `GET /api/metrics/types`; nothing here is legacy, so `excludeLegacy` changes nothing."""
    only(received.query, ("excludeLegacy", "projectIds"))
    project = received.session.project(project_ids(received.query))
    return answer_json(metric_types(received.engine.own_metrics(project=project)))


def get_sensor_types(received: Received) -> Response:
    """Answer `GET /api/sensors/types`."""
    only(received.query, ("excludeLegacy", "projectIds"))
    return answer_json(sensor_types())


def post_sensor_metrics(received: Received) -> Response:
    """Answer `POST /api/sensors/metrics`; sensors that do not exist are left out."""
    only(received.query, ("filters", "projectIds"))
    raw, ids = _raw_only(received), received.json(Ids).ids
    project = received.session.project(project_ids(received.query))
    known = {entity.id for entity in received.engine.entities("sensor", ids, project=project)}
    found = {id: _metrics(received, id, project, raw=raw) for id in ids if id in known}
    return answer_json({"metricsBySensor": found})


def _raw_only(received: Received) -> bool:
    filters = [each for text in received.query.getlist("filters") for each in text.split(",") if each]
    if not {*filters} <= {"raw"}:
        raise InvalidRequest.at("filters", f"{','.join(filters)!r} is no filter; there is: raw")
    return bool(filters)


def _metrics(received: Received, sensor: str, project: str, *, raw: bool) -> list[dict[str, Any]]:
    offered = received.engine.raw_metrics if raw else received.engine.metrics
    return [sensor_metric(metric, params=not raw) for metric in offered(sensor, project=project)]


ROUTES = [
    route("/api/metrics/types", get_metric_types),
    route("/api/sensors/types", get_sensor_types),
    route("/api/sensors/metrics", post_sensor_metrics, method="POST"),
]
