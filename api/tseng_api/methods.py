"""The method table: every JSON-RPC method of seed 003 that is served, over whatever transport."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from math import isinf
from typing import Any, TypedDict

import msgspec

from tseng.errors import InvalidRequest, UnknownSensor
from tseng.formats import json_gaps, json_members, json_observations, json_provenance
from tseng_api.described import words
from tseng_api.entity_methods import ProjectIds, methods_of
from tseng_api.errors import under
from tseng_api.metrics import MetricObject, UnitObject, of_type, rpc_metric, units_of
from tseng_api.queries import Observations, Query, Summary
from tseng_api.rpc import FRAME_POINTS, Call, Long, Method, Methods
from tseng_api.subscription_methods import subscription_methods
from tseng_storage.entities import KINDS
from tseng_units.sensors import OfferedMetric

# Bytes of an id that is still counted on; what is longer is echoed like any other.
_LONGEST_NUMBER = 300


class Anything(msgspec.Struct, forbid_unknown_fields=True):
    """No parameters."""


class Authenticate(msgspec.Struct, forbid_unknown_fields=True):
    """The API key or JWT."""

    code: str


class RawMetrics(msgspec.Struct, forbid_unknown_fields=True):
    """Sensor ids, sensor types, or both."""

    sensors: list[str] = []
    types: list[str] = []
    projectIds: ProjectIds = None


class Metrics(msgspec.Struct, forbid_unknown_fields=True):
    """Sensor ids."""

    sensors: list[str]
    projectIds: ProjectIds = None


class Units(msgspec.Struct, forbid_unknown_fields=True):
    """Metric ids."""

    metrics: list[str]
    projectIds: ProjectIds = None


class UploadData(msgspec.Struct, forbid_unknown_fields=True):
    """Observations; each row is checked by the engine, which names every bad one."""

    data: list[Any]
    projectIds: ProjectIds = None


class NextId(TypedDict):
    """The id for the next request."""

    nextId: int | float


class Time(TypedDict):
    """Now, ISO in UTC."""

    time: str


class Described(TypedDict):
    """What `help` says of one method."""

    description: str
    params: list["DescribedParam"]
    result: str
    role: str | None


class DescribedParam(TypedDict):
    """And of one of its parameters."""

    id: str
    mandatory: bool
    type: str


class Uploaded(TypedDict):
    """How many observations were stored."""

    successfullyProcessedObs: int


def authenticate(call: Call, params: Authenticate) -> NextId:
    """Authenticate this connection with an API key or a JWT; a second time replaces the first."""
    call.session.authenticate(params.code)
    return {"nextId": _next(call.id)}


def _next(id: bytes) -> int | float:
    """What follows an id that is a number; 1 after any other, and after one too long to be counted on."""
    number = json.loads(id) if 0 < len(id) <= _LONGEST_NUMBER else None
    if not isinstance(number, int | float) or isinf(number):
        return 1
    following = number + 1
    return int(following) if following == int(following) else following


def help_(call: Call, params: Anything) -> dict[str, Described]:
    """Retrieve information on all available requests and their parameters."""
    return {name: _described(method) for name, method in METHODS.items()}


def time_(call: Call, params: Anything) -> Time:
    """Retrieve the current time from the server."""
    return {"time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")}


def get_raw_metrics(call: Call, params: RawMetrics) -> dict[str, list[MetricObject]]:
    """Retrieve the raw metrics of sensors or sensor types; unknown sensors are left out."""
    project = call.session.project(params.projectIds)
    found = {type: of_type(type) for type in params.types}
    if params.sensors:
        found |= call.engine.raw_metrics_of(params.sensors, project=project)
    return {key: _wire(metrics) for key, metrics in found.items()}


def get_metrics(call: Call, params: Metrics) -> dict[str, list[MetricObject]]:
    """Retrieve all metrics of sensors, raw and derived; unknown sensors are left out."""
    project = call.session.project(params.projectIds)
    return {id: _wire(call.engine.metrics(id, project=project)) for id in _existing(call, params.sensors, project)}


def get_units(call: Call, params: Units) -> dict[str, list[UnitObject]]:
    """Retrieve the units of metrics; unknown metrics are left out."""
    project = call.session.project(params.projectIds)
    return units_of(params.metrics, call.engine.own_metrics(project=project))


def get_data(call: Call, params: Query) -> Long:
    """Retrieve a series of a sensor in the metric and unit asked for."""
    stream = params.open(call.session)
    return Long(json_members(stream.blocks, FRAME_POINTS), lambda: json_gaps(stream) + json_provenance(stream))


def get_observations(call: Call, params: Observations) -> Long:
    """Retrieve all raw metrics of a sensor as they were recorded, in the units they are stored in."""
    return Long(json_observations(params.open(call.session), FRAME_POINTS), lambda: b"")


def get_observations_summary(call: Call, params: Query) -> Summary:
    """Retrieve the first and the last point of a series and their number."""
    return params.summary(call.session)


def upload_data(call: Call, params: UploadData) -> Uploaded:
    """Upload observations; all of them, or none if one is bad."""
    try:
        count = call.engine.upload(params.data, project=call.session.project(params.projectIds))
    except (InvalidRequest, UnknownSensor) as error:
        raise under("data", error) from None
    return {"successfullyProcessedObs": count}


def _existing(call: Call, sensors: list[str], project: str) -> list[str]:
    known = {entity.id for entity in call.engine.entities("sensor", sensors, project=project)} if sensors else set()
    return [id for id in sensors if id in known]


def _wire(metrics: Iterable[OfferedMetric]) -> list[MetricObject]:
    return [rpc_metric(metric) for metric in metrics]


def _described(method: Method) -> Described:
    fields = msgspec.structs.fields(method.params)
    return {
        "description": method.run.__doc__ or "",
        "params": [
            # To leave it out is the same as null, and shorter.
            {"id": each.encode_name, "mandatory": each.required, "type": words(each.type).removesuffix(" or null")}
            for each in fields
        ],
        "result": words(method.result),
        "role": method.role,
    }


def _frames(data: str) -> str:
    parts = (
        f'{{"data": {data}}} of at most {FRAME_POINTS} values, as often as needed, then {{"requestStatus": "finished"}}'
    )
    return f"{parts}; over HTTP and in a batch one result with both"


METHODS: Methods = {
    "authenticate": Method(authenticate, Authenticate, NextId, None),
    "help": Method(help_, Anything, dict[str, Described]),
    "time": Method(time_, Anything, Time),
    **{name: method for kind in KINDS for name, method in methods_of(kind).items()},
    "getRawMetrics": Method(get_raw_metrics, RawMetrics, dict[str, list[MetricObject]]),
    "getMetrics": Method(get_metrics, Metrics, dict[str, list[MetricObject]]),
    "getUnits": Method(get_units, Units, dict[str, list[UnitObject]]),
    "getData": Method(get_data, Query, _frames("{time: number}")),
    "getObservations": Method(get_observations, Observations, _frames("{time: {raw metric: number}}")),
    "getObservationsSummary": Method(get_observations_summary, Query, Summary),
    "uploadData": Method(upload_data, UploadData, Uploaded, "writer"),
    **subscription_methods(),
}
