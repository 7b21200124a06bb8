"""Uploads that are sent again under their `Idempotency-Key`."""

import httpx
import pytest
from tests.api.site import THERMOMETER, Site

AT = "2025-01-01T00:00:00.000Z"


def post(site: Site, value: float, key: str, sensor: str = THERMOMETER) -> httpx.Response:
    """Upload one reading under a key."""
    row = {"sensorId": sensor, "timestamp": AT, "values": {"T": value}}
    return site.http("writer").post("/api/data/upload", json={"observations": [row]}, headers={"Idempotency-Key": key})


def now(site: Site) -> float:
    """The reading as it is."""
    told = site.get("/api/data", sensor=THERMOMETER, metric="T", unit="C", startDate=AT).json()
    return float(told["data"][AT])


def test_sent_again_it_is_stored_once(site: Site) -> None:
    """The same answer, and a correction that came in between stays; quotes around the key change nothing."""
    first = post(site, 1.0, "a-1")
    assert (first.status_code, first.json()) == (202, {"status": "ACCEPTED"})
    assert post(site, 2.0, "a-2").status_code == 202
    for key in ("a-1", '"a-1"'):
        again = post(site, 1.0, key)
        assert (again.status_code, again.json(), now(site)) == (202, {"status": "ACCEPTED"}, 2.0)


def test_another_upload_under_the_key_is_refused(site: Site) -> None:
    """422 naming the key; nothing of it is stored."""
    assert post(site, 3.0, "b").status_code == 202
    told = post(site, 4.0, "b")
    error = told.json()["error"]
    assert (told.status_code, error["code"], error["field"]) == (422, "IDEMPOTENCY_KEY_REUSED", "Idempotency-Key")
    assert now(site) == 3.0


def test_a_refused_upload_leaves_its_key_free(site: Site) -> None:
    """What was not stored can be put right and sent again under the key."""
    assert post(site, 5.0, "c", "/nobody").status_code == 404
    assert post(site, 5.0, "c").status_code == 202
    assert now(site) == 5.0


def test_a_key_is_of_its_project(site: Site) -> None:
    """The same key in another project is another one."""
    other = site.engine.create_project("Other").id
    site.engine.create_entity("sensor", THERMOMETER, "TEMPERATURE_SDE", project=other)
    row = {"observations": [{"sensorId": THERMOMETER, "timestamp": AT, "values": {"T": 6.0}}]}
    keyed = {"Idempotency-Key": "d"}
    for project in (site.engine.project().id, other):
        sent = site.http("admin").post("/api/data/upload", params={"projectIds": project}, json=row, headers=keyed)
        assert sent.status_code == 202
        assert len(site.engine.get_data(THERMOMETER, "T", "C", start=AT, project=project).value) == 1


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "a\tb"])
def test_what_is_no_key_is_refused(site: Site, key: str) -> None:
    """400 naming the header."""
    told = post(site, 7.0, key)
    assert (told.status_code, told.json()["error"]["field"]) == (400, "Idempotency-Key")
