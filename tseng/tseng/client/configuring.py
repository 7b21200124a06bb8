"""Nodes, devices and sensors, as `tseng.configuring` has them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from tseng.client.connection import Connection
from tseng.errors import InvalidRequest, NotFound
from tseng.requests import When, iso, plain
from tseng_storage.entities import Entity, Kind
from tseng_storage.history import ALWAYS
from tseng_units.instants import parse_instant

Sort = Literal[
    "id", "-id", "name", "-name", "type", "-type", "creationDate", "-creationDate", "lastModifiedDate",
    "-lastModifiedDate",
]  # fmt: skip
_PAGE = 1000


class Configuring:
    """Verbs over the entities of the client's project. The `props` of an entity are those that REST prints.

    Among them stand those that the server keeps by itself (`docs/entities.md`); they may be written back. Who changed
    something is the key's name. What changes an entity is sent again only where it surely was not carried out.
    """

    _connection: Connection

    def create_entity(
        self,
        kind: Kind,
        id: str,
        type: str,
        props: Mapping[str, Any] | None = None,
        *,
        observation_type: str | None = None,
        ref_id: str | None = None,
        custom_props: Mapping[str, Any] | None = None,
    ) -> Entity:
        """Make a node, device or sensor. Where it hangs its id's path says, of a device also the prop NODE_ID.

        Raises:
            Exists: the id is taken in this project.
            InvalidRequest: an empty id or type, or a prop that JSON cannot hold.
        """
        return self._changed("POST", kind, "", _body(type, props, observation_type, ref_id, custom_props) | {"id": id})

    def update_entity(
        self,
        kind: Kind,
        id: str,
        props: Mapping[str, Any],
        *,
        custom_props: Mapping[str, Any] | None = None,
        valid_from: When = None,
    ) -> Entity:
        """Merge `props` into an entity's from `valid_from` on, else as a correction; a null removes a key.

        Raises:
            NotFound: no such entity in this project.
            InvalidRequest: `valid_from` lies in the future, or JSON cannot hold a prop.
        """
        body = {"props": props, "customProps": custom_props or {}, **_dated(valid_from)}
        return self._changed("PATCH", kind, id, body)

    def replace_entity(
        self,
        kind: Kind,
        id: str,
        type: str,
        props: Mapping[str, Any] | None = None,
        *,
        observation_type: str | None = None,
        ref_id: str | None = None,
        custom_props: Mapping[str, Any] | None = None,
        valid_from: When = None,
    ) -> Entity:
        """Make an entity what `create_entity` would make of these arguments; what is not named is removed.

        Raises:
            NotFound: no such entity in this project.
            InvalidRequest: as `create_entity` and `update_entity`.
        """
        body = _body(type, props, observation_type, ref_id, custom_props) | _dated(valid_from)
        return self._changed("PUT", kind, id, body)

    def remove_entity(self, kind: Kind, id: str, *, below: bool = False) -> None:
        """Take an entity away, `below` with the devices and sensors that hang below it; as `Engine.remove_entity`.

        Raises:
            NotFound: no such entity in this project.
            Exists: something hangs below it, and `below` is not asked for.
        """
        query = self._connection.query | ({"below": "true"} if below else {})
        self._connection.ask("DELETE", _path(kind, id), twice=False, params=query)

    def entity(self, kind: Kind, id: str) -> Entity:
        """One entity as it is now.

        Raises:
            NotFound: no such entity in this project.
        """
        found = self.entities(kind, [id])
        if not found:
            raise NotFound(f"there is no {kind} {id!r}", field=kind, seen=id)
        return found[0]

    def entities(
        self,
        kind: Kind,
        ids: Sequence[str] | None = None,
        *,
        types: Sequence[str] = (),
        name: str | None = None,
        node_ids: Sequence[str] = (),
        device_ids: Sequence[str] = (),
        sort: Sort = "id",
        limit: int | None = None,
    ) -> list[Entity]:
        """Entities of one kind: those of `ids` that exist, in the order of their ids, or all that the filters leave.

        Args:
            kind: node, device or sensor.
            ids: which ones; goes with no filter.
            types: only of these types.
            name: only with a NAME that contains this, in capitals or not.
            node_ids: only devices and sensors of these nodes.
            device_ids: only sensors of these devices.
            sort: their order; with `-` the last comes first.
            limit: so many of them at most.
        """
        if ids is None:
            filters = {"types": types, "node_ids": node_ids, "device_ids": device_ids, "name": name, "sort": sort}
            pages = self.each_entity(kind, page_size=min(limit or _PAGE, _PAGE), **filters)  # type: ignore[arg-type]
            return list(islice(pages, limit))
        if types or name is not None or node_ids or device_ids or sort != "id":
            raise InvalidRequest.at("ids", "goes with no filter and no order")
        found = self._connection.call(f"get{kind.capitalize()}s", {f"{kind}s": list(ids)})
        return [_entity(kind, each) for each in found[:limit]]

    def each_entity(
        self,
        kind: Kind,
        *,
        types: Sequence[str] = (),
        name: str | None = None,
        node_ids: Sequence[str] = (),
        device_ids: Sequence[str] = (),
        sort: Sort = "id",
        page_size: int = _PAGE,
    ) -> Iterator[Entity]:
        """As `entities`, one after the other: a page of up to `page_size` (1 to 1,000) is asked for when it is due.

        While entities come and go the pages stay right: none comes twice, and none that stays is left out.
        """
        given = {"types": [*types], "name": name, "nodeIds": [*node_ids], "deviceIds": [*device_ids]}
        query: dict[str, Any] = {field: value for field, value in given.items() if value not in (None, [])}
        query |= {"sort": sort, "pageSize": page_size, **self._connection.query}
        while True:
            page = msgspec.json.decode(
                self._connection.ask("GET", f"/api/{kind}s/all", twice=True, params=query).content
            )
            yield from (_entity(kind, each) for each in page[f"{kind}s"])
            if not page.get("nextPageToken"):
                return
            query["pageToken"] = page["nextPageToken"]

    def children(self, kind: Kind, parents: Sequence[str]) -> list[Entity]:
        """The devices of these nodes, or the sensors of these devices, in the order of their ids."""
        if not parents:
            return []
        return self.entities(kind, node_ids=parents) if kind == "device" else self.entities(kind, device_ids=parents)

    def _changed(self, method: str, kind: Kind, id: str, body: Mapping[str, Any]) -> Entity:
        content = msgspec.json.encode(plain(body))
        query = self._connection.query
        answer = self._connection.ask(method, _path(kind, id), twice=False, content=content, params=query)
        return _entity(kind, msgspec.json.decode(answer.content))


def _path(kind: Kind, id: str) -> str:
    return f"/api/{kind}s/{quote(id)}" if id else f"/api/{kind}s"


def _body(
    type: str,
    props: Mapping[str, Any] | None,
    observation_type: str | None,
    ref_id: str | None,
    custom_props: Mapping[str, Any] | None,
) -> dict[str, Any]:
    fields = {"observationType": observation_type, "refId": ref_id}
    given = {name: value for name, value in fields.items() if value is not None}
    return {"type": type, "props": props or {}, "customProps": custom_props or {}, **given}


def _dated(valid_from: When) -> dict[str, str]:
    return {} if valid_from is None else {"validFrom": iso(valid_from)}


def _entity(kind: Kind, shown: Mapping[str, Any]) -> Entity:
    """The entity that is printed so."""
    props = shown["props"]
    dated = {name: tuple((_since(each["since"]), each["value"]) for each in values) for name, values in
             shown.get("epochs", {}).items()}  # fmt: skip
    return Entity(
        project=props["PROJECT_ID"],
        kind=kind,
        id=shown["id"],
        type=shown["type"],
        parent=shown.get("device") if kind == "sensor" else props.get("NODE_ID") if kind == "device" else None,
        props=props,
        custom_props=shown["customProps"],
        observation_type=shown.get("observationType"),
        ref_id=shown.get("refId"),
        created=parse_instant(props["CREATION_DATE"]),
        modified=parse_instant(props["LAST_MODIFIED_DATE"]),
        epochs=dated,
        modified_by=props.get("LAST_MODIFIED_BY"),
    )


def _since(text: str | None) -> int:
    return ALWAYS if text is None else parse_instant(text)
