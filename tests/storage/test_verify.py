"""Damage of any file is found and named; a healthy store is clean."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import update
from tests.storage.helpers import PROJECT, opened, read, series

from tseng_storage import delta
from tseng_storage.errors import Damaged
from tseng_storage.store import Store
from tseng_storage.tables import LOG


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    """A store with two segments and an unflushed upload, closed."""
    with opened(tmp_path / "store") as store:
        store.load(series({t: float(t) for t in range(1000)}), PROJECT)
        store.append(series({5: 50.0}), PROJECT)
        store.flush()
        store.append(series({6: 60.0}), PROJECT)
        assert store.verify().clean
        assert (store.verify().segments, store.verify().uploads) == (2, 1)
    return tmp_path / "store"


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    place = random.randrange(len(content))
    content[place] ^= 1 << random.randrange(8)
    path.write_bytes(content)


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [_flip, _truncate, _empty, Path.unlink])
@pytest.mark.parametrize("pattern", ["observations/**/*.parquet", "_delta_log/*.json"])
def test_a_damaged_file_is_named(healthy: Path, pattern: str, damage: Callable[[Path], None]) -> None:
    """One flipped bit, a byte cut off, an emptied or deleted segment or commit: the report names that file."""
    for path in sorted(healthy.glob(pattern)):
        content = path.read_bytes()
        damage(path)
        with opened(healthy) as store:
            report = store.verify()
        assert path.relative_to(healthy).as_posix() in [damage.path for damage in report.damages]
        path.write_bytes(content)
    with opened(healthy) as store:
        assert store.verify().clean


def test_a_time_that_almost_reads_as_one_is_damage(healthy: Path) -> None:
    """One bit turns `:` into `;`: the commit is named, not read as some other time."""
    (commit, *_) = [path for path in sorted(healthy.glob("_delta_log/*.json")) if b"minValues" in path.read_bytes()]
    content = commit.read_bytes()
    at = content.index(b"T00:00:00") + len(b"T00:00")
    commit.write_bytes(content[:at] + b";" + content[at + 1 :])
    with opened(healthy) as store:
        assert any(commit.name in damage.path for damage in store.verify().damages)


def test_any_flipped_bit_of_the_delta_log_is_named(healthy: Path) -> None:
    """Wherever a bit flips in a commit or a checkpoint, verify ends and names that file."""
    with opened(healthy) as store:
        for number in range(31):
            store.load(series({number: 0.5}), PROJECT)
        files = [*healthy.glob("_delta_log/*.checkpoint.parquet"), *sorted(healthy.glob("_delta_log/*.json"))[::9]]
        assert len(files) == 5
        for path in files:
            content = path.read_bytes()
            for _ in range(12):
                _flip(path)
                named = [damage.path for damage in store.verify().damages]
                assert path.relative_to(healthy).as_posix() in named
                path.write_bytes(content)
        assert store.verify().clean


def test_a_damaged_checkpoint_is_not_set_aside(healthy: Path) -> None:
    """A checkpoint once noted as on disk that no longer reads is damage and stays for verify to name."""
    with opened(healthy) as store:
        for number in range(31):
            store.load(series({number: 0.5}), PROJECT)
    (checkpoint,) = healthy.glob("_delta_log/*.checkpoint.parquet")
    os.truncate(checkpoint, 100)
    with opened(healthy) as store:
        assert f"_delta_log/{checkpoint.name}" in [damage.path for damage in store.verify().damages]


@pytest.mark.parametrize("column", ["payload", "rows", "checksum"])
def test_a_damaged_upload_is_named(healthy: Path, column: str) -> None:
    """An upload in the log whose bytes, count or checksum changed is named by its number, and not read as if fine."""
    wrong = {"payload": b"not arrow", "rows": 7, "checksum": 1}
    with opened(healthy) as store:
        with store._database.write() as connection:
            connection.execute(update(LOG).values({column: wrong[column]}))
        (damage,) = store.verify().damages
        assert damage.path.startswith("log row ")
        with pytest.raises(Damaged):
            read(store)


def test_a_damaged_catalog_is_named(healthy: Path) -> None:
    """A catalog that is no database is an error that names it."""
    (healthy / "_catalog" / "catalog.db").write_bytes(b"nothing like a database" * 500)
    with pytest.raises(Damaged, match=r"catalog\.db"):
        opened(healthy)


def test_reading_a_truncated_segment_names_it(healthy: Path) -> None:
    """A read that meets a damaged segment says which."""
    path = max(healthy.glob("observations/**/*.parquet"), key=lambda path: path.stat().st_size)
    os.truncate(path, 500)
    with opened(healthy) as store, pytest.raises(Damaged, match=path.name):
        read(store)


def test_a_flipped_bit_is_never_read_as_a_value(healthy: Path) -> None:
    """A bit flipped in a page of times or values makes the read fail; it never gives another number."""
    path = max(healthy.glob("observations/**/*.parquet"), key=lambda path: path.stat().st_size)
    content = path.read_bytes()
    chunks = [pq.ParquetFile(path).metadata.row_group(0).column(column) for column in (2, 3)]
    for chunk in chunks:
        # Headers of pages are not under the checksum; the last byte of a chunk is always inside a page.
        place = (chunk.dictionary_page_offset or chunk.data_page_offset) + chunk.total_compressed_size - 1
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with opened(healthy) as store, pytest.raises(Damaged, match=path.name):
            read(store)


def test_a_missing_segment_is_damage_when_read(healthy: Path) -> None:
    """A segment that is in the newest table and not on disk is reported as such, not as a crash."""
    for path in healthy.glob("observations/**/*.parquet"):
        path.unlink()
    with opened(healthy) as store, pytest.raises(Damaged, match="missing"):
        read(store)


def test_leftovers_are_no_damage_and_go_with_vacuum(healthy: Path) -> None:
    """Files that no commit names, torn or whole, are ignored by readers and verify, and only vacuum removes them."""
    folder = next(healthy.glob("observations/project=*"))
    leftovers = [folder / "_torn.tmp", folder / f"{'0' * 32}.parquet", healthy / "_delta_log" / "_commit_x.json.tmp"]
    for path in leftovers:
        path.write_bytes(b"PAR1 torn")
    with opened(healthy) as store:
        assert store.verify().clean
        store.compact()
        assert store.vacuum() == []
        assert all(path.exists() for path in leftovers)
        assert set(leftovers) <= set(store.vacuum(0))
        assert len(read(store)) == 1000
        assert store.verify().clean


def test_replaced_files_stay_for_the_retention_time(healthy: Path) -> None:
    """Segments replaced by compaction are read by older snapshots until vacuum finds them old enough."""
    with opened(healthy) as store:
        at = store.snapshot()
        assert store.compact() == 3
        assert store.vacuum() == []
        assert len(read(store)) == 1000
        assert len(store.read(PROJECT, "/s", "T", at=at)[0]) == 1000
        assert len(store.vacuum(0)) == 3
        assert len(read(store)) == 1000


def _sizes(store: Store) -> list[int]:
    return [segment.size for segment in store.snapshot().table.segments.values()]


def test_recorded_sizes_are_true(healthy: Path) -> None:
    """The size recorded for a segment is the size of its file."""
    with opened(healthy) as store:
        files = [store.layout.segment(name).stat().st_size for name in store.snapshot().table.segments]
        assert files == _sizes(store)


def test_a_pointer_to_a_checkpoint_that_nobody_noted_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may die between writing a checkpoint and noting it; a pointer that was noted and differs is damage."""
    monkeypatch.setattr(delta, "CHECKPOINT_EVERY", 2)
    with opened(tmp_path) as store:
        for value in range(4):
            store.append(series({value: 1.0}), PROJECT)
            store.flush()
        pointer = store.layout.delta_log / "_last_checkpoint"
        noted = pointer.read_bytes()
        pointer.write_bytes(noted.replace(b"}", b" }"))
        assert [each.path for each in store.verify().damages] == ["_delta_log/_last_checkpoint"]
        pointer.write_bytes(noted)
        monkeypatch.setattr(delta, "CHECKPOINT_EVERY", 100)
        store.append(series({9: 1.0}), PROJECT)
        store.flush()
        delta.checkpoint(store.layout)
        assert pointer.read_bytes() != noted
        assert store.verify().clean
