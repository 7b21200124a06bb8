"""The rows of the method table that subscribe: what they hand to the connection, and what they answer."""

from typing import Any

import pytest
from tests.api.calling import connected, messages, request
from tests.api.site import START, THERMOMETER, Site

DATA = {"sensors": [THERMOMETER], "metric": "T", "unit": "F"}


@pytest.mark.parametrize("id", [7, "7", 0, -1, 1.5, "", "née"])
def test_the_subscription_has_the_id_of_its_request(site: Site, id: Any) -> None:
    """As it came, type and all."""
    session, noted = connected(site.engine)
    (answered,) = messages(session, request("subscribeData", DATA, id))
    assert answered == {"jsonrpc": "2.0", "id": id, "result": {"subscriptionId": id}}
    assert type(answered["result"]["subscriptionId"]) is type(id)
    assert len(noted.calls) == 1


def test_an_id_is_echoed_digit_by_digit(site: Site) -> None:
    """The connection gets its text, not its value."""
    session, noted = connected(site.engine)
    text = b'{"jsonrpc":"2.0","id":12345678901234567890123,"method":"subscribeSensors"}'
    assert messages(session, text)[0]["result"] == {"subscriptionId": 12345678901234567890123}
    assert noted.calls == [(b"12345678901234567890123", "sensor", None, site.engine.project().id)]


def test_what_is_subscribed_is_what_was_asked_for(site: Site) -> None:
    """Sensors, metric, unit and parameters of data; the kind and ids of entities; the project of all."""
    session, noted = connected(site.engine)
    home, zero = site.engine.project().id, {"ZERO_DATE": {"value": START}}
    messages(session, request("subscribeData", DATA | {"params": zero, "projectIds": [home]}))
    messages(session, request("subscribeNodes", {"nodes": ["/a/node"]}, 2))
    messages(session, request("subscribeDevices", {}, "x"))
    assert noted.calls == [
        (b"1", [THERMOMETER], "T", "F", zero, home),
        (b"2", "node", ["/a/node"], home),
        (b'"x"', "device", None, home),
    ]


@pytest.mark.parametrize("what", ["Data", "Nodes", "Devices", "Sensors"])
def test_unsubscribing_names_what_and_which(site: Site, what: str) -> None:
    """`{"unsubscribed": true}`, whatever the id of the request."""
    session, noted = connected(site.engine)
    (answered,) = messages(session, request(f"unsubscribe{what}", {"id": "née"}, 3))
    assert answered["result"] == {"unsubscribed": True}
    assert noted.calls == [({"Data": "data"}.get(what, what.lower()[:-1]), b'"n\\u00e9e"')]


@pytest.mark.parametrize("id", [None, [], {}, True])
def test_what_cannot_be_an_id_is_none_of_a_subscription(site: Site, id: Any) -> None:
    """-32602 naming it."""
    session, noted = connected(site.engine)
    error = messages(session, request("unsubscribeData", {"id": id}))[0]["error"]
    assert (error["code"], error["data"]["field"], noted.calls) == (-32602, "id", [])


def test_without_an_id_there_is_no_subscription(site: Site) -> None:
    """A null id is refused; a notification is ignored, as all errors of notifications are."""
    session, noted = connected(site.engine)
    error = messages(session, request("subscribeData", DATA, None))[0]["error"]
    assert (error["code"], error["data"]["field"]) == (-32600, "id")
    assert messages(session, {"jsonrpc": "2.0", "method": "subscribeData", "params": DATA}) == []
    assert noted.calls == []


def test_a_batch_may_subscribe(site: Site) -> None:
    """In the order of its requests."""
    session, noted = connected(site.engine)
    batch = [request("subscribeSensors", id=1), request("unsubscribeSensors", {"id": 1}, 2)]
    assert [each["result"] for each in messages(session, batch)[0]] == [{"subscriptionId": 1}, {"unsubscribed": True}]
    assert [call[0] for call in noted.calls] == [b"1", "sensor"]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        (DATA | {"sensors": []}, "sensors"),
        (DATA | {"sensors": "x"}, "sensors"),
        ({"sensors": [THERMOMETER], "unit": "F"}, "metric"),
        (DATA | {"startDate": START}, "startDate"),
    ],
)
def test_params_are_checked_before_anything_is_subscribed(site: Site, params: Any, field: str) -> None:
    """-32602 naming the field."""
    session, noted = connected(site.engine)
    error = messages(session, request("subscribeData", params))[0]["error"]
    assert (error["code"], error["data"]["field"], noted.calls) == (-32602, field, [])
