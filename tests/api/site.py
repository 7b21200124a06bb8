"""A real server over a real store, in a thread of the test process, and the few sensors that most tests ask about."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tseng.engine import Engine
from tseng.settings import Settings
from tseng_api.listening import listen
from tseng_api.server import Certificate, Server

THERMOMETER = "/fn/6C4F6D/node/logger/0001/device/t1/sensor"
THERMISTOR = "/fn/6C4F6D/node/logger/0001/device/t2/sensor"
WATER = "/fn/6C4F6D/node/logger/0001/device/w1/sensor"
START = "2024-03-01T00:00:00.000Z"
READINGS = {START: 10.0, "2024-03-01T01:00:00.000Z": 11.5, "2024-03-01T02:00:00.000Z": 9.25}


class Ports(NamedTuple):
    """Where a server on this machine listens."""

    http: int
    tcp: int

    @property
    def url(self) -> str:
        """Where its HTTP is."""
        return f"http://127.0.0.1:{self.http}"


@dataclass
class Site:
    """A running server: its engine, address, and one key for each role."""

    engine: Engine
    ports: Ports
    keys: dict[str, str]
    _clients: dict[str | None, httpx.Client] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where its HTTP is."""
        return self.ports.url

    def http(self, role: str | None = "reader") -> httpx.Client:
        """Return a client that sends this role's key; None sends none."""
        if role not in self._clients:
            headers = {"Authorization": f"ApiKey {self.keys[role]}"} if role else {}
            self._clients[role] = httpx.Client(base_url=self.url, headers=headers, timeout=60)
        return self._clients[role]

    def with_key(self, key: str) -> httpx.Client:
        """Return a client that sends this key."""
        self.keys.setdefault(key, key)
        return self.http(key)

    def get(self, path: str, **query: Any) -> httpx.Response:
        """GET as a reader."""
        return self.http().get(path, params=query)

    def frame(self, frame: Any, role: str = "admin") -> httpx.Response:
        """Post a JSON-RPC frame."""
        return self.http(role).post("/api/rpc", json=frame)

    def rpc(self, method: str, params: Any = None, role: str = "admin") -> Any:
        """Call a JSON-RPC method; return its result or its error object."""
        frame = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {} if params is None else params}
        answer = self.frame(frame, role).json()
        return answer.get("result", answer.get("error"))

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            client.close()


@contextmanager
def running(engine: Engine, certificate: Certificate | None = None) -> Iterator[Ports]:
    """Serve an engine on free ports, every face as `tseng serve` does."""
    listeners, ready = listen("127.0.0.1", 0, 0), threading.Event()
    server = Server(engine, certificate=certificate, ready=ready.set)
    thread = threading.Thread(target=server.run, args=(listeners,))
    thread.start()
    try:
        assert ready.wait(30)
        yield Ports(*(listener.getsockname()[1] for listener in listeners))
    finally:
        server.should_exit = True
        thread.join()
        for listener in listeners:
            listener.close()


def furnish(engine: Engine) -> None:
    """Make the sensors and the readings."""
    engine.create_entity("sensor", THERMOMETER, "TEMPERATURE_SDE", {"NAME": "T 1"})
    engine.create_entity("sensor", THERMISTOR, "THERMISTOR", {"ZERO_DATE": "2030-01-01T00:00:00.000Z"})
    engine.create_entity("sensor", WATER, "WATER_LEVEL_ABS")
    engine.upload(
        [{"sensorId": THERMOMETER, "timestamp": at, "values": {"T": value}} for at, value in READINGS.items()]
    )
    engine.upload([{"sensorId": THERMISTOR, "timestamp": START, "values": {"R_th": 3000.0}}])


@contextmanager
def site(path: Path, **settings: Any) -> Iterator[Site]:
    """A served store with the sensors above, in the default project."""
    with Engine.open(path, settings=Settings(**settings)) as engine, running(engine) as ports:
        furnish(engine)
        keys = {role: engine.keys.create(role, role) for role in ("reader", "writer", "admin")}
        opened = Site(engine, ports, keys)
        try:
            yield opened
        finally:
            opened.close()
