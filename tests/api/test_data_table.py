"""`POST /api/data/table`: its four formats, the same bits as in Python, and refusals that name the column."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from tests.api.site import THERMISTOR, THERMOMETER, Site

import tseng
from tseng.aligned import Table, from_arrow
from tseng.errors import InvalidRequest, UnknownSensor
from tseng.settings import Settings

COLUMNS: list[dict[str, Any]] = [
    {"sensor": THERMOMETER, "metric": "T", "unit": "F", "name": 'the "first", in F'},
    {"sensor": THERMISTOR, "metric": "T", "unit": "C"},
]
MS = [1_709_251_200_000 + 3_600_000 * hour for hour in range(3)]


def _post(site: Site, body: dict[str, Any], format: str = "json") -> Any:
    return site.http().post("/api/data/table", params={"format": format}, json={"columns": COLUMNS, **body})


def test_json_form(site: Site) -> None:
    """Times once, then each column with its ids and its values, null where it has none."""
    answer = _post(site, {}).json()
    assert list(answer) == ["time", "columns"]
    assert answer["time"] == MS
    first, second = answer["columns"]
    assert {key: first[key] for key in ("sensor", "metric", "unit", "name")} == COLUMNS[0]
    assert first["values"] == pytest.approx([50.0, 52.7, 48.65], rel=1e-12)
    assert second["name"] == f"{THERMISTOR} T"
    assert second["values"][1:] == [None, None]


def test_csv_form(site: Site) -> None:
    """A header whose names are quoted where they must be, and nothing where a value is missing."""
    lines = _post(site, {"columns": [COLUMNS[0] | {"unit": "C"}, COLUMNS[1]]}, "csv").text.splitlines()
    assert lines[0] == f'time,"the ""first"", in F",{THERMISTOR} T'
    assert lines[2:] == ["2024-03-01T01:00:00.000Z,11.5,", "2024-03-01T02:00:00.000Z,9.25,"]


def _decoded(format: str, body: bytes) -> list[list[float | None]]:
    if format == "json":
        return [column["values"] for column in json.loads(body)["columns"]]
    table = {
        "csv": lambda: pyarrow.csv.read_csv(io.BytesIO(body)),
        "arrow": lambda: pa.ipc.open_stream(body).read_all(),
        "parquet": lambda: pq.read_table(io.BytesIO(body)),
    }[format]()
    return [column.to_pylist() for column in table.columns[1:]]


def _expected(table: Table) -> list[list[float | None]]:
    return [[None if np.isnan(each) else each for each in column.value.tolist()] for column in table.columns]


ALIGNMENTS: list[dict[str, Any]] = [
    {},
    {"align": "nearest", "tolerance": "1h"},
    {"align": "window", "window": "1d", "aggregate": "p95", "time_zone": "Europe/Amsterdam"},
]


@pytest.mark.parametrize("options", ALIGNMENTS, ids=str)
@pytest.mark.parametrize("format", ["json", "csv", "arrow", "parquet"])
def test_the_same_bits_in_every_form(site: Site, format: str, options: dict[str, Any]) -> None:
    """Each form, the client and the command carry the engine's float64s."""
    here = site.engine.get_table(COLUMNS, **options)
    assert len(here)
    body = _post(site, {"timeZone" if name == "time_zone" else name: each for name, each in options.items()}, format)
    assert _decoded(format, body.content) == _expected(here)
    with tseng.connect(site.url, api_key=site.keys["reader"]) as client:
        there = client.get_table(COLUMNS, **options)
    assert _expected(there) == _expected(here)
    assert np.array_equal(there.time, here.time)
    ids = [[(each.name, each.sensor, each.metric, each.unit) for each in table.columns] for table in (here, there)]
    assert ids[0] == ids[1]


def test_arrow_and_parquet_carry_the_ids(site: Site) -> None:
    """Field metadata name sensor, metric and unit."""
    for format, read in (("arrow", lambda body: pa.ipc.open_stream(body).read_all()), ("parquet", pq.read_table)):
        table = from_arrow(read(io.BytesIO(_post(site, {}, format).content)))
        assert [(each.sensor, each.metric, each.unit) for each in table.columns] == [
            (THERMOMETER, "T", "F"),
            (THERMISTOR, "T", "C"),
        ]


def test_provenance_where_asked_for(site: Site) -> None:
    """Of each column, over HTTP and in the client; never in CSV."""
    told = _post(site, {"provenance": True, "align": "nearest", "tolerance": "1h"}).json()["columns"][1]["provenance"]
    assert told["alignment"] == {"align": "nearest", "tolerance": "1h"}
    assert told["request"]["sensor"] == THERMISTOR
    assert "provenance" not in _post(site, {}).json()["columns"][1]
    assert _post(site, {"provenance": True}, "csv").json()["error"]["field"] == "provenance"
    with tseng.connect(site.url, api_key=site.keys["reader"]) as client:
        assert client.get_table(COLUMNS, provenance=True).columns[0].provenance["metric"]["id"] == "T"
        assert client.get_table(COLUMNS).columns[0].provenance == {}


def test_refusals_name_the_column(site: Site) -> None:
    """Status and code of a single read; the field says where."""
    answer = _post(site, {"columns": [COLUMNS[0], {**COLUMNS[1], "sensor": "/nowhere"}]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "UNKNOWN_SENSOR")
    assert answer.json()["error"]["field"] == "columns[1].sensor"
    answer = _post(site, {"columns": [COLUMNS[0], {**COLUMNS[1], "unit": None}]})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "columns[1].unit")
    answer = _post(site, {"align": "roughly"})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "align")
    with tseng.connect(site.url, api_key=site.keys["reader"]) as client:
        with pytest.raises(UnknownSensor, match=r"columns\[0\]"):
            client.get_table([{**COLUMNS[0], "sensor": "/nowhere"}])
        with pytest.raises(InvalidRequest, match="tolerance"):
            client.get_table(COLUMNS, align="nearest")


def test_what_a_table_cannot_be(site: Site) -> None:
    """The columns form of one series; and more cells than the setting allows."""
    assert _post(site, {}, "columns").status_code == 406
    kept, site.engine.settings = site.engine.settings, Settings(table_cells=5)
    try:
        answer = _post(site, {})
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, "columns")
    finally:
        site.engine.settings = kept


def test_the_command(site: Site) -> None:
    """It writes the bytes that HTTP sends."""
    body = _post(site, {"columns": [{**each, "name": None} for each in COLUMNS]}, "csv").content
    wanted = [f"--column={each['sensor']},{each['metric']},{each['unit']}" for each in COLUMNS]
    command = [sys.executable, "-m", "tseng", "table", *wanted, "--data", str(Path(site.engine.settings.data))]
    assert subprocess.run(command, capture_output=True, check=True).stdout == body
    told = subprocess.run([*command, "--provenance"], capture_output=True, check=True)
    assert told.stdout == body
    assert json.loads(told.stderr)[f"{THERMISTOR} T"]["snapshot"]
