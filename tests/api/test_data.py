"""`/api/data`: five formats, negotiation, query strings, many reads in one request, the summary."""

import io
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.api.site import READINGS, START, THERMISTOR, THERMOMETER, Site

READ = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}
MS = [int(datetime.fromisoformat(at).timestamp() * 1000) for at in READINGS]


def test_json_is_the_default(site: Site) -> None:
    """Sensor, metric, unit and a map of ISO time to value."""
    answer = site.get("/api/data", **READ)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == READ | {"data": READINGS}


def test_columns_are_epoch_ms_and_values(site: Site) -> None:
    """Two arrays of one length."""
    assert site.get("/api/data", **READ, format="columns").json() == {"time": MS, "value": list(READINGS.values())}


def test_csv_has_a_header_and_iso_text(site: Site) -> None:
    """One line a point."""
    answer = site.http().get("/api/data", params=READ, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text == "time,value\n" + "".join(f"{at},{_short(value)}\n" for at, value in READINGS.items())


def _short(value: float) -> str:
    return repr(value).removesuffix(".0")


@pytest.mark.parametrize("media", ["application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"])
def test_arrow_and_parquet_carry_types_and_metadata(site: Site, media: str) -> None:
    """timestamp[us, UTC] and double, with sensor, metric and unit in the schema."""
    answer = site.http().get("/api/data", params=READ, headers={"Accept": media})
    assert answer.headers["content-type"] == media
    if media.endswith("parquet"):
        table = pq.read_table(io.BytesIO(answer.content))
    else:
        table = pa.ipc.open_stream(answer.content).read_all()
    assert table.schema.types == [pa.timestamp("us", "UTC"), pa.float64()]
    assert table.column("value").to_pylist() == list(READINGS.values())
    assert table.column("time")[0].as_py() == datetime(2024, 3, 1, tzinfo=UTC)
    assert {key: table.schema.metadata[key.encode()].decode() for key in READ} == READ


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("application/json;q=0.5, text/csv", "text/csv"),
        ("*/*, text/csv", "text/csv"),
        ("text/csv;q=0, application/vnd.apache.parquet;q=0.1", "application/vnd.apache.parquet"),
        ("application/json;q=0, text/*", "text/csv"),
        ("TEXT/CSV", "text/csv"),
    ],
)
def test_accept_is_read_as_http_defines_it(site: Site, accept: str, media: str) -> None:
    """Weights, wildcards, refusals (RFC 9110, section 12.5.1)."""
    answer = site.http().get("/api/data", params=READ, headers={"Accept": accept})
    assert answer.headers["content-type"].split(";")[0] == media


def test_what_cannot_be_written_is_refused(site: Site) -> None:
    """406 for an Accept that names none, 400 for a format that is none; both list what there is."""
    answer = site.http().get("/api/data", params=READ, headers={"Accept": "image/png"})
    assert (answer.status_code, answer.json()["error"]["field"]) == (406, "Accept")
    answer = site.get("/api/data", **READ, format="xlsx")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "format")
    assert "parquet" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ({"ZERO_DATE": "2024-03-01T01:00:00.000Z"}, [-1.5, 0, -2.25]),
        ({}, [0, 1.5, -0.75]),
        ({"dt": "3600"}, [1.5, -2.25]),
        ({"dt": "1,h"}, [1.5, -2.25]),
        ({"limit": "last"}, [-0.75]),
        ({"startDate": "2024-03-01T01:00:00Z", "endDate": "2024-03-01T01:00:00Z"}, [1.5]),
        ({"startDate": "2025-01-01"}, []),
    ],
)
def test_parameters_stand_in_the_query_string(site: Site, query: dict[str, str], values: list[float]) -> None:
    """DT by hand from 10, 11.5 and 9.25 C."""
    answer = site.get("/api/data", sensor=THERMOMETER, metric="dT", unit="C", **query)
    assert list(answer.json()["data"].values()) == values


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"aggregate": "mean"}, "window"),
        ({"aggregate": "average", "window": "1h"}, "aggregate"),
        ({"aggregate": "sum", "window": "1h"}, "aggregate"),
        ({"aggregate": "mean", "window": "hourly"}, "window"),
        ({"aggregate": "mean", "window": "1d", "timeZone": "Amsterdam"}, "timeZone"),
        ({"aggregate": "interpolate", "window": "1h"}, "maxGap"),
        ({"points": "many"}, "points"),
        ({"points": "3"}, "points"),
        ({"points": "9" * 5000}, "points"),
        ({"gap": "1"}, "gap"),
    ],
)
def test_shapes_that_are_refused(site: Site, query: dict[str, str], field: str) -> None:
    """The option by its name in the query string, before the first byte."""
    answer = site.get("/api/data", **READ, **query)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


def test_post_takes_the_json_rpc_params(site: Site) -> None:
    """The same object as getData's, the same answer as GET's, in any format."""
    body = READ | {"metric": "dT", "params": {"dt": {"value": 60, "unit": "min"}}, "limit": {"function": "first"}}
    answer = site.http().post("/api/data", json=body)
    assert list(answer.json()["data"].values()) == [1.5]
    answer = site.http().post("/api/data?format=csv", json=body)
    assert answer.text == "time,value\n2024-03-01T01:00:00.000Z,1.5\n"


def test_many_reads_are_answered_in_order_with_errors_in_place(site: Site) -> None:
    """A failed one is `{"error": …}` where its result would stand; the status is 200."""
    requests: list[Any] = [
        READ,
        READ | {"unit": "m"},
        {"sensor": 5},
        READ | {"sensor": "/nowhere"},
        READ | {"unit": "F"},
    ]
    answer = site.http().post("/api/data", json={"requests": requests})
    assert answer.status_code == 200
    good, unit, shape, sensor, last = answer.json()["results"]
    assert good == READ | {"data": READINGS}
    assert [each["error"]["code"] for each in (unit, shape, sensor)] == [
        "INCOMPATIBLE_UNIT",
        "INVALID_REQUEST",
        "UNKNOWN_SENSOR",
    ]
    assert list(last["data"].values()) == pytest.approx([50.0, 52.7, 48.65], rel=1e-12)
    assert site.http().post("/api/data", json={"requests": []}).json() == {"results": []}


def test_many_reads_come_as_columns_too_but_not_as_files(site: Site) -> None:
    """One JSON document holds several results, one Parquet file does not."""
    answer = site.http().post("/api/data?format=columns", json={"requests": [READ]})
    assert answer.json() == {"results": [{"time": MS, "value": list(READINGS.values())}]}
    assert site.http().post("/api/data?format=parquet", json={"requests": [READ]}).status_code == 406


def test_summary(site: Site) -> None:
    """First, last and count; null ends when there is nothing."""
    assert site.get("/api/data/summary", **READ).json() == {
        "first": {"timestamp": START, "value": 10.0},
        "last": {"timestamp": "2024-03-01T02:00:00.000Z", "value": 9.25},
        "count": 3,
    }
    empty = site.get("/api/data/summary", **READ, startDate="2030-01-01").json()
    assert empty == {"first": None, "last": None, "count": 0}


def test_a_head_request_has_no_body(site: Site) -> None:
    """HEAD is GET without the points."""
    answer = site.http().head("/api/data", params=READ)
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_derived_metric_without_zero_reading_is_an_error_before_the_first_byte(site: Site) -> None:
    """The sensor's ZERO_DATE lies after all of its readings."""
    answer = site.get("/api/data", sensor=THERMISTOR, metric="dT", unit="C")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "NO_ZERO_READING")
