"""Entities, their properties and what users define: verbs over the catalog tables, each one transaction.

Every change of properties is a row of `prop_history` and nothing there is ever rewritten; the entity's own row is what
follows from them today. So each lookup can also be asked as of what was `known` at an earlier moment. That costs
nothing where the entity has not changed since, which its row says by the number and the date of its last change.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, func, select, union

from tseng_storage.catalog_cache import CachedDatabase
from tseng_storage.change_sets import apply
from tseng_storage.entities import Alteration, AnyKind, Definition, Draft, Entity, Kind, Uploaded
from tseng_storage.entity_rows import chunks, fetch, find
from tseng_storage.errors import NotFound
from tseng_storage.hierarchy import Above, sensors_below
from tseng_storage.history import Change
from tseng_storage.knowledge import EVERYTHING, Knowledge
from tseng_storage.known_entities import (
    as_known,
    existing,
    histories,
    is_bounded,
    of_kind,
    past_members,
    past_rows,
    series,
    some,
    unchanged,
    uploaded,
)
from tseng_storage.recording import check_size, defined, exists, made, newest, require_project, taken
from tseng_storage.statements import driver_of
from tseng_storage.tables import ENTITY, ENTITY_PAST, PROP_HISTORY


class Configuration:
    """The entities and definitions of a store. `base`: the catalog's database with its cache."""

    def __init__(self, base: CachedDatabase) -> None:
        self._base = base

    def config(self) -> int:
        """The number of the newest change of configuration, 0 before the first. Cached until the catalog changes."""
        return self._base.cached(("config",), newest)

    def revision(self) -> str:
        """A text that differs after every change of the catalog, or of which series exist; eight microseconds."""
        return self._base.revision()

    # -- changing

    def create_entity(
        self,
        project: str,
        kind: AnyKind,
        id: str,
        type: str,
        props: Mapping[str, Any] | None = None,
        parent: str | None = None,
        observation_type: str | None = None,
        ref_id: str | None = None,
        custom_props: Mapping[str, Any] | None = None,
        *,
        by: str | None = None,
    ) -> Entity:
        """A new node, device or sensor; Exists when the id is taken among its kind, NotFound without such a project.

        Its props hold from the beginning of time; null is as good as absent. `by`: who makes it, here as in all verbs.
        """
        draft = Draft(kind, id, type, props or {}, parent, observation_type, ref_id, custom_props or {})
        return self.create_entities(project, [draft], by=by)[0]

    def create_entities(self, project: str, drafts: Sequence[Draft], *, by: str | None = None) -> list[Entity]:
        """New entities in one transaction, all of them or none.

        Raises Exists, naming the ids that are taken (or come twice), PropsTooLarge, and NotFound without such a
        project.
        """
        with self._base.change() as connection:
            require_project(driver_of(connection), project)
            there = taken(connection, project, drafts)
            if there:
                raise exists(there)
            for draft in drafts:
                check_size(draft)
            return made(connection, project, drafts, by)

    def apply(
        self,
        project: str,
        changes: Sequence[Alteration] | Callable[[], Sequence[Alteration]],
        *,
        by: str | None = None,
    ) -> list[Entity]:
        """Make several changes in one transaction, each after those before it, all of them or none.

        A function that returns them is called when nobody else can change anything any more: what it reads still
        holds when they are made.

        Of each the entity as it then is, of a removal as it was. What was removed is still found as of what was known
        before, and so are type, parent and custom props that were edited.

        Raises:
            NotFound: there is no such project.
            ChangesRefused: an id is taken (Exists) or not there (NotFound), an edit has a date that cannot be
                (InvalidDate), props get too large (PropsTooLarge), or something hangs below what is to be removed
                alone (Exists); all are named by index.
        """
        with self._base.change() as connection:
            require_project(driver_of(connection), project)
            return apply(connection, project, changes() if callable(changes) else changes, by)

    def put_definitions(
        self, project: str, kind: Definition, bodies: Mapping[str, Mapping[str, Any]], *, by: str | None = None
    ) -> list[Entity]:
        """Define each id, or define it anew, in one transaction: its props are those of its body and `version`.

        The version counts the definitions that an id has had; what is so already keeps its own. An empty body takes a
        definition away. NotFound without such a project.
        """
        with self._base.change() as connection:
            require_project(driver_of(connection), project)
            return [defined(connection, project, kind, id, body, by) for id, body in bodies.items()]

    # -- asking

    def entity(self, project: str, kind: AnyKind, id: str, known: Knowledge = EVERYTHING) -> Entity | None:
        """The entity (as of what was `known`), or None. Cached until the catalog changes."""
        found = self._base.looked_up(("entity", project, kind, id), lambda driver: find(driver, project, kind, id))
        if found is not None and unchanged(found, known):
            return found
        if found is None and not (is_bounded(known) and self._had(project, kind, id)):
            return None
        key = ("entity", project, kind, id, known.config, known.time)
        earlier = self._base.cached(key, lambda connection: tuple(as_known(connection, project, kind, [id], known)))
        return earlier[0] if earlier else None

    def parents(self, project: str, kind: AnyKind, id: str) -> frozenset[str]:
        """The parents that an entity has or had. Cached until the catalog changes."""

        def lookup(connection: Connection) -> frozenset[str]:
            tables = (ENTITY, ENTITY_PAST)
            owned = ((each.c.project == project, each.c.kind == kind, each.c.id == id) for each in tables)
            parts = (select(each.c.parent).where(*its) for each, its in zip(tables, owned, strict=True))
            return frozenset(each for each in connection.execute(union(*parts)).scalars() if each is not None)

        return self._base.cached(("parents", project, kind, id), lookup)

    def removal(self, project: str, kind: AnyKind, id: str, known: Knowledge = EVERYTHING) -> tuple[int, Entity] | None:
        """The number of an entity's removal and the entity as it was; None where it was not, or was made again."""
        with self._base.read() as connection:
            changes = dict(histories(connection, project, kind, [id], known)).get(id)
            if not changes or not changes[-1].removed:
                return None
            number = changes[-1].number
            rows = past_rows(connection, project, kind, [id])[id]
            return number, next(entity for until, entity in rows if until == number)

    def entities(
        self,
        project: str,
        kind: AnyKind,
        ids: Collection[str] | None = None,
        after: str | None = None,
        limit: int | None = None,
        known: Knowledge = EVERYTHING,
    ) -> list[Entity]:
        """At most `limit` entities beyond `after` in the order of their ids: all, or those of `ids` that exist.

        With `known`, those that existed by then, as they were.
        """
        with self._base.read() as connection:
            if not is_bounded(known) or known.covers_all(newest(connection)):
                return some(connection, project, kind, ids, after, limit)
            there = existing(connection, project, kind, known, ids, after, limit)
            return as_known(connection, project, kind, there, known)

    def children(self, project: str, kind: Kind, parents: Collection[str]) -> list[Entity]:
        """The devices of these nodes, or the sensors of these devices, as they are today, in the order of their ids."""
        below = select(ENTITY).where(ENTITY.c.project == project, ENTITY.c.kind == kind)
        with self._base.read() as connection:
            found = (
                fetch(connection, below.where(ENTITY.c.parent.in_(chunk))) for chunk in chunks(sorted(set(parents)))
            )
            return sorted((entity for part in found for entity in part), key=lambda entity: entity.id)

    def sensors_of_device(self, project: str, device: str, known: Knowledge = EVERYTHING) -> tuple[Entity, ...]:
        """The sensors whose parent is the device, in the order of their ids. Cached until the catalog changes."""
        found = self._base.cached(("members", project, device), partial(of_kind, project, "sensor", device))
        past = self._base.cached(("past members", project, device), partial(past_members, project, device))
        if not past and all(unchanged(entity, known) for entity in found):
            return found
        ids = sorted({*(entity.id for entity in found), *past})
        key = ("members", project, device, known.config, known.time)
        earlier = self._base.cached(key, lambda connection: tuple(as_known(connection, project, "sensor", ids, known)))
        return tuple(entity for entity in earlier if entity.parent == device)

    def sensors_below(self, project: str, kind: Above, ids: Collection[str]) -> dict[str, list[str]]:
        """The sensors of each of these devices or nodes, in the order of their ids; those without any are left out.

        A sensor is below its device and below the node that its device names, else the nodes in its own id's path.
        """
        with self._base.read() as connection:
            return sensors_below(connection, project, kind, ids)

    def definitions(self, project: str, kind: Definition, known: Knowledge = EVERYTHING) -> tuple[Entity, ...]:
        """All definitions of one kind that hold (as of what was `known`), by their ids; `props` are body and version.

        Cached until the catalog changes.
        """
        found = self._base.cached(("definitions", project, kind), partial(of_kind, project, kind, None))
        if not all(unchanged(entity, known) for entity in found):
            ids = [entity.id for entity in found]
            key = ("definitions", project, kind, known.config, known.time)
            found = self._base.cached(key, lambda connection: tuple(as_known(connection, project, kind, ids, known)))
        return tuple(entity for entity in found if entity.props)

    def metrics_of(self, project: str, sensor: str, known: Knowledge = EVERYTHING) -> Uploaded:
        """The metrics ever uploaded for the sensor (by what was `known`). Cached until the catalog changes."""
        found = self._base.cached(
            ("metrics", project, sensor), lambda connection: tuple(series(connection, project, [sensor]))
        )
        return uploaded(found, known)

    def metrics_of_each(
        self, project: str, sensors: Collection[str], known: Knowledge = EVERYTHING
    ) -> dict[str, Uploaded]:
        """`metrics_of` many sensors at once; those without any are left out."""
        with self._base.read() as connection:
            rows = list(series(connection, project, sorted(set(sensors))))
        return {sensor: uploaded(group, known) for sensor, group in groupby(rows, lambda row: row.sensor)}

    def changed_entities(self, after: int) -> list[tuple[str, AnyKind, str]]:
        """(project, kind, id) of the entities and definitions with a change numbered > `after`, each once.

        In the order of their last changes. What went with its project is not among them.
        """
        last = func.max(PROP_HISTORY.c.number)
        owner = (PROP_HISTORY.c.project, PROP_HISTORY.c.kind, PROP_HISTORY.c.id)
        query = select(*owner).where(PROP_HISTORY.c.number > after).group_by(*owner).order_by(last)
        with self._base.read() as connection:
            return [(row.project, row.kind, row.id) for row in connection.execute(query)]

    def history(self, project: str, kind: AnyKind, id: str) -> list[Change]:
        """Every change of an entity's props, in the order they were recorded, also of one that was removed.

        NotFound when there is none.
        """
        with self._base.read() as connection:
            found = dict(histories(connection, project, kind, [id], EVERYTHING))
        if not found:
            raise NotFound(f"there is no {kind} {id!r}", "id", id)
        return found[id]

    def _had(self, project: str, kind: AnyKind, id: str) -> bool:
        """Whether there was an entity that is no more, or was another."""

        def lookup(connection: Connection) -> bool:
            return bool(past_rows(connection, project, kind, [id]))

        return self._base.cached(("past", project, kind, id), lookup)
