"""REST: metric types, sensor types and the metrics of sensors (seed 003, Sensor Data Service)."""

from typing import Literal, TypedDict

import msgspec

from tseng_api.metrics import (
    DeviceTypes,
    MetricTypes,
    SensorMetric,
    SensorTypes,
    device_types,
    metric_types,
    sensor_metric,
    sensor_types,
)
from tseng_api.query_strings import InProject
from tseng_api.routing import Received, route


class Types(InProject):
    """Nothing here is legacy, so `excludeLegacy` changes nothing."""

    excludeLegacy: str | None = None


class Filtered(InProject):
    """`raw` leaves the derived metrics out."""

    filters: list[Literal["raw"]] = msgspec.field(default_factory=list)


class Ids(msgspec.Struct, forbid_unknown_fields=True):
    """The sensors asked about."""

    ids: list[str]


class MetricsBySensor(TypedDict):
    """The metrics of each sensor that exists."""

    metricsBySensor: dict[str, list[SensorMetric]]


def get_metric_types(received: Received[Types, None]) -> MetricTypes:
    """List every metric with its units, then the project's own metrics."""
    return metric_types(received.engine.own_metrics(project=received.project))


def get_device_types(received: Received[Types, None]) -> DeviceTypes:
    """List every device type."""
    return device_types()


def get_sensor_types(received: Received[Types, None]) -> SensorTypes:
    """List every sensor type with its raw metrics."""
    return sensor_types()


def post_sensor_metrics(received: Received[Filtered, Ids]) -> MetricsBySensor:
    """List the metrics of sensors; sensors that do not exist are left out."""
    raw, ids, project = bool(received.query.filters), received.body.ids, received.project
    known = {entity.id for entity in received.engine.entities("sensor", ids, project=project)}
    offered = received.engine.raw_metrics if raw else received.engine.metrics
    found = {id: offered(id, project=project) for id in ids if id in known}
    return {"metricsBySensor": {id: [sensor_metric(each, params=not raw) for each in found[id]] for id in found}}


ROUTES = [
    route("/api/metrics/types", get_metric_types, refusals=(404,)),
    route("/api/devices/types", get_device_types),
    route("/api/sensors/types", get_sensor_types),
    route("/api/sensors/metrics", post_sensor_metrics, method="POST", refusals=(404,)),
]
