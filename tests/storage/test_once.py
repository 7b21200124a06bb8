"""Uploads under a key: stored once, however often and by whichever verb they are sent; see also the crash tests."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import pytest
from tests.storage.helpers import PROJECT, opened, read, series

from tseng_storage import delta, log
from tseng_storage.errors import KeyReused
from tseng_storage.once import Once
from tseng_storage.store import Store
from tseng_storage.tables import IDEMPOTENCY

KEY = Once("k", "abc")
POINTS = series({1: 1.0, 2: 2.0})
DAY = 24 * 3600 * 1_000_000


class Died(BaseException):
    """The process would be dead."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with opened(tmp_path) as made:
        yield made


def send(store: Store, verb: str, once: Once = KEY, project: str = PROJECT) -> int:
    """Upload the same two points."""
    seq: int = getattr(store, verb)(POINTS, project, once=once)
    return seq


def rows(store: Store) -> int:
    """Rows in the table once all is flushed: versions, not points."""
    store.flush()
    count: int = store.info()["rows"]
    return count


@pytest.mark.parametrize("second", ["append", "load"])
@pytest.mark.parametrize("first", ["append", "load"])
def test_stored_once(store: Store, first: str, second: str) -> None:
    """The second gets the number of the first, and takes none; before and after a flush, and in another process."""
    assert not store.stored(PROJECT, KEY)
    seq = send(store, first)
    assert store.stored(PROJECT, KEY)
    assert [send(store, second), store.newest()] == [seq, seq]
    assert rows(store) == 2
    with opened(store.layout.root) as other:
        assert [send(other, second), other.newest()] == [seq, seq]
    assert rows(store) == 2
    assert store.verify().clean


def test_what_came_between_stays(store: Store) -> None:
    """An upload that is sent again does not bring back what was corrected since."""
    send(store, "append")
    store.append(series({1: 5.0}), PROJECT)
    send(store, "append")
    assert read(store) == {1: 5.0, 2: 2.0}


@pytest.mark.parametrize("verb", ["append", "load"])
def test_another_upload_under_the_key(store: Store, verb: str) -> None:
    """It is refused, and nothing of it kept; under another key, or in another project, it is another upload."""
    seq = send(store, verb)
    other = Once("k", "other")
    refused: list[Callable[[], object]] = [lambda: send(store, verb, other), lambda: store.stored(PROJECT, other)]
    for each in refused:
        with pytest.raises(KeyReused, match="the key 'k' was used for another upload") as error:
            each()
        assert (error.value.category, error.value.seen) == ("IDEMPOTENCY_KEY_REUSED", "k")
    assert store.newest() == seq
    assert send(store, verb, Once("k2", "abc")) > seq
    assert send(store, verb, project=store.catalog.create_project("other").id) > seq


@pytest.mark.parametrize("verb", ["append", "load"])
def test_a_key_is_known_for_a_day(store: Store, verb: str) -> None:
    """A microsecond less than a day later the upload is known, then it is a new one; vacuum forgets it for good."""
    now = 10 * DAY
    with patch("tseng_storage.log.now_us", lambda: now):
        seq = send(store, verb)
        now += DAY - 1
        assert send(store, verb) == seq
        store.vacuum()
        assert _keys(store) == 1
        now += 1
        assert send(store, verb, Once("k", "other")) > seq
        now += DAY
        store.vacuum()
        assert _keys(store) == 0


def test_many_send_it_at_once(store: Store) -> None:
    """Threads that send the same upload, by either verb, all get one number."""
    with ThreadPoolExecutor(8) as pool:
        sent = pool.map(lambda _: send(store, "append"), range(40))
        assert len(set(sent)) == 1
        loaded = pool.map(lambda _: send(store, "load", Once("l", "abc")), range(8))
        assert len(set(loaded)) == 1
    assert store.newest() == 2


@pytest.mark.parametrize("again", ["append", "load"])
def test_a_load_that_died(store: Store, again: str) -> None:
    """Before its segments were in the table it is stored when sent again; after, it is found there."""
    with patch.object(delta, "commit", side_effect=Died), pytest.raises(Died):
        send(store, "load")
    assert not store.stored(PROJECT, KEY)
    assert send(store, again) == 2
    assert rows(store) == 2
    other = Once("l", "abc")
    with patch.object(log.Log, "note", side_effect=Died), pytest.raises(Died):
        send(store, "load", other)
    assert not store.stored(PROJECT, other)
    assert send(store, again, other) == 3
    assert store.stored(PROJECT, other)
    assert rows(store) == 4


def test_a_load_that_died_and_was_compacted(store: Store) -> None:
    """It is found among the rows of others."""
    store.load(series({0: 0.0}), PROJECT)
    with patch.object(log.Log, "note", side_effect=Died), pytest.raises(Died):
        send(store, "load")
    store.load(series({5: 0.0}), PROJECT)
    store.compact()
    assert store.info()["segments"] == 1
    assert send(store, "load") == 2
    assert read(store) == {0: 0.0, 1: 1.0, 2: 2.0, 5: 0.0}
    assert store.newest() == 3


def test_a_deleted_project_takes_its_keys(store: Store) -> None:
    """Nothing is known of them."""
    project = store.catalog.create_project("gone").id
    send(store, "append", project=project)
    store.delete_project(project)
    assert _keys(store) == 0


def _keys(store: Store) -> int:
    with store._database.read() as connection:
        return len(connection.execute(IDEMPOTENCY.select()).all())
