"""The store as its callers see it: write, read, windows, blocks, projects, closing."""

import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import select
from tests.storage.helpers import PROJECT, SMALL, opened, read, seen_by_duckdb, series, table

from tseng_storage.entities import Uploaded
from tseng_storage.errors import Exists, InvalidObservations, NotFound, StoreClosed, StoreMissing
from tseng_storage.files import exclusive
from tseng_storage.settings import StoreSettings
from tseng_storage.store import Store
from tseng_storage.tables import LOG
from tseng_storage.usage import Usage


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store that does nothing by itself."""
    return opened(tmp_path / "store")


def test_an_upload_is_read_back(store: Store) -> None:
    """What was appended is read, ascending in time."""
    store.append(series({30: 3.0, 10: 1.0, 20: 2.0}), PROJECT)
    assert read(store) == {10: 1.0, 20: 2.0, 30: 3.0}
    assert list(read(store)) == [10, 20, 30]


def test_sequence_numbers_ascend(store: Store) -> None:
    """Each upload and each load has a larger number than all before it, also after a flush."""
    first = store.append(series({1: 1.0}), PROJECT)
    second = store.load(series({2: 1.0}), PROJECT)
    store.flush()
    third = store.append(series({3: 1.0}), PROJECT)
    assert 0 < first < second < third


@pytest.mark.parametrize("missing", [None, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("flushed", [False, True])
def test_a_missing_value_removes_a_point(store: Store, missing: float | None, flushed: bool) -> None:
    """Null, NaN and infinities written over a value leave no value, before and after a flush."""
    store.append(series({1: 1.0, 2: 2.0}), PROJECT)
    store.append(series({1: missing}), PROJECT)
    if flushed:
        store.flush()
    assert read(store) == {2: 2.0}
    assert seen_by_duckdb(store) == {("/s", "T", 2): 2.0}


def test_windows_include_both_ends(store: Store) -> None:
    """A window takes the points at its ends, in the log and in segments."""
    store.load(series({t: float(t) for t in range(10)}), PROJECT)
    store.append(series({t: float(t) for t in range(10, 20)}), PROJECT)
    assert list(read(store, start=8, end=11)) == [8, 9, 10, 11]
    assert list(read(store, start=19)) == [19]
    assert list(read(store, end=0)) == [0]
    assert read(store, start=20) == {}
    assert read(store, start=5, end=4) == {}


def test_an_unknown_series_is_empty(store: Store) -> None:
    """A sensor or metric without data reads as two empty arrays of the right types."""
    times, values = store.read(PROJECT, "/nobody", "T")
    assert times.dtype == np.int64
    assert values.dtype == np.float64
    assert len(times) == len(values) == 0


def test_the_last_row_of_an_upload_wins(store: Store) -> None:
    """Of rows of one upload at the same point the later one holds."""
    store.append(table([("/s", "T", 1, 1.0), ("/s", "T", 1, 2.0)]), PROJECT)
    store.load(table([("/s", "x", 1, 1.0), ("/s", "x", 1, 2.0)]), PROJECT)
    assert read(store) == {1: 2.0}
    assert read(store, metric="x") == {1: 2.0}


def test_a_late_load_does_not_undo_a_later_upload(store: Store) -> None:
    """The number decides, not the place: an upload after a load wins although it is flushed with older ones."""
    store.append(series({1: 1.0}), PROJECT)
    store.load(series({1: 2.0}), PROJECT)
    store.append(series({1: 1.0}), PROJECT)
    assert read(store) == {1: 1.0}
    store.flush()
    assert read(store) == {1: 1.0}
    store.compact()
    assert read(store) == {1: 1.0}


def test_importing_again_changes_nothing(store: Store) -> None:
    """The same rows loaded twice are stored once after compaction."""
    rows = series({t: float(t) for t in range(50)})
    store.load(rows, PROJECT)
    store.load(rows, PROJECT)
    before = read(store)
    store.compact()
    assert read(store) == before
    assert store.info()["rows"] == 50


def test_versions_are_kept(store: Store) -> None:
    """A different value written over a point keeps the former version in the segment."""
    for value in (1.0, 2.0, 1.0):
        store.append(series({1: value}), PROJECT)
    store.compact()
    assert store.info()["rows"] == 3
    assert read(store) == {1: 1.0}


def test_projects_are_apart(store: Store) -> None:
    """Two projects may have a sensor of the same id and see only their own data; an unknown project takes none."""
    other = store.catalog.create_project("other").id
    store.append(series({1: 1.0}), PROJECT)
    store.append(series({1: 2.0}), other)
    assert store.read(other, "/s", "T")[1].tolist() == [2.0]
    assert read(store) == {1: 1.0}
    with pytest.raises(NotFound):
        store.append(series({1: 1.0}), "nowhere")
    with pytest.raises(NotFound):
        store.load(series({1: 1.0}), "nowhere")


def test_deleting_a_project_takes_its_data(store: Store) -> None:
    """Segments, unflushed data and files of a deleted project go; the default project stays."""
    other = store.catalog.create_project("other").id
    store.load(series({1: 1.0}), other)
    store.append(series({2: 1.0}), other)
    store.append(series({1: 5.0}), PROJECT)
    store.delete_project(other)
    assert store.info()["segments"] == 0
    assert store.read(other, "/s", "T")[0].tolist() == []
    assert len(store.vacuum(0)) == 1
    assert read(store) == {1: 5.0}
    with pytest.raises(Exists):
        store.delete_project(PROJECT)
    with pytest.raises(NotFound):
        store.delete_project(other)


def test_metrics_of_a_sensor(store: Store) -> None:
    """The metrics that ever came for a sensor, through either door, sorted."""
    store.append(table([("/s", "x", 1, 1.0), ("/s", "T", 1, 1.0), ("/r", "y", 1, 1.0)]), PROJECT)
    store.load(table([("/s", "digits", 1, 1.0)]), PROJECT)
    assert store.metrics_of(PROJECT, "/s").metrics == ("T", "digits", "x")
    assert store.metrics_of(PROJECT, "/nobody") == Uploaded()


@pytest.mark.parametrize("door", ["append", "load"])
def test_metrics_that_never_had_a_value(store: Store, door: str) -> None:
    """A metric whose values are all missing is told apart, until the first value comes."""
    put = getattr(store, door)
    put(table([("/s", "x", 1, 1.0), ("/s", "T", 1, None), ("/s", "T", 2, None)]), PROJECT)
    assert store.metrics_of(PROJECT, "/s") == Uploaded(("x",), ("T",))
    put(table([("/s", "x", 2, None), ("/s", "T", 3, None), ("/s", "T", 4, 1.0)]), PROJECT)
    assert store.metrics_of(PROJECT, "/s") == Uploaded(("T", "x"))


def test_blocks_are_bounded(tmp_path: Path) -> None:
    """Blocks of a long series hold few points each, whether in segments, in the log, or in both."""
    store = opened(tmp_path, StoreSettings(background=False, flush_on_close=False, group_rows=100, block_points=250))
    store.load(table([(sensor, "T", t, 1.0) for sensor in ("/a", "/b", "/c") for t in range(2000)]), PROJECT)
    store.append(table([("/b", "T", t, 2.0) for t in range(1900, 3000)]), PROJECT)
    blocks = list(store.blocks(PROJECT, "/b", "T", 50))
    lengths = [len(store.read(PROJECT, "/b", "T", *block)[0]) for block in blocks]
    assert sum(lengths) == 2950
    assert max(lengths) <= 500
    assert blocks[0][0] == 50
    assert list(store.blocks(PROJECT, "/nobody", "T")) == []
    assert list(store.blocks(PROJECT, "/b", "T", 51, 50)) == []


@pytest.mark.parametrize("door", ["append", "load"])
def test_the_first_blocks_are_small(tmp_path: Path, door: str) -> None:
    """A row group's points, then twice as many each time, until a block is as large as blocks may be."""
    store = opened(tmp_path, StoreSettings(background=False, flush_on_close=False, group_rows=100, block_points=1000))
    getattr(store, door)(table([("/a", "T", t, 1.0) for t in range(3700)]), PROJECT)
    lengths = [len(store.read(PROJECT, "/a", "T", *block)[0]) for block in store.blocks(PROJECT, "/a", "T")]
    assert lengths == [100, 200, 400, 800, 1000, 1000, 200]


def test_equal_times_are_kept_once(store: Store) -> None:
    """Series that were read at the same instants share the memory of their times, others do not."""
    for sensor, step in (("/a", 10), ("/b", 10), ("/c", 11)):
        store.load(series({t * step: float(t) for t in range(100)}, sensor), PROJECT)
    first, second, other = (store.parts(PROJECT, sensor, "T")[0] for sensor in ("/a", "/b", "/c"))
    assert np.shares_memory(first, second)
    assert not np.shares_memory(first, other)
    assert other.tolist() == [t * 11 for t in range(100)]


def test_joined_times_are_kept_for_series_read_at_them(tmp_path: Path) -> None:
    """Long series with equal times share one array of them; a late reading or a second version gives new ones."""
    store = opened(tmp_path / "store", SMALL)
    for sensor in ("/a", "/b"):
        store.load(series({t: float(t) for t in range(10)}, sensor), PROJECT)
    first, second = (store.parts(PROJECT, sensor, "T") for sensor in ("/a", "/b"))
    assert np.shares_memory(first[0], second[0])
    assert len(first[1]) == 3
    assert first[0].tolist() == list(range(10))
    assert not np.shares_memory(store.parts(PROJECT, "/a", "T", 1)[0], first[0])
    store.append(series({10: 10.0, 3: -3.0}, "/a"), PROJECT)
    times, parts = store.parts(PROJECT, "/a", "T")
    assert times.tolist() == list(range(11))
    assert np.concatenate(parts)[3] == -3.0
    assert store.parts(PROJECT, "/b", "T")[0].tolist() == list(range(10))


def test_parts_cannot_be_written_to(store: Store) -> None:
    """Neither times nor values, whether they come from the log or from a segment, with missing values or without."""
    for sensor, values in (("/a", {1: 1.0, 2: 2.0}), ("/b", {1: 1.0, 2: None})):
        for _ in range(3):
            times, parts = store.parts(PROJECT, sensor, "T")
            assert not any(array.flags.writeable for array in [times, *parts] if len(array))
            store.append(series(values, sensor), PROJECT)
        store.flush()
        times, parts = store.parts(PROJECT, sensor, "T")
        assert not times.flags.writeable
        assert not any(part.flags.writeable for part in parts)


def test_a_snapshot_stands_still(store: Store) -> None:
    """A snapshot reads the same whatever is written, flushed and compacted after it."""
    store.append(series({1: 1.0, 2: 2.0}), PROJECT)
    at = store.snapshot()
    store.append(series({1: 9.0, 3: 3.0}), PROJECT)
    store.compact()
    store.load(series({2: 9.0}), PROJECT)
    assert store.read(PROJECT, "/s", "T", at=at)[1].tolist() == [1.0, 2.0]
    assert read(store) == {1: 9.0, 2: 9.0, 3: 3.0}


def test_closing_flushes(tmp_path: Path) -> None:
    """A store that was written to leaves an empty log when closed, and takes no more work."""
    store = Store.open(tmp_path, settings=StoreSettings(background=False))
    store.append(series({1: 1.0}), PROJECT)
    store.close()
    store.close()
    with pytest.raises(StoreClosed):
        store.append(series({1: 1.0}), PROJECT)
    with pytest.raises(StoreClosed):
        read(store)
    with opened(tmp_path) as again:
        assert again.info()["log_commits"] == 0
        assert read(again) == {1: 1.0}


def test_the_background_flushes_by_size_and_by_age(tmp_path: Path) -> None:
    """Many values go to segments at once; few do when they have aged."""
    settings = StoreSettings(flush_rows=100, flush_seconds=0.05)
    with Store.open(tmp_path, settings=settings) as store:
        for count in (200, 1):
            store.append(series({t: float(count) for t in range(count)}), PROJECT)
            deadline = time.monotonic() + 20
            while store.info()["log_commits"]:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        assert store.info()["rows"] >= 200


def test_threads_share_commits_and_lose_nothing(store: Store) -> None:
    """Uploads from many threads all get their own number and are all there."""
    numbers: list[int] = []

    def upload(sensor: str) -> None:
        numbers.extend(store.append(series({t: 1.0}, sensor), PROJECT) for t in range(25))

    threads = [threading.Thread(target=upload, args=(f"/{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(numbers)) == 200
    assert all(len(read(store, f"/{n}")) == 25 for n in range(8))


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    """Without leave to create, a missing store is an error and no folder is left behind."""
    with pytest.raises(StoreMissing):
        Store.open(tmp_path / "absent", create=False)
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (series({1: 1.0}).drop_columns(["metric"]), "metric"),
        (series({1: 1.0}).set_column(0, "sensor", pa.array([None], pa.string())), "sensor"),
        (series({1: 1.0}).set_column(0, "sensor", pa.array([7])), "sensor"),
        (series({1: 1.0}).set_column(0, "sensor", pa.array(["/" + "s" * 1000])), "sensor"),
        (series({1: 1.0}).set_column(2, "time", pa.array([None], pa.timestamp("us"))), "time"),
        (series({1: 1.0}).set_column(2, "time", pa.array([2**62], pa.timestamp("s"))), "time"),
        (series({1: 1.0}).set_column(2, "time", pa.array([2**62], pa.timestamp("us"))), "time"),
        (series({1: 1.0}).set_column(3, "value", pa.array(["one"])), "value"),
    ],
)
def test_what_is_not_observations_is_refused(store: Store, broken: pa.Table, field: str) -> None:
    """A table with a column missing, of the wrong type or without a needed value names the column; nothing is kept."""
    for door in (store.append, store.load):
        with pytest.raises(InvalidObservations) as refused:
            door(broken, PROJECT)
        assert refused.value.field == field
    assert store.info()["log_commits"] == 0


def test_times_of_any_resolution(store: Store) -> None:
    """Nanoseconds are cut to the microsecond below, seconds and zones become UTC microseconds."""
    rows = series({1: 1.0})
    store.append(rows.set_column(2, "time", pa.array([-1], pa.timestamp("ns"))), PROJECT)
    store.append(rows.set_column(2, "time", pa.array([1999], pa.timestamp("ns", "Europe/Berlin"))), PROJECT)
    store.append(rows.set_column(2, "time", pa.array([5], pa.timestamp("s", "Asia/Tokyo"))), PROJECT)
    assert list(read(store)) == [-1, 1, 5_000_000]


def test_dictionary_columns_with_words_unused(store: Store) -> None:
    """Dictionary-encoded ids are taken, also when the dictionary is unsorted and holds words that do not occur."""
    words = pa.DictionaryArray.from_arrays(pa.array([2, 0], pa.int8()), pa.array(["/z", "/unused", "/a"]))
    rows = table([("", "T", 1, 1.0), ("", "T", 2, 2.0)]).set_column(0, "sensor", words)
    store.append(rows, PROJECT)
    store.load(rows, PROJECT)
    assert (read(store, "/a"), read(store, "/z")) == ({1: 1.0}, {2: 2.0})
    assert store.metrics_of(PROJECT, "/unused") == Uploaded()


def test_empty_tables(store: Store) -> None:
    """A table without rows is taken and changes nothing."""
    store.append(table([]), PROJECT)
    store.load(table([]), PROJECT)
    assert store.flush() == 0
    assert store.info()["rows"] == 0


def test_usage_counts_observations_and_bytes(store: Store) -> None:
    """Usage counts rows in segments and in the log, and the bytes of both."""
    store.load(series(dict.fromkeys(range(10), 1.0)), PROJECT)
    store.append(series(dict.fromkeys(range(10, 15), 1.0)), PROJECT)
    usage = store.usage(PROJECT)
    assert usage.observations == 15
    with store._database.read() as connection:
        waiting = sum(len(payload) for payload in connection.execute(select(LOG.c.payload)).scalars())
    assert usage.bytes == waiting + sum(path.stat().st_size for path in store.layout.observations.rglob("*.parquet"))


def test_usage_by_month_received(store: Store) -> None:
    """The months are those of the log and of segments, also of one that holds several; they add up to the whole."""
    dates = ["2023-12-31T23:59:59.999999", "2024-01-01", "2024-02-29T12:00:00", "2024-02-29T13:00:00"]
    for number, date in enumerate(dates):
        with patch("tseng_storage.log.now_us", return_value=int(np.datetime64(date, "us").astype(int))):
            store.append(series({number: 1.0, number + 100: None}), PROJECT)
    expected = [("2023-12", 2), ("2024-01", 2), ("2024-02", 4)]
    steps: list[Callable[[], int]] = [lambda: 0, store.flush, store.compact]
    for step in steps:
        step()
        usage = store.usage(PROJECT)
        assert [(month.month, month.observations) for month in usage.months] == expected
        assert usage.observations == 8
        assert usage.bytes == sum(month.bytes for month in usage.months)
        assert all(month.bytes > 0 for month in usage.months)
    assert usage.bytes == sum(path.stat().st_size for path in store.layout.observations.rglob("*.parquet"))
    assert store.usage("nowhere") == Usage(0, 0)


def test_files_make_sense_alone(store: Store) -> None:
    """Plain DuckDB over the folder's Parquet files shows sensor, metric, time and value."""
    import duckdb

    store.load(series({1_000_000: 1.5}), PROJECT)
    for number in range(40):
        store.append(series({number: 1.0}, "/many"), PROJECT)
        store.flush()
    pattern = store.layout.root / "observations" / "**" / "*.parquet"
    with duckdb.connect() as connection:
        query = f"SELECT sensor, metric, epoch_us(time), value FROM read_parquet('{pattern}') WHERE sensor = '/s'"
        assert connection.sql(query).fetchall() == [("/s", "T", 1_000_000, 1.5)]


def _statement() -> str:
    """The query that docs/sql.md gives for taking the last versions."""
    text = (Path(__file__).parents[2] / "docs" / "sql.md").read_text()
    (query,) = [block.partition("```")[0] for block in text.split("```sql\n")[1:] if "row_number" in block]
    return query


def test_files_without_us_are_as_documented(store: Store) -> None:
    """read_parquet shows each version and files replaced; Delta readers the current files; the largest seq counts."""
    import duckdb
    from deltalake import DeltaTable

    other = store.catalog.create_project("other").id
    store.append(series({1: 1.0, 2: 2.0, 3: 3.0}), PROJECT)
    store.append(series({1: 7.0}), other)
    store.flush()
    store.append(series({1: 10.0, 2: None}), PROJECT)
    store.compact()
    files = f"{store.layout.observations}/**/*.parquet"
    query = _statement().replace("tseng-data/observations/**/*.parquet", files)
    current = DeltaTable(str(store.layout.root)).to_pyarrow_table()
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        raw = connection.sql(f"SELECT * FROM read_parquet('{files}')")
        assert sorted(raw.columns) == ["metric", "project", "received", "sensor", "seq", "time", "value"]
        # Six rows in the current files; the two files replaced hold five of them once more.
        assert (raw.count("*").fetchall(), current.num_rows) == ([(11,)], 6)
        expected = {(PROJECT, 1, 10.0), (PROJECT, 3, 3.0), (other, 1, 7.0)}
        points = "SELECT project, epoch_us(time), value FROM"
        assert set(connection.sql(f"{points} ({query})").fetchall()) == expected
        query = query.replace(f"read_parquet('{files}')", "current")
        connection.register("current", current)
        assert set(connection.sql(f"{points} ({query})").fetchall()) == expected
        assert len(connection.sql(query).fetchall()) == 3


def test_a_project_made_while_vacuum_waits_keeps_its_data(store: Store) -> None:
    """Vacuum that waited for a load into a project it had never heard of leaves that project's segments alone."""
    vacuum = threading.Thread(target=store.vacuum, args=(0,))
    with opened(store.layout.root) as other:
        with exclusive(store.layout.lock):
            vacuum.start()
            project = other.catalog.create_project("new").id
        other.load(series({1: 1.0}), project)
        vacuum.join()
        other.vacuum(0)
        assert other.read(project, "/s", "T")[1].tolist() == [1.0]


def test_the_background_removes_replaced_files(tmp_path: Path) -> None:
    """Segments that background compaction replaced disappear once the retention time is over."""
    settings = StoreSettings(flush_rows=1, flush_seconds=0.05, compact_files=2, retention_seconds=0.0)
    with Store.open(tmp_path, settings=settings) as store:
        deadline = time.monotonic() + 20
        number = 0
        while number < 3 or len(list(tmp_path.rglob("*.parquet"))) > 2:
            assert time.monotonic() < deadline
            store.append(series({number: 1.0}), PROJECT)
            number += 1
            time.sleep(0.02)
        assert len(read(store)) == number
