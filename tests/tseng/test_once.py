"""Uploads under a key through the engine."""

import pyarrow as pa
import pytest

from tseng.engine import Engine
from tseng_storage.errors import KeyReused
from tseng_storage.once import Once

KEY = Once("k", "abc")
ROWS = [{"sensorId": "t", "timestamp": "2024-01-01T00:00:00Z", "values": {"T": 20.0}}]
TABLE = pa.table({
    "sensor": ["t"], "metric": ["T"], "time": pa.array([0], pa.timestamp("us", "UTC")), "value": [20.0],
})  # fmt: skip


def test_the_answer_is_that_of_the_first(engine: Engine) -> None:
    """Also where the sensor is gone by then; nothing is stored again, and another upload is refused."""
    engine.create_entity("sensor", "t", "TEMPERATURE_SDE")
    assert engine.upload(ROWS, once=KEY) == 1
    assert engine.upload_table(TABLE, once=Once("l", "def")) == 1
    newest = engine.store.newest()
    engine.remove_entity("sensor", "t")
    assert engine.upload(ROWS, once=KEY) == 1
    assert engine.upload_table(TABLE, once=Once("l", "def")) == 1
    assert engine.store.newest() == newest
    with pytest.raises(KeyReused):
        engine.upload(ROWS, once=Once("k", "other"))
    with pytest.raises(KeyReused):
        engine.upload_table(TABLE, once=Once("l", "other"))


def test_what_was_refused_can_be_sent_again(engine: Engine) -> None:
    """A refusal keeps no key: mended, the upload is stored under it."""
    with pytest.raises(Exception, match="there is no sensor 't'"):
        engine.upload(ROWS, once=KEY)
    engine.create_entity("sensor", "t", "TEMPERATURE_SDE")
    assert engine.upload(ROWS, once=KEY) == 1
    assert engine.store.newest() == 1
