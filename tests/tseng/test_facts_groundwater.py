"""Dutch groundwater heads, rain, river stage and a tidal well (pastas, MIT)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests.reference import reference
from tests.tseng.facts import CLOSE, check_span, check_values, facts, gaps, text

from tseng.engine import Engine
from tseng.importers.files import import_file
from tseng.importers.options import ImportOptions

# file, its time column, its value column, the unit it reads as
FILES = (
    ("nb5_head", "Date", "Head", "m"),
    ("nb5_prec", "Date", "Prec", "m_d"),
    ("nb5_riv", "Date", "River", "m"),
    ("PB_1_001", "index", "PB_1_001_04P001442_F-2224", "m"),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One generic sensor per file, in the unit the values read as."""
    with Engine.open(tmp_path_factory.mktemp("groundwater") / "store") as engine:
        for name, time, _, unit in FILES:
            options = ImportOptions(sensor=f"/{name}", unit=unit, create="GENERIC_SENSOR_SDE", time_column=time)
            import_file(engine, reference("data", "groundwater", f"{name}.csv.gz"), options)
        yield engine


@pytest.mark.parametrize(("name", "time", "column", "unit"), FILES)
def test_series(store: Engine, name: str, time: str, column: str, unit: str) -> None:
    """Count, span, steps, extremes, mean, ends and longest gaps of each file; nothing is missing."""
    figures = facts("groundwater")[name]
    assert figures["header"] == [time, column]
    series = store.get_data(f"/{name}", column, unit)
    check_span(series, figures)
    assert len(series.value) + figures["missing"] == figures["rows"]
    check_values(series.value, figures["value"])
    assert series.value[[0, -1]].tolist() == [figures["first_value"], figures["last_value"]]
    assert gaps(series, len(figures["gaps_top5"])) == figures["gaps_top5"]
    if "sum" in figures:
        assert series.value.sum() == pytest.approx(figures["sum"], rel=CLOSE)


def test_heads_change_their_interval(store: Engine) -> None:
    """The first three-hourly and the first daily step of the heads end where the figures say."""
    figures = facts("groundwater")["nb5_head"]
    series = store.get_data("/nb5_head", "Head", "m")
    step = np.diff(series.time).astype(np.int64) // 1_000_000
    ends = text(series.time[1:])
    assert ends[int(np.argmax(step == 10_800))] == figures["first_3h"]
    assert ends[int(np.argmax(step == 86_400))] == figures["first_daily"]


def test_tidal_well_and_the_clock(store: Engine) -> None:
    """Taken as written, 02:00 is missing on three March Sundays and ten-minute readings start when the figures say."""
    figures = facts("groundwater")["PB_1_001"]
    series = store.get_data("/PB_1_001", FILES[3][2], "m")
    stamps = text(series.time)
    pairs = dict(pairwise(stamps))
    assert [pairs[start] for start, _, _ in figures["march_missing_02h"]] == [
        end for _, end, _ in figures["march_missing_02h"]
    ]
    step = np.diff(series.time).astype(np.int64) // 1_000_000
    assert stamps[1 + int(np.argmax(step == 600))] == figures["first_10min"]


def test_tidal_well_on_the_amsterdam_clock(store: Engine) -> None:
    """Read as Amsterdam time, every stamp that is no single instant is a bad row and all others are that instant."""
    where = ZoneInfo("Europe/Amsterdam")
    stamps = text(store.get_data("/PB_1_001", FILES[3][2], "m").time)
    walls = [datetime.fromisoformat(stamp) for stamp in stamps]
    instants = [{wall.replace(tzinfo=where, fold=fold).astimezone(UTC) for fold in (0, 1)} for wall in walls]
    single = [
        (next(iter(found)).replace(tzinfo=None), line)
        for line, found in enumerate(instants, start=2)
        if len(found) == 1
    ]
    options = ImportOptions(
        sensor="/local",
        metric="head",
        unit="m",
        tz="Europe/Amsterdam",
        create="GENERIC_SENSOR_SDE",
        time_column="index",
    )
    report = import_file(store, reference("data", "groundwater", "PB_1_001.csv.gz"), options)
    good = {line for _, line in single}
    assert [row.line for row in report.bad_rows] == [line for line in range(2, len(walls) + 2) if line not in good]
    series = store.get_data("/local", "head", "m")
    assert series.time.tolist() == [instant for instant, _ in single]
