"""Dated configuration and answers as of what was known: in Python, on the command line and in JSON-RPC's words."""

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tests.tseng.commands import Run

from tseng.engine import Engine
from tseng.errors import InvalidRequest, NotFound, UnknownSensor
from tseng.series import Series
from tseng.view import ProjectView
from tseng_storage.history import ALWAYS
from tseng_units.instants import parse_instant

SENSOR = "/site/d/device/tilt1/sensor"
DEVICE = "/site/d/device"
DAYS = ("2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z", "2024-03-03T00:00:00Z")
SECOND = parse_instant(DAYS[1])


def _now() -> datetime:
    """A moment after all that was done so far and before all that follows."""
    time.sleep(0.002)
    now = datetime.now(UTC)
    time.sleep(0.002)
    return now


def _ask(engine: Engine, as_of: datetime | None = None) -> list[float]:
    values: list[float] = engine.get_data(SENSOR, "x_inc", "m", as_of=as_of).value.tolist()
    return values


@pytest.fixture
def tilt(engine: Engine) -> Engine:
    """A tiltmeter at 30 degrees, whose sine is a half, for three days; its gauge length is 2 m."""
    engine.create_entity("device", DEVICE, "LOGGER", {"NAME": "a"})
    engine.create_entity("sensor", SENSOR, "TILT_BIAXIAL", {"GAUGE_LENGTH": 2.0})
    engine.upload([{"sensorId": SENSOR, "timestamp": day, "values": {"tilt_x": 30.0}} for day in DAYS])
    return engine


def test_a_change_takes_effect_from_its_date(tilt: Engine) -> None:
    """Readings before the date keep the old gauge length; the entity says what is in force and since when."""
    entity = tilt.update_entity("sensor", SENSOR, {"GAUGE_LENGTH": 3.0}, valid_from=DAYS[1])
    np.testing.assert_allclose(_ask(tilt), [1.0, 1.5, 1.5], rtol=1e-12)
    assert (entity.props["GAUGE_LENGTH"], entity.epochs) == (3.0, {"GAUGE_LENGTH": ((ALWAYS, 2.0), (SECOND, 3.0))})
    tilt.update_entity("sensor", SENSOR, {"GAUGE_LENGTH": 4.0})
    np.testing.assert_allclose(_ask(tilt), [1.0, 2.0, 2.0], rtol=1e-12)


def test_as_of_uses_what_was_known_then(tilt: Engine) -> None:
    """A request as of an earlier moment sees neither later readings nor later configuration; nothing is rewritten."""
    before = _now()
    tilt.update_entity("sensor", SENSOR, {"GAUGE_LENGTH": 3.0}, valid_from=DAYS[1])
    dated = _now()
    tilt.upload([{"sensorId": SENSOR, "timestamp": DAYS[0], "values": {"tilt_x": None}}])
    tilt.update_entity("sensor", SENSOR, {"GAUGE_LENGTH": 8.0}, valid_from=DAYS[2])
    for flush in (lambda: None, tilt.store.flush, tilt.store.compact):
        flush()
        np.testing.assert_allclose(_ask(tilt), [1.5, 4.0], rtol=1e-12)
        np.testing.assert_allclose(_ask(tilt, dated), [1.0, 1.5, 1.5], rtol=1e-12)
        np.testing.assert_allclose(_ask(tilt, before), [1.0, 1.0, 1.0], rtol=1e-12)


def test_a_sensor_that_was_not_there_yet(tilt: Engine) -> None:
    """As of a moment before it was made there is no such sensor, and the message says as of when."""
    with pytest.raises(UnknownSensor, match=r"2020-01-01T00:00:00\.000Z"):
        tilt.get_data(SENSOR, "x_inc", "m", as_of="2020-01-01")
    with pytest.raises(InvalidRequest, match="asOf"):
        tilt.get_data(SENSOR, "x_inc", "m", as_of="yesterday")


def test_a_dated_prop_of_the_device(tilt: Engine) -> None:
    """What a sensor inherits from its device is dated too, and as of an earlier moment it is the device of then."""
    tilt.update_entity("sensor", SENSOR, {"GAUGE_LENGTH": None})
    tilt.update_entity("device", DEVICE, {"GAUGE_LENGTH": 4.0})
    then = _now()
    tilt.update_entity("device", DEVICE, {"GAUGE_LENGTH": 6.0}, valid_from=DAYS[2])
    np.testing.assert_allclose(_ask(tilt), [2.0, 2.0, 3.0], rtol=1e-12)
    np.testing.assert_allclose(_ask(tilt, then), [2.0, 2.0, 2.0], rtol=1e-12)


def test_what_changes_while_a_read_goes_on_is_left_out(tilt: Engine) -> None:
    """The numbers that a view names are taken first: what is configured or uploaded after that, it does not see."""
    view = ProjectView(tilt.store, "default")
    named = view.knowledge
    tilt.update_entity("sensor", SENSOR, {"GAUGE_LENGTH": 3.0})
    tilt.create_entity("sensor", f"{SENSOR}2", "TILT_BIAXIAL", parent=DEVICE)
    tilt.upload([{"sensorId": SENSOR, "timestamp": DAYS[0], "values": {"tilt_y": 1.0}}])
    sensor = view.known(SENSOR)
    assert (sensor.props["GAUGE_LENGTH"], sensor.uploaded) == (2.0, ("tilt_x",))
    assert view.sensor(f"{SENSOR}2") is None
    assert view.sensors([SENSOR, f"{SENSOR}2"]) == list(view.members(DEVICE, "TILT_BIAXIAL")) == [sensor]
    assert view.knowledge == named


def test_the_history_and_what_is_refused(tilt: Engine) -> None:
    """Every change is listed; a date in the future is refused by the name it has in requests."""
    tilt.update_entity("sensor", SENSOR, {"GAUGE_LENGTH": 3.0}, valid_from=DAYS[1])
    assert [(each.props, each.valid_from) for each in tilt.history("sensor", SENSOR)] == [
        ({"GAUGE_LENGTH": 2.0}, ALWAYS), ({"GAUGE_LENGTH": 3.0}, SECOND),
    ]  # fmt: skip
    with pytest.raises(InvalidRequest, match=r"validFrom: 2999-01-01T00:00:00\.000Z lies in the future"):
        tilt.update_entity("sensor", SENSOR, {"GAUGE_LENGTH": 3.0}, valid_from="2999-01-01")
    with pytest.raises(NotFound):
        tilt.history("sensor", "/nowhere")


def test_many_sensors_at_once(tilt: Engine) -> None:
    """Raw metrics of many sensors are those of each; sensors that do not exist are left out."""
    tilt.create_entity("sensor", "/g", "GENERIC_SENSOR_SDE", {"KNOWN_METRICS": {"0": "T"}})
    tilt.upload([{"sensorId": "/g", "timestamp": DAYS[0], "values": {"extra": 1.0}}])
    assert tilt.raw_metrics_of([SENSOR, "/nowhere", "/g"]) == {
        id: tilt.raw_metrics(id) for id in ("/g", SENSOR)
    }  # fmt: skip
    assert [each.id for each in tilt.raw_metrics("/g")] == ["T", "extra"]


@pytest.fixture
def site(run: Run, tmp_path: Path) -> Run:
    """The command line on a store with one tiltmeter."""
    (tmp_path / "t.csv").write_text("time,tilt_x\n" + "".join(f"{day},30\n" for day in DAYS))
    made = run("import", "t.csv", "--sensor", SENSOR, "--create", "TILT_BIAXIAL", "--prop", "GAUGE_LENGTH=2")
    assert made.code == 0
    return run


def test_props_on_the_command_line(site: Run) -> None:
    """Set from a date on, corrected, removed; printed a line for each epoch; values as of before."""
    before = _now().isoformat()
    ran = site("props", SENSOR, "GAUGE_LENGTH=3", "NAME=east wall", "--from", DAYS[1])
    assert ran.out.decode().splitlines() == [
        "GAUGE_LENGTH  always                    2",
        "GAUGE_LENGTH  2024-03-02T00:00:00.000Z  3",
        'NAME          2024-03-02T00:00:00.000Z  "east wall"',
    ]
    assert site("props", SENSOR, "NAME=").out.decode().splitlines()[2].split() == [
        "NAME",
        DAYS[1][:-1] + ".000Z",
        "null",
    ]
    history = site("props", SENSOR, "--history").out.decode().splitlines()
    assert [line.partition("from ")[2] for line in history] == [
        "always                    GAUGE_LENGTH=2",
        '2024-03-02T00:00:00.000Z  GAUGE_LENGTH=3 NAME="east wall"',
        "2024-03-02T00:00:00.000Z  NAME=null",
    ]
    np.testing.assert_allclose(_values(site), [1.0, 1.5, 1.5], rtol=1e-12)
    np.testing.assert_allclose(_values(site, "--as-of", before), [1.0, 1.0, 1.0], rtol=1e-12)


def _values(site: Run, *options: str) -> list[float]:
    lines = site("get", SENSOR, "x_inc", "m", "--format", "csv", *options).out.decode().splitlines()
    return [float(line.partition(",")[2]) for line in lines[1:]]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((SENSOR, "GAUGE_LENGTH"), 2, "'GAUGE_LENGTH' is not NAME=VALUE"),
        ((SENSOR, "--from", DAYS[0]), 2, "--from"),
        ((SENSOR, "A=1", "--from", "2999-01-01"), 1, "lies in the future"),
        ((SENSOR, "--kind", "house"), 2, "'house' is none of sensor, device, node"),
        (("/nowhere",), 1, "there is no sensor '/nowhere'"),
        ((SENSOR, "A=1", "--kind", "device"), 1, "there is no device"),
    ],
)
def test_wrong_use_of_props(site: Run, words: tuple[str, ...], code: int, message: str) -> None:
    """One plain line and the exit code of its kind."""
    ran = site("props", *words)
    assert (ran.code, ran.out) == (code, b"")
    assert message in ran.err
    assert len(ran.err.splitlines()) == 1


def test_replay_by_a_number_of_which_nothing_is_left(tilt: Engine, tmp_path: Path) -> None:
    """The newest upload that a read saw was another project's, and went with it: the read can be computed again."""
    other = tilt.create_project("Dam").id
    tilt.create_entity("sensor", "/t", "TEMPERATURE_SDE", project=other)
    tilt.upload([{"sensorId": "/t", "timestamp": DAYS[0], "values": {"T": 1.0}}], project=other)
    series = tilt.get_data(SENSOR, "x_inc", "m")
    tilt.store.delete_project(other)
    tilt.close()
    with Engine.open(tilt.settings.data) as again:
        assert again.store.snapshot().seq < series.provenance["snapshot"]["seq"] == again.store.newest()
        replayed = again.replay(series.provenance)
        assert isinstance(replayed, Series)
        assert replayed.value.tolist() == series.value.tolist()
