"""Bulk load and the one-series read."""

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.conftest import SENSORS, Versus, parquet_files, sensor_ids
from tseng.engine import Engine


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Engine]:
    """An engine that knows the sensors and holds no observation."""
    with Engine.open(tmp_path / "store") as engine:
        for sensor in sensor_ids(SENSORS):
            engine.create_entity("sensor", sensor, "TILT_BIAXIAL")
        yield engine


def test_bulk_load(versus: Versus, presorted: pa.Table, empty: Engine, tmp_path: Path) -> None:
    """6 M presorted values, synced, against pyarrow writing the same table with the same encodings, synced."""
    target = tmp_path / "rival.parquet"

    def rival() -> None:
        pq.write_table(
            presorted,
            target,
            row_group_size=65_536,
            compression="zstd",
            use_dictionary=["sensor", "metric", "value"],
            column_encoding={"time": "DELTA_BINARY_PACKED"},
        )
        with target.open("rb") as file:
            os.fsync(file.fileno())

    versus("pyarrow write_table", lambda: empty.upload_table(presorted), rival, bound=1.5, rounds=5)


def test_one_series(versus: Versus, loaded: Engine) -> None:
    """One whole series of 2,000 out of 6 M values against DuckDB over the same files."""
    files, sensor = parquet_files(loaded), sensor_ids(SENSORS)[SENSORS // 2]
    connection = duckdb.connect()
    query = f"SELECT time, value FROM read_parquet({files!r}) WHERE sensor = ? AND metric = 'tilt_x' ORDER BY time"

    def rival() -> object:
        return connection.execute(query, [sensor]).fetchnumpy()

    def ours() -> object:
        return loaded.get_data(sensor, "tilt_x", "deg")

    assert (
        loaded.get_data(sensor, "tilt_x", "deg").value == connection.execute(query, [sensor]).fetchnumpy()["value"]
    ).all()
    versus("DuckDB read_parquet", ours, rival, bound=0.5, rounds=50)


def test_one_window(versus: Versus, loaded: Engine) -> None:
    """A window of 20 points against DuckDB over the same files."""
    files, sensor = parquet_files(loaded), sensor_ids(SENSORS)[SENSORS // 3]
    connection = duckdb.connect()
    start, end = "2024-01-05T00:00:00Z", "2024-01-05T03:10:00Z"
    query = (
        f"SELECT time, value FROM read_parquet({files!r}) WHERE sensor = ? AND metric = 'T' AND time BETWEEN ? AND ?"
    )

    def rival() -> object:
        return connection.execute(query, [sensor, start, end]).fetchnumpy()

    def ours() -> object:
        return loaded.get_data(sensor, "T", "C", start=start, end=end)

    assert len(loaded.get_data(sensor, "T", "C", start=start, end=end)) == 20
    versus("DuckDB read_parquet", ours, rival, bound=0.5, rounds=50)
