"""Waiting for commits: those of this process wake at once, those of others are noticed, and closing ends it."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.storage.helpers import PROJECT, opened, read, series

from tseng_storage import bell
from tseng_storage.errors import StoreClosed
from tseng_storage.store import Store

DEADLINE = 60.0


class Waiting(threading.Thread):
    """A thread in `wait`, with what it came back with."""

    def __init__(self, store: Store, seen: int, seconds: float = DEADLINE) -> None:
        super().__init__(daemon=True)
        self._ask: Callable[[], int] = lambda: store.wait(seen, seconds)
        self.answer: int | type[Exception] | None = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = self._ask()
        except StoreClosed as closed:
            self.answer = type(closed)

    def result(self) -> int | type[Exception] | None:
        self.join(DEADLINE)
        return self.answer


def asleep(store: Store, threads: Sequence[threading.Thread]) -> None:
    """Return when all of the threads wait: one looks for commits, the others for its leaving."""
    ring, until = store._database._bell, time.monotonic() + DEADLINE
    while not ring._watched or len(ring._turn._waiters) < len(threads) - 1:  # type: ignore[attr-defined]
        assert time.monotonic() < until
        threading.Event().wait(0.001)


def test_a_commit_of_this_process_wakes_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uploads, bulk loads and changes of the catalog wake every thread without anybody looking for them."""
    monkeypatch.setattr(bell, "PAUSE", DEADLINE * 10)
    commits: list[Callable[[Store], object]] = [
        lambda store: store.append(series({1: 1.0}), PROJECT),
        lambda store: store.load(series({1: 2.0}), PROJECT),
        lambda store: store.catalog.create_entity(PROJECT, "sensor", "/s", "TILT"),
    ]
    with opened(tmp_path) as store:
        for commit in commits:
            seen = store.changes()
            threads = [Waiting(store, seen) for _ in range(8)]
            asleep(store, threads)
            commit(store)
            answers = [thread.result() for thread in threads]
            assert seen not in answers
            assert None not in answers


def test_nothing_is_waited_for_that_happened_already(tmp_path: Path) -> None:
    """A number of earlier gives the present one at once, and a wait without any commit ends when its time is up."""
    with opened(tmp_path) as store:
        seen = store.changes()
        store.append(series({1: 1.0}), PROJECT)
        now = store.wait(seen, DEADLINE)
        assert now == store.changes() != seen
        assert store.wait(now, 0.02) == now
        assert store.wait(now, 0) == now


def test_another_takes_over_when_the_one_that_looks_leaves(tmp_path: Path) -> None:
    """Commits of another handle are noticed also after the thread that looked for them went away."""
    with opened(tmp_path) as store, opened(tmp_path) as other:
        seen = store.changes()
        first = Waiting(store, seen, 0.05)
        asleep(store, [first])
        second = Waiting(store, seen)
        assert first.result() == seen
        other.append(series({1: 1.0}), PROJECT)
        assert second.result() not in (None, seen)


def test_closing_ends_all_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every thread comes back with StoreClosed, and so does whoever waits afterwards."""
    monkeypatch.setattr(bell, "PAUSE", DEADLINE * 10)
    store = opened(tmp_path)
    threads = [Waiting(store, store.changes()) for _ in range(4)]
    asleep(store, threads)
    store.close()
    assert [thread.result() for thread in threads] == [StoreClosed] * 4
    with pytest.raises(StoreClosed):
        store.wait(0, 0)


def test_a_commit_is_seen_at_once_also_while_others_look(tmp_path: Path) -> None:
    """What is acknowledged is there for whoever looks next, however many threads are looking at that moment."""
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            store.changes()

    with opened(tmp_path) as store:
        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for time_us in range(300):
                seen = store.changes()
                store.append(series({time_us: 1.0}), PROJECT)
                assert store.changes() != seen
                assert time_us in read(store)
        finally:
            over.set()
            for thread in threads:
                thread.join()


def test_closing_a_store_that_others_look_at(tmp_path: Path) -> None:
    """They are told that it is closed, and nothing of it is in use any more."""
    for number in range(30):
        store = opened(tmp_path / str(number))
        told: list[StoreClosed] = []

        def look(store: Store = store, told: list[StoreClosed] = told) -> None:
            try:
                while True:
                    store.changes()
            except StoreClosed as closed:
                told.append(closed)

        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        store.close()
        for thread in threads:
            thread.join(DEADLINE)
        assert len(told) == 3
