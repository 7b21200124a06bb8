"""A project's own metrics and unit maps over HTTP: who may, what is answered, where they show up."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.api.site import THERMOMETER, Site

import tseng

METRICS = "/api/metrics/definitions"
MAPS = "/api/units/maps"
WARMTH: dict[str, Any] = {
    "name": "warmth above freezing",
    "unit": "F",
    "expression": "T - FREEZING",
    "constants": {"FREEZING": {"value": 0.0, "unit": "C"}},
}
TEXT = "mm/hr (100%)"
GAUGE = "/gauge"


@pytest.fixture
def clean(site: Site) -> Iterator[Site]:
    """The site without definitions and maps, before and after."""
    if not site.engine.entities("sensor", [GAUGE]):
        site.engine.create_entity("sensor", GAUGE, "DYNAMIC", {"UNKNOWN_METRICS": ["r"], "UNKNOWN_UNITS": [TEXT]})
        site.engine.upload([{"sensorId": GAUGE, "timestamp": "2024-03-01T00:00:00Z", "values": {"r": 36.0}}])
    yield site
    for metric in site.engine.metrics_defined():
        site.engine.remove_metric(metric.id)
    for map in site.engine.unit_maps():
        site.engine.unmap_unit(map.text)


def test_a_metric_is_defined_read_and_removed(clean: Site) -> None:
    """10 C above freezing are 18 F of difference; it is listed, typed, with its units, and gone again."""
    answer = clean.http("writer").post(METRICS, json={"metrics": {"warmth": WARMTH}})
    listed = {"id": "warmth", "version": 1, "definedBy": "project", "definition": WARMTH}
    assert (answer.status_code, answer.json()) == (200, {"metrics": [listed]})
    assert clean.get(METRICS).json() == {"metrics": [listed]}
    read = clean.get("/api/data", sensor=THERMOMETER, metric="warmth", unit="F", limit="first").json()
    assert list(read["data"].values()) == pytest.approx([18.0], rel=1e-12)
    assert [each["id"] for each in clean.rpc("getUnits", {"metrics": ["warmth"]})["warmth"]] == ["C", "K", "F"]
    (offered,) = [m for m in clean.rpc("getMetrics", {"sensors": [THERMOMETER]})[THERMOMETER] if m["id"] == "warmth"]
    assert (offered["displayName"], offered["defaultUnit"], offered["params"]) == ("Warmth Above Freezing", "F", [])
    typed = [metric for metric in clean.get("/api/metrics/types").json()["metrics"] if metric["id"] == "warmth"]
    assert [each["unit"] for each in typed[0]["units"]] == ["C", "K", "F"]
    rows = (
        clean.http().post("/api/sql", json={"sql": "SELECT dimension FROM metrics WHERE id = 'warmth'"}).json()["rows"]
    )
    assert rows == [["temperature_delta"]]
    assert clean.http("writer").delete(f"{METRICS}/warmth").status_code == 204
    assert clean.get(METRICS).json() == {"metrics": []}
    gone = clean.http("writer").delete(f"{METRICS}/warmth")
    assert (gone.status_code, gone.json()["error"]["field"]) == (404, "metric")
    assert clean.rpc("getUnits", {"metrics": ["warmth"]}) == {}


def test_every_door_gives_the_same_bits(clean: Site) -> None:
    """Python, client, JSON, columns, CSV, Arrow, Parquet, JSON-RPC, SQL and the command line, of odd numbers."""
    body = WARMTH | {"unit": "K", "expression": "(T - FREEZING) * sqrt(2) / 3"}
    clean.engine.define_metrics({"warmth": body})
    expected = clean.engine.get_data(THERMOMETER, "warmth", "F").value.tolist()
    assert expected[0] == pytest.approx(1.8 * 10 * 2**0.5 / 3, rel=1e-12)
    with tseng.connect(clean.url, api_key=clean.keys["reader"]) as client:
        found = [client.get_data(THERMOMETER, "warmth", "F").value.tolist()]
        query = f"SELECT value FROM get_data('{THERMOMETER}', 'warmth', 'F') ORDER BY time"
        found += [client.sql(query)["value"].to_pylist(), clean.engine.sql(query).to_arrow_table()["value"].to_pylist()]
    ask = {"sensor": THERMOMETER, "metric": "warmth", "unit": "F"}
    found += [list(clean.rpc("getData", ask)["data"].values())]
    command = [sys.executable, "-m", "tseng", "get", THERMOMETER, "warmth", "F", "--data"]
    for format, decode in DECODED.items():
        answer = clean.get("/api/data", format=format, **ask).content
        store = str(clean.engine.settings.data)
        printed = subprocess.run([*command, store, "--format", format], capture_output=True, check=True).stdout
        assert printed == answer
        found.append(decode(answer))
    assert found == [expected] * 9


DECODED: dict[str, Callable[[bytes], list[float]]] = {
    "json": lambda body: list(json.loads(body)["data"].values()),
    "columns": lambda body: list(json.loads(body)["value"]),
    "csv": lambda body: [float(line.split(",")[1]) for line in body.decode().splitlines()[1:]],
    "arrow": lambda body: list(pa.ipc.open_stream(body).read_all()["value"].to_pylist()),
    "parquet": lambda body: list(pq.read_table(io.BytesIO(body))["value"].to_pylist()),
}


def test_a_refusal_names_the_term(clean: Site) -> None:
    """The field is the path below the metrics; a bad shape is told likewise; nothing was stored."""
    bad = WARMTH | {"expression": "T + FREEZING"}
    answer = clean.http("writer").post(METRICS, json={"metrics": {"warmth": bad, "good": WARMTH}})
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "code": "INVALID_DEFINITION",
        "message": "metric 'warmth': in `T + FREEZING`: temperature and temperature cannot be added",
        "field": "warmth.expression",
    }
    for body, field in (({}, "metrics"), ({"metrics": []}, "metrics"), ({"metrics": {}}, "metrics"), ({"m": 1}, "m")):
        answer = clean.http("writer").post(METRICS, json=body)
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    assert clean.get(METRICS).json() == {"metrics": []}


def test_a_unit_is_mapped_and_unmapped(clean: Site) -> None:
    """36 mm/hr are 10 um/s: 0.01 mm/s; the path takes any text."""
    answer = clean.http("writer").post(MAPS, json={"text": TEXT, "unit": "mm_h"})
    made = {"text": TEXT, "unit": "mm_h", "dimension": "velocity", "scale": 1.0, "offset": 0.0, "version": 1}
    assert (answer.status_code, answer.json()) == (200, made)
    assert clean.get(MAPS).json() == {"units": [made]}
    read = clean.get("/api/data", sensor=GAUGE, metric="r", unit="mm_s").json()
    assert list(read["data"].values()) == pytest.approx([0.01], rel=1e-12)
    assert clean.http("writer").delete(f"{MAPS}/mm%2Fhr%20(100%25)").status_code == 204
    assert clean.get(MAPS).json() == {"units": []}
    assert clean.get("/api/data", sensor=GAUGE, metric="r", unit="mm_s").status_code == 400
    gone = clean.http("writer").delete(f"{MAPS}/mm%2Fhr%20(100%25)")
    assert (gone.status_code, gone.json()["error"]["field"]) == (404, "text")
    wrong = clean.http("writer").post(MAPS, json={"text": TEXT, "unit": "furlongs"}).json()["error"]
    assert (wrong["code"], wrong["field"]) == ("INVALID_DEFINITION", "unit")


@pytest.mark.parametrize("path", [METRICS, MAPS])
def test_readers_see_and_writers_change(clean: Site, path: str) -> None:
    """No key: 401; a reader may list; a query that means nothing here is refused."""
    assert clean.http(None).get(path).status_code == 401
    assert clean.http().get(path).status_code == 200
    assert clean.http().post(path, json={}).status_code == 403
    assert clean.http().delete(f"{path}/x").status_code == 403
    assert clean.get(path, page=2).status_code == 400


def test_each_project_has_its_own(clean: Site) -> None:
    """A key of another project sees nothing of the default one's; a foreign project looks absent."""
    other = clean.engine.create_project("other").id
    key = clean.engine.keys.create("other", "writer", other)
    clean.http("writer").post(METRICS, json={"metrics": {"warmth": WARMTH}})
    stranger = clean.with_key(key)
    assert stranger.get(METRICS).json() == {"metrics": []}
    assert stranger.get("/api/metrics/types").json() != clean.get("/api/metrics/types").json()
    assert stranger.get(METRICS, params={"projectIds": "default"}).status_code == 404


def test_the_client_has_the_same_verbs(clean: Site) -> None:
    """Define, list, remove; map, list, unmap; refusals are the engine's classes."""
    from tseng_units.errors import InvalidDefinition

    with tseng.connect(clean.url, api_key=clean.keys["writer"]) as client:
        (made,) = client.define_metrics({"warmth": WARMTH})
        assert client.metrics_defined() == [made] == clean.engine.metrics_defined()
        with pytest.raises(InvalidDefinition, match="cannot be added"):
            client.define_metrics({"warmth": WARMTH | {"expression": "T + FREEZING"}})
        client.remove_metric("warmth")
        assert client.metrics_defined() == []
        mapped = client.map_unit(TEXT, "mm_h", scale=2)
        assert client.unit_maps() == [mapped] == clean.engine.unit_maps()
        client.unmap_unit(TEXT)
        assert client.unit_maps() == []
