"""One node, device or sensor over REST; what a project holds, and its deletion."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from tests.api.site import START, THERMOMETER, Site

from tseng.engine import Engine
from tseng.errors import InvalidRequest
from tseng_storage.entities import Draft, Edit
from tseng_storage.errors import ChangesRefused

NODE = "/rest/A0/node"
DEVICE = f"{NODE}/logger/1/device"
SENSOR = f"{DEVICE}/t/sensor"
KINDS = (("node", NODE, "THREAD"), ("device", DEVICE, "DEMO"), ("sensor", SENSOR, "TEMPERATURE_SDE"))


@pytest.fixture(scope="module", autouse=True)
def made(site: Site) -> None:
    """One of each kind, made over REST."""
    for kind, id, type in KINDS:
        body = {"id": id, "type": type, "props": {"NAME": id}, "refId": f"ref {kind}", "customProps": {"owner": "B"}}
        told = site.http("writer").post(f"/api/{kind}s", json=body)
        assert told.status_code == 201
        assert told.json() == site.rpc(f"get{kind.capitalize()}s", {f"{kind}s": [id]})[0]
        assert site.http("writer").post(f"/api/{kind}s", json=body).status_code == 409


@pytest.mark.parametrize(("kind", "id", "type"), KINDS)
def test_shown_as_json_rpc_prints_it(site: Site, kind: str, id: str, type: str) -> None:
    """After one slash, two, or written as %2F."""
    printed = site.rpc(f"get{kind.capitalize()}s", {f"{kind}s": [id]})[0]
    for written in (id, id[1:], id.replace("/", "%2F")):
        told = site.get(f"/api/{kind}s/{written}")
        assert (told.status_code, told.json()) == (200, printed)


def test_an_id_without_a_slash_is_found(site: Site) -> None:
    """Ids need not be paths."""
    site.engine.create_entity("sensor", "plain", "TEMPERATURE_SDE")
    assert site.get("/api/sensors/plain").json()["id"] == "plain"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_what_is_not_there_is_404(site: Site, method: str) -> None:
    """For every method, and for what is another project's."""
    body = {"type": "T"} if method == "PUT" else {} if method == "PATCH" else None
    other = site.engine.create_project(f"Other {method}").id
    site.engine.create_entity("node", "/other/node", "THREAD", project=other)
    for id in ("/rest/none/node", "/other/node"):
        told = site.http("writer").request(method, f"/api/nodes/{id}", json=body)
        assert (told.status_code, told.json()["error"]["field"]) == (404, "id")
    bound = site.with_key(site.engine.keys.create(f"bound {method}", "writer"))
    assert bound.request(method, f"/api/nodes//other/node?projectIds={other}", json=body).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_readers_change_nothing(site: Site, method: str) -> None:
    """403, and the entity is as it was."""
    before = site.get(f"/api/sensors/{SENSOR}").json()
    path = "/api/sensors" if method == "POST" else f"/api/sensors/{SENSOR}"
    body = {"id": "/x", "type": "T", "props": {"NAME": "x"}} if method != "DELETE" else None
    assert site.http("reader").request(method, path, json=body).status_code == 403
    assert site.get(f"/api/sensors/{SENSOR}").json() == before


def test_patch_merges_and_put_replaces(site: Site) -> None:
    """A null removes; what PUT leaves out is gone; what is shown may be sent back; a date makes an epoch."""
    writer, url = site.http("writer"), f"/api/sensors/{SENSOR}"
    merged = writer.patch(url, json={"props": {"NAME": None, "NOTES": "n"}, "customProps": {"owner": None, "x": 1}})
    assert merged.status_code == 200
    assert "NAME" not in merged.json()["props"]
    assert (merged.json()["props"]["NOTES"], merged.json()["customProps"]) == ("n", {"x": 1})
    shown = site.get(url).json()
    assert writer.put(url, json=shown).json()["props"]["NOTES"] == "n"
    dated = writer.patch(url, json={"props": {"NOTES": "later"}, "validFrom": START}).json()
    assert dated["epochs"] == {"NOTES": [{"since": None, "value": "n"}, {"since": START, "value": "later"}]}
    put = writer.put(url, json={"type": "BAROMETER", "props": {"NAME": "again"}}).json()
    assert (put["type"], put["props"]["NAME"], put["customProps"], "refId" in put) == ("BAROMETER", "again", {}, False)
    assert "NOTES" not in put["props"]
    assert put["device"] == DEVICE


@pytest.mark.parametrize(
    ("method", "body", "field"),
    [
        ("PUT", {"props": {}}, "type"),
        ("PUT", {"type": " "}, "type"),
        ("PUT", {"type": "T", "id": "/another/sensor"}, "id"),
        ("PUT", {"type": "T", "device": f"{NODE}/logger/2/device"}, "device"),
        ("PUT", {"type": "T", "epochs": {"NOTES": [{"since": START, "value": "earlier"}]}}, "epochs"),
        ("PUT", {"type": "T", "props": {"NAME": "x" * 2**20}}, "props"),
        ("PUT", {"type": "T", "props": {"NAME": "x" * 2**19}, "customProps": {"a": "x" * 2**20}}, "customProps"),
        ("PATCH", {"props": {"NAME": "ä" * 2**19}}, "props"),
        ("PATCH", {"customProps": {"a": ["x" * 2**20]}}, "customProps"),
        ("PATCH", {"props": []}, "props"),
        ("PATCH", {"props": {}, "validFrom": "soon"}, "validFrom"),
        ("PATCH", {"props": {"N": 1}, "validFrom": "2999-01-01T00:00:00.000Z"}, "validFrom"),
        ("PATCH", {"name": "x"}, "name"),
    ],
)
def test_bad_bodies_name_the_field(site: Site, method: str, body: dict[str, object], field: str) -> None:
    """400, and nothing is changed."""
    before = site.get(f"/api/sensors/{SENSOR}").json()
    told = site.http("writer").request(method, f"/api/sensors/{SENSOR}", json=body)
    assert (told.status_code, told.json()["error"]["field"]) == (400, field)
    assert site.get(f"/api/sensors/{SENSOR}").json() == before


def test_what_is_shown_may_be_sent_back_with_its_epochs(site: Site) -> None:
    """Props may differ; epochs that are left out or as shown stay, empty ones where there are some are refused."""
    writer, url = site.http("writer"), "/api/sensors//rest/dated/sensor"
    site.engine.create_entity("sensor", "/rest/dated/sensor", "TEMPERATURE_SDE", {"NOTES": "n"})
    assert writer.put(url, json={"type": "TEMPERATURE_SDE", "props": {"NOTES": "m"}, "epochs": {}}).status_code == 200
    dated = writer.patch(url, json={"props": {"NOTES": "later"}, "validFrom": START}).json()
    told = writer.put(url, json={**dated, "props": {**dated["props"], "OWNER": "w"}})
    assert (told.status_code, told.json()["epochs"], told.json()["props"]["OWNER"]) == (200, dated["epochs"], "w")
    assert writer.put(url, json={**dated, "epochs": {}}).json()["error"]["field"] == "epochs"


def test_props_grow_to_a_mebibyte(site: Site) -> None:
    """By any number of changes, values of other dates included: as many bytes as JSON in UTF-8, and not one more."""
    writer, url = site.http("writer"), "/api/sensors//rest/large/sensor"
    head = len('{"A":""}') + len("{}")
    body = {"id": "/rest/large/sensor", "type": "T", "props": {"A": "x" * (2**20 - head + 1)}}
    assert writer.post("/api/sensors", json=body).json()["error"]["field"] == "props"
    assert site.get(url).status_code == 404
    body["props"] = {"A": "ä" * ((2**20 - head) // 2)}
    assert writer.post("/api/sensors", json=body).status_code == 201
    for more in ({"props": {"B": 1}}, {"customProps": {"b": 1}}, {"props": {"A": "y"}, "validFrom": START}):
        told = writer.patch(url, json=more)
        assert (told.status_code, told.json()["error"]["code"]) == (400, "INVALID_REQUEST")
        assert "1048576" in told.json()["error"]["message"]
    assert writer.patch(url, json={"props": {"A": "y"}}).json()["props"]["A"] == "y"


LARGE = {"A": "x" * 2**20}
IN_PYTHON: dict[str, Callable[[Engine, str], object]] = {
    "create": lambda engine, id: engine.create_entity("sensor", id, "T", LARGE),
    "update": lambda engine, id: engine.update_entity("sensor", f"{id}/there", LARGE),
    "replace": lambda engine, id: engine.replace_entity("sensor", f"{id}/there", "T", {}, custom_props=LARGE),
    "apply": lambda engine, id: engine.apply([Draft("sensor", id, "T"), Draft("sensor", f"{id}/2", "T", LARGE)]),
    "apply update": lambda engine, id: engine.apply(
        [Edit("sensor", f"{id}/there", {"B": 2}), Edit("sensor", f"{id}/there", LARGE)]
    ),
}


@pytest.mark.parametrize("verb", IN_PYTHON)
def test_props_are_bounded_in_python(site: Site, verb: str) -> None:
    """Nothing of it is kept."""
    id = f"/rest/bounded/{verb}"
    there = site.engine.create_entity("sensor", f"{id}/there", "T", {"B": 1})
    with pytest.raises((InvalidRequest, ChangesRefused), match=r"props and custom props of .* at most 1048576 are"):
        IN_PYTHON[verb](site.engine, id)
    assert site.engine.entities("sensor", [id, f"{id}/2", f"{id}/there"]) == [there]


def test_props_are_bounded_in_requests(site: Site) -> None:
    """Of JSON-RPC and of integrations."""
    told = site.rpc("createSensor", {"sensor": "/rest/bounded", "type": "T", "props": LARGE})
    assert (told["code"], told["data"]["field"]) == (-32602, "props")
    device = {"changeState": "new", "props": {"INTEGRATION_ID": "IMPORT_DEVICE_SDE", **LARGE}}
    asked = {"integration": {"changeState": "new", "props": {"NAME": "bounded"}, "devices": [device]}}
    refused = site.http("writer").post("/api/integrations/integrate", json=asked)
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "props")
    assert site.get("/api/nodes/all", name="bounded").json()["nodes"] == []


@pytest.mark.parametrize("id", ["/e/new\nline", "\x00", "/e/\x7f", "/e/\x85", "all", "types"])
def test_new_ids_can_be_written_in_paths(site: Site, id: str) -> None:
    """No control characters, and not the name of a list: the refusal shows the id and says what there may be."""
    told = site.http("writer").post("/api/sensors", json={"id": id, "type": "T"})
    assert (told.status_code, told.json()["error"]["field"]) == (400, "id")
    called = site.rpc("createSensor", {"sensor": id, "type": "T"})
    assert (called["code"], called["data"]["field"]) == (-32602, "id")
    with pytest.raises(InvalidRequest) as created:
        site.engine.create_entity("sensor", id, "T")
    with pytest.raises(InvalidRequest) as applied:
        site.engine.apply([Draft("sensor", id, "T")])
    for message in (told.json()["error"]["message"], called["message"], str(created.value), str(applied.value)):
        assert repr(id) in message
        assert "any" in message
    assert site.engine.entities("sensor", [id]) == []


@pytest.mark.parametrize("id", ["/e/ä ö/%0A", "/e/\u2028", "/all", "/e/..", "allthat", "/e/🌊?#"])
def test_any_other_id_is_shown_changed_and_removed(site: Site, id: str) -> None:
    """By the path that holds it, percent-encoded."""
    writer, url = site.http("writer"), f"/api/sensors/{quote(id, safe='')}"
    assert writer.post("/api/sensors", json={"id": id, "type": "T"}).status_code == 201
    assert site.get(url).json()["id"] == id
    assert writer.patch(url, json={"props": {"A": 1}}).json()["props"]["A"] == 1
    assert writer.delete(url).status_code == 204


@pytest.mark.parametrize("door", ["PATCH", "PUT", "updateDevice", "integrate"])
def test_a_device_hangs_on_the_node_that_it_names(site: Site, door: str) -> None:
    """Whichever way NODE_ID is set, lists by node and removals of nodes go by it; without it the path counts again."""
    home, there = f"/rest/home{door}/node", f"/rest/there{door}/node"
    device = f"{home}/logger/1/device"
    for id in (home, there):
        site.engine.create_entity("node", id, "THREAD")
    site.engine.create_entity("device", device, "DEMO")
    for named, expected in ((there, there), (None, home)):
        props = {"NODE_ID": named}
        if door == "updateDevice":
            assert site.rpc(door, {"device": device, "props": props})["props"]["NODE_ID"] == expected
        elif door == "integrate":
            below = home if named else there
            part = {"nodeId": below, "devices": [{"changeState": "update", "id": device, "props": props}]}
            told = site.http("writer").post("/api/integrations/integrate", json={"integration": part})
            assert told.status_code == 200, told.text
        else:
            told = site.http("writer").request(door, f"/api/devices/{device}", json={
                "props": props, **({"type": "DEMO"} if door == "PUT" else {}),
            })  # fmt: skip
            assert told.json()["props"]["NODE_ID"] == expected
        listed = site.get("/api/devices/all", nodeIds=expected).json()["devices"]
        assert [each["id"] for each in listed] == [device]
    site.http("writer").patch(f"/api/devices/{device}", json={"props": {"NODE_ID": there}})
    assert site.http("writer").delete(f"/api/nodes/{home}").status_code == 204
    assert site.http("writer").delete(f"/api/nodes/{there}").status_code == 409


def test_removed_alone_only_when_nothing_hangs_below(site: Site) -> None:
    """409 names what does; `below` takes it along; reads of the sensor are 404 then."""
    writer = site.http("writer")
    for kind, id in (
        ("node", "/gone/node"),
        ("device", "/gone/node/a/device"),
        ("sensor", "/gone/node/a/device/s/sensor"),
    ):
        site.engine.create_entity(kind, id, "TEMPERATURE_SDE")  # type: ignore[arg-type]
    told = writer.delete("/api/nodes//gone/node")
    assert told.status_code == 409
    assert "/gone/node/a/device" in told.json()["error"]["message"]
    assert writer.delete("/api/nodes//gone/node?below=true").status_code == 204
    for kind, id in (("node", "/gone/node"), ("sensor", "/gone/node/a/device/s/sensor")):
        assert site.get(f"/api/{kind}s/{id}").status_code == 404
    assert site.get(f"/api/sensors/{THERMOMETER}").status_code == 200


def test_what_a_project_holds_by_month(site: Site) -> None:
    """Three values of two uploads, all of this month; the bytes are some, and add up; 404 for another's project."""
    admin, began = site.http("admin"), datetime.now(UTC).strftime("%Y-%m")
    made = admin.post("/api/projects", json={"name": "Used"}).json()["id"]
    empty = {"observations": 0, "bytes": 0, "months": [], "documents": {"count": 0, "bytes": 0}}
    assert admin.get(f"/api/projects/{made}/dataUsage").json() == empty
    site.engine.create_entity("sensor", "/s", "TEMPERATURE_SDE", project=made)
    for rows in (2, 1):
        times = [f"201{rows}-01-0{number + 1}T00:00:00Z" for number in range(rows)]
        readings = [{"sensorId": "/s", "timestamp": time, "values": {"T": 1.5}} for time in times]
        site.engine.upload(readings, project=made)
    for content in (b"abc", b"de"):
        site.engine.keep_document("a.txt", "text/plain", content, project=made)
    told = admin.get(f"/api/projects/{made}/dataUsage").json()
    assert told["documents"] == {"count": 2, "bytes": 5}
    assert (told["observations"], sum(month["observations"] for month in told["months"])) == (3, 3)
    assert sum(month["bytes"] for month in told["months"]) == told["bytes"] > 0
    assert {month["month"] for month in told["months"]} <= {began, datetime.now(UTC).strftime("%Y-%m")}
    assert site.get(f"/api/projects/{made}/dataUsage").status_code == 404


def test_a_project_is_deleted_with_everything_in_it(site: Site) -> None:
    """204; then it is not there; the default one stays, and who is bound to one project deletes none."""
    admin = site.http("admin")
    made = admin.post("/api/projects", json={"name": "Short"}).json()["id"]
    site.engine.create_entity("sensor", "/s", "TEMPERATURE_SDE", project=made)
    site.engine.upload([{"sensorId": "/s", "timestamp": START, "values": {"T": 1.0}}], project=made)
    bound = site.with_key(site.engine.keys.create("bound admin", "admin", made))
    assert bound.delete(f"/api/projects/{made}").status_code == 403
    assert site.http("writer").delete(f"/api/projects/{made}").status_code == 403
    assert admin.delete(f"/api/projects/{made}").status_code == 204
    assert admin.delete(f"/api/projects/{made}").status_code == 404
    assert admin.get("/api/sensors//s", params={"projectIds": made}).status_code == 404
    told = admin.delete(f"/api/projects/{site.engine.project().id}")
    assert (told.status_code, told.json()["error"]["code"]) == (409, "EXISTS")
