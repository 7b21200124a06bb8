"""The engine's verbs, through the door that Python users take. Expected values: domain sections 1 to 3, by hand."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import tseng
from tseng.engine import Engine
from tseng.errors import Exists, InvalidRequest, InvalidTimeRange, NotFound, UnknownSensor
from tseng.settings import Settings
from tseng_units.errors import IncompatibleUnit, InvalidParam, NoZeroReading, UnknownMetric, UnknownUnit

SENSOR = "/site/t1/sensor"
ROWS = [
    {"sensorId": SENSOR, "timestamp": "2024-03-01T00:00:00.000Z", "values": {"T": 10.0}},
    {"sensorId": SENSOR, "timestamp": "2024-03-01T01:00:00.000Z", "values": {"T": 11.5}},
    {"sensorId": SENSOR, "timestamp": "2024-03-01T02:00:00.000Z", "values": {"T": 9.25}},
]


@pytest.fixture
def site(engine: Engine) -> Engine:
    """An engine with one thermometer and three readings."""
    engine.create_entity("sensor", SENSOR, "TEMPERATURE_SDE")
    engine.upload(ROWS)
    return engine


def test_a_difference_since_a_zero_date_in_fahrenheit(site: Engine) -> None:
    """1.5 C and -0.75 C of difference are 2.7 F and -1.35 F: an interval, without the 32."""
    series = site.get_data(SENSOR, "dT", "F", params={"ZERO_DATE": {"value": "2024-03-01T00:00:00Z"}})
    np.testing.assert_allclose(series.value, [0, 2.7, -1.35], rtol=1e-12)
    assert series.value[0] == 0
    assert series.time.tolist() == np.array(["2024-03-01T00", "2024-03-01T01", "2024-03-01T02"], "M8[us]").tolist()
    assert series.unit == "F"


def test_provenance_names_the_zero_reading_used(site: Engine) -> None:
    """A zero date between two readings takes the later one, and the answer says which and its value."""
    series = site.get_data(SENSOR, "dT", "F", params={"ZERO_DATE": {"value": "2024-03-01T00:30:00Z"}})
    (zero,) = series.provenance["zeroReadings"]
    assert (zero["sensor"], zero["metric"], zero["time"], zero["value"], zero["unit"]) == (
        SENSOR,
        "T",
        "2024-03-01T01:00:00.000Z",
        11.5,
        "C",
    )
    assert series.provenance["metric"] == {"id": "dT", "version": 1}
    assert series.provenance["snapshot"]


def test_a_later_upload_replaces_and_null_removes(site: Engine) -> None:
    """Last write wins per sensor, metric and time; a null leaves no point."""
    site.upload([{**ROWS[1], "values": {"T": 12.0}}, {**ROWS[2], "values": {"T": None}}])
    assert site.get_data(SENSOR, "T", "C").value.tolist() == [10.0, 12.0]


def test_limits_apply_after_the_window_on_valid_points(site: Engine) -> None:
    """`first` and `last` are points of the window, not of the series."""
    last = site.get_data(SENSOR, "T", "C", limit="last", end="2024-03-01T01:30:00Z")
    first = site.get_data(SENSOR, "T", "C", limit="first", start="2024-03-01T00:30:00Z")
    assert last.value.tolist() == first.value.tolist() == [11.5]


def test_summary_tells_first_last_and_count(site: Engine) -> None:
    """The printed shape: timestamp and value of both ends, and how many."""
    assert site.summary(SENSOR, "T", "C") == {
        "first": {"timestamp": "2024-03-01T00:00:00.000Z", "value": 10.0},
        "last": {"timestamp": "2024-03-01T02:00:00.000Z", "value": 9.25},
        "count": 3,
    }
    assert site.summary(SENSOR, "T", "C", start="2030-01-01") == {"first": None, "last": None, "count": 0}


def test_every_bad_row_is_named_and_none_is_stored(site: Engine) -> None:
    """Wrong types, a bad time and a metric the sensor has not: refused whole, each index named."""
    bad = [
        {**ROWS[0], "timestamp": "yesterday"},
        {**ROWS[0], "timestamp": "2024-03-02T00:00:00Z"},
        {**ROWS[0], "timestamp": "2024-13-01"},
    ]
    with pytest.raises(InvalidRequest) as refused:
        site.upload(bad)
    assert [fault.path for fault in refused.value.faults] == ["[0].timestamp", "[2].timestamp"]
    with pytest.raises(InvalidRequest) as refused:
        site.upload(
            [ROWS[0], {**ROWS[0], "values": {"T": "warm"}}, {"sensorId": SENSOR}, {**ROWS[0], "values": {"T": True}}]
        )
    assert [fault.path.split(".")[0] for fault in refused.value.faults] == ["[1]", "[2]", "[3]"]
    with pytest.raises(InvalidRequest, match="'flux' is not a raw metric"):
        site.upload([ROWS[0], {**ROWS[0], "values": {"T": 1.0, "flux": 2.0}}])
    with pytest.raises(UnknownSensor, match=r"'/nowhere' \(row 1\), '/n' \(rows 2, 3\)"):
        site.upload([ROWS[0], *({**ROWS[0], "sensorId": sensor} for sensor in ("/nowhere", "/n", "/n"))])
    with pytest.raises(InvalidRequest, match="must not be empty"):
        site.upload([])
    assert site.get_data(SENSOR, "T", "C").value.tolist() == [10.0, 11.5, 9.25]


def test_faults_of_every_kind_are_named_together(site: Engine) -> None:
    """A bad shape does not hide a bad time, nor that a bad metric, nor that an unknown sensor."""
    with pytest.raises(InvalidRequest) as refused:
        site.upload(
            [
                {**ROWS[0], "sensorId": "/nowhere"},
                {**ROWS[0], "values": {"flux": 1.0}},
                {**ROWS[0], "timestamp": "0001-01-01T00:00:00+01:00"},
                ROWS[0],
                {"sensorId": SENSOR, "timestamp": "2024-03-01"},
            ]
        )
    assert [fault.path for fault in refused.value.faults] == ["[0].sensorId", "[1].values", "[2].timestamp", "[4]"]


def test_rows_of_a_python_program(site: Engine) -> None:
    """Datetimes, numpy numbers and a generator are taken as they come; a datetime without zone is UTC."""
    stamps = (datetime(2024, 5, 1), datetime(2024, 5, 1, 3, tzinfo=timezone(timedelta(hours=2))))
    rows = ({"sensorId": SENSOR, "timestamp": at, "values": {"T": np.float64(n)}} for n, at in enumerate(stamps))
    assert site.upload(rows) == 2
    series = site.get_data(SENSOR, "T", "C", start=datetime(2024, 5, 1), end=np.datetime64("2024-05-01T01:00"))
    assert series.value.tolist() == [0.0, 1.0]


def test_times_that_are_none_are_refused(site: Engine) -> None:
    """NaT, a year that no calendar has and a word name the argument."""
    for wrong in (np.datetime64("NaT"), np.datetime64("20000-01-01"), "soon"):
        with pytest.raises(InvalidRequest, match="startDate"):
            site.get_data(SENSOR, "T", "C", start=wrong)
    with pytest.raises(InvalidRequest, match="limit"):
        site.get_data(SENSOR, "T", "C", limit="middle")  # type: ignore[arg-type]


def test_entity_ids_have_a_length(engine: Engine) -> None:
    """An id that could never be uploaded to is not given out, nor a blank one."""
    for wrong in ("", "   ", "x" * 1001):
        with pytest.raises(InvalidRequest, match="id"):
            engine.create_entity("sensor", wrong, "TEMPERATURE_SDE")


def test_settings_reach_the_store(tmp_path: Path) -> None:
    """Each setting of the store is the one that was asked for."""
    asked = Settings(data=tmp_path / "store", flush_rows=7, flush_seconds=2.5, keep_files=11.0)
    with Engine.open(settings=asked) as engine:
        held = engine.store.settings
        assert (held.flush_rows, held.flush_seconds, held.retention_seconds) == (7, 2.5, 11.0)


def test_columns_from_arrow_and_pandas_store_the_same(site: Engine) -> None:
    """A pandas frame with nanoseconds and an Arrow table with a zone end as the same points; infinity is missing."""
    stamps = pd.to_datetime(["2024-04-01T00:00:00.000000999", "2024-04-01T01:00:00.000000000"])
    frame = pd.DataFrame({"sensor": SENSOR, "metric": "T", "time": stamps, "value": [1.0, np.inf]})
    assert site.upload_table(frame) == 2
    assert site.get_data(SENSOR, "T", "C", start="2024-04-01").value.tolist() == [1.0]
    zoned = (
        pa.array([np.datetime64("2024-04-01T01:00:00", "us")]).cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    )
    site.upload_table(pa.table({"sensor": [SENSOR], "metric": ["T"], "time": zoned, "value": [2.5]}))
    series = site.get_data(SENSOR, "T", "C", start="2024-04-01")
    assert series.time[0] == np.datetime64("2024-04-01T00:00:00", "us")
    assert series.value.tolist() == [1.0, 2.5]


def test_columns_of_whole_numbers_are_taken(site: Engine) -> None:
    """Integers become float64, those beyond 2**53 the nearest one."""
    stamps = pa.array([0, 1], pa.timestamp("s"))
    site.upload_table(pa.table({"sensor": [SENSOR] * 2, "metric": ["T"] * 2, "time": stamps, "value": [7, 2**53 + 1]}))
    assert site.get_data(SENSOR, "T", "C", end="1971-01-01").value.tolist() == [7.0, 2.0**53]


def test_bulk_columns_are_checked_like_rows(site: Engine) -> None:
    """A missing column, a wrong type, an unknown sensor or metric: named, and nothing is stored."""
    stamps = pa.array([0], pa.timestamp("us"))
    good = {"sensor": [SENSOR], "metric": ["T"], "time": stamps, "value": [1.0]}
    for wrong, named in (
        ({"value": ["x"]}, "value"),
        ({"time": pa.array(["2024"])}, "time"),
        ({"metric": ["flux"]}, "flux"),
        ({"metric": pa.array([None], pa.string())}, "metric"),
    ):
        with pytest.raises(InvalidRequest, match=named):
            site.upload_table(pa.table({**good, **wrong}))
    with pytest.raises(InvalidRequest, match="value"):
        site.upload_table(pa.table({name: column for name, column in good.items() if name != "value"}))
    with pytest.raises(UnknownSensor, match="/nowhere"):
        site.upload_table(pa.table({**good, "sensor": ["/nowhere"]}))
    assert len(site.get_data(SENSOR, "T", "C")) == 3


def test_refusals_come_in_the_stated_order(site: Engine) -> None:
    """Sensor, time range, metric, unit, parameters (domain section 10): the first fault in that order is told."""
    bad = {"dt": {"value": -1}}
    start, end = "2024-03-02", "2024-03-01"
    with pytest.raises(UnknownSensor):
        site.get_data("/nowhere", "flux", "furlong", params=bad, start=start, end=end)
    with pytest.raises(InvalidTimeRange, match="lies before startDate"):
        site.get_data(SENSOR, "flux", "furlong", params=bad, start=start, end=end)
    with pytest.raises(UnknownMetric):
        site.get_data(SENSOR, "flux", "furlong", params=bad)
    with pytest.raises(UnknownUnit):
        site.get_data(SENSOR, "T", "furlong", params=bad)
    with pytest.raises(IncompatibleUnit):
        site.get_data(SENSOR, "T", "m", params=bad)
    with pytest.raises(InvalidParam):
        site.get_data(SENSOR, "T", "C", params=bad)
    with pytest.raises(InvalidRequest, match="startDate"):
        site.get_data(SENSOR, "T", "C", start="soon")


def test_a_zero_date_after_all_data_is_refused_whatever_the_window(site: Engine) -> None:
    """Silence would look like no movement: the refusal comes even where the window holds no point."""
    late = {"ZERO_DATE": {"value": "2025-01-01"}}
    for start, end in ((None, None), ("2030-01-01", None), (None, "2000-01-01")):
        with pytest.raises(NoZeroReading, match=SENSOR):
            site.get_data(SENSOR, "dT", "C", params=late, start=start, end=end)


def test_a_stream_in_blocks_is_the_series(engine: Engine) -> None:
    """Blocks of a long series, one after another, are the one answer; each block is of bounded size."""
    engine.create_entity("sensor", SENSOR, "TEMPERATURE_SDE")
    count = 700_000
    value = np.arange(count) / 8
    stamps = pa.array(np.arange(count) * 1_000_000).view(pa.timestamp("us", "UTC"))
    columns = {"sensor": [SENSOR] * count, "metric": ["T"] * count, "time": stamps, "value": value}
    engine.upload_table(pa.table(columns))
    blocks = list(engine.stream(SENSOR, "dT", "C", params={"ZERO_DATE": {"value": "1970-01-02T00:00:00Z"}}).blocks)
    assert len(blocks) > 1
    assert max(len(time) for time, _ in blocks) <= 500_000
    assert np.concatenate([time for time, _ in blocks]).tolist() == (np.arange(count) * 1_000_000).tolist()
    assert np.array_equal(np.concatenate([values for _, values in blocks]), value - 86_400 / 8)


@pytest.mark.parametrize("flushed", [False, True], ids=["log", "parquet"])
def test_a_read_leaves_the_next_one_alone(site: Engine, flushed: bool) -> None:
    """Deriving works on what was read, and yet the raw series comes back unchanged, from log and files alike."""
    if flushed:
        site.store.flush()
    for _ in range(2):
        assert site.get_data(SENSOR, "dT", "F").value == pytest.approx([0, 2.7, -1.35])
        assert site.get_data(SENSOR, "T", "C").value.tolist() == [10.0, 11.5, 9.25]


def test_projects_do_not_see_each_other(site: Engine) -> None:
    """The same sensor id in another project is another sensor; without it there, it is unknown."""
    other = site.create_project("Other", itwin_id="6ee68656-ce20-452c-a4e6-b6b3a3b55537")
    with pytest.raises(UnknownSensor):
        site.get_data(SENSOR, "T", "C", project=other.id)
    site.create_entity("sensor", SENSOR, "TEMPERATURE_SDE", project=other.id)
    site.upload([{**ROWS[0], "values": {"T": -5.0}}], project="6ee68656-ce20-452c-a4e6-b6b3a3b55537")
    assert site.get_data(SENSOR, "T", "C", project=other.id).value.tolist() == [-5.0]
    assert site.get_data(SENSOR, "T", "C").value.tolist() == [10.0, 11.5, 9.25]
    with pytest.raises(NotFound):
        site.get_data(SENSOR, "T", "C", project="none such")


def test_entities_are_made_once_and_merged(engine: Engine) -> None:
    """A taken id is refused; props merge and a null removes."""
    engine.create_entity("device", "/d/device", "LOGGER", {"ZERO_DATE": "2024-01-01", "NAME": "a"}, parent="/n/node")
    with pytest.raises(Exists):
        engine.create_entity("device", "/d/device", "LOGGER")
    changed = engine.update_entity("device", "/d/device", {"NAME": "b", "ZERO_DATE": None})
    assert changed.props == {"NAME": "b"}
    assert [entity.id for entity in engine.entities("device", ["/d/device", "/none/device"])] == ["/d/device"]
    with pytest.raises(NotFound):
        engine.update_entity("device", "/none/device", {})


def test_open_reopens_what_was_acknowledged(tmp_path: Path) -> None:
    """What `upload` returned for is there after a close and a new open, and the environment names the folder."""
    with tseng.open(tmp_path / "store") as first:
        first.create_entity("sensor", SENSOR, "TEMPERATURE_SDE")
        first.upload(ROWS)
    with tseng.open(tmp_path / "store", create=False) as second:
        assert second.get_data(SENSOR, "T", "K").value == pytest.approx([283.15, 284.65, 282.4], abs=2e-12)


def test_series_leaves_as_pandas_and_arrow(site: Engine) -> None:
    """A UTC index named time; ids in the Arrow metadata."""
    series = site.get_data(SENSOR, "T", "C")
    assert str(series.to_pandas().index.dtype) == "datetime64[us, UTC]"
    assert series.to_pandas().to_list() == [10.0, 11.5, 9.25]
    assert series.to_arrow().schema.metadata[b"unit"] == b"C"


def test_sql_answers_with_zoned_times(site: Engine) -> None:
    """`fetchall` gives datetimes in UTC, so nobody has to guess a zone."""
    rows = site.sql("SELECT time, value FROM observations ORDER BY time LIMIT 1").fetchall()
    assert [(time.isoformat(), value) for time, value in rows] == [("2024-03-01T00:00:00+00:00", 10.0)]


def test_a_column_of_missing_values_is_no_column(engine: Engine) -> None:
    """Digits that were always null do not hide the frequency; a value of them does, from then on."""
    engine.create_entity("sensor", "/p", "VW_PIEZOMETER")
    row = {"sensorId": "/p", "timestamp": "2024-03-01T00:00:00Z", "values": {"f": 2000.0, "digits": None}}
    engine.upload([row])
    assert engine.get_data("/p", "digits", "digit").value.tolist() == [4000.0]
    engine.upload([{"sensorId": "/p", "timestamp": "2024-03-01T01:00:00Z", "values": {"digits": 5.0}}])
    assert engine.get_data("/p", "digits", "digit").value.tolist() == [5.0]


def test_a_generic_sensor_lists_what_it_was_sent(engine: Engine) -> None:
    """A metric that a generic sensor named and never had a value of is one of its own, without points."""
    engine.create_entity("sensor", "/g", "GENERIC_SENSOR_SDE")
    engine.upload([{"sensorId": "/g", "timestamp": "2024-03-01T00:00:00Z", "values": {"my_x": None, "my_a": 1.0}}])
    assert [metric.id for metric in engine.metrics("/g")] == ["my_a", "my_x"]
    assert len(engine.get_data("/g", "my_x", "GENERIC")) == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}, object()])
def test_props_are_json(engine: Engine, value: object) -> None:
    """What JSON cannot hold is refused where it comes in, naming the prop, and nothing is kept."""
    with pytest.raises(InvalidRequest, match=r"props\.G: .* is not a JSON value"):
        engine.create_entity("sensor", "/p", "VW_PIEZOMETER", {"R0": 1, "G": value})
    assert engine.entities("sensor") == []
    engine.create_entity("sensor", "/p", "VW_PIEZOMETER")
    with pytest.raises(InvalidRequest, match=r"props\.G"):
        engine.update_entity("sensor", "/p", {"G": value})
