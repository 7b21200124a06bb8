"""JSON-RPC methods that keep a connection told (seed 003, Working With Entities and Subscribing to New Data).

A subscription has the id of the request that made it, and its updates come as results under that id. What is kept and
sent is the connection's affair: `Session.subscriptions`.
"""

from typing import Any, Literal, get_args

import msgspec

from tseng.errors import InvalidRequest
from tseng_api.described import words
from tseng_api.entity_methods import ProjectIds, renamed
from tseng_api.errors import InvalidCall
from tseng_api.messages import NULL, may_be_id
from tseng_api.rpc import Call, Method, Methods
from tseng_api.session import Subscriptions
from tseng_storage.entities import Kind

Subscribed = Literal["data", "node", "device", "sensor"]


class SubscribeData(msgspec.Struct, forbid_unknown_fields=True):
    """Of which sensors, and in what their new points are told."""

    sensors: list[str]
    metric: str
    unit: str
    params: dict[str, Any] | None = None
    projectIds: ProjectIds = None


class Subscribe(msgspec.Struct, forbid_unknown_fields=True):
    """Which entities; without ids all of the project, those to come too."""

    ids: list[str] | None = None
    projectIds: ProjectIds = None


class Unsubscribe(msgspec.Struct, forbid_unknown_fields=True):
    """The subscriptionId."""

    id: msgspec.Raw


class Subscription(msgspec.Struct):
    """The id of the request, as it came."""

    subscriptionId: msgspec.Raw


class Unsubscribed(msgspec.Struct):
    """No update comes any more."""

    unsubscribed: Literal[True]


_FIRST = f"{words(Subscription)}, the id of the request; then, at every change, "
_POINTS = (
    _FIRST + '{"sensor": string, "data": {time: number or null}}, or {"sensor": string, "lagged": what was missed}'
)
_ENTITIES = _FIRST + '{"data": the entity}'


def subscription_methods() -> Methods:
    """Return subscribe and unsubscribe of data and of each kind of entity."""
    made = {"subscribeData": Method(subscribe_data, SubscribeData, _POINTS, live=True)}
    for what in get_args(Subscribed):
        name = "Data" if what == "data" else f"{what.capitalize()}s"
        made[f"unsubscribe{name}"] = Method(_unsubscribe(what), Unsubscribe, Unsubscribed, live=True)
        if what != "data":
            params = renamed(Subscribe, "ids", f"{what}s")
            made[f"subscribe{name}"] = Method(_subscribe(what), params, _ENTITIES, live=True)
    return made


def subscribe_data(call: Call, params: SubscribeData) -> Subscription:
    """Be told new points of sensors in the metric and unit asked for; late and corrected ones too."""
    if not params.sensors:
        raise InvalidRequest.at("sensors", "must not be empty")
    project = call.session.project(params.projectIds)
    _kept(call).add_data(call.id, params.sensors, params.metric, params.unit, params.params, project)
    return Subscription(msgspec.Raw(call.id))


def _subscribe(kind: Kind) -> Any:
    def subscribe(call: Call, params: Subscribe) -> Subscription:
        """Be told of every change of these entities; no ids means all, those to come too."""
        _kept(call).add_entities(call.id, kind, params.ids, call.session.project(params.projectIds))
        return Subscription(msgspec.Raw(call.id))

    return subscribe


def _unsubscribe(what: Subscribed) -> Any:
    def unsubscribe(call: Call, params: Unsubscribe) -> Unsubscribed:
        """End a subscription by the id that subscribing has returned."""
        id = bytes(params.id)
        if id == NULL or not may_be_id(id):
            raise InvalidRequest.at("id", "must be a number or a string: the subscriptionId")
        assert call.session.subscriptions is not None
        call.session.subscriptions.remove(what, id)
        return Unsubscribed(True)

    return unsubscribe


def _kept(call: Call) -> Subscriptions:
    """Where the connection keeps what is subscribed under this call's id.

    Raises:
        InvalidCall: there is no id to send updates under.
    """
    if call.id in (b"", NULL):
        raise InvalidCall("a subscription needs an id: its updates come under it", field="id")
    assert call.session.subscriptions is not None
    return call.session.subscriptions
