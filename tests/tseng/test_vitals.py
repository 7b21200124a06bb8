"""What the engine knows of entities by itself: kinds and projects apart, many at once, while uploads go on."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tseng.engine import Engine
from tseng.settings import Settings
from tseng.vitals import Vitals
from tseng_storage.entities import Draft, Entity

NODE, DEVICE = "/n/node", "/n/node/d/device"
SENSORS = [f"{DEVICE}/{name}/sensor" for name in "abc"]
DRAFTS = [
    Draft("node", NODE, "THREAD"), Draft("device", DEVICE, "LOGGER"),
    *(Draft("sensor", id, "TEMPERATURE_SDE") for id in SENSORS),
]  # fmt: skip
HOUR = 3_600_000_000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A node with one device of three sensors."""
    with Engine.open(tmp_path / "store", settings=Settings(bulk_rows=50)) as engine:
        engine.create_entities(DRAFTS)
        yield engine


def upload(engine: Engine, sensor: str, hours: range, project: str | None = None) -> None:
    """A reading of 1.5 at each of these hours of 1970."""
    rows = [
        {"sensorId": sensor, "timestamp": f"1970-01-{1 + hour // 24:02}T{hour % 24:02}:00:00Z", "values": {"T": 1.5}}
        for hour in hours
    ]
    engine.upload(rows, project=project)


def everything(engine: Engine, project: str | None = None) -> list[Entity]:
    """Sensors, devices and nodes, in this order."""
    return [each for kind in ("sensor", "device", "node") for each in engine.entities(kind, project=project)]


def test_sums_and_sizes(engine: Engine) -> None:
    """A device has the sum of its sensors and the last of their times, a node too and when it was heard of."""
    upload(engine, SENSORS[0], range(4))
    upload(engine, SENSORS[1], range(2, 60))
    *sensors, device, node = engine.vitals(everything(engine))
    assert sensors == [
        Vitals(4, 3 * HOUR, (1.5,), size=3), Vitals(58, 59 * HOUR, (1.5,), size=3), Vitals(0, None, (), size=3)
    ]  # fmt: skip
    assert device == Vitals(62, 59 * HOUR, size=3)
    assert node.received is not None
    assert node == Vitals(62, 59 * HOUR, received=node.received)
    assert engine.vitals([]) == []


def test_projects_are_counted_apart(engine: Engine) -> None:
    """Entities of the same ids in two projects, asked for in one list, have each their own."""
    other = engine.create_project("other").id
    engine.create_entities(DRAFTS[:3], project=other)
    upload(engine, SENSORS[0], range(4))
    upload(engine, SENSORS[0], range(7), other)
    both = [
        entity for pair in zip(everything(engine)[:1], everything(engine, other)[:1], strict=True) for entity in pair
    ]
    assert engine.vitals(both) == [Vitals(4, 3 * HOUR, (1.5,), size=3), Vitals(7, 6 * HOUR, (1.5,), size=1)]
    assert [each.observations for each in engine.vitals(engine.entities("node", project=other))] == [7]


def test_counts_while_uploads_go_on(engine: Engine) -> None:
    """Asked by several threads all the while, counts only grow, are never ahead, and are exact in the end."""
    entities, seen, faults = everything(engine), dict.fromkeys(range(3), 0), list[str]()
    done = threading.Event()

    def ask(number: int) -> None:
        while not done.is_set():
            count = engine.vitals(entities)[-1].observations
            if not seen[number] <= count <= 3 * 200:
                faults.append(f"{count} after {seen[number]}")
            seen[number] = count

    threads = [threading.Thread(target=ask, args=(number,)) for number in seen]
    for thread in threads:
        thread.start()
    for step in range(20):
        for sensor in SENSORS:
            upload(engine, sensor, range(step * 10, step * 10 + 10))
        if step % 5 == 4:
            engine.store.flush()
    done.set()
    for thread in threads:
        thread.join()
    assert faults == []
    assert [each.observations for each in engine.vitals(entities)] == [200, 200, 200, 600, 600]
