"""The other requests that seed 003's Sensor Data Service prints: tokens, uploads, templates, metrics and units."""

from typing import Any

import pytest
from tests.api.service_samples import ASSET, Sample, answer, holds
from tests.api.site import Site

LANGUAGES = ("curl", "fetch", "python")
SCOPES = "sensor-data:modify sensor-data:read users:read itwins:read itwins:modify"
SENSOR = "/api/B08851/node/dynamic/AB10E2/device/D76619/sensor"
PROPS = {
    "INTEGRATION_ID": "GENERIC_SENSOR_SDE",
    "UNKNOWN_METRICS": {"0": "Alignment_Left_SD", "1": "Alignment_Right_SD"},
    "UNKNOWN_UNITS": {"0": "millimeter", "1": "millimeter"},
}


@pytest.fixture(scope="module")
def client(site: Site) -> dict[str, str]:
    """A service application of the printed asset, whose sensor has the printed metrics."""
    asset = site.engine.create_project("Asset", ASSET).id
    site.engine.create_entity("sensor", SENSOR, "DYNAMIC", PROPS, project=asset)
    return site.engine.keys.create_client("maker", SCOPES, asset)


def _token(site: Site, client: dict[str, str], language: str) -> str:
    places = {"<Your client id> ": client["client_id"], "<Your client secret> ": client["client_secret"]}
    status, told = Sample("Obtaining Authorization Token").send(language, site.url, "", places)
    assert (status, told["token_type"], told["scope"]) == (200, "Bearer", SCOPES)
    assert told["expires_in"] > 0
    return str(told["access_token"])


@pytest.fixture(scope="module")
def token(site: Site, client: dict[str, str]) -> str:
    """A token that the printed request for curl was given."""
    return _token(site, client, "curl")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_token_as_printed(site: Site, client: dict[str, str], language: str) -> None:
    """With the printed scopes; it opens the routes."""
    headers = {"Authorization": f"Bearer {_token(site, client, language)}"}
    assert site.http(None).get("/api/sensors/all", headers=headers).json()["sensors"][0]["id"] == SENSOR


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_upload_as_printed(site: Site, token: str, language: str) -> None:
    """With the printed comma at the end of the list; 202, and the values are there."""
    assert Sample("Upload Sensor Observations").send(language, site.url, token, {}) == (
        202, answer("Example Response (202 Accepted):")
    )  # fmt: skip
    read = {"sensor": SENSOR, "metric": "Alignment_Right_SD", "unit": "millimeter", "projectIds": ASSET}
    told = site.http("admin").get("/api/data", params=read).json()["data"]
    assert told == {"2024-02-20T04:35:23.653Z": 0.84}


def test_an_empty_upload_as_printed(site: Site) -> None:
    """400 and the printed words, whatever is empty."""
    for body in ("", '{"observations": []}', "{}"):
        told = site.http("writer").post("/api/data/upload", content=body)
        assert (told.status_code, told.json()) == (400, answer("Example Response (400 Bad Request):"))


def test_an_expired_token_as_printed(site: Site) -> None:
    """401 in the printed form, on every route."""
    printed = answer("Example Response (401 Unauthorized):")["errors"][0]
    headers = {"Authorization": "Bearer x.y.z"}
    for path in ("/api/integrations/integrate", "/api/data/upload"):
        told = site.http(None).post(path, headers=headers, json={})
        (error,) = told.json()["errors"]
        assert (told.status_code, error.keys(), error["path"]) == (401, printed.keys(), printed["path"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("below", "list_of"),
    [
        ("Choose Device Template", "deviceTypes"),
        ("Choose Sensor Template", "sensorTypes"),
        ("Metrics and Units", "metrics"),
    ],
)
def test_templates_and_metrics_as_printed(site: Site, token: str, below: str, list_of: str, language: str) -> None:
    """The printed entry is among them, field by field; the blank in the name of a list is a slip."""
    status, told = Sample(below).send(language, site.url, token, {})
    assert status == 200
    printed = {name.strip(): value for name, value in answer(below).items()}
    for entry in printed[list_of]:
        (ours,) = [each for each in told[list_of] if each["id"] == entry["id"]]
        holds(ours, entry)
        assert ours == entry
    assert {name: told[name] for name in printed if name != list_of} == {
        name: value for name, value in printed.items() if name != list_of
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_metrics_of_a_sensor_as_printed(site: Site, token: str, language: str) -> None:
    """Two metrics in the printed order; only the sensor's id is another in the printed answer."""
    below = "Obtain Required Metrics and Supported Units For a Sensor"
    status, told = Sample(below).send(language, site.url, token, {})
    assert status == 200
    printed: dict[str, Any] = answer("According to the response, the Observations values")["metricsBySensor"]
    (metrics,) = printed.values()
    assert list(told["metricsBySensor"]) == [SENSOR]
    ours = told["metricsBySensor"][SENSOR]
    holds(ours[: len(metrics)], metrics)
    # Only the request for curl asks for raw metrics alone, which is what is printed.
    assert language != "curl" or len(ours) == len(metrics)
