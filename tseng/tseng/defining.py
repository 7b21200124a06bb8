"""The engine's verbs for what a project defines for itself: its own metrics, and what free-text units mean."""

from collections.abc import Mapping
from typing import Any

from tseng.access import find_project
from tseng.definitions import Listed, body_of, compiled, faults, unit_maps
from tseng.errors import InvalidRequest, NotFound
from tseng_storage.entities import Definition as Kind
from tseng_storage.entities import Entity
from tseng_storage.store import Store
from tseng_units.define import define
from tseng_units.definitions import Definition
from tseng_units.errors import InvalidDefinition
from tseng_units.plugins import plugins
from tseng_units.registry import dimension_of
from tseng_units.sensors import OfferedMetric, Sensor, free_units, offer
from tseng_units.unit_maps import UnitMap, unit_map


class Defining:
    """Verbs over the definitions of one store's projects; `project` is an id or iTwin id, None the default one."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def define_metrics(self, definitions: Mapping[str, Any], *, project: str | None = None) -> list[Listed]:
        """Define metrics of the project's own, `{id: definition}` (see `docs/own-metrics.md`); all of them or none.

        An id that is defined already is defined anew, with the next version; as it is already, it stays as it is.

        Raises:
            InvalidRequest: there is none.
            tseng_units.errors.InvalidDefinition: some cannot be taken; the text names the terms, `field` the first.
        """
        if not isinstance(definitions, Mapping) or not definitions:
            raise InvalidRequest.at("metrics", "must be an object of definitions by metric id, and hold one at least")
        home, bodies = self._home(project), _checked(definitions)
        made = self.store.catalog.put_definitions(home, "metric", bodies)
        return [_listed(entity, None) for entity in made]

    def metrics_defined(self, *, project: str | None = None) -> list[Listed]:
        """The metrics beside the catalogue: the project's own by id, those of plugins, and plugins that are broken."""
        entities = self._defined(project, "metric")
        wrong, ids = faults(entities.values()), set(entities)
        return [
            *(_listed(entity, wrong.get(id)) for id, entity in entities.items()),
            *(_of_plugin(each, each.id in ids) for _, each in sorted(plugins().definitions.items())),
            *(Listed(name, 0, "plugin", problem=problem) for name, problem in plugins().problems.items()),
        ]

    def own_metrics(self, *, project: str | None = None) -> list[OfferedMetric]:
        """The metrics that project and plugins define, as a sensor that has them offers them."""
        nobody, found = Sensor("", ""), compiled(self._defined(project, "metric").values())
        return [offer(nobody, each.metric, raw=False) for each in found.values()]

    def remove_metric(self, id: str, *, project: str | None = None) -> None:
        """Forget a metric of the project's own; readings are not touched, and its history stays.

        Raises:
            NotFound: the project defines no such metric.
        """
        if id not in self._defined(project, "metric"):
            raise NotFound(f"the project defines no metric {id!r}", field="metric", seen=id)
        self.store.catalog.put_definitions(self._home(project), "metric", {id: {}})

    def map_unit(
        self,
        text: str,
        unit: str,
        *,
        scale: float = 1.0,
        offset: float = 0.0,
        dimension: str | None = None,
        project: str | None = None,
    ) -> UnitMap:
        """Say what a free-text unit of the project's sensors means: value [unit] = value as stored x scale + offset.

        Nothing stored changes, and the text itself stays a unit. `dimension` where several hold the unit. A text that
        spells one of our units is taken only where some sensor declares it as not known.

        Raises:
            tseng_units.errors.InvalidDefinition: it cannot be taken; `field` is one of the arguments.
        """
        wanted, home = unit_map(text, unit, scale, offset, dimension), self._home(project)
        if dimension_of(text) is not None and not self._declared_unknown(home, text):
            problem = f"{text!r} is a unit already, and no sensor of the project declares it among UNKNOWN_UNITS"
            raise InvalidDefinition(problem, field="text", seen=text)
        body = {name: getattr(wanted, name) for name in ("unit", "dimension", "scale", "offset")}
        return unit_maps(self.store.catalog.put_definitions(home, "unit", {text: body}))[text]

    def unit_maps(self, *, project: str | None = None) -> list[UnitMap]:
        """What the project says of free-text units, by text."""
        return list(unit_maps(self._defined(project, "unit").values()).values())

    def unmap_unit(self, text: str, *, project: str | None = None) -> None:
        """Take a unit map away: the text converts to nothing but itself again.

        Raises:
            NotFound: the project maps no such text.
        """
        if text not in self._defined(project, "unit"):
            raise NotFound(f"the project maps no unit {text!r}", field="text", seen=text)
        self.store.catalog.put_definitions(self._home(project), "unit", {text: {}})

    def _home(self, project: str | None) -> str:
        return find_project(self.store.catalog, project).id

    def _defined(self, project: str | None, kind: Kind) -> dict[str, Entity]:
        return {entity.id: entity for entity in self.store.catalog.definitions(self._home(project), kind)}

    def _declared_unknown(self, project: str, text: str) -> bool:
        sensors = self.store.catalog.entities(project, "sensor")
        return any(text in free_units(Sensor(each.id, each.type, each.props)) for each in sensors)


def _checked(definitions: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The bodies as they are stored; every definition that cannot be taken is named."""
    good, refused = dict[str, dict[str, Any]](), list[InvalidDefinition]()
    for id, body in definitions.items():
        try:
            good[id] = dict(_free(define(id, body)).body)
        except InvalidDefinition as error:
            refused.append(error)
    if len(refused) > 1:
        raise InvalidDefinition("; ".join(map(str, refused)), field=refused[0].field, seen=refused[0].seen)
    if refused:
        raise refused[0]
    return good


def _free(made: Definition) -> Definition:
    found = plugins().definitions.get(made.id)
    if found is not None:
        raise InvalidDefinition(f"metric {made.id!r}: {found.origin} has a metric of this id", field=made.id)
    return made


def _listed(entity: Entity, problem: str | None) -> Listed:
    return Listed(entity.id, entity.props["version"], "project", body_of(entity), problem)


def _of_plugin(found: Definition, hidden: bool) -> Listed:
    problem = "the project defines a metric of this id itself" if hidden else None
    return Listed(found.id, found.metric.version, found.origin, found.body, problem)
