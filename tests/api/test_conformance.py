"""What the document lets one ask is asked of every route, well and badly, and the answers are held against it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.api.site import START, THERMISTOR, THERMOMETER, Site
from tests.api.site import site as open_site

from tseng_api import guide
from tseng_api.app import ROUTES
from tseng_api.openapi import document, template
from tseng_storage.entities import KINDS

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
    ignored_auth,
]
# JSON-RPC refuses within a 200.
LENIENT = "POST /api/rpc"
VERSION = {"api-version": "2023-10-31"}


def model(name: str) -> dict[str, Any]:
    """Return a model without content."""
    return {"@context": "dtmi:dtdl:context;2", "@id": f"dtmi:com:example:{name};1", "@type": "Interface"}


DIGITS = str(guide.BODIES["post_map"]["text"])
(OWN,) = guide.BODIES["post_definitions"]["metrics"]
SERIES = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}
# What exists: made-up texts alone would mostly find no such sensor.
QUERY: dict[str, Any] = {**SERIES, "startDate": START, "endDate": START, "at": [START], "name": "a.txt", "params": {}}
QUERY |= VERSION | {"dependenciesFor": [guide.ROOM], "continuationToken": ""}
# A route may answer well in several ways: asked for a thing and for many, in a batch and alone.
BODIES: dict[str, list[Any]] = {
    "POST /api/data": [{"requests": [SERIES, {**SERIES, "metric": "X"}]}],
    "POST /api/sensors/metrics": [{"ids": [THERMOMETER, THERMISTOR, "/x/sensor"]}],
    "POST /api/rpc": [[{"jsonrpc": "2.0", "id": 1, "method": "help", "params": {}}]],
    "POST /api/documents": [b"a"],
    "POST /models": [[model("New")]],
}
FOUND: list[Any] = list(schemathesis.openapi.from_dict(document(ROUTES)).get_all_operations())
OPERATIONS: dict[str, Any] = {each.label: each for each in (found.ok() for found in FOUND)}
ROWS = {f"{row.method} {template(row)}": row for row in ROUTES}
# Of these nothing can be asked badly.
OPEN = [label for label, row in ROWS.items() if not row.takes and not row.query.__struct_fields__]
EXAMPLES = 10
# Each query is a process of its own.
FEW_EXAMPLES = 4


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A small site with one of everything; limits that let wild questions cost little."""
    with open_site(tmp_path_factory.mktemp("conforming") / "store", sql_seconds=2.0) as opened:
        yield opened


def made(site: Site) -> dict[str, str]:
    """Make one of everything anew, and nothing of what the examples make; return the names in paths."""
    http, bodies = site.http("admin"), guide.BODIES

    def sent(method: str, path: str, **content: Any) -> Any:
        answer = http.request(method, path, **content)
        assert answer.status_code in (200, 201, 204, 404, 409), answer.text
        return answer.json() if answer.content else None

    for sensor in (guide.THERMISTOR, "/quay-wall/th-2/sensor"):
        sent("POST", "/api/sensors", json={"id": sensor, "type": "THERMISTOR"})
    site.engine.upload(bodies["upload"]["observations"])
    names = {}
    for kind in KINDS:
        sent("DELETE", f"/api/{kind}s/{bodies[f'create_{kind}']['id']}")
        names[f"/api/{kind}s/{{id}}"] = f"/made/{kind}"
        sent("POST", f"/api/{kind}s", json={"id": f"/made/{kind}", "type": "DYNAMIC"})
    document = sent("POST", "/api/documents?name=a.txt", content=b"a", headers={"Content-Type": "text/plain"})
    sent("PUT", "/api/profiles/B3", json=bodies["put_profile"])
    sent("POST", "/api/units/maps", json=bodies["post_map"])
    sent("POST", "/api/metrics/definitions", json=bodies["post_definitions"])
    sent("POST", "/models", params=VERSION, json=bodies["post_models"])
    sent("POST", "/models", params=VERSION, json=[model("Spare")])
    for twin in ("meter", "room"):
        sent("PUT", f"/digitaltwins/{twin}", params=VERSION, json=bodies["put_twin"])
    connection = sent("POST", "/api/integrations/integrate", json=bodies["integrate"])["integration"]["node"]["id"]
    source = sent("POST", "/api/datasources", json=bodies["post_datasource"])
    site.keys["sender"] = source["key"]
    return names | {
        "/api/datasources/{id}": source["id"],
        "/api/datasources/{id}/texts": source["id"],
        "/api/metrics/definitions/{id}": OWN,
        "/api/documents/{id}": document["id"],
        "/api/profiles/{id}": "B3",
        "/api/profiles/{id}/data": "B3",
        "/api/projects/{id}": sent("POST", "/api/projects", json={"name": "A"})["id"],
        "/api/projects/{id}/dataUsage": "default",
        "/api/units/maps/{text}": DIGITS,
        "/api/integrations/{id}": connection,
        "/models/{id}": model("Spare")["@id"],
        # The twin has the name of its component: all names in a path get the same.
        "/digitaltwins/{id}": "room",
        "/digitaltwins/{id}/components/{componentPath}": "meter",
    }


Change = Callable[[Case[Any], st.DataObject], None]


def as_it_is(case: Case[Any], data: st.DataObject) -> None:
    """Change nothing."""


def ask(site: Site, label: str, change: Change = as_it_is, *, badly: bool = False) -> int:
    """Ask one route several times, hold every answer against the document, and count those that are no refusal."""
    mode = GenerationMode.NEGATIVE if badly else GenerationMode.POSITIVE
    checks = [*CHECKS, negative_data_rejection] if badly and label != LENIENT else CHECKS
    answered = 0

    @seed(3)
    @settings(
        max_examples=FEW_EXAMPLES if label == "POST /api/sql" else EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode), data=st.data())
    def one(case: Case[Any], data: st.DataObject) -> None:
        change(case, data)
        role = ROWS[label].role
        key = site.keys.get("sender" if role == "sender" else "admin", "")
        headers = {} if role is None else {"Authorization": f"ApiKey {key}"}
        if role == "sender":
            headers = {"X-API-Key": key}
        answer = case.call_and_validate(site.url, headers=headers, checks=checks)
        nonlocal answered
        answered += answer.status_code < 300

    one()
    return answered


@pytest.mark.parametrize("label", [label for label in OPERATIONS if label not in OPEN])
def test_made_up_requests_are_answered_as_described(site: Site, label: str) -> None:
    """Status, media type, headers and schema of every answer, and never a 5xx."""
    ask(site, label)


@pytest.mark.parametrize("label", [label for label in OPERATIONS if label not in OPEN])
def test_requests_against_the_document_are_refused_as_described(site: Site, label: str) -> None:
    """What breaks a schema is a 4xx that says so."""
    ask(site, label, badly=True)


@pytest.mark.parametrize("label", OPERATIONS)
def test_requests_for_what_exists_are_answered_as_described(site: Site, label: str) -> None:
    """Each route is asked for what it is for, with the body of its example too, and does it at least once."""
    names, row = made(site), ROWS[label]
    _, _, path = label.partition(" ")
    bodies = [*BODIES.get(label, ()), *([guide.BODIES[row.name]] if row.name in guide.BODIES else ())]
    if label == "POST /connect/token":
        bodies = [bodies[0] | site.engine.keys.create_client("conforming", "sensor-data:read")]

    def change(case: Case[Any], data: st.DataObject) -> None:
        rest = {
            key: value for key, value in (case.query or {}).items() if key not in QUERY and data.draw(st.booleans())
        }
        case.query = rest | {key: QUERY[key] for key in case.query or {} if key in QUERY}
        if bodies:
            case.body = data.draw(st.sampled_from(bodies))
        if isinstance(case.body, bytes):
            case.headers["Content-Type"] = "text/plain"
        if path in names:
            case.path_parameters = dict.fromkeys(case.path_parameters, names[path])

    assert ask(site, label, change)
