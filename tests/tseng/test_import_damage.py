"""Damaged files of every format: read as far as they go, or refused in one line; never anything else."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.tseng.parsing import parse

from tseng.demo import writers
from tseng.errors import InvalidRequest
from tseng.importers.options import ImportOptions

TIME = np.datetime64("2024-03-01T00:00:00", "us") + np.arange(5) * np.timedelta64(600, "s")
VALUES = np.array([1.5, -2.25, 3.0, np.nan, 5.125])


def _toa5(path: Path) -> None:
    units = {"BP_Avg": ("hPa", "Avg"), "T_Avg": ("C", "Avg")}
    writers.write_toa5(path, units, TIME, {"BP_Avg": VALUES, "T_Avg": VALUES})


def _xle(path: Path) -> None:
    writers.write_xle(path, "4711", "sp-1", TIME, VALUES, VALUES)


def _ags4(path: Path) -> None:
    writers.write_ags4(path, "SP-1", TIME, ["1.5", "DRY", "3.0", "", "5.125"])


def _csv(path: Path) -> None:
    writers.write_wide(path, TIME, {"a [mm]": VALUES, "b": VALUES}, 3)


def _parquet(path: Path) -> None:
    writers.write_parquet(path, [writers.long_table("/s", TIME, {"a": (VALUES, 3)})])


WRITERS = {"toa5": _toa5, "xle": _xle, "ags4": _ags4, "csv": _csv, "parquet": _parquet}
OPTIONS = ImportOptions(sensor="/s")


@pytest.mark.parametrize(("name", "readings"), [("toa5", 8), ("xle", 8), ("ags4", 3), ("csv", 8), ("parquet", 4)])
def test_what_is_damaged_below(tmp_path: Path, name: str, readings: int) -> None:
    """Whole, each of these files gives its readings."""
    WRITERS[name](tmp_path / "file")
    values = [reading[4] for reading in parse(tmp_path / "file", OPTIONS)[0]]
    assert len(values) == readings
    assert set(values) <= {1.5, -2.25, 3.0, 5.125}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    name=st.sampled_from(sorted(WRITERS)),
    start=st.floats(0, 1),
    length=st.integers(0, 40),
    put=st.binary(max_size=12),
    cut=st.one_of(st.none(), st.floats(0, 1)),
)
def test_damage(tmp_path: Path, name: str, start: float, length: int, put: bytes, cut: float | None) -> None:
    """Bytes replaced, lost or put in anywhere, or the file cut: readings and a ledger, or a refusal in one line."""
    path = tmp_path / name
    WRITERS[name](path)
    whole = path.read_bytes()
    at = int(start * len(whole))
    damaged = whole[:at] + put + whole[at + length :]
    path.write_bytes(damaged if cut is None else damaged[: int(cut * len(damaged))])
    with suppress(InvalidRequest):
        readings, ledger = parse(path, OPTIONS)
        assert all(np.isfinite(reading[4]) for reading in readings)
        assert all(row.line >= 1 for row in ledger.bad)
