"""Metrics, units and sensor types as seed 003 prints them, in its JSON-RPC form and in its three REST forms."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from tseng_units.catalogue import METRICS, SENSOR_TYPES, MetricDef, SensorType
from tseng_units.registry import Unit
from tseng_units.sensors import OfferedMetric, Sensor, offer, raw_metrics

_NOBODY = Sensor("", "")


class ParamObject(TypedDict):
    """One parameter that a metric takes."""

    id: str
    mandatory: bool


class MetricObject(TypedDict):
    """One metric of a sensor."""

    id: str
    name: str
    displayName: str
    defaultUnit: str
    notation: str
    hidden: bool
    params: list[ParamObject]


class UnitObject(TypedDict):
    """One unit of a metric."""

    id: str
    name: str
    notation: str


class SensorMetric(TypedDict):
    """One metric of a sensor with its units; as a raw metric it has no `params`."""

    id: str
    name: str
    displayName: str
    defaultUnit: str
    notation: str
    hidden: bool
    params: NotRequired[list[ParamObject]]
    units: list[UnitObject]


class TypeUnit(TypedDict):
    """One unit of a metric type."""

    unit: str
    id: str
    displayName: NotRequired[str]
    notation: NotRequired[str]


class MetricType(TypedDict):
    """One metric type."""

    metric: str
    id: str
    displayName: str
    defaultUnit: str
    units: list[TypeUnit]


class MetricTypes(TypedDict):
    """All metric types."""

    standard: bool
    metrics: list[MetricType]


class SensorTypeObject(TypedDict):
    """One sensor type with its raw metrics."""

    id: str
    name: str
    icon: str
    iconUnicode: str
    metricsAndUnits: list[MetricType]
    isDynamic: bool


class SensorTypes(TypedDict):
    """All sensor types."""

    sensorTypes: list[SensorTypeObject]


class DeviceTypeObject(TypedDict):
    """One device type."""

    id: str
    name: str
    icon: str
    iconUnicode: str
    manufacturer: str
    minThreadVersion: str
    editOnly: bool
    isDynamic: bool


class DeviceTypes(TypedDict):
    """All device types."""

    deviceTypes: list[DeviceTypeObject]


# What a device may be made from (seed 003, devices/types): whatever it is, here it is a place of sensors.
DEVICE_TYPES: dict[str, DeviceTypeObject] = {
    "IMPORT_DEVICE_SDE": {
        "id": "IMPORT_DEVICE_SDE",
        "name": "Import Device",
        "icon": "smicon-device-import",
        "iconUnicode": "\ue916",
        "manufacturer": "sensemetrics",
        "minThreadVersion": "1.0",
        "editOnly": False,
        "isDynamic": True,
    }
}
# A type without metrics of its own shows this one (seed 003, sensors/types).
_GENERIC: MetricType = {
    "metric": "GENERIC",
    "id": "GENERIC",
    "displayName": "generic",
    "defaultUnit": "GENERIC",
    "units": [{"unit": "GENERIC", "id": "GENERIC"}],
}


def of_type(type: str) -> list[OfferedMetric]:
    """Raw metrics of a sensor type without props; a generic type has none."""
    return raw_metrics(Sensor("", type))


def rpc_metric(metric: OfferedMetric) -> MetricObject:
    """Return a metric object of getMetrics and getRawMetrics."""
    return {
        "id": metric.id,
        "name": metric.name,
        "displayName": metric.display_name,
        "defaultUnit": metric.default_unit,
        "notation": metric.notation,
        "hidden": metric.hidden,
        "params": [{"id": id, "mandatory": mandatory} for id, mandatory in metric.params],
    }


def unit_object(unit: Unit) -> UnitObject:
    """Return a unit object of getUnits."""
    return {"id": unit.id, "name": unit.name, "notation": unit.notation}


def units_of(metrics: Sequence[str], own: Sequence[OfferedMetric]) -> dict[str, list[UnitObject]]:
    """Unit objects by metric id, for the ids of the catalogue and of the project's `own` metrics."""
    mine = {metric.id: metric for metric in own}
    known = {id: _offered(METRICS[id]) if id in METRICS else mine[id] for id in metrics if id in METRICS or id in mine}
    return {id: [unit_object(unit) for unit in metric.units] for id, metric in known.items()}


def sensor_metric(metric: OfferedMetric, *, params: bool) -> SensorMetric:
    """Return a metric of `/api/sensors/metrics`; its raw form has no `params`."""
    shape: SensorMetric = {**rpc_metric(metric), "units": [unit_object(unit) for unit in metric.units]}
    if not params:
        del shape["params"]
    return shape


def metric_types(own: Sequence[OfferedMetric]) -> MetricTypes:
    """Return the body of `/api/metrics/types`: the whole catalogue, then the project's `own` metrics."""
    return {"standard": True, "metrics": [_typed(each) for each in (*map(_offered, METRICS.values()), *own)]}


def sensor_types() -> SensorTypes:
    """Return the body of `/api/sensors/types`: every sensor type with its raw metrics."""
    return {"sensorTypes": [_sensor_type(each) for each in SENSOR_TYPES.values()]}


def device_types() -> DeviceTypes:
    """Return the body of `/api/devices/types`."""
    return {"deviceTypes": list(DEVICE_TYPES.values())}


def _offered(metric: MetricDef) -> OfferedMetric:
    return offer(_NOBODY, metric, raw=metric.raw)


def _typed(metric: OfferedMetric) -> MetricType:
    return {
        "metric": metric.id,
        "id": metric.id,
        "displayName": metric.display_name,
        "defaultUnit": metric.default_unit,
        "units": [
            {"unit": unit.id, "id": unit.id, "displayName": unit.name, "notation": unit.notation}
            for unit in metric.units
        ],
    }


def _sensor_type(type: SensorType) -> SensorTypeObject:
    return {
        "id": type.id,
        "name": type.id,
        "icon": "smicon-circle",
        "iconUnicode": "\ue63f",
        "metricsAndUnits": [_typed(metric) for metric in of_type(type.id)] or [_GENERIC],
        "isDynamic": True,
    }
