"""The server killed with SIGKILL while devices upload: what was answered with 202 is there, once, and all is sound."""

import multiprocessing
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
from tests.api import victim

from tseng.engine import Engine
from tseng.settings import Settings

KILLS = 50
DEVICES = 3
ROWS = 7

# A process that imported everything once and forks the servers: each is up in a tenth of a second.
NURSERY = multiprocessing.get_context("forkserver")
NURSERY.set_forkserver_preload(["tests.api.victim", "deltalake", "uvicorn.protocols.http.httptools_impl"])


def _sensor(device: int) -> str:
    return f"/d{device}/sensor"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Device(threading.Thread):
    """Uploads rows of ever later times, and keeps those that were answered with 202."""

    def __init__(self, number: int, url: str, key: str, first: int) -> None:
        super().__init__(daemon=True)
        self._sensor, self._url, self.next = _sensor(number), url, first
        self._headers = {"Authorization": f"ApiKey {key}"}
        self.acknowledged: set[int] = set()

    def run(self) -> None:
        """Go on until the server is gone."""
        with httpx.Client(base_url=self._url, headers=self._headers, timeout=10) as client:
            while True:
                seconds = range(self.next, self.next + ROWS)
                self.next += ROWS
                try:
                    answer = client.post("/api/data/upload", json={"observations": list(self._rows(seconds))})
                except httpx.TransportError:
                    return
                assert answer.status_code == 202, answer.text
                self.acknowledged |= set(seconds)

    def _rows(self, seconds: range) -> Iterator[dict[str, object]]:
        for second in seconds:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))
            yield {"sensorId": self._sensor, "timestamp": stamp, "values": {"T": second / 8}}


def _wait_until_ready(url: str) -> None:
    for _ in range(400):
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.01)
    raise AssertionError("the server did not come up")


def _stored(engine: Engine, device: int) -> dict[int, float]:
    """The device's readings by second, the same from the one-series read and from DuckDB, each there once."""
    series = engine.get_data(_sensor(device), "T", "C")
    seconds = (series.time.astype("int64") // 1_000_000).tolist()
    rows = engine.sql(f"SELECT epoch(time)::BIGINT FROM observations WHERE sensor = '{_sensor(device)}'").fetchall()
    assert Counter(second for (second,) in rows) == Counter(seconds)
    return dict(zip(seconds, series.value.tolist(), strict=True))


def test_a_killed_server_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    """Killed at random moments of uploads, flushes and compactions, again and again, on one growing store."""
    moments = random.Random()
    settings = Settings(data=tmp_path / "store")
    with Engine.open(settings=settings) as engine:
        key = engine.keys.create("devices", "writer")
        for device in range(DEVICES):
            engine.create_entity("sensor", _sensor(device), "TEMPERATURE_SDE")
    acknowledged: dict[int, set[int]] = {device: set() for device in range(DEVICES)}
    first = 0
    for kill in range(KILLS):
        port = _free_port()
        server = NURSERY.Process(target=victim.live, args=(tmp_path / "store", port), daemon=True)
        server.start()
        _wait_until_ready(f"http://127.0.0.1:{port}")
        devices = [Device(number, f"http://127.0.0.1:{port}", key, first) for number in range(DEVICES)]
        for each in devices:
            each.start()
        # Every other time not before something is acknowledged: then there is something to lose on a busy machine too.
        while kill % 2 and server.is_alive() and not any(each.acknowledged for each in devices):
            time.sleep(0.005)
        time.sleep(moments.uniform(0.0, 0.6))
        server.kill()
        server.join()
        for number, each in enumerate(devices):
            each.join()
            acknowledged[number] |= each.acknowledged
        first = max(each.next for each in devices)
        with Engine.open(settings=settings) as engine:
            for number in range(DEVICES):
                stored = _stored(engine, number)
                assert acknowledged[number] <= stored.keys()
                assert all(value == second / 8 for second, value in stored.items())
                # What is there beyond that was under way when the server died: at most one upload a round.
                assert len(stored.keys() - acknowledged[number]) <= ROWS * KILLS
            assert engine.store.verify().damages == ()
    assert sum(map(len, acknowledged.values())) > KILLS * ROWS, "hardly anything was uploaded: nothing was tested"
    print(f"{KILLS} kills, {sum(map(len, acknowledged.values()))} acknowledged rows, none lost, none double")
