"""Deriving and converting on read, against the bare numpy expression, with and without the raw read."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from benchmarks.conftest import POINTS, START, TEN_MINUTES, Versus, sensor_ids
from tseng.engine import Engine

Arrays = tuple[NDArray[np.int64], NDArray[np.float64]]
Floats = NDArray[np.float64]
SEGMENTS, SCANS = 50, POINTS // 10
LENGTHS = 0.5 + np.arange(SEGMENTS) / 100
"""m, top first."""
PIEZOMETER = {"CAL_MODEL": "LINEAR", "G": -0.0432, "R0": 8912.0, "CAL_UNIT": "kPa"}


@pytest.fixture(scope="module")
def tilts() -> Floats:
    """Tilts of an array's segments [deg], (SEGMENTS, SCANS)."""
    walk = np.random.default_rng(3).normal(0, 0.001, (SEGMENTS, SCANS)).cumsum(axis=1)
    return np.round(walk % 10, 5)


@pytest.fixture(scope="module")
def array(tilts: Floats, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that holds the array: its segments, top first, are those of `sensor_ids`."""
    ids = sensor_ids(SEGMENTS)
    with Engine.open(tmp_path_factory.mktemp("array") / "store") as engine:
        engine.create_entity("device", "string", "STRING")
        for index, (id_, length) in enumerate(zip(ids, LENGTHS.tolist(), strict=True)):
            props = {"GAUGE_LENGTH": length, "MUX_INDEX": index}
            engine.create_entity("sensor", id_, "IPI_BIAXIAL", props, parent="string")
        columns = {
            "sensor": pa.DictionaryArray.from_arrays(np.repeat(np.arange(SEGMENTS, dtype=np.int32), SCANS), ids),
            "metric": pa.array(["tilt_x"]).take(pa.array(np.zeros(tilts.size, np.int64))),
            "time": _stamps(np.tile(np.arange(SCANS), SEGMENTS)),
            "value": pa.array(tilts.ravel()),
        }
        engine.upload_table(pa.table(columns))
        yield engine


@pytest.fixture(scope="module")
def piezometer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that holds one vibrating wire piezometer with `POINTS` readings."""
    digits = np.round(9000 + np.random.default_rng(4).normal(0, 0.1, POINTS).cumsum(), 1)
    with Engine.open(tmp_path_factory.mktemp("wire") / "store") as engine:
        engine.create_entity("sensor", "/a/piezometer", "VW_PIEZOMETER", PIEZOMETER)
        columns = {"sensor": ["/a/piezometer"] * POINTS, "metric": ["digits"] * POINTS}
        engine.upload_table(pa.table({**columns, "time": _stamps(np.arange(POINTS)), "value": digits}))
        yield engine


def _stamps(steps: NDArray[np.int64]) -> pa.Array:
    return pa.array(START + steps * TEN_MINUTES).view(pa.timestamp("us", "UTC"))


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


def test_displacement_of_an_array(versus: Versus, array: Engine, tilts: Floats) -> None:
    """Dx at the head of an array of 50 segments and 100,000 scans, in mm, against arrays that are in memory already."""

    def bare() -> Floats:
        # segment by segment: faster than one expression over all of them, whose arrays leave the cache
        dx = np.zeros(SCANS)
        for tilt, length in zip(tilts, LENGTHS.tolist(), strict=True):
            x = np.sin(np.radians(tilt)) * length
            dx += x - x[0]
        return dx * 1000.0

    def ours() -> Floats:
        return array.get_data(sensor_ids(1)[0], "dx", "mm").value

    np.testing.assert_allclose(ours(), bare(), rtol=1e-9, atol=1e-9)
    versus("numpy, arrays in memory", ours, bare, bound=1.5, rounds=11)


@pytest.mark.parametrize("unit", ["psi", "mH2O"])
def test_calibrated_pressure(versus: Versus, piezometer: Engine, unit: str) -> None:
    """P_w of 1 M points from digits by a straight line, converted, against the digits themselves by the same verb."""
    kept = piezometer.store._reader._decoded.values

    def raw() -> object:
        series = piezometer.get_data("/a/piezometer", "digits", "digit")
        # What ours keeps beyond a read, the joined times of a long series, the rival has no use for: both join anew.
        kept.retain(lambda key: not (isinstance(key, tuple) and isinstance(key[0], tuple)))
        return series

    def ours() -> object:
        return piezometer.get_data("/a/piezometer", "P_w", unit)

    versus("get_data of the digits", ours, raw, bound=1.2, rounds=31)
