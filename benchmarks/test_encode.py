"""getData of 1 M points to JSON, against building a dict and handing it to a JSON library."""

import json
from collections.abc import Callable

import numpy as np
import orjson
import pytest

from benchmarks.conftest import Versus
from tseng.engine import Engine
from tseng.formats import FORMATS


def _ours(engine: Engine) -> bytes:
    return b"".join(FORMATS["json"].encode(engine.stream("/a/sensor", "tilt_x", "deg")))


def _rival(engine: Engine, dumps: Callable[[object], bytes | str]) -> bytes | str:
    series = engine.get_data("/a/sensor", "tilt_x", "deg")
    texts = np.char.add(np.datetime_as_string(series.time, unit="ms"), "Z").tolist()
    data = dict(zip(texts, series.value.tolist(), strict=True))
    return dumps({"sensor": series.sensor, "metric": series.metric, "unit": series.unit, "data": data})


def test_json_against_orjson(versus: Versus, long_series: Engine) -> None:
    """At least three times as fast as a dict through orjson."""
    assert json.loads(_ours(long_series)) == json.loads(_rival(long_series, orjson.dumps))
    versus("dict + orjson", lambda: _ours(long_series), lambda: _rival(long_series, orjson.dumps), bound=1 / 3)


@pytest.mark.benchmark(min_rounds=3)
def test_json_against_the_standard_library(versus: Versus, long_series: Engine) -> None:
    """At least eight times as fast as a dict through json.dumps."""
    versus("dict + json.dumps", lambda: _ours(long_series), lambda: _rival(long_series, json.dumps), bound=1 / 8)
