"""The API's document says what the server does, of every route; the page that shows it needs no other host."""

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR
from tests.api.site import Site
from tests.api.site import site as open_site

from tseng_api import guide
from tseng_api.app import ROUTES
from tseng_api.errors import OUTCOMES
from tseng_api.openapi import HERE, document
from tseng_api.routing import Endpoint, OneOf, Received, route

DOCUMENT: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document(ROUTES)))


def operations() -> Iterator[dict[str, Any]]:
    """Every operation."""
    for path in DOCUMENT["paths"].values():
        yield from path.values()


def references(part: Any) -> Iterator[str]:
    """Every reference of the document."""
    if isinstance(part, dict):
        yield from (value for key, value in part.items() if key == "$ref")
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from references(each)


def test_the_document_is_served_to_anybody(site: Site) -> None:
    """As it is made from the rows of the application; where tokens are had is told as the asker reached the server."""
    here = site.url.removeprefix("http://")
    for host, told_host in ((here, here), ("sensors.example", "sensors.example"), ("[", here), ('"', here)):
        answer = site.http(None).get("/api/openapi.json", headers={"Host": host})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        told = answer.json()
        flow = told["components"]["securitySchemes"]["OAuth2"]["flows"]["clientCredentials"]
        assert flow.pop("tokenUrl") == f"http://{told_host}/connect/token"
        flow["tokenUrl"] = f"{HERE}/connect/token"
        assert told == DOCUMENT


@pytest.mark.parametrize(("trusted", "scheme"), [("", "https"), ("192.0.2.1,10.0.0.0/8", "http")])
def test_behind_a_proxy_that_ends_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: str, scheme: str
) -> None:
    """Tokens are had where the browser sees the server, if the proxy is believed: as it is on the same host."""
    if trusted:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", trusted)
    headers = {"Host": "sensors.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
    with open_site(tmp_path / "store") as opened:
        told = opened.http(None).get("/api/openapi.json", headers=headers).json()
    flow = told["components"]["securitySchemes"]["OAuth2"]["flows"]["clientCredentials"]
    assert flow["tokenUrl"] == f"{scheme}://sensors.example/connect/token"


def test_it_is_sound_openapi() -> None:
    """By the schema of OpenAPI 3.1; every reference leads somewhere."""
    OPENAPI_31_VALIDATOR.validate(DOCUMENT)
    for reference in set(references(DOCUMENT)):
        found: Any = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.method} {row.path}")
def test_every_route_stands_there(row: Endpoint) -> None:
    """With its summary, its parameters, its body, who may, and every answer and refusal."""
    operation = DOCUMENT["paths"][re.sub(r":\w+}", "}", row.path)][row.method.lower()]
    assert operation["summary"] == row.summary != ""
    assert bool(operation["security"]) == (row.role is not None)
    assert {int(status) for status in operation["responses"]} >= {*row.answers, *row.refusals}
    assert list(operation.get("requestBody", {}).get("content", {})) == list(row.takes)
    in_path = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
    assert in_path == {part.partition(":")[0] for part in re.findall(r"{([^}]+)}", row.path)}
    in_query = {each["name"] for each in operation["parameters"] if each["in"] == "query"}
    assert in_query == {field.encode_name for field in msgspec.structs.fields(row.query)}


def test_the_key_of_a_data_source_has_its_place() -> None:
    """A header of its own (seed 001, Authentication); tokens are no such keys."""
    told = DOCUMENT["paths"]["/functions/v1/ingest-data"]["post"]["security"]
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert [schemes[name]["name"] for each in told for name in each] == ["X-API-Key", "Authorization"]
    assert list(schemes)[-1] == "ApiKey"


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.method} {row.path}")
def test_every_json_answer_has_a_type(row: Endpoint) -> None:
    """No answer in JSON is anything at all."""
    for answer in row.answers.values():
        for media, kind in answer.content.items():
            kinds = kind.types if isinstance(kind, OneOf) else (kind,)
            assert Any not in kinds
            assert bytes not in kinds or media not in ("application/json", "application/vnd.tseng.columns+json")


def test_every_body_in_json_has_an_example() -> None:
    """Of the guide, which has no other; those it gives for parameters are of parameters that something needs."""
    asked = {each["operationId"]: each.get("requestBody", {}).get("content", {}) for each in operations()}
    del asked["post_document"]
    examples = {
        name: told["example"] for name, content in asked.items() for told in content.values() if "example" in told
    }
    assert examples == guide.BODIES
    assert [name for name, content in asked.items() if content and name not in examples] == []
    parameters = [each for operation in operations() for each in operation["parameters"] if each["in"] == "query"]
    assert {each["name"] for each in parameters if each.get("example")} == guide.VALUES.keys()
    assert [each["name"] for each in parameters if not each.get("description")] == []


@pytest.mark.parametrize("name", guide.ANSWERS)
def test_an_example_of_an_answer_is_one(name: str) -> None:
    """Of the type that the route answers with, nothing left out and nothing more."""
    (row,) = (row for row in ROUTES if row.name == name)
    kind = row.answers[min(row.answers)].content["application/json"]
    kinds = kind.types if isinstance(kind, OneOf) else (kind,)
    told = msgspec.convert(guide.ANSWERS[name], kinds[0])
    assert msgspec.to_builtins(told) == guide.ANSWERS[name]


def test_operations_have_names_of_their_own() -> None:
    """A client made from the document has one function for each."""
    names = [operation["operationId"] for operation in operations()]
    assert len(set(names)) == len(names) == len(ROUTES)


def test_every_refusal_is_described_once() -> None:
    """Each status of the table is a shared response that names its categories."""
    told = " ".join(each["description"] for each in DOCUMENT["components"]["responses"].values())
    assert [category for category in OUTCOMES if f"`{category}`" not in told] == []


def test_a_row_that_leaves_something_open_is_refused() -> None:
    """A handler of raw bytes or of a whole response has to say what they are."""

    def raw(received: Received[Any, bytes]) -> None:
        """Take anything."""

    with pytest.raises(TypeError, match="need `takes`"):
        route("/api/raw", raw)


def test_the_page_asks_no_other_host(site: Site) -> None:
    """No element loads anything, every script has its hash in the policy, and the policy allows this host alone."""
    answer = site.http(None).get("/docs")
    page, policy = answer.text, answer.headers["Content-Security-Policy"]
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 2
    for script in scripts:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy
    rest = re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)
    assert re.findall(r"(?:src|href)=\"([^\"]*)\"", rest) == ["data:,"]
    styles = "".join(re.findall(r"<style>(.*?)</style>", page, re.DOTALL))
    assert [url for url in re.findall(r"url\(([^)]*)\)", styles) if not url.strip("\"'").startswith("data:")] == []
    assert "@import" not in styles
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "http" not in policy
    assert 'url: "/api/openapi.json"' in scripts[-1]
    assert "validatorUrl: null" in scripts[-1]
