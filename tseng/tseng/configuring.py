"""The engine's verbs for nodes, devices and sensors: made, changed, replaced, removed, alone or many together."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tseng.access import find_project
from tseng.errors import Exists, Fault, InvalidRequest, NotFound
from tseng.ids import LONGEST_ID, fault_of_new, parent_of
from tseng.props import faults_of
from tseng.requests import When, instant
from tseng_storage.entities import Alteration, Draft, Edit, Entity, Kind, Removal
from tseng_storage.errors import ChangesRefused, InvalidDate, PropsTooLarge
from tseng_storage.errors import Exists as Taken
from tseng_storage.errors import NotFound as Absent
from tseng_storage.history import Change
from tseng_storage.store import Store
from tseng_units.instants import format_instant


class Configuring:
    """Verbs over the entities of one store's projects; `project` is an id or iTwin id, None the default one."""

    store: Store

    def create_entity(
        self,
        kind: Kind,
        id: str,
        type: str,
        props: Mapping[str, Any] | None = None,
        *,
        parent: str | None = None,
        observation_type: str | None = None,
        ref_id: str | None = None,
        custom_props: Mapping[str, Any] | None = None,
        by: str | None = None,
        project: str | None = None,
    ) -> Entity:
        """Make a node, device or sensor.

        `parent` is a device's node or a sensor's device, by default what the id's path names; it need not exist yet.
        `by` is kept as the one who made or last changed it.

        Raises:
            Exists: the id is taken in this project.
            InvalidRequest: an empty id or type, an id with a control character or one that REST has a list under, or
                props that JSON cannot hold or that are too large.
        """
        draft = Draft(kind, id, type, props or {}, parent, observation_type, ref_id, custom_props or {})
        return self.create_entities([draft], by=by, project=project)[0]

    def create_entities(
        self, drafts: Sequence[Draft], *, by: str | None = None, project: str | None = None
    ) -> list[Entity]:
        """Make many nodes, devices and sensors at once, all or none; each as `create_entity` does.

        Raises:
            Exists: ids are taken in this project, or come twice; they are named.
            InvalidRequest: as `create_entity`.
        """
        faults = [fault for draft in drafts for fault in _faults(draft)]
        if faults:
            raise InvalidRequest(faults)
        home = find_project(self.store.catalog, project).id
        try:
            return self.store.catalog.create_entities(home, [_placed(draft) for draft in drafts], by=by)
        except Taken as taken:
            raise Exists(str(taken), field=drafts[0].kind, seen=taken.seen) from None
        except PropsTooLarge as large:
            raise InvalidRequest.at(large.field, str(large)) from None

    def update_entity(
        self,
        kind: Kind,
        id: str,
        props: Mapping[str, Any],
        *,
        custom_props: Mapping[str, Any] | None = None,
        valid_from: When = None,
        by: str | None = None,
        project: str | None = None,
    ) -> Entity:
        """Merge `props` into an entity's; a null removes a key. Earlier values stay in its history, with who set them.

        `custom_props` are merged likewise, but have no dates.

        From `valid_from` on the new values hold, and the old ones before. Without it the values there are were wrong:
        they are corrected from the date of each prop's newest epoch on, which is always where it never had a date.

        Raises:
            NotFound: no such entity in this project.
            InvalidRequest: `valid_from` lies in the future, or JSON cannot hold a prop, or its props get too large.
        """
        since = instant("validFrom", valid_from)
        return self._alone(Edit(kind, id, props, valid_from=since, custom_props=custom_props or {}), by, project)

    def replace_entity(
        self,
        kind: Kind,
        id: str,
        type: str,
        props: Mapping[str, Any] | None = None,
        *,
        parent: str | None = None,
        observation_type: str | None = None,
        ref_id: str | None = None,
        custom_props: Mapping[str, Any] | None = None,
        valid_from: When = None,
        by: str | None = None,
        project: str | None = None,
    ) -> Entity:
        """Make an entity what `create_entity` would make of these arguments; what is not named is removed.

        Earlier props, type and the rest stay in its history. `valid_from` is that of `update_entity`.

        Raises:
            NotFound: no such entity in this project.
            InvalidRequest: as `create_entity` and `update_entity`.
        """
        draft = _placed(Draft(kind, id, type, props or {}, parent, observation_type, ref_id, custom_props or {}))
        edit = Edit(
            kind, id, draft.props, replace=True, valid_from=instant("validFrom", valid_from),
            custom_props=draft.custom_props,
            fields={"type": type, "parent": draft.parent, "observation_type": observation_type, "ref_id": ref_id},
        )  # fmt: skip
        return self._alone(edit, by, project)

    def remove_entity(
        self, kind: Kind, id: str, *, below: bool = False, by: str | None = None, project: str | None = None
    ) -> Entity:
        """Take an entity away, `below` with the devices and sensors that hang below it; the entity as it was.

        Reads as of an earlier time still find it. Its observations stay, and are found again if the id is made again.

        Raises:
            NotFound: no such entity in this project.
            Exists: something hangs below it, and `below` is not asked for; it is named.
        """
        return self._alone(Removal(kind, id, below), by, project)

    def apply(
        self,
        changes: Sequence[Alteration] | Callable[[], Sequence[Alteration]],
        *,
        by: str | None = None,
        project: str | None = None,
    ) -> list[Entity]:
        """Make several changes at once, in their order, all of them or none: `Draft`, `Edit` and `Removal`.

        Each is made as by `create_entity`, `update_entity` or `replace_entity`, and `remove_entity`. Where a later one
        fails, those before it have not happened either. A function that returns them is called when nobody else can
        change anything any more: what it reads holds until all is done. It must not change anything itself.

        Returns:
            Of each the entity as it then is, of a removal as it was.

        Raises:
            InvalidRequest: ids, types or props that cannot be; each is named with the index of its change.
            tseng_storage.errors.ChangesRefused: ids are taken or not there, dates lie in the future, props get too
                large, or something hangs below what is to be removed alone; `faults` has them by the change's index.
        """
        home = find_project(self.store.catalog, project).id
        if callable(changes):
            return self.store.catalog.apply(home, lambda: _checked(changes()), by=by)
        return self.store.catalog.apply(home, _checked(changes), by=by)

    def _alone(self, change: Edit | Removal, by: str | None, project: str | None) -> Entity:
        faults = _faults(change)
        if faults:
            raise InvalidRequest(faults)
        placed = _placed(change)
        try:
            (entity,) = self.store.catalog.apply(find_project(self.store.catalog, project).id, [placed], by=by)
        except ChangesRefused as refused:
            ((_, fault),) = refused.faults
            if isinstance(fault, InvalidDate) and isinstance(change, Edit):
                date = format_instant(change.valid_from or 0)
                raise InvalidRequest.at("validFrom", f"{date} lies in the future") from None
            if isinstance(fault, PropsTooLarge):
                raise InvalidRequest.at(fault.field, str(fault)) from None
            error = NotFound if isinstance(fault, Absent) else Exists
            raise error(str(fault), field=change.kind, seen=fault.seen) from None
        return entity

    def history(self, kind: Kind, id: str, *, project: str | None = None) -> list[Change]:
        """Every change of an entity's props, in the order they were recorded.

        Raises:
            NotFound: no such entity in this project.
        """
        try:
            return self.store.catalog.history(find_project(self.store.catalog, project).id, kind, id)
        except Absent:
            raise NotFound(f"there is no {kind} {id!r}", field=kind, seen=id) from None

    def entities(
        self,
        kind: Kind,
        ids: Sequence[str] | None = None,
        *,
        project: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[Entity]:
        """Entities of one kind in the order of their ids: all, those of `ids` that exist, or the page after an id."""
        return self.store.catalog.entities(
            find_project(self.store.catalog, project).id, kind, ids, after=after, limit=limit
        )

    def children(self, kind: Kind, parents: Sequence[str], *, project: str | None = None) -> list[Entity]:
        """The devices of these nodes, or the sensors of these devices, in the order of their ids."""
        return self.store.catalog.children(find_project(self.store.catalog, project).id, kind, parents)


def _checked(changes: Sequence[Alteration]) -> list[Alteration]:
    faults = [
        Fault(f"[{index}].{fault.path}", fault.message)
        for index, change in enumerate(changes)
        for fault in _faults(change)
    ]
    if faults:
        raise InvalidRequest(faults)
    return [_placed(change) for change in changes]


C = TypeVar("C", bound=Alteration)


def _placed(change: C) -> C:
    """The change with where the entity then hangs: a device hangs on the node that it names."""
    if isinstance(change, Draft):
        return dataclasses.replace(change, parent=change.parent or parent_of(change))
    if isinstance(change, Edit) and change.kind == "device" and "NODE_ID" in change.props:
        node = change.fields.get("parent") or parent_of(Draft("device", change.id, "", change.props))
        return dataclasses.replace(change, fields={**change.fields, "parent": node})
    return change


def _faults(change: Alteration) -> list[Fault]:
    """What is wrong with a change by itself."""
    if isinstance(change, Removal):
        return []
    names = {"type": change.type} if isinstance(change, Draft) else _named(change)
    odd = fault_of_new(change.id) if isinstance(change, Draft) else None
    faults = [Fault("id", odd)] if odd else []
    faults += [
        Fault(name, f"must have 1 to {LONGEST_ID} characters, not all of them blank")
        for name, value in names.items()
        if value is None or not value.strip() or len(value) > LONGEST_ID
    ]
    return [*faults, *faults_of(change.props, "props"), *faults_of(change.custom_props, "customProps")]


def _named(edit: Edit) -> Mapping[str, str | None]:
    return {"type": edit.fields["type"]} if "type" in edit.fields else {}
