"""Importing through the engine: units, sensors made on the way, importing again, and what is refused."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tseng.engine import Engine
from tseng.errors import EngineError, InvalidRequest
from tseng.importers import writer
from tseng.importers.files import import_file
from tseng.importers.options import ColumnMap, ImportOptions
from tseng.importers.source import Source
from tseng.importers.targets import MissingSensor
from tseng_units.errors import IncompatibleUnit, UnknownUnit

EVERYTHING = "SELECT sensor, metric, epoch_us(time), value, epoch_us(received) FROM observations ORDER BY ALL"
GENERIC = ImportOptions(sensor="/s", create="GENERIC_SENSOR_SDE")


def write(folder: Path, text: str, name: str = "file.csv") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_values_are_stored_in_the_metrics_unit(engine: Engine, tmp_path: Path) -> None:
    """68 F is 20 C in the store, whatever the file was written in."""
    path = write(tmp_path, "time,value\n2024-03-01T00:00:00Z,68\n")
    options = ImportOptions(sensor="/t", metric="T", unit="F", create="TEMPERATURE_SDE")
    report = import_file(engine, path, options)
    assert engine.get_data("/t", "T", "C").value.tolist() == pytest.approx([20.0], abs=1e-12)
    assert (report.format, report.rows, report.stored, report.sensors_created) == ("CSV", 1, 1, ("/t",))
    assert report.notes == ()


def test_long_files_convert_each_series_by_its_own_unit(engine: Engine, tmp_path: Path) -> None:
    """Rows of one file may be in different units; each is converted to what its series is stored in."""
    for sensor in ("/a", "/b"):
        engine.create_entity("sensor", sensor, "BAROMETER")
    rows = ["/a,P,2024-03-01Z,1013.25,hPa", "/a,P,2024-03-02,101.325,kPa", "/b,T,2024-03-01,50,F", "/b,P,2024-03-01,1,"]
    import_file(engine, write(tmp_path, "\n".join(["sensor,metric,time,value,unit", *rows]).replace("Z,", ",")))
    assert engine.get_data("/a", "P", "Pa").value.tolist() == pytest.approx([101325.0, 101325.0])
    assert engine.get_data("/b", "T", "C").value.tolist() == pytest.approx([10.0])
    assert engine.get_data("/b", "P", "Pa").value.tolist() == [1.0]


def test_columns_of_a_generic_sensor_keep_their_unit(engine: Engine, tmp_path: Path) -> None:
    """Catalogue metrics in a unit of their dimension are known; others are not, and their units may be free text."""
    path = write(tmp_path, "time,T [°F],crack [mm],flow [l/hr],count,RH [%]\n2024-03-01,50,2.5,7,9,80\n")
    import_file(engine, path, GENERIC)
    [sensor] = engine.entities("sensor", ["/s"])
    assert sensor.props == {
        "KNOWN_METRICS": {"0": "T", "4": "RH"},
        "UNKNOWN_METRICS": {"1": "crack", "2": "flow", "3": "count"},
        "KNOWN_UNITS": {"0": "F", "1": "mm", "4": "pct"},
        "UNKNOWN_UNITS": {"2": "l/hr", "3": "GENERIC"},
    }
    assert engine.get_data("/s", "crack", "in").value.tolist() == pytest.approx([2.5 / 25.4])
    assert engine.get_data("/s", "RH", "one").value.tolist() == pytest.approx([0.8])
    assert engine.get_data("/s", "flow", "l/hr").value.tolist() == [7.0]
    assert engine.get_data("/s", "T", "C").value.tolist() == pytest.approx([10.0])
    assert "dT" in {metric.id for metric in engine.metrics("/s")}


def test_a_new_column_joins_a_generic_sensor(engine: Engine, tmp_path: Path) -> None:
    """A later file with another column and another unit of an old one: declared after the old, converted to it."""
    import_file(engine, write(tmp_path, "time,crack [mm]\n2024-03-01,2.5\n"), GENERIC)
    import_file(engine, write(tmp_path, "time,crack [cm],T [C]\n2024-03-02,1,20\n"), ImportOptions(sensor="/s"))
    [sensor] = engine.entities("sensor", ["/s"])
    assert (sensor.props["UNKNOWN_METRICS"], sensor.props["KNOWN_METRICS"]) == ({"0": "crack"}, {"1": "T"})
    assert engine.get_data("/s", "crack", "mm").value.tolist() == [2.5, 10.0]
    assert engine.get_data("/s", "T", "C").value.tolist() == [20.0]


def test_columns_that_a_typed_sensor_does_not_take(engine: Engine, tmp_path: Path) -> None:
    """They are left out with a remark naming what it takes; picking maps a column onto a raw metric."""
    path = write(tmp_path, "time,tiltA,T\n2024-03-01,0.5,20\n")
    options = ImportOptions(sensor="/w", create="TILT_UNIAXIAL")
    report = import_file(engine, path, options)
    assert report.stored == 1
    assert "column tiltA is left out: /w takes tilt_x, T (pick with --column)" in report.notes
    picked = ImportOptions(sensor="/w", columns=(ColumnMap("tiltA", "tilt_x", "mrad"),))
    assert import_file(engine, path, picked).stored == 1
    assert engine.get_data("/w", "tilt_x", "mrad").value.tolist() == pytest.approx([0.5])


def test_a_metric_that_the_person_named_must_fit(engine: Engine, tmp_path: Path) -> None:
    """A metric named by an option that the sensor does not take is refused with those it takes."""
    engine.create_entity("sensor", "/w", "TILT_UNIAXIAL")
    path = write(tmp_path, "time,value\n2024-03-01,0.5\n")
    with pytest.raises(InvalidRequest, match="no raw metric 'tiltx'; /w takes tilt_x, T"):
        import_file(engine, path, ImportOptions(sensor="/w", metric="tiltx"))


def test_readings_that_no_sensor_takes(engine: Engine, tmp_path: Path) -> None:
    """In a long file they are counted and remarked; a file of nothing else is refused."""
    engine.create_entity("sensor", "/w", "TILT_UNIAXIAL")
    text = "sensor,metric,time,value\n/w,load,2024-03-01,1\n"
    with pytest.raises(InvalidRequest, match=r"nothing in file\.csv can be stored: column load is left out"):
        import_file(engine, write(tmp_path, text))
    report = import_file(engine, write(tmp_path, text + "/w,T,2024-03-01,20\n"))
    assert (report.stored, report.left_out) == (1, 1)
    assert "1 readings left out, since their sensors do not take them" in report.notes


def test_a_unit_that_is_not_said_is_remarked(engine: Engine, tmp_path: Path) -> None:
    """Values without a unit are taken in the stored one, and times without a zone as UTC; the report says both."""
    report = import_file(
        engine, write(tmp_path, "time,T\n2024-03-01,20\n"), ImportOptions(sensor="/t", create="TEMPERATURE_SDE")
    )
    assert report.notes == (
        "times carry no zone: taken as UTC (say otherwise with --tz)",
        "no unit stated, taken as stored: T C (say otherwise with --unit)",
    )


def test_a_missing_sensor_is_refused_with_how_to_make_it(engine: Engine, tmp_path: Path) -> None:
    """Without --create nothing is made and nothing stored."""
    path = write(tmp_path, "time,value\n2024-03-01,1\n")
    with pytest.raises(MissingSensor, match=r"no sensor '/s'.*--create TYPE") as refused:
        import_file(engine, path, ImportOptions(sensor="/s", metric="T"))
    assert refused.value.category == "UNKNOWN_SENSOR"
    assert engine.entities("sensor") == []


@pytest.mark.parametrize(("unit", "error"), [("kPa", IncompatibleUnit), ("parsec", UnknownUnit)])
def test_units_that_do_not_convert_are_refused(
    engine: Engine, tmp_path: Path, unit: str, error: type[Exception]
) -> None:
    """A temperature in kPa, or in a unit nobody knows, is refused; nothing is stored."""
    engine.create_entity("sensor", "/t", "TEMPERATURE_SDE")
    path = write(tmp_path, "time,value\n2024-03-01,1\n")
    with pytest.raises(error):
        import_file(engine, path, ImportOptions(sensor="/t", metric="T", unit=unit))
    assert engine.get_data("/t", "T", "C").value.tolist() == []


@pytest.mark.parametrize(
    ("text", "options", "error"),
    [
        ("time,T\n2024-03-01,1\n", ImportOptions(sensor="/n", create="TEMPERATURE_SDE", unit="mm"), IncompatibleUnit),
        ("time,T [C],P [mm]\n2024-03-01,1,2\n", ImportOptions(sensor="/n", create="BAROMETER"), IncompatibleUnit),
        ("time,value\n2024-03-01,1\n", ImportOptions(sensor="/n", create="BAROMETER", metric="e"), InvalidRequest),
        ("time,new [mm],flow [mm]\n2024-03-01,1,2\n", ImportOptions(sensor="/g"), InvalidRequest),
        (
            "sensor,metric,time,value,unit\n/n,T,2024-03-01,1,C\n/m,T,2024-03-01,1,mm\n",
            ImportOptions(create="TEMPERATURE_SDE"),
            IncompatibleUnit,
        ),
    ],
)
def test_what_is_refused_leaves_nothing(
    engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    options: ImportOptions,
    error: type[Exception],
) -> None:
    """Units and metrics are checked, of a whole piece of the file, before a sensor is made, changed or given data."""
    import_file(engine, write(tmp_path, "time,flow [l/hr]\n2024-03-01,1\n"), ImportOptions(sensor="/g", create="G"))
    before = engine.entities("sensor")
    stored = engine.sql(EVERYTHING).fetchall()
    monkeypatch.setattr(writer, "CHUNK", 1)
    with pytest.raises(error):
        import_file(engine, write(tmp_path, text), options)
    assert engine.entities("sensor") == before
    assert engine.sql(EVERYTHING).fetchall() == stored


def test_a_fault_far_into_a_file_keeps_what_is_stored(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces written before a unit that does not convert stay; the file, put right, completes them."""
    monkeypatch.setattr(writer, "CHUNK", 2)
    blocks = Source.blocks
    monkeypatch.setattr(Source, "blocks", lambda self: blocks(self, 64))
    rows = [f"/t,T,2024-03-01T00:00:{second:02}Z,{second},C" for second in range(9)]
    text = "\n".join(["sensor,metric,time,value,unit", *rows, "/t,T,2024-03-02,9,mm"])
    options = ImportOptions(create="TEMPERATURE_SDE")
    with pytest.raises(IncompatibleUnit) as refused:
        import_file(engine, write(tmp_path, text), options)
    stored = len(engine.get_data("/t", "T", "C").value)
    assert 0 < stored < 10
    assert refused.value.__notes__ == [f"{stored} observations before it are stored; importing again is safe"]
    report = import_file(engine, write(tmp_path, text.replace(",mm", ",C")), options)
    assert (report.stored, report.unchanged) == (10 - stored, stored)


def test_sensors_without_readings_are_not_made(engine: Engine, tmp_path: Path) -> None:
    """A sensor none of whose columns it would take is not made; the others of the file are."""
    text = "sensor,metric,time,value\n/a,load,2024-03-01,1\n/b,T,2024-03-01,20\n"
    report = import_file(engine, write(tmp_path, text), ImportOptions(create="TEMPERATURE_SDE"))
    assert (report.sensors, report.sensors_created, report.left_out) == (("/b",), ("/b",), 1)
    assert [sensor.id for sensor in engine.entities("sensor")] == ["/b"]


def test_a_sensor_that_changes_meanwhile(engine: Engine, tmp_path: Path) -> None:
    """Columns that somebody else declares between the check and the write are not overwritten: the file is refused."""
    import_file(engine, write(tmp_path, "time,a\n2024-03-01,1\n"), GENERIC)
    path = write(tmp_path, "time,b [mm]\n2024-03-01,1\n")

    def meddle(done: int, total: int) -> None:
        [sensor] = engine.entities("sensor", ["/s"])
        if "1" not in sensor.props["UNKNOWN_METRICS"]:
            engine.update_entity("sensor", "/s", {"UNKNOWN_METRICS": {"0": "a", "1": "b"}, "KNOWN_UNITS": {"1": "m"}})

    with pytest.raises(InvalidRequest, match="/s was changed meanwhile; import the file again"):
        import_file(engine, path, GENERIC, meddle)
    import_file(engine, path, GENERIC)
    assert engine.get_data("/s", "b", "m").value.tolist() == [0.001]


def test_free_text_units_convert_to_nothing(engine: Engine, tmp_path: Path) -> None:
    """A series stored in free text takes that text and no other unit."""
    import_file(engine, write(tmp_path, "time,flow [l/hr]\n2024-03-01,1\n"), GENERIC)
    with pytest.raises(InvalidRequest, match="'l/hr', to which nothing converts"):
        import_file(engine, write(tmp_path, "time,flow [mm]\n2024-03-01,1\n"), GENERIC)


def test_importing_again_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    """The same file again writes nothing, even where it has two values for one time; a changed cell goes in alone."""
    text = "time,a,b\n2024-03-01,1,2\n2024-03-02,3,4\n2024-03-01,5,6\n"
    path = write(tmp_path, text)
    first = import_file(engine, path, GENERIC)
    assert (first.stored, first.unchanged) == (6, 0)
    before = engine.sql(EVERYTHING).fetchall()
    again = import_file(engine, path, GENERIC)
    assert (again.stored, again.unchanged, again.sensors_created) == (0, 6, ())
    assert engine.sql(EVERYTHING).fetchall() == before
    report = import_file(engine, write(tmp_path, text.replace("5,6", "5,7")), GENERIC)
    assert report.stored == 1
    assert engine.get_data("/s", "a", "GENERIC").value.tolist() == [5.0, 3.0]
    assert engine.get_data("/s", "b", "GENERIC").value.tolist() == [7.0, 4.0]


def test_chunks_do_not_show(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written in pieces of a few rows, a file leaves what it leaves in one piece: the last of equal times wins."""
    monkeypatch.setattr(writer, "CHUNK", 3)
    hours = np.arange(40) % 25
    stamps = [f"2024-03-0{1 + hour // 24} {hour % 24:02}:00:00" for hour in hours.tolist()]
    table = pa.table({"time": stamps, "value": np.arange(40.0)})
    pq.write_table(table, tmp_path / "file.parquet", row_group_size=7)
    monkeypatch.setattr("tseng.importers.parquetfile._ROWS", 5)
    options = ImportOptions(sensor="/s", metric="a", create="GENERIC_SENSOR_SDE")
    assert import_file(engine, tmp_path / "file.parquet", options).stored == 40
    want = [*range(25, 40), *range(15, 25)]
    assert engine.get_data("/s", "a", "GENERIC").value.tolist() == want
    again = import_file(engine, tmp_path / "file.parquet", options)
    assert engine.get_data("/s", "a", "GENERIC").value.tolist() == want
    assert again.stored + again.unchanged == 40


def test_bad_rows_stay_out_and_good_ones_go_in(engine: Engine, tmp_path: Path) -> None:
    """The report names bad rows in the order of their lines."""
    path = write(tmp_path, "time,a\n2024-03-01,x\nnever,2\n2024-03-03,3\n")
    report = import_file(engine, path, ImportOptions(sensor="/s", columns=(ColumnMap("a", "a"),), create="G"))
    assert [str(row) for row in report.bad_rows] == [
        "line 2: 'x' in column a is not a number",
        "line 3: 'never' is not a time",
    ]
    assert (report.bad_count, report.stored) == (2, 1)


def test_progress_ends_at_the_size_of_the_file(engine: Engine, tmp_path: Path) -> None:
    """Progress never falls and ends at (size, size)."""
    path = write(tmp_path, "time,a,b\n2024-03-01,1,2\n")
    told: list[tuple[int, int]] = []
    import_file(engine, path, GENERIC, lambda done, total: told.append((done, total)))
    assert told[-1] == (path.stat().st_size,) * 2
    assert told == sorted(told)


def test_another_project(engine: Engine, tmp_path: Path) -> None:
    """Sensors are made and filled in the project named."""
    project = engine.create_project("tunnel").id
    path = write(tmp_path, "time,value\n2024-03-01,1\n")
    options = ImportOptions(sensor="/s", metric="T", unit="C", create="TEMPERATURE_SDE", project=project)
    import_file(engine, path, options)
    assert engine.get_data("/s", "T", "C", project=project).value.tolist() == [1.0]
    assert engine.entities("sensor", ["/s"]) == []


@pytest.mark.parametrize("name", ["absent.csv", "."])
def test_files_that_cannot_be_opened(engine: Engine, tmp_path: Path, name: str) -> None:
    """A file that is not there, or a folder, is refused by name."""
    with pytest.raises(EngineError, match=r"absent\.csv|directory"):
        import_file(engine, tmp_path / name, GENERIC)
