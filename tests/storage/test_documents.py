"""Documents are there whole or not at all, belong to one project, and are part of backups and of what is verified."""

import errno
import os
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.storage.crasher import keep_documents
from tests.storage.helpers import PROJECT, opened
from tests.storage.nursery import messages, start

from tseng_storage import documents
from tseng_storage.errors import Damaged, NotFound, StoreFull
from tseng_storage.files import exclusive
from tseng_storage.store import Store

CONTENT = b"%PDF-1.7\n\x00\xff\n%%EOF"
SHA256 = "34cbd846fd6565da52e28468ca9e6c062965817f741a49e52f6f61efac1eced8"
"""Of the content, by sha256sum."""

LINE_KILLS = 40


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return opened(tmp_path / "store")


def _files(store: Store) -> list[Path]:
    return sorted(path for path in store.layout.documents.rglob("*") if path.is_file())


def test_a_document_is_kept_and_taken_away(store: Store) -> None:
    """Row and bytes come back as they went in; afterwards neither is there, nor its file."""
    made = store.documents.add(PROJECT, "sheet.pdf", "application/pdf", CONTENT, by="ann")
    assert made.sha256 == SHA256
    assert (made.name, made.media_type, made.size, made.created_by) == ("sheet.pdf", "application/pdf", 17, "ann")
    assert store.documents.all(PROJECT) == [made] == [store.documents.find(PROJECT, made.id)]
    assert store.documents.content(made) == CONTENT
    store.documents.remove(PROJECT, made.id)
    assert (store.documents.all(), _files(store)) == ([], [])
    for ask in (store.documents.find, store.documents.remove):
        with pytest.raises(NotFound):
            ask(PROJECT, made.id)
    with pytest.raises(NotFound):
        store.documents.content(made)


@given(content=st.binary(max_size=5000), name=st.text(min_size=1))
def test_any_bytes_come_back(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    """The name is no path: whatever it holds, the file lies where all do."""
    with opened(tmp_path_factory.mktemp("any") / "store") as store:
        try:
            made = store.documents.add(PROJECT, name, "text/plain", content)
        except UnicodeEncodeError:
            return  # half a surrogate pair is no text
        assert store.documents.content(made) == content
        assert store.documents.find(PROJECT, made.id).name == name
        assert _files(store) == [store.layout.document(PROJECT, made.id)]


def test_a_project_has_its_own(store: Store) -> None:
    """Another project's document is not found, and goes with its project: rows and files."""
    other = store.catalog.create_project("other").id
    made, kept = (store.documents.add(project, "a", "text/plain", b"a") for project in (other, PROJECT))
    with pytest.raises(NotFound):
        store.documents.find(PROJECT, made.id)
    with pytest.raises(NotFound, match="no project"):
        store.documents.add("nowhere", "a", "text/plain", b"a")
    store.delete_project(other)
    assert store.documents.all() == [kept]
    assert _files(store) == [store.layout.document(PROJECT, kept.id)]
    assert not store.layout.documents_of(other).exists()


def test_backups_hold_documents(store: Store, tmp_path: Path) -> None:
    """What was kept by then is in the copy and in what is restored from it; what nobody keeps is not."""
    made = store.documents.add(PROJECT, "a", "text/plain", b"a")
    (store.layout.documents_of(PROJECT) / "stray").write_bytes(b"stray")
    store.backup(tmp_path / "copy")
    store.documents.remove(PROJECT, made.id)
    Store.restore(tmp_path / "copy", tmp_path / "restored")
    for name in ("copy", "restored"):
        with opened(tmp_path / name) as copy:
            assert copy.documents.all() == [made]
            assert copy.documents.content(made) == b"a"
            assert copy.verify().clean
            assert len(_files(copy)) == 1


def test_a_document_taken_away_during_a_backup_is_in_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are copied, then a document is taken away: its file waits until it is copied too."""
    made = store.documents.add(PROJECT, "a", "text/plain", b"a")
    taken = threading.Thread(target=store.documents.remove, args=(PROJECT, made.id))
    copy = store._database.copy

    def copied(target: Path) -> None:
        copy(target)
        taken.start()
        until = time.monotonic() + 10
        while store.documents.all():
            assert time.monotonic() < until

    monkeypatch.setattr(store._database, "copy", copied)
    store.backup(tmp_path / "copy")
    taken.join(10)
    assert _files(store) == []
    with opened(tmp_path / "copy") as restored:
        assert restored.documents.content(made) == b"a"


def test_backups_of_earlier_releases_have_none(store: Store, tmp_path: Path) -> None:
    """A catalog without the table is restored all the same."""
    store.backup(tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy" / "_catalog" / "catalog.db")) as catalog:
        catalog.execute("DROP TABLE document")
        catalog.commit()
    Store.restore(tmp_path / "copy", tmp_path / "restored")
    assert (tmp_path / "restored" / "_catalog" / "catalog.db").exists()


def _flip(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


@pytest.mark.parametrize("damage", [_flip, _cut, Path.unlink])
def test_a_damaged_document_is_named(store: Store, damage: Any) -> None:
    """Another byte, one too few, no file: verify names it, and it is not read as if fine."""
    made = store.documents.add(PROJECT, "a", "text/plain", CONTENT)
    assert (store.verify().clean, store.verify().documents) == (True, 1)
    damage(store.layout.document(PROJECT, made.id))
    assert [each.path for each in store.verify().damages] == [f"_documents/{PROJECT}/{made.id}"]
    with pytest.raises(Damaged, match=made.id):
        store.documents.content(made)


def test_vacuum_takes_what_nobody_keeps(store: Store) -> None:
    """Files without a row go once they are old; those with one stay, however old."""
    made = store.documents.add(PROJECT, "a", "text/plain", b"a")
    folder = store.layout.documents_of(PROJECT)
    strays = [folder / "stray", folder / "half.tmp"]
    for path in strays:
        path.write_bytes(b"stray")
    os.utime(store.layout.document(PROJECT, made.id), (0, 0))
    assert store.vacuum() == []
    assert store.verify().clean
    os.utime(strays[0], (0, 0))
    assert store.vacuum() == strays[:1]
    assert store.vacuum(0) == strays[1:]
    assert store.documents.content(made) == b"a"


def test_vacuum_between_file_and_row(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that vacuum took before its row was there is written again: no row is without its file."""
    record = documents.Documents._record

    def late(self: documents.Documents, made: documents.Document, path: Path, content: bytes) -> None:
        assert store.vacuum(0) == [path]
        record(self, made, path, content)

    monkeypatch.setattr(documents.Documents, "_record", late)
    made = store.documents.add(PROJECT, "a", "text/plain", b"a")
    assert store.documents.content(made) == b"a"


def test_nothing_is_left_of_what_failed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk there is neither row nor file."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("tseng_storage.files.os.fsync", full)
    with pytest.raises(StoreFull):
        store.documents.add(PROJECT, "a", "text/plain", b"a")
    assert (store.documents.all(), _files(store)) == ([], [])


def test_keeping_and_reading_wait_for_no_backup(store: Store) -> None:
    """While somebody holds the documents' lock, documents are kept, listed and read."""
    with exclusive(store.layout.documents_lock):
        made = store.documents.add(PROJECT, "a", "text/plain", b"a")
        assert store.documents.content(made) == b"a"


def test_killed_between_any_two_lines(tmp_path: Path) -> None:
    """Killed anywhere between file and row, it opens: what was acknowledged is so, nothing is half there."""
    process, ear = start(keep_documents, tmp_path / "whole", 0)
    process.join()
    (_, lines) = messages(ear)[-1]
    for number in range(LINE_KILLS):
        path = tmp_path / str(number)
        process, ear = start(keep_documents, path, 1 + number * lines // LINE_KILLS)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        said = messages(ear)
        with opened(path) as store:
            there = {each.name: store.documents.content(each) for each in store.documents.all()}
            assert {name: name.encode() for name in there} == there
            kept, taken = ({name for verb, name in said if verb == word} for word in ("kept", "taken"))
            assert kept - {"first"} <= there.keys()
            assert "first" in there or "first" not in kept or "second" in kept
            assert not taken & there.keys()
            assert store.verify().clean
            store.vacuum(0)
            assert len(_files(store)) == len(there)
