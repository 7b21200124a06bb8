"""The JavaScript samples of seed 003, run by Node against a served store, over ws:// and wss://."""

from collections.abc import Iterator

import pytest
from tests.api.page import Page, page
from tests.api.printed_site import DISPLACEMENTS, PRISM, TILT, TLS, Printed, printed
from tests.api.samples import JAVASCRIPT

CLOSE = 1e-9
"""Sine of an arc sine, twice a voltage: some last bits may differ from the sums by hand."""


@pytest.fixture(scope="module", params=["ws", "wss"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printed]:
    """The printed sensors behind either scheme."""
    with printed(tmp_path_factory.mktemp("printed") / "store", secure=request.param == "wss") as site:
        yield site


@pytest.fixture
def client(served: Printed) -> Iterator[Page]:
    """A page that has run the three samples that all others stand on, and is connected."""
    with page(TLS["cert"]) as opened:
        for name in ("sending", "receiving", "connection"):
            opened.run(JAVASCRIPT[name].text(served.places))
        opened.until("connected")
        yield opened
        assert "uncaught" not in str(opened.value("printed"))


def _run(client: Page, served: Printed, name: str) -> None:
    client.run(JAVASCRIPT[name].text(served.places))


def _answered(client: Page) -> None:
    """Wait for the answer to one more request: all that were sent before it have theirs."""
    client.run('var told = false; sendRequest("time", {}, function() { told = true; });')
    client.until("told")


def test_a_connection_opens_authenticates_and_closes(served: Printed, client: Page) -> None:
    """Request 0 authenticates, so the next one has the id 1; what the page prints is what the sample says."""
    host, port = served.places["host"], served.places["port"]
    assert client.value("nextId") == 1
    assert client.value("printed") == [[f"Socket opened with {host}:{port}"], ["Authentication successful"]]
    client.run("socket.close()")
    client.until("socket === undefined")
    assert client.value("[connected, authenticating, nextId]") == [False, False, 0]
    assert client.value("printed.at(-1)") == ["Socket closed"]


def test_a_sensor_is_fetched_and_follows_its_updates(served: Printed, client: Page) -> None:
    """The page's own copy changes when somebody else updates the sensor."""
    _run(client, served, "entity")
    before = client.until("subscriptionId && sensor")
    assert (before["id"], before["type"], before["device"]) == (
        TILT,
        "TILT_BIAXIAL_DGSI",
        TILT[: -len("/tilt4/sensor")],
    )
    _answered(client)
    served.rpc("updateSensor", sensor=TILT, props={"NAME": f"Tilt over {served.places['scheme']}"})
    client.until(f'sensor.props.NAME === "Tilt over {served.places["scheme"]}"')
    after = client.value("sensor")
    changed = {name for name, value in after["props"].items() if value != before["props"].get(name)}
    assert changed <= {"NAME", "LAST_MODIFIED_DATE", "LAST_MODIFIED_BY"}
    assert after.keys() == before.keys()


def test_metrics_and_the_units_of_the_first(served: Printed, client: Page) -> None:
    """Raw metrics come first; the printed metric and unit objects are among those that derive from them."""
    _run(client, served, "metrics")
    units = client.until("Object.keys(allUnits).length && allUnits")
    metrics = {metric["id"]: metric for metric in client.value("allMetrics")}
    assert list(units) == [next(iter(metrics))]
    assert metrics["dx"].items() >= {"name": "displacement X", "displayName": "∆ X", "defaultUnit": "m"}.items()
    assert {"id": "V", "name": "volt", "notation": "V"} in units["A_raw"]


def test_data_arrives_to_the_last_point(served: Printed, client: Page) -> None:
    """Displacements since a zero date that lies behind the span asked for, ends of the span included."""
    _run(client, served, "data")
    client.until(f"Object.keys(series.data).length === {len(DISPLACEMENTS)}")
    _answered(client)
    assert client.value("series.data") == pytest.approx(DISPLACEMENTS, abs=CLOSE)


def test_new_data_arrives_in_the_metric_asked_for(served: Printed, client: Page) -> None:
    """What is uploaded elsewhere: two new readings and then a correction of the first. By hand: 2 m * (V - 0.05)."""
    _run(client, served, "new data")
    _answered(client)
    first, second = "2018-01-01T00:00:00.000Z", "2018-01-01T00:10:00.000Z"
    served.tilt(first, 0.3)
    served.tilt(second, -0.2)
    client.until("Object.keys(series.data).length === 2")
    assert client.value("series.data") == pytest.approx({first: 0.5, second: -0.5}, abs=CLOSE)
    served.tilt(first, 0.1)
    client.until(f'series.data["{first}"] < 0.2')
    assert client.value("series.data") == pytest.approx({first: 0.1, second: -0.5}, abs=CLOSE)


def test_uploaded_data_is_there(served: Printed, client: Page) -> None:
    """The printed observation, counted in the answer and found by getData."""
    _run(client, served, "upload")
    assert client.until("printed.length === 3 && printed[2]") == [
        "uploadData result: ",
        {"successfullyProcessedObs": 1},
    ]
    for metric, unit, value in (("e", "m", 100.0), ("h_adjusted", "m", 101.0), ("P", "Pa", 101325.0)):
        answer = served.rpc("getData", sensor=PRISM, metric=metric, unit=unit)
        assert answer["data"] == {"2018-06-04T19:35:35.400Z": value}


def test_help_lists_what_the_samples_call(served: Printed, client: Page) -> None:
    """Every request of the samples is among those described."""
    _run(client, served, "help")
    _, listed = client.until("printed.length === 3 && printed[2]")
    assert listed.keys() >= {
        "authenticate", "getSensors", "subscribeSensors", "getMetrics", "getUnits", "getData", "subscribeData",
        "uploadData", "help", "time",
    }  # fmt: skip


def test_the_keep_alive_asks_for_the_time(served: Printed, client: Page) -> None:
    """One `time` request every five seconds, each answered; none once the socket is closed."""
    client.run("var asked = [], send = sendRequest")
    client.run("sendRequest = function(name) { asked.push(name); return send(...arguments); }")
    _run(client, served, "time")
    client.run("connected = false")
    client.tick(4_999)
    assert client.value("asked") == []
    client.tick(1)
    assert client.value("asked") == ["time"]
    client.until("connected")
    client.tick(10_000)
    assert client.value("asked") == ["time"] * 3
    client.run("socket.close()")
    client.until("socket === undefined")
    client.tick(5_000)
    assert client.value("asked.length") == 3
