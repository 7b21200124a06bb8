"""A subscriber that stops reading while data comes: what it costs the server, what it is told, how it catches up."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from tests.api.process import serving
from tests.api.talkers import Talker, WebSocketTalker, addresses, request

from tseng.engine import Engine

SENSOR = "/fn/6C4F6D/node/logger/0001/device/t1/sensor"
POINTS, PIECE = 200_000, 5_000
START = np.datetime64("2024-01-01T00:00:00", "ms")
AFTER_FIRST, AFTER_ALL = "2025-01-01T00:00:00.000Z", "2025-01-02T00:00:00.000Z"
MOST_GROWTH = 64 * 2**20
"""What waits for the peer is 4 MiB at most; the rest is the series, of which each correction is kept and cached."""

Data = dict[str, float | None]
Spans = list[tuple[str, str]]


def _upload(engine: Engine, values: NDArray[np.float64], then: str | None = None) -> None:
    """Store the values, a second apart, in forty uploads; then one more point."""
    for first in range(0, POINTS, PIECE):
        time = START.astype("datetime64[us]") + np.arange(first, first + PIECE) * np.timedelta64(1, "s")
        names = {"sensor": [SENSOR] * PIECE, "metric": ["T"] * PIECE}
        stamps = pa.array(time).cast(pa.timestamp("us", "UTC"))
        engine.upload_table(pa.table({**names, "time": stamps, "value": values[first : first + PIECE]}))
    if then is not None:
        engine.upload([{"sensorId": SENSOR, "timestamp": then, "values": {"T": 0.0}}])


def _read_on(talker: Talker, last: str) -> tuple[Data, Spans]:
    """Read updates until one tells of the last point: the data they carried, the spans they told to be left out."""
    data: Data = {}
    lagged: Spans = []
    while last not in data and not any(start <= last <= end for start, end in lagged):
        result = talker.receive()["result"]
        assert result["sensor"] == SENSOR
        data |= result.get("data", {})
        if "lagged" in result:
            lagged.append((result["lagged"]["startDate"], result["lagged"]["endDate"]))
    return data, lagged


def _fetched(talker: Talker, spans: Spans) -> Data:
    """Read the spans with getData; updates that are still on their way come before its answer."""
    data: Data = {}
    for start, end in spans:
        asked = {"sensor": SENSOR, "metric": "T", "unit": "F", "startDate": start, "endDate": end}
        talker.send(request("getData", "again", **asked))
        while "requestStatus" not in (answer := talker.receive()["result"]):
            data |= answer["data"]
    return data


@pytest.mark.parametrize("face", ["tcp", "ws"])
def test_a_lagging_subscriber_catches_up(tmp_path: Path, face: str) -> None:
    """200,000 points are read, then corrected twice, unread: the server keeps a few MB and tells what it left out.

    What arrives and those spans, fetched again, are the truth.
    """
    first, second, truth = np.round(np.random.default_rng(5).normal(20, 5, (3, POINTS)), 12)
    with Engine.open(tmp_path / "store") as engine:
        engine.create_entity("sensor", SENSOR, "TEMPERATURE_SDE")
        key = engine.keys.create("lagging", "reader")
        with serving(tmp_path / "store") as server, _subscribed(server.line, face, key) as talker:
            _upload(engine, first, AFTER_FIRST)
            data, lagged = _read_on(talker, AFTER_FIRST)
            data |= _fetched(talker, lagged)
            before = server.memory.memory_info().rss
            _upload(engine, second)
            _upload(engine, truth, AFTER_ALL)
            grown = server.memory.memory_info().rss - before
            more, lagged = _read_on(talker, AFTER_ALL)
            data |= more | _fetched(talker, lagged)
        expected = engine.get_data(SENSOR, "T", "F")
    assert lagged
    assert grown < MOST_GROWTH, f"{grown / 2**20:.0f} MiB"
    stamps = (f"{at}Z" for at in np.datetime_as_string(expected.time, unit="ms").tolist())
    assert data == dict(zip(stamps, expected.value.tolist(), strict=True))
    # T is a temperature: 32 F and nine fifths of each degree; the last two points are 0 C.
    assert expected.value == pytest.approx([*(32 + 1.8 * truth), 32, 32])


def _subscribed(line: str, face: str, key: str) -> Talker:
    kind = {"tcp": Talker, "ws": WebSocketTalker}[face]
    talker = kind(addresses(line)[face], key, buffer=2**15)
    assert talker.ask("subscribeData", 1, sensors=[SENSOR], metric="T", unit="F") == {"subscriptionId": 1}
    return talker
