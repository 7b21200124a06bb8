"""Azure Digital Twins: twins as seeds 002 and 004 print them, whose numbers are observations."""

import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest
from tests.api.adt import (
    TIME,
    ask,
    fresh,
    get,
    model_id,
    observed,
    put,
    refused,
    twin_of,
    upload,
)
from tests.api.azure_samples import MODEL, gotten, interface, models, property_of, puts
from tests.api.site import Site
from tests.api.site import site as open_site

SOURCE = "2022-05-31T12:00:01.000125009Z"  # seed 002, of property1
SOURCE_US = "2022-05-31T12:00:01.000125"


@pytest.fixture(autouse=True)
def printed_models(site: Site) -> None:
    """Have the models of the printed twins there."""
    assert upload(site, *models()).status_code in (201, 409)


def masked(value: Any) -> Any:
    """Return it with what differs each time covered: etags and times of updates."""
    if isinstance(value, dict):
        return {name: _masked(name, each) for name, each in value.items()}
    return value


def _masked(name: str, value: Any) -> Any:
    if name == "$etag":
        assert re.fullmatch(r'W/"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"', value)
        return "ETAG"
    if name in ("$lastUpdateTime", "lastUpdateTime"):
        assert re.fullmatch(TIME, value)
        return "TIME"
    return masked(value)


def test_the_printed_twins_are_put_and_retrieved(site: Site) -> None:
    """Names, order within objects aside, and all values; the etag stands in the header too."""
    for sent, printed in puts():
        answer = put(site, printed["$dtId"], sent)
        assert answer.status_code == 200
        assert answer.headers["etag"] == answer.json()["$etag"]
        # A time of the source comes back as it was sent; one of those printed differs from its request.
        expected = {"$etag": "ETAG", **masked(printed)}
        if "component1" in sent:
            expected["component1"]["$metadata"]["componentProperty"] |= sent["component1"]["$metadata"][
                "componentProperty"
            ]
        assert masked(answer.json()) == expected
        again = get(site, printed["$dtId"])
        assert (again.status_code, again.json(), again.headers["etag"]) == (200, answer.json(), answer.headers["etag"])


def test_the_printed_answer_to_get(site: Site) -> None:
    """Put back as it is printed, with another id in it: what the server keeps of it is what the server says itself."""
    printed = gotten()
    id = fresh()
    assert put(site, id, printed).status_code == 200
    assert masked(get(site, id).json()) == {**masked(printed), "$dtId": id}


def test_numbers_are_observations(site: Site) -> None:
    """At the time of their source, cut to microseconds, which the twin has whole; else at that of their arrival."""
    (_, (sent, _)) = puts()
    id = fresh()
    put(site, id, sent)
    assert observed(site, id, "property1") == {SOURCE_US: 1.0}
    twin = put(site, id, twin_of(MODEL, property1=2.5)).json()
    arrival = twin["$metadata"]["property1"]["lastUpdateTime"].removesuffix("0Z")
    assert observed(site, id, "property1") == {SOURCE_US: 1.0, arrival: 2.5}
    assert [metric.id for metric in site.engine.raw_metrics(f"/adt/{id}/sensor")] == ["property1"]


def test_ids_are_case_sensitive(site: Site) -> None:
    """And hold all of the vendor's characters (IoT Hub, Device identity properties)."""
    small = fresh()
    put(site, small, twin_of(MODEL, property1=1))
    assert refused(get(site, small.upper())) == (404, "DigitalTwinNotFound")
    odd = fresh("%2D:.+%25_%23*%3F!(),=@;$'")
    answer = put(site, odd, twin_of(MODEL, property1=1))
    assert (answer.status_code, answer.json()["$dtId"][:19]) == (200, "-:.+%_#*?!(),=@;$'-")
    assert get(site, odd).json() == answer.json()
    assert observed(site, answer.json()["$dtId"], "property1")


@pytest.mark.parametrize("id", ["a b", "a%C3%A4", "x" * 129, "a%22", "a%5C", "a%0A"])
def test_ids_that_are_none(site: Site, id: str) -> None:
    """A space, letters beyond ASCII, 129 characters."""
    assert refused(put(site, id, twin_of(MODEL))) == (400, "InvalidArgument")
    assert refused(get(site, id)) == (400, "InvalidArgument")
    assert put(site, "x" * 128, twin_of(MODEL)).status_code == 200


@pytest.mark.parametrize("version", [None, "", "2023-10-30", "latest"])
def test_the_version_is_checked(site: Site, version: str | None) -> None:
    """Of every request."""
    params = {} if version is None else {"api-version": version}
    for method, path, role in (("PUT", "/digitaltwins/a", "writer"), ("GET", "/digitaltwins/a", "reader")):
        answer = site.http(role).request(method, path, params=params, json=twin_of(MODEL))
        assert refused(answer) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    "twin", [[], {}, {"property1": 1}, {"$metadata": {}}, {"$metadata": 1}, {"$metadata": {"$model": 1}}]
)
def test_a_twin_needs_a_model(site: Site, twin: Any) -> None:
    """In `$metadata`."""
    assert refused(put(site, fresh(), twin)) == (400, "InvalidArgument")


def test_a_model_must_be_there(site: Site) -> None:
    """And not decommissioned."""
    model = model_id()
    assert refused(put(site, fresh(), twin_of(model))) == (400, "InvalidArgument")
    upload(site, interface(model))
    assert put(site, fresh(), twin_of(model)).status_code == 200
    done = ask(site, "PATCH", f"/models/{model}", [{"op": "replace", "path": "/decommissioned", "value": True}])
    assert (done.status_code, done.content) == (204, b"")
    assert refused(put(site, fresh(), twin_of(model))) == (400, "ModelDecommissioned")


@pytest.mark.parametrize("body", [b"", b"{", b'{"$metadata": NaN}'])
def test_what_is_no_json(site: Site, body: bytes) -> None:
    """InvalidArgument."""
    answer = site.http("writer").put("/digitaltwins/a", params={"api-version": "2023-10-31"}, content=body)
    assert refused(answer) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("twin", "named"),
    [
        (twin_of(MODEL, property1="1"), "property1"),
        (twin_of(MODEL, property1=None), "property1"),
        (twin_of(MODEL, property1=True), "property1"),
        (twin_of(MODEL, property9=1), "property9"),
        (twin_of(MODEL, property2={"other": "x"}), "property2.other"),
        (twin_of(MODEL, component1={"componentProperty": "x"}), "component1"),
        (twin_of(MODEL, component1={"$metadata": {}, "componentProperty": 1}), "component1.componentProperty"),
        (twin_of(MODEL, **{"$other": 1}), "$other"),
        ({"$metadata": {"$model": MODEL, "property1": {"sourceTime": "soon"}}, "property1": 1}, "property1.sourceTime"),
        ({"$metadata": {"$model": MODEL, "property1": {"sourceTime": 5}}, "property1": 1}, "property1.sourceTime"),
        ({"$metadata": {"$model": MODEL, "property1": {"sourceTime": SOURCE}}}, "property1"),
        ({"$metadata": {"$model": MODEL, "property1": {"other": 1}}, "property1": 1}, "property1"),
    ],
)  # fmt: skip
def test_a_twin_must_fit_its_model(site: Site, twin: Any, named: str) -> None:
    """Each fault is a detail, and nothing is kept."""
    id = fresh()
    answer = put(site, id, twin)
    assert refused(answer) == (400, "ValidationFailed")
    (detail,) = answer.json()["error"]["details"]
    assert named in detail["message"]
    assert get(site, id).status_code == 404


def test_the_etag_changes_with_each_write(site: Site) -> None:
    """Also where the content stays."""
    id = fresh()
    etags = [put(site, id, twin_of(MODEL, property1=1)).headers["etag"] for _ in range(3)]
    assert len(set(etags)) == 3
    assert get(site, id).headers["etag"] == etags[-1]


def test_if_none_match(site: Site) -> None:
    """`*` adds and never replaces; an etag refuses that version (RFC 9110, 13.1.2)."""
    id, twin = fresh(), twin_of(MODEL, property1=1)
    first = put(site, id, twin, headers={"If-None-Match": "*"})
    assert first.status_code == 200
    assert refused(put(site, id, twin, headers={"If-None-Match": "*"})) == (412, "PreconditionFailed")
    etag = first.headers["etag"]
    assert refused(put(site, id, twin, headers={"If-None-Match": etag})) == (412, "PreconditionFailed")
    assert put(site, id, twin, headers={"If-None-Match": 'W/"7e67a355"'}).status_code == 200
    assert len(observed(site, id, "property1")) == 2


def test_if_match(site: Site) -> None:
    """One of a list, or `*` (RFC 9110, 13.1.1); what is there stays as it was."""
    id, twin = fresh(), twin_of(MODEL, property1=1)
    assert refused(put(site, id, twin, headers={"If-Match": "*"})) == (412, "PreconditionFailed")
    etag = put(site, id, twin).headers["etag"]
    for wrong in ('W/"7e67a355-f19c-4c19-8a10-2d69b2d2253f"', '"a", "b"'):
        assert refused(put(site, id, twin, headers={"If-Match": wrong})) == (412, "PreconditionFailed")
    assert get(site, id).headers["etag"] == etag
    second = put(site, id, twin, headers={"If-Match": f'"a", {etag}'})
    assert second.status_code == 200
    assert put(site, id, twin, headers={"If-Match": "*"}).status_code == 200
    assert refused(put(site, id, twin, headers={"If-Match": "a"})) == (400, "InvalidArgument")


def test_what_a_client_says_of_the_server_is_ignored(site: Site) -> None:
    """`$dtId`, `$etag` and the times of updates."""
    id, source = fresh(), {"sourceTime": SOURCE, "lastUpdateTime": "2000-01-01T00:00:00.0000000Z"}
    metadata = {"$model": MODEL, "$lastUpdateTime": "2000-01-01T00:00:00.0000000Z", "property1": source}
    twin = put(site, id, {"$dtId": "other", "$etag": 'W/"x"', "$metadata": metadata, "property1": 1}).json()
    assert twin["$dtId"] == id
    assert "2000" not in str(twin)
    assert twin["$metadata"]["property1"]["sourceTime"] == SOURCE


def test_a_head_retrieves_nothing_else(site: Site) -> None:
    """Only headers."""
    id = fresh()
    etag = put(site, id, twin_of(MODEL)).headers["etag"]
    answer = ask(site, "HEAD", f"/digitaltwins/{id}", role="reader")
    assert (answer.status_code, answer.headers["etag"], answer.content) == (200, etag, b"")


def test_paths_and_methods_that_are_none(site: Site) -> None:
    """In the vendor's form too: an id with a slash, a relationship, a method that a path has not."""
    for path in ("/digitaltwins/a%2Fb", "/digitaltwins", "/digitaltwins/a/relationships/r", "/models/a/b"):
        assert refused(ask(site, "GET", path)) == (404, "NotFound")
    answer = ask(site, "POST", "/digitaltwins/a", {})
    assert (refused(answer), answer.headers["allow"]) == ((405, "MethodNotAllowed"), "DELETE, GET, HEAD, PATCH, PUT")


def test_keys(site: Site) -> None:
    """None or a wrong one 401, a reader that writes 403, in the vendor's form."""
    for role in (None, "tseng_none"):
        site.keys.setdefault("tseng_none", "tseng_none")
        for method in ("PUT", "GET"):
            answer = ask(site, method, "/digitaltwins/a", twin_of(MODEL), role=role)
            assert refused(answer) == (401, "AuthenticationFailed")
            assert answer.headers["www-authenticate"] == "Bearer"
    assert refused(ask(site, "PUT", "/digitaltwins/a", twin_of(MODEL), role="reader")) == (403, "AuthorizationFailed")


def test_a_twin_of_more_than_a_mebibyte(site: Site) -> None:
    """Is refused before it is read."""
    text = "x" * 2**20
    twin = twin_of(MODEL, component1={"$metadata": {}, "componentProperty": text})
    assert refused(put(site, fresh(), twin)) == (413, "RequestBodyTooLarge")


def test_units_of_the_model(site: Site) -> None:
    """DTDL v3, QuantitativeTypes: 25 degreeCelsius are 77 F; what is only called T has no unit that anybody knows."""
    model, id = model_id(), fresh()
    temperature = property_of("indoor", "double", unit="degreeCelsius") | {"@type": ["Property", "Temperature"]}
    upload(site, interface(model, temperature, property_of("T", "double")))
    put(site, id, twin_of(model, indoor=25, T=300))
    assert list(observed(site, id, "indoor", "F").values()) == [pytest.approx(77.0)]
    assert list(observed(site, id, "T").values()) == [300.0]


def test_projects_do_not_see_each_other(site: Site) -> None:
    """Models and twins live in the project of the key."""
    other = site.engine.create_project("other twins").id
    key = site.engine.keys.create("other", "writer", project=other)
    site.with_key(key)
    id = fresh()
    put(site, id, twin_of(MODEL, property1=1))
    assert refused(ask(site, "GET", f"/digitaltwins/{id}", role=key)) == (404, "DigitalTwinNotFound")
    assert refused(ask(site, "PUT", f"/digitaltwins/{id}", twin_of(MODEL), role=key)) == (400, "InvalidArgument")


def test_no_more_twins_than_the_setting_allows(tmp_path: Any) -> None:
    """TwinLimitReached for a new one; one that is there can be replaced."""
    with open_site(tmp_path / "store", twin_limit=2) as site:
        upload(site, *models())
        for id in ("a", "b", "a"):
            assert put(site, id, twin_of(MODEL, property1=1)).status_code == 200
        assert refused(put(site, "c", twin_of(MODEL, property1=1))) == (400, "TwinLimitReached")
        assert site.engine.entities("sensor", ids=["/adt/c/sensor"]) == []
        assert ask(site, "DELETE", "/digitaltwins/a").status_code == 204
        assert put(site, "c", twin_of(MODEL)).status_code == 200


def test_of_many_at_once_the_newest_observation_is_the_twin(site: Site) -> None:
    """Each is there as an observation, and the one that arrived last is what the twin shows."""
    model = model_id()
    assert upload(site, interface(model, property_of("n", "integer"))).status_code == 201
    for _ in range(10):
        id = fresh()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(partial(_put_number, site, id, model), range(16)))
        assert [answer.status_code for answer in answers] == [200] * 16
        seen = observed(site, id, "n")
        assert sorted(seen.values()) == list(range(16))
        shown = get(site, id).json()
        assert shown["n"] == seen[max(seen)]
        assert shown["$metadata"]["$lastUpdateTime"].startswith(max(seen))


def _put_number(site: Site, id: str, model: str, number: int) -> httpx.Response:
    return put(site, id, twin_of(model, n=number))
