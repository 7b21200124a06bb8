"""Azure Digital Twins: patches that meet others, and values that look like components."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.api.adt import fresh, get, model_id, patch, put, refused, twin_of, upload
from tests.api.azure_samples import component_of, interface, property_of
from tests.api.site import Site

NUMBERS = {"@type": "Map", "mapKey": {"name": "k", "schema": "string"}, "mapValue": {"name": "v", "schema": "double"}}
SOURCE = "2022-05-31T12:00:01.000125009Z"


def test_a_patch_that_is_done_again_starts_anew(site: Site) -> None:
    """What a step added and a later one changed is not there twice after another writer came first."""
    model, id = model_id(), fresh()
    upload(site, interface(model, property_of("list", {"@type": "Array", "elementSchema": "double"})))
    assert put(site, id, twin_of(model)).status_code == 200
    assert get(site, id).status_code == 200
    steps = [{"op": "add", "path": "/list", "value": [1]}, {"op": "add", "path": "/list/-", "value": 2}]

    def write(_: int) -> Any:
        for _ in range(20):
            assert patch(site, f"/digitaltwins/{id}", *steps).status_code == 204
            seen.append(get(site, id).json()["list"])

    seen: list[list[int]] = []
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    assert seen == [[1, 2]] * 120


@pytest.mark.parametrize(
    "steps",
    [
        [("/c", {"$metadata": []}), ("/c/x", 1)],
        [("/c", {"$metadata": None}), ("/c/x", 1)],
        [("/c", {"$metadata": []}), ("/c/$metadata/x/sourceTime", SOURCE)],
        [("/m", {"$metadata": 1}), ("/m/x", 1)],
    ],
)
def test_what_has_no_metadata_is_no_component(site: Site, steps: list[tuple[str, Any]]) -> None:
    """Also not on the way, and no key of a map makes one: the twin stays as it was."""
    model, part, id = model_id(), model_id(), fresh()
    upload(
        site,
        interface(part, property_of("x", "double")),
        interface(model, component_of("c", part), property_of("m", NUMBERS)),
    )
    before = put(site, id, twin_of(model)).json()
    answer = patch(site, f"/digitaltwins/{id}", *({"op": "add", "path": path, "value": v} for path, v in steps))
    assert refused(answer) in [(400, "ValidationFailed"), (400, "JsonPatchInvalid")]
    assert get(site, id).json() == before
    assert refused(put(site, id, twin_of(model, m={"$metadata": 1}))) == (400, "ValidationFailed")


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 10**400])
def test_the_value_of_an_enum_is_an_integer_of_dtdl(site: Site, value: int) -> None:
    """DTDL v3, section Primitive schema: integer has 32 bits."""
    schema = {"@type": "Enum", "valueSchema": "integer", "enumValues": [{"name": "big", "enumValue": value}]}
    assert refused(upload(site, interface(model_id(), property_of("e", schema)))) == (400, "DTDLParserError")
