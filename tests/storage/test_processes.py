"""Several processes on one store: what one acknowledged, the other sees at once."""

import itertools
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from tests.storage.helpers import PROJECT, edited, opened, read, series

from tseng_storage.errors import StoreBusy
from tseng_storage.files import exclusive
from tseng_storage.settings import StoreSettings
from tseng_storage.store import Store

NURSERY = multiprocessing.get_context("forkserver")
NURSERY.set_forkserver_preload(["tests.storage.crasher", "deltalake", "pandas"])

RESTLESS = StoreSettings(flush_rows=50, flush_seconds=0.05, compact_files=3, flush_on_close=False)


def answer(path: Path, pipe: Connection) -> None:
    """A second process: answers each sensor named with all it reads of it."""
    with Store.open(path, create=False, settings=StoreSettings(background=False)) as store:
        while (sensor := pipe.recv()) is not None:
            pipe.send(read(store, sensor))


def produce(path: Path, pipe: Connection) -> None:
    """A second process: uploads 0, 1, 2, … and reports each, flushing and compacting behind, until told to stop."""
    with Store.open(path, settings=RESTLESS) as store:
        for number in itertools.count():
            store.append(series({number: float(number)}), PROJECT)
            pipe.send(number)
            if pipe.poll(0):
                pipe.send(pipe.recv())
                return


def write_own(path: Path, pipe: Connection) -> None:
    """One of many: opens, perhaps creates, uploads twenty times to its own sensor."""
    sensor = pipe.recv()
    with Store.open(path, settings=RESTLESS) as store:
        pipe.send([store.append(series({t: 1.0}, sensor), PROJECT) for t in range(20)])


@contextmanager
def _other(target: Any, path: Path) -> Iterator[Connection]:
    ours, theirs = NURSERY.Pipe()
    process = NURSERY.Process(target=target, args=(path, theirs), daemon=True)
    process.start()
    theirs.close()
    yield ours
    process.join(30)
    assert process.exitcode == 0


def test_another_process_sees_acknowledged_data_at_once(tmp_path: Path) -> None:
    """After each upload, load, flush, compaction and vacuum here, the reader there answers exactly the present."""
    with opened(tmp_path) as store, _other(answer, tmp_path) as other:
        expected: dict[int, float] = {}
        for number in range(120):
            rows = {number: float(number), number // 2: -float(number)}
            (store.load if number % 10 == 9 else store.append)(series(rows), PROJECT)
            expected.update(rows)
            other.send("/s")
            assert other.recv() == dict(sorted(expected.items()))
            if number % 7 == 0:
                store.flush()
            if number % 20 == 0:
                store.compact()
                store.vacuum(0)
            other.send("/s")
            assert other.recv() == dict(sorted(expected.items()))
        other.send(None)


def test_other_processes_come_and_go(tmp_path: Path) -> None:
    """While the process that made the store has it open, others that open and close it leave its uploads alone."""
    with opened(tmp_path / "new") as store:
        for number in range(3):
            store.append(series({number: 1.0}), PROJECT)
            with _other(answer, tmp_path / "new") as other:
                other.send("/s")
                assert other.recv() == dict.fromkeys(range(number + 1), 1.0)
                other.send(None)
    with opened(tmp_path / "new") as store:
        assert read(store) == dict.fromkeys(range(3), 1.0)


def test_a_reader_never_misses_rows_while_another_process_maintains(tmp_path: Path) -> None:
    """Whatever the other process flushes and compacts meanwhile, each read here is all it acknowledged, in order."""
    with opened(tmp_path) as store, _other(produce, tmp_path) as other:
        acknowledged = other.recv()
        until = time.monotonic() + 3
        while time.monotonic() < until:
            while other.poll(0):
                acknowledged = other.recv()
            times = list(read(store))
            assert times == list(range(len(times)))
            assert len(times) > acknowledged
        other.send("stop")
        while other.recv() != "stop":
            pass
        assert store.info()["segments"] > 0


def test_many_processes_create_and_write_one_store(tmp_path: Path) -> None:
    """Opened by several processes at the same moment a store is made once, and all uploads get their own number."""
    sensors = [f"/{number}" for number in range(5)]
    pairs = []
    for _ in sensors:
        ours, theirs = NURSERY.Pipe()
        process = NURSERY.Process(target=write_own, args=(tmp_path / "new", theirs), daemon=True)
        process.start()
        pairs.append((process, ours))
    for sensor, (_, ours) in zip(sensors, pairs, strict=True):
        ours.send(sensor)
    numbers = [number for _, ours in pairs for number in ours.recv()]
    for process, _ in pairs:
        process.join(30)
    assert len(set(numbers)) == 100
    with opened(tmp_path / "new") as store:
        assert all(len(read(store, sensor)) == 20 for sensor in sensors)
        assert len(store.catalog.projects()) == 1
        assert store.verify().clean


def test_catalog_changes_are_seen_across_stores(tmp_path: Path) -> None:
    """What is cached is looked up anew once another store changed it, and kept while known series grow."""
    with opened(tmp_path) as one, opened(tmp_path) as two:
        assert two.catalog.entity(PROJECT, "sensor", "/s") is None
        one.catalog.create_entity(PROJECT, "sensor", "/s", "TILT")
        assert two.metrics_of(PROJECT, "/s").metrics == ()
        one.append(series({0: 1.0}), PROJECT)
        assert two.metrics_of(PROJECT, "/s").metrics == ("T",)
        first = two.catalog.entity(PROJECT, "sensor", "/s")
        assert first is not None
        one.append(series({1: 1.0}), PROJECT)
        assert two.catalog.entity(PROJECT, "sensor", "/s") is first
        edited(one.catalog, "sensor", "/s", {"DEPTH": 2})
        changed = two.catalog.entity(PROJECT, "sensor", "/s")
        assert changed is not None
        assert changed.props == {"DEPTH": 2}


def test_maintenance_excludes_maintenance_and_nothing_else(tmp_path: Path) -> None:
    """While the maintenance lock is held elsewhere, uploads and reads go on and a flush that will not wait says so."""
    with opened(tmp_path) as store:
        with exclusive(store.layout.lock):
            store.append(series({1: 1.0}), PROJECT)
            assert read(store) == {1: 1.0}
            with pytest.raises(StoreBusy):
                store.flush(wait=False)
            with opened(tmp_path) as other:
                assert read(other) == {1: 1.0}
        assert store.flush() == 1
