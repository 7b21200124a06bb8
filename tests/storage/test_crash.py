"""A process killed at any moment loses nothing it acknowledged and leaves nothing double."""

import random
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from tests.storage.crasher import KEY, METRICS, MODES, die_at, live, upload_once, value_of
from tests.storage.helpers import QUIET, opened, read, seen_by_duckdb, table
from tests.storage.nursery import messages, start

from tseng_storage.store import Store

KILLS_PER_MODE = 12
LINE_KILLS = 48
KEY_KILLS = 20


def _check(store: Store, acknowledged: dict[str, set[int]], metrics: Sequence[str] = METRICS) -> None:
    """Every acknowledged time of each sensor is there once, with its value, and nothing that was never written."""
    seen = seen_by_duckdb(store)
    assert all(value == value_of(*point) for point, value in seen.items())
    for sensor, times in acknowledged.items():
        for metric in metrics:
            series = read(store, sensor, metric)
            assert times <= series.keys()
            assert series == {t: v for (s, m, t), v in seen.items() if (s, m) == (sensor, metric)}
    assert store.verify().damages == ()


@pytest.mark.parametrize("mode", MODES)
def test_killed_at_random_moments(mode: str, tmp_path: Path) -> None:
    """Killed while threads upload and maintenance goes on: each acknowledged value is there once, verify is clean."""
    moments = random.Random()
    acknowledged: dict[str, set[int]] = {}
    for kill in range(KILLS_PER_MODE):
        first = kill * 1_000_000
        process, ear = start(live, tmp_path / "store", mode, first)
        # From the first sign of life, so that moments inside the opening of the store count as well; or from the first
        # acknowledgement, so that there is something to lose on a busy machine too.
        said = [ear.recv() for _ in range(1 + kill % 2)]
        time.sleep(moments.uniform(0, 0.3))
        process.kill()
        process.join()
        for sensor, upto in [*said, *messages(ear)]:
            acknowledged.setdefault(sensor, set()).update(range(first, upto))
        with opened(tmp_path / "store", QUIET) as store:
            _check(store, acknowledged)
    assert sum(len(times) for times in acknowledged.values()) > KILLS_PER_MODE


def test_killed_between_any_two_lines(tmp_path: Path) -> None:
    """Killed before lines spread evenly over a store's life, from its making to vacuum, it opens and is complete."""
    process, ear = start(die_at, tmp_path / "whole", 0)
    process.join()
    (_, lines) = messages(ear)[-1]
    for number in range(LINE_KILLS):
        path = tmp_path / str(number)
        process, ear = start(die_at, path, 1 + number * lines // LINE_KILLS)
        process.join()
        assert process.exitcode == -9
        times = [time for _, start in messages(ear) for time in range(start, start + 40)]
        with opened(path, QUIET) as store:
            _check(store, {"/s": set(times)})
            store.append(_one_more(), "default")
            assert store.compact() >= 0
            _check(store, {"/s": {*times, 10_000}})


@pytest.mark.parametrize("bulk", [False, True], ids=["append", "load"])
def test_killed_in_an_upload_under_a_key(bulk: bool, tmp_path: Path) -> None:
    """Killed anywhere and sent again, by either verb, the upload is there once, under the number that was told."""
    process, ear = start(upload_once, tmp_path / "whole", bulk, 0)
    process.join()
    *said, (_, lines) = messages(ear)
    assert len({seq for _, seq in said}) == 1
    points = table([("/s", "T", time, value_of("/s", "T", time)) for time in range(40)])
    for number in range(KEY_KILLS):
        path = tmp_path / str(number)
        process, ear = start(upload_once, path, bulk, 1 + number * lines // KEY_KILLS)
        process.join()
        assert process.exitcode == -9
        told = {seq for _, seq in messages(ear)}
        with opened(path, QUIET) as store:
            again = (store.load if number % 2 else store.append)(points, "default", once=KEY)
            assert told <= {again}
            assert store.append(points, "default", once=KEY) == again
            store.flush()
            _check(store, {"/s": set(range(40))}, ("T",))
            assert store.info()["rows"] == 40


def _one_more() -> pa.Table:
    return table([("/s", metric, 10_000, value_of("/s", metric, 10_000)) for metric in METRICS])
