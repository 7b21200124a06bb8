"""Two piezometers and their barometers (Utah Geological Survey, MIT): import, compensation, ft and m."""

from collections.abc import Iterator

import numpy as np
import pytest
from tests.reference import reference
from tests.tseng.facts import CLOSE, at, check_span, check_values, facts, gaps

from tseng.engine import Engine
from tseng.importers.files import import_file
from tseng.importers.options import ImportOptions, column_map

FOLDER = "piezo_baro_snake_valley"
BAROMETERS = ("pw03", "pw10", "pw19")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Wells as absolute loggers with pw03 as their barometer, once more as generic sensors, and all barometers."""
    folder = reference("data", FOLDER)
    with Engine.open(tmp_path_factory.mktemp("levels") / "store") as engine:
        for well in ("ag13a", "ag13c"):
            file = folder / f"{well}_2016-08-02.xle"
            props = {"BARO_SENSOR": "/baro/pw03"}
            import_file(engine, file, ImportOptions(sensor=f"/{well}", create="WATER_LEVEL_ABS", props=props))
            import_file(engine, file, ImportOptions(create="GENERIC_SENSOR_SDE"))
        for name in BAROMETERS:
            options = ImportOptions(
                sensor=f"/baro/{name}", create="BAROMETER", time_column="DateTime",
                columns=(column_map(f"{name}=P:ftH2O"),),
            )  # fmt: skip
            import_file(engine, folder / "baro.csv.gz", options)
        whole = ImportOptions(sensor="/baro/all", create="GENERIC_SENSOR_SDE", time_column="DateTime")
        import_file(engine, folder / "baro.csv.gz", whole)
        yield engine


@pytest.mark.parametrize("well", ["ag13a", "ag13c"])
def test_header_of_the_logger(store: Engine, well: str) -> None:
    """Serial number, model, type, channels with their units and the number of readings are those of the file."""
    header = facts("piezo_baro")[well]["header"]
    [sensor] = store.entities("sensor", [f"/solinst/{header['serial']}/sensor"])
    said = sensor.custom_props
    assert [said[key] for key in ("Serial_number", "Model_number", "Instrument_type", "Num_log")] == [
        header["serial"],
        header["model"],
        header["type"],
        str(header["num_log_header"]),
    ]
    level, temperature = store.raw_metrics(sensor.id)
    assert [level.id, level.stored_unit] == header["ch1"]
    assert [temperature.id, f"°{temperature.stored_unit}"] == header["ch2"]


@pytest.mark.parametrize("well", ["ag13a", "ag13c"])
def test_readings_as_recorded(store: Engine, well: str) -> None:
    """A generic sensor gives back the level in ft and the temperature in C, reading for reading."""
    figures = facts("piezo_baro")[well]
    sensor = f"/solinst/{figures['header']['serial']}/sensor"
    level = store.get_data(sensor, "LEVEL", "ft")
    check_span(level, figures)
    assert [level.value.min(), level.value.max()] == [figures["level_ft"]["min"], figures["level_ft"]["max"]]
    check_values(level.value, figures["level_ft"])
    check_values(store.get_data(sensor, "TEMPERATURE", "C").value, figures["temp_degC"])


@pytest.mark.parametrize("well", ["ag13a", "ag13c"])
def test_level_as_pressure(store: Engine, well: str) -> None:
    """An absolute logger's level is stored as the pressure of that many feet of water."""
    figures = facts("piezo_baro")[well]
    check_values(store.get_data(f"/{well}", "P_raw", "ftH2O").value, figures["level_ft"])
    check_values(store.get_data(f"/{well}", "P_raw", "Pa").value / 2989.06692, figures["level_ft"])
    check_values(store.get_data(f"/{well}", "T", "C").value, figures["temp_degC"])


@pytest.mark.parametrize("well", ["ag13a", "ag13c"])
@pytest.mark.parametrize("unit", ["ft", "m"])
def test_level_compensated_with_the_barometer(store: Engine, well: str, unit: str) -> None:
    """Head is level less pw03 at every stamp: all of them match."""
    figures = facts("piezo_baro")[well]
    head = store.get_data(f"/{well}", "head", unit)
    check_span(head, figures)
    assert len(head.time) == figures["matched_baro"]
    check_values(head.value, figures[f"level_minus_pw03_{unit}"])
    if unit == "ft":
        assert head.value[[0, -1]].tolist() == pytest.approx(figures["first_last"], rel=CLOSE)


@pytest.mark.parametrize("name", BAROMETERS)
def test_barometers(store: Engine, name: str) -> None:
    """Seven years of hourly air pressure with their one gap."""
    figures = facts("piezo_baro")["baro"]
    pressure = store.get_data(f"/baro/{name}", "P", "ftH2O")
    check_span(pressure, figures)
    check_values(pressure.value, figures[f"{name}_ft"])
    assert gaps(pressure, 1) == figures["gaps"]
    if name == "pw03":
        assert at(pressure, ["2016-05-03 10:00:00"]) == pytest.approx([figures["pw03_at_2016_05_03_10"]], rel=CLOSE)


def test_every_column_of_the_barometer_file(store: Engine) -> None:
    """Imported whole, no cell is missing and the column `integr` is 0 throughout."""
    figures = facts("piezo_baro")["baro"]
    columns = {name: store.get_data("/baro/all", name, "GENERIC").value for name in (*BAROMETERS, "integr")}
    assert {len(values) for values in columns.values()} == {figures["rows"]}
    assert np.count_nonzero(columns["integr"]) == figures["integr_nonzero"]
    for name in BAROMETERS:
        check_values(columns[name], figures[f"{name}_ft"])
