"""Parquet, long and wide."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.tseng.parsing import bad, parse

from tseng.errors import InvalidRequest
from tseng.importers.options import ImportOptions

STAMP = 1_462_269_600_000_000  # 2016-05-03 10:00:00 UTC


def write(folder: Path, columns: dict[str, pa.Array]) -> Path:
    """A Parquet file of these columns."""
    path = folder / "file.bin"
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    ("kind", "scale"),
    [(pa.timestamp("us", "UTC"), 1), (pa.timestamp("ns"), 1000), (pa.timestamp("us", "Asia/Tokyo"), 1)],
)
def test_long(tmp_path: Path, kind: pa.DataType, scale: int) -> None:
    """Columns sensor, metric, time, value of any timestamp type; dictionary columns are text."""
    path = write(
        tmp_path,
        {
            "sensor": pa.array(["/a", "/b"]).dictionary_encode(),
            "metric": pa.array(["T", "P"], pa.large_string()),
            "time": pa.array([STAMP * scale, STAMP * scale + 1]).cast(kind),
            "value": pa.array([1, 2], pa.int32()),
        },
    )
    readings, ledger = parse(path)
    assert [reading[:3] + reading[4:] for reading in readings] == [("/a", "T", None, 1.0), ("/b", "P", None, 2.0)]
    assert readings[0][3] == "2016-05-03 10:00:00.000000"
    assert ledger.naive == (kind == pa.timestamp("ns"))


def test_wide(tmp_path: Path) -> None:
    """Every numeric column is a metric; nulls and NaN are missing; text times and dates are read."""
    columns = {
        "time": pa.array(["2016-05-03T10:00:00Z", "nonsense", None]),
        "a": pa.array([1.5, 2.5, 3.5], pa.float32()),
        "b": pa.array([Decimal("2.25"), None, None]),
        "c": pa.array([float("nan")] * 3),
        "name": pa.array(["x", "y", "z"]),
    }
    readings, ledger = parse(write(tmp_path, columns), ImportOptions(sensor="/s"))
    assert [reading[1:2] + reading[4:] for reading in readings] == [("a", 1.5), ("b", 2.25)]
    assert bad(ledger) == [(2, "nonsense"), (3, "")]
    assert ledger.notes == ["no numbers, so no observations, in name (line 1: 'x')"]


def test_dates_are_midnight(tmp_path: Path) -> None:
    """A column of dates counts as 00:00 in the zone said."""
    path = write(tmp_path, {"time": pa.array([date(2016, 7, 1)]), "value": pa.array([1.0])})
    readings, _ = parse(path, ImportOptions(sensor="/s", metric="T", tz="Europe/Amsterdam"))
    assert readings[0][3] == "2016-06-30 22:00:00.000000"


def test_times_beyond_the_calendar_are_bad_rows(tmp_path: Path) -> None:
    """A timestamp or a date outside the years 1 to 9999 is named by its row; nanoseconds before 1970 are cut down."""
    value = pa.array([1.0, 2.0, 3.0])
    options = ImportOptions(sensor="/s", metric="T", tz="Europe/Amsterdam")
    far = {
        "ms": pa.array([0, 2**62, -(2**62)]).view(pa.timestamp("ms", "UTC")),
        "date": pa.array([0, 2**31 - 1, -(2**31)], pa.int32()).view(pa.date32()),
    }
    for column in far.values():
        readings, ledger = parse(write(tmp_path, {"time": column, "value": value}), options)
        assert [reading[4] for reading in readings] == [1.0]
        assert [row.line for row in ledger.bad] == [2, 3]
        assert {row.reason for row in ledger.bad} == {"lies outside the years 1 to 9999"}
    path = write(tmp_path, {"time": pa.array([-1], pa.timestamp("ns", "UTC")), "value": value[:1]})
    assert parse(path, options)[0][0][3] == "1969-12-31 23:59:59.999999"


def test_whole_numbers_that_no_float_holds(tmp_path: Path) -> None:
    """An integer beyond 2^53 is read as the nearest float64."""
    path = write(tmp_path, {"time": pa.array([STAMP], pa.timestamp("us")), "value": pa.array([2**60 + 1])})
    assert parse(path, ImportOptions(sensor="/s", metric="T"))[0][0][4] == 2.0**60


def test_what_is_refused(tmp_path: Path) -> None:
    """A broken file, and a time column that is no time, are refused."""
    (tmp_path / "broken").write_bytes(b"PAR1 and no more")
    with pytest.raises(InvalidRequest, match="not readable as Parquet"):
        parse(tmp_path / "broken")
    path = write(tmp_path, {"time": pa.array([STAMP]), "value": pa.array([1.0])})
    with pytest.raises(InvalidRequest, match="column time holds int64, which is no time"):
        parse(path, ImportOptions(sensor="/s", metric="T"))
