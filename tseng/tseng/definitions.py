"""What a project defines for itself, out of the catalog: its own metrics, and what free-text units mean.

A definition was checked when it was taken in and is compiled when it is first needed. One that no longer holds (because
the catalogue has got a metric of its id) takes nothing else with it: it is left out, and listed with what is wrong.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import is_
from typing import Any

import msgspec

from tseng_storage.entities import Entity
from tseng_units.define import define
from tseng_units.definitions import Definition
from tseng_units.errors import InvalidDefinition
from tseng_units.plugins import plugins
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


def faults(entities: Iterable[Entity]) -> Mapping[str, str]:
    """What is wrong with the definitions that do not hold, by id."""
    return _compiled(_Same(entities))[1]


def compiled(entities: Iterable[Entity]) -> Mapping[str, Definition]:
    """The definitions that hold, those of plugins included, by id."""
    return _compiled(_Same(entities))[0]


@lru_cache(maxsize=256)
def _compiled(entities: _Same) -> tuple[Mapping[str, Definition], Mapping[str, str]]:
    # A project's own definition goes before a plugin's: installing a package must not change what an id means.
    good = dict(plugins().definitions)
    bad: dict[str, str] = {}
    for entity in entities:
        try:
            good[entity.id] = _one(entity.id, msgspec.json.encode(body_of(entity)), entity.props["version"])
        except InvalidDefinition as error:
            bad[entity.id] = str(error)
            log.warning("project %s: %s", entity.project, error)
    return good, bad


@lru_cache(maxsize=4096)
def _one(id: str, body: bytes, version: int) -> Definition:
    return define(id, msgspec.json.decode(body), version)


def body_of(entity: Entity) -> dict[str, Any]:
    """The definition as it was written, without its version."""
    return {name: value for name, value in entity.props.items() if name != "version"}


def unit_maps(entities: Iterable[Entity]) -> Mapping[str, UnitMap]:
    """The unit maps that hold, by text."""
    return _unit_maps(_Same(entities))


@lru_cache(maxsize=256)
def _unit_maps(entities: _Same) -> Mapping[str, UnitMap]:
    return {entity.id: UnitMap(entity.id, **entity.props) for entity in entities}
