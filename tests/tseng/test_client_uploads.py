"""Uploads of a client through connections that break and servers that are killed: stored once, all of it."""

import dataclasses
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from tests.api.process import serving
from tests.api.site import THERMOMETER, Site
from tests.api.site import site as open_site
from tests.tseng.flaky import Moment, flaky

import tseng
from tseng.client.client import Client
from tseng.client.settings import ClientSettings
from tseng.engine import Engine
from tseng.errors import InvalidRequest, TooLarge, UnknownSensor

QUICK = ClientSettings(first_wait=0.01, longest_wait=0.1, patience=120.0, attempts=10_000, piece_rows=1000)
FIRST = np.datetime64("2024-05-01", "us")


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    """A writer."""
    with tseng.connect(site.url, api_key=site.keys["writer"], settings=QUICK) as connected:
        yield connected


def table(count: int, sensor: str = THERMOMETER) -> pa.Table:
    """Readings a second apart: 0, 1, 2 ... °C."""
    time = FIRST + np.arange(count) * np.timedelta64(1, "s")
    return pa.table(
        {"sensor": [sensor] * count, "metric": ["T"] * count, "time": time, "value": np.arange(count, dtype=float)}
    )


def rows(values: Sequence[Any], sensor: str = THERMOMETER) -> list[dict[str, Any]]:
    """The same as rows."""
    time = FIRST + np.arange(len(values)) * np.timedelta64(1, "s")
    return [
        {"sensorId": sensor, "timestamp": str(at), "values": {"T": value}}
        for at, value in zip(time, values, strict=True)
    ]


def stored(engine: Engine, sensor: str = THERMOMETER) -> list[float]:
    """The values from the first on."""
    return list(engine.get_data(sensor, "T", "C", start=FIRST).value.tolist())


@pytest.mark.parametrize("moment", ["request", "answer"])
def test_an_upload_whose_answer_is_lost_is_stored_once(site: Site, moment: Moment) -> None:
    """What was corrected between the upload and its repetition stays corrected, so nothing is stored again."""
    site.engine.create_entity("sensor", f"once-{moment}", "TEMPERATURE_SDE")
    seen: list[Moment] = []

    def watch(now: Moment) -> bool:
        seen.append(now)
        if now != moment or seen.count(now) > 2:
            return False
        if now == "answer":
            site.engine.upload(rows([999.0], f"once-{moment}"))
        return True

    with flaky(site.ports.http) as proxy:
        proxy.watch = watch
        with tseng.connect(proxy.url, api_key=site.keys["writer"], settings=QUICK) as client:
            assert client.upload(rows([1.0, 2.0], f"once-{moment}")) == 2
    assert seen.count("request") == 3
    assert stored(site.engine, f"once-{moment}") == [999.0 if moment == "answer" else 1.0, 2.0]


@pytest.mark.parametrize("moment", ["request", "answer"])
def test_a_server_killed_during_an_upload_has_all_of_it_once(tmp_path: Path, moment: Moment) -> None:
    """Killed with SIGKILL at the third of five pieces, before it came or just when it was stored; then started again.

    What is corrected before the client gets through again stays corrected: the piece is not stored a second time.
    """
    reached, sent = threading.Event(), list[int]()
    with Engine.open(tmp_path / "store") as engine:
        engine.create_entity("sensor", THERMOMETER, "TEMPERATURE_SDE")
        key = engine.keys.create("logger", "writer")
        with flaky(0) as proxy, serving(tmp_path / "store", "--no-tcp") as first:

            def watch(now: Moment) -> bool:
                if now != moment or first.popen.poll() is not None:
                    return False
                sent.append(1)
                if len(sent) == 3:
                    first.popen.kill()
                    first.popen.wait()
                    proxy.target = 0
                    reached.set()
                return len(sent) == 3

            proxy.target, proxy.watch = first.ports[0], watch
            with tseng.connect(proxy.url, api_key=key, settings=QUICK) as client:
                done: list[int] = []
                upload = threading.Thread(target=lambda: done.append(client.upload_table(table(5000))))
                upload.start()
                assert reached.wait(60)
                assert len(stored(engine)) == (3000 if moment == "answer" else 2000)
                corrected = rows([0.0] * 2500)[-1] | {"values": {"T": 999.0}}
                engine.upload([corrected])
                with serving(tmp_path / "store", "--no-tcp") as second:
                    proxy.target = second.ports[0]
                    upload.join(60)
        assert done == [5000]
        wanted = np.arange(5000, dtype=float)
        wanted[2499] = 999.0 if moment == "answer" else 2499.0
        assert stored(engine) == wanted.tolist()


def test_a_table_is_what_the_engine_would_store(site: Site, client: Client) -> None:
    """Ids that JSON escapes, all that a float64 can be, times before 1970 and finer than a microsecond."""
    odd = 'quote " back \\ slash / ünï'
    site.engine.create_entity("sensor", odd, "GENERIC")
    value = [1e300, -1e-300, 0.1 + 0.2, -0.0, 5e-324, 12345678901234567890.0, float("nan"), float("inf"), None]
    count = len(value)
    time = pa.array(np.arange(-4, count - 4) * 1_500_000_000_000_001, pa.timestamp("ns"))
    metric = ['m"1'] * count
    sent = pa.table({"sensor": [odd] * count, "metric": metric, "time": time, "value": pa.array(value, pa.float64())})
    assert client.upload_table(sent) == count
    there = site.engine.get_data(odd, 'm"1', "GENERIC")
    site.engine.create_entity("sensor", "embedded", "GENERIC")
    site.engine.upload_table(sent.set_column(0, "sensor", pa.array(["embedded"] * count)))
    here = site.engine.get_data("embedded", 'm"1', "GENERIC")
    assert len(here.value) == 6
    assert there.time.tolist() == here.time.tolist()
    assert there.value.tobytes() == here.value.tobytes()


def test_rows_may_hold_what_the_engine_takes(site: Site, client: Client) -> None:
    """Datetimes, numpy's numbers, and a generator of them."""
    site.engine.create_entity("sensor", "python", "TEMPERATURE_SDE")
    times = [datetime(2024, 5, 1), "2024-05-01T00:00:01Z", np.datetime64("2024-05-01T00:00:02")]
    times += [pd.Timestamp("2024-05-01T02:00:03+02:00")]
    values = [np.float64(1.5), np.int32(2), None, 4]
    pairs = zip(times, values, strict=True)
    given = ({"sensorId": "python", "timestamp": at, "values": {"T": value}} for at, value in pairs)
    assert client.upload(given) == 4
    assert stored(site.engine, "python") == [1.5, 2.0, 4.0]


def test_bad_rows_are_named_by_their_own_index(client: Client) -> None:
    """Those of the second piece too, and the pieces before stay."""
    bad = rows([float(each) for each in range(2500)])
    bad[1200]["timestamp"] = "never"
    bad[1999]["values"] = {"flux": 1.0}
    with pytest.raises(InvalidRequest, match="the 1000 rows before row 1000 are stored") as refused:
        client.upload(bad)
    paths = [fault.path for fault in refused.value.faults]
    assert paths == ["observations[1200].timestamp", "observations[1999].values"]


def test_a_table_that_cannot_be_is_refused_before_anything_is_sent(client: Client) -> None:
    """As the engine refuses it; what only the server knows it says itself."""
    with pytest.raises(InvalidRequest, match="value"):
        client.upload_table(table(3).drop_columns(["value"]))
    with pytest.raises(InvalidRequest, match="time"):
        client.upload_table(table(3).set_column(2, "time", pa.array(["a", "b", "c"])))
    with pytest.raises(UnknownSensor, match="/nowhere") as absent:
        client.upload_table(table(3, "/nowhere"))
    assert [fault.path for fault in absent.value.faults] == [f"observations[{row}].sensorId" for row in range(3)]
    with pytest.raises(InvalidRequest, match="must not be empty"):
        client.upload([])
    assert client.upload_table(table(0)) == 0


def test_a_piece_that_is_larger_than_the_server_takes_is_refused_at_once(tmp_path: Path) -> None:
    """Though the server does not read all of it."""
    with open_site(tmp_path / "store", body_limit=10_000) as small:
        for coding in (None, "zstd"):
            settings = dataclasses.replace(QUICK, piece_rows=100_000, coding=coding)
            with tseng.connect(small.url, api_key=small.keys["writer"], settings=settings) as client:
                with pytest.raises(TooLarge, match="10000 bytes"):
                    client.upload_table(table(100_000))
                assert client.upload_table(table(10)) == 10
