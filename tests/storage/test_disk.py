"""A disk that is full or cannot be written: what fails says so plainly, leaves nothing behind and loses nothing."""

import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import deltalake
import pytest
from tests.storage.helpers import PROJECT, opened, read, series, table

from tseng_storage.errors import Damaged, StorageError, StoreFull, StoreReadOnly
from tseng_storage.files import HashingFile
from tseng_storage.settings import StoreSettings
from tseng_storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with two overlapping segments and an upload in the log."""
    store = opened(tmp_path / "store", StoreSettings(background=False, flush_on_close=False, segment_rows=50))
    store.load(series({t: float(t) for t in range(100)}), PROJECT)
    store.load(series({5: 50.0}), PROJECT)
    store.append(series({6: 60.0}), PROJECT)
    return store


CONTENT = {**{t: float(t) for t in range(100)}, 5: 50.0, 6: 60.0}


def _full_from(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no segment but the first `number` be written: the others go to the device that is always full."""
    made: list[HashingFile] = []
    opens = HashingFile.__init__

    def init(self: HashingFile, path: Path) -> None:
        opens(self, path)
        made.append(self)
        if len(made) > number:
            full = os.open("/dev/full", os.O_WRONLY)
            os.dup2(full, self._file.fileno())
            os.close(full)

    monkeypatch.setattr(HashingFile, "__init__", init)


def _segments(store: Store) -> set[Path]:
    return {path for path in store.layout.observations.rglob("*") if path.is_file()}


WRITERS: dict[str, Callable[[Store], object]] = {
    "flush": Store.flush,
    "compact": Store.compact,
    "load": lambda store: store.load(series(dict.fromkeys(range(40), 0.5), "/new"), PROJECT),
    "several files": lambda store: store.load(table([(f"/{n % 9}", "T", n, 1.0) for n in range(270)]), PROJECT),
}  # fmt: skip


@pytest.mark.parametrize(
    ("writer", "number"),
    [
        ("flush", 0),
        ("load", 0),
        ("compact", 0),
        ("compact", 1),
        ("compact", 2),
        ("several files", 0),
        ("several files", 1),
    ],
)
def test_a_full_disk_is_told_and_undone(
    store: Store, writer: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes segments to a full disk gets a StoreFull that says what to do; afterwards all is as before."""
    before = _segments(store)
    with monkeypatch.context() as patched:
        _full_from(number, patched)
        with pytest.raises(StoreFull, match="free some") as refused:
            WRITERS[writer](store)
    assert refused.value.category == "STORE"
    left = _segments(store) - before
    assert not [path for path in left if path.suffix == ".tmp"]
    assert writer == "compact" or not left
    assert read(store) == CONTENT
    assert store.verify().clean
    WRITERS[writer](store)
    assert read(store) == CONTENT


def test_a_full_catalog_is_told(store: Store) -> None:
    """An upload that the log has no room for is refused as StoreFull, and the next one goes through."""
    with store._database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFull, match="free some"):
        store.append(series({t: t / 7 for t in range(100_000)}, "/much"), PROJECT)
    with store._database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    store.append(series({t: t / 7 for t in range(100_000)}, "/much"), PROJECT)
    assert len(read(store, "/much")) == 100_000
    assert read(store) == CONTENT


# As the library words it, colours included.
DELTA_FULL = (
    "Generic LocalFileSystem error\n \x1b[31m↳\x1b[0m Unable to copy data to file\n"
    " \x1b[31m↳\x1b[0m No space left on device (os error 28)\n"
)


@pytest.mark.parametrize("kind", [OSError, deltalake.exceptions.DeltaError])
def test_a_commit_without_room_is_told(store: Store, kind: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    """The Delta library reports a full disk in words only; the upload stays in the log until a flush succeeds."""

    def full(*_: Any, **__: Any) -> None:
        raise kind(DELTA_FULL)

    with monkeypatch.context() as patched:
        patched.setattr(deltalake.DeltaTable, "create_write_transaction", full)
        with pytest.raises(StoreFull):
            store.flush()
    assert read(store) == CONTENT
    assert store.flush() == 1
    assert read(store) == CONTENT


def test_other_faults_of_the_disk_are_storage_errors(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing disk is named as such in one line, in the category of the store."""

    def broken(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StorageError, match="Input/output error") as refused:
        store.flush()
    assert refused.value.category == "STORE"


def test_compacting_with_a_segment_gone_is_damage(store: Store) -> None:
    """Maintenance that misses a file of the table names it."""
    gone = max(_segments(store))
    gone.unlink()
    with pytest.raises(Damaged, match=gone.name):
        store.compact()


def test_the_background_tells_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A background flush that finds the disk full logs one line and tries again; the upload is readable throughout."""
    settings = StoreSettings(flush_seconds=0.04, flush_on_close=False)
    with Store.open(tmp_path, settings=settings) as store, caplog.at_level(logging.ERROR, "tseng.storage"):
        with monkeypatch.context() as patched:
            _full_from(0, patched)
            store.append(series({1: 1.0}), PROJECT)
            deadline = time.monotonic() + 20
            while not caplog.records:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert read(store) == {1: 1.0}
        assert all(record.exc_info is None and "free some" in record.getMessage() for record in caplog.records)
        while store.info()["log_commits"]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert read(store) == {1: 1.0}


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def _locked(*paths: Path) -> Iterator[None]:
    """Take the right to write to `paths` away; from the superuser, whom that does not stop, by being somebody else."""
    modes = [path.stat().st_mode for path in paths]
    for path in paths:
        path.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode)


@pytest.mark.parametrize("locked", ["_catalog", "_catalog/catalog.db"])
def test_a_store_that_cannot_be_written_to_says_so(public: Path, locked: str) -> None:
    """Opening it, also only to read, is refused with the path and the reason; nothing in the folder changes."""
    folder = public / "store"
    with opened(folder) as store:
        store.append(series({1: 1.0}), PROJECT)
    before = sorted(folder.rglob("*"))
    with _locked(folder / locked), pytest.raises(StoreReadOnly, match="cannot be written to") as refused:
        opened(folder)
    assert refused.value.category == "STORE"
    # Whoever runs this as the superuser may not write to the folder of the locked file either.
    assert str(refused.value.seen) in (str(folder / locked), str(folder / "_catalog"))
    assert sorted(folder.rglob("*")) == before
    with opened(folder) as store:
        assert read(store) == {1: 1.0}


def test_a_store_cannot_be_made_where_nothing_can_be_written(public: Path) -> None:
    """Making a store in a folder without the right to is refused in the same words."""
    (public / "here").mkdir()
    with _locked(public / "here"), pytest.raises(StoreReadOnly, match="cannot be written to"):
        opened(public / "here" / "store")
    assert list((public / "here").iterdir()) == []


def test_a_flush_that_cannot_write_says_so(public: Path) -> None:
    """Uploads go on while the folder of segments cannot be written to; the flush says why it does not."""
    with opened(public / "store") as store:
        store.append(series({1: 1.0}), PROJECT)
        with _locked(store.layout.observations), pytest.raises(StoreReadOnly, match="cannot be written to"):
            store.flush()
        assert store.flush() == 1
        assert read(store) == {1: 1.0}
