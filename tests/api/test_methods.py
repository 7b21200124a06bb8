"""JSON-RPC methods in the shapes that seed 003 prints."""

from typing import Any

import msgspec
import pytest
from tests.api.calling import connected, messages, request
from tests.api.site import READINGS, START, THERMISTOR, THERMOMETER, WATER, Site

from tseng_api.methods import METHODS

# Two accents of the printed ids: the word before /node differs, the rest is a path.
NODE = {
    "node": "/fn/02DDXX/node",
    "type": "THREAD",
    "props": {"NAME": "Sample thread", "SERIAL_NO": "02DDXX", "VERSION": "v4_6"},
}
DEVICE = {
    "device": "/fn/02DDC5/node/demo/032432/device",
    "type": "DEMO",
    "props": {"NAME": "Demo device", "NODE_ID": "/fn/02DDC5/node"},
}
SENSOR = {
    "sensor": "/instantel/3E216E/node/demo_sensor/UM9169/device/demo-1/sensor",
    "observationType": "DEMO_SENSOR",
    "type": "DEMO_SENSOR",
    "props": {"NAME": "Demo Sensor"},
}


@pytest.fixture(scope="module", autouse=True)
def created(site: Site) -> dict[str, Any]:
    """Results of the three printed create requests."""
    return {
        "node": site.rpc("createNode", NODE),
        "device": site.rpc("createDevice", DEVICE),
        "sensor": site.rpc("createSensor", SENSOR),
    }


def test_create_answers_with_the_entity_as_printed(created: dict[str, Any]) -> None:
    """NODE_ID, a sensor's device and SERIAL_NO come from the path, ACCESSIBLE is true."""
    node, device, sensor = created["node"], created["device"], created["sensor"]
    printed = {"NAME": "Sample thread", "NODE_ID": "/fn/02DDXX/node", "ACCESSIBLE": True}
    assert (node["id"], node["type"], node["props"] | printed) == ("/fn/02DDXX/node", "THREAD", node["props"])
    assert (node["props"]["SERIAL_NO"], node["props"]["VERSION"]) == ("02DDXX", "v4_6")
    printed = {"NAME": "Demo device", "NODE_ID": "/fn/02DDC5/node", "ACCESSIBLE": True}
    assert (device["id"], device["type"], device["props"] | printed) == (DEVICE["device"], "DEMO", device["props"])
    printed = {"ACCESSIBLE": True, "SERIAL_NO": "UM9169", "NODE_ID": "/instantel/3E216E/node", "NAME": "Demo Sensor"}
    assert sensor["props"] | printed == sensor["props"]
    assert (sensor["id"], sensor["type"]) == (SENSOR["sensor"], "DEMO_SENSOR")
    assert sensor["device"] == "/instantel/3E216E/node/demo_sensor/UM9169/device"
    assert sensor["observationType"] == "DEMO_SENSOR"


@pytest.mark.parametrize(("kind", "params"), [("Node", NODE), ("Device", DEVICE), ("Sensor", SENSOR)])
def test_entities_are_read_back_and_made_once(site: Site, created: dict[str, Any], kind: str, params: Any) -> None:
    """get* gives what create* answered, with its project; a second create is -32009."""
    name = kind.lower()
    assert site.rpc(f"get{kind}s", {f"{name}s": [params[name]]}) == [created[name]]
    assert created[name]["props"]["PROJECT_ID"] == site.engine.project().id
    assert created[name]["customProps"] == {}
    assert site.rpc(f"create{kind}", params)["code"] == -32009


def test_get_without_ids_is_all_and_with_unknown_ids_leaves_them_out(site: Site) -> None:
    """Unknown ids are no error here."""
    everything = [each["id"] for each in site.rpc("getSensors")]
    assert everything == sorted(everything)
    assert {THERMOMETER, THERMISTOR, WATER, SENSOR["sensor"]} <= set(everything)
    assert site.rpc("getSensors", {"sensors": ["/nowhere"]}) == []
    assert site.rpc("getSensors", {"sensors": []}) == []
    assert [each["id"] for each in site.rpc("getDevices", {"devices": ["/a", DEVICE["device"]]})] == [DEVICE["device"]]


def test_who_made_or_changed_an_entity_is_named(site: Site) -> None:
    """LAST_MODIFIED_BY is the key's name (seed 003, getNodes); an entity made by the program itself has none."""
    assert site.rpc("createNode", {"node": "/mine/node", "type": "THREAD"})["props"]["LAST_MODIFIED_BY"] == "admin"
    (sensor,) = site.rpc("getSensors", {"sensors": [WATER]})
    assert "LAST_MODIFIED_BY" not in sensor["props"]
    changed = site.rpc("updateNode", {"node": "/mine/node", "props": {"VERSION": "v2"}}, role="writer")
    assert changed["props"]["LAST_MODIFIED_BY"] == "writer"
    assert changed["props"]["LAST_MODIFIED_DATE"] != changed["props"]["CREATION_DATE"]


def test_update_merges_and_null_removes(site: Site) -> None:
    """The answer is the entity; an unknown one is -32004 naming the field."""
    first = site.rpc("updateSensor", {"sensor": SENSOR["sensor"], "props": {"DEPTH": 4.5, "NOTES": "x"}})
    assert (first["props"]["DEPTH"], first["props"]["NOTES"], first["props"]["NAME"]) == (4.5, "x", "Demo Sensor")
    second = site.rpc("updateSensor", {"sensor": SENSOR["sensor"], "props": {"NOTES": None}})
    assert "NOTES" not in second["props"]
    assert second["props"]["DEPTH"] == 4.5
    error = site.rpc("updateSensor", {"sensor": "/nowhere", "props": {}})
    assert (error["code"], error["data"]["field"]) == (-32004, "sensor")


def test_update_from_a_date_on(site: Site) -> None:
    """A change may have a date (ours), and the entity shows it; a date in the future is -32602 naming the field."""
    assert "epochs" not in site.rpc("updateSensor", {"sensor": THERMOMETER, "props": {"OWNER": "w"}})
    changed = site.rpc("updateSensor", {"sensor": THERMOMETER, "props": {"OWNER": "x"}, "validFrom": START})
    assert changed["props"]["OWNER"] == "x"
    assert changed["epochs"] == {"OWNER": [{"since": None, "value": "w"}, {"since": START, "value": "x"}]}
    assert site.rpc("getSensors", {"sensors": [THERMOMETER]}) == [changed]
    refused = site.rpc("updateSensor", {"sensor": THERMOMETER, "props": {"OWNER": "y"}, "validFrom": "2999-01-01"})
    assert (refused["code"], refused["data"]["field"]) == (-32602, "validFrom")


def test_ref_id_stands_in_for_a_serial_number(site: Site) -> None:
    """`SERIAL_NO` is the given one, else the refId."""
    made = site.rpc("createSensor", {"sensor": "plain", "type": "TEMPERATURE_SDE", "refId": "R-1"})
    assert (made["props"]["SERIAL_NO"], made["refId"]) == ("R-1", "R-1")
    assert "NODE_ID" not in made["props"]
    assert "device" not in made


def test_metric_objects_are_as_printed(site: Site) -> None:
    """The end-to-end example of the seed: dT, T and P_raw of a Rugged Troll, field by field."""
    troll = "/fn/xxxxx/node/dynamic/xxxxx/device/rugged_troll_insitu_sde/sensor"
    site.rpc("createSensor", {"sensor": troll, "type": "DYNAMIC", "props": {"INTEGRATION_ID": "RUGGED_TROLL_SDE"}})
    metrics = {each["id"]: each for each in site.rpc("getMetrics", {"sensors": [troll, "/nowhere"]})[troll]}
    assert metrics == {
        "dT": {
            "id": "dT", "name": "delta temperature", "displayName": "∆ Temperature", "defaultUnit": "C",
            "notation": "∆T", "hidden": False,
            "params": [{"id": id, "mandatory": False} for id in ("dt", "START_DATE", "ZERO_DATE")],
        },
        "T": {
            "id": "T", "name": "temperature", "displayName": "Temperature", "defaultUnit": "C", "notation": "T",
            "hidden": False, "params": [],
        },
        "P_raw": {
            "id": "P_raw", "name": "raw pressure", "displayName": "Raw Pressure", "defaultUnit": "Pa",
            "notation": "P_raw", "hidden": False, "params": [],
        },
    }  # fmt: skip
    assert [each["id"] for each in site.rpc("getRawMetrics", {"sensors": [troll]})[troll]] == ["T", "P_raw"]


def test_raw_metrics_go_by_type_too(site: Site) -> None:
    """`types` needs no sensor."""
    found = site.rpc("getRawMetrics", {"types": ["TEMPERATURE_SDE", "THERMISTOR"]})
    assert {type: [metric["id"] for metric in metrics] for type, metrics in found.items()} == {
        "TEMPERATURE_SDE": ["T"],
        "THERMISTOR": ["R_th"],
    }


def test_unit_objects_are_as_printed(site: Site) -> None:
    """Meter is printed in the seed, the temperatures in domain section 6; unknown metrics are left out."""
    units = site.rpc("getUnits", {"metrics": ["dx", "T", "nothing"]})
    assert set(units) == {"dx", "T"}
    assert {"id": "m", "name": "meter", "notation": "m"} in units["dx"]
    assert units["T"] == [
        {"id": "C", "name": "celsius", "notation": "°C"},
        {"id": "K", "name": "kelvin", "notation": "°K"},
        {"id": "F", "name": "fahrenheit", "notation": "°F"},
    ]


def test_get_data_answers_once_over_http(site: Site) -> None:
    """All points and the end mark in one result."""
    read = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}
    assert site.rpc("getData", read) == {"data": READINGS, "requestStatus": "finished"}
    last = site.rpc("getData", read | {"limit": {"function": "last", "params": {"size": 1}}})
    assert list(last["data"].values()) == [9.25]
    window = site.rpc("getData", read | {"startDate": "2024-03-01T00:30:00Z", "endDate": "2024-03-01T03:00:00+01:30"})
    assert list(window["data"].values()) == [11.5]


def test_get_data_takes_parameters(site: Site) -> None:
    """DT since 01:00 in kelvin: 10 - 11.5, 0, 9.25 - 11.5."""
    zero = {"ZERO_DATE": {"value": "2024-03-01T01:00:00.000Z"}}
    answer = site.rpc("getData", {"sensor": THERMOMETER, "metric": "dT", "unit": "K", "params": zero})
    assert list(answer["data"].values()) == [-1.5, 0, -2.25]


def test_summary_is_first_last_and_count(site: Site) -> None:
    """The ruled shape."""
    assert site.rpc("getObservationsSummary", {"sensor": THERMOMETER, "metric": "T", "unit": "K"}) == {
        "first": {"timestamp": START, "value": 283.15},
        "last": {"timestamp": "2024-03-01T02:00:00.000Z", "value": 282.4},
        "count": 3,
    }


def test_upload_data_counts_what_it_stored(site: Site) -> None:
    """`successfullyProcessedObs` as printed, readable at once."""
    row = {"sensorId": SENSOR["sensor"], "timestamp": "2018-06-04T19:35:35.400Z", "values": {"e": 100.0, "n": None}}
    assert site.rpc("uploadData", {"data": [row]}) == {"successfullyProcessedObs": 1}
    read = site.rpc("getData", {"sensor": SENSOR["sensor"], "metric": "e", "unit": "m"})
    assert read["data"] == {"2018-06-04T19:35:35.400Z": 100.0}


def test_authenticate_gives_the_next_id(site: Site) -> None:
    """`nextId` is the id plus one if it is a number, else 1; a wrong code is -32001."""

    def ask(id: Any, code: str) -> Any:
        frame = {"jsonrpc": "2.0", "method": "authenticate", "id": id, "params": {"code": code}}
        return site.frame(frame).json()

    assert ask(0, site.keys["reader"])["result"] == {"nextId": 1}
    assert ask(41, site.keys["reader"])["result"] == {"nextId": 42}
    assert ask(-1.0, site.keys["reader"])["result"] == {"nextId": 0}
    assert ask(1.5, site.keys["reader"])["result"] == {"nextId": 2.5}
    assert ask("0", site.keys["reader"])["result"] == {"nextId": 1}
    assert ask(None, site.keys["reader"])["result"] == {"nextId": 1}
    assert ask(1, "wrong")["error"]["code"] == -32001
    assert ask(10**400, site.keys["reader"])["result"] == {"nextId": 1}


def test_authenticate_in_a_batch_replaces_the_identity(site: Site) -> None:
    """What follows in the batch runs as the new identity."""
    batch = [
        {"jsonrpc": "2.0", "method": "authenticate", "id": 1, "params": {"code": site.keys["reader"]}},
        {"jsonrpc": "2.0", "method": "updateSensor", "id": 2, "params": {"sensor": THERMOMETER, "props": {}}},
    ]
    assert site.frame(batch, role="admin").json()[1]["error"]["code"] == -32003


def test_help_describes_every_method(site: Site) -> None:
    """Each of the seed's methods, with its parameters and which are mandatory."""
    described = site.rpc("help")
    assert {"getData", "getNodes", "createSensor", "uploadData", "time", "authenticate"} <= set(described)
    mandatory = [each["id"] for each in described["getData"]["params"] if each["mandatory"]]
    assert mandatory == ["sensor", "metric", "unit"]
    assert {"id": "sensor", "mandatory": True, "type": "string"} in described["createSensor"]["params"]
    assert {"id": "sensors", "mandatory": False, "type": "array of string"} in described["getRawMetrics"]["params"]
    assert {"id": "id", "mandatory": True, "type": "string or number"} in described["unsubscribeData"]["params"]
    assert all(method["description"] for method in described.values())
    roles = {name: described[name]["role"] for name in ("authenticate", "getData", "updateNode", "uploadData")}
    assert roles == {"authenticate": None, "getData": "reader", "updateNode": "writer", "uploadData": "writer"}
    units = '{string: array of {"id": string, "name": string, "notation": string}}'
    assert (described["getUnits"]["result"], described["time"]["result"]) == (units, '{"time": string}')


def test_results_are_of_the_types_that_the_table_says(site: Site) -> None:
    """Every method whose result is a type: what it answers decodes into that and has no field beside."""
    read = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}
    row = {"sensorId": SENSOR["sensor"], "timestamp": START, "values": {"e": 1.0}}
    params: dict[str, Any] = {
        "authenticate": {"code": site.keys["admin"]}, "help": {}, "time": {},
        "getNodes": {}, "getDevices": {}, "getSensors": {},
        "updateNode": {"node": NODE["node"], "props": {}}, "updateDevice": {"device": DEVICE["device"], "props": {}},
        "updateSensor": {"sensor": THERMOMETER, "props": {"OWNER": "z"}, "validFrom": START},
        "createNode": {"node": "/fn/NN/node", "type": "THREAD", "refId": "R"},
        "createDevice": {"device": "/fn/NN/device", "type": "DEMO"},
        "createSensor": {"sensor": "/fn/NN/device/n/sensor", "type": "DEMO"},
        "getRawMetrics": {"types": ["TEMPERATURE_SDE"]}, "getMetrics": {"sensors": [THERMOMETER]},
        "getUnits": {"metrics": ["T"]}, "getObservationsSummary": read, "uploadData": {"data": [row]},
        **{f"unsubscribe{what}": {"id": 1} for what in ("Data", "Nodes", "Devices", "Sensors")},
    }  # fmt: skip
    assert set(params) == {name for name, method in METHODS.items() if not isinstance(method.result, str)}
    session, _ = connected(site.engine)
    for name, each in params.items():
        (answered,) = messages(session, request(name, each))
        result = answered["result"]
        assert msgspec.to_builtins(msgspec.convert(result, METHODS[name].result)) == result, name
    empty = messages(session, request("getObservationsSummary", read | {"startDate": "2030-01-01"}))[0]["result"]
    assert msgspec.convert(empty, METHODS["getObservationsSummary"].result) == empty
