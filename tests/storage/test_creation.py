"""Opening: a store is made only where none is, and a catalog that does not go with its table is not taken for one."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from deltalake import DeltaTable
from tests.storage.helpers import PROJECT, QUIET, opened, read, seen_by_duckdb, series

from tseng_storage import delta
from tseng_storage.errors import Damaged, StorageError
from tseng_storage.store import Store
from tseng_storage.tables import METADATA


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store of ten flushed uploads, closed."""
    with opened(tmp_path / "store") as store:
        for number in range(10):
            store.append(series({number: float(number)}), PROJECT)
        store.flush()
        assert store.info()["flushed"] == 10
    return tmp_path / "store"


def _catalog(folder: Path) -> Path:
    return folder / "_catalog" / "catalog.db"


def _truncate(path: Path) -> None:
    os.truncate(path, 0)


LOSSES: list[Callable[[Path], object]] = [Path.unlink, _truncate, lambda path: shutil.rmtree(path.parent)]


def _everything(folder: Path) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("lose", LOSSES)
@pytest.mark.parametrize("create", [True, False])
def test_a_lost_catalog_is_not_made_anew(folder: Path, lose: Callable[[Path], object], create: bool) -> None:
    """A table whose catalog was deleted or emptied is refused, the file named, and nothing in the folder changes."""
    lose(_catalog(folder))
    before = _everything(folder)
    with pytest.raises(Damaged, match=r"_catalog/catalog\.db") as refused:
        Store.open(folder, create=create, settings=QUIET)
    assert refused.value.seen == str(_catalog(folder))
    assert _everything(folder) == before


@pytest.mark.parametrize("lose", LOSSES)
def test_a_lost_catalog_is_noticed_before_the_first_flush(tmp_path: Path, lose: Callable[[Path], object]) -> None:
    """Uploads that only the log held went with the catalog: an empty table without one is refused as well."""
    with opened(tmp_path / "store") as store:
        store.append(series({1: 1.0}), PROJECT)
    lose(_catalog(tmp_path / "store"))
    with pytest.raises(Damaged, match=r"catalog\.db"):
        opened(tmp_path / "store")


def test_segments_without_a_table_are_not_built_over(folder: Path) -> None:
    """Neither catalog nor Delta log, but segments: something was here, and no store is made on top of it."""
    shutil.rmtree(folder / "_catalog")
    shutil.rmtree(folder / "_delta_log")
    with pytest.raises(Damaged, match=r"catalog\.db"):
        opened(folder)


def test_a_catalog_without_tables_is_not_filled_anew(folder: Path) -> None:
    """A valid but empty database in the catalog's place is no interrupted making where the table holds data."""
    with opened(folder.parent / "begun") as other:
        with other._database.write() as connection:
            connection.exec_driver_sql("DROP TABLE meta")
        other._database.copy(folder.parent / "empty.db")
    shutil.copy(folder.parent / "empty.db", _catalog(folder))
    with pytest.raises(Damaged, match=r"catalog\.db"):
        opened(folder)


def test_an_interrupted_making_is_finished(tmp_path: Path) -> None:
    """The empty table made, the catalog not yet filled: the next one to open does the rest."""
    with opened(tmp_path / "store") as store, store._database.write() as connection:
        connection.exec_driver_sql("DROP TABLE meta")
        for table in METADATA.tables.keys() - {"meta"}:
            connection.exec_driver_sql(f"DROP TABLE {table}")
    with opened(tmp_path / "store") as store:
        store.append(series({1: 1.0}), PROJECT)
        assert read(store) == {1: 1.0}
        assert store.verify().clean


def test_another_stores_catalog_is_refused(folder: Path) -> None:
    """A catalog that was made with another table has numbers of its own: it is not taken for this table's."""
    with opened(folder.parent / "other") as other:
        for number in range(50):
            other.append(series({number: 1.0}), PROJECT)
        other._database.copy(folder.parent / "copy.db")
    shutil.copy(folder.parent / "copy.db", _catalog(folder))
    with pytest.raises(Damaged, match=r"catalog\.db"):
        opened(folder)


def test_a_lost_delta_log_is_refused(folder: Path) -> None:
    """A catalog whose table has no log any more is not opened as if nothing had been loaded."""
    shutil.rmtree(folder / "_delta_log")
    with pytest.raises(Damaged, match="_delta_log"):
        opened(folder)


def test_a_catalog_older_than_its_table_takes_no_uploads(folder: Path) -> None:
    """An old copy put back numbers from the past: data stay readable, uploads are refused, verify says why."""
    old = folder.parent / "old.db"
    with opened(folder) as store:
        store._database.copy(old)
        for number in range(20, 25):
            store.append(series({number: 1.0}), PROJECT)
        store.flush()
    shutil.copy(old, _catalog(folder))
    with opened(folder) as store:
        assert len(read(store)) == 15
        for door in (store.append, store.load):
            with pytest.raises(Damaged, match=r"catalog\.db"):
                door(series({99: 1.0}), PROJECT)
        assert len(read(store)) == 15
        assert "_catalog/catalog.db" in [damage.path for damage in store.verify().damages]


def test_numbers_never_fall_behind_the_table(folder: Path) -> None:
    """A table that grew past the numbers while a store was open: what it would take for flushed is not accepted."""
    with opened(folder) as store:
        assert store.verify().clean
        delta.commit(store.layout, [], flushed=1000)
        read(store)
        with pytest.raises(Damaged, match="1000"):
            store.append(series({99: 1.0}), PROJECT)
        (damage,) = store.verify().damages
        assert damage.path == "_catalog/catalog.db"
        assert "1000" in damage.reason


@pytest.mark.parametrize(
    "name", ["d?x", "[cd]*", "100%", "50% off", "a#b", "with spaces", "it's", "a&b=c", "[ab]", 'quo"te', "é", "{x}"]
)
def test_any_folder_name_will_do(tmp_path: Path, name: str) -> None:
    """A store stays in its folder and shows that folder's files, whatever characters the path has."""
    folder = tmp_path / name / name
    with opened(folder) as store, opened(tmp_path / "beside") as other:
        for number in range(2):
            store.append(series({number: 1.0}), PROJECT)
            store.flush()
        other.append(series({10: 1.0}), PROJECT)
        # A file of the same name in each folder that a pattern could stand for.
        for twin in ("dax/dax", "b/b"):
            shutil.copytree(folder / "observations", tmp_path / twin / "observations", dirs_exist_ok=True)
        store.append(series({1: 2.0, 2: 1.0}), PROJECT)
        assert seen_by_duckdb(store) == {("/s", "T", 0): 1.0, ("/s", "T", 1): 2.0, ("/s", "T", 2): 1.0}
        store.compact()
        delta.checkpoint(store.layout)
        store.backup(tmp_path / f"{name} copy")
        Store.restore(tmp_path / f"{name} copy", tmp_path / f"{name} back")
    for path in (folder, tmp_path / f"{name} back"):
        with Store.open(path, create=False, settings=QUIET) as store:
            assert read(store) == {0: 1.0, 1: 2.0, 2: 1.0}
            assert seen_by_duckdb(store) == {("/s", "T", 0): 1.0, ("/s", "T", 1): 2.0, ("/s", "T", 2): 1.0}
            assert store.verify().clean
            assert store.vacuum(0) is not None
            assert DeltaTable(str(path)).to_pyarrow_table().num_rows == store.info()["rows"]
            assert (path / "_catalog" / "catalog.db").is_file()
    assert len(list(tmp_path.rglob("catalog.db"))) == 4


@pytest.mark.parametrize("name", ["back\\slash", "100%25", "a%2Fb"])
def test_paths_that_the_delta_library_misreads_are_refused(tmp_path: Path, name: str) -> None:
    """A backslash, and % before two hex digits, lead the Delta library elsewhere: refused, and nothing is made."""
    with pytest.raises(StorageError, match="Delta library") as refused:
        opened(tmp_path / name)
    assert refused.value.category == "STORE"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("create", [True, False])
def test_a_file_is_no_store(tmp_path: Path, create: bool) -> None:
    """A path to a file is refused by name, and the file stays what it is."""
    (tmp_path / "file").write_text("something")
    with pytest.raises(StorageError, match=r"/file is a file"):
        Store.open(tmp_path / "file", create=create)
    assert (tmp_path / "file").read_text() == "something"
