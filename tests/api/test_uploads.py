"""`POST /api/data/upload`: accepted whole or refused whole."""

import json
import re
from typing import Any

import pytest
from tests.api.site import THERMOMETER, Site
from tests.reference import reference

ROW = {"sensorId": THERMOMETER, "timestamp": "2025-01-01T00:00:00.000Z", "values": {"T": 1.5}}


@pytest.fixture(autouse=True)
def _nothing_of_2025(site: Site) -> None:
    """Each test starts without readings of 2025."""
    rows = [ROW | {"timestamp": at, "values": {"T": None}} for at in _stored(site)]
    if rows:
        site.engine.upload(rows)


def _stored(site: Site) -> dict[str, float]:
    query = {"sensor": THERMOMETER, "metric": "T", "unit": "C", "startDate": "2025-01-01"}
    data: dict[str, float] = site.get("/api/data", **query).json()["data"]
    return data


def _post(site: Site, body: Any, role: str = "writer") -> Any:
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    return site.http(role).post("/api/data/upload", **content)


def test_accepted_means_stored(site: Site) -> None:
    """202 with the printed body, and the point is there at once."""
    answer = _post(site, {"observations": [ROW]})
    assert (answer.status_code, answer.json()) == (202, {"status": "ACCEPTED"})
    assert _stored(site) == {"2025-01-01T00:00:00.000Z": 1.5}


def test_the_body_is_json_whatever_its_type_says(site: Site) -> None:
    """`curl -d` says form data."""
    body = b'{"observations":[{"sensorId":"%b","timestamp":"2025-01-02","values":{"T":2}}]}' % THERMOMETER.encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert site.http("writer").post("/api/data/upload", content=body, headers=headers).status_code == 202


@pytest.mark.parametrize("body", [b"", b"  \n", b"{}", b'{"observations":[]}'])
def test_nothing_to_upload_is_the_printed_error(site: Site, body: bytes) -> None:
    """`must not be empty` at `observations`."""
    answer = _post(site, body)
    assert answer.status_code == 400
    assert answer.json() == {"errors": [{"message": "must not be empty", "path": "observations"}]}


def _printed() -> list[bytes]:
    """The bodies of the three samples of seed 003, as curl, JavaScript and Python send them."""
    (seed,) = reference("seeds").glob("003*")
    section = seed.read_text().split("\nUpload Sensor Observations\n")[1].split("Example Response")[0]
    return [found.encode() for found in re.findall(r"(?:--data |body: |data = )'(.*?)'", section, re.DOTALL)]


def test_the_printed_bodies_are_taken_as_they_are(site: Site) -> None:
    """They end in `},]`; the printed sensor gets the printed values."""
    sensor = "/api/B08851/node/dynamic/AB10E2/device/D76619/sensor"
    site.engine.create_entity("sensor", sensor, "GENERIC_SENSOR_SDE")
    bodies = _printed()
    assert len(bodies) == 3
    for body in bodies:
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)
        answer = _post(site, body)
        assert (answer.status_code, answer.json()) == (202, {"status": "ACCEPTED"})
    stored = site.engine.store.read(site.engine.project().id, sensor, "Alignment_Right_SD")
    assert [list(each) for each in stored] == [[1708403723653000], [0.84]]  # 2024-02-20T04:35:23.653Z


def test_a_trailing_comma_does_not_hide_what_is_bad(site: Site) -> None:
    """Bad rows are named as ever, and what is no JSON without the comma is none with it."""
    row = b'{"sensorId":"%b","timestamp":"2025-01-01","values":{"T":2,},}' % THERMOMETER.encode()
    answer = _post(site, b'{"observations":[%b,{},5,],}' % row)
    assert [each["path"] for each in answer.json()["errors"]] == ["observations[1]", "observations[2]"]
    answer = _post(site, b'{"observations":[%b,,]}' % row)
    assert "not JSON" in answer.json()["errors"][0]["message"]
    assert _stored(site) == {}


@pytest.mark.parametrize("where", [b"sensorId", b"2025-01-01", b"T", THERMOMETER.encode(), b"observations"])
def test_bytes_that_are_no_text_are_refused_wherever_they_stand(site: Site, where: bytes) -> None:
    """In a name, an id, a time: the one pass over a good body looks at all of them."""
    body = b'{"observations":[{"sensorId":"%b","timestamp":"2025-01-01","values":{"T":2}}]}' % THERMOMETER.encode()
    answer = _post(site, body.replace(b'"%b"' % where, b'"%b\xff"' % where))
    assert answer.status_code == 400
    assert "not JSON" in answer.json()["errors"][0]["message"]
    assert _stored(site) == {}


def test_fifty_thousand_rows_are_stored_or_refused_together(site: Site) -> None:
    """One body; with three bad rows among them nothing is stored, and the three are named."""
    rows = [ROW | {"timestamp": f"2025-01-{1 + n // 2880:02}T{n // 120 % 24:02}:{n % 60:02}:{n // 60 % 2 * 30:02}Z"}
            for n in range(50_000)]  # fmt: skip
    bad = {7: ROW | {"timestamp": "never"}, 25_000: {}, 49_999: ROW | {"values": {"flux": 1}}}
    answer = _post(site, {"observations": [bad.get(number, row) for number, row in enumerate(rows)]})
    assert answer.status_code == 400
    paths = [each["path"] for each in answer.json()["errors"]]
    assert paths == ["observations[7].timestamp", "observations[25000]", "observations[49999].values"]
    assert _stored(site) == {}
    assert _post(site, {"observations": rows}).status_code == 202
    assert len(_stored(site)) == len({row["timestamp"] for row in rows}) == 50_000


def test_every_bad_row_is_named_and_none_is_stored(site: Site) -> None:
    """Wrong types, a bad time, a metric the sensor has not, a boolean, a missing and an unknown field."""
    bad = [
        ROW,
        ROW | {"timestamp": 5},
        ROW | {"values": {"T": "warm"}},
        ROW | {"values": {"T": True}},
        {"sensorId": THERMOMETER, "values": {"T": 1}},
        ROW | {"extra": 1},
        7,
    ]
    answer = _post(site, {"observations": bad})
    assert answer.status_code == 400
    paths = [each["path"] for each in answer.json()["errors"]]
    assert [path.split(".")[0] for path in paths] == [f"observations[{index}]" for index in range(1, 7)]
    assert paths[1:3] == ["observations[2].values.T", "observations[3].values.T"]
    answer = _post(site, {"observations": [ROW, ROW | {"timestamp": "never"}, ROW | {"timestamp": "2025-02-30"}]})
    assert [each["path"] for each in answer.json()["errors"]] == [
        "observations[1].timestamp",
        "observations[2].timestamp",
    ]
    answer = _post(site, {"observations": [ROW, ROW | {"values": {"T": 1, "flux": 2}}]})
    assert [each["path"] for each in answer.json()["errors"]] == ["observations[1].values"]
    assert _stored(site) == {}


def test_an_unknown_sensor_refuses_the_whole_upload(site: Site) -> None:
    """404, every row of an unknown sensor named; nothing is stored."""
    foreign = ROW | {"sensorId": "/nowhere"}
    answer = _post(site, {"observations": [ROW, foreign, ROW, foreign | {"values": {"T": 1, "f": 2}}, foreign]})
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["code"], error["field"]) == ("UNKNOWN_SENSOR", "sensor")
    assert "(rows 1, 3, 4)" in error["message"]
    assert [each["path"] for each in answer.json()["errors"]] == [f"observations[{row}].sensorId" for row in (1, 3, 4)]
    many = [ROW, *([foreign] * 900)]
    paths = [f"[{row}].sensorId" for row in range(1, 901)]
    assert [each["path"] for each in _post(site, {"observations": many}).json()["errors"]] == [
        f"observations{path}" for path in paths
    ]
    refused = site.rpc("uploadData", {"data": many})
    assert (refused["code"], refused["data"]["category"]) == (-32004, "UNKNOWN_SENSOR")
    assert [each["path"] for each in refused["data"]["errors"]] == [f"data{path}" for path in paths]
    assert _stored(site) == {}
    assert _post(site, {"observations": [ROW, foreign | {"values": {}}]}).status_code == 404


def test_missing_raw_metrics_and_nulls_are_fine(site: Site) -> None:
    """A null removes a point, an empty `values` changes nothing."""
    _post(site, {"observations": [ROW]})
    assert _post(site, {"observations": [ROW | {"values": {}}]}).status_code == 202
    assert _stored(site) == {"2025-01-01T00:00:00.000Z": 1.5}
    _post(site, {"observations": [ROW | {"values": {"T": None}}]})
    assert _stored(site) == {}


@pytest.mark.parametrize("body", [[], 5, "x", {"observations": {}}, {"observations": None}, {"data": [ROW]}])
def test_a_wrong_shape_is_refused_in_the_printed_form(site: Site, body: Any) -> None:
    """400 with a list of message and path."""
    answer = _post(site, body)
    assert answer.status_code == 400
    assert all(set(each) == {"message", "path"} for each in answer.json()["errors"])


def test_readers_may_not_upload(site: Site) -> None:
    """403, before the body is looked at."""
    answer = _post(site, {"observations": [ROW]}, role="reader")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
    assert _stored(site) == {}
