"""Lists of entities page by page, and projects."""

import uuid
from typing import Any

import pytest
from tests.api.site import Site


@pytest.fixture(scope="module", autouse=True)
def nodes(site: Site) -> list[str]:
    """Twenty-five nodes in the order of their ids."""
    ids = [f"/fn/{number:06X}/node" for number in range(25)]
    for id in reversed(ids):
        site.engine.create_entity("node", id, "THREAD")
    return ids


def test_pages_hold_everything_once(site: Site, nodes: list[str]) -> None:
    """Following nextPageToken gives every node once, in order; the last page has none."""
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = site.get("/api/nodes/all", pageSize=10, **token).json()
        seen += [node["id"] for node in page["nodes"]]
        assert len(page["nodes"]) <= 10
        if page["nextPageToken"] is None:
            break
        token = {"pageToken": page["nextPageToken"]}
    assert seen == nodes


def test_a_page_that_fits_has_no_next(site: Site) -> None:
    """Exactly full counts as fitting."""
    for size in ({"pageSize": 25}, {}):
        page = site.get("/api/nodes/all", **size).json()
        assert (len(page["nodes"]), page["nextPageToken"]) == (25, None)


def test_each_kind_has_its_list(site: Site) -> None:
    """Entities stand there as getSensors gives them."""
    sensors = site.get("/api/sensors/all").json()["sensors"]
    assert sensors == site.rpc("getSensors")
    assert site.get("/api/devices/all").json() == {"devices": [], "nextPageToken": None}


@pytest.mark.parametrize("size", ["0", "1001", "-1", "ten", "", "1.5", "1e2", "1.0", "+5", " 5", "1_0", "٣", "9" * 30])
def test_a_page_size_is_one_to_a_thousand(site: Site, size: str) -> None:
    """Else 400 naming it."""
    answer = site.get("/api/nodes/all", pageSize=size)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "pageSize")


def test_a_token_is_one_that_this_list_gave(site: Site) -> None:
    """Made-up tokens, and those of another list, are 400."""
    token = site.get("/api/sensors/all", pageSize=1).json()["nextPageToken"]
    for wrong in ("x", "", "AAAA", "é", token, token + "x"):
        answer = site.get("/api/nodes/all", pageToken=wrong)
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, "pageToken"), wrong


def test_an_unknown_name_in_the_query_is_named(site: Site) -> None:
    """A typo does not pass silently."""
    answer = site.get("/api/nodes/all", pagesize=5)
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["field"]) == ("INVALID_PARAM", "pagesize")


def test_projects_are_made_listed_and_found(site: Site) -> None:
    """POST answers 201 with id and name; one project is the default."""
    http = site.http("admin")
    made = http.post("/api/projects", json={"name": "Dam", "itwinId": "026a6db1-68c6-4416-9bd0-1f83e191ec31"})
    assert made.status_code == 201
    assert made.json().items() >= {"name": "Dam", "itwinId": "026a6db1-68c6-4416-9bd0-1f83e191ec31"}.items()
    projects = http.get("/api/projects").json()["projects"]
    assert made.json() in projects
    assert [project.get("default") for project in projects].count(True) == 1
    for id in (made.json()["id"], made.json()["itwinId"]):
        assert http.get(f"/api/projects/{id}").json() == made.json()
    for method, below in (("GET", ""), ("GET", "/dataUsage"), ("DELETE", "")):
        told = http.request(method, f"/api/projects/nowhere{below}")
        assert (told.status_code, told.json()["error"]["field"]) == (404, "id")


PROJECT_ROUTES = [("GET", ""), ("POST", ""), ("GET", "/{}"), ("GET", "/{}/dataUsage"), ("DELETE", "/{}")]


@pytest.mark.parametrize(("method", "below"), PROJECT_ROUTES)
def test_an_unknown_name_in_the_query_of_projects_is_named(site: Site, method: str, below: str) -> None:
    """As in every other query string; nothing is made or deleted."""
    http = site.http("admin")
    project = site.engine.create_project("Queried").id
    before = http.get("/api/projects").json()
    body = {"name": "x"} if method == "POST" else None
    told = http.request(method, f"/api/projects{below.format(project)}?pageSize=5", json=body)
    assert (told.status_code, told.json()["error"]["field"]) == (400, "pageSize")
    assert http.get("/api/projects").json() == before


@pytest.mark.parametrize(("method", "below"), PROJECT_ROUTES)
def test_project_ids_beside_a_project(site: Site, method: str, below: str) -> None:
    """One that is not there is 404, two are 400; one that is not that of the path is 404 too, its alias is."""
    http, alias = site.http("admin"), str(uuid.uuid4())
    project = site.engine.create_project("Beside", alias).id
    body, path = {"name": "x"} if method == "POST" else None, f"/api/projects{below.format(project)}"
    default = site.engine.project().id
    for ids, status in (("nowhere", 404), (f"{project},{default}", 400)):
        told = http.request(method, path, params={"projectIds": ids}, json=body)
        assert (told.status_code, told.json()["error"]["field"]) == (status, "projectIds")
    if below:
        told = http.request(method, path, params={"projectIds": default}, json=body)
        assert (told.status_code, told.json()["error"]["field"]) == (404, "projectIds")
    assert http.request(method, path, params={"projectIds": alias}, json=body).status_code in (200, 201, 204)


def test_the_list_of_one_project(site: Site) -> None:
    """`projectIds` narrows it."""
    project = site.engine.create_project("Alone")
    told = site.http("admin").get("/api/projects", params={"projectIds": project.id}).json()
    assert told == {"projects": [{"id": project.id, "name": "Alone"}]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": 5}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 1001}, "name"),
        ({"nam": "x"}, "nam"),
    ],
)
def test_a_project_needs_a_name(site: Site, body: dict[str, Any], field: str) -> None:
    """400 naming the field."""
    answer = site.http("admin").post("/api/projects", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == field


def test_an_itwin_id_is_taken_once(site: Site) -> None:
    """409 for the second."""
    body = {"name": "Twice", "itwinId": "11111111-2222-3333-4444-555555555555"}
    assert site.http("admin").post("/api/projects", json=body).status_code == 201
    assert site.http("admin").post("/api/projects", json=body).status_code == 409


@pytest.mark.parametrize("alias", ["", "dam", "11111111-2222-3333-4444-55555555555"])
def test_an_itwin_id_is_a_guid(site: Site, alias: str) -> None:
    """Anything else is refused, and no project is made."""
    before = site.http("admin").get("/api/projects").json()
    answer = site.http("admin").post("/api/projects", json={"name": "Dam", "itwinId": alias})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "itwinId")
    assert site.http("admin").get("/api/projects").json() == before


def test_an_itwin_id_is_the_same_in_capitals(site: Site) -> None:
    """RFC 9562, section 4: found in either writing, and taken in either."""
    http, alias = site.http("admin"), "ABCDEF00-2222-4333-8444-5555AAAAFFFF"
    made = http.post("/api/projects", json={"name": "Capitals", "itwinId": alias}).json()
    for written in (alias, alias.lower()):
        assert http.get(f"/api/projects/{written}").json() == made
        assert http.get("/api/nodes/all", params={"projectIds": written}).json()["nodes"] == []
        assert http.post("/api/projects", json={"name": "Again", "itwinId": written}).status_code == 409


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/projects", {"GET", "HEAD", "POST"}),
        ("/api/nodes/fn/6C4F6D/node", {"GET", "HEAD", "PUT", "PATCH", "DELETE"}),
        ("/api/profiles/x", {"GET", "HEAD", "PUT", "DELETE"}),
        ("/connect/token", {"POST"}),
    ],
)
def test_a_refused_method_tells_all_that_there_are(site: Site, path: str, methods: set[str]) -> None:
    """RFC 9110, section 15.5.6."""
    answer = site.http().options(path)
    assert answer.status_code == 405
    assert {*answer.headers["allow"].split(", ")} == methods
    assert all(method in answer.json()["error"]["message"] for method in methods)


def test_no_body_is_called_no_body(site: Site) -> None:
    """Not JSON that is cut off."""
    for content in (b"", b" \n"):
        answer = site.http("admin").post("/api/projects", content=content)
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, "body")
        assert "there is no body" in answer.json()["error"]["message"]


SLASHED = ["/api/projects/", "/api/documents/", "/connect/token/", "/api/data/upload/", "/api/data/", "/api/sql/"]


@pytest.mark.parametrize("path", [*SLASHED, "/healthz/", "/docs/", "/api/nodes/all/", "/api/openapi.json/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_slash_at_the_end_is_another_path(site: Site, method: str, path: str) -> None:
    """No redirect to wherever the Host header says: 404 as JSON, or 405 where it reads as an entity's id."""
    told = site.http(None if "api" not in path else "admin").request(method, path, headers={"Host": "elsewhere"})
    refused = (405, "method") if (method, path) == ("POST", "/api/nodes/all/") else (404, "path")
    refused = (404, "id") if (method, path) == ("GET", "/api/nodes/all/") else refused
    assert (told.status_code, told.json()["error"]["field"]) == refused
    assert "location" not in told.headers


def test_what_is_not_there_is_404_and_a_wrong_method_405(site: Site) -> None:
    """In the same error form as everything else."""
    answer = site.get("/api/nothing")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    answer = site.http().put("/api/data")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert "GET" in answer.headers["allow"]
