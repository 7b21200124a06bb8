"""The law of rows, through a real store: their order, their batches and where they lie on disk change no bit."""

import tempfile
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.units.memory import MemoryDirectory, MemorySource
from tests.units.site import SENSORS, Columns, readings, source_of

from tseng.engine import Engine
from tseng_units.errors import NoZeroReading
from tseng_units.evaluate import Execution
from tseng_units.instants import format_instant
from tseng_units.plan import plan
from tseng_units.sensors import metrics

PLAIN = [sensor for sensor in SENSORS if not sensor.epochs]
HOUR = {"dt": {"value": 1, "unit": "h"}}


def uploads(rows: dict[str, Columns]) -> list[dict[str, Any]]:
    """The readings as they are uploaded, one metric at a time."""
    return [
        {"sensorId": id_, "timestamp": format_instant(us), "values": {metric: value}}
        for id_, columns in rows.items()
        for metric, series in columns.items()
        for us, value in series.items()
    ]


def build(engine: Engine) -> None:
    """The site's devices and sensors."""
    for device, members in groupby((sensor for sensor in PLAIN if sensor.device), key=lambda sensor: sensor.device):
        engine.create_entity("device", str(device), "LOGGER", next(members).device_props)
    for sensor in PLAIN:
        engine.create_entity("sensor", sensor.id, sensor.type, sensor.props, parent=sensor.device)


def with_values(rows: dict[str, Columns]) -> MemoryDirectory:
    """The site's sensors; columns that hold no value at all are none."""
    filled = {
        id_: {metric for metric, series in columns.items() if any(value is not None for value in series.values())}
        for id_, columns in rows.items()
    }
    return MemoryDirectory(
        *(replace(each, uploaded=tuple(name for name in each.uploaded if name in filled[each.id])) for each in PLAIN)
    )


def check(engine: Engine, directory: MemoryDirectory, source: MemorySource) -> None:
    """Every metric of every sensor, from the store and from memory."""
    for sensor in directory.sensors.values():
        for metric in metrics(sensor, directory):
            params = HOUR if ("dt", True) in metric.params else None
            try:
                times, values = Execution(
                    plan(sensor, metric.id, metric.default_unit, params, directory), source
                ).evaluate()
            except NoZeroReading:
                continue
            found = engine.get_data(sensor.id, metric.id, metric.default_unit, params=params)
            assert found.time.astype(np.int64).tolist() == times.tolist(), (sensor.id, metric.id)
            assert found.value.tobytes() == np.ascontiguousarray(values).tobytes(), (sensor.id, metric.id)


@settings(max_examples=5, deadline=None)
@given(st.data())
def test_rows_in_any_order_batch_and_place(data: st.DataObject) -> None:
    """Readings uploaded in any order and in any batches, flushed and compacted or not, are the same readings."""
    rows = data.draw(readings(PLAIN))
    shuffled = data.draw(st.permutations(uploads(rows)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    with tempfile.TemporaryDirectory() as folder, Engine.open(Path(folder) / "store") as engine:
        build(engine)
        for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True):
            if start < end:
                engine.upload(shuffled[start:end])
            if data.draw(st.booleans()):
                engine.store.flush()
            if data.draw(st.booleans()):
                engine.store.compact()
        check(engine, with_values(rows), source_of(rows))
