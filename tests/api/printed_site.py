"""The project, the entities and some readings that the samples of seed 003 speak of, served by `tseng serve`."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
from tests.api.process import serving
from tests.api.talkers import addresses

from tseng.engine import Engine

PROJECT = "60F8B30928A37A575ECEE061"
TILT = "/fn/6C4F6D/node/dgsimlogger/032432/device/tilt4/sensor"
PRISM = "/trimble4d/nodeId/node/deviceId/device/sensorId/sensor"
TROLL = "/fn/xxxxx/node/dynamic/xxxxx/device/rugged_troll_insitu_sde/sensor"

VOLTS = {
    "2017-01-01T23:17:10.304Z": 0.9,  # a millisecond before the samples' span
    "2017-01-01T23:17:10.305Z": 0.1,
    "2017-01-10T00:00:00.000Z": -0.25,
    "2017-01-20T23:17:10.305Z": 0.3,
    "2017-01-20T23:17:10.306Z": 0.9,  # and a millisecond after it
    "2017-03-01T22:00:00.000Z": 0.05,  # the zero reading
}
DISPLACEMENTS = {
    "2017-01-01T23:17:10.305Z": 0.1,
    "2017-01-10T00:00:00.000Z": -0.6,
    "2017-01-20T23:17:10.305Z": 0.5,
}
"""`dx` [m] within the samples' span, by hand: the sine of the tilt is the voltage, so 2 m * (volts - 0.05)."""

PRESSURES = 25_000
"""Readings of the troll within the samples' span, a minute apart: three frames."""
FIRST_PRESSURE = "2021-07-01T00:00:00.000Z"

TLS = {name: Path(__file__).with_name("tls") / f"{name}.pem" for name in ("cert", "key")}
_TRUST = ssl.create_default_context(cafile=TLS["cert"])


@dataclass
class Printed:
    """A server with what the samples need; `places` fills their changes in for WebSocket, `tcp_places` for TCP."""

    url: str
    places: Mapping[str, str]
    tcp_places: Mapping[str, str]

    def rpc(self, method: str, **params: Any) -> Any:
        """Call a method over HTTP; its result."""
        frame = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {"Authorization": f"ApiKey {self.places['key']}"}
        return httpx.post(f"{self.url}/api/rpc", json=frame, headers=headers, verify=_TRUST).json()["result"]

    def tilt(self, at: str, volts: float) -> None:
        """Upload a reading of the tilt sensor."""
        self.rpc("uploadData", data=[{"sensorId": TILT, "timestamp": at, "values": {"A_raw": volts}}])


@contextmanager
def printed(path: Path, *, secure: bool) -> Iterator[Printed]:
    """Serve a new store with all that the samples name."""
    with Engine.open(path) as engine:
        _furnish(engine)
        key = engine.keys.create("samples", "writer", PROJECT)
    tls = ("--tls-cert", str(TLS["cert"]), "--tls-key", str(TLS["key"])) if secure else ()
    with serving(path, "--tcp-port", "0", *tls) as process:
        scheme, tcp = ("wss", "tls") if secure else ("ws", "tcp")
        ports = {name: str(address.port) for name, address in addresses(process.line).items()}
        places = {"host": "127.0.0.1", "key": key, "scheme": scheme, "port": ports[scheme]}
        yield Printed(process.url, places, places | {"port": ports[tcp]})


def _furnish(engine: Engine) -> None:
    project = engine.create_project("Printed", itwin_id=PROJECT).id
    engine.create_entity("node", "/fn/6C4F6D/node", "THREAD", project=project)
    engine.create_entity("device", TILT.removesuffix("/tilt4/sensor"), "DGSI_M_LOGGER", project=project)
    tilt_props = {"NAME": "North Sector Tilt 2-2", "GAUGE_LENGTH": 2.0}
    engine.create_entity("sensor", TILT, "TILT_BIAXIAL_DGSI", tilt_props, project=project)
    engine.create_entity("sensor", PRISM, "TRIMBLE4D_PRISM", project=project)
    troll_props = {"MODEL": "RUGGED_TROLL_200", "NAME": "My Cool Rugged troll", "INTEGRATION_ID": "RUGGED_TROLL_SDE"}
    engine.create_entity("sensor", TROLL, "DYNAMIC", troll_props, project=project)
    engine.upload(
        [{"sensorId": TILT, "timestamp": at, "values": {"A_raw": volts}} for at, volts in VOLTS.items()],
        project=project,
    )
    engine.upload_table(_pressures(), project=project)


def _pressures() -> pa.Table:
    """One Pascal more with each minute from 101,000 on."""
    first = np.datetime64(FIRST_PRESSURE.removesuffix("Z"), "us")
    time = first + np.arange(PRESSURES) * np.timedelta64(60_000_000, "us")
    columns = {"sensor": [TROLL] * PRESSURES, "metric": ["P_raw"] * PRESSURES}
    value = 101_000.0 + np.arange(PRESSURES)
    return pa.table({**columns, "time": pa.array(time).cast(pa.timestamp("us", "UTC")), "value": value})
