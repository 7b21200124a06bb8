"""Deriving and converting on read, against the bare numpy expression plus the raw read."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.conftest import Versus
from tseng.engine import Engine

Arrays = tuple[NDArray[np.int64], NDArray[np.float64]]


def _raw(engine: Engine, metric: str) -> Arrays:
    return engine.store.read("default", "/a/sensor", metric)


def test_displacement_in_mm(versus: Versus, long_series: Engine) -> None:
    """Dx of 1 M points since a zero date, in mm."""

    def bare() -> Arrays:
        time, tilt = _raw(long_series, "tilt_x")
        x = np.sin(tilt * (np.pi / 180)) * 2.0
        return time, (x - x[0]) * 1000.0

    def ours() -> object:
        return long_series.get_data("/a/sensor", "dx", "mm")

    np.testing.assert_allclose(long_series.get_data("/a/sensor", "dx", "mm").value, bare()[1], rtol=1e-9, atol=1e-9)
    versus("raw read + numpy", ours, bare, bound=1.3, rounds=15)


def test_temperature_difference_in_fahrenheit(versus: Versus, long_series: Engine) -> None:
    """DT of 1 M points in F."""

    def bare() -> Arrays:
        time, value = _raw(long_series, "T")
        return time, (value - value[0]) * 1.8

    def ours() -> object:
        return long_series.get_data("/a/sensor", "dT", "F")

    versus("raw read + numpy", ours, bare, bound=1.3, rounds=15)
