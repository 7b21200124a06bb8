"""Any sequence of writes and maintenance reads like a dictionary."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.storage.helpers import PROJECT, SMALL, Point, opened, read, seen_by_duckdb, table

from tseng_storage.store import Store

Model = dict[tuple[str, str, int], float | None]

# Few ids, times and values, so that points collide all the time.
sensors = st.sampled_from(["/a", "/b", "/b/é", "/c"])
times = st.one_of(st.integers(0, 12), st.sampled_from([-(2**50), -1]))
values = st.one_of(st.sampled_from([0.0, 1.0, 2.5, None, float("nan"), float("inf")]), st.floats(-1e300, 1e300))
points: st.SearchStrategy[list[Point]] = st.lists(
    st.tuples(sensors, st.sampled_from(["T", "x"]), times, values), min_size=1, max_size=14
)
writes: st.SearchStrategy[tuple[str, list[Point]]] = st.tuples(st.sampled_from(["append", "append", "load"]), points)
care: st.SearchStrategy[tuple[str, list[Point]]] = st.tuples(
    st.sampled_from(["flush", "compact", "reopen", "vacuum", "tidy"]), st.builds(list)
)
windows = st.tuples(st.one_of(st.none(), st.integers(-2, 13)), st.one_of(st.none(), st.integers(-2, 13)))


def _remember(model: Model, rows: list[Point]) -> None:
    for sensor, metric, time, value in rows:
        missing = value is None or value != value or value in (float("inf"), float("-inf"))
        model[sensor, metric, time] = None if missing else value


CARE: dict[str, Callable[[Store], object]] = {
    "flush": Store.flush, "compact": Store.compact, "vacuum": lambda store: store.vacuum(0), "tidy": Store.tidy,
}  # fmt: skip


@given(st.lists(st.one_of(writes, care), min_size=1, max_size=12), windows)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_reads_like_a_dictionary(steps: list[tuple[str, list[Point]]], window: tuple[int | None, int | None]) -> None:
    """After any steps each point has the last value written, missing ones are absent, and both readers agree."""
    with tempfile.TemporaryDirectory() as folder:
        store = opened(Path(folder), SMALL)
        model: Model = {}
        for name, rows in steps:
            if name == "reopen":
                store.close()
                store = opened(Path(folder), SMALL)
            elif name in CARE:
                CARE[name](store)
            else:
                (store.append if name == "append" else store.load)(table(rows), PROJECT)
                _remember(model, rows)
            _check(store, model, window)
        assert seen_by_duckdb(store) == {point: value for point, value in model.items() if value is not None}
        assert store.verify().clean
        store.close()


def _check(store: Store, model: Model, window: tuple[int | None, int | None]) -> None:
    start, end = window
    for sensor, metric in {(sensor, metric) for sensor, metric, _ in model}:
        valid = {t: v for (s, m, t), v in sorted(model.items()) if (s, m) == (sensor, metric) and v is not None}
        assert read(store, sensor, metric) == valid
        assert list(read(store, sensor, metric)) == sorted(valid)
        inside = {t: v for t, v in valid.items() if (start is None or t >= start) and (end is None or t <= end)}
        assert read(store, sensor, metric, start, end) == inside
        times, parts = store.parts(PROJECT, sensor, metric, start, end)
        assert dict(zip(times.tolist(), [v for part in parts for v in part.tolist()], strict=True)) == inside
        pieces: dict[int, float] = {}
        last = -(2**63)
        for low, high in store.blocks(PROJECT, sensor, metric, start, end):
            assert last < low <= high
            pieces.update(read(store, sensor, metric, low, high))
            last = high
        assert pieces == inside
