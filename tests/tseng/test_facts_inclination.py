"""Inclination of a bridge at 100 Hz (imcs-compsim, MIT): a zip, odd headers, milliradians, one-second buckets."""

from collections.abc import Iterator

import numpy as np
import pytest
from tests.reference import reference
from tests.tseng.facts import CLOSE, check_span, check_values, facts

from tseng.engine import Engine
from tseng.importers.files import import_file
from tseng.importers.options import ImportOptions, column_map

RAW, FILTERED = "/bridge/inc-01", "/bridge/inc-01/filtered"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The raw and the filtered column as the tilt of one sensor each; their unit stands in the header."""
    file = reference("data", "bridge_inclination_100hz", "ReferenceStateINCAt100Hz.csv.zip")
    with Engine.open(tmp_path_factory.mktemp("bridge") / "store") as engine:
        for sensor, column in ((RAW, "INC-01 [deg]"), (FILTERED, "INC-01 Filtered [deg]")):
            options = ImportOptions(
                sensor=sensor, create="TILT_UNIAXIAL", time_column="Time (-)", columns=(column_map(f"{column}=tilt_x"),)
            )
            report = import_file(engine, file, options)
            assert report.rows == facts("inclination")["rows"]
        yield engine


def test_raw(store: Engine) -> None:
    """Span, steps of 8 to 12 ms, extremes, mean, spread and ends in degrees."""
    figures = facts("inclination")
    series = store.get_data(RAW, "tilt_x", "deg")
    check_span(series, figures)
    check_values(series.value, figures["deg"])
    assert series.value.std() == pytest.approx(figures["pstdev"], rel=CLOSE)
    assert series.value[[0, -1]].tolist() == [figures["first_value"], figures["last_value"]]


def test_milliradians(store: Engine) -> None:
    """The same in mrad."""
    check_values(store.get_data(RAW, "tilt_x", "mrad").value, facts("inclination")["mrad"])


def test_filtered(store: Engine) -> None:
    """The filtered column."""
    check_values(store.get_data(FILTERED, "tilt_x", "deg").value, facts("inclination")["filtered"])


def test_one_second_buckets(store: Engine) -> None:
    """Rolled up by second in SQL: the first and last second are not full."""
    figures = facts("inclination")
    query = (
        f"SELECT count(*) AS n FROM observations WHERE sensor = '{RAW}' GROUP BY time_bucket(INTERVAL 1 SECOND, time)"
    )
    sizes = np.array([row[0] for row in store.sql(query).fetchall()])
    assert len(sizes) == figures["one_second_buckets"]
    size, count = np.unique(sizes, return_counts=True)
    assert dict(zip(map(str, size.tolist()), count.tolist(), strict=True)) == figures["bucket_sizes"]
