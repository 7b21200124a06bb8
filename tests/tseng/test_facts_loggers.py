"""A Campbell station on ice (PROMICE/GEUS: Fausto et al., ESSD 13, 3819, 2021) and AGS4 monitoring (BGS, OGL v3.0).

Contains public sector information licensed under the Open Government Licence v3.0.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.reference import reference
from tests.tseng.facts import at, check_span, check_values, facts, text
from tests.tseng.parsing import parse

from tseng.engine import Engine
from tseng.importers.files import import_file
from tseng.importers.options import ImportOptions
from tseng.importers.report import ImportReport

STATION = "/toa5/CR1000_kpc_u/SlimTableMem/sensor"
AS_WRITTEN = "/station/with/sentinels"
NEW = ImportOptions(create="GENERIC_SENSOR_SDE")
Stores = tuple[Engine, ImportReport, ImportReport]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Both files imported with nothing said but "create"; the station once more with its sentinels as numbers."""
    station = reference("data", "campbell_toa5", "kpc_u_SlimTableMem.dat")
    with Engine.open(tmp_path_factory.mktemp("loggers") / "store") as engine:
        toa5 = import_file(engine, station, NEW)
        import_file(engine, station, ImportOptions(sensor=AS_WRITTEN, create="GENERIC_SENSOR_SDE", sentinel=()))
        ags4 = import_file(engine, reference("data", "ags4_monitoring", "PC187073v1.ags"), NEW)
        yield engine, toa5, ags4


def _columns() -> Any:
    return facts("toa5")["stats"]


def test_station_header(stores: Stores) -> None:
    """The environment line and the process of each column stay with the sensor."""
    engine, report, _ = stores
    figures = facts("toa5")
    [sensor] = engine.entities("sensor", [STATION])
    said = dict(sensor.custom_props)
    process = said.pop("process")
    assert list(said.values()) == figures["env"]
    counted = Counter(process.values())
    assert {word: count for word, count in figures["process"].items() if word} == dict(counted)
    assert f"records {figures['record'][0]} to {figures['record'][1]} without a break" in report.notes
    assert report.rows == figures["rows"]


def test_station_metrics_and_units(stores: Stores) -> None:
    """Each column with numbers is a metric in the header's unit, C being Celsius; text columns are none."""
    engine, _, _ = stores
    spelled = {"C": "C", "%": "%", "m/s": "m_s", "Deg": "deg", "": "GENERIC"}
    want = {
        name: spelled.get(column["unit"], column["unit"]) for name, column in _columns().items() if column["numeric"]
    }
    assert {each.id: each.stored_unit for each in engine.raw_metrics(STATION)} == want
    temperature = next(each for each in engine.raw_metrics(STATION) if each.id == "Temperature_Avg")
    assert temperature.dimension == "temperature"
    figures = facts("toa5")
    header = Counter(column["unit"] for column in _columns().values())
    assert header == Counter({unit: count for unit, count in figures["units"].items() if unit not in ("TS", "RN")})
    assert len(_columns()) + 2 == figures["columns"]


def test_station_columns(stores: Stores) -> None:
    """Count, extremes and mean of all 37 numeric columns, sentinels left as the numbers they are."""
    engine, _, _ = stores
    units = {each.id: each.stored_unit or "" for each in engine.raw_metrics(AS_WRITTEN)}
    for name, column in _columns().items():
        if column["numeric"]:
            series = engine.get_data(AS_WRITTEN, name, units[name])
            check_span(series, facts("toa5"))
            check_values(series.value, column | {"n": column["numeric"]})


def test_station_sentinels(stores: Stores) -> None:
    """By default -999 is missing: twelve hours of one ice thermometer, counted in the report, gone from the series."""
    engine, report, _ = stores
    figures = facts("toa5")
    series = engine.get_data(STATION, "TemperatureIce3m_Avg", "C")
    check_values(series.value, figures["ice3m_without"])
    gone = set(text(engine.get_data(AS_WRITTEN, "TemperatureIce3m_Avg", "C").time)) - set(text(series.time))
    assert sorted(gone) == figures["ice3m_sentinels"]
    assert f"{len(gone)} sentinel values in TemperatureIce3m_Avg taken as missing" in report.notes


def test_ice_melts_out(stores: Stores) -> None:
    """Some ice thermometer shows each of the jumps of late June and July."""
    engine, _, _ = stores
    depths = [name for name in _columns() if name.startswith("TemperatureIce")]
    series = {name: engine.get_data(STATION, name, "C") for name in depths}
    jumps = facts("toa5")["ice_jump"]
    wanted = [float(value) for _, value in jumps]
    assert any(at(each, [stamp for stamp, _ in jumps]) == wanted for each in series.values())


def test_ags4_series(stores: Stores) -> None:
    """339 readings in 30 series at four installations; the three DRY ones are named by line and kept out."""
    engine, _, report = stores
    figures = facts("ags4")
    assert report.rows == figures["mond"]
    assert len(report.sensors_created) == figures["mong"]
    assert Counter(row.seen for row in report.bad_rows) == Counter(figures["non_numeric"])
    assert report.stored == figures["mond"] - sum(figures["non_numeric"].values())
    metrics = [metric for sensor in report.sensors_created for metric in engine.raw_metrics(sensor)]
    assert len(metrics) == figures["series"]


def test_ags4_by_type(stores: Stores) -> None:
    """Count, extremes and mean of each reading type over all installations, in the unit recorded."""
    engine, _, report = stores
    spelled = {"mBars": "mbar", "DegC": "C"}
    for metric, figures in facts("ags4")["by_type"].items():
        [unit] = figures["unit"]
        offered = [(s, each) for s in report.sensors_created for each in engine.raw_metrics(s) if each.id == metric]
        assert {each.stored_unit for _, each in offered} == {spelled.get(unit, unit)}
        values = [engine.get_data(sensor, metric, spelled.get(unit, unit)).value for sensor, _ in offered]
        check_values(np.concatenate(values), figures)


def test_ags4_times(stores: Stores) -> None:
    """Gas readings carry the elapsed time as a clock time after midnight; all 27 distinct times are there."""
    engine, _, report = stores
    times = {
        stamp
        for sensor in report.sensors_created
        for metric in engine.raw_metrics(sensor)
        for stamp in text(engine.get_data(sensor, metric.id, metric.default_unit).time)
    }
    assert sorted(times) == [stamp.replace("T", " ") for stamp in facts("ags4")["distinct_times"]]


def test_ags4_depth_to_water(stores: Stores) -> None:
    """Six visits to each borehole; a dry hole gives no reading."""
    engine, _, _ = stores
    for hole in ("BH01", "BH02"):
        want = [row[1:] for row in facts("ags4")["wdep"] if row[0] == hole and row[2] != "DRY"]
        series = engine.get_data(f"/ags/{hole}/P1/3.00/sensor", "WDEP", "m")
        assert text(series.time) == [stamp.replace("T", " ") for stamp, _ in want]
        assert series.value.tolist() == [float(value) for _, value in want]


def test_ags4_gas_readings_as_written() -> None:
    """The odd rows of the file come out of the parser as they stand in it."""
    readings, _ = parse(reference("data", "ags4_monitoring", "PC187073v1.ags"))
    for row in facts("ags4")["odd"]:
        sensor = f"/ags/{row['LOCA_ID']}/{row['MONG_ID']}/{row['MONG_DIS']}/sensor"
        stamp = row["MOND_DTIM"].replace("T", " ") + ".000000"
        assert (sensor, row["MOND_TYPE"], row["MOND_UNIT"], stamp, float(row["MOND_RDNG"])) in readings
