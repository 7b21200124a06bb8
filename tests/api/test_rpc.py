"""JSON-RPC 2.0 over `POST /api/rpc`: ids, batches, notifications and errors as the specification defines them."""

from typing import Any

import pytest
from tests.api.site import Site


def _call(id: Any = 1, method: str = "time", **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "id": id, **more}


@pytest.mark.parametrize("id", ["2", 2, 0, -7, "", "née", None])
def test_an_id_comes_back_as_it_was_sent(site: Site, id: Any) -> None:
    """`"2"` answers `"2"`, and null is an id too."""
    answer = site.frame(_call(id)).json()
    assert answer["id"] == id
    assert type(answer["id"]) is type(id)
    assert answer["jsonrpc"] == "2.0"
    assert set(answer["result"]) == {"time"}


def test_a_number_comes_back_digit_by_digit(site: Site) -> None:
    """An id beyond float64, and one with a decimal point, are echoed byte for byte."""
    for id in ("12345678901234567890123", "1.0", "1e2"):
        body = '{"jsonrpc":"2.0","method":"time","id":' + id + "}"
        assert f'"id":{id},' in site.http().post("/api/rpc", content=body).text


def test_a_batch_is_answered_in_one_array(site: Site) -> None:
    """Each request has its answer, a bad one its error; notifications have none."""
    batch = [_call(1), {"jsonrpc": "2.0", "method": "time"}, _call("b", "nothing"), 7, {"foo": "bar"}, _call(3)]
    answers = site.frame(batch).json()
    assert [(each["id"], each.get("error", {}).get("code")) for each in answers] == [
        (1, None),
        ("b", -32601),
        (None, -32600),
        (None, -32600),
        (3, None),
    ]


def test_an_empty_batch_is_one_error(site: Site) -> None:
    """The specification answers it with a single object, not an array."""
    answer = site.frame([]).json()
    assert (answer["id"], answer["error"]["code"]) == (None, -32600)


def test_a_batch_has_a_limit(site: Site) -> None:
    """A thousand requests are answered; one more, whatever it is, is -32600 in a single error."""
    assert len(site.frame([_call(1)] * 1000).json()) == 1000
    for frame in ([_call(1)] * 1001, [1] * 100_000):
        answer = site.frame(frame).json()
        assert (answer["id"], answer["error"]["code"], answer["error"]["data"]["field"]) == (None, -32600, "body")


@pytest.mark.parametrize("method", ["time", "nothing", "createSensor"])
def test_notifications_get_no_answer(site: Site, method: str) -> None:
    """Not even an error, alone or in a batch."""
    notification = {"jsonrpc": "2.0", "method": method}
    for frame in (notification, [notification, notification]):
        answer = site.frame(frame)
        assert (answer.status_code, answer.content) == (204, b"")


def test_a_notification_is_carried_out(site: Site) -> None:
    """It has no answer, but an effect."""
    params = {"sensor": "/fn/AA/node/x/BB/device/quiet/sensor", "type": "TEMPERATURE_SDE"}
    site.frame({"jsonrpc": "2.0", "method": "createSensor", "params": params})
    assert len(site.rpc("getSensors", {"sensors": [params["sensor"]]})) == 1


@pytest.mark.parametrize("body", [b"", b"{", b'{"jsonrpc":"2.0",}', b"\xff\xfe", b"[" * 100_000, b"nonsense"])
def test_what_is_no_json_is_a_parse_error_with_status_400(site: Site, body: bytes) -> None:
    """-32700 with the id null."""
    answer = site.http().post("/api/rpc", content=body)
    assert answer.status_code == 400
    assert (answer.json()["id"], answer.json()["error"]["code"]) == (None, -32700)


@pytest.mark.parametrize(
    ("frame", "id", "field"),
    [
        ({"method": "time", "id": 4}, 4, "jsonrpc"),
        ({"jsonrpc": "1.0", "method": "time", "id": 4}, 4, "jsonrpc"),
        ({"jsonrpc": "2.0", "id": "x"}, "x", "method"),
        ({"jsonrpc": "2.0", "method": 1, "id": 4}, 4, "method"),
        ({"jsonrpc": "2.0", "method": "time", "id": {}}, None, "id"),
        ({"jsonrpc": "2.0", "method": "time", "id": True}, None, "id"),
        ({"jsonrpc": "2.0", "method": "time", "id": []}, None, "id"),
        ({"jsonrpc": "2.0", "method": "time", "id": "x" * 1023}, None, "id"),
        ("time", None, "body"),
        (5, None, "body"),
    ],
)
def test_what_is_no_request_is_an_invalid_request(site: Site, frame: Any, id: Any, field: str) -> None:
    """-32600 with the id where it can be made out, and status 200: the JSON was sound."""
    answer = site.frame(frame)
    assert answer.status_code == 200
    assert answer.json()["id"] == id
    assert answer.json()["error"]["code"] == -32600
    assert answer.json()["error"]["data"]["field"] == field


def test_params_go_by_name(site: Site) -> None:
    """An array of params is -32602, absent and null params are none."""
    assert site.frame(_call(params=["a"])).json()["error"]["code"] == -32602
    assert "result" in site.frame(_call(params=None)).json()
    assert "result" in site.frame(_call()).json()


def test_subscriptions_need_a_connection(site: Site) -> None:
    """Over HTTP every subscribe and unsubscribe is -32600 with a plain message."""
    for verb in ("subscribe", "unsubscribe"):
        for what in ("Nodes", "Devices", "Sensors", "Data"):
            error = site.rpc(f"{verb}{what}", {"sensors": []})
            assert error["code"] == -32600
            assert "WebSocket" in error["message"]


def test_reading_is_for_readers_and_writing_for_writers(site: Site) -> None:
    """-32003 names the role that is missing; status stays 200."""
    params = {"sensor": "/x/device/y/sensor", "type": "TEMPERATURE_SDE"}
    answer = site.frame(_call(9, "createSensor", params=params), role="reader")
    assert answer.status_code == 200
    assert answer.json()["error"]["code"] == -32003
    assert "writer" in answer.json()["error"]["message"]
    assert site.rpc("getSensors", {"sensors": [params["sensor"]]}) == []
