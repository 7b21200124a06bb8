"""REST: a project's own metrics and its unit maps (ours; `docs/own-metrics.md` says what may be written)."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import msgspec

from tseng.definitions import Listed
from tseng_api.query_strings import InProject
from tseng_api.routing import Received, route
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


class DefinedMetric(TypedDict):
    """One metric beside the catalogue; `problem` says why it is not in use, if it is not."""

    id: str
    version: int
    definedBy: str
    definition: NotRequired[Mapping[str, Any]]
    problem: NotRequired[str]


class DefinedMetrics(TypedDict):
    """Metrics beside the catalogue."""

    metrics: list[DefinedMetric]


class UnitMaps(TypedDict):
    """The maps of a project."""

    units: list[UnitMap]


def get_definitions(received: Received[InProject, None]) -> DefinedMetrics:
    """List the project's own metrics and those of plugins."""
    return _metrics(received.engine.metrics_defined(project=received.project))


def post_definitions(received: Received[InProject, Definitions]) -> DefinedMetrics:
    """Define metrics: all of them, or none if one is bad."""
    return _metrics(received.engine.define_metrics(received.body.metrics, project=received.project))


def delete_definition(received: Received[InProject, None]) -> None:
    """Forget a metric of the project's own."""
    received.engine.remove_metric(received.path["id"], project=received.project)


def get_maps(received: Received[InProject, None]) -> UnitMaps:
    """List what free-text units mean."""
    return {"units": list(received.engine.unit_maps(project=received.project))}


def post_map(received: Received[InProject, NewMap]) -> UnitMap:
    """Say what a free-text unit means."""
    asked = received.body
    return received.engine.map_unit(
        asked.text, asked.unit, scale=asked.scale, offset=asked.offset, dimension=asked.dimension,
        project=received.project,
    )  # fmt: skip


def delete_map(received: Received[InProject, None]) -> None:
    """Forget what a free-text unit means; the text may hold slashes."""
    received.engine.unmap_unit(received.path["text"], project=received.project)


def _metrics(found: list[Listed]) -> DefinedMetrics:
    return {"metrics": [_listed(each) for each in found]}


def _listed(metric: Listed) -> DefinedMetric:
    shape: DefinedMetric = {"id": metric.id, "version": metric.version, "definedBy": metric.defined_by}
    if metric.definition:
        shape["definition"] = metric.definition
    if metric.problem:
        shape["problem"] = metric.problem
    return shape


ROUTES = [
    route("/api/metrics/definitions", get_definitions, refusals=(404,)),
    route("/api/metrics/definitions", post_definitions, "writer", method="POST", refusals=(404,)),
    route("/api/metrics/definitions/{id}", delete_definition, "writer", method="DELETE", refusals=(404,)),
    route("/api/units/maps", get_maps, refusals=(404,)),
    route("/api/units/maps", post_map, "writer", method="POST", refusals=(404,)),
    route("/api/units/maps/{text:path}", delete_map, "writer", method="DELETE", refusals=(404,)),
]
