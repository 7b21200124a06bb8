"""Who may come in, what a role may do, and what a key bound to a project sees."""

from typing import Any

import pytest
from tests.api.site import THERMOMETER, Site

READ = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}
ROUTES = [
    ("GET", "/api/data"),
    ("POST", "/api/data"),
    ("GET", "/api/data/summary"),
    ("POST", "/api/data/upload"),
    ("GET", "/api/metrics/types"),
    ("GET", "/api/sensors/types"),
    ("POST", "/api/sensors/metrics"),
    ("GET", "/api/nodes/all"),
    ("GET", "/api/projects"),
    ("POST", "/api/projects"),
    ("POST", "/api/rpc"),
    ("POST", "/api/sql"),
]


@pytest.fixture(scope="module")
def other(site: Site) -> dict[str, str]:
    """A second project with a thermometer under the same id, a key of each role bound to it, and its iTwin id."""
    twin = "6ee68656-ce20-452c-a4e6-b6b3a3b55537"
    project = site.engine.create_project("Other", twin)
    site.engine.create_entity("sensor", THERMOMETER, "TEMPERATURE_SDE", project=project.id)
    site.engine.upload(
        [{"sensorId": THERMOMETER, "timestamp": "2024-05-01T00:00:00Z", "values": {"T": 99.0}}], project=project.id
    )
    site.engine.create_entity("sensor", "only-there", "TEMPERATURE_SDE", project=project.id)
    keys = {role: site.engine.keys.create(f"other {role}", role, project.id) for role in ("reader", "writer", "admin")}
    return {"id": project.id, "twin": twin, **keys}


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "ApiKey"},
        {"Authorization": "ApiKey wrong"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
    ],
)
def test_without_a_good_key_every_route_is_401(site: Site, method: str, path: str, headers: dict[str, str]) -> None:
    """In the printed form, naming the header, before the body is read."""
    answer = site.http(None).request(method, path, headers=headers, content=b"{" if method == "POST" else None)
    assert answer.status_code == 401
    (error,) = answer.json()["errors"]
    assert error["path"] == "Authorization"
    assert error["message"]
    assert answer.headers["www-authenticate"]


def test_health_and_root_need_no_key(site: Site) -> None:
    """Alive, ready, and what this is."""
    assert site.http(None).get("/healthz").json() == {"status": "ok"}
    assert site.http(None).get("/readyz").json() == {"status": "ready"}
    assert site.http(None).get("/").json()["name"] == "tseng"


def test_the_scheme_is_read_without_case(site: Site) -> None:
    """HTTP schemes have none (RFC 9110, section 11.1)."""
    headers = {"Authorization": f"apikey {site.keys['reader']}"}
    assert site.http(None).get("/api/projects", headers=headers).status_code == 200


def test_a_revoked_key_is_worthless_at_once(site: Site) -> None:
    """It worked before; the second request finds it gone."""
    client = site.with_key(site.engine.keys.create("short-lived"))
    assert client.get("/api/data", params=READ).status_code == 200
    site.engine.keys.revoke(site.engine.keys.list()[-1].id)
    assert client.get("/api/data", params=READ).status_code == 401


@pytest.mark.parametrize(
    ("role", "upload", "project"), [("reader", 403, 403), ("writer", 202, 403), ("admin", 202, 201)]
)
def test_roles_on_rest(site: Site, role: str, upload: int, project: int) -> None:
    """A reader reads, a writer uploads too, an admin makes projects too."""
    row = {"sensorId": THERMOMETER, "timestamp": "2024-01-01T00:00:00Z", "values": {"T": None}}
    http = site.http(role)
    assert http.get("/api/data", params=READ).status_code == 200
    assert http.post("/api/data/upload", json={"observations": [row]}).status_code == upload
    answer = http.post("/api/projects", json={"name": f"made by {role}"})
    assert answer.status_code == project
    if project == 403:
        assert answer.json()["error"]["code"] == "FORBIDDEN"


def test_a_bound_key_sees_its_project_alone(site: Site, other: dict[str, str]) -> None:
    """The same sensor id is another sensor there; without projectIds the key's project is meant."""
    values = site.with_key(other["reader"]).get("/api/data", params=READ).json()["data"]
    assert values == {"2024-05-01T00:00:00.000Z": 99.0}
    listed = site.with_key(other["reader"]).get("/api/sensors/all").json()["sensors"]
    assert [sensor["id"] for sensor in listed] == [THERMOMETER, "only-there"]
    projects = site.with_key(other["admin"]).get("/api/projects").json()["projects"]
    assert [project["id"] for project in projects] == [other["id"]]


def test_an_unbound_key_names_the_project_by_id_or_itwin_id(site: Site, other: dict[str, str]) -> None:
    """Both mean the same project; none means the default one."""
    admin = site.http("admin")
    for name in (other["id"], other["twin"]):
        read = admin.get("/api/data", params=READ | {"projectIds": name}).json()["data"]
        assert list(read.values()) == [99.0]
        asked: dict[str, Any] = READ | {"projectIds": [name]}
        assert list(site.rpc("getData", asked)["data"].values()) == [99.0]
        assert list(admin.post("/api/data", json=asked).json()["data"].values()) == [99.0]
        assert list(admin.post(f"/api/data?projectIds={name}", json=READ).json()["data"].values()) == [99.0]
    assert admin.get("/api/data", params=READ | {"sensor": "only-there"}).status_code == 404


def test_foreign_and_unknown_projects_look_the_same(site: Site, other: dict[str, str]) -> None:
    """404 and -32004 with the same words, never 403."""
    http = site.with_key(other["admin"])
    default = site.engine.project().id
    foreign = http.get("/api/data", params=READ | {"projectIds": default})
    unknown = http.get("/api/data", params=READ | {"projectIds": "nowhere"})
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json()["error"]["field"] == "projectIds"
    assert foreign.text.replace(default, "nowhere") == unknown.text
    assert http.get(f"/api/projects/{default}").status_code == 404
    frame = {"jsonrpc": "2.0", "id": 1, "method": "getSensors", "params": {"projectIds": [default]}}
    assert http.post("/api/rpc", json=frame).json()["error"]["code"] == -32004


def test_several_projects_are_refused(site: Site, other: dict[str, str]) -> None:
    """One project for each request (seed 003, Project FAQ)."""
    ids = [site.engine.project().id, other["id"]]
    for query in ({"projectIds": ids}, {"projectIds": ",".join(ids)}):
        answer = site.http("admin").get("/api/sensors/all", params=query)
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, "projectIds")
    assert site.rpc("getSensors", {"projectIds": ids})["code"] == -32602


def test_a_bound_admin_makes_no_projects(site: Site, other: dict[str, str]) -> None:
    """It could not see what it made."""
    assert site.with_key(other["admin"]).post("/api/projects", json={"name": "x"}).status_code == 403


def test_a_foreign_id_is_free(site: Site, other: dict[str, str]) -> None:
    """Ids are unique within a project, so one taken elsewhere can be made here; acting on it there is not found."""
    http = site.with_key(other["writer"])
    frame = {"jsonrpc": "2.0", "id": 1, "method": "createSensor"}
    made = http.post("/api/rpc", json=frame | {"params": {"sensor": "mine", "type": "TEMPERATURE_SDE"}})
    assert made.json()["result"]["props"]["PROJECT_ID"] == other["id"]
    assert site.rpc("getSensors", {"sensors": ["mine"]}) == []
    assert site.rpc("updateSensor", {"sensor": "mine", "props": {}})["code"] == -32004
    assert site.rpc("createSensor", {"sensor": "mine", "type": "TEMPERATURE_SDE"})["id"] == "mine"
