"""The Python samples of seed 003: over a TCP socket, and end to end through websocket-client."""

import ast
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.api.printed_site import DISPLACEMENTS, FIRST_PRESSURE, PRESSURES, PRISM, TILT, TLS, TROLL, Printed, printed
from tests.api.samples import END_TO_END, PYTHON

CLOSE = 1e-9
_PATIENCE_SECONDS = 30


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printed]:
    """The printed sensors, served in the clear."""
    with printed(tmp_path_factory.mktemp("printed") / "store", secure=False) as site:
        yield site


@pytest.fixture(scope="module", params=["ws", "wss"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printed]:
    """The printed sensors behind either scheme."""
    with printed(tmp_path_factory.mktemp("printed") / "store", secure=request.param == "wss") as site:
        yield site


class Script:
    """Names of a running script, and what it has printed."""

    def __init__(self) -> None:
        self.printed: list[str] = []
        self.names: dict[str, Any] = {"print": self.printed.append}

    def run(self, text: str) -> None:
        """Run a piece of it."""
        exec(compile(text, "sample", "exec"), self.names)

    def until(self, condition: Callable[[dict[str, Any]], Any]) -> None:
        """Wait until something holds of its names."""
        pause = threading.Event()
        for _ in range(_PATIENCE_SECONDS * 200):
            if condition(self.names):
                return
            pause.wait(0.005)
        raise AssertionError(f"in vain waited for {condition.__name__}: {self.names.get('response')}")


@pytest.fixture
def script(served: Printed) -> Iterator[Script]:
    """A script that has run the samples that all others stand on; `nextId` is the one of the handshake's answer."""
    opened = Script()
    for name in ("receiving", "opening"):
        opened.run(PYTHON[name].text(served.tcp_places))
    opened.run('nextId = response["result"]["nextId"]')
    yield opened
    opened.names["s"].close()


@contextmanager
def _going_on(script: Script, text: str) -> Iterator[None]:
    """Run a sample that reads for ever; in the end its socket is shut, and what it reads then is no JSON."""

    def run() -> None:
        with pytest.raises(json.JSONDecodeError):
            script.run(text)

    reader = threading.Thread(target=run)
    reader.start()
    try:
        script.until(_subscribed)
        yield
    finally:
        script.names["s"].shutdown(2)
        reader.join()


def _subscribed(names: dict[str, Any]) -> bool:
    return "subscriptionId" in names["response"]["result"]


def test_a_connection_opens_and_authenticates(served: Printed) -> None:
    """The handshake is printed with its answer, whose id is the request's and whose `nextId` the one after it."""
    script = Script()
    script.run(PYTHON["receiving"].text(served.tcp_places))
    script.run(PYTHON["connection"].text(served.tcp_places))
    assert script.names["response"] == {"jsonrpc": "2.0", "id": 0, "result": {"nextId": 1}}
    assert script.printed == [
        f"\r\nHandshake Exchange:\r\n     --> {script.names['handshake']}\r\n     <-- {script.names['jsonFrame']}"
    ]


def test_the_generic_request_is_answered(served: Printed, script: Script) -> None:
    """Two requests by the printed function; their answers carry the ids that it returned."""
    script.run(PYTHON["sending"].text(served.tcp_places))
    script.run('ids = [sendRequest("time", {}, None), sendRequest("getNodes", {}, None)]')
    script.run("answers = [json.loads(decodeOneJsonFrame(s)) for id in ids]")
    assert script.names["ids"] == [1, 2] == [answer["id"] for answer in script.names["answers"]]
    assert [node["id"] for node in script.names["answers"][1]["result"]] == ["/fn/6C4F6D/node"]


def test_a_sensor_is_fetched_and_follows_its_updates(served: Printed, script: Script) -> None:
    """The script's own copy changes when somebody else updates the sensor."""

    def updated(names: dict[str, Any]) -> bool:
        return bool(names["sensor"]["props"]["NAME"] == "Tilt over TCP")

    with _going_on(script, PYTHON["entity"].text(served.tcp_places)):
        assert (script.names["sensor"]["id"], script.names["sensor"]["type"]) == (TILT, "TILT_BIAXIAL_DGSI")
        served.rpc("updateSensor", sensor=TILT, props={"NAME": "Tilt over TCP"})
        script.until(updated)
    assert script.names["sensor"]["id"] == TILT


def test_metrics_and_the_units_of_the_first(served: Printed, script: Script) -> None:
    """Raw metrics come first, and their units by the metric's id."""
    script.run(PYTHON["metrics"].text(served.tcp_places))
    metrics = {metric["id"]: metric for metric in script.names["allMetrics"]}
    assert metrics["dx"].items() >= {"name": "displacement X", "displayName": "∆ X", "defaultUnit": "m"}.items()
    assert {"id": "V", "name": "volt", "notation": "V"} in script.names["allUnits"]["A_raw"]


def test_data_arrives_to_the_last_point(served: Printed, script: Script) -> None:
    """The script reads frames until the request is finished, and closes."""
    script.run(PYTHON["data"].text(served.tcp_places))
    assert script.names["series"]["data"] == pytest.approx(DISPLACEMENTS, abs=CLOSE)


def test_new_data_arrives_in_the_metric_asked_for(served: Printed, script: Script) -> None:
    """What is uploaded elsewhere: a new reading, then its correction. By hand: 2 m * (V - 0.05)."""
    at = "2018-02-01T00:00:00.000Z"

    def new(names: dict[str, Any]) -> bool:
        return bool(names["series"]["data"].keys() == {at})

    def corrected(names: dict[str, Any]) -> bool:
        return bool(names["series"]["data"][at] < 0.2)

    with _going_on(script, PYTHON["new data"].text(served.tcp_places)):
        served.tilt(at, 0.3)
        script.until(new)
        assert script.names["series"]["data"] == pytest.approx({at: 0.5}, abs=CLOSE)
        served.tilt(at, 0.1)
        script.until(corrected)
        assert script.names["series"]["data"] == pytest.approx({at: 0.1}, abs=CLOSE)


def test_uploaded_data_is_there(served: Printed, script: Script) -> None:
    """The printed observation, counted in the answer and found by getData."""
    script.run(PYTHON["upload"].text(served.tcp_places))
    assert script.names["response"]["result"] == {"successfullyProcessedObs": 1}
    answer = served.rpc("getData", sensor=PRISM, metric="P", unit="Pa")
    assert answer["data"] == {"2018-06-04T19:35:35.400Z": 101325.0}


def test_help_lists_what_the_samples_call(served: Printed, script: Script) -> None:
    """Every request of the samples is among those described."""
    script.run(PYTHON["help"].text(served.tcp_places))
    assert script.names["response"]["result"].keys() >= {"authenticate", "getData", "subscribeData", "uploadData"}


def test_the_time_is_told(served: Printed, script: Script) -> None:
    """The sample reads the server's time and prints it; it is a minute off ours at most."""
    script.run(PYTHON["time"].text(served.tcp_places))
    told = datetime.fromisoformat(script.names["response"]["result"]["time"])
    assert script.printed[-1] == f"\r\nThe server time is {told:%c}"
    assert abs(datetime.now(UTC) - told) < timedelta(minutes=1)


def _end_to_end(either: Printed, name: str) -> list[str]:
    """Run a whole script in a process of its own; its lines on stdout."""
    environ = {**os.environ, "WEBSOCKET_CLIENT_CA_BUNDLE": str(TLS["cert"])}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", END_TO_END[name].text(either.places)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environ, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def _response(lines: list[str]) -> Any:
    return json.loads(lines[-1].removeprefix("response: "))


def test_end_to_end_the_sensor(either: Printed) -> None:
    """The handshake's id is the text "0", as sent; the sensor is the printed one."""
    lines = _end_to_end(either, "sensor")
    (handshake,) = (line for line in lines if line.startswith("authenticate response: "))
    assert json.loads(handshake.removeprefix("authenticate response: ")) == {
        "jsonrpc": "2.0",
        "id": "0",
        "result": {"nextId": 1},
    }
    (sensor,) = _response(lines)["result"]
    assert (sensor["id"], sensor["type"]) == (TROLL, "DYNAMIC")
    assert sensor["device"] == TROLL.removesuffix("/rugged_troll_insitu_sde/sensor")
    printed_props = {"MODEL": "RUGGED_TROLL_200", "NAME": "My Cool Rugged troll", "NODE_ID": "/fn/xxxxx/node"}
    assert sensor["props"].items() >= printed_props.items()


def test_end_to_end_the_metrics(either: Printed) -> None:
    """Those of the printed answer, under the sensor's id."""
    answer = _response(_end_to_end(either, "metrics"))
    assert answer["id"] == 1
    assert {metric["id"] for metric in answer["result"][TROLL]} == {"dT", "T", "P_raw"}


def test_end_to_end_the_data(either: Printed) -> None:
    """25,000 readings come in frames of 10,000 points at most, a last message says so, and the script ends."""
    lines = _end_to_end(either, "data")
    float(lines[-1])  # the milliseconds that it took
    frames = [ast.literal_eval(line)["result"] for line in lines[-5:-1]]
    assert [len(frame.get("data", ())) for frame in frames] == [10_000, 10_000, 5_000, 0]
    assert frames[-1] == {"requestStatus": "finished"}
    data = {at: value for frame in frames[:-1] for at, value in frame["data"].items()}
    assert len(data) == PRESSURES
    assert list(data.values()) == [101_000.0 + number for number in range(PRESSURES)]
    assert next(iter(data)) == FIRST_PRESSURE
