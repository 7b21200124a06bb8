"""REST: connections with their devices and sensors, made and changed in one go (seed 003, Sensor Data Service).

A request is taken apart into changes of entities and carried out in one transaction: all of it, or nothing.
"""

import secrets
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict

import msgspec
from starlette.responses import Response

from tseng.engine import Engine
from tseng.errors import Exists, InvalidRequest, NotFound
from tseng_api import declared
from tseng_api.entities import wired
from tseng_api.entity_routes import found
from tseng_api.http import JSON, answer_json
from tseng_api.metrics import DEVICE_TYPES
from tseng_api.query_strings import InProject
from tseng_api.routing import Answer, Received, route
from tseng_api.wire import decode, lenient
from tseng_storage.entities import Alteration, Draft, Edit, Kind, Removal
from tseng_units.catalogue import SENSOR_TYPES

ChangeState = Literal["new", "update", "remove"]

_NODE_TYPE, _GENERIC, _TYPE = "NODE_API_SDE", "GENERIC_SENSOR_SDE", "DYNAMIC"
_TEMPLATE = "INTEGRATION_ID"
_TEMPLATES: Mapping[Kind, Container[str]] = {"device": DEVICE_TYPES, "sensor": SENSOR_TYPES}
# Props that are left out here: the lists of the platform have them.
_UNPRINTED = ("ACCESSIBLE", "DEVICE_GROUP", "SENSOR_GROUP", "LAST_COMM", "LAST_OBSERVATION")
_CODE = "InvalidProcessIntegrationRequest"
_NO_NODE = "Cannot process integration ensure the provided nodeId is valid."
_NO_TYPE = (
    "Minimum request parameters not provided, new Devices and Sensors must have a valid `props.INTEGRATION_ID` set."
)


class SensorPart(msgspec.Struct, forbid_unknown_fields=True):
    """A sensor to be made, changed or removed; the latter two by `id`, or by the `refId` it was made with."""

    changeState: ChangeState | None = None
    id: str | None = None
    refId: str | None = None
    props: dict[str, Any] = {}


class DevicePart(SensorPart, forbid_unknown_fields=True):
    """A device likewise, with sensors of its own; without changeState it is only where they are found."""

    sensors: list[SensorPart] = []


class IntegrationPart(msgspec.Struct, forbid_unknown_fields=True):
    """A new connection, or with `nodeId` one that is there, and its devices."""

    changeState: ChangeState | None = None
    nodeId: str | None = None
    props: dict[str, Any] = {}
    devices: list[DevicePart] = []


class Integrate(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request."""

    integration: IntegrationPart


class Printed(TypedDict):
    """A node, device or sensor as this service prints it."""

    props: dict[str, Any]
    id: str
    type: str
    observationType: NotRequired[str]
    device: NotRequired[str]


class DeviceBelow(TypedDict):
    """A device with its sensors."""

    device: Printed
    sensors: list[Printed]


class Connection(TypedDict):
    """A connection with its devices; without `node` it is no more."""

    node: NotRequired[Printed]
    devices: list[DeviceBelow]


class Integrated(TypedDict):
    """A connection."""

    integration: Connection


class Reason(TypedDict):
    """Why not."""

    code: str
    message: str


class Refusal(TypedDict):
    """A refusal of the whole."""

    error: Reason


class _Refused(Exception):
    """A refusal as the document prints it, with its status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class _Plan:
    """What a request comes to: changes in their order, what is to be shown afterwards, and the ids of what is new."""

    node: str = ""
    changes: list[Alteration] = field(default_factory=list)
    shown: list[tuple[str, list[str]]] = field(default_factory=list)
    new: dict[Kind, list[str]] = field(default_factory=dict)


class _Planner:
    """Takes one request apart."""

    def __init__(self, engine: Engine, project: str, asked: IntegrationPart) -> None:
        self._engine, self._project, self._asked = engine, project, asked
        # Without a connection to begin with the document prints 400 for what is missing, with one it prints 422.
        self._status = 400 if asked.nodeId is None else 422
        self._plan = _Plan()

    @property
    def planned(self) -> _Plan:
        """What `plan` came to."""
        return self._plan

    def plan(self) -> _Plan:
        """Return what is to be done, under ids that are free.

        Raises:
            _Refused: the connection is not there, or something new has no template.
            NotFound, Exists, InvalidRequest: a device or sensor cannot be what it is said to be; the field is named.
        """
        while True:
            self._plan = _Plan()
            self._fill()
            # All that were drawn are looked up at once: one by one that took most of the time.
            if not any(self._engine.entities(kind, ids, project=self._project) for kind, ids in self._plan.new.items()):
                return self._plan

    def _fill(self) -> None:
        plan, asked = self._plan, self._asked
        plan.node = self._node()
        if asked.changeState == "remove":
            self._expect_nothing(asked.devices, "integration.devices")
            return
        known = self._known("device", plan.node if asked.nodeId else None)
        for number, part in enumerate(asked.devices):
            self._device(part, known, f"integration.devices[{number}]")

    def _node(self) -> str:
        asked = self._asked
        if asked.nodeId is None:
            if asked.changeState != "new":
                raise _Refused(_NO_NODE, 422)
            return self._new_node(asked.props)
        if not self._engine.entities("node", [asked.nodeId], project=self._project):
            raise _Refused(_NO_NODE, 422)
        if asked.changeState == "update":
            self._plan.changes.append(Edit("node", asked.nodeId, asked.props))
        elif asked.changeState == "remove":
            self._plan.changes.append(Removal("node", asked.nodeId, below=True))
        elif asked.props:
            raise InvalidRequest.at("integration.props", "needs changeState update: without it nothing is changed")
        return asked.nodeId

    def _new_node(self, props: Mapping[str, Any]) -> str:
        serial = self._unused("node", ("", "/api/{}/node"), _Known())
        given = {"NAME": f"Data Source API Import {serial}", "SERIAL_NO": serial, _TEMPLATE: _NODE_TYPE}
        id = f"/api/{serial}/node"
        self._plan.changes.append(Draft("node", id, _TYPE, {**given, **props}))
        return id

    def _device(self, part: DevicePart, known: "_Known", path: str) -> None:
        node = self._plan.node
        if part.changeState == "new":
            id = self._new("device", part, known, path, (node, "/dynamic/{}/device"))
            sensors = _Known()
        else:
            id = self._change("device", part, known, path)
            sensors = self._known("sensor", id)
        if part.changeState == "remove":
            self._expect_nothing(part.sensors, f"{path}.sensors")
            return
        shown: list[str] = []
        for number, sensor in enumerate(part.sensors):
            self._sensor(sensor, sensors, id, f"{path}.sensors[{number}]", shown)
        self._plan.shown.append((id, shown))

    def _sensor(self, part: SensorPart, known: "_Known", device: str, path: str, shown: list[str]) -> None:
        if part.changeState == "new":
            declared.check_declared(part.props, f"{path}.props")
            id = self._new("sensor", part, known, path, (device, "/{}/sensor"))
        else:
            id = self._change("sensor", part, known, path)
            if part.changeState == "update" and part.props.keys() & declared.NAMES:
                declared.check_declared(known.props(id), f"{path}.props")
        if part.changeState != "remove":
            shown.append(id)

    def _new(self, kind: Kind, part: SensorPart, known: "_Known", path: str, place: tuple[str, str]) -> str:
        parent, form = place
        self._expect_template(kind, part.props, path)
        if part.id is not None:
            raise InvalidRequest.at(f"{path}.id", "must be absent: what is new gets its id here")
        if kind == "device" and part.props.get("NODE_ID") not in (None, self._plan.node):
            raise InvalidRequest.at(f"{path}.props.NODE_ID", f"is not the connection, {self._plan.node!r}")
        id = parent + form.format(self._unused(kind, place, known))
        known.add(id, part.refId, part.props, path)
        observed = _TYPE if kind == "sensor" else None
        self._plan.changes.append(Draft(kind, id, _TYPE, part.props, parent, observed, part.refId))
        return id

    def _change(self, kind: Kind, part: SensorPart, known: "_Known", path: str) -> str:
        id = known.find(part, path)
        if part.changeState == "update":
            self._plan.changes.append(Edit(kind, id, part.props))
            known.change(id, part.props)
            if _TEMPLATE in part.props:
                self._expect_template(kind, known.props(id), path)
        elif part.changeState is None and part.props:
            raise InvalidRequest.at(f"{path}.props", "needs changeState update: without it nothing is changed")
        elif part.changeState == "remove":
            self._plan.changes.append(Removal(kind, id, below=True))
            known.drop(id)
        return id

    def _expect_template(self, kind: Kind, props: Mapping[str, Any], path: str) -> None:
        template = props.get(_TEMPLATE)
        if not isinstance(template, str) or template not in _TEMPLATES[kind]:
            raise _Refused(_NO_TYPE, self._status)
        if template == _GENERIC and not any(props.get(name) for name in declared.METRICS):
            raise InvalidRequest.at(f"{path}.props", f"a {_GENERIC} needs {' or '.join(declared.METRICS)}")

    def _known(self, kind: Kind, parent: str | None) -> "_Known":
        found = _Known()
        for entity in self._engine.children(kind, [parent], project=self._project) if parent else ():
            found.add(entity.id, entity.ref_id, entity.props)
        return found

    def _unused(self, kind: Kind, place: tuple[str, str], known: "_Known") -> str:
        """Six hexadecimal digits, as the document's ids have them, with which nothing known is named."""
        while True:
            digits = secrets.token_hex(3).upper()
            id = place[0] + place[1].format(digits)
            if id not in known:
                self._plan.new.setdefault(kind, []).append(id)
                return digits

    def _expect_nothing(self, parts: Sequence[object], path: str) -> None:
        if parts:
            raise InvalidRequest.at(path, "must be absent: what is removed goes with all that is below it")


class _Known:
    """Devices of a connection or sensors of a device: those that are there, and those of the request so far."""

    def __init__(self) -> None:
        self._props: dict[str, Mapping[str, Any]] = {}
        self._by_ref: dict[str, list[str]] = {}

    def add(self, id: str, ref: str | None, props: Mapping[str, Any], path: str | None = None) -> None:
        """Take one in; with `path` it is new, and its refId must be."""
        if path is not None and ref is not None and self._by_ref.get(ref):
            raise Exists(f"{path}.refId: {ref!r} is taken", field=f"{path}.refId", seen=ref)
        self._props[id] = props
        if ref is not None:
            self._by_ref.setdefault(ref, []).append(id)

    def __contains__(self, id: str) -> bool:
        return id in self._props

    def drop(self, id: str) -> None:
        """Leave one out that is gone now: what follows may be made under its refId."""
        del self._props[id]
        for ids in self._by_ref.values():
            if id in ids:
                ids.remove(id)

    def change(self, id: str, props: Mapping[str, Any]) -> None:
        """Merge props into those of one that is known."""
        self._props[id] = {**self._props[id], **props}

    def props(self, id: str) -> Mapping[str, Any]:
        """Return the props that one then has; None where one is taken away."""
        return self._props[id]

    def find(self, part: SensorPart, path: str) -> str:
        """Return the id of the one that is meant, by its own or by the refId it was made with."""
        if part.id is not None:
            if part.id not in self._props:
                raise NotFound(f"{path}.id: there is no {part.id!r} here", field=f"{path}.id", seen=part.id)
            if part.refId is not None and part.id not in self._by_ref.get(part.refId, []):
                raise InvalidRequest.at(f"{path}.refId", f"{part.refId!r} is not the refId of {part.id!r}")
            return part.id
        if part.refId is None:
            raise InvalidRequest.at(path, "needs id or refId, or changeState new")
        found = self._by_ref.get(part.refId, [])
        if len(found) != 1:
            said = f"{len(found)} have" if found else "none has"
            raise NotFound(f"{path}.refId: {said} {part.refId!r} here", field=f"{path}.refId", seen=part.refId)
        return found[0]


def integrate(received: Received[InProject, bytes]) -> Response:
    """Make, change and remove a connection's devices and sensors; all, or nothing."""
    project, by = received.project, received.session.author
    asked = decode(lenient(received.body), Integrate).integration
    planner = _Planner(received.engine, project, asked)
    try:
        # Planned within the transaction: whether a refId is free and what is there cannot change in between.
        received.engine.apply(lambda: planner.plan().changes, by=by, project=project)
    except _Refused as refused:
        refusal: Refusal = {"error": {"code": _CODE, "message": str(refused)}}
        return answer_json(refusal, refused.status)
    plan = planner.planned
    return answer_json(_shown(received.engine, project, plan.node, plan.shown))


def get_integration(received: Received[InProject, None]) -> Integrated:
    """Show a connection with all its devices and sensors; its id may begin with one slash or two."""
    engine, project, id = received.engine, received.project, found(received, "node").id
    below: dict[str, list[str]] = {device.id: [] for device in engine.children("device", [id], project=project)}
    for sensor in engine.children("sensor", list(below), project=project):
        below[sensor.parent or ""].append(sensor.id)
    return _shown(engine, project, id, list(below.items()))


def post_integration(received: Received[InProject, None]) -> Integrated:
    """Show a connection, as the printed requests ask for it."""
    return get_integration(received)


def _shown(engine: Engine, project: str, node: str, devices: Sequence[tuple[str, list[str]]]) -> Integrated:
    """Return a connection as printed; what is gone, by this request or another since, is left out."""
    nodes = _printed(engine, "node", [node], project)
    made = _printed(engine, "device", [device for device, _ in devices], project)
    sensors = _printed(engine, "sensor", [id for _, ids in devices for id in ids], project)
    below: list[DeviceBelow] = [
        {"device": made[device], "sensors": [sensors[id] for id in ids if id in sensors]}
        for device, ids in devices
        if device in made
    ]
    return {"integration": {"node": nodes[node], "devices": below} if nodes else {"devices": below}}


def _printed(engine: Engine, kind: Kind, ids: Sequence[str], project: str) -> dict[str, Printed]:
    wires = wired(engine, engine.entities(kind, ids, project=project)) if ids else []
    return {each["id"]: _entity(each) for each in wires}


def _entity(wire: Mapping[str, Any]) -> Printed:
    props = {name: value for name, value in wire["props"].items() if name not in _UNPRINTED}
    props |= {name: _date(props[name]) for name in ("CREATION_DATE", "LAST_MODIFIED_DATE")}
    shape: Printed = {"props": props, "id": wire["id"], "type": wire["type"]}
    if "observationType" in wire:
        shape["observationType"] = wire["observationType"]
    if "device" in wire:
        shape["device"] = wire["device"]
    return shape


def _date(text: str) -> str:
    """`2024-03-05T10:27:22.553+00:00`, as this service prints dates."""
    return text.removesuffix("Z")[: len("2024-03-05T10:27:22.553")] + "+00:00"


_INTEGRATED = Answer("The connection, and what is now of what was asked for.", {JSON: Integrated})
_REFUSED = Answer("No connection, or no template.", {JSON: Refusal})

ROUTES = [
    route(
        "/api/integrations/integrate", integrate, "writer", method="POST", takes={JSON: Integrate},
        answers={200: _INTEGRATED, 422: _REFUSED}, refusals=(404, 409),
    ),
    route("/api/integrations/{id:path}", get_integration, refusals=(404,)),
    route("/api/integrations/{id:path}", post_integration, method="POST", refusals=(404,)),
]  # fmt: skip
