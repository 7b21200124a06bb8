"""A total station on one prism (OSGeoLabBp, CC0) and a daily GNSS station (helmsman-sun, CC BY 4.0)."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.reference import reference
from tests.tseng.facts import CLOSE, at, check_span, check_values, facts

from tseng.engine import Engine
from tseng.importers.files import import_file
from tseng.importers.options import ImportOptions, column_map

PRISM = "/slope/prism"
STATION = {"STATION_E": 0, "STATION_N": 0, "STATION_H": 0}


def _with_header(folder: Path) -> Path:
    """The prism file is blank-separated without a header; as CSV it has one, and nothing else changes."""
    lines = reference("data", "displacement", "prism_polar.txt").read_text().splitlines()
    rows = [line.split() for line in lines]
    path = folder / "prism.csv"
    path.write_text("time,ha,za,sd\n" + "".join(f"{r[0]} {r[1]},{','.join(r[2:])}\n" for r in rows))
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The prism with its station at the origin; its polar position as e, n, h of a second one; the GNSS station."""
    folder = tmp_path_factory.mktemp("survey")
    with Engine.open(folder / "store") as engine:
        columns = (column_map("ha=ha:rad"), column_map("za=za:rad"), column_map("sd=sd:m"))
        options = ImportOptions(sensor=PRISM, create="PRISM_TS", props=STATION, columns=columns)
        import_file(engine, _with_header(folder), options)
        engine.create_entity("sensor", "/slope/local", "PRISM_TS")
        for metric in ("e", "n", "h"):
            polar = engine.get_data(PRISM, f"{metric}_polar", "m")
            ids = {"sensor": ["/slope/local"] * len(polar.time), "metric": [metric] * len(polar.time)}
            engine.upload_table(pa.table(ids | {"time": polar.time, "value": polar.value}))
        components = tuple(column_map(f"{name}={name}:mm") for name in ("lon", "lat", "ver"))
        gnss = reference("data", "displacement", "gnss_J089_daily.csv.gz")
        import_file(engine, gnss, ImportOptions(sensor="/J089", create="GENERIC_SENSOR_SDE", columns=components))
        yield engine


@pytest.mark.parametrize(
    ("metric", "unit", "name"),
    [
        ("ha", "rad", "hz_rad"),
        ("ha", "gon", "hz_gon"),
        ("ha", "deg", "hz_deg"),
        ("za", "rad", "v_rad"),
        ("sd", "m", "dist_m"),
    ],
)
def test_polar_readings(store: Engine, metric: str, unit: str, name: str) -> None:
    """Angles keep full double precision through the store's degrees, in every unit of angle."""
    figures = facts("prism")
    series = store.get_data(PRISM, metric, unit)
    check_span(series, figures)
    check_values(series.value, figures[name])


def test_shots_through_the_day(store: Engine) -> None:
    """The longest pause between shots, and how many there are on full days."""
    figures = facts("prism")
    time = store.get_data(PRISM, "sd", "m").time
    assert np.diff(time).astype(np.int64).max() / 1e6 == figures["max_gap_s"]
    days = [len(list(group)) for _, group in groupby(time.astype("datetime64[D]").tolist())]
    full = days[1:-1]
    assert [min(full), max(full)] == figures["rows_per_day_min_max"]


def test_polar_to_local(store: Engine) -> None:
    """East, north and up from the station, first and last shot."""
    figures = facts("prism")
    position = [store.get_data(PRISM, f"{each}_polar", "m").value for each in ("e", "n", "h")]
    assert [each[0] for each in position] == pytest.approx(figures["xyz_first_m"], rel=CLOSE)
    assert [each[-1] for each in position] == pytest.approx(figures["xyz_last_m"], rel=CLOSE)


def test_displacement_since_a_zero_date(store: Engine) -> None:
    """Deltas since the first shot: last point, largest amounts and resultant, in mm."""
    figures = facts("prism")
    params = {"ZERO_DATE": {"value": "2011-03-06T00:02:34.187Z"}}
    moved = [store.get_data("/slope/local", each, "mm", params=params).value for each in ("de", "dn", "dh")]
    # 1e-9 mm: a position of some 30 m holds no finer in double precision
    assert [each[-1] for each in moved] == pytest.approx(figures["last_minus_first_mm"], abs=1e-9)
    assert [abs(each).max() for each in moved] == pytest.approx(figures["max_abs_mm"], abs=1e-9)
    resultant = store.get_data("/slope/local", "d_enh", "mm", params=params, limit="last")
    assert resultant.value.tolist() == pytest.approx([figures["resultant_last_mm"]], abs=1e-9)


@pytest.mark.parametrize("name", ["lon", "lat", "ver"])
def test_gnss(store: Engine, name: str) -> None:
    """Twelve years of daily positions: span, extremes, mean, ends and the days around the 2011 earthquake."""
    figures = facts("gnss_J089")
    series = store.get_data("/J089", name, "mm")
    check_span(series, figures)
    check_values(series.value, {key: figures[name][key] for key in ("n", "min", "max", "mean")})
    assert series.value[[0, -1]].tolist() == [figures[name]["first"], figures[name]["last"]]
    days = [f"2011-03-{day} 00:00:00" for day in (10, 11, 12, 13)]
    assert at(series, days) == figures["step_2011_03_10_to_13"][name]
