"""Azure Digital Twins: DTDL models are uploaded, listed, decommissioned and deleted; payloads are held against them."""

import itertools
import re
from typing import Any

import pytest
from tests.api.adt import TIME, ask, fresh, get, model_id, observed, patch, put, refused, twin_of, upload
from tests.api.azure_samples import component_of, interface, property_of
from tests.api.site import Site

OBJECT = {"@type": "Object", "fields": [{"name": name, "schema": "double"} for name in "xyz"]}  # DTDL v3, Object
ENUM = {  # DTDL v3, Enum
    "@type": "Enum",
    "valueSchema": "integer",
    "enumValues": [
        {"name": "offline", "displayName": "Offline", "enumValue": 1},
        {"name": "online", "displayName": "Online", "enumValue": 2},
    ],
}
MAP = {  # DTDL v3, Map
    "@type": "Map",
    "mapKey": {"name": "moduleName", "schema": "string"},
    "mapValue": {"name": "moduleState", "schema": "string"},
}
LENGTH = {"@type": ["Property", "Length"]}
ARRAY = {"@type": "Array", "elementSchema": "boolean"}  # DTDL v3, Array


def test_the_vendors_example(site: Site) -> None:
    """REST reference, Models - DigitalTwinModels Add; the text without a language is English."""
    model = {
        "@id": "dtmi:com:example:Sample;1",
        "@type": "Interface",
        "displayName": "Sample Interface",
        "contents": [
            property_of("name", "string", displayName="Sample instance name"),
            property_of("temp", "integer", displayName="Sample instance temperature"),
            property_of("comfortIndex", "integer", displayName="Sample instance comfort index"),
        ],
        "@context": "dtmi:dtdl:context;2",
    }
    answer = upload(site, model)
    (told,) = answer.json()
    upload_time = told.pop("uploadTime")
    assert re.fullmatch(TIME, upload_time)
    texts = {"description": {}, "displayName": {"en": "Sample Interface"}}
    assert (answer.status_code, told) == (201, {"id": model["@id"], **texts, "decommissioned": False})
    assert refused(upload(site, model)) == (409, "ModelAlreadyExists")
    path = f"/models/{model['@id']}"
    assert ask(site, "GET", path).json() == told | {"uploadTime": upload_time}
    whole = ask(site, "GET", path, params={"includeModelDefinition": "true"}).json()
    assert whole == told | {"uploadTime": upload_time, "model": model}


def test_all_or_nothing(site: Site) -> None:
    """One that is there already keeps the others out."""
    there, other = model_id(), model_id()
    assert upload(site, interface(there)).status_code == 201
    assert refused(upload(site, interface(other), interface(there))) == (409, "ModelAlreadyExists")
    assert refused(ask(site, "GET", f"/models/{other}")) == (404, "ModelNotFound")


@pytest.mark.parametrize("version", [2, 3])
def test_dependencies_in_the_list_and_in_the_store(site: Site, version: int) -> None:
    """In any order; of a missing one nothing is kept."""
    base, part, whole = (model_id(name) for name in ("Base", "Part", "Whole"))
    model = interface(whole, component_of("part", part), version=version, extends=base)
    answer = upload(site, model, interface(part, version=version))
    assert refused(answer) == (400, "DTDLParserError")
    assert base in answer.json()["error"]["details"][0]["message"]
    assert refused(ask(site, "GET", f"/models/{part}")) == (404, "ModelNotFound")
    assert upload(site, interface(base, property_of("p", "double"), version=version)).status_code == 201
    assert upload(site, model, interface(part, version=version)).status_code == 201
    assert put(site, fresh(), twin_of(whole, p=1, part={"$metadata": {}})).status_code == 200
    listed = ask(site, "GET", "/models", params={"dependenciesFor": whole}).json()["value"]
    assert {each["id"] for each in listed} == {base, part, whole}


def test_cycles_are_refused(site: Site) -> None:
    """Of extending and of components, of one and of two."""
    one, two = model_id(), model_id()
    for first, second in (
        (interface(one, extends=one), interface(two)),
        (interface(one, extends=[two]), interface(two, extends=one)),
        (interface(one, component_of("c", one)), interface(two)),
        (interface(one, component_of("c", two)), interface(two, component_of("c", one))),
    ):
        assert refused(upload(site, first, second)) == (400, "DTDLParserError")


def test_too_many_levels(site: Site) -> None:
    """DTDL v3, Interface: ten levels of extending."""
    ids = [model_id() for _ in range(12)]
    chain = [interface(id, extends=[base] if base else []) for base, id in zip([None, *ids], ids, strict=False)]
    assert refused(upload(site, *chain)) == (400, "DTDLParserError")
    assert upload(site, *chain[:11]).status_code == 201


def test_a_lattice_of_interfaces_is_walked_once(site: Site) -> None:
    """Nine levels of ten, each extending all ten of the level above: a hundred million paths."""
    levels = [[model_id(f"L{level}") for _ in range(10)] for level in range(10)]
    models = [interface(id) for id in levels[0]]
    models += [interface(id, extends=above) for above, level in itertools.pairwise(levels) for id in level]
    assert upload(site, *models).status_code == 201
    assert put(site, fresh(), twin_of(levels[-1][0])).status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"@context": "dtmi:dtdl:context;4"}, "ModelVersionNotSupported"),
        ({"@context": "dtmi:dtdl:context;1"}, "ModelVersionNotSupported"),
        ({"@context": None}, "DTDLParserError"),
        ({"@type": "Telemetry"}, "DTDLParserError"),
        ({"@id": None}, "DTDLParserError"),
        ({"@id": "dtmi:com:example:_16:a;1"}, "DTDLParserError"),  # a system segment
        ({"@id": "dtmi:com:example:a_;1"}, "DTDLParserError"),
        ({"@id": "dtmi:dtdl:a;1"}, "DTDLParserError"),
        ({"@id": "dtmi:com:example:a;0"}, "DTDLParserError"),
        ({"@id": f"dtmi:com:example:{'a' * 128};1"}, "DTDLParserError"),
        ({"displayName": "x" * 65}, "DTDLParserError"),
        ({"contents": [{"@type": "Thing", "name": "a"}]}, "DTDLParserError"),
        ({"contents": [property_of("1a", "double")]}, "DTDLParserError"),
        ({"contents": [property_of("a", "number")]}, "DTDLParserError"),
        ({"contents": [{"@type": "Property", "name": "a"}]}, "DTDLParserError"),
        ({"contents": [property_of("a", "double"), property_of("a", "double")]}, "DTDLParserError"),
        ({"contents": [property_of("a", {"@type": "Set"})]}, "DTDLParserError"),
        ({"contents": [property_of("a", ENUM | {"valueSchema": "double"})]}, "DTDLParserError"),
        ({"contents": [property_of("a", ENUM | {"enumValues": [{"name": "x", "enumValue": "1"}]})]}, "DTDLParserError"),
        ({"contents": [property_of("a", MAP | {"mapKey": {"name": "k", "schema": "integer"}})]}, "DTDLParserError"),
        ({"contents": [property_of("a", "string", unit="metre") | LENGTH]}, "DTDLParserError"),
        ({"contents": [property_of("a", "double", unit="newton") | LENGTH]}, "DTDLParserError"),
        ({"contents": [{"@type": "Component", "name": "a", "schema": 1}]}, "DTDLParserError"),
        ({"contents": [{"@type": "Relationship", "name": "a", "target": "x"}]}, "DTDLParserError"),
        ({"contents": [{"@type": "Command", "name": "a", "request": {"name": "b"}}]}, "DTDLParserError"),
    ],
)  # fmt: skip
def test_what_is_no_model(site: Site, changes: dict[str, Any], code: str) -> None:
    """The fault is named, beside a model that is one."""
    good, id = model_id(), model_id()
    bad = {name: value for name, value in (interface(id) | changes).items() if value is not None}
    answer = upload(site, interface(good), bad)
    assert refused(answer) == (400, code)
    assert answer.json()["error"]["details"]
    assert ask(site, "GET", f"/models/{good}").status_code == 404


@pytest.mark.parametrize("body", [[], {}, 1, [1], None])
def test_what_is_no_list_of_models(site: Site, body: Any) -> None:
    """Nor one of nothing."""
    answer = site.http("writer").post("/models", params={"api-version": "2023-10-31"}, json=body)
    assert refused(answer) == (400, "InvalidArgument")
    assert refused(upload(site, {})) == (400, "DTDLParserError")


def test_versions_of_the_language(site: Site) -> None:
    """v3, Digital Twin Model Identifier: no version, or two parts; v2: no arrays in properties, nothing of v3."""
    id = model_id().partition(";")[0]
    for version, expected in ((3, 201), (2, 400)):
        for end in ("", ";1.2"):
            assert upload(site, interface(f"{id}_v{version}{end}", version=version)).status_code == expected
        assert upload(site, interface(model_id(), property_of("a", ARRAY), version=version)).status_code == expected
    three = model_id()
    assert upload(site, interface(three)).status_code == 201
    assert refused(upload(site, interface(model_id(), version=2, extends=three))) == (400, "DTDLParserError")


# DTDL v3, Primitive schema, Array to Object, Geospatial Schemas: the serialized examples, and what they rule out.
VALUES: list[tuple[Any, list[Any], list[Any]]] = [
    ("boolean", [True, False], [1, "true", None]),
    ("date", ["2024-02-29"], ["2023-02-29", "20240229", "2024-02-29T00:00:00Z", 5]),
    ("dateTime", ["2024-02-29T12:00:00Z", "2024-02-29T12:00:00.5+02:00"], ["2024-02-29", "noon", 5]),
    ("time", ["23:59:59", "12:00:00.5Z", "12:00:00+02:00"], ["24:00:00", "12:60:00", "noon"]),
    ("duration", ["P1DT2H", "PT0.5S", "P3W", "P1Y2M"], ["P", "1D", "PT", "P1H"]),
    ("double", [1, -2.5, 1e300], ["1", True, None, 10**400]),
    ("float", [1, 3.4e38], [3.5e38, "1"]),
    ("integer", [2**31 - 1, -(2**31)], [2**31, 1.5, "1"]),
    ("long", [2**63 - 1, -(2**63)], [2**63, 1.0]),
    ("string", ["", "é"], [1, None, []]),
    (ARRAY, [[True, True, False], []], [[1], True, {"0": True}]),
    (ENUM, [2], [3, "online", 2.0, True]),
    (MAP, [{"moduleA": "running", "moduleB": "stopped"}, {}], [{"moduleA": 1}, []]),
    (OBJECT, [{"x": 12.7, "y": 5.5, "z": 19.1}, {"x": 1}, {}], [{"x": "1"}, {"w": 1}, [1]]),
    (
        "point",
        [{"type": "Point", "coordinates": [47.643742, -122.128014]}],
        [{"type": "Polygon", "coordinates": [1, 2]}, {"type": "Point", "coordinates": [1]}, [1, 2]],
    ),
    (
        "polygon",
        [{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}],
        [{"type": "Polygon", "coordinates": [[0, 0]]}],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "good", "bad"), VALUES, ids=lambda value: str(value)[:20])
def test_values_are_held_against_their_schema(site: Site, schema: Any, good: list[Any], bad: list[Any]) -> None:
    """At the root, in an object, and in a component of a base."""
    base, part, model = model_id(), model_id(), model_id()
    inner = property_of("inner", {"@type": "Object", "fields": [{"name": "field", "schema": schema}]})
    own = property_of("own", schema)
    uploaded = upload(
        site,
        interface(part, own),
        interface(base, component_of("part", part)),
        interface(model, own, inner, extends=base),
    )
    assert uploaded.status_code == 201
    for value in good:
        twin = twin_of(model, own=value, inner={"field": value}, part={"$metadata": {}, "own": value})
        answer = put(site, fresh(), twin)
        assert answer.status_code == 200
        assert (answer.json()["own"], answer.json()["part"]["own"]) == (value, value)
    for value in bad:
        for content in ({"own": value}, {"inner": {"field": value}}, {"part": {"$metadata": {}, "own": value}}):
            assert refused(put(site, fresh(), twin_of(model, **content))) == (400, "ValidationFailed")


def test_every_number_is_an_observation(site: Site) -> None:
    """By its path with dots: in components of components, objects, maps, arrays, enums and positions."""
    inner, outer, model, id = model_id(), model_id(), model_id(), fresh()
    numbers = {"@type": "Map", "mapKey": {"name": "k", "schema": "string"}, "mapValue": {"name": "v", "schema": "long"}}
    level = {"name": "level", "schema": "float", "unit": "millimetre", "@type": "Length"}
    upload(
        site,
        interface(inner, property_of("p", {"@type": "Object", "fields": [level]})),
        interface(outer, component_of("inner", inner)),
        interface(
            model,
            component_of("outer", outer),
            property_of("map", numbers),
            property_of("list", {"@type": "Array", "elementSchema": OBJECT}),
            property_of("state", ENUM),
            property_of("at", "point"),
            property_of("text", "string"),
            property_of("on", "boolean"),
        ),
    )
    part = {"$metadata": {"p": {"sourceTime": "2024-01-01T00:00:00Z"}}, "p": {"level": 5.0}}
    twin = twin_of(
        model,
        outer={"$metadata": {}, "inner": part},
        map={"a": 1},
        list=[{"x": 2}, {"y": 3}],
        state=2,
        at={"type": "Point", "coordinates": [4, 5]},
        text="6",
        on=True,
    )
    assert put(site, id, twin).status_code == 200
    found = {metric.id: metric.units[0] for metric in site.engine.raw_metrics(f"/adt/{id}/sensor")}
    assert sorted(found) == [
        "at.coordinates.0", "at.coordinates.1", "list.0.x", "list.1.y", "map.a", "outer.inner.p.level", "state",
    ]  # fmt: skip
    assert observed(site, id, "outer.inner.p.level", "cm") == {"2024-01-01T00:00:00.000000": 0.5}
    (arrival,) = {tuple(observed(site, id, metric)) for metric in found if metric != "outer.inner.p.level"}
    assert get(site, id).json()["$metadata"]["state"]["lastUpdateTime"] == f"{arrival[0]}0Z"


def test_two_numbers_of_one_name(site: Site) -> None:
    """Keys of maps may hold dots: what would be one series is refused."""
    model = model_id()
    inner = {"@type": "Map", "mapKey": {"name": "k", "schema": "string"}, "mapValue": {"name": "v", "schema": "long"}}
    upload(site, interface(model, property_of("m", inner | {"mapValue": {"name": "v", "schema": inner}})))
    twin = twin_of(model, m={"a.b": {"c": 1}, "a": {"b.c": 2}})
    assert refused(put(site, fresh(), twin)) == (400, "ValidationFailed")


def test_schemas_of_an_interface(site: Site) -> None:
    """DTDL v3, Interface schemas: by their id, within the interface alone."""
    model, other = model_id(), model_id()
    acceleration = "dtmi:com:example:acceleration;1"
    shared = [{"@id": acceleration} | OBJECT]
    used = property_of("accelerometer1", acceleration)
    assert upload(site, interface(model, used, schemas=shared)).status_code == 201
    assert put(site, fresh(), twin_of(model, accelerometer1={"x": 1})).status_code == 200
    assert refused(upload(site, interface(other, used))) == (400, "DTDLParserError")
    itself = [{"@id": acceleration, "@type": "Array", "elementSchema": acceleration}]
    assert refused(upload(site, interface(other, used, schemas=itself))) == (400, "DTDLParserError")


def test_interfaces_within_interfaces(site: Site) -> None:
    """DTDL v3, Interface: they may be specified inline, and are models like others."""
    part, model = model_id(), model_id()
    inline = {"@id": part, "@type": "Interface", "contents": property_of("p", "double")}
    assert upload(site, interface(model, component_of("c", inline))).status_code == 201
    assert put(site, fresh(), twin_of(model, c={"$metadata": {}, "p": 1})).status_code == 200
    assert upload(site, interface(model_id(), extends=part)).status_code == 201
    deep: Any = {"@id": model_id(), "@type": "Interface"}
    for _ in range(200):
        deep = {"@id": model_id(), "@type": "Interface", "extends": deep}
    assert refused(upload(site, interface(model_id(), extends=deep))) == (400, "DTDLParserError")


def test_telemetry_commands_and_relationships_are_no_content_of_twins(site: Site) -> None:
    """They are in the model; a payload has properties and components."""
    model = model_id()
    contents = [
        {"@type": "Telemetry", "name": "temp", "schema": "double"},
        {"@type": "Command", "name": "reboot", "request": {"name": "rebootTime", "schema": "dateTime"}},
        {"@type": "Relationship", "name": "floor", "target": "dtmi:com:example:Floor;1", "maxMultiplicity": 1},
    ]
    assert upload(site, interface(model, *contents)).status_code == 201
    for name in ("temp", "reboot", "floor"):
        assert refused(put(site, fresh(), twin_of(model, **{name: 1}))) == (400, "ValidationFailed")


def test_decommissioning(site: Site) -> None:
    """Twice is as good as once, and it can be taken back; twins that are there can be patched."""
    model, id = model_id(), fresh()
    upload(site, interface(model, property_of("p", "double")))
    put(site, id, twin_of(model, p=1))
    path = f"/models/{model}"
    for value in (True, True, False, True):
        assert patch(site, path, {"op": "replace", "path": "/decommissioned", "value": value}).status_code == 204
        assert ask(site, "GET", path).json()["decommissioned"] is value
    assert refused(put(site, id, twin_of(model, p=2))) == (400, "ModelDecommissioned")
    assert patch(site, f"/digitaltwins/{id}", {"op": "replace", "path": "/p", "value": 3}).status_code == 204
    for wrong in (
        {"op": "add", "path": "/decommissioned", "value": True},
        {"op": "replace", "path": "/displayName", "value": "x"},
        {"op": "replace", "path": "/decommissioned", "value": 1},
    ):
        assert refused(patch(site, path, wrong)) == (400, "JsonPatchInvalid")


def test_deleting(site: Site) -> None:
    """Not while another one refers to it; its twins stay, and can only be deleted or given another model."""
    part, model, other, id = model_id(), model_id(), model_id(), fresh()
    upload(site, interface(part), interface(model, property_of("p", "double"), component_of("c", part)))
    put(site, id, twin_of(model, p=1))
    assert refused(ask(site, "DELETE", f"/models/{part}")) == (409, "ModelReferencesNotDeleted")
    for path in (f"/models/{model}", f"/models/{part}"):
        assert ask(site, "DELETE", path).status_code == 204
        assert refused(ask(site, "DELETE", path)) == (404, "ModelNotFound")
    assert get(site, id).json()["p"] == 1
    change = {"op": "replace", "path": "/p", "value": 2}
    assert refused(patch(site, f"/digitaltwins/{id}", change)) == (400, "InvalidArgument")
    upload(site, interface(other, property_of("p", "double")))
    moved = {"op": "replace", "path": "/$metadata/$model", "value": other}
    assert patch(site, f"/digitaltwins/{id}", change, moved).status_code == 204
    assert ask(site, "DELETE", f"/digitaltwins/{id}").status_code == 204


def test_a_model_made_anew_is_another(site: Site) -> None:
    """What is known of the one that was deleted does not count for it."""
    model = model_id()
    for name in ("a", "b"):
        upload(site, interface(model, property_of(name, "double")))
        assert put(site, fresh(), twin_of(model, **{name: 1})).status_code == 200
        ask(site, "DELETE", f"/models/{model}")


@pytest.mark.parametrize("id", ["x", "dtmi:a", "dtmi:com:example:_a;1", "dtmi:com:example:a%20;1"])
def test_ids_that_are_none(site: Site, id: str) -> None:
    """InvalidArgument; `dtmi:a` may be one, of version 3."""
    expected = (404, "ModelNotFound") if id == "dtmi:a" else (400, "InvalidArgument")
    for method in ("GET", "DELETE"):
        assert refused(ask(site, method, f"/models/{id}")) == expected


def test_pages(site: Site) -> None:
    """Each model once, in the order of ids, whatever the size of the page."""
    ids = sorted(model_id("Paged") for _ in range(5))
    upload(site, *map(interface, ids))
    found: list[str] = []
    path: str | None = "/models?api-version=2023-10-31"
    while path:
        page = site.http().get(path, headers={"max-items-per-page": "2"}).json()
        assert len(page["value"]) <= 2
        found += [each["id"] for each in page["value"]]
        path = page.get("nextLink")
    assert found == sorted(found)
    assert [id for id in found if "Paged" in id] == ids
    params = {"continuationToken": "x"}
    assert refused(ask(site, "GET", "/models", params=params)) == (400, "BadRequest")
    assert refused(ask(site, "GET", "/models", headers={"max-items-per-page": "0"})) == (400, "InvalidArgument")


def test_keys(site: Site) -> None:
    """Readers read."""
    path = f"/models/{model_id()}"
    for method, where in (("POST", "/models"), ("PATCH", path), ("DELETE", path)):
        assert refused(ask(site, method, where, [], role="reader")) == (403, "AuthorizationFailed")
        assert refused(ask(site, method, where, [], role=None)) == (401, "AuthenticationFailed")
    assert ask(site, "GET", "/models", role="reader").status_code == 200
