"""Several changes of entities in one transaction, in their order: each sees what those before it did.

Every change that cannot be made is named; what then follows from it may be named too.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select

from tseng_storage.entities import Alteration, Draft, Edit, Entity, Kind, Removal
from tseng_storage.entity_rows import chunks, fetch, find
from tseng_storage.errors import Changed, ChangesRefused, Exists, NotFound, PropsTooLarge, StorageError
from tseng_storage.hierarchy import sensors_below
from tseng_storage.recording import check_size, exists, made, named, removed, taken, updated
from tseng_storage.statements import driver_of
from tseng_storage.tables import ENTITY

_Fault = tuple[int, StorageError]


def apply(connection: Connection, project: str, changes: Sequence[Alteration], by: str | None) -> list[Entity]:
    """Make all changes; of each the entity as it then is, of a removal as it was. Raises ChangesRefused."""
    answers: dict[int, Entity] = {}
    faults: list[_Fault] = []
    for _, group in groupby(enumerate(changes), lambda change: isinstance(change[1], Draft)):
        run = list(group)
        drafts = [(index, change) for index, change in run if isinstance(change, Draft)]
        if drafts:
            faults += _create(connection, project, drafts, by, answers)
        for index, change in run[len(drafts) :]:
            try:
                answers[index] = _alter(connection, project, change, by)
            except StorageError as fault:
                faults.append((index, fault))
    if faults:
        raise ChangesRefused(faults)
    return [answers[index] for index in range(len(changes))]


def _create(
    connection: Connection,
    project: str,
    drafts: Sequence[tuple[int, Draft]],
    by: str | None,
    answers: dict[int, Entity],
) -> Iterator[_Fault]:
    """Make those that are free, in one go; the others are the faults."""
    bad = set(taken(connection, project, [draft for _, draft in drafts]))
    good = [(index, draft) for index, draft in drafts if (draft.kind, draft.id) not in bad]
    for index, draft in good:
        try:
            check_size(draft)
        except PropsTooLarge as fault:
            yield index, fault
    new = made(connection, project, [draft for _, draft in good], by)
    answers.update({index: entity for (index, _), entity in zip(good, new, strict=True)})
    for index, draft in drafts:
        if (draft.kind, draft.id) in bad:
            yield index, exists([(draft.kind, draft.id)])


def _alter(connection: Connection, project: str, change: Alteration, by: str | None) -> Entity:
    entity = find(driver_of(connection), project, change.kind, change.id)
    if entity is None:
        raise NotFound(f"there is no {change.kind} {change.id!r}", "id", change.id)
    if isinstance(change, Edit):
        if change.seen not in (None, entity.change):
            raise Changed(f"{change.kind} {change.id!r} is at change {entity.change}", "id", change.id)
        return _edit(connection, entity, change, by)
    if isinstance(change, Removal):
        lower = _below(connection, project, change.kind, change.id)
        if lower and not change.below:
            words = named([(each.kind, each.id) for each in lower])
            problem = f"{change.kind} {change.id!r} cannot be removed alone, below it: {words}"
            raise Exists(problem, "id", [each.id for each in lower])
        removed(connection, [*lower, entity], by)
    return entity


def _edit(connection: Connection, entity: Entity, edit: Edit, by: str | None) -> Entity:
    before: dict[str, Any] = dict.fromkeys([*entity.props, *entity.epochs]) if edit.replace else {}
    custom = dict(edit.custom_props) if edit.replace else {**entity.custom_props, **edit.custom_props}
    rest: dict[str, Any] = {"custom_props": {name: value for name, value in custom.items() if value is not None}}
    rest.update({str(name): value for name, value in edit.fields.items()})
    edited = updated(connection, entity, {**before, **edit.props}, edit.valid_from, by, rest)
    if edited is not entity:
        check_size(edited)
    return edited


def _below(connection: Connection, project: str, kind: Kind, id: str) -> list[Entity]:
    """What hangs below a node or device: first the sensors, then the devices."""
    if kind == "sensor":
        return []
    sensors = sensors_below(connection, project, kind, [id]).get(id, [])
    query = select(ENTITY).where(ENTITY.c.project == project).order_by(ENTITY.c.id)
    parts = [query.where(ENTITY.c.kind == "sensor", ENTITY.c.id.in_(chunk)) for chunk in chunks(sensors)]
    if kind == "node":
        parts.append(query.where(ENTITY.c.kind == "device", ENTITY.c.parent == id))
    return [entity for part in parts for entity in fetch(connection, part)]
