"""Connections, devices and sensors in one request, as seed 003's Sensor Data Service prints it and beyond."""

import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.api.service_samples import ASSET, Sample, answer, holds, masked
from tests.api.site import Site

URL = "/api/integrations/integrate"
LANGUAGES = ("curl", "fetch", "python")
SIMPLE = Sample("Create Connection, Device(s), and Sensor(s)")
ADVANCED = Sample("Advanced Device(s), and Sensor(s) Creation")
GENERIC = {"INTEGRATION_ID": "GENERIC_SENSOR_SDE", "UNKNOWN_METRICS": {"0": "abc"}, "UNKNOWN_UNITS": {"0": "abcUnit"}}
TYPED = {"INTEGRATION_ID": "GENERIC_SENSOR_SDE"}
DEVICE = {"INTEGRATION_ID": "IMPORT_DEVICE_SDE", "NAME": "Device-1"}
SCOPES = "sensor-data:modify sensor-data:read users:read itwins:read itwins:modify"
SERVERS = {"OBSERVATION_COUNT", "CREATION_DATE", "LAST_MODIFIED_DATE", "LAST_MODIFIED_BY", "PROJECT_ID", "SIZE"}
"""Props that the server sets."""
CODE = "InvalidProcessIntegrationRequest"
NO_NODE = {"code": CODE, "message": "Cannot process integration ensure the provided nodeId is valid."}


@pytest.fixture(scope="module", autouse=True)
def asset(site: Site) -> str:
    """The printed asset: a project under that iTwin id."""
    return site.engine.create_project("Asset", ASSET).id


@pytest.fixture(scope="module")
def token(site: Site, asset: str) -> str:
    """A token of a service application of that project, with the scopes that the document asks for."""
    client = site.engine.keys.create_client("maker", SCOPES, asset)
    granted = site.http(None).post("/connect/token", data={"grant_type": "client_credentials", **client}).json()
    found: str = granted["access_token"]
    return found


def post(site: Site, integration: Mapping[str, Any], role: str = "writer") -> Any:
    """Integrate in the default project; status and body."""
    told = site.http(role).post(URL, json={"integration": integration})
    return told.status_code, told.json()


def made(site: Site, *devices: Mapping[str, Any]) -> Any:
    """Make a connection with devices; its node's id and what was answered of each device."""
    status, body = post(site, {"changeState": "new", "devices": list(devices)})
    assert status == 200, body
    return body["integration"]["node"]["id"], body["integration"]["devices"]


def new(ref: str | None = None, **more: Any) -> dict[str, Any]:
    """A new generic sensor."""
    return {"changeState": "new", "refId": ref, "props": GENERIC} | more


def new_device(ref: str | None = None, *sensors: Mapping[str, Any]) -> dict[str, Any]:
    """A new device with sensors."""
    return {"changeState": "new", "refId": ref, "props": DEVICE, "sensors": list(sensors)}


def shown(site: Site, node: str) -> Any:
    """The connection as it is now."""
    return site.http("writer").get(f"/api/integrations/{node}").json()["integration"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_simple_request_as_printed(site: Site, token: str, language: str) -> None:
    """A connection, a device and two sensors; ids, dates and all that is printed of them."""
    status, told = SIMPLE.send(language, site.url, token, {})
    assert status == 200
    holds(masked(told), masked(answer("Example response (200 OK)")))
    assert list(told) == ["integration"]
    node = told["integration"]["node"]
    assert node["id"] == f"/api/{node['props']['SERIAL_NO']}/node"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_advanced_request_as_printed(site: Site, token: str, asset: str, language: str) -> None:
    """A device and a sensor below a connection that is there; the body that curl prints has commas to spare."""
    node = f"/api/B0885{LANGUAGES.index(language)}/node"
    printed = answer("Example Response (200 Created):")["integration"]
    props = {name: value for name, value in printed["node"]["props"].items() if name not in SERVERS}
    site.engine.create_entity("node", node, "DYNAMIC", props, project=asset)
    status, told = ADVANCED.send(language, site.url, token, {"/api/B08851/node": node, "<Your asset id>": ASSET})
    assert status == 200
    device, sensor = printed["devices"][0]["device"], printed["devices"][0]["sensors"][0]
    if language == "curl":
        device["props"]["SERIAL_NO"] = "{{$guid}}"  # its refId, as that request has it
    else:
        for shape in (device, sensor):  # those requests have no blanks in them
            shape["props"] |= {name: shape["props"][name].replace(" ", "") for name in ("NAME", "NOTES")}
    sensor["props"]["SERIAL_NO"] = "1234"  # as asked for; printed is the refId, as if none had been given
    holds(masked(told), masked({"integration": printed}))


def test_refusals_as_printed(site: Site) -> None:
    """Without INTEGRATION_ID 400, or 422 below a connection; without a connection, or one that is none, 422."""
    untyped = {"changeState": "new", "props": {"NAME": "Device-1"}}
    printed = answer("Example response (400 Bad Request)")
    assert post(site, {"changeState": "new", "devices": [untyped]}) == (400, printed)
    node, _ = made(site, new_device())
    assert post(site, {"nodeId": node, "devices": [untyped]}) == (422, printed)
    unknown = {"changeState": "new", "props": {"INTEGRATION_ID": "NOT_A_TEMPLATE"}}
    assert post(site, {"nodeId": node, "devices": [unknown]}) == (422, printed)
    assert printed == answer("Example Response (402 Unprocessable Entity ):", 1)
    assert answer("Example Response (402 Unprocessable Entity ):") == {"error": NO_NODE}
    for integration in ({"devices": [new_device()]}, {"nodeId": "/api/000000/node", "devices": []}):
        assert post(site, integration) == (422, {"error": NO_NODE})


@pytest.mark.parametrize("template", [None, "NOT_A_TEMPLATE", 5, "NODE_API_SDE"])
def test_a_template_is_not_taken_away(site: Site, template: object) -> None:
    """Of a device or sensor that is there it can be changed for another one alone, in the words for what is new."""
    node, _ = made(site, new_device("d", new("s")))
    before, printed = shown(site, node), answer("Example Response (402 Unprocessable Entity ):", 1)
    props = {"INTEGRATION_ID": template}
    change = {"changeState": "update", "props": props}
    assert post(site, {"nodeId": node, "devices": [{**change, "refId": "d"}]}) == (422, printed)
    below = {"refId": "d", "sensors": [{**change, "refId": "s"}]}
    assert post(site, {"nodeId": node, "devices": [below]}) == (422, printed)
    assert shown(site, node) == before


def test_a_sensor_may_get_another_template(site: Site) -> None:
    """Any that there is; a generic one must then declare its metrics, as a new one."""
    typed = {"INTEGRATION_ID": "TEMPERATURE_SDE"}
    node, _ = made(site, new_device("d", new("s"), new("t", props=typed)))
    change = {"changeState": "update", "refId": "s", "props": typed}
    assert post(site, {"nodeId": node, "devices": [{"refId": "d", "sensors": [change]}]})[0] == 200
    change = {"changeState": "update", "refId": "t", "props": TYPED}
    status, told = post(site, {"nodeId": node, "devices": [{"refId": "d", "sensors": [change]}]})
    assert (status, told["error"]["field"]) == (400, "integration.devices[0].sensors[0].props")


def test_a_reader_and_a_stranger_are_refused(site: Site) -> None:
    """403 for a key that may only read, 401 as printed without one."""
    assert post(site, {"changeState": "new"}, "reader")[0] == 403
    status, body = site.http(None).post(URL, json={}).status_code, site.http(None).post(URL, json={}).json()
    assert (status, body["errors"][0]["path"]) == (401, "Authorization")


def test_new_changed_and_removed_in_one_request(site: Site) -> None:
    """By refId and by id, several devices and sensors, and the connection itself; afterwards that is what is there."""
    node, devices = made(site, new_device("d1", new("a"), new("b")), new_device("d2", new("c")), new_device("d3"))
    ids = [each["device"]["id"] for each in devices]
    (a, b), (c,) = ([sensor["id"] for sensor in each["sensors"]] for each in devices[:2])
    changes = [
        {"refId": "d1", "sensors": [
            {"changeState": "update", "refId": "a", "props": {"NAME": "renamed", "NOTES": None}},
            {"changeState": "remove", "id": b},
            new("b"),
        ]},
        {"changeState": "update", "id": ids[1], "props": {"NAME": "D 2"}, "sensors": [{"id": c}]},
        {"changeState": "remove", "refId": "d3"},
        new_device("d4", new("a")),
    ]  # fmt: skip
    asked = {"nodeId": node, "changeState": "update", "props": {"NOTES": "moved"}, "devices": changes}
    status, body = post(site, asked)
    assert status == 200, body
    told = body["integration"]
    assert told["node"]["props"]["NOTES"] == "moved"
    assert [each["device"]["id"] for each in told["devices"][:2]] == ids[:2]
    first = told["devices"][0]["sensors"][0]
    assert (first["id"], first["props"]["NAME"], "NOTES" in first["props"]) == (a, "renamed", False)
    assert told["devices"][1]["device"]["props"]["NAME"] == "D 2"
    now = shown(site, node)
    by_id = {each["device"]["id"]: [sensor["id"] for sensor in each["sensors"]] for each in now["devices"]}
    assert by_id == {each["device"]["id"]: sorted(s["id"] for s in each["sensors"]) for each in told["devices"]}
    assert ids[2] not in by_id
    assert not any(b in sensors for sensors in by_id.values())


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "no such id": ({"changeState": "update", "id": "/x"}, 404, "integration.devices[1].id"),
    "no such ref": ({"changeState": "remove", "refId": "x"}, 404, "integration.devices[1].refId"),
    "nothing said": ({"changeState": "update"}, 400, "integration.devices[1]"),
    "ref taken": ({"changeState": "new", "refId": "taken", "props": DEVICE}, 409, "integration.devices[1].refId"),
    "ref twice": ({"changeState": "new", "refId": "first", "props": DEVICE}, 409, "integration.devices[1].refId"),
    "own id": ({"changeState": "new", "id": "/x", "props": DEVICE}, 400, "integration.devices[1].id"),
    "another word": ({"changeState": "old"}, 400, "integration.devices[1].changeState"),
    "no metrics": (
        new_device(None, new(props={"INTEGRATION_ID": "GENERIC_SENSOR_SDE"})),
        400,
        "integration.devices[1].sensors[0].props",
    ),
    "no unit": (
        new_device(None, new(props=GENERIC | {"UNKNOWN_UNITS": {}})),
        400,
        "integration.devices[1].sensors[0].props.UNKNOWN_METRICS.0",
    ),
    "unit of nothing": (
        new_device(None, new(props=GENERIC | {"KNOWN_UNITS": {"7": "mm"}})),
        400,
        "integration.devices[1].sensors[0].props.KNOWN_UNITS.7",
    ),
    "no known unit": (
        new_device(None, new(props=GENERIC | {"UNKNOWN_UNITS": {}, "KNOWN_UNITS": {"0": "furlong"}})),
        400,
        "integration.devices[1].sensors[0].props.KNOWN_UNITS.0",
    ),
    "index twice": (
        new_device(None, new(props=GENERIC | {"KNOWN_METRICS": {"0": "f"}})),
        400,
        "integration.devices[1].sensors[0].props.UNKNOWN_METRICS.0",
    ),
    "no index": (
        new_device(None, new(props=GENERIC | {"UNKNOWN_METRICS": {"first": "abc"}})),
        400,
        "integration.devices[1].sensors[0].props.UNKNOWN_METRICS.first",
    ),
    "no known metric": (
        new_device(None, new(props=GENERIC | {"UNKNOWN_METRICS": {}, "KNOWN_METRICS": {"0": "bogus"}})),
        400,
        "integration.devices[1].sensors[0].props.KNOWN_METRICS.0",
    ),
    "a unit of something else": (
        new_device(None, new(props=TYPED | {"KNOWN_METRICS": {"0": "T"}, "KNOWN_UNITS": {"0": "mm"}})),
        400,
        "integration.devices[1].sensors[0].props.KNOWN_UNITS.0",
    ),
    "metric twice": (
        new_device(
            None, new(props=TYPED | {"UNKNOWN_METRICS": {"0": "a", "1": "a"}, "KNOWN_UNITS": {"0": "m", "1": "m"}})
        ),
        400,
        "integration.devices[1].sensors[0].props.UNKNOWN_METRICS.1",
    ),
    "props for nothing": ({"refId": "taken", "props": {"NAME": "x"}}, 400, "integration.devices[1].props"),
    "below another node": (
        {"changeState": "new", "props": DEVICE | {"NODE_ID": "/api/000000/node"}},
        400,
        "integration.devices[1].props.NODE_ID",
    ),
    "a list": (
        new_device(None, new(props=GENERIC | {"UNKNOWN_UNITS": ["mm"]})),
        400,
        "integration.devices[1].sensors[0].props.UNKNOWN_UNITS",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_all_or_nothing(site: Site, name: str) -> None:
    """Whatever is wrong with the second device, nothing of the first is made; the field is named."""
    bad, expected, field = BAD[name]
    node, _ = made(site, new_device("taken"))
    before = shown(site, node)
    status, body = post(site, {"nodeId": node, "devices": [new_device("first", new()), bad]})
    assert (status, body["error"]["field"]) == (expected, field), body
    assert shown(site, node) == before


def test_made_and_removed_in_one_request(site: Site) -> None:
    """What is gone at the end is not shown, whatever was done to it before."""
    node, _ = made(site, new_device("d", new("s")))
    removed = {"changeState": "remove"}
    below = {"refId": "d", "sensors": [new("t"), {"refId": "t", **removed}, {"refId": "s", **removed}]}
    devices = [below, new_device("e", new("u")), {"changeState": "remove", "refId": "e"}]
    status, body = post(site, {"nodeId": node, "devices": devices})
    assert status == 200, body
    assert [each["sensors"] for each in body["integration"]["devices"]] == [[]]
    now = shown(site, node)
    assert now == body["integration"]


def test_an_id_and_a_ref_id_of_two(site: Site) -> None:
    """400, and neither is changed; together with its own refId an id is fine."""
    node, (device,) = made(site, new_device("d", new("a"), new("b")))
    a = device["sensors"][0]["id"]
    change = {"changeState": "update", "id": a, "refId": "b", "props": {"NAME": "x"}}
    before = shown(site, node)
    status, body = post(site, {"nodeId": node, "devices": [{"refId": "d", "sensors": [change]}]})
    assert (status, body["error"]["field"]) == (400, "integration.devices[0].sensors[0].refId")
    assert shown(site, node) == before
    status, body = post(site, {"nodeId": node, "devices": [{"refId": "d", "sensors": [change | {"refId": "a"}]}]})
    assert (status, body["integration"]["devices"][0]["sensors"][0]["props"]["NAME"]) == (200, "x")


def test_a_ref_id_is_given_once(site: Site) -> None:
    """Also when many ask for it at the same moment: to one of them it is given, for the others it is taken."""
    node, _ = made(site)
    for number in range(5):
        with ThreadPoolExecutor(8) as pool:
            asked = {"nodeId": node, "devices": [new_device(f"d{number}", new("s"))]}
            statuses = list(pool.map(lambda _, asked=asked: post(site, asked)[0], range(16)))
        assert sorted(statuses) == [200] + [409] * 15
    assert len(shown(site, node)["devices"]) == 5


def test_what_is_declared_changes_with_what_is_there(site: Site) -> None:
    """The unit of a metric that the sensor has may be set alone; one of a metric that it has not is refused."""
    node, (device,) = made(site, new_device("d", new("s")))
    sensor = device["sensors"][0]["id"]
    for units, expected in (({"0": "bar"}, 200), ({"0": "bar", "1": "bar"}, 400)):
        change = {"changeState": "update", "refId": "s", "props": {"UNKNOWN_UNITS": units}}
        assert post(site, {"nodeId": node, "devices": [{"refId": "d", "sensors": [change]}]})[0] == expected
    told = site.http().post("/api/sensors/metrics?filters=raw", json={"ids": [sensor]}).json()
    assert [each["defaultUnit"] for each in told["metricsBySensor"][sensor]] == ["bar"]


def test_metrics_stand_in_the_order_of_their_indexes(site: Site) -> None:
    """Whatever order the body has them in, known ones or not."""
    props = TYPED | {
        "UNKNOWN_METRICS": {"10": "k", "2": "c"}, "KNOWN_METRICS": {"3": "f"}, "KNOWN_UNITS": {"3": "Hz"},
        "UNKNOWN_UNITS": {"2": "u", "10": "u"},
    }  # fmt: skip
    _, (device,) = made(site, new_device(None, new(props=props)))
    sensor = device["sensors"][0]["id"]
    told = site.http().post("/api/sensors/metrics?filters=raw", json={"ids": [sensor]}).json()
    assert [each["id"] for each in told["metricsBySensor"][sensor]] == ["c", "f", "k"]


@pytest.mark.parametrize("number", range(3))
def test_printed_examples_of_generic_sensors(site: Site, number: int) -> None:
    """Unknown and known metrics and units by index; what is declared is what can be uploaded and read back."""
    below = (
        "Example of unknown metric",
        "Example known metric and known unit:",
        "Example unknown metric and known unit:",
    )
    printed = answer(below[number])
    _, ((device),) = made(site, new_device(None, printed))
    (sensor,) = device["sensors"]
    holds(sensor["props"], printed["props"])
    props = printed["props"]
    names = [*props.get("KNOWN_METRICS", {}).values(), *props.get("UNKNOWN_METRICS", {}).values()]
    units = [*props.get("KNOWN_UNITS", {}).values(), *props.get("UNKNOWN_UNITS", {}).values()]
    row = {"sensorId": sensor["id"], "timestamp": "2024-01-01T00:00:00.000Z", "values": dict.fromkeys(names, 2.5)}
    sent = site.http("writer").post("/api/data/upload", json={"observations": [row]})
    assert (sent.status_code, sent.json()) == (202, answer("Example Response (202 Accepted):"))
    for metric, unit in zip(names, units, strict=True):
        read = site.get("/api/data", sensor=sensor["id"], metric=metric, unit=unit)
        assert read.json()["data"] == {"2024-01-01T00:00:00.000Z": 2.5}


@pytest.fixture(scope="module")
def connection(site: Site, asset: str) -> Any:
    """The printed connection with its seven observations, as it should be shown."""
    printed = answer("Get Integrations")["integration"]
    by = printed["node"]["props"]["LAST_MODIFIED_BY"]

    def make(kind: Any, shape: Any) -> None:
        props = {name: value for name, value in shape["props"].items() if name not in SERVERS}
        observed = shape.get("observationType")
        site.engine.create_entity(
            kind, shape["id"], shape["type"], props, observation_type=observed, by=by, project=asset
        )

    make("node", printed["node"])
    for each in printed["devices"]:
        make("device", each["device"])
        for sensor in each["sensors"]:
            make("sensor", sensor)
    sensor, values = printed["devices"][0]["sensors"][0]["id"], {"Alignment_Left_SD": 0.23}
    rows = [{"sensorId": sensor, "timestamp": f"2024-02-2{day}T00:00:00.000Z", "values": values} for day in range(7)]
    site.engine.upload(rows, project=asset)
    return masked({"integration": printed}, serials=False)


@pytest.mark.parametrize("language", LANGUAGES)
def test_get_integrations_as_printed(site: Site, token: str, connection: Any, language: str) -> None:
    """All devices and sensors of a connection, by POST and with two slashes."""
    status, told = Sample("Get Integrations").send(language, site.url, token, {})
    assert status == 200
    holds(masked(told, serials=False), connection)


def test_a_connection_by_get_and_with_one_slash(site: Site) -> None:
    """The same answer; 404 for one that is not there, as for another project's."""
    node, _ = made(site, new_device("d", new("s")))
    answers = [site.get(f"/api/integrations/{id}") for id in (node, node[1:])]
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    for unknown in ("/api/000000/node", "/api/13DC2F/node"):
        told = site.get(f"/api/integrations/{unknown}")
        assert (told.status_code, told.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_a_connection_whose_id_is_no_path(site: Site) -> None:
    """What `nodeId` finds is found here too."""
    for id in ("plain", "//twice/node"):
        site.engine.create_entity("node", id, "THREAD")
        assert post(site, {"nodeId": id, "devices": [new_device("d")]})[0] == 200
        told = site.get(f"/api/integrations/{id}").json()["integration"]
        assert (told["node"]["id"], len(told["devices"])) == (id, 1)


def test_a_sensor_of_a_device_whose_id_is_no_path(site: Site) -> None:
    """It hangs on that device, wherever the device is."""
    site.engine.create_entity("node", "/no/path", "THREAD")
    site.engine.create_entity("device", "{box}", "DEMO", {"NODE_ID": "/no/path"})
    status, body = post(site, {"nodeId": "/no/path", "devices": [{"id": "{box}", "sensors": [new("s")]}]})
    assert (status, body["integration"]["devices"][0]["sensors"][0]["device"]) == (200, "{box}")
    assert shown(site, "/no/path") == body["integration"]


def test_digits_that_come_twice_in_one_request(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many sensors two are given the same six digits by chance: one of them gets others."""
    node, _ = made(site, new_device("d"))
    drawn, real = iter(["aaaaaa", "aaaaaa", "bbbbbb"]), secrets.token_hex
    monkeypatch.setattr(secrets, "token_hex", lambda size: next(drawn) if size == 3 else real(size))
    status, body = post(site, {"nodeId": node, "devices": [{"refId": "d", "sensors": [new(), new()]}]})
    assert status == 200, body
    sensors = body["integration"]["devices"][0]["sensors"]
    assert [each["id"].split("/")[-2] for each in sensors] == ["AAAAAA", "BBBBBB"]


def test_digits_that_are_taken(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """By something of that id that hangs elsewhere: others are drawn."""
    node, (device,) = made(site, new_device("d"))
    site.engine.create_entity("sensor", f"{device['device']['id']}/CCCCCC/sensor", "TEMPERATURE_SDE", parent="/else")
    drawn, real = iter(["cccccc", "dddddd"]), secrets.token_hex
    monkeypatch.setattr(secrets, "token_hex", lambda size: next(drawn) if size == 3 else real(size))
    status, body = post(site, {"nodeId": node, "devices": [{"refId": "d", "sensors": [new("s")]}]})
    assert status == 200, body
    assert [each["id"].split("/")[-2] for each in body["integration"]["devices"][0]["sensors"]] == ["DDDDDD"]


def test_a_connection_is_removed_with_all_below(site: Site) -> None:
    """Nothing of it is shown, found or uploaded to any more."""
    node, (device,) = made(site, new_device("d", new("s")))
    (sensor,) = device["sensors"]
    assert post(site, {"nodeId": node, "changeState": "remove"}) == (200, {"integration": {"devices": []}})
    assert site.get(f"/api/integrations/{node}").status_code == 404
    row = {"sensorId": sensor["id"], "timestamp": "2024-01-01T00:00:00.000Z", "values": {"abc": 1}}
    assert site.http("writer").post("/api/data/upload", json={"observations": [row]}).status_code == 404
