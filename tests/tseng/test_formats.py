"""Encoders: the printed forms, and every format carrying the same bits."""

import dataclasses
import io
import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tseng.formats import FORMATS
from tseng.series import Block, Stream

POINTS = st.lists(
    st.tuples(st.integers(-(10**15), 10**16), st.floats(allow_nan=False, allow_infinity=False)),
    unique_by=lambda point: point[0],
).map(sorted)


def _stream(points: list[tuple[int, float]], size: int = 3) -> Stream:
    def blocks() -> Iterator[Block]:
        for start in range(0, len(points), size):
            part = points[start : start + size]
            yield np.array([p[0] for p in part], np.int64), np.array([p[1] for p in part], np.float64)

    return Stream("/a/sensor", "dx", "mm", dict, blocks())


def _encoded(name: str, points: list[tuple[int, float]]) -> bytes:
    return b"".join(FORMATS[name].encode(_stream(points)))


def _iso(us: int) -> str:
    text = str(np.datetime64(us, "us"))
    return (text if us % 1000 else text[:-3]) + "Z"


def test_json_is_the_printed_form() -> None:
    """Sensor, metric, unit, and a map of ISO time to value (seed 003, Working with Observations)."""
    points = [(1_481_845_087_000_000, 77.53769759239933), (1_481_872_387_000_000, 77.79861178632439)]
    assert json.loads(_encoded("json", points)) == {
        "sensor": "/a/sensor",
        "metric": "dx",
        "unit": "mm",
        "data": {"2016-12-15T23:38:07.000Z": 77.53769759239933, "2016-12-16T07:13:07.000Z": 77.79861178632439},
    }


@given(POINTS)
def test_json_and_columns_read_back(points: list[tuple[int, float]]) -> None:
    """Both JSON forms give every point back, across block borders and for no point at all."""
    assert json.loads(_encoded("json", points))["data"] == {_iso(us): value for us, value in points}
    columns = json.loads(_encoded("columns", points))
    assert columns["value"] == [value for _, value in points]
    assert columns["time"] == pytest.approx([us / 1000 for us, _ in points], rel=1e-15)


@given(POINTS)
def test_binary_formats_read_back(points: list[tuple[int, float]]) -> None:
    """Arrow and Parquet carry the same bits, with sensor, metric and unit in the schema."""
    arrow = pa.ipc.open_stream(_encoded("arrow", points)).read_all()
    parquet = pq.read_table(io.BytesIO(_encoded("parquet", points)))
    for table in (arrow, parquet):
        assert table["time"].cast(pa.int64()).to_pylist() == [us for us, _ in points]
        assert table["value"].to_pylist() == [value for _, value in points]
        assert table.schema.field("time").type == pa.timestamp("us", "UTC")
        assert {k: table.schema.metadata[k] for k in (b"sensor", b"metric", b"unit")} == {
            b"sensor": b"/a/sensor",
            b"metric": b"dx",
            b"unit": b"mm",
        }


def test_csv_has_a_header_and_iso_times() -> None:
    """One line per point under `time,value`."""
    assert _encoded("csv", [(0, 1.25), (1_000, -3.0)]) == (
        b"time,value\n1970-01-01T00:00:00.000Z,1.25\n1970-01-01T00:00:00.001Z,-3\n"
    )


def _gapped() -> Stream:
    """Points at 0, 1 and 7 ms with a gap before the last one, which begins a block."""
    stream = Stream("/a/sensor", "dx", "mm", dict, iter(()), gaps=[])

    def blocks() -> Iterator[Block]:
        for time, value, gaps in (([0, 1000], [1.25, 2.5], []), ([7000], [3.0], [[1000, 7000]])):
            assert stream.gaps is not None
            stream.gaps.append(np.array(gaps, np.int64).reshape(-1, 2))
            yield np.array(time, np.int64), np.array(value)

    return dataclasses.replace(stream, blocks=blocks())


def test_gaps_are_listed_in_json() -> None:
    """Pairs of the last time before and the first after; an empty list where there are none."""
    pairs = [["1970-01-01T00:00:00.001Z", "1970-01-01T00:00:00.007Z"]]
    for name in ("json", "columns"):
        assert json.loads(b"".join(FORMATS[name].encode(_gapped())))["gaps"] == pairs
        unbroken = Stream("/a/sensor", "dx", "mm", dict, iter(()), gaps=[])
        assert json.loads(b"".join(FORMATS[name].encode(unbroken)))["gaps"] == []


def test_gaps_are_empty_rows_elsewhere() -> None:
    """One microsecond after the last point before: nothing in CSV, null in Arrow and Parquet, never NaN."""
    assert b"".join(FORMATS["csv"].encode(_gapped())).decode().splitlines()[2:] == [
        "1970-01-01T00:00:00.001Z,2.5",
        "1970-01-01T00:00:00.001001Z,",
        "1970-01-01T00:00:00.007Z,3",
    ]
    arrow = pa.ipc.open_stream(b"".join(FORMATS["arrow"].encode(_gapped()))).read_all()
    parquet = pq.read_table(io.BytesIO(b"".join(FORMATS["parquet"].encode(_gapped()))))
    for table in (arrow, parquet):
        assert table["value"].to_pylist() == [1.25, 2.5, None, 3.0]
        assert table["time"].cast(pa.int64()).to_pylist() == [0, 1000, 1001, 7000]
