"""What a project defines for itself, out of the catalog and into it: its own metrics, and what free-text units mean.

A definition is checked when it is taken in and compiled when it is first needed. One that no longer holds (because the
catalogue has got a metric of its id) takes nothing else with it: it is left out, and listed with what is wrong with it.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import is_
from typing import Any

import msgspec

from tseng.errors import InvalidRequest, NotFound
from tseng_storage.catalog import Catalog
from tseng_storage.entities import Entity
from tseng_units.define import define
from tseng_units.definitions import Definition
from tseng_units.errors import InvalidDefinition
from tseng_units.plugins import plugins
from tseng_units.registry import dimension_of
from tseng_units.sensors import Sensor, free_units
from tseng_units.unit_maps import UnitMap

log = logging.getLogger("tseng")


@dataclass(frozen=True)
class Listed:
    """One metric of a project's own as lists show it; `problem` says why it is not in use, if it is not."""

    id: str
    version: int
    defined_by: str
    definition: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None


class _Same(tuple[Entity, ...]):
    """Entities compared by identity: the catalog hands out the same ones until they change."""

    def __hash__(self) -> int:
        return hash(tuple(map(id, self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, tuple) and len(self) == len(other) and all(map(is_, self, other))


def compiled(entities: Iterable[Entity]) -> Mapping[str, Definition]:
    """The definitions that hold, those of plugins included, by id."""
    return _compiled(_Same(entities))[0]


@lru_cache(maxsize=256)
def _compiled(entities: _Same) -> tuple[Mapping[str, Definition], Mapping[str, str]]:
    # A project's own definition goes before a plugin's: installing a package must not change what an id means.
    good = dict(plugins().definitions)
    faults: dict[str, str] = {}
    for entity in entities:
        try:
            good[entity.id] = _one(entity.id, msgspec.json.encode(_body(entity)), entity.props["version"])
        except InvalidDefinition as error:
            faults[entity.id] = str(error)
            log.warning("project %s: %s", entity.project, error)
    return good, faults


@lru_cache(maxsize=4096)
def _one(id: str, body: bytes, version: int) -> Definition:
    return define(id, msgspec.json.decode(body), version)


def _body(entity: Entity) -> dict[str, Any]:
    return {name: value for name, value in entity.props.items() if name != "version"}


def listed(catalog: Catalog, project: str) -> list[Listed]:
    """The metrics of a project's own by id, then those of plugins, then plugins that are broken by their names."""
    entities = catalog.definitions(project, "metric")
    faults, ids = _compiled(_Same(entities))[1], {entity.id for entity in entities}
    return [
        *(Listed(each.id, each.props["version"], "project", _body(each), faults.get(each.id)) for each in entities),
        *(_of_plugin(each, each.id in ids) for _, each in sorted(plugins().definitions.items())),
        *(Listed(name, 0, "plugin", problem=problem) for name, problem in plugins().problems.items()),
    ]


def _of_plugin(found: Definition, hidden: bool) -> Listed:
    problem = "the project defines a metric of this id itself" if hidden else None
    return Listed(found.id, found.metric.version, found.origin, found.body, problem)


def put(catalog: Catalog, project: str, definitions: Mapping[str, Any]) -> list[Listed]:
    """Take definitions in, all of them or none.

    Raises:
        InvalidRequest: there is none.
        InvalidDefinition: some cannot be taken; the text names all of them, `field` the first.
    """
    if not isinstance(definitions, Mapping) or not definitions:
        raise InvalidRequest.at("metrics", "must be an object of definitions by metric id, and hold one at least")
    good, refused = dict[str, Definition](), list[InvalidDefinition]()
    for id, body in definitions.items():
        try:
            good[id] = _free(define(id, body))
        except InvalidDefinition as error:
            refused.append(error)
    if refused:
        raise _joined(refused)
    entities = catalog.put_definitions(project, "metric", {id: dict(each.body) for id, each in good.items()})
    return [Listed(entity.id, entity.props["version"], "project", _body(entity)) for entity in entities]


def _free(made: Definition) -> Definition:
    found = plugins().definitions.get(made.id)
    if found is not None:
        raise InvalidDefinition(f"metric {made.id!r}: {found.origin} has a metric of this id", field=made.id)
    return made


def _joined(refused: list[InvalidDefinition]) -> InvalidDefinition:
    first, *others = refused
    if not others:
        return first
    return InvalidDefinition("; ".join(map(str, refused)), field=first.field, seen=first.seen)


def remove(catalog: Catalog, project: str, id: str) -> None:
    """Forget a definition; what was known of it stays in its history.

    Raises:
        NotFound: the project defines no such metric.
    """
    if id not in (entity.id for entity in catalog.definitions(project, "metric")):
        raise NotFound(f"the project defines no metric {id!r}", field="metric", seen=id)
    catalog.put_definitions(project, "metric", {id: {}})


def unit_maps(entities: Iterable[Entity]) -> Mapping[str, UnitMap]:
    """The unit maps that hold, by text."""
    return _unit_maps(_Same(entities))


@lru_cache(maxsize=256)
def _unit_maps(entities: _Same) -> Mapping[str, UnitMap]:
    return {entity.id: UnitMap(entity.id, **entity.props) for entity in entities}


def map_unit(catalog: Catalog, project: str, wanted: UnitMap) -> UnitMap:
    """Take a unit map in.

    Raises:
        InvalidDefinition: the text spells one of our units, and no sensor declares it as a unit that is not known.
    """
    if dimension_of(wanted.text) is not None and not _declared_unknown(catalog, project, wanted.text):
        problem = f"{wanted.text!r} is a unit already, and no sensor of the project declares it among UNKNOWN_UNITS"
        raise InvalidDefinition(problem, field="text", seen=wanted.text)
    body = {name: getattr(wanted, name) for name in ("unit", "dimension", "scale", "offset")}
    (entity,) = catalog.put_definitions(project, "unit", {wanted.text: body})
    return UnitMap(entity.id, **entity.props)


def _declared_unknown(catalog: Catalog, project: str, text: str) -> bool:
    sensors = (Sensor(entity.id, entity.type, entity.props) for entity in catalog.entities(project, "sensor"))
    return any(text in free_units(sensor) for sensor in sensors)


def unmap_unit(catalog: Catalog, project: str, text: str) -> None:
    """Forget a unit map.

    Raises:
        NotFound: the project maps no such text.
    """
    if text not in (entity.id for entity in catalog.definitions(project, "unit")):
        raise NotFound(f"the project maps no unit {text!r}", field="text", seen=text)
    catalog.put_definitions(project, "unit", {text: {}})
