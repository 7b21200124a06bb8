"""Aggregates, downsampling and aligned tables on read, against pandas and plain numpy over our own raw read."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from benchmarks.conftest import SHORT, START, TEN_MINUTES, Versus
from tseng.engine import Engine
from tseng.series import Series

COLUMNS, ROWS = (20, 10_000) if SHORT else (100, 100_000)


def _raw(engine: Engine, sensor: str, metric: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    return engine.store.read("default", sensor, metric)


def _pandas(engine: Engine, sensor: str, metric: str) -> "pd.Series[float]":
    time, value = _raw(engine, sensor, metric)
    return pd.Series(value, index=pd.DatetimeIndex(time.view("datetime64[us]")).tz_localize("UTC"))


def test_hourly_mean(versus: Versus, long_series: Engine) -> None:
    """1 M points to 167,000 means."""

    def ours() -> Series:
        return long_series.get_data("/a/sensor", "T", "C", aggregate="mean", window="1h")

    def theirs() -> "pd.Series[float]":
        return _pandas(long_series, "/a/sensor", "T").resample("h").mean()

    np.testing.assert_allclose(ours().value, theirs().to_numpy(), rtol=1e-9, atol=1e-12)
    versus("raw read + pandas resample", ours, theirs, bound=0.7)


def test_daily_95th_percentile_of_a_zone(versus: Versus, long_series: Engine) -> None:
    """1 M points to days of Amsterdam."""

    def ours() -> Series:
        return long_series.get_data("/a/sensor", "T", "C", aggregate="p95", window="1d", time_zone="Europe/Amsterdam")

    def theirs() -> "pd.Series[float]":
        return _pandas(long_series, "/a/sensor", "T").tz_convert("Europe/Amsterdam").resample("D").quantile(0.95)

    np.testing.assert_allclose(ours().value, theirs().to_numpy(), rtol=1e-9, atol=1e-12)
    versus("raw read + pandas resample", ours, theirs, bound=1.0)


def test_thousand_points_of_a_chart(versus: Versus, long_series: Engine) -> None:
    """1 M points to 1,000 by M4; the rival is Largest-Triangle-Three-Buckets in numpy, a thousand steps of Python."""

    def ours() -> Series:
        return long_series.get_data("/a/sensor", "T", "C", points=1000)

    def theirs() -> NDArray[np.intp]:
        time, value = _raw(long_series, "/a/sensor", "T")
        return _lttb(time.astype(np.float64), value, 1000)

    versus("raw read + LTTB in numpy", ours, theirs, bound=1.0)


def _lttb(x: NDArray[np.float64], y: NDArray[np.float64], points: int) -> NDArray[np.intp]:
    """Steinarsson (2013): of each bucket the point that makes the largest triangle with its neighbours."""
    border = np.linspace(1, len(x) - 1, points - 1).astype(np.intp)
    chosen = [0]
    for number in range(points - 2):
        here = slice(border[number], border[number + 1])
        after = slice(border[number + 1], border[number + 2] if number + 2 < len(border) else len(x))
        x_a, y_a, x_c, y_c = x[chosen[-1]], y[chosen[-1]], x[after].mean(), y[after].mean()
        area = np.abs((x_a - x_c) * (y[here] - y_a) - (x_a - x[here]) * (y_c - y_a))
        chosen.append(int(border[number] + area.argmax()))
    return np.array([*chosen, len(x) - 1])


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, list[str]]]:
    """Sensors whose readings lie at times of their own, half of them in common with any other."""
    sensors = [f"/fleet/{number:03}/sensor" for number in range(COLUMNS)]
    rng = np.random.default_rng(4)
    with Engine.open(tmp_path_factory.mktemp("fleet") / "store") as engine:
        for sensor in sensors:
            engine.create_entity("sensor", sensor, "TEMPERATURE_SDE")
            step = np.sort(rng.choice(2 * ROWS, ROWS, replace=False))
            stamps = pa.array(START + step * TEN_MINUTES).view(pa.timestamp("us", "UTC"))
            value = np.round(rng.normal(0, 0.01, ROWS).cumsum(), 3)
            engine.upload_table(
                pa.table({"sensor": [sensor] * ROWS, "metric": ["T"] * ROWS, "time": stamps, "value": value})
            )
        yield engine, sensors


def _columns(sensors: list[str]) -> list[dict[str, str]]:
    return [{"sensor": sensor, "metric": "T", "unit": "C"} for sensor in sensors]


def test_table_of_all_times(versus: Versus, fleet: tuple[Engine, list[str]]) -> None:
    """100 series of 100,000 readings: 200,000 rows."""
    engine, sensors = fleet

    def ours() -> object:
        return engine.get_table(_columns(sensors))

    def theirs() -> pd.DataFrame:
        return pd.concat([_pandas(engine, sensor, "T") for sensor in sensors], axis=1, sort=True)

    versus("raw reads + pandas outer join", ours, theirs, bound=0.7, rounds=3)


def test_table_of_nearest_readings(versus: Versus, fleet: tuple[Engine, list[str]]) -> None:
    """The first of 100 series as the clock, the others' nearest readings within 10 minutes."""
    engine, sensors = fleet

    def ours() -> object:
        return engine.get_table(_columns(sensors), align="nearest", tolerance="10min")

    def theirs() -> pd.DataFrame:
        first, *others = (_pandas(engine, sensor, "T").to_frame(sensor) for sensor in sensors)
        joined, within = first, pd.Timedelta(minutes=10)
        for other in others:
            joined = pd.merge_asof(
                joined, other, left_index=True, right_index=True, direction="nearest", tolerance=within
            )
        return joined

    versus("raw reads + pandas merge_asof", ours, theirs, bound=1.0, rounds=3)


def test_table_of_daily_means(versus: Versus, fleet: tuple[Engine, list[str]]) -> None:
    """100 series of 100,000 readings to days."""
    engine, sensors = fleet

    def ours() -> object:
        return engine.get_table(_columns(sensors), align="window", window="1d", aggregate="mean")

    def theirs() -> pd.DataFrame:
        daily = [_pandas(engine, sensor, "T").resample("D").mean() for sensor in sensors]
        return pd.concat(daily, axis=1, sort=True)

    versus("raw reads + pandas resample", ours, theirs, bound=1.0, rounds=5)
