"""What doors keep, through the engine: numbers as observations of sensors made on the way, records, messages."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tseng.depositing import Arrivals, Reading
from tseng.engine import Engine
from tseng.errors import InvalidRequest
from tseng_storage.errors import Changed
from tseng_storage.queues import Send
from tseng_storage.records import Keep
from tseng_units.errors import IncompatibleUnit, UnknownMetric

SENSOR = "/door/a/sensor"
HOUR = 3_600_000_000


def values(engine: Engine, metric: str, unit: str = "GENERIC", sensor: str = SENSOR) -> list[float]:
    """What is read of a metric."""
    found: list[float] = engine.get_data(sensor, metric, unit).value.tolist()
    return found


def test_names_are_their_owners(engine: Engine) -> None:
    """A twin's T is no temperature: it has the unit GENERIC and no differences, whatever the catalogue calls T."""
    engine.deposit([Reading(SENSOR, HOUR, {"T": 20.0, "a.b": 1.0})], type="TWIN")
    assert [(metric.id, metric.default_unit) for metric in engine.metrics(SENSOR)] == [
        ("T", "GENERIC"), ("a.b", "GENERIC")
    ]  # fmt: skip
    assert (values(engine, "T"), values(engine, "a.b")) == ([20.0], [1.0])
    with pytest.raises(UnknownMetric):
        engine.get_data(SENSOR, "nothing", "GENERIC")


def test_a_unit_that_is_known_converts(engine: Engine) -> None:
    """Stored as it first came (20 C is 68 F), later ones in other units converted; one of another dimension refused."""
    engine.deposit([Reading(SENSOR, HOUR, {"air": 20.0}, {"air": "C"})], type="TWIN")
    engine.deposit([Reading(SENSOR, 2 * HOUR, {"air": 50.0}, {"air": "F"})], type="TWIN")
    assert values(engine, "air", "C") == pytest.approx([20.0, 10.0], rel=1e-12)
    assert values(engine, "air", "F") == pytest.approx([68.0, 50.0], rel=1e-12)
    with pytest.raises(IncompatibleUnit, match="'air'"):
        engine.deposit([Reading(SENSOR, 3 * HOUR, {"air": 1.0}, {"air": "mm"})], type="TWIN")
    assert len(values(engine, "air", "C")) == 2


def test_metrics_are_declared_as_they_come(engine: Engine) -> None:
    """By many at once, in two engines over the store; none gets lost, and each keeps its unit."""
    units = ["C", "mm", "GENERIC", "kPa"]

    def send(number: int) -> None:
        metric, unit = f"m{number % 20}", units[number % 4]
        engines[number % 2].deposit(
            [Reading(SENSOR, number * HOUR, {metric: number}, {metric: unit} if unit != "GENERIC" else {})], type="TWIN"
        )

    with Engine.open(engine.store.layout.root) as other, ThreadPoolExecutor(8) as pool:
        engines = (engine, other)
        list(pool.map(send, range(200)))
    found = {metric.id: metric.default_unit for metric in engine.raw_metrics(SENSOR)}
    assert found == {f"m{number}": units[number % 4] for number in range(20)}
    for number in range(20):
        assert values(engine, f"m{number}", units[number % 4]) == list(range(number, 200, 20))


def test_a_sensor_that_goes_meanwhile_is_made_anew(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at it and the transaction; what it had measured is there again."""
    engine.deposit([Reading(SENSOR, HOUR, {"x": 1.0}, {"x": "C"})], type="TWIN")
    deposit = engine.store.deposit

    def late(*given: Any) -> Any:
        monkeypatch.undo()
        engine.remove_entity("sensor", SENSOR)
        return deposit(*given)

    monkeypatch.setattr(engine.store, "deposit", late)
    engine.deposit([Reading(SENSOR, HOUR, {"y": 2.0}, {"y": "C"})], type="TWIN")
    assert (values(engine, "y", "C"), values(engine, "x")) == ([2.0], [1.0])


def test_nothing_is_kept_of_what_is_refused(engine: Engine) -> None:
    """Neither the sensor, nor the numbers, nor the message."""
    keep = Keep("twin", "a", "present", "{}")
    with pytest.raises(Changed):
        engine.deposit([Reading(SENSOR, HOUR, {"x": 1.0})], type="TWIN", records=[keep], messages=[Send("q", b"1")])
    assert (engine.entities("sensor"), engine.record("twin", "a"), engine.retrieve("q")) == ([], None, [])


def test_a_sensor_has_an_id_that_can_be_asked_for(engine: Engine) -> None:
    """One that no path can hold is refused before anything is kept."""
    with pytest.raises(InvalidRequest, match="U\\+000A"):
        engine.deposit([Reading("/door/a\n/sensor", HOUR, {"x": 1.0})], records=[Keep("twin", "a", body="{}")])
    assert engine.records("twin") == []


@pytest.mark.parametrize("metric", ["", "x" * 1001])
def test_a_metric_has_a_name_that_can_be_asked_for(engine: Engine, metric: str) -> None:
    """The refusal names it."""
    with pytest.raises(InvalidRequest) as refused:
        engine.deposit([Reading(SENSOR, HOUR, {"x": 1.0, metric: 1.0})], messages=[Send("q", b"1")])
    assert (refused.value.field, engine.entities("sensor"), engine.retrieve("q")) == (metric, [], [])


def test_a_sensor_of_another_type_is_left_alone(engine: Engine) -> None:
    """One that somebody made there, whose type has its own metrics, takes no others."""
    engine.create_entity("sensor", SENSOR, "THERMISTOR")
    with pytest.raises(InvalidRequest, match="is a THERMISTOR already"):
        engine.deposit([Reading(SENSOR, HOUR, {"x": 1.0})], type="TWIN", messages=[Send("q", b"1")])
    assert engine.retrieve("q") == []


def test_arrivals_of_several_processes_differ() -> None:
    """Each has microseconds of its own, and they go up."""
    places = [Arrivals(place, 3) for place in range(3)]
    taken = [[each.now() for _ in range(200)] for each in places]
    assert all(times == sorted(set(times)) for times in taken)
    assert len(set().union(*taken)) == 600


def test_each_project_has_its_own(engine: Engine, tmp_path: Path) -> None:
    """Records, queues and sensors of the same name in two projects, and what was changed by whom."""
    other = engine.create_project("other").id
    for project, body in ((None, "1"), (other, "2")):
        records, messages = [Keep("twin", "a", body=body, past=True)], [Send("q", body.encode())]
        readings = [Reading(SENSOR, HOUR, {"x": float(body)})]
        engine.deposit(readings, type="TWIN", records=records, messages=messages, by="me", project=project)
    engine.deposit(type="TWIN", records=[Keep("twin", "a", body="3", past=True)], project=other)
    with Engine.open(tmp_path / "store") as again:
        found = [again.record("twin", "a", project=project) for project in (None, other)]
        assert [each and each.body for each in found] == ["1", "3"]
        assert [each.body for each in again.records("twin", project=other)] == ["3"]
        assert [(each.body, each.modified_by) for each in again.past_records("twin", "a", project=other)] == [
            ("2", "me")
        ]
        assert again.past_records("twin", "a") == []
        assert again.retrieve("q", project=other) == [b"2"]
        assert (again.acknowledge("q"), again.acknowledge("q", project=other)) == (0, 1)
        assert again.get_data(SENSOR, "x", "GENERIC", project=other).value.tolist() == [2.0]
