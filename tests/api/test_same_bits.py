"""One request through every door, for now and as of then: Python, the client, HTTP in five formats, SQL, commands."""

import io
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
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
TIME = np.datetime64("2024-01-01", "us") + np.arange(COUNT) * np.timedelta64(601, "s")
TIME[700:] += np.timedelta64(1, "D")


@dataclass(frozen=True)
class Asked:
    """The server, and a moment after which readings and configuration were changed."""

    site: Site
    then: str

    def options(self, now: bool) -> dict[str, str]:
        """The options of a read, as they are written in a query string."""
        return {} if now else {"asOf": self.then}

    def expected(self, now: bool) -> NDArray[np.float64]:
        """What Python answers."""
        params = {name: {"value": value} for name, value in PARAMS.items()}
        as_of = None if now else self.then
        return self.site.engine.get_data(TILT, "dx", "in", params=params, as_of=as_of).value


def _upload(site: Site, seed: int, count: int) -> None:
    value = np.random.default_rng(seed).normal(0, 3, count)
    table = {"sensor": [TILT] * count, "metric": ["tilt_x"] * count, "time": TIME[:count], "value": value}
    site.engine.upload_table(pa.table(table))


@pytest.fixture(scope="module")
def asked(site: Site) -> Asked:
    """The server with a tiltmeter of two thousand readings whose sines have all their digits.

    Its gauge length changed at a date. Later a thousand readings were uploaded anew and the gauge length was corrected.
    """
    site.engine.create_entity("sensor", TILT, "TILT_BIAXIAL", {"GAUGE_LENGTH": 1.7})
    site.engine.update_entity("sensor", TILT, {"GAUGE_LENGTH": 1.9}, valid_from=TIME[1500])
    _upload(site, 7, COUNT)
    time.sleep(0.002)
    then = datetime.now(UTC).isoformat()
    time.sleep(0.002)
    _upload(site, 8, COUNT // 2)
    site.engine.update_entity("sensor", TILT, {"GAUGE_LENGTH": 2.3})
    return Asked(site, then)


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


def test_the_past_is_another_answer(asked: Asked) -> None:
    """Readings uploaded anew and a corrected gauge length tell the two moments apart, before and after its date."""
    now, then = asked.expected(True), asked.expected(False)
    assert len(now) == len(then) == COUNT
    zero = 144  # a day of ten minutes and a second
    for part in (slice(None, zero), slice(zero + 1, 1000), slice(1500, None)):
        assert (now[part] != then[part]).all()


@pytest.mark.parametrize("now", [True, False], ids=["now", "then"])
@pytest.mark.parametrize("format", ["json", "columns", "csv", "arrow", "parquet"])
def test_http_and_the_command_line(asked: Asked, format: str, now: bool) -> None:
    """Each format carries the very float64s, and the command writes the bytes that HTTP sends."""
    query = {"sensor": TILT, "metric": "dx", "unit": "in", "format": format, **PARAMS, **asked.options(now)}
    body = asked.site.http().get("/api/data", params=query).content
    assert np.array_equal(np.array(_decoded(format, body), np.float64), asked.expected(now))
    options = [f"--param={name}={value}" for name, value in PARAMS.items()]
    options += [] if now else ["--as-of", asked.then]
    command = [sys.executable, "-m", "tseng", "get", TILT, "dx", "in", "--format", format, *options]
    store = str(Path(asked.site.engine.settings.data))
    printed = subprocess.run([*command, "--data", store], capture_output=True, check=True).stdout
    assert printed == body


@pytest.mark.parametrize("now", [True, False], ids=["now", "then"])
@pytest.mark.parametrize("format", ["json", "columns", "arrow", "parquet"])
def test_with_provenance(asked: Asked, format: str, now: bool) -> None:
    """The same float64s stand beside the provenance, and the engine computes them again from it."""
    query = {"sensor": TILT, "metric": "dx", "unit": "in", "format": format, **PARAMS, **asked.options(now)}
    body = asked.site.http().get("/api/data", params=query | {"provenance": "true"}).content
    assert np.array_equal(np.array(_decoded(format, body), np.float64), asked.expected(now))
    told = asked.site.http().get("/api/data", params=query | {"provenance": "true", "format": "json"}).json()
    assert np.array_equal(asked.site.engine.replay(told["provenance"]).value, asked.expected(now))


@pytest.mark.parametrize("now", [True, False], ids=["now", "then"])
def test_json_rpc_client_and_sql(asked: Asked, now: bool) -> None:
    """The client's series, JSON-RPC's getData and SQL's get_data are the same float64s."""
    params = {name: {"value": value} for name, value in PARAMS.items()}
    given = f"'{TILT}', 'dx', 'in', '{json.dumps(params)}'" + ("" if now else f", as_of := '{asked.then}'")
    query, expected = f"SELECT value FROM get_data({given}) ORDER BY time", asked.expected(now)
    with tseng.connect(asked.site.url, api_key=asked.site.keys["reader"]) as client:
        as_of = None if now else asked.then
        assert np.array_equal(client.get_data(TILT, "dx", "in", params=params, as_of=as_of).value, expected)
        assert np.array_equal(client.sql(query)["value"].to_numpy(), expected)
    body = {"sensor": TILT, "metric": "dx", "unit": "in", "params": params, **asked.options(now)}
    assert np.array_equal(list(asked.site.rpc("getData", body)["data"].values()), expected)
    assert np.array_equal(np.array(asked.site.engine.sql(query).fetchall(), np.float64)[:, 0], expected)


SHAPES: list[dict[str, Any]] = [
    {"aggregate": "std", "window": "6h", "time_zone": "Europe/Amsterdam"},
    {"aggregate": "rate/d", "window": "1w"},
    {"aggregate": "interpolate", "window": "7min", "max_gap": "1h", "limit": "last"},
    {"points": 50, "gap": "2h"},
]
WIRE = {"time_zone": "timeZone", "max_gap": "maxGap"}


def _rpc(wire: dict[str, Any]) -> dict[str, Any]:
    """The limit of JSON-RPC is an object."""
    return wire | ({"limit": {"function": wire["limit"]}} if "limit" in wire else {})


@pytest.mark.parametrize("options", SHAPES, ids=str)
@pytest.mark.parametrize("format", ["json", "columns", "csv", "arrow", "parquet"])
def test_shapes(asked: Asked, format: str, options: dict[str, Any]) -> None:
    """Aggregated, interpolated or thinned out: the same float64s through Python, the client, HTTP and the command."""
    here = asked.site.engine.get_data(TILT, "dx", "in", **options)
    assert len(here)
    assert len(here.gaps) == ("gap" in options)
    wire = {WIRE.get(name, name): value for name, value in options.items()}
    body = asked.site.get("/api/data", sensor=TILT, metric="dx", unit="in", format=format, **wire).content
    got = [value for value in _decoded(format, body) if value is not None]
    assert got == here.value.tolist()
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "tseng", "get", TILT, "dx", "in", "--format", format, *flags]
    store = str(Path(asked.site.engine.settings.data))
    assert subprocess.run([*command, "--data", store], capture_output=True, check=True).stdout == body
    with tseng.connect(asked.site.url, api_key=asked.site.keys["reader"]) as client:
        there = client.get_data(TILT, "dx", "in", **options)
    told = asked.site.rpc("getData", {"sensor": TILT, "metric": "dx", "unit": "in", **_rpc(wire)}, role="reader")
    assert list(told["data"].values()) == here.value.tolist()
    assert len(told.get("gaps", [])) == len(here.gaps)
    assert (there.unit, there.gaps, there.value.tolist()) == (here.unit, here.gaps, here.value.tolist())
    assert np.array_equal(there.time, here.time)
