"""Segments: encodings, row groups, names, and what a reader finds in them."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.storage.helpers import Point, table

from tseng_storage.files import file_hash
from tseng_storage.intake import normalise
from tseng_storage.layout import Layout
from tseng_storage.observations import Rows
from tseng_storage.ordering import in_order
from tseng_storage.segment_file import Decoded, SegmentFile, read_facts
from tseng_storage.segments import Facts, Segment, row_groups, write_segment


def _write(folder: Path, points: list[Point], group_rows: int = 100) -> tuple[Segment, SegmentFile]:
    rows = in_order(normalise(table(points)).stamped(3, 1_600_000_000_000_000))
    segment = write_segment(Layout(folder), "default", rows, group_rows)
    return segment, SegmentFile(folder / segment.name, Decoded(0))


def _series(sensor: str, count: int) -> list[Point]:
    return [(sensor, "T", time, float(time)) for time in range(count)]


def test_named_by_content(tmp_path: Path) -> None:
    """The name is the start of the content's SHA-256; the same rows make the same file; nothing else is left behind."""
    segment, _ = _write(tmp_path, _series("/a", 10))
    again, _ = _write(tmp_path, _series("/a", 10))
    path = tmp_path / segment.name
    assert again == segment
    assert path.name == file_hash(path)[:32] + ".parquet"
    assert path.parent.name == "project=default"
    assert [path] == [path for path in tmp_path.rglob("*") if path.is_file()]
    assert segment.size == path.stat().st_size


def test_the_box_is_that_of_the_rows(tmp_path: Path) -> None:
    """Bounds of sensor, metric, time and number, and the counts of rows and missing values."""
    segment, _ = _write(tmp_path, [("/b", "T", 5, 1.0), ("/a", "x", -7, None), ("/b", "T", 9, 1.0)])
    assert (segment.rows, segment.nulls) == (3, 1)
    assert (segment.box.sensor, segment.box.metric, segment.box.time) == (("/a", "/b"), ("T", "x"), (-7, 9))
    assert segment.box.seq == (3, 3)


def test_a_series_stays_in_one_row_group(tmp_path: Path) -> None:
    """Groups end where a series ends, unless one series alone is longer than a group."""
    _, file = _write(tmp_path, [*_series("/a", 60), *_series("/b", 60), *_series("/c", 250), *_series("/d", 10)])
    assert [group.rows for group in file.groups] == [60, 60, 100, 100, 60]
    assert list(file.find("/b", "T", None, None)) == [1]
    assert list(file.find("/c", "T", 100, 110)) == [3, 4]
    assert list(file.find("/c", "T", 0, 20)) == [2, 4]
    assert list(file.find("/bb", "T", None, None)) == []


def test_groups_cover_all_rows() -> None:
    """Row groups follow one another without gap or overlap."""
    rows = in_order(normalise(table([*_series("/a", 7), *_series("/b", 1), *_series("/c", 30)])))
    groups = list(row_groups(rows, 8))
    assert [group.start for group in groups[1:]] == [group.stop for group in groups[:-1]]
    assert (groups[0].start, groups[-1].stop) == (0, 38)


def test_values_come_back_bit_for_bit(tmp_path: Path) -> None:
    """Whatever way values are encoded, they and the missing ones come back exactly, in every row group."""
    random = np.random.default_rng(1)
    kinds = {"random": random.normal(size=500), "rounded": random.normal(size=500).round(2), "constant": np.ones(500)}
    for name, values in kinds.items():
        values[::7] = np.nan
        points: list[Point] = [("/a", "T", time, float(value)) for time, value in enumerate(values)]
        _, file = _write(tmp_path / name, points)
        read = np.concatenate([file.values(number)[1] for number in range(len(file.groups))])
        assert np.array_equal(read, values, equal_nan=True)


def test_encodings(tmp_path: Path) -> None:
    """Times are delta-encoded and ids dictionary-encoded; values of few kinds get a dictionary as well."""
    kinds = np.random.default_rng(3).normal(size=50).tolist()
    segment, _ = _write(tmp_path, [("/a", "T", time, kinds[time % 50 * time % 7]) for time in range(5000)], 5000)
    group = pq.ParquetFile(tmp_path / segment.name).metadata.row_group(0)
    encodings = {group.column(n).path_in_schema: group.column(n).encodings for n in range(group.num_columns)}
    assert "DELTA_BINARY_PACKED" in encodings["time"]
    assert all("RLE_DICTIONARY" in encodings[name] for name in ("sensor", "metric", "value"))


def test_random_values_get_no_dictionary(tmp_path: Path) -> None:
    """Values that never repeat are smaller without a dictionary, and the sample shows it."""
    values = np.random.default_rng(2).normal(size=5000)
    segment, _ = _write(tmp_path, [("/a", "T", n, float(value)) for n, value in enumerate(values)], 5000)
    column = pq.ParquetFile(tmp_path / segment.name).metadata.row_group(0).column(3)
    assert "RLE_DICTIONARY" not in column.encodings


def test_all_columns_come_back(tmp_path: Path) -> None:
    """A row group read whole is the rows written, received and number included."""
    _, file = _write(tmp_path, [("/b", "x", 2, 2.0), ("/a", "T", 1, None)])
    rows: Rows = file.rows(0)
    assert [rows.sensors[code] for code in rows.sensor] == ["/a", "/b"]
    assert [rows.metrics[code] for code in rows.metric] == ["T", "x"]
    assert rows.time.tolist() == [1, 2]
    assert rows.received.tolist() == [1_600_000_000_000_000] * 2
    assert rows.seq.tolist() == [3, 3]
    assert np.isnan(rows.value[0])


def test_a_segment_needs_rows(tmp_path: Path) -> None:
    """Writing nothing is refused and leaves no file."""
    with pytest.raises(ValueError, match="at least one row"):
        write_segment(Layout(tmp_path), "default", normalise(table([])), 100)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_facts_of_a_segment(tmp_path: Path) -> None:
    """The footer tells the first and the last point, and whether a point has several versions."""
    segment, _ = _write(tmp_path, [("/b", "T", 5, 1.0), ("/a", "x", -7, None), ("/b", "T", 9, 1.0)])
    assert read_facts(tmp_path / segment.name) == Facts(("/a", "x", -7), ("/b", "T", 9), False)
