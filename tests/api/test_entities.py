"""What the server keeps of entities by itself, in the shapes that seed 003 prints (Working With Entities; getNodes)."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.api.site import READINGS, Site
from tests.api.talk import WebSocketTalk

from tseng_storage.entities import Draft

NODE = "/fn/6C4F6D/node"
DEVICE = "/fn/6C4F6D/node/dgsimlogger/032432/device"
SENSORS = [f"{DEVICE}/tilt{number}/sensor" for number in (1, 2, 3, 4)]
LAST = np.datetime64("2016-06-24T18:01:00", "us")

DEVICE_PRINTED = {
    "ACCESSIBLE": True,
    "LAST_OBSERVATION": {"timestamp": "2016-06-24T18:01:00.000Z"},
    "NODE_ID": "/fn/6C4F6D/node",
    "OBSERVATION_COUNT": 8832,
    "SENSOR_GROUP": "/fn/6C4F6D/node/dgsimlogger/032432/device",
    "SIZE": 4,
}
SENSOR_PRINTED = {
    "ACCESSIBLE": True,
    "LAST_OBSERVATION": {
        "sensorId": "/fn/6C4F6D/node/dgsimlogger/032432/device/tilt4/sensor",
        "timestamp": "2016-06-24T18:01:00.000Z",
        "values": [-0.20226, 0.17345, 0.70659],
    },
    "NODE_ID": "/fn/6C4F6D/node",
    "OBSERVATION_COUNT": 2208,
    "SIZE": 4,
}


@pytest.fixture(scope="module", autouse=True)
def logger(site: Site) -> None:
    """The printed node and device with four sensors of 2,208 observations each, those of the last as printed."""
    drafts = [Draft("node", NODE, "THREAD"), Draft("device", DEVICE, "DGSI_M_LOGGER")]
    site.engine.create_entities([*drafts, *(Draft("sensor", id, "TILT_BIAXIAL_DGSI") for id in SENSORS)])
    times = LAST - np.arange(2208) * np.timedelta64(900, "s")
    for sensor in SENSORS:
        for metric, value in zip(("A_raw", "B_raw", "T_raw"), (-0.20226, 0.17345, 0.70659), strict=True):
            columns = {"sensor": [sensor] * 2208, "metric": [metric] * 2208, "time": times, "value": [value] * 2208}
            site.engine.upload_table(pa.table(columns))


def props(site: Site, kind: str, id: str) -> dict[str, Any]:
    """The props of one entity."""
    (found,) = site.rpc(f"get{kind.capitalize()}s", {f"{kind}s": [id]})
    kept: dict[str, Any] = found["props"]
    return kept


def test_device_and_sensor_as_printed(site: Site) -> None:
    """Counts, last observation, size and groups are those of the printed examples."""
    device, sensor = props(site, "device", DEVICE), props(site, "sensor", SENSORS[3])
    assert device | DEVICE_PRINTED == device
    assert sensor | SENSOR_PRINTED == sensor
    assert "LAST_COMM" not in device.keys() | sensor.keys()


def test_node_as_printed(site: Site) -> None:
    """Own group and id, the observations of all its devices, and when something last came in from any of them."""
    # Beside the logger's: those of another logger on the same node.
    count = 8832 + len(READINGS) + 1
    node = props(site, "node", NODE)
    printed = {"ACCESSIBLE": True, "DEVICE_GROUP": NODE, "NODE_ID": NODE, "SERIAL_NO": "6C4F6D"}
    assert node | printed | {"OBSERVATION_COUNT": count} == node
    heard = datetime.fromisoformat(node["LAST_COMM"])
    assert abs((datetime.now(UTC) - heard).total_seconds()) < 3600
    assert not {"SIZE", "LAST_OBSERVATION", "SENSOR_GROUP"} & node.keys()


def test_entities_without_observations(site: Site) -> None:
    """They count none, and have no last one; a sensor without device has no size."""
    site.rpc("createNode", {"node": "/new/node", "type": "THREAD"})
    site.rpc("createDevice", {"device": "/new/node/a/device", "type": "DEMO"})
    made = site.rpc("createSensor", {"sensor": "/new/node/a/device/s/sensor", "type": "TEMPERATURE_SDE"})
    alone = site.rpc("createSensor", {"sensor": "/alone", "type": "TEMPERATURE_SDE"})
    assert (made["props"]["OBSERVATION_COUNT"], made["props"]["SIZE"]) == (0, 1)
    assert "SIZE" not in alone["props"]
    device, node = props(site, "device", "/new/node/a/device"), props(site, "node", "/new/node")
    assert (device["OBSERVATION_COUNT"], device["SIZE"], node["OBSERVATION_COUNT"]) == (0, 1, 0)
    for kept in (made["props"], device, node):
        assert not {"LAST_OBSERVATION", "LAST_COMM"} & kept.keys()


def test_a_new_upload_shows_at_once(site: Site) -> None:
    """A metric that is missing at the last time is null there, a time that all metrics lose is no observation."""
    later = "2016-06-24T18:16:00.000Z"
    row = {"sensorId": SENSORS[0], "timestamp": later, "values": {"A_raw": 0.5, "T_raw": None}}
    heard = props(site, "node", NODE)["LAST_COMM"]
    site.rpc("uploadData", {"data": [row]})
    sensor = props(site, "sensor", SENSORS[0])
    assert sensor["OBSERVATION_COUNT"] == 2209
    assert sensor["LAST_OBSERVATION"] == {"sensorId": SENSORS[0], "timestamp": later, "values": [0.5, None, None]}
    assert props(site, "device", DEVICE)["OBSERVATION_COUNT"] == 8833
    assert props(site, "node", NODE)["LAST_COMM"] != heard
    site.rpc("uploadData", {"data": [{**row, "values": {"A_raw": None}}]})
    assert props(site, "sensor", SENSORS[0])["LAST_OBSERVATION"] == {
        "sensorId": SENSORS[0], "timestamp": "2016-06-24T18:01:00.000Z", "values": [-0.20226, 0.17345, 0.70659]
    }  # fmt: skip
    assert props(site, "device", DEVICE)["OBSERVATION_COUNT"] == 8832


def test_generic_sensors_list_values_in_the_order_of_their_metrics(site: Site) -> None:
    """Declared metrics first, as getRawMetrics has them, then what was uploaded beside them."""
    id = "/fn/6B652F/node/any/1/device/g/sensor"
    declared = {"KNOWN_METRICS": {"0": "T", "1": "RH"}, "KNOWN_UNITS": {"0": "C", "1": "%"}}
    site.rpc("createSensor", {"sensor": id, "type": "GENERIC_SENSOR_SDE", "props": declared})
    at = "2024-01-01T00:00:00.000Z"
    site.rpc("uploadData", {"data": [{"sensorId": id, "timestamp": at, "values": {"RH": 40.0, "T": 20.0}}]})
    assert props(site, "sensor", id)["LAST_OBSERVATION"]["values"] == [20.0, 40.0]
    later = {"sensorId": id, "timestamp": "2024-01-02T00:00:00.000Z", "values": {"another": 1.0, "T": 21.0}}
    site.rpc("uploadData", {"data": [later]})
    metrics = [each["id"] for each in site.rpc("getRawMetrics", {"sensors": [id]})[id]]
    values = {"T": 21.0, "RH": None, "another": 1.0}
    assert props(site, "sensor", id)["LAST_OBSERVATION"]["values"] == [values[metric] for metric in metrics]
    assert set(metrics) == set(values)


def test_what_is_stored_is_printed_for_what_the_server_assumes(site: Site) -> None:
    """Where an entity hangs and whether it can be reached is what somebody said, if anybody did."""
    given = {"ACCESSIBLE": False, "NODE_ID": "/x/node", "SERIAL_NO": "9", "SENSOR_GROUP": "g"}
    shown = site.rpc("createDevice", {"device": "/stored/node/a/device", "type": "DEMO", "props": given})["props"]
    assert shown | given == shown


def test_what_is_written_back_stands_in_the_way_of_nothing(site: Site) -> None:
    """A client that reads an entity, changes a prop and writes all of it back still gets counts and dates of now."""
    before = []
    for kind, id in (("sensor", SENSORS[0]), ("device", DEVICE), ("node", NODE)):
        read = props(site, kind, id)
        before.append(read["OBSERVATION_COUNT"])
        site.rpc(f"update{kind.capitalize()}", {kind: id, "props": read | {"NOTES": "seen", "PROJECT_ID": "mine"}})
    later = "2020-01-01T00:00:00.000Z"
    site.rpc("uploadData", {"data": [{"sensorId": SENSORS[0], "timestamp": later, "values": {"A_raw": 0.5}}]})
    sensor, device, node = props(site, "sensor", SENSORS[0]), props(site, "device", DEVICE), props(site, "node", NODE)
    assert [each["OBSERVATION_COUNT"] for each in (sensor, device, node)] == [count + 1 for count in before]
    assert sensor["LAST_OBSERVATION"] == {"sensorId": SENSORS[0], "timestamp": later, "values": [0.5, None, None]}
    assert device["LAST_OBSERVATION"] == {"timestamp": later}
    for each in (sensor, device, node):
        assert (each["NOTES"], each["PROJECT_ID"]) == ("seen", site.engine.project().id)
        assert each["LAST_MODIFIED_DATE"] > each["CREATION_DATE"]


def test_rest_lists_print_the_same(site: Site) -> None:
    """Every page of every kind has what the JSON-RPC methods answer."""
    for kind in ("node", "device", "sensor"):
        listed = site.get(f"/api/{kind}s/all", pageSize=1000).json()[f"{kind}s"]
        assert listed == site.rpc(f"get{kind.capitalize()}s")
        assert listed


def test_subscribers_get_what_the_methods_print(site: Site) -> None:
    """A changed entity is pushed with its counts and last observation, as getSensors has it."""
    with WebSocketTalk(site.ports.http, site.keys["reader"]) as talk:
        assert talk.call("subscribeSensors", {"sensors": SENSORS[1:2]})["subscriptionId"]
        changed = site.rpc("updateSensor", {"sensor": SENSORS[1], "props": {"MUX_INDEX": 2}})
        assert talk.next()["result"]["data"] == changed
    assert changed["props"]["OBSERVATION_COUNT"] == 2208


def test_subscribers_are_told_what_is_removed(site: Site) -> None:
    """By its id, and the methods know the sensor no more."""
    site.engine.create_entity("sensor", "/passing/sensor", "TILT")
    with WebSocketTalk(site.ports.http, site.keys["reader"]) as talk:
        assert talk.call("subscribeSensors", {"sensors": ["/passing/sensor"]})["subscriptionId"]
        site.engine.remove_entity("sensor", "/passing/sensor")
        assert talk.next()["result"] == {"removed": "/passing/sensor"}
    assert "/passing/sensor" not in [each["id"] for each in site.rpc("getSensors")]
