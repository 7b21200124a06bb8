"""A long-open engine reads as one that has just been opened, whatever was configured meanwhile by another process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tseng.engine import Engine
from tseng.errors import REFUSALS

UPPER, LOWER, CRACK, BRIDGE = (f"/site/{name}/sensor" for name in ("upper", "lower", "crack", "bridge"))
TIMES = ["2024-03-01T00:00:00Z", "2024-03-01T01:00:00Z"]
OPENING: dict[str, Any] = {"unit": "mm", "expression": "disp * 2"}
READS: list[tuple[str, str, str, dict[str, Any] | None]] = [
    (UPPER, "dx", "mm", {"ZERO_DATE": {"value": TIMES[0]}}),
    (UPPER, "tilt_x", "deg", None),
    (UPPER, "T", "C", None),
    (CRACK, "opening", "mm", None),
    (BRIDGE, "strain", "Vx10^-2", None),
    (BRIDGE, "strain", "mV", None),
    (BRIDGE, "late", "", None),
]


@pytest.fixture
def site(engine: Engine) -> Engine:
    """An in-place inclinometer of two segments, a metric of the project's own, and a bridge in a unit nobody knows."""
    engine.create_entity("device", "/site/chain", "LOGGER")
    for sensor, place in ((UPPER, 1), (LOWER, 2)):
        props = {"GAUGE_LENGTH": 2.0, "MUX_INDEX": place}
        engine.create_entity("sensor", sensor, "TILT_BIAXIAL", props, parent="/site/chain")
        send(engine, sensor, {"tilt_x": [0.0, 1.0 + place]})
    engine.create_entity("sensor", CRACK, "DISPLACEMENT")
    send(engine, CRACK, {"disp": [1.0, 2.0]})
    unknown = {"UNKNOWN_METRICS": ["strain"], "UNKNOWN_UNITS": ["Vx10^-2"]}
    engine.create_entity("sensor", BRIDGE, "DYNAMIC", unknown)
    send(engine, BRIDGE, {"strain": [23.4, 23.5]})
    engine.define_metrics({"opening": OPENING})
    return engine


def send(engine: Engine, sensor: str, values: dict[str, list[float]]) -> None:
    """Upload a value of each metric at each of the times."""
    rows = [
        {"sensorId": sensor, "timestamp": time, "values": {metric: value[number] for metric, value in values.items()}}
        for number, time in enumerate(TIMES)
    ]
    engine.upload(rows)


def answers(engine: Engine) -> list[Any]:
    """What each of the reads answers: the values, or the refusal."""
    found: list[Any] = []
    for sensor, metric, unit, params in READS:
        try:
            series = engine.get_data(sensor, metric, unit, params=params)
        except REFUSALS as error:
            found.append((error.category, str(error)))
        else:
            told = {**series.provenance, "snapshot": {**series.provenance["snapshot"], "time": ""}}
            found.append((series.value.tolist(), told))
    return found


CHANGES: dict[str, Callable[[Engine], Any]] = {
    "a prop": lambda engine: engine.update_entity("sensor", UPPER, {"GAUGE_LENGTH": 3.0}),
    "a prop of a mate": lambda engine: engine.update_entity("sensor", LOWER, {"GAUGE_LENGTH": 3.0}),
    "a prop of the device": lambda engine: engine.update_entity("device", "/site/chain", {"END": "TOP"}),
    "a prop from a date on": lambda engine: engine.update_entity(
        "sensor", UPPER, {"GAUGE_LENGTH": 3.0}, valid_from=TIMES[1]
    ),
    "a mate that was removed": lambda engine: engine.remove_entity("sensor", LOWER),
    "the sensor that was removed": lambda engine: engine.remove_entity("sensor", UPPER),
    "a metric defined anew": lambda engine: engine.define_metrics({"opening": {**OPENING, "expression": "disp * 3"}}),
    "a metric taken away": lambda engine: engine.remove_metric("opening"),
    "a unit mapped": lambda engine: engine.map_unit("Vx10^-2", "mV", scale=10),
    "a first value of a metric": lambda engine: send(engine, UPPER, {"T": [5.0, 6.0]}),
    "a metric that nobody had named": lambda engine: send(engine, BRIDGE, {"late": [5.0, 6.0]}),
    "a zero reading that was corrected": lambda engine: send(engine, UPPER, {"tilt_x": [0.5, 2.0]}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_nothing_is_kept_that_no_longer_holds(site: Engine, tmp_path: Path, name: str) -> None:
    """What was asked before the change is answered anew after it."""
    before = answers(site)
    assert before == answers(site)
    with Engine.open(tmp_path / "store") as other:
        CHANGES[name](other)
    after = answers(site)
    with Engine.open(tmp_path / "store") as fresh:
        assert after == answers(fresh)
    assert [each[0] for each in after] != [each[0] for each in before]
