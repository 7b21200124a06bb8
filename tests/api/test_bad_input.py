"""Every category of domain section 10, and every broken body, through REST and JSON-RPC."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.site import THERMISTOR, THERMOMETER, WATER, Site
from tests.api.site import site as open_site

READ: dict[str, Any] = {"sensor": THERMOMETER, "metric": "dT", "unit": "C"}
MIB = 2**20

# What is changed in READ, then category, HTTP status, JSON-RPC code, field.
CASES: list[tuple[str, dict[str, Any], str, int, int, str]] = [
    ("unknown sensor", {"sensor": "/nowhere"}, "UNKNOWN_SENSOR", 404, -32004, "sensor"),
    ("empty sensor", {"sensor": ""}, "UNKNOWN_SENSOR", 404, -32004, "sensor"),
    ("unknown metric", {"metric": "flux"}, "UNKNOWN_METRIC", 400, -32010, "metric"),
    ("metric of another type", {"metric": "dx"}, "METRIC_NOT_AVAILABLE", 400, -32010, "metric"),
    ("props missing", {"sensor": WATER, "metric": "P_w", "unit": "kPa"}, "METRIC_NOT_AVAILABLE", 400, -32010, ""),
    ("unknown unit", {"unit": "celsius"}, "UNKNOWN_UNIT", 400, -32010, "unit"),
    ("unit of another dimension", {"unit": "m"}, "INCOMPATIBLE_UNIT", 400, -32010, "unit"),
    ("no zero reading", {"sensor": THERMISTOR}, "NO_ZERO_READING", 400, -32011, ""),
    ("bad zero date", {"params": {"ZERO_DATE": {"value": "yesterday"}}}, "INVALID_PARAM", 400, -32602, "ZERO_DATE"),
    ("dt of zero", {"params": {"dt": {"value": 0}}}, "INVALID_PARAM", 400, -32602, "dt"),
    ("dt in metres", {"params": {"dt": {"value": 1, "unit": "m"}}}, "INVALID_PARAM", 400, -32602, "dt"),
    ("unknown parameter", {"params": {"ZERODATE": {"value": "2024-03-01"}}}, "INVALID_PARAM", 400, -32602, "ZERODATE"),
    ("reversed", {"startDate": "2024-03-02", "endDate": "2024-03-01"}, "INVALID_TIME_RANGE", 400, -32602, "endDate"),
    ("bad start", {"startDate": "soon"}, "INVALID_REQUEST", 400, -32602, "startDate"),
    ("bad end", {"endDate": "2024-02-30"}, "INVALID_REQUEST", 400, -32602, "endDate"),
    ("foreign project", {"projectIds": "nowhere"}, "NOT_FOUND", 404, -32004, "projectIds"),
]  # fmt: skip
# What JSON can say and a query string cannot.
SHAPES: list[tuple[str, dict[str, Any], str, int, int, str]] = [
    ("bare parameter", {"params": {"dt": 3600}}, "INVALID_PARAM", 400, -32602, "dt"),
    ("null parameter", {"params": {"dt": {"value": None}}}, "INVALID_PARAM", 400, -32602, "dt"),
    ("boolean parameter", {"params": {"dt": {"value": True}}}, "INVALID_PARAM", 400, -32602, "dt"),
    ("numeric sensor", {"sensor": 1}, "INVALID_REQUEST", 400, -32602, "sensor"),
    ("null metric", {"metric": None}, "INVALID_REQUEST", 400, -32602, "metric"),
    ("numeric date", {"startDate": 1}, "INVALID_REQUEST", 400, -32602, "startDate"),
    ("list of params", {"params": [1]}, "INVALID_REQUEST", 400, -32602, "params"),
    ("two points", {"limit": {"function": "last", "params": {"size": 2}}}, "INVALID_REQUEST", 400, -32602, "size"),
    ("limit as text", {"limit": "last"}, "INVALID_REQUEST", 400, -32602, "limit"),
    ("a typo", {"startdate": "2024-03-01"}, "INVALID_REQUEST", 400, -32602, "startdate"),
]  # fmt: skip


def _query(change: dict[str, Any]) -> dict[str, str]:
    """Write a params object as a query string."""
    asked = READ | change
    params = asked.pop("params", {})
    return asked | {
        name: ",".join([str(each["value"])] + ([each["unit"]] if "unit" in each else []))
        for name, each in params.items()
    }


def _names(field: str, wanted: str) -> bool:
    return field == wanted or field.rpartition(".")[2] == wanted if wanted else bool(field)


@pytest.mark.parametrize(
    ("change", "category", "status", "_code", "field"), [each[1:] for each in CASES], ids=[each[0] for each in CASES]
)
@pytest.mark.parametrize("path", ["/api/data", "/api/data/summary"])
def test_query_strings(
    site: Site, path: str, change: dict[str, Any], category: str, status: int, _code: int, field: str
) -> None:
    """Status, category and field of every refusal, with a message in plain words."""
    answer = site.get(path, **_query(change))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, category)
    assert _names(error["field"], field)
    assert len(error["message"]) > 10
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("change", "category", "status", "code", "field"),
    [each[1:] for each in CASES + SHAPES],
    ids=[each[0] for each in CASES + SHAPES],
)
def test_bodies(site: Site, change: dict[str, Any], category: str, status: int, code: int, field: str) -> None:
    """POST and JSON-RPC refuse alike: one table decides about status and code."""
    answer = site.http().post("/api/data", json=READ | change)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, category)
    assert _names(error["field"], field)
    for method in ("getData", "getObservationsSummary"):
        refused = site.rpc(method, READ | change, role="reader")
        assert (refused["code"], refused["data"]["category"]) == (code, category)
        assert _names(refused["data"]["field"], field)
        assert refused["message"] == error["message"]


@pytest.mark.parametrize("name", ["sensor", "metric", "unit"])
def test_a_missing_name_is_named(site: Site, name: str) -> None:
    """In a query string, in a body, in JSON-RPC."""
    asked = {key: value for key, value in READ.items() if key != name}
    assert site.get("/api/data", **asked).json()["error"]["field"] == name
    assert site.http().post("/api/data", json=asked).json()["error"]["field"] == name
    assert site.rpc("getData", asked)["data"]["field"] == name


def test_a_rate_without_dt_misses_a_parameter(site: Site) -> None:
    """MISSING_PARAM names dt."""
    site.engine.create_entity("sensor", "crack", "DISPLACEMENT")
    asked = {"sensor": "crack", "metric": "v_disp", "unit": "mm_d"}
    answer = site.get("/api/data", **asked)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "MISSING_PARAM")
    assert _names(error["field"], "dt")
    assert site.rpc("getData", asked)["code"] == -32602


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ({"colour": "red"}, "INVALID_PARAM", "colour"),
        ({"zero_date": "2024-03-01"}, "INVALID_PARAM", "zero_date"),
        ({"limit": "middle"}, "INVALID_REQUEST", "limit"),
        ({"unit": ["C", "F"]}, "INVALID_REQUEST", "unit"),
        ({"dt": ["1", "2"]}, "INVALID_REQUEST", "dt"),
        ({"dt": "nan"}, "INVALID_PARAM", "dt"),
        ({"dt": "1e999"}, "INVALID_PARAM", "dt"),
        ({"ZERO_DATE": "5"}, "INVALID_PARAM", "ZERO_DATE"),
    ],
)
def test_what_a_query_string_alone_can_get_wrong(site: Site, query: dict[str, Any], code: str, field: str) -> None:
    """Unknown names, names that come twice, numbers that are none."""
    answer = site.get("/api/data", **(READ | query))
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    assert _names(answer.json()["error"]["field"], field)


@pytest.mark.parametrize(
    ("method", "params", "code", "field"),
    [
        ("createSensor", {}, -32602, "sensor"),
        ("createSensor", {"sensor": "s"}, -32602, "type"),
        ("createSensor", {"sensor": "", "type": "X"}, -32602, "id"),
        ("createSensor", {"sensor": "s", "type": "X", "props": []}, -32602, "props"),
        ("createNode", {"sensor": "s", "type": "X"}, -32602, ""),
        ("getSensors", {"sensors": "s"}, -32602, "sensors"),
        ("getSensors", {"nodes": []}, -32602, "nodes"),
        ("updateDevice", {"device": "s", "props": {}}, -32004, "device"),
        ("getMetrics", {}, -32602, "sensors"),
        ("getUnits", {"metrics": [1]}, -32602, "metrics[0]"),
        ("uploadData", {}, -32602, "data"),
        ("uploadData", {"data": []}, -32602, "data"),
        ("uploadData", {"data": [{"sensorId": THERMOMETER}]}, -32602, "data[0]"),
        (
            "uploadData",
            {"data": [{"sensorId": "/no", "timestamp": "2024-01-01", "values": {"T": 1}}]},
            -32004,
            "sensor",
        ),
        ("authenticate", {}, -32602, "code"),
        ("getdata", READ, -32601, "method"),
    ],
)
def test_methods_name_what_is_wrong(site: Site, method: str, params: dict[str, Any], code: int, field: str) -> None:
    """Code, words and field."""
    error = site.rpc(method, params)
    assert error["code"] == code
    assert _names(error["data"]["field"], field)
    assert error["message"]


BROKEN = [b"", b"{", b"nonsense", b"\x00\x01", b'{"a":1,}', b'"\xff"', b"[" * 10_000]


@pytest.mark.parametrize("path", ["/api/data", "/api/sensors/metrics", "/api/projects"])
@pytest.mark.parametrize("body", BROKEN)
def test_bodies_that_are_no_json(site: Site, path: str, body: bytes) -> None:
    """400 saying that it is no JSON."""
    answer = site.http("admin").post(path, content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "NOT_JSON")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that takes bodies of one MiB."""
    with open_site(tmp_path_factory.mktemp("small") / "store", body_limit=MIB) as opened:
        yield opened


def _pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // 65536):
        yield b" " * 65536
    yield b" " * (size % 65536)


@pytest.mark.parametrize("path", ["/api/data/upload", "/api/data", "/api/rpc"])
def test_a_body_above_the_limit_is_413(small: Site, path: str) -> None:
    """Whether its length is declared or it comes in chunks; at the limit it is looked at, and is no JSON."""
    http = small.http("admin")
    for content in (b" " * (MIB + 1), _pieces(MIB + 1)):
        answer = http.post(path, content=content)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "TOO_LARGE")
    for content in (b" " * MIB, _pieces(MIB)):
        assert http.post(path, content=content).status_code == 400


LARGE = {
    "brackets": b"[" * (50 * MIB),
    "zeros": b"\x00" * (50 * MIB),
    "blanks": b" " * (50 * MIB),
    "one long string": b'{"observations":"' + b"a" * (50 * MIB) + b'"}',
    "one long name": b'{"' + b"a" * (50 * MIB) + b'":1}',
    "cut short": b'{"observations":[' + b'{"sensorId":"s","timestamp":"2024-01-01","values":{"T":1}},' * 860_000,
}


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE.keys())
@pytest.mark.parametrize("path", ["/api/data/upload", "/api/data", "/api/rpc"])
def test_fifty_megabytes_of_garbage_are_refused_quickly(site: Site, path: str, body: bytes) -> None:
    """400 (or an error with status 200 where the JSON is sound), a short answer, and the server goes on."""
    began = time.perf_counter()
    answer = site.http("admin").post(path, content=body)
    assert answer.status_code == 400 or (path == "/api/rpc" and answer.json()["error"]["code"] == -32600)
    assert len(answer.content) < 20_000
    assert time.perf_counter() - began < 10
    assert site.http(None).get("/readyz").status_code == 200


def test_a_million_bad_rows_are_answered_with_the_first_thousand(site: Site) -> None:
    """The answer stays small whatever was sent."""
    body = b'{"observations":[' + b",".join([b"{}"] * 1_000_000) + b"]}"
    answer = site.http("writer").post("/api/data/upload", content=body)
    assert answer.status_code == 400
    assert [each["path"] for each in answer.json()["errors"][:2]] == [
        "observations[0]",
        "observations[1]",
    ]
    assert len(answer.json()["errors"]) == 1000


def test_a_large_good_body_is_stored(tmp_path: Path) -> None:
    """Three hundred thousand rows in one upload, 27 MB: every one of them is there."""
    with open_site(tmp_path / "store") as site:
        rows = b",".join(
            b'{"sensorId":"%b","timestamp":"2025-01-%02dT%02d:%02d:%02d.%03dZ","values":{"T":%d}}'
            % (
                THERMOMETER.encode(),
                1 + at // 86400 % 28,
                at // 3600 % 24,
                at // 60 % 60,
                at % 60,
                number % 2 * 500,
                number,
            )
            for number in range(300_000)
            for at in [number // 2]
        )
        answer = site.http("writer").post("/api/data/upload", content=b'{"observations":[' + rows + b"]}")
        assert answer.status_code == 202
        asked = {"sensor": THERMOMETER, "metric": "T", "unit": "C", "startDate": "2025-01-01"}
        summary = site.get("/api/data/summary", **asked).json()
        assert (summary["count"], summary["last"]["value"]) == (300_000, 299_999)


def test_after_all_that_nothing_was_half_written(site: Site) -> None:
    """The thermometer has its three readings and nothing else, and the store finds itself sound."""
    summary = site.get("/api/data/summary", sensor=THERMOMETER, metric="T", unit="C").json()
    assert summary["count"] == 3
    assert not site.engine.store.verify().damages
