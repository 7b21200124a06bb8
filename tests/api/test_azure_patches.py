"""Azure Digital Twins: twins and components are patched and deleted; only what a patch sets is observed."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.api.adt import ask, fresh, get, model_id, observed, patch, put, refused, twin_of, upload
from tests.api.azure_samples import MODEL, component_of, interface, models, property_of
from tests.api.site import Site

SOURCE = "2022-05-31T12:00:01.000125009Z"
SOURCE_US = "2022-05-31T12:00:01.000125"
NUMBERS = {"@type": "Map", "mapKey": {"name": "k", "schema": "string"}, "mapValue": {"name": "v", "schema": "double"}}


@pytest.fixture(autouse=True)
def printed_models(site: Site) -> None:
    """Have the models of the printed twins there."""
    assert upload(site, *models()).status_code in (201, 409)


def op(op: str, path: str, *value: Any) -> dict[str, Any]:
    """Return one operation."""
    return {"op": op, "path": path} | ({"value": value[0]} if value else {})


def test_the_vendors_example(site: Site) -> None:
    """REST reference, Twins - DigitalTwins Update, with text where the model of property2 wants it."""
    id = fresh()
    printed = twin_of(MODEL, property1=5, property2={"subProperty2": "kept"})
    first = put(site, id, printed)
    answer = patch(
        site,
        f"/digitaltwins/{id}",
        op("replace", "/property1", 1),
        op("replace", "/$metadata/property1/sourceTime", SOURCE),
        op("add", "/property2/subProperty1", "1"),
        op("remove", "/property2/subProperty2"),
    )
    assert (answer.status_code, answer.content) == (204, b"")
    twin = get(site, id)
    assert answer.headers["etag"] == twin.headers["etag"] == twin.json()["$etag"] != first.headers["etag"]
    assert (twin.json()["property1"], twin.json()["property2"]) == (1, {"subProperty1": "1"})
    now = twin.json()["$metadata"]["$lastUpdateTime"]
    assert now > first.json()["$metadata"]["$lastUpdateTime"]
    assert twin.json()["$metadata"]["property1"] == {"lastUpdateTime": now, "sourceTime": SOURCE}
    assert set(observed(site, id, "property1").items()) >= {(SOURCE_US, 1.0)}


def test_only_what_is_set_is_observed(site: Site) -> None:
    """Also to the same value; the others keep their times, and a new value has not the old one's source."""
    model, id = model_id(), fresh()
    point = {"@type": "Object", "fields": [{"name": name, "schema": "double"} for name in "xy"]}
    upload(site, interface(model, property_of("a", "double"), property_of("b", "double"), property_of("p", point)))
    metadata = {"$model": model, "a": {"sourceTime": SOURCE}, "b": {"sourceTime": SOURCE}}
    first = put(site, id, {"$metadata": metadata, "a": 1, "b": 2, "p": {"x": 3, "y": 4}}).json()
    path = f"/digitaltwins/{id}"
    assert patch(site, path, op("replace", "/a", 1), op("replace", "/p/x", 5)).status_code == 204
    second = get(site, id).json()
    now = second["$metadata"]["$lastUpdateTime"]
    assert second["$metadata"]["a"] == {"lastUpdateTime": now}
    assert second["$metadata"]["b"] == first["$metadata"]["b"]
    assert second["$metadata"]["p"] == {"lastUpdateTime": now}
    counts = {metric: len(observed(site, id, metric)) for metric in ("a", "b", "p.x", "p.y")}
    assert counts == {"a": 2, "b": 1, "p.x": 2, "p.y": 1}
    assert observed(site, id, "a")[now.removesuffix("0Z")] == 1.0
    later = "2024-01-01T00:00:00Z"
    assert patch(site, path, op("replace", "/$metadata/b/sourceTime", later)).status_code == 204
    assert observed(site, id, "b") == {SOURCE_US: 2.0, "2024-01-01T00:00:00.000000": 2.0}


def test_what_is_removed_is_no_measurement(site: Site) -> None:
    """The observations stay as they were, of a twin that is deleted too."""
    id = fresh()
    put(site, id, twin_of(MODEL, property1=1))
    before = observed(site, id, "property1")
    assert patch(site, f"/digitaltwins/{id}", op("remove", "/property1")).status_code == 204
    assert set(get(site, id).json()["$metadata"]) == {"$model", "$lastUpdateTime"}
    for _ in range(2):
        assert observed(site, id, "property1") == before
        ask(site, "DELETE", f"/digitaltwins/{id}")
    assert refused(ask(site, "DELETE", f"/digitaltwins/{id}")) == (404, "DigitalTwinNotFound")


def test_components(site: Site) -> None:
    """By their own path and through the twin's; the printed one has the times of its properties."""
    id = fresh()
    part = {"$metadata": {"componentProperty": {"sourceTime": SOURCE}}, "componentProperty": "some value"}
    twin = put(site, id, twin_of(MODEL, property1=1, component1=part)).json()
    path = f"/digitaltwins/{id}/components/component1"
    answer = ask(site, "GET", path, role="reader")
    assert (answer.json(), answer.headers["etag"]) == (twin["component1"], twin["$etag"])
    done = patch(site, path, op("replace", "/componentProperty", "other"))
    assert (done.status_code, done.headers["etag"]) == (204, get(site, id).headers["etag"])
    again = get(site, id).json()
    now = again["$metadata"]["$lastUpdateTime"]
    expected = {"$lastUpdateTime": now, "componentProperty": {"lastUpdateTime": now}}
    assert again["component1"] == {"componentProperty": "other", "$metadata": expected}
    assert again["$metadata"]["property1"] == twin["$metadata"]["property1"]
    change = op("replace", "/component1/componentProperty", "third")
    source = op("add", "/component1/$metadata/componentProperty/sourceTime", SOURCE)
    assert patch(site, f"/digitaltwins/{id}", change, source).status_code == 204
    assert ask(site, "GET", path).json()["$metadata"]["componentProperty"]["sourceTime"] == SOURCE
    for wrong in ("component2", "property1", "component1/componentProperty", "$metadata", ""):
        where = f"/digitaltwins/{id}/components/{wrong}"
        assert refused(ask(site, "GET", where)) == (404, "ComponentNotFound")
        assert refused(patch(site, where, change)) == (404, "ComponentNotFound")
    assert refused(ask(site, "GET", "/digitaltwins/none/components/component1")) == (404, "DigitalTwinNotFound")


def test_numbers_in_components_of_components(site: Site) -> None:
    """Patched by the path of the inner one."""
    inner, outer, model, id = model_id(), model_id(), model_id(), fresh()
    upload(
        site,
        interface(inner, property_of("p", "double")),
        interface(outer, component_of("inner", inner), property_of("q", "double")),
        interface(model, component_of("outer", outer)),
    )
    put(site, id, twin_of(model, outer={"$metadata": {}, "q": 1, "inner": {"$metadata": {}, "p": 1}}))
    path = f"/digitaltwins/{id}/components/outer/inner"
    assert patch(site, path, op("replace", "/p", 2)).status_code == 204
    assert list(observed(site, id, "outer.inner.p").values()) == [1.0, 2.0]
    assert list(observed(site, id, "outer.q").values()) == [1.0]
    assert patch(site, f"/digitaltwins/{id}", op("remove", "/outer/inner")).status_code == 204
    whole = {"$metadata": {"p": {"sourceTime": SOURCE}}, "p": 3}
    assert patch(site, f"/digitaltwins/{id}", op("add", "/outer/inner", whole)).status_code == 204
    assert observed(site, id, "outer.inner.p")[SOURCE_US] == 3.0


def test_arrays(site: Site) -> None:
    """RFC 6902, 4.1 and A.2: what is added moves what is behind it, so that all of it is observed anew."""
    model, id = model_id(), fresh()
    upload(site, interface(model, property_of("list", {"@type": "Array", "elementSchema": "double"})))
    put(site, id, twin_of(model, list=[1, 3]))
    path = f"/digitaltwins/{id}"
    for change, expected in (
        (op("add", "/list/1", 2), [1, 2, 3]),
        (op("add", "/list/-", 4), [1, 2, 3, 4]),
        (op("replace", "/list/0", 0), [0, 2, 3, 4]),
        (op("remove", "/list/3"), [0, 2, 3]),
    ):
        assert patch(site, path, change).status_code == 204
        assert get(site, id).json()["list"] == expected
    assert list(observed(site, id, "list.1").values()) == [3.0, 2.0, 2.0, 2.0, 2.0]
    for wrong in ("/list/4", "/list/01", "/list/x", "/list/-1"):
        assert refused(patch(site, path, op("add", wrong, 1))) == (400, "JsonPatchInvalid")
        assert refused(patch(site, path, op("remove", wrong))) == (400, "JsonPatchInvalid")


# The second to fifth: SDK, tests of update_digital_twin (test_digital_twins.py).
INVALID: list[tuple[Any, str]] = [
    ({"property1": 1}, "JsonPatchInvalid"),
    ([{"op": "move", "path": "/property1", "value": 42}], "JsonPatchInvalid"),
    (["property1"], "JsonPatchInvalid"),
    ([{}], "JsonPatchInvalid"),
    ([op("add", "/other", "5")], "ValidationFailed"),
    ([op("replace", "/property1", "42")], "ValidationFailed"),
    ([op("replace", "/property1", None)], "ValidationFailed"),
    ([op("replace", "/property1")], "JsonPatchInvalid"),
    ([op("replace", "property1", 1)], "JsonPatchInvalid"),
    ([op("add", "", {})], "JsonPatchInvalid"),
    ([op("replace", "/property2", {})], "JsonPatchInvalid"),  # RFC 6902, 4.3: there must be one
    ([op("remove", "/property2")], "JsonPatchInvalid"),
    ([op("add", "/property2/subProperty1", "x")], "JsonPatchInvalid"),
    ([op("add", "/property1/x", "x")], "JsonPatchInvalid"),
    ([op("replace", "/$dtId", "x")], "JsonPatchInvalid"),
    ([op("remove", "/$metadata/$model")], "JsonPatchInvalid"),
    ([op("remove", "/$metadata")], "JsonPatchInvalid"),
    ([op("replace", "/$metadata/$lastUpdateTime", SOURCE)], "JsonPatchInvalid"),
    ([op("replace", "/$metadata/property1/lastUpdateTime", SOURCE)], "JsonPatchInvalid"),
    ([op("replace", "/$metadata/property1/sourceTime", "soon")], "ValidationFailed"),
    ([op("replace", "/$metadata/property1/sourceTime", 5)], "ValidationFailed"),
    ([op("replace", "/$metadata/property2/sourceTime", SOURCE)], "ValidationFailed"),
    ([op("replace", "/$metadata/$model", "dtmi:none;1")], "InvalidArgument"),
    ([op("replace", "/$metadata/$model", 1)], "InvalidArgument"),
    ([op("replace", "/property1", 2), op("add", "/other", 1)], "ValidationFailed"),
]


@pytest.mark.parametrize(("body", "code"), INVALID, ids=lambda value: str(value)[:60])
def test_patches_that_are_refused(site: Site, body: Any, code: str) -> None:
    """Nothing of them happens."""
    id = fresh()
    before = put(site, id, twin_of(MODEL, property1=1))
    assert refused(ask(site, "PATCH", f"/digitaltwins/{id}", body)) == (400, code)
    assert get(site, id).json() == before.json()
    assert len(observed(site, id, "property1")) == 1


def test_an_empty_patch_is_a_write(site: Site) -> None:
    """Of nothing; the version is another."""
    id = fresh()
    before = put(site, id, twin_of(MODEL, property1=1)).json()
    assert patch(site, f"/digitaltwins/{id}").status_code == 204
    after = get(site, id).json()
    assert after["$etag"] != before["$etag"]
    assert after["$metadata"]["property1"] == before["$metadata"]["property1"]


def test_no_json_is_no_patch(site: Site) -> None:
    """InvalidArgument."""
    put(site, "a", twin_of(MODEL))
    answer = site.http("writer").patch("/digitaltwins/a", params={"api-version": "2023-10-31"}, content=b"[")
    assert refused(answer) == (400, "InvalidArgument")


def test_names_with_slashes(site: Site) -> None:
    """RFC 6901, section 4: `~1` and `~0`, in the keys of a map."""
    model, id = model_id(), fresh()
    upload(site, interface(model, property_of("m", NUMBERS)))
    put(site, id, twin_of(model, m={}))
    assert patch(site, f"/digitaltwins/{id}", op("add", "/m/a~1b~0c", 1)).status_code == 204
    assert get(site, id).json()["m"] == {"a/b~c": 1}
    assert list(observed(site, id, "m.a/b~c").values()) == [1.0]


def test_another_model(site: Site) -> None:
    """The vendor's guide, Update a digital twin's model: with what that wants; not one that is decommissioned."""
    old, new, id = model_id(), model_id(), fresh()
    upload(site, interface(old, property_of("mass", "double")), interface(new, property_of("weight", "double")))
    put(site, id, twin_of(old, mass=1))
    path = f"/digitaltwins/{id}"
    moved = op("replace", "/$metadata/$model", new)
    assert refused(patch(site, path, moved)) == (400, "ValidationFailed")
    change = [moved, op("remove", "/mass"), op("add", "/weight", 2)]
    assert patch(site, path, *change).status_code == 204
    assert get(site, id).json()["$metadata"]["$model"] == new
    patch(site, f"/models/{old}", op("replace", "/decommissioned", True))
    back = [op("replace", "/$metadata/$model", old), op("remove", "/weight"), op("add", "/mass", 2)]
    assert refused(patch(site, path, *back)) == (400, "ModelDecommissioned")


def test_conditions(site: Site) -> None:
    """Of a patch, of a component's, and of a deletion; what is not there is 404 whatever the condition."""
    id = fresh()
    etag = put(site, id, twin_of(MODEL, component1={"$metadata": {}})).headers["etag"]
    twin, part = f"/digitaltwins/{id}", f"/digitaltwins/{id}/components/component1"
    wrong = {"If-Match": 'W/"7e67a355-f19c-4c19-8a10-2d69b2d2253f"'}
    change = op("add", "/componentProperty", "x")
    assert refused(patch(site, part, change, headers=wrong)) == (412, "PreconditionFailed")
    assert refused(patch(site, twin, headers=wrong)) == (412, "PreconditionFailed")
    assert refused(ask(site, "DELETE", twin, headers=wrong)) == (412, "PreconditionFailed")
    second = patch(site, part, change, headers={"If-Match": etag})
    assert second.status_code == 204
    assert refused(patch(site, part, change, headers={"If-Match": etag})) == (412, "PreconditionFailed")
    assert patch(site, twin, headers={"If-Match": "*"}).status_code == 204
    assert refused(ask(site, "DELETE", twin, headers={"If-Match": second.headers["etag"]})) == (
        412,
        "PreconditionFailed",
    )
    assert ask(site, "DELETE", twin, headers={"If-Match": "*"}).status_code == 204
    assert refused(patch(site, twin, headers=wrong)) == (404, "DigitalTwinNotFound")
    assert refused(ask(site, "DELETE", twin, headers=wrong)) == (404, "DigitalTwinNotFound")


def test_patches_at_once_are_all_made(site: Site) -> None:
    """Without a condition none is lost: eight clients each set a key of their own, again and again."""
    model, id = model_id(), fresh()
    upload(site, interface(model, property_of("m", NUMBERS)))
    put(site, id, twin_of(model, m={}))

    def work(number: int) -> None:
        for count in range(10):
            assert patch(site, f"/digitaltwins/{id}", op("add", f"/m/k{number}", count)).status_code == 204

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, number) for number in range(8)]:
            done.result()
    assert get(site, id).json()["m"] == {f"k{number}": 9 for number in range(8)}
    for number in range(8):
        assert list(observed(site, id, f"m.k{number}").values()) == list(range(10))


def test_of_many_with_one_etag_one_wins(site: Site) -> None:
    """The others are told."""
    id = fresh()
    etag = put(site, id, twin_of(MODEL, property1=0)).headers["etag"]

    def work(number: int) -> int:
        change = op("replace", "/property1", number)
        return patch(site, f"/digitaltwins/{id}", change, headers={"If-Match": etag}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(work, range(1, 9))) == [204] + [412] * 7
    assert len(observed(site, id, "property1")) == 2


def test_of_many_that_add_one_wins(site: Site) -> None:
    """`If-None-Match: *`."""
    id = fresh()

    def work(number: int) -> int:
        return put(site, id, twin_of(MODEL, property1=number), headers={"If-None-Match": "*"}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(work, range(8))) == [200] + [412] * 7
    assert len(observed(site, id, "property1")) == 1


def test_roles(site: Site) -> None:
    """Readers read."""
    id = fresh()
    put(site, id, twin_of(MODEL, component1={"$metadata": {}}))
    twin, part = f"/digitaltwins/{id}", f"/digitaltwins/{id}/components/component1"
    for method, path in (("PATCH", twin), ("DELETE", twin), ("PATCH", part)):
        assert refused(ask(site, method, path, [], role="reader")) == (403, "AuthorizationFailed")
        assert refused(ask(site, method, path, [], role=None)) == (401, "AuthenticationFailed")
    assert refused(ask(site, "GET", part, role=None)) == (401, "AuthenticationFailed")
