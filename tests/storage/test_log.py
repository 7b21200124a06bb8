"""The log: group commit, numbers, trimming."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import event
from tests.storage.helpers import PROJECT, Point, opened, read, series, table

from tseng_storage.errors import NotFound
from tseng_storage.intake import normalise
from tseng_storage.payload import decode, encode
from tseng_storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return opened(tmp_path)


def test_uploads_that_wait_together_share_one_commit(store: Store) -> None:
    """While one commit is held up, uploads of other threads queue and then go to disk in a single transaction."""
    commits: list[object] = []
    event.listen(store._database._engines[0], "commit", commits.append)
    threads = [threading.Thread(target=store.append, args=(series({n: 1.0}), PROJECT)) for n in range(6)]
    with store._log._committing:
        for thread in threads:
            thread.start()
        while len(store._log._queue) < 6:
            pass
    for thread in threads:
        thread.join()
    assert len(commits) == 1
    assert list(read(store)) == list(range(6))


def test_one_bad_upload_does_not_fail_its_group(store: Store) -> None:
    """An upload to an unknown project fails alone; those committed with it are kept."""
    failures: list[BaseException] = []

    def bad() -> None:
        try:
            store.append(series({1: 1.0}), "nowhere")
        except NotFound as failure:
            failures.append(failure)

    threads = [threading.Thread(target=bad), threading.Thread(target=store.append, args=(series({2: 1.0}), PROJECT))]
    with store._log._committing:
        for thread in threads:
            thread.start()
        while len(store._log._queue) < 2:
            pass
    for thread in threads:
        thread.join()
    assert len(failures) == 1
    assert read(store) == {2: 1.0}


def test_numbers_are_never_used_twice(store: Store) -> None:
    """After the log was emptied by a flush and reopened, numbers go on from where they were."""
    last = store.append(series({1: 1.0}), PROJECT)
    store.flush()
    store.close()
    with opened(store.layout.root) as again:
        assert again.append(series({2: 1.0}), PROJECT) > last


def test_durable_settings(store: Store) -> None:
    """Every connection that writes has write-ahead logging and syncs at each commit."""
    with store._database.write() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        # 2 is FULL: the log is synced at every commit, https://www.sqlite.org/pragma.html#pragma_synchronous
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


@pytest.mark.parametrize(
    "points",
    [
        [],
        [("/s", "T", 1, 1.5)],
        [("/b", "x", 2, None), ("/a", "T", 1, -0.0), ("/b", "T", 1, 1e300)],
        [(f"/{n % 7}é", "T", n, n / 3) for n in range(500)],
    ],
)
def test_uploads_survive_as_bytes(points: list[Point]) -> None:
    """An upload decoded is the upload encoded, row by row in the order given."""
    rows = normalise(table(points))
    back = decode(encode(rows), received=7, seq=9)
    assert [back.sensors[code] for code in back.sensor] == [sensor for sensor, *_ in points]
    assert [back.metrics[code] for code in back.metric] == [metric for _, metric, *_ in points]
    assert back.time.tolist() == [time for _, _, time, _ in points]
    assert back.value.tobytes() == rows.value.tobytes()
    assert back.seq.tolist() == [9] * len(points)
    assert back.received.tolist() == [7] * len(points)


def test_bytes_hold_only_the_names_used() -> None:
    """One row cut from a table of many sensors is a small upload."""
    rows = normalise(table([("/" + "s" * 50 + str(n), "T", 1, 1.0) for n in range(1000)]))
    assert len(encode(rows.take(slice(3, 4)))) < 2000
