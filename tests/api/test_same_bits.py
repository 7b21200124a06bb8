"""One request through every door: Python, the client, HTTP in five formats, SQL and the command line."""

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
from numpy.typing import NDArray
from tests.api.site import Site

import tseng

TILT = "/fn/6C4F6D/node/logger/0002/device/tilt1/sensor"
PARAMS = {"ZERO_DATE": "2024-01-02T00:00:00Z"}
COUNT = 2000


@pytest.fixture(scope="module")
def asked(site: Site) -> Site:
    """The server with a tiltmeter of two thousand readings whose sines have all their digits."""
    site.engine.create_entity("sensor", TILT, "TILT_BIAXIAL", {"GAUGE_LENGTH": 1.7})
    time = np.datetime64("2024-01-01", "us") + np.arange(COUNT) * np.timedelta64(601, "s")
    time[700:] += np.timedelta64(1, "D")
    value = np.random.default_rng(7).normal(0, 3, COUNT)
    site.engine.upload_table(
        pa.table({"sensor": [TILT] * COUNT, "metric": ["tilt_x"] * COUNT, "time": time, "value": value})
    )
    return site


def _expected(site: Site) -> NDArray[np.float64]:
    params = {name: {"value": value} for name, value in PARAMS.items()}
    return site.engine.get_data(TILT, "dx", "in", params=params).value


def _decoded(format: str, body: bytes) -> list[float]:
    if format == "json":
        return list(json.loads(body)["data"].values())
    if format == "columns":
        return list(json.loads(body)["value"])
    table = {
        "csv": lambda: pyarrow.csv.read_csv(io.BytesIO(body)),
        "arrow": lambda: pa.ipc.open_stream(body).read_all(),
        "parquet": lambda: pq.read_table(io.BytesIO(body)),
    }[format]()
    return list(table["value"].to_pylist())


@pytest.mark.parametrize("format", ["json", "columns", "csv", "arrow", "parquet"])
def test_http_and_the_command_line(asked: Site, format: str) -> None:
    """Each format carries the very float64s, and the command writes the bytes that HTTP sends."""
    query = {"sensor": TILT, "metric": "dx", "unit": "in", "format": format, **PARAMS}
    body = asked.http().get("/api/data", params=query).content
    assert np.array_equal(np.array(_decoded(format, body), np.float64), _expected(asked))
    options = [f"--param={name}={value}" for name, value in PARAMS.items()]
    command = [sys.executable, "-m", "tseng", "get", TILT, "dx", "in", "--format", format, *options]
    store = str(Path(asked.engine.settings.data))
    printed = subprocess.run([*command, "--data", store], capture_output=True, check=True).stdout
    assert printed == body


def test_client_and_sql(asked: Site) -> None:
    """The client's series and SQL's get_data are the same float64s."""
    params = {name: {"value": value} for name, value in PARAMS.items()}
    query = f"SELECT value FROM get_data('{TILT}', 'dx', 'in', '{json.dumps(params)}') ORDER BY time"
    with tseng.connect(asked.url, api_key=asked.keys["reader"]) as client:
        assert np.array_equal(client.get_data(TILT, "dx", "in", params=params).value, _expected(asked))
        assert np.array_equal(client.sql(query)["value"].to_numpy(), _expected(asked))
    assert np.array_equal(np.array(asked.engine.sql(query).fetchall(), np.float64)[:, 0], _expected(asked))


SHAPES: list[dict[str, Any]] = [
    {"aggregate": "std", "window": "6h", "time_zone": "Europe/Amsterdam"},
    {"aggregate": "rate/d", "window": "1w"},
    {"aggregate": "interpolate", "window": "7min", "max_gap": "1h", "limit": "last"},
    {"points": 50, "gap": "2h"},
]
WIRE = {"time_zone": "timeZone", "max_gap": "maxGap"}


@pytest.mark.parametrize("options", SHAPES, ids=str)
@pytest.mark.parametrize("format", ["json", "columns", "csv", "arrow", "parquet"])
def test_shapes(asked: Site, format: str, options: dict[str, Any]) -> None:
    """Aggregated, interpolated or thinned out: the same float64s through Python, the client, HTTP and the command."""
    here = asked.engine.get_data(TILT, "dx", "in", **options)
    assert len(here)
    assert len(here.gaps) == ("gap" in options)
    wire = {WIRE.get(name, name): value for name, value in options.items()}
    body = asked.get("/api/data", sensor=TILT, metric="dx", unit="in", format=format, **wire).content
    got = [value for value in _decoded(format, body) if value is not None]
    assert got == here.value.tolist()
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "tseng", "get", TILT, "dx", "in", "--format", format, *flags]
    store = str(Path(asked.engine.settings.data))
    assert subprocess.run([*command, "--data", store], capture_output=True, check=True).stdout == body
    with tseng.connect(asked.url, api_key=asked.keys["reader"]) as client:
        there = client.get_data(TILT, "dx", "in", **options)
    assert (there.unit, there.gaps, there.value.tolist()) == (here.unit, here.gaps, here.value.tolist())
    assert np.array_equal(there.time, here.time)
