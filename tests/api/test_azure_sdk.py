"""Azure Digital Twins: the vendor's own client for Python, over plain HTTP, with a token of `POST /connect/token`.

What it does and expects is what its own tests do (azure-sdk-for-python, sdk/digitaltwins).
"""

import functools
import time
from typing import Any

import httpx
import pytest
from azure.core import MatchConditions
from azure.core.credentials import AccessToken
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ODataV4Format,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.digitaltwins.core import DigitalTwinsClient
from tests.api.adt import fresh, model_id, observed
from tests.api.azure_samples import component_of, interface, property_of
from tests.api.site import Site


class Credential:
    """What the client asks for tokens."""

    def __init__(self, site: Site, scope: str) -> None:
        self._url, self._form = f"{site.url}/connect/token", site.engine.keys.create_client("sdk", scope)

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Fetch a token; the vendor's scope means nothing here."""
        form = {"grant_type": "client_credentials", **self._form}
        token = httpx.post(self._url, data=form).raise_for_status().json()
        return AccessToken(token["access_token"], int(time.time()) + token["expires_in"])


class Plain:
    """A client whose every call allows plain HTTP (azure-core, BearerTokenCredentialPolicy: `enforce_https`)."""

    def __init__(self, client: DigitalTwinsClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        """Return the client's method of this name."""
        return functools.partial(getattr(self._client, name), enforce_https=False)


def client_of(site: Site, scope: str = "sensor-data:modify") -> Any:
    """Return a client with the rights of a scope."""
    return Plain(DigitalTwinsClient(site.url, Credential(site, scope)))


@pytest.fixture
def client(site: Site) -> Any:
    """A client that may write."""
    return client_of(site)


@pytest.fixture
def models(client: Any) -> tuple[str, str]:
    """Upload a building and its meter; their ids."""
    building, meter = model_id("Building"), model_id("Meter")
    contents = property_of("AverageTemperature", "double"), property_of("TemperatureUnit", "string")
    part = interface(meter, property_of("ComponentProp1", "string"), property_of("Level", "double"), version=2)
    whole = interface(building, *contents, component_of("Component1", meter), version=2, displayName="Building")
    made = client.create_models([part, whole])
    assert [each.id for each in made] == [meter, building]
    return building, meter


def building(model: str, **content: Any) -> dict[str, Any]:
    """Return the building of the SDK's tests."""
    return {"$metadata": {"$model": model}, "AverageTemperature": 68, "TemperatureUnit": "Celsius", **content}


def _told(error: HttpResponseError) -> ODataV4Format:
    assert error.error is not None
    return error.error


def test_models(client: Any, models: tuple[str, str]) -> None:
    """Created, listed, retrieved, decommissioned and deleted."""
    whole, part = models
    with pytest.raises(ResourceExistsError):
        client.create_models([interface(part, version=2)])
    bodies: list[Any] = [[], [{}], None]
    for wrong in bodies:
        with pytest.raises(HttpResponseError):
            client.create_models(wrong)
    model = client.get_model(whole)
    assert (model.id, model.display_name, model.decommissioned, model.model) == (whole, {"en": "Building"}, False, None)
    assert model.upload_time is not None
    assert client.get_model(whole, include_model_definition=True).model["@id"] == whole
    assert {whole, part} <= {each.id for each in client.list_models()}
    assert {each.id for each in client.list_models([whole])} == {whole, part}
    assert all(each.model for each in client.list_models(include_model_definition=True))
    client.decommission_model(whole)
    assert client.get_model(whole).decommissioned
    with pytest.raises(HttpResponseError) as refused:
        client.upsert_digital_twin(fresh(), building(whole))
    assert (_told(refused.value).code, refused.value.status_code) == ("ModelDecommissioned", 400)
    with pytest.raises(HttpResponseError):
        client.delete_model(part)
    client.delete_model(whole)
    client.delete_model(part)
    for method in (client.get_model, client.delete_model, client.decommission_model):
        with pytest.raises(ResourceNotFoundError):
            method(part)


def test_models_page_by_page(client: Any) -> None:
    """More than one page has."""
    ids = {model_id("Many") for _ in range(120)}
    client.create_models([interface(id, version=2) for id in ids])
    listed = [each.id for each in client.list_models()]
    assert len(listed) == len(set(listed)) >= 120
    assert ids <= set(listed)


def test_twins(site: Site, client: Any, models: tuple[str, str]) -> None:
    """Upserted, retrieved, updated and deleted; the numbers are observations."""
    (model, _), id = models, fresh("digitalTwin")
    made = client.upsert_digital_twin(id, building(model), match_condition=MatchConditions.IfMissing)
    assert (made["$dtId"], made["AverageTemperature"]) == (id, 68)
    assert client.get_digital_twin(id) == made
    with pytest.raises(ResourceExistsError):
        client.upsert_digital_twin(id, building(model), match_condition=MatchConditions.IfMissing)
    assert client.upsert_digital_twin(id, building(model, AverageTemperature=69))["$etag"] != made["$etag"]
    patch = [
        {"op": "replace", "path": "/AverageTemperature", "value": 42},
        {"op": "remove", "path": "/TemperatureUnit"},
    ]
    old = {"match_condition": MatchConditions.IfNotModified, "etag": made["$etag"]}
    with pytest.raises(ResourceModifiedError):
        client.update_digital_twin(id, patch, **old)
    assert client.update_digital_twin(id, patch, match_condition=MatchConditions.IfPresent) is None
    twin = client.get_digital_twin(id)
    assert (twin["AverageTemperature"], "TemperatureUnit" in twin) == (42, False)
    assert list(observed(site, id, "AverageTemperature").values()) == [68.0, 69.0, 42.0]
    with pytest.raises(ResourceModifiedError):
        client.delete_digital_twin(id, match_condition=MatchConditions.IfNotModified, etag='W/"7e67a355"')
    client.delete_digital_twin(id, match_condition=MatchConditions.IfNotModified, etag=twin["$etag"])
    for method in (client.get_digital_twin, client.delete_digital_twin):
        with pytest.raises(ResourceNotFoundError):
            method(id)
    with pytest.raises(ResourceNotFoundError):
        client.update_digital_twin(id, patch)


def test_components(site: Site, client: Any, models: tuple[str, str]) -> None:
    """Retrieved and updated; what is not there is not found."""
    (model, _), id = models, fresh()
    component = {"$metadata": {}, "ComponentProp1": "value1", "Level": 1}
    client.upsert_digital_twin(id, building(model, Component1=component))
    assert client.get_component(id, "Component1")["ComponentProp1"] == "value1"
    change = [{"op": "replace", "path": "/ComponentProp1", "value": "value2"}]
    client.update_component(id, "Component1", [*change, {"op": "replace", "path": "/Level", "value": 2}])
    assert client.get_digital_twin(id)["Component1"]["ComponentProp1"] == "value2"
    assert list(observed(site, id, "Component1.Level").values()) == [1.0, 2.0]
    etag = client.get_digital_twin(id)["$etag"]
    wrong = {"match_condition": MatchConditions.IfNotModified, "etag": 'W/"7e67a355"'}
    with pytest.raises(ResourceModifiedError):
        client.update_component(id, "Component1", change, **wrong)
    client.update_component(id, "Component1", change, match_condition=MatchConditions.IfNotModified, etag=etag)
    for twin, name in ((id, "Component3"), ("foo", "Component1")):
        with pytest.raises(ResourceNotFoundError):
            client.get_component(twin, name)
        with pytest.raises(ResourceNotFoundError):
            client.update_component(twin, name, change)
    bodies: list[Any] = [[{"op": "move", "path": "/a", "value": 42}], {"a": 42}, [{}], [{"op": "add", "path": "/a"}]]
    for body in bodies:
        with pytest.raises(HttpResponseError):
            client.update_component(id, "Component1", body)


def test_queries(client: Any, models: tuple[str, str]) -> None:
    """All pages, through the client's own iterator."""
    model, _ = models
    ids = {client.upsert_digital_twin(fresh(), building(model))["$dtId"] for _ in range(150)}
    found = list(client.query_twins(f"SELECT * FROM digitaltwins WHERE IS_OF_MODEL('{model}')"))
    assert len(found) == 150
    assert {twin["$dtId"] for twin in found} == ids
    counted = list(client.query_twins(f"SELECT COUNT() FROM digitaltwins WHERE IS_OF_MODEL('{model}')"))
    assert counted == [{"COUNT": 150}]
    with pytest.raises(HttpResponseError) as refused:
        list(client.query_twins("foo"))
    assert _told(refused.value).code == "SqlQueryError"


def test_refusals(site: Site, client: Any, models: tuple[str, str]) -> None:
    """As the client's own errors."""
    model, _ = models
    with pytest.raises(HttpResponseError) as refused:
        client.upsert_digital_twin(fresh(), {"$metadata": {"$model": model}, "LowestTemperature": 68})
    error = _told(refused.value)
    assert (error.code, [each.code for each in error.details]) == ("ValidationFailed", ["ValidationFailed"])
    reader = client_of(site, "sensor-data:read")
    assert {each.id for each in reader.list_models()} >= {model}
    with pytest.raises(HttpResponseError) as refused:
        reader.upsert_digital_twin(fresh(), building(model))
    assert refused.value.status_code == 403


def test_a_wrong_token(site: Site) -> None:
    """The client says that it could not authenticate."""

    class Wrong:
        def get_token(self, *scopes: str, **options: Any) -> AccessToken:
            return AccessToken("a.b.c", int(time.time()) + 3600)

    with pytest.raises(ClientAuthenticationError):
        Plain(DigitalTwinsClient(site.url, Wrong())).get_digital_twin("a")
