"""The law of live data: what a client read once and was told since is what a read gives, whatever happened."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import groupby
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.tseng.following import Client, differing, settle
from tests.tseng.test_laws import uploads
from tests.units.site import MINUTE, MOMENTS, NAMES, SENSORS, Columns, read_with, readings

from tseng.engine import Engine
from tseng.errors import REFUSALS
from tseng.settings import Settings
from tseng_storage.settings import StoreSettings
from tseng_storage.store import Store
from tseng_units.instants import format_instant
from tseng_units.sensors import Sensor

ZEROED = {"ZERO_DATE": {"value": format_instant(20 * MINUTE)}}
MOVING = {"dt": {"value": 600}}
PARAMS: Sequence[dict[str, Any] | None] = (None, ZEROED, MOVING)
Step = Callable[[Engine], object]
BY_ID = {sensor.id: sensor for sensor in SENSORS}
NEEDING_OTHERS = [name for name in NAMES if len(read_with(BY_ID[name])) > 1]
NUMBERS = ("GAUGE_LENGTH", "ZERO_COUNT", "AZIMUTH_XY", "G", "ELEVATION", "BARO_MAX_GAP", "TIP_SIZE", "DEPTH", "K", "A")


def build(engine: Engine, sensors: Sequence[Sensor]) -> None:
    """Sensors with their devices."""
    for device, members in groupby((each for each in sensors if each.device), key=lambda each: each.device):
        engine.create_entity("device", str(device), "LOGGER", next(members).device_props)
    for sensor in sensors:
        engine.create_entity("sensor", sensor.id, sensor.type, sensor.props, parent=sensor.device)


@contextmanager
def two_engines() -> Iterator[tuple[Engine, Engine]]:
    """Two engines on one new store, as two processes have them; they compute in blocks of two points."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        one, other = (
            Engine(Store.open(folder, settings=StoreSettings(flush_seconds=3600.0, block_points=2)), Settings())
            for _ in range(2)
        )
        yield stack.enter_context(one), stack.enter_context(other)


def upload(rows: dict[str, Columns], engine: Engine) -> None:
    """Readings, one upload of all whose sensors are there."""
    there = {each.id for each in engine.entities("sensor")}
    found = uploads({id_: columns for id_, columns in rows.items() if id_ in there})
    if found:
        engine.upload(found)


def load(rows: dict[str, Columns], engine: Engine) -> None:
    """Readings, straight into Parquet."""
    flat = [
        (id_, metric, us, value)
        for id_, columns in rows.items()
        for metric, series in columns.items()
        for us, value in series.items()
    ]
    if flat:
        sensor, metric, time, value = zip(*flat, strict=True)
        columns = {"sensor": sensor, "metric": metric, "time": pa.array(time, pa.timestamp("us", "UTC"))}
        engine.store.load(pa.table({**columns, "value": pa.array(value, pa.float64())}), engine.project().id)


def configure(kind: Any, id_: str, props: dict[str, Any], since: int | None, engine: Engine) -> None:
    """Props of a sensor or device, from a date on or corrected; nothing where it is not there."""
    if engine.entities(kind, [id_]):
        engine.update_entity(kind, id_, props, valid_from=None if since is None else format_instant(since))


def remove_or_make(sensor: Sensor, engine: Engine) -> None:
    """A sensor is removed, or made as it was at first."""
    if engine.entities("sensor", [sensor.id]):
        engine.remove_entity("sensor", sensor.id)
    else:
        engine.create_entity("sensor", sensor.id, sensor.type, sensor.props, parent=sensor.device)


@st.composite
def values(draw: st.DrawFn, sensor: Sensor) -> dict[str, Any]:
    """Props of a sensor, some of them such that nothing can be computed."""
    instant = st.none() | MOMENTS.map(format_instant)
    name = draw(st.sampled_from([*(each for each in NUMBERS if each in sensor.props), "ZERO", "MASKS", "REPLACEMENT"]))
    if name == "ZERO":
        mode = draw(st.sampled_from(["FIRST", "EXACT", "NEAREST", None]))
        return {"ZERO_DATE": draw(instant), "ZERO_MODE": mode, "ZERO_TOLERANCE": draw(st.sampled_from([60, 1200]))}
    if name == "MASKS":
        start, end = sorted((draw(MOMENTS), draw(MOMENTS)))
        mask: dict[str, Any] = {"start": format_instant(start), "end": format_instant(end), "reason": "x"}
        return {"MASKS": draw(st.sampled_from([[], [mask], [{**mask, "metrics": list(sensor.uploaded[:1])}]]))}
    if name == "REPLACEMENT":
        return {"REPLACEMENT": draw(st.sampled_from(["CARRY", "KEEP", None]))}
    number = sensor.props[name]
    assert isinstance(number, int | float)
    return {name: draw(st.sampled_from([number, number * 2, None]))}


@st.composite
def steps(draw: st.DrawFn, sensors: Sequence[Sensor]) -> tuple[Step, bool]:
    """Something that happens to a store, and whether another process does it."""
    what = draw(st.sampled_from(["upload", "upload", "upload", "load", "flush", "compact", "props", "props", "remove"]))
    if what == "remove":
        return partial(remove_or_make, draw(st.sampled_from(sensors))), draw(st.booleans())
    if what in ("upload", "load"):
        rows = draw(readings(sensors))
        later = draw(st.sampled_from([0, 0, 0, 30, 60])) * MINUTE
        moved = {
            id_: {metric: {us + later: value for us, value in series.items()} for metric, series in columns.items()}
            for id_, columns in rows.items()
            if draw(st.booleans())
        }
        return partial(upload if what == "upload" else load, moved), draw(st.booleans())
    if what == "props":
        sensor = draw(st.sampled_from(sensors))
        props, since = draw(values(sensor)), draw(st.none() | MOMENTS)
        if "REPLACEMENT" in props:
            since = draw(MOMENTS)
        if sensor.device and draw(st.booleans()):
            return partial(configure, "device", sensor.device, props, since), draw(st.booleans())
        return partial(configure, "sensor", sensor.id, props, since), draw(st.booleans())
    return (lambda engine: engine.store.flush() if what == "flush" else engine.store.compact()), draw(st.booleans())


def follow(engine: Engine, sensor: str) -> Iterator[Client]:
    """A client of each metric of a sensor with each of some parameters."""
    for metric in engine.metrics(sensor):
        for params in PARAMS if metric.params else (None,):
            if params is MOVING or not any(mandatory for _, mandatory in metric.params):
                yield Client(engine, sensor, metric.id, metric.default_unit, params)


def check(client: Client, before: dict[int, float], steps: int) -> None:
    """What the client knows is what a read gives, and after one step it was told what differs and nothing else."""
    known_trouble = client.trouble
    client.look()
    answer = client.answer()
    named = (client.sensor, client.metric, client.params)
    if isinstance(answer, str):
        assert client.trouble is not None, named
        if steps == 1:
            assert client.points == before, named
            # A trouble is told once, although another one may follow.
            assert known_trouble is client.trouble or client.trouble.category == answer, named
    else:
        assert client.trouble is None, named
        assert client.points == answer, named
        assert client.told == differing(before, answer) or steps > 1, named


def begun(engine: Engine, name: str) -> Iterator[Client]:
    """Clients of what a sensor offers; what a read refuses is refused to them too."""
    for client in follow(engine, name):
        answer = client.answer()
        if isinstance(answer, str):
            with pytest.raises(REFUSALS) as raised:
                client.subscribe()
            assert raised.value.category == answer, client.metric
        else:
            client.begin()
            yield client


def late(client: Client) -> Iterator[Client]:
    """Another client of the same, who begins now, where that can be read now."""
    if not isinstance(client.answer(), str):
        twin = Client(client.engine, client.sensor, client.metric, client.unit, client.params)
        twin.begin()
        yield twin


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from([*NAMES, *NEEDING_OTHERS, *NEEDING_OTHERS]))
def test_a_client_knows_what_a_read_gives(data: st.DataObject, name: str) -> None:
    """Readings of every kind, props, masks, replacements, removals, flushes, by any process."""
    sensors, passed = read_with(BY_ID[name]), 0
    with two_engines() as (mine, other):
        build(mine, sensors)
        upload(data.draw(readings(sensors)), other)
        clients = list(begun(mine, name))
        many = data.draw(st.integers(1, 5))
        for last in (number == many for number in range(1, many + 1)):
            step, elsewhere = data.draw(steps(sensors))
            before = [dict(client.points) for client in clients]
            step(other if elsewhere else mine)
            passed += 1
            if not last and data.draw(st.booleans()):
                continue
            settle(mine)
            for client, points in zip(clients, before, strict=True):
                check(client, points, passed)
            passed = 0
            if data.draw(st.booleans()) and clients:
                clients.extend(late(data.draw(st.sampled_from(clients))))
