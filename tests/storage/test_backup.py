"""A backup restored is the same store."""

from pathlib import Path

import pytest
from tests.storage.helpers import PROJECT, opened, read, seen_by_duckdb, series

from tseng_storage.errors import StoreMissing, StoreNotEmpty
from tseng_storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with segments, replaced segments, unflushed data and entities."""
    store = opened(tmp_path / "store")
    store.catalog.create_entity(PROJECT, "sensor", "/s", "TILT", {"DEPTH": 3})
    store.load(series({t: float(t) for t in range(100)}), PROJECT)
    store.append(series({5: 50.0}), PROJECT)
    store.compact()
    store.append(series({6: 60.0, 200: 1.0}), PROJECT)
    return store


def test_round_trip(store: Store, tmp_path: Path) -> None:
    """Backup and restore keep observations, entities and the log's position; both copies verify clean."""
    store.backup(tmp_path / "copy")
    store.append(series({7: 70.0}), PROJECT)
    Store.restore(tmp_path / "copy", tmp_path / "restored")
    for name in ("copy", "restored"):
        with opened(tmp_path / name) as copy:
            assert copy.verify().clean
            assert read(copy) == {**{t: float(t) for t in range(100)}, 5: 50.0, 6: 60.0, 200: 1.0}
            assert len(seen_by_duckdb(copy)) == 101
            assert copy.catalog.entity(PROJECT, "sensor", "/s") == store.catalog.entity(PROJECT, "sensor", "/s")
            copy.append(series({8: 80.0}), PROJECT)
            copy.compact()
            assert read(copy)[8] == 80.0
    assert read(store)[7] == 70.0
    assert read(store)[8] == 8.0


def test_only_live_files_are_copied(store: Store, tmp_path: Path) -> None:
    """Files replaced and not yet vacuumed are left behind."""
    store.backup(tmp_path / "copy")
    assert len(list((tmp_path / "copy").rglob("observations/**/*.parquet"))) == store.info()["segments"]


def test_targets_must_be_empty(store: Store, tmp_path: Path) -> None:
    """Neither backup nor restore writes into a folder that holds something; an empty one is fine."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreNotEmpty):
        store.backup(tmp_path / "full")
    store.backup(tmp_path / "empty")
    with pytest.raises(StoreNotEmpty):
        Store.restore(tmp_path / "empty", tmp_path / "full")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "full", "store"]


def test_restoring_what_is_no_backup(tmp_path: Path) -> None:
    """A folder without a catalog is not restored from, and nothing is left behind."""
    with pytest.raises(StoreMissing):
        Store.restore(tmp_path / "nothing", tmp_path / "target")
    assert list(tmp_path.iterdir()) == []
