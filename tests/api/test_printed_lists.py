"""The routes that seed 003 prints under Working with Projects and Platform REST API, each as it stands there."""

import re

import httpx
from tests.api.site import START, Site
from tests.reference import reference


def seed() -> str:
    """The document."""
    (found,) = reference("seeds").glob("003*")
    return found.read_text()


def test_each_printed_list_is_answered(site: Site) -> None:
    """`{projectId}` filled in: an object whose list has the name of what it lists, and another project is not found."""
    rows = re.findall(r"^GET (/\S+)\?projectIds=\{projectId\} Return all (\w+) for", seed(), re.MULTILINE)
    assert [name for _, name in rows] == ["nodes", "devices", "sensors", "documents", "profiles"]
    for path, name in rows:
        answer = site.get(f"/api{path}", projectIds=site.engine.project().id)
        assert (answer.status_code, type(answer.json()[name])) == (200, list)
        assert site.get(f"/api{path}", projectIds="60D90DF0B2BD096E970C2824").status_code == 404


def test_each_printed_route_of_a_project_is_answered(site: Site) -> None:
    """It is returned, with its usage, and deleted; the seed calls its id `projcetId` once."""
    rows = re.findall(r"^(GET|DELETE) (/projects/\{\w+\}\S*) \w+", seed(), re.MULTILINE)
    asked = [(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in rows]
    assert asked == [("GET", "/projects/{}"), ("DELETE", "/projects/{}"), ("GET", "/projects/{}/dataUsage")]
    http = site.http("admin")
    made = http.post("/api/projects", json={"name": "Printed"}).json()
    whole, usage, deleted = (
        http.request(method, f"/api{path}".format(made["id"])) for method, path in (asked[0], asked[2], asked[1])
    )
    assert (whole.status_code, whole.json()) == (200, made)
    assert (usage.status_code, usage.json()) == (
        200,
        {"observations": 0, "bytes": 0, "months": [], "documents": {"count": 0, "bytes": 0}},
    )
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert {http.request(method, f"/api{path}".format(made["id"])).status_code for method, path in asked} == {404}


def test_the_printed_requests_for_all_sensors(site: Site) -> None:
    """With a key and with a token; only the host, the key and the token are others. The asset is known by that id."""
    text = seed()
    printed = text[text.index("\nFor ApiKey:") : text.index("\niTwin IoT Edge REST API")]
    header = r" \\\n--header '([^']*)'"
    form = r"^curl --location --request GET 'https://iiot\.bentley\.com([^']*)'" + header * 2
    samples = re.findall(form, printed, re.MULTILINE)
    assert len(samples) == 2
    for path, *headers in samples:
        project = site.engine.create_project("Printed", re.findall(r"projectIds=([\w-]+)", path)[0]).id
        for number in range(101):
            site.engine.create_entity("sensor", f"/{number:03}/sensor", "TEMPERATURE_SDE", project=project)
        site.engine.upload([{"sensorId": "/000/sensor", "timestamp": START, "values": {"T": 1.5}}], project=project)
        key = site.engine.keys.create("sample", "reader", project)
        client = site.engine.keys.create_client("sample", "sensor-data:read", project)
        form_body = {"grant_type": "client_credentials", **client}
        token = site.http(None).post("/connect/token", data=form_body).json()["access_token"]
        sent = dict(each.replace("<apikey>", key).replace("<token>", token).split(": ", 1) for each in headers)
        answer = httpx.get(f"{site.url}{path}", headers=sent)
        assert answer.status_code == 200
        told = answer.json()
        assert [each["id"] for each in told["sensors"]] == [f"/{number:03}/sensor" for number in range(100)]
        assert {each["props"]["PROJECT_ID"] for each in told["sensors"]} == {project}
        assert told["nextPageToken"]
