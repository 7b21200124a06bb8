"""REST: one node, device or sensor (ours, beside the lists that seed 003 has): make, show, replace, change, remove.

An id is a path, so in a URL it stands behind the kind's own path as it is, after one slash or two:
`/api/sensors/fn/6C4F6D/node/…/sensor` is `/fn/6C4F6D/node/…/sensor`. One that begins with no slash is found as well.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from tseng.errors import InvalidRequest, NotFound
from tseng_api.entities import EntityObject, wire, wired
from tseng_api.entity_methods import New, made
from tseng_api.query_strings import InProject
from tseng_api.routing import Endpoint, Received, route
from tseng_storage.entities import KINDS, Entity, Kind

Handler = TypeVar("Handler", bound=Callable[[Received[Any, Any]], Any])


class Whole(msgspec.Struct, forbid_unknown_fields=True):
    """What an entity is; whatever is left out it has not. `validFrom` dates those props that change.

    What is shown of an entity may be sent back whole: its id, device and epochs stay what they are.
    """

    type: str
    props: dict[str, Any] = {}
    observationType: str | None = None
    refId: str | None = None
    customProps: dict[str, Any] = {}
    validFrom: str | None = None
    id: str | None = None
    device: str | None = None
    epochs: Any = None


class Merged(msgspec.Struct, forbid_unknown_fields=True):
    """What is set, null removes; from the date `validFrom` on, else as a correction."""

    props: dict[str, Any] = {}
    customProps: dict[str, Any] = {}
    validFrom: str | None = None


class Removed(InProject):
    """`below` removes what hangs below it too; without that there may be nothing."""

    below: bool = False


def found(received: Received[Any, Any], kind: Kind) -> Entity:
    """Return the entity that the path means.

    Raises:
        NotFound: there is none.
    """
    given = received.path["id"]
    slashed = "/" + given.lstrip("/")
    there = {each.id: each for each in received.engine.entities(kind, [slashed, given], project=received.project)}
    if not there:
        raise NotFound(f"there is no {kind} {slashed!r}", field="id", seen=slashed)
    return there.get(given) or there[slashed]


def _shown(received: Received[Any, Any], entity: Entity) -> EntityObject:
    return wired(received.engine, [entity])[0]


def _create(kind: Kind) -> Callable[[Received[InProject, New]], EntityObject]:
    def create(received: Received[InProject, New]) -> EntityObject:
        return made(received.session, kind, received.body, received.project)

    return _named(create, f"create_{kind}", f"Create a {kind}")


def _get(kind: Kind) -> Callable[[Received[InProject, None]], EntityObject]:
    def get(received: Received[InProject, None]) -> EntityObject:
        return _shown(received, found(received, kind))

    return _named(get, f"get_{kind}", f"Show a {kind}")


def _replace(kind: Kind) -> Callable[[Received[InProject, Whole]], EntityObject]:
    def replace(received: Received[InProject, Whole]) -> EntityObject:
        asked, entity = received.body, found(received, kind)
        _expect_same(asked, entity)
        # Where it hangs stays, but for a device that names its node.
        parent = None if kind == "device" and "NODE_ID" in asked.props else entity.parent
        replaced = received.engine.replace_entity(
            kind, entity.id, asked.type, asked.props, parent=parent, observation_type=asked.observationType,
            ref_id=asked.refId, custom_props=asked.customProps, valid_from=asked.validFrom, by=received.session.author,
            project=received.project,
        )  # fmt: skip
        return _shown(received, replaced)

    return _named(replace, f"replace_{kind}", f"Replace a {kind}: what is left out it has no more")


def _expect_same(asked: Whole, entity: Entity) -> None:
    """Refuse what would name the entity anew, hang a sensor elsewhere or rewrite earlier values: none can change."""
    shown = wire(entity)
    if asked.epochs is not None and asked.epochs != shown.get("epochs", {}):
        words = f"differ from those of {entity.id!r}: props and validFrom say what holds from when"
        raise InvalidRequest.at("epochs", words)
    for name, value in (("id", asked.id), ("device", asked.device)):
        if value is not None and value != shown.get(name):
            raise InvalidRequest.at(name, f"{value!r:.200} is not that of {entity.id!r}, and cannot be changed")


def _merge(kind: Kind) -> Callable[[Received[InProject, Merged]], EntityObject]:
    def merge(received: Received[InProject, Merged]) -> EntityObject:
        asked, entity = received.body, found(received, kind)
        changed = received.engine.update_entity(
            kind, entity.id, asked.props, custom_props=asked.customProps, valid_from=asked.validFrom,
            by=received.session.author, project=received.project,
        )  # fmt: skip
        return _shown(received, changed)

    return _named(merge, f"update_{kind}", f"Change props of a {kind}")


def _remove(kind: Kind) -> Callable[[Received[Removed, None]], None]:
    def remove(received: Received[Removed, None]) -> None:
        below, by = received.query.below, received.session.author
        received.engine.remove_entity(kind, found(received, kind).id, below=below, by=by, project=received.project)

    return _named(remove, f"remove_{kind}", f"Remove a {kind}; its observations stay, and reads as of earlier find it")


def _named(handler: Handler, name: str, summary: str) -> Handler:
    handler.__name__, handler.__doc__ = name, f"{summary}."
    return handler


def _routes(kind: Kind) -> list[Endpoint]:
    path, one = f"/api/{kind}s", f"/api/{kind}s/{{id:path}}"
    return [
        route(path, _create(kind), "writer", method="POST", status=201, refusals=(404, 409)),
        route(one, _get(kind), refusals=(404,)),
        route(one, _replace(kind), "writer", method="PUT", refusals=(404,)),
        route(one, _merge(kind), "writer", method="PATCH", refusals=(404,)),
        route(one, _remove(kind), "writer", method="DELETE", refusals=(404, 409)),
    ]


ROUTES = [each for kind in KINDS for each in _routes(kind)]
