"""`POST /api/sql`: forms, projects, refusals, and queries that would rather not end."""

import io
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.api.process import serving
from tests.api.site import READINGS, THERMOMETER, Site
from tests.api.site import site as open_site

import tseng
from tseng.engine import Engine
from tseng.errors import InvalidRequest

READ = f"SELECT time, value FROM observations WHERE sensor = '{THERMOMETER}' AND metric = 'T' ORDER BY time"
# Whatever any view says of projects and ids.
EVERYTHING = (
    "SELECT project, sensor FROM observations UNION SELECT project, id FROM sensors "
    "UNION SELECT project, id FROM devices UNION SELECT project, id FROM nodes"
)


@pytest.fixture(scope="module")
def other(site: Site) -> dict[str, str]:
    """A second project with one of everything, and keys bound to it."""
    project = site.engine.create_project("Other", "6ee68656-ce20-452c-a4e6-b6b3a3b55537").id
    for kind in ("node", "device"):
        site.engine.create_entity(kind, f"their {kind}", "X", project=project)
    site.engine.create_entity("sensor", "theirs", "TEMPERATURE_SDE", project=project)
    row = {"sensorId": "theirs", "timestamp": "2024-05-01T00:00:00Z", "values": {"T": 99.0}}
    site.engine.upload([row], project=project)
    site.engine.store.flush()
    site.engine.upload([row | {"timestamp": "2024-05-02T00:00:00Z"}], project=project)
    return {"id": project, "reader": site.engine.keys.create("their reader", "reader", project)}


def _ask(client: httpx.Client, query: str, **body: Any) -> httpx.Response:
    return client.post("/api/sql", json={"sql": query, **body})


def _rows(client: httpx.Client, query: str, **body: Any) -> list[Any]:
    answer = _ask(client, query, **body)
    assert answer.status_code == 200, answer.text
    rows: list[Any] = answer.json()["rows"]
    return rows


def test_json_is_columns_and_rows(site: Site) -> None:
    """Times as ISO text, values as numbers; what was acknowledged a moment ago is there."""
    answer = _ask(site.http(), READ)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"columns": ["time", "value"], "rows": [[at, value] for at, value in READINGS.items()]}


def test_the_other_forms(site: Site) -> None:
    """CSV, Arrow and Parquet by Accept or ?format=; the columns form is for one series."""
    csv = site.http().post("/api/sql", json={"sql": READ}, headers={"Accept": "text/csv"}).text
    lines = [f'"{at}",{value:g}\n' for at, value in READINGS.items()]
    assert csv == '"time","value"\n' + "".join(lines)
    parquet = site.http().post("/api/sql?format=parquet", json={"sql": READ})
    arrow = site.http().post("/api/sql?format=arrow", json={"sql": READ})
    for table in (pq.read_table(io.BytesIO(parquet.content)), pa.ipc.open_stream(arrow.content).read_all()):
        assert table.schema.types == [pa.timestamp("us", "UTC"), pa.float64()]
        assert table["value"].to_pylist() == list(READINGS.values())
    assert site.http().post("/api/sql?format=columns", json={"sql": READ}).status_code == 406


def test_the_client_gets_a_table(site: Site) -> None:
    """Derived and converted in SQL, asked over HTTP: 11.5 C is 1.5 above the first reading, 2.7 F."""
    with tseng.connect(site.url, api_key=site.keys["reader"]) as client:
        table = client.sql(f"SELECT value FROM get_data('{THERMOMETER}', 'dT', 'F') ORDER BY time")
        assert table["value"].to_pylist() == pytest.approx([0, 2.7, -1.35], abs=1e-12)
        with pytest.raises(InvalidRequest, match="nowhere") as refused:
            client.sql("SELECT * FROM nowhere")
        assert refused.value.field == "sql"


def test_a_bound_key_sees_its_project_alone(site: Site, other: dict[str, str]) -> None:
    """Through every view and through get_data, in files and in the log."""
    mine, theirs = site.http(), site.with_key(other["reader"])
    seen = _rows(theirs, EVERYTHING)
    assert sorted(seen) == sorted([other["id"], id] for id in ("theirs", "their node", "their device"))
    assert {project for project, _ in _rows(mine, EVERYTHING)} == {site.engine.project().id}
    assert _rows(theirs, "SELECT value FROM observations") == [[99.0], [99.0]]
    assert _rows(theirs, "SELECT count(*) FROM get_data('theirs', 'T', 'C')") == [[2]]
    for client, id in ((mine, "theirs"), (theirs, THERMOMETER)):
        answer = _ask(client, f"SELECT * FROM get_data('{id}', 'T', 'C')")
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, "sql")
        assert "there is no sensor" in answer.json()["error"]["message"]


def test_an_unbound_admin_sees_all_or_the_one_it_names(site: Site, other: dict[str, str]) -> None:
    """`projectIds` narrows, in the body or the query string, by id or iTwin id; a foreign one is 404."""
    admin, query = site.http("admin"), "SELECT DISTINCT project FROM observations ORDER BY project = 'default'"
    default = site.engine.project().id
    assert sorted(_rows(admin, query)) == sorted([[default], [other["id"]]])
    assert _rows(admin, query, projectIds=other["id"]) == [[other["id"]]]
    assert _rows(admin, query, projectIds=["6ee68656-ce20-452c-a4e6-b6b3a3b55537"]) == [[other["id"]]]
    assert _rows(admin, "SELECT count(*) FROM get_data('theirs', 'T', 'C')", projectIds=other["id"]) == [[2]]
    narrowed = admin.post("/api/sql", params={"projectIds": default}, json={"sql": query})
    assert narrowed.json()["rows"] == [[default]]
    assert _ask(site.http(), query, projectIds=other["id"]).status_code == 404
    assert _ask(admin, query, projectIds=[default, other["id"]]).status_code == 400


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELEC 1", 'syntax error at or near "SELEC" (line 1, column 1)'),
        ("SELECT nothing FROM observations", "nothing"),
        ("SELECT * FROM read_csv('/etc/passwd')", "read_csv"),
        ("COPY observations TO '/tmp/x.csv'", "only SELECT"),
        ("SELECT 1; SELECT 2", "one SELECT"),
        ("SELECT convert(1, 'C', 'm')", "'m'"),
        ("SELECT error('no such luck')", "no such luck"),
        ("SELECT " + "1+" * 60_000 + "1", "longer than"),
    ],
)
def test_a_wrong_query_is_400_in_one_line(site: Site, query: str, words: str) -> None:
    """The parser's or the fence's words, and never a path of the server."""
    answer = _ask(site.http(), query)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["field"]) == (400, "INVALID_REQUEST", "sql")
    assert words in error["message"]
    assert "\n" not in error["message"]
    assert str(site.engine.settings.data) not in error["message"]


def test_the_body_is_checked(site: Site) -> None:
    """Field names and types; unknown names in the query string."""
    for body, field in (({}, "sql"), ({"sql": 5}, "sql"), ({"sql": "SELECT 1", "limit": 5}, "limit")):
        answer = site.http().post("/api/sql", json=body)
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    assert site.http().post("/api/sql?limit=5", json={"sql": "SELECT 1"}).status_code == 400
    assert site.http().get("/api/sql").status_code == 405


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that gives a query one second, 300 MB and an answer of one megabyte."""
    limits = {"sql_seconds": 1.0, "sql_memory": 300_000_000, "sql_bytes": 1_000_000}
    with open_site(tmp_path_factory.mktemp("strict") / "store", **limits) as opened:
        yield opened


@pytest.mark.parametrize(
    "query",
    [
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
        "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE hash(a.range, b.range) = 1",
        # No interrupt reaches this one: it is a single value.
        "SELECT length(lpad('x', 2000000000, 'y'))",
    ],
)
def test_a_query_that_does_not_end_is_ended(strict: Site, query: str) -> None:
    """400 that says so, soon after its time is over."""
    began = time.perf_counter()
    answer = _ask(strict.http(), query)
    assert answer.status_code == 400
    assert "longer than 1 s" in answer.json()["error"]["message"] or "memory" in answer.json()["error"]["message"]
    assert time.perf_counter() - began < 8


@pytest.mark.parametrize(
    "query",
    [
        "SELECT list(a.range) FROM range(100000) a, range(100000) b",
        "SELECT count(DISTINCT a.range || '/' || b.range) FROM range(100000) a, range(1000) b",
        "SELECT length(repeat('x', 2000000000))",
        "SELECT length(printf('%1500000000d', 1))",
        "SELECT len(range(1000000000))",
    ],
)
def test_a_query_that_eats_memory_is_ended(strict: Site, query: str) -> None:
    """Whether DuckDB counts that memory or not; nothing is written to disk instead, and the server lives on."""
    message = _ask(strict.http(), query).json()["error"]["message"]
    assert "needs more than 0.3 GB of memory" in message or "longer than 1 s" in message
    assert _rows(strict.http(), "SELECT 1") == [[1]]


def test_an_answer_has_a_largest_size(strict: Site) -> None:
    """Said before the first byte; below it everything comes."""
    too_large = _ask(strict.http(), "SELECT repeat('x', 1000) FROM range(1001)")
    assert (too_large.status_code, too_large.json()["error"]["field"]) == (400, "sql")
    assert "too large" in too_large.json()["error"]["message"]
    assert len(_rows(strict.http(), "SELECT repeat('x', 1000) FROM range(990)")) == 990


def test_the_server_answers_others_meanwhile(strict: Site) -> None:
    """Eight queries that take all their time: two run, six wait, and a health check waits for none of them."""
    endless = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(_ask, strict.http(), endless) for _ in range(8)]
        slowest = 0.0
        while not all(each.done() for each in asked):
            began = time.perf_counter()
            assert strict.http(None).get("/readyz").status_code == 200
            slowest = max(slowest, time.perf_counter() - began)
            time.sleep(0.05)
    assert [each.result().status_code for each in asked] == [400] * 8
    assert slowest < 2


def test_a_server_process_leaves_no_process_behind(tmp_path: Path) -> None:
    """The one that waits for the next query ends with its server, even when that is killed."""
    with Engine.open(tmp_path / "store") as engine:
        key = engine.keys.create("reader")
    with serving(tmp_path / "store") as process:
        headers = {"Authorization": f"ApiKey {key}"}
        answer = httpx.post(f"{process.url}/api/sql", json={"sql": "SELECT 1"}, headers=headers, timeout=60)
        assert answer.json()["rows"] == [[1]]
        children = process.memory.children(recursive=True)
        assert children
    for child in children:
        child.wait(timeout=10)


def test_a_store_whose_path_looks_like_a_pattern(tmp_path: Path) -> None:
    """`?`, `*` and `[` in the store's path are letters like others, behind the fence too."""
    with open_site(tmp_path / "d[1]?x*") as odd:
        odd.engine.store.flush()
        answer = odd.http().post(
            "/api/sql", json={"sql": f"SELECT count(*) AS n FROM observations WHERE sensor = '{THERMOMETER}'"}
        )
        assert answer.json() == {"columns": ["n"], "rows": [[len(READINGS)]]}, answer.text
