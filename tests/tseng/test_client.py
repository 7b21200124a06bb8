"""The client against a real server: the engine's verbs and the engine's refusals, over HTTP."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from tests.api.site import START, THERMISTOR, THERMOMETER, Site

import tseng
from tseng.client.client import Client
from tseng.errors import Forbidden, InvalidRequest, InvalidTimeRange, NotFound, Unauthenticated, UnknownSensor
from tseng_units.errors import IncompatibleUnit, InvalidParam, MissingParam, NoZeroReading, UnknownMetric, UnknownUnit


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    """A client with a writer's key."""
    with tseng.connect(site.url, api_key=site.keys["writer"]) as connected:
        yield connected


def test_the_same_series_as_embedded(site: Site, client: Client) -> None:
    """Times, values, unit and names are the engine's, bit for bit."""
    params = {"ZERO_DATE": {"value": "2024-03-01T01:00:00.000Z"}}
    here = site.engine.get_data(THERMOMETER, "dT", "F", params=params)
    there = client.get_data(THERMOMETER, "dT", "F", params=params)
    assert there.time.dtype == np.dtype("datetime64[us]")
    np.testing.assert_array_equal(there.time, here.time)
    np.testing.assert_array_equal(there.value, here.value)
    assert (there.unit, there.sensor, there.metric) == ("F", THERMOMETER, "dT")


@pytest.mark.parametrize(
    "start",
    [
        "2024-03-01T00:30:00Z",
        datetime(2024, 3, 1, 0, 30),
        datetime(2024, 3, 1, 0, 30, tzinfo=UTC),
        datetime(2024, 3, 1, 2, 0, tzinfo=timezone(timedelta(minutes=90))),
        np.datetime64("2024-03-01T00:30:00", "ns"),
    ],
)
def test_a_window_may_be_text_datetime_or_datetime64(client: Client, start: str | datetime | np.datetime64) -> None:
    """Without a zone UTC is meant, as in the engine."""
    assert client.get_data(THERMOMETER, "T", "C", start=start).value.tolist() == [11.5, 9.25]
    assert client.get_data(THERMOMETER, "T", "C", start=start, limit="first").value.tolist() == [11.5]
    assert client.get_data(THERMOMETER, "T", "C", end=start).value.tolist() == [10.0]


def test_summary_and_an_empty_series(client: Client) -> None:
    """First and last; an empty window is an empty series, not an error."""
    assert client.summary(THERMOMETER, "T", "C")["first"] == {"timestamp": START, "value": 10.0}
    empty = client.get_data(THERMOMETER, "T", "C", start="2030-01-01")
    assert (len(empty), empty.value.dtype) == (0, np.dtype("float64"))


def test_uploads_are_there_at_once(site: Site, client: Client) -> None:
    """Rows, and a table that goes in several requests, with microseconds and missing values."""
    client.call("createSensor", {"sensor": "fresh", "type": "TEMPERATURE_SDE"})
    assert client.upload([{"sensorId": "fresh", "timestamp": "2024-01-01T00:00:00Z", "values": {"T": 1.5}}]) == 1
    count = 150_000
    time = np.datetime64("2024-02-01T00:00:00.000001", "us") + np.arange(count) * np.timedelta64(1, "s")
    value = np.arange(count, dtype=float)
    value[7] = np.nan
    table = pa.table({"sensor": ["fresh"] * count, "metric": ["T"] * count, "time": time, "value": value})
    assert client.upload_table(table) == count
    series = site.engine.get_data("fresh", "T", "C", start="2024-02-01")
    np.testing.assert_array_equal(series.time, np.delete(time, 7))
    np.testing.assert_array_equal(series.value, np.delete(value, 7))


def test_a_frame_with_zoned_times_goes_in_as_utc(client: Client) -> None:
    """Noon in New York in winter is 17:00 UTC."""
    client.call("createSensor", {"sensor": "zoned", "type": "TEMPERATURE_SDE"})
    time = pd.to_datetime(["2024-01-01T12:00:00"]).tz_localize("America/New_York")
    client.upload_table(pd.DataFrame({"sensor": "zoned", "metric": "T", "time": time, "value": [3.0]}))
    assert client.get_data("zoned", "T", "C").time.tolist() == [datetime(2024, 1, 1, 17)]


def test_refusals_are_the_engines_own_classes(client: Client) -> None:
    """The same `except` works embedded and remote, and the field is named."""
    with pytest.raises(UnknownSensor, match="/nowhere") as unknown:
        client.get_data("/nowhere", "T", "C")
    assert unknown.value.field == "sensor"
    with pytest.raises(UnknownMetric, match="flux"):
        client.get_data(THERMOMETER, "flux", "C")
    with pytest.raises(UnknownUnit, match="celsius"):
        client.get_data(THERMOMETER, "T", "celsius")
    with pytest.raises(IncompatibleUnit):
        client.get_data(THERMOMETER, "T", "m")
    with pytest.raises(InvalidTimeRange):
        client.get_data(THERMOMETER, "T", "C", start="2024-02-01", end="2024-01-01")
    with pytest.raises(InvalidParam):
        client.summary(THERMOMETER, "dT", "C", params={"dt": {"value": -1}})
    with pytest.raises(NoZeroReading):
        client.get_data(THERMISTOR, "dT", "C")
    client.call("createSensor", {"sensor": "crack", "type": "DISPLACEMENT"})
    with pytest.raises(MissingParam):
        client.get_data("crack", "v_disp", "mm_d")


def test_a_refused_upload_lists_its_faults(client: Client) -> None:
    """Each with its path."""
    good = {"sensorId": THERMOMETER, "timestamp": "2024-01-01", "values": {"T": 1}}
    with pytest.raises(InvalidRequest) as refused:
        client.upload([good, good | {"timestamp": "never"}, good | {"timestamp": "later"}])
    assert [fault.path for fault in refused.value.faults] == ["observations[1].timestamp", "observations[2].timestamp"]
    with pytest.raises(InvalidRequest, match="value"):
        client.upload_table(pa.table({"sensor": ["s"], "metric": ["T"], "time": [datetime(2024, 1, 1)]}))


def test_keys_roles_and_projects(site: Site) -> None:
    """A wrong key, a reader that writes, a project that is none."""
    with tseng.connect(site.url, api_key="wrong") as client, pytest.raises(Unauthenticated):
        client.get_data(THERMOMETER, "T", "C")
    with tseng.connect(site.url, api_key=site.keys["reader"]) as client, pytest.raises(Forbidden):
        client.upload([{"sensorId": THERMOMETER, "timestamp": "2024-01-01", "values": {"T": 1}}])
    with tseng.connect(site.url, api_key=site.keys["admin"], project="nowhere") as client, pytest.raises(NotFound):
        client.get_data(THERMOMETER, "T", "C")
    other = site.engine.create_project("Other").id
    site.engine.create_entity("sensor", "there", "TEMPERATURE_SDE", project=other)
    with tseng.connect(site.url, api_key=site.keys["admin"], project=other) as client:
        client.upload([{"sensorId": "there", "timestamp": "2024-01-01", "values": {"T": 1}}])
        assert client.get_data("there", "T", "C").value.tolist() == [1.0]
        assert [each["id"] for each in client.call("getSensors")] == ["there"]


def test_httpx_comes_with_the_first_connection(tmp_path: Path) -> None:
    """Importing the client's module alone does not load it, nor websockets, which come with the first subscription."""
    code = "import sys, tseng.client.client; sys.exit(bool({'httpx', 'websockets'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == 0
