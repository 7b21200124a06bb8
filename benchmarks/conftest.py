"""The measured data set, and the pairing of ours with a rival in one run.

The data set: 1,000 sensors with ids of 52 characters, three metrics each, 2,000 ten-minute steps, values of three
decimals: 6 M values. `BENCH_SHORT=1` takes a tenth of the sensors, to see that everything still runs.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pytest

from tseng.engine import Engine

SHORT = bool(os.environ.get("BENCH_SHORT"))
SENSORS, METRICS, STEPS = (100 if SHORT else 1000), ("tilt_x", "tilt_y", "T"), 2000
POINTS = 100_000 if SHORT else 1_000_000
START = np.datetime64("2024-01-01T00:00:00", "us").astype(np.int64)
TEN_MINUTES = 600_000_000

Action = Callable[[], object]


class Versus(Protocol):
    """Time ours against a rival, round by round, and keep the ratio."""

    def __call__(self, rival: str, ours: Action, theirs: Action, *, bound: float, rounds: int = 7) -> None: ...


@pytest.fixture
def versus(benchmark: Any) -> Versus:
    """Run the rival before each round of ours, so that both see the same machine at the same moment."""

    def compare(rival: str, ours: Action, theirs: Action, *, bound: float, rounds: int = 7) -> None:
        rival_seconds: list[float] = []

        def first_the_rival() -> None:
            begun = time.perf_counter()
            theirs()
            rival_seconds.append(time.perf_counter() - begun)

        benchmark.pedantic(ours, setup=first_the_rival, rounds=3 if SHORT else rounds, warmup_rounds=1)
        own = benchmark.stats.stats.data
        paired = rival_seconds[-len(own) :]
        ratio = statistics.median(mine / other for mine, other in zip(own, paired, strict=True))
        benchmark.extra_info.update(
            rival=rival, rival_ms=statistics.median(paired) * 1e3, ratio=ratio, bound=bound, short=SHORT
        )
        print(f"\n{benchmark.name}: {ratio:.2f} x {rival} (bound {bound:g})")

    return compare


def sensor_ids(count: int) -> list[str]:
    """Ids of 52 characters, sorted."""
    return [f"/fn/6C4F6D/node/logger/{number:06}/device/tilt4567/sensor" for number in range(count)]


@pytest.fixture(scope="session")
def presorted() -> pa.Table:
    """The data set as columns sensor, metric (dictionary), time (UTC), value; sorted by sensor, metric, time."""
    series = SENSORS * len(METRICS)
    time_ = np.tile(START + np.arange(STEPS) * TEN_MINUTES, series)
    value = np.round(np.random.default_rng(1).normal(0, 1, series * STEPS).cumsum() / 100 % 90, 3)
    sensor = pa.DictionaryArray.from_arrays(
        np.repeat(np.arange(SENSORS, dtype=np.int32), len(METRICS) * STEPS), sensor_ids(SENSORS)
    )
    names = sorted(METRICS)
    metric = pa.DictionaryArray.from_arrays(np.tile(np.repeat(np.arange(3, dtype=np.int32), STEPS), SENSORS), names)
    stamps = pa.array(time_).view(pa.timestamp("us", "UTC"))
    return pa.table({"sensor": sensor, "metric": metric, "time": stamps, "value": pa.array(value)})


@pytest.fixture(scope="session")
def loaded(presorted: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that holds the data set."""
    with Engine.open(tmp_path_factory.mktemp("loaded") / "store") as engine:
        _create(engine, sensor_ids(SENSORS))
        engine.upload_table(presorted)
        yield engine


@pytest.fixture(scope="session")
def long_series(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that holds one tiltmeter with `POINTS` points of tilt_x, tilt_y and T."""
    rng = np.random.default_rng(2)
    stamps = pa.array(START + np.arange(POINTS) * TEN_MINUTES).view(pa.timestamp("us", "UTC"))
    with Engine.open(tmp_path_factory.mktemp("long") / "store") as engine:
        _create(engine, ["/a/sensor"])
        for metric in METRICS:
            value = np.round(rng.normal(0, 0.001, POINTS).cumsum() % 10, 5)
            columns = {"sensor": ["/a/sensor"] * POINTS, "metric": [metric] * POINTS, "time": stamps, "value": value}
            engine.upload_table(pa.table(columns))
        yield engine


def _create(engine: Engine, sensors: list[str]) -> None:
    for sensor in sensors:
        engine.create_entity("sensor", sensor, "TILT_BIAXIAL", {"GAUGE_LENGTH": 2.0})


def parquet_files(engine: Engine) -> list[str]:
    """Parquet files of an engine's store."""
    return [str(path) for path in sorted(Path(engine.settings.data).rglob("*.parquet"))]
