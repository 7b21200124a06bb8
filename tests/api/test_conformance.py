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

from tseng_api.app import ROUTES
from tseng_api.openapi import document, template

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
PROFILE = {"name": "B 3", "axis": "depth", "unit": "m", "points": [{"sensor": THERMOMETER, "at": 1.0}]}
WARMTH = {"metrics": {"warmth": {"name": "warmth", "unit": "F", "expression": "T"}}}
DIGITS = {"text": "digits/s", "unit": "Hz"}
SERIES = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}
# What exists: made-up texts alone would mostly find no such sensor.
QUERY: dict[str, Any] = {**SERIES, "startDate": START, "endDate": START, "at": [START], "name": "a.txt", "params": {}}
BODIES: dict[str, Any] = {
    "POST /api/data": {"requests": [SERIES, {**SERIES, "metric": "X"}]},
    "POST /api/data/table": {"columns": [SERIES]},
    "POST /api/data/upload": {"observations": [{"sensorId": THERMOMETER, "timestamp": START, "values": {"T": 1.5}}]},
    "POST /api/sql": {"sql": "SELECT *, NULL AS nothing FROM observations"},
    "POST /api/sensors/metrics": {"ids": [THERMOMETER, THERMISTOR, "/x/sensor"]},
    "POST /api/metrics/definitions": WARMTH,
    "POST /api/units/maps": DIGITS,
    "PUT /api/profiles/{id}": PROFILE,
    "POST /api/projects": {"name": "B"},
    "POST /api/rpc": [{"jsonrpc": "2.0", "id": 1, "method": "help", "params": {}}],
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


def made(site: Site) -> tuple[dict[str, str], dict[str, Any]]:
    """Make one of everything anew; return the names in paths, and the bodies, that ask for what exists."""
    http = site.http("admin")
    document = http.post("/api/documents?name=a.txt", content=b"a", headers={"Content-Type": "text/plain"}).json()
    assert http.put("/api/profiles/B3", json=PROFILE).status_code in (200, 201)
    assert http.post("/api/units/maps", json=DIGITS).status_code == 200
    assert http.post("/api/metrics/definitions", json=WARMTH).status_code == 200
    project = http.post("/api/projects", json={"name": "A"}).json()
    client = site.engine.keys.create_client("conforming", "sensor-data:read")
    names = {
        "/api/metrics/definitions/{id}": "warmth",
        "/api/documents/{id}": document["id"],
        "/api/profiles/{id}": "B3",
        "/api/profiles/{id}/data": "B3",
        "/api/projects/{id}": project["id"],
        "/api/units/maps/{text}": "digits/s",
    }
    return names, {**BODIES, "POST /connect/token": {"grant_type": "client_credentials", **client}}


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
        headers = {} if ROWS[label].role is None else {"Authorization": f"ApiKey {site.keys['admin']}"}
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
    """What a route is for is among its answers."""
    names, bodies = made(site)
    _, _, path = label.partition(" ")

    def change(case: Case[Any], data: st.DataObject) -> None:
        rest = {
            key: value for key, value in (case.query or {}).items() if key not in QUERY and data.draw(st.booleans())
        }
        case.query = rest | {key: QUERY[key] for key in case.query or {} if key in QUERY}
        case.body = bodies.get(label, case.body)
        if path in names:
            case.path_parameters = dict.fromkeys(case.path_parameters, names[path])

    answered = ask(site, label, change)
    # Bodies and names of other routes are made up here: theirs are in the tests of those routes.
    assert answered or ("{" in path and path not in names) or (ROWS[label].takes and label not in bodies)
