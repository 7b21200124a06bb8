"""Tables of many series: the three alignments by hand, pandas as the second opinion, and what is refused."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tseng.answers import Answer, answers
from tseng.engine import Engine
from tseng.errors import InvalidRequest, InvalidTimeRange, UnknownSensor
from tseng.formats import TABLE_FORMATS
from tseng.replay import compare
from tseng.settings import Settings
from tseng_units.align import at_nearest, at_times, union
from tseng_units.errors import IncompatibleUnit, InvalidParam, UnknownMetric

A, B, C = "/a/sensor", "/b/sensor", "/c/sensor"
COLUMNS = [{"sensor": A, "metric": "T", "unit": "C"}, {"sensor": B, "metric": "T", "unit": "F"}]
READINGS = {
    A: {"00:00": 10.0, "01:00": 11.0, "02:00": 12.0},
    B: {"00:10": 0.0, "01:00": 10.0, "01:50": 20.0, "02:10": 30.0},
}


@pytest.fixture
def site(engine: Engine) -> Engine:
    """An engine with two thermometers read at different times, and one never read."""
    for sensor in (A, B, C):
        engine.create_entity("sensor", sensor, "TEMPERATURE_SDE")
    engine.upload(
        [
            {"sensorId": sensor, "timestamp": f"2024-03-01T{at}Z", "values": {"T": value}}
            for sensor, readings in READINGS.items()
            for at, value in readings.items()
        ]
    )
    return engine


def _clock(time: Any) -> list[str]:
    return [str(at)[11:16] for at in time]


def _values(value: Any) -> list[float | None]:
    return [None if np.isnan(each) else round(float(each), 9) for each in value]


def test_exact_takes_all_times(site: Engine) -> None:
    """Where one column has no reading at another's time, it has no value; only 01:00 is in both."""
    table = site.get_table(COLUMNS)
    assert _clock(table.time) == ["00:00", "00:10", "01:00", "01:50", "02:00", "02:10"]
    assert _values(table.columns[0].value) == [10, None, 11, None, 12, None]
    assert _values(table.columns[1].value) == [None, 32, 50, 68, None, 86]
    assert [(each.name, each.sensor, each.metric, each.unit) for each in table.columns] == [
        ("/a/sensor T", A, "T", "C"),
        ("/b/sensor T", B, "T", "F"),
    ]


def test_nearest_takes_the_first_columns_times(site: Engine) -> None:
    """02:00 lies ten minutes from 01:50 and from 02:10: the earlier one; without tolerance only equal times."""
    table = site.get_table(COLUMNS, align="nearest", tolerance="10min")
    assert _clock(table.time) == ["00:00", "01:00", "02:00"]
    assert _values(table.columns[1].value) == [32, 50, 68]
    assert _values(site.get_table(COLUMNS, align="nearest", tolerance="0s").columns[1].value) == [None, 50, None]


def test_nearest_readings_may_lie_outside_the_range(site: Engine) -> None:
    """The range is that of the clock: 02:00 still finds 01:50, and 00:00 finds 00:10."""
    table = site.get_table(
        COLUMNS, align="nearest", tolerance="10min", start="2024-03-01T02:00Z", end="2024-03-01T02:00Z"
    )
    assert (_clock(table.time), _values(table.columns[1].value)) == (["02:00"], [68])
    table = site.get_table(COLUMNS, align="nearest", tolerance="10min", end="2024-03-01T00:00Z")
    assert _values(table.columns[1].value) == [32]


def test_windows_take_every_windows_start(site: Engine) -> None:
    """Each column with its own aggregate, or the table's; a window that only one has leaves the other empty."""
    columns: list[dict[str, Any]] = [
        *COLUMNS,
        {**COLUMNS[1], "aggregate": "count"},
        {**COLUMNS[1], "aggregate": "std", "name": "spread"},
    ]
    table = site.get_table(columns, align="window", window="1h", aggregate="max", end="2024-03-01T01:59Z")
    assert _clock(table.time) == ["00:00", "01:00"]
    assert [_values(each.value) for each in table.columns] == [[10, 11], [32, 68], [1, 2], [None, 12.727922061]]
    assert [each.unit for each in table.columns] == ["C", "F", "count", "F"]
    assert [each.name for each in table.columns][2:] == ["/b/sensor T count", "spread"]
    assert table["spread"].provenance["shape"]["dimension"] == "temperature_delta"


def test_an_interpolated_column(site: Engine) -> None:
    """On the grid, between readings close enough."""
    columns = [COLUMNS[0], {**COLUMNS[0], "aggregate": "interpolate"}]
    table = site.get_table(columns, align="window", window="30min", aggregate="last", max_gap="1h")
    assert _clock(table.time) == ["00:00", "00:30", "01:00", "01:30", "02:00"]
    assert [_values(each.value) for each in table.columns] == [[10, None, 11, None, 12], [10, 10.5, 11, 11.5, 12]]


def test_derived_metrics_with_their_own_parameters(site: Engine) -> None:
    """Two zeros of one metric stand side by side."""
    zero = [{"ZERO_DATE": {"value": f"2024-03-01T{at}Z"}} for at in ("00:00", "02:00")]
    columns = [
        {"sensor": A, "metric": "dT", "unit": "C", "params": each, "name": name}
        for each, name in zip(zero, ("early", "late"), strict=True)
    ]
    table = site.get_table(columns)
    assert [_values(each.value) for each in table.columns] == [[0, 1, 2], [-2, -1, 0]]
    assert table["late"].provenance["zeroReadings"][0]["value"] == 12.0


def test_columns_and_tables_without_rows(site: Engine) -> None:
    """A sensor without readings is a column without values, and alone a table without rows."""
    alignments: list[Any] = [{}, {"align": "nearest", "tolerance": "1d"}]
    never = {"sensor": C, "metric": "T", "unit": "C"}
    table = site.get_table([COLUMNS[0], never])
    assert _values(table.columns[1].value) == [None] * 3
    assert _values(site.get_table([COLUMNS[0], never], align="nearest", tolerance="1d").columns[1].value) == [None] * 3
    for options in alignments:
        empty = site.get_table([never], **options)
        assert (len(empty), empty.to_arrow().num_rows, len(empty.to_pandas())) == (0, 0, 0)


def test_arrow_has_nulls_and_pandas_nan(site: Engine) -> None:
    """Types, names and the ids of each column."""
    table = site.get_table(COLUMNS)
    arrow = table.to_arrow()
    assert arrow.schema.types == [pa.timestamp("us", "UTC"), pa.float64(), pa.float64()]
    assert arrow["/a/sensor T"].to_pylist() == [10, None, 11, None, 12, None]
    assert arrow.schema.field(2).metadata == {b"sensor": B.encode(), b"metric": b"T", b"unit": b"F"}
    frame = table.to_pandas()
    assert frame["/a/sensor T"].isna().tolist() == [False, True, False, True, False, True]
    assert str(frame.index.dtype) == "datetime64[us, UTC]"


def test_all_columns_are_of_one_snapshot(site: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload between two columns is in none of them."""
    from tseng.reads import Read

    stream = Read.stream

    def interrupted(read: Read) -> Any:
        site.upload([{"sensorId": B, "timestamp": "2024-03-02T00:00Z", "values": {"T": 5.0}}])
        return stream(read)

    monkeypatch.setattr(Read, "stream", interrupted)
    assert len(site.get_table(COLUMNS)) == 6
    assert len(site.get_table(COLUMNS)) == 7


@pytest.mark.parametrize(
    ("columns", "options", "field"),
    [
        ([], {}, "columns"),
        (["T"], {}, "columns[0]"),
        ([COLUMNS[0], {"sensor": A, "metric": "T"}], {}, "columns[1]"),
        ([{**COLUMNS[0], "unit": 3}], {}, "columns[0].unit"),
        ([{**COLUMNS[0], "colour": "red"}], {}, "columns[0]"),
        ([COLUMNS[0], COLUMNS[0]], {}, "columns[1].name"),
        ([{**COLUMNS[0], "name": "time"}], {}, "columns[0].name"),
        ([{**COLUMNS[0], "aggregate": "mean"}], {}, "columns[0].aggregate"),
        (COLUMNS, {"align": "about"}, "align"),
        (COLUMNS, {"align": "nearest"}, "tolerance"),
        (COLUMNS, {"align": "nearest", "tolerance": "soon"}, "tolerance"),
        (COLUMNS, {"tolerance": "1h"}, "tolerance"),
        (COLUMNS, {"window": "1h"}, "window"),
        (COLUMNS, {"align": "nearest", "tolerance": "1h", "time_zone": "UTC"}, "timeZone"),
        (COLUMNS, {"align": "window", "window": "1h"}, "columns[0].aggregate"),
        (COLUMNS, {"align": "window", "aggregate": "mean"}, "window"),
        (COLUMNS, {"align": "window", "aggregate": "mean", "window": "1h", "time_zone": "Mars"}, "timeZone"),
        (COLUMNS, {"align": "window", "aggregate": "mean", "window": "1h", "max_gap": "1h"}, "maxGap"),
        (COLUMNS, {"start": "yesterday"}, "startDate"),
        (COLUMNS, {"start": "2024-01-02", "end": "2024-01-01"}, "endDate"),
    ],
)
def test_what_is_refused(site: Engine, columns: Any, options: Any, field: str) -> None:
    """The column by its index, the option by its name on the wire."""
    with pytest.raises((InvalidRequest, InvalidParam, InvalidTimeRange)) as refused:
        site.get_table(columns, **options)
    assert getattr(refused.value, "field", None) == field


def test_a_refused_column_keeps_its_reason(site: Engine) -> None:
    """The class is that of a single read; field and text say which column."""
    wrong: list[tuple[dict[str, str], type[Exception], str]] = [
        ({"sensor": "/nowhere"}, UnknownSensor, "sensor"),
        ({"unit": "mm"}, IncompatibleUnit, "unit"),
        ({"metric": "flux"}, UnknownMetric, "metric"),
    ]
    for change, error, field in wrong:
        with pytest.raises(error, match=r"^columns\[1\]: ") as refused:
            site.get_table([COLUMNS[0], {**COLUMNS[1], **change}])
        assert getattr(refused.value, "field", None) == f"columns[1].{field}"
    with pytest.raises(InvalidParam, match=r"columns\[0\]"):
        site.get_table(COLUMNS, align="window", window="1h", aggregate="sum")


def test_tables_have_a_size(site: Engine) -> None:
    """Six rows of two columns are twelve cells; a clock of three rows needs half of that."""
    site.settings = Settings(table_cells=12)
    assert len(site.get_table(COLUMNS)) == 6
    site.settings = Settings(table_cells=11)
    with pytest.raises(InvalidRequest, match="more than 11 cells") as refused:
        site.get_table(COLUMNS)
    assert refused.value.field == "columns"
    site.settings = Settings(table_cells=6)
    assert len(site.get_table(COLUMNS, align="nearest", tolerance="10min")) == 3
    site.settings = Settings(table_cells=5)
    with pytest.raises(InvalidRequest, match="cells"):
        site.get_table(COLUMNS, align="nearest", tolerance="10min")


@pytest.mark.parametrize("form", ["json", "arrow", "parquet"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"align": "nearest", "tolerance": "10min", "start": "2024-03-01T00:30Z"},
        {"align": "window", "window": "1h", "aggregate": "std", "time_zone": "Europe/Amsterdam"},
    ],
    ids=str,
)
def test_tables_can_be_computed_again(site: Engine, tmp_path: Path, form: str, options: dict[str, Any]) -> None:
    """Each column carries its provenance; what is uploaded later changes nothing, and another value is found."""
    table = dataclasses.replace(site.get_table([*COLUMNS, {**COLUMNS[0], "metric": "dT"}], **options), telling=True)
    (tmp_path / "answer").write_bytes(b"".join(TABLE_FORMATS[form](table)))
    late = [{"sensorId": sensor, "timestamp": "2024-03-01T00:59Z", "values": {"T": 99.0}} for sensor in (A, B)]
    site.upload(late)
    found = answers(tmp_path / "answer")
    assert len(found) == 3
    for answer in found:
        assert answer.provenance is not None
        assert compare(answer, site.replay(answer.provenance)).identical
    time, value = found[1].points
    changed = Answer((time, np.where(np.isnan(value), value, value + 1e-9)), found[1].provenance)
    assert not compare(changed, site.replay(found[1].provenance or {})).identical


def test_tables_of_an_earlier_time(site: Engine) -> None:
    """What came in after that is not there; nor when it is computed again."""
    then = np.datetime64("now", "us") - np.timedelta64(1, "h")
    table = site.get_table(COLUMNS[:1], as_of=np.datetime64("2100-01-01"))
    assert len(table) == 3
    assert len(site.replay(table.columns[0].provenance)) == 3
    with pytest.raises(UnknownSensor, match=r"columns\[0\]"):
        site.get_table(COLUMNS[:1], as_of=then)


def test_csv_has_no_place_for_a_provenance(site: Engine) -> None:
    """It says which formats have."""
    with pytest.raises(InvalidRequest, match="parquet"):
        list(TABLE_FORMATS["csv"](dataclasses.replace(site.get_table(COLUMNS), telling=True)))


SERIES = st.lists(st.dictionaries(st.integers(0, 60), st.integers(-9, 9), max_size=20), min_size=1, max_size=5)


def _frames(series: list[dict[int, int]]) -> list[tuple[Any, Any]]:
    return [
        (np.array(sorted(each), np.int64), np.array([each[at] for at in sorted(each)], np.float64)) for each in series
    ]


@given(SERIES)
def test_pandas_joins_the_same(series: list[dict[int, int]]) -> None:
    """An outer join of all columns."""
    arrays = _frames(series)
    at = union([time for time, _ in arrays])
    theirs = pd.concat([pd.Series(value, index=time) for time, value in arrays], axis=1, sort=True)
    assert at.tolist() == theirs.index.tolist()
    for number, (time, value) in enumerate(arrays):
        np.testing.assert_array_equal(at_times(time, value, at), theirs[number].to_numpy())


@given(SERIES, st.integers(0, 8))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_pandas_finds_the_same_nearest(series: list[dict[int, int]], tolerance: int) -> None:
    """`merge_asof` in both directions; on a tie it takes the earlier one too."""
    (clock, _), *others = _frames(series)
    for time, value in others:
        left = pd.DataFrame({"at": clock})
        right = pd.DataFrame({"at": time, "value": value})
        theirs = pd.merge_asof(left, right, on="at", direction="nearest", tolerance=tolerance)["value"]
        np.testing.assert_array_equal(at_nearest(time, value, clock, tolerance), theirs.to_numpy())
