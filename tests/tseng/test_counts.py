"""Counts brought forward are those that counting anew gives, whatever happened meanwhile and in which process."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.storage.helpers import PROJECT, QUIET, SMALL, Point, meanwhile, opened, series, table

from tseng.counts import Count, Counts
from tseng_storage.store import Store

SENSORS = ("/a", "/b", "/c")

values = st.sampled_from([0.0, 1.0, None, None])
points: st.SearchStrategy[list[Point]] = st.lists(
    st.tuples(st.sampled_from(SENSORS), st.sampled_from(["T", "x"]), st.integers(0, 9), values),
    min_size=1,
    max_size=10,
)
nothing = st.builds(list[Point])
handles = st.integers(0, 1)
writes = st.tuples(st.just("append"), handles, points, nothing)
loads = st.tuples(st.just("load"), handles, points, st.one_of(nothing, points))
care = st.tuples(st.sampled_from(["flush", "compact", "vacuum", "tidy"]), handles, nothing, nothing)
steps = st.lists(st.one_of(writes, loads, care), min_size=1, max_size=12)
asked = st.lists(st.tuples(st.sets(st.sampled_from([*SENSORS, "/never"])), st.booleans()), min_size=12, max_size=12)

CARE: dict[str, Callable[[Store], object]] = {
    "flush": Store.flush, "compact": Store.compact, "vacuum": lambda store: store.vacuum(0), "tidy": Store.tidy,
}  # fmt: skip


class Model:
    """All uploads by number, with the time at which each came in; and what brute force makes of them."""

    def __init__(self) -> None:
        self.uploads: dict[int, tuple[int, list[Point]]] = {}

    def count(self, sensor: str, loading: int | None) -> Count:
        """Count the times of the sensor that have a value, one by one."""
        last: dict[tuple[str, int], float | None] = {}
        for seq, (_, rows) in sorted(self.uploads.items()):
            if seq != loading:
                last |= {(metric, time): value for name, metric, time, value in rows if name == sensor}
        valid = {point: value for point, value in last.items() if value is not None}
        newest = max((time for _, time in valid), default=None)
        return Count(
            len({time for _, time in valid}),
            newest,
            {metric: value for (metric, time), value in valid.items() if time == newest},
        )

    def received(self, sensor: str, loading: int | None) -> tuple[int, set[int]]:
        """When the last value came in that was another than before, and when anything did."""
        last: dict[tuple[str, int], float | None] = {}
        differing, any_ = 0, set[int]()
        for seq, (received, rows) in sorted(self.uploads.items()):
            mine = {(metric, time): value for name, metric, time, value in rows if name == sensor}
            if seq == loading or not mine:
                continue
            any_.add(received)
            if any(point not in last or last[point] != value for point, value in mine.items()):
                differing = max(differing, received)
            last |= mine
        return differing, any_


def check(store: Store, counts: Counts, model: Model, sensors: set[str], values: bool) -> None:
    """Hold counts and dates of some sensors against brute force."""
    loading = store.snapshot().loading
    found = counts.of(PROJECT, sensors, values=values)
    assert set(found) == sensors
    for sensor in sensors:
        expected = model.count(sensor, loading)
        assert (found[sensor].observations, found[sensor].last) == (expected.observations, expected.last)
        assert found[sensor].values == expected.values or not values
    if values:
        received = counts.received(PROJECT)
        for sensor in SENSORS:
            differing, dates = model.received(sensor, loading)
            assert (sensor in received) == bool(dates)
            assert not dates or differing <= received[sensor] <= max(dates)


@given(steps, asked, st.integers(1, 4))
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_counts_brought_forward_are_exact(
    steps: list[tuple[str, int, list[Point], list[Point]]], asked: list[tuple[set[str], bool]], most: int
) -> None:
    """Two handles on one folder, asked now and then for some sensors, agree with brute force after any steps."""
    now, model = 1_000_000, Model()
    with (
        tempfile.TemporaryDirectory() as folder,
        patch("tseng_storage.log.now_us", lambda: now),
        patch("tseng_storage.maintenance.now_us", lambda: now),
    ):
        stores = [opened(Path(folder), SMALL) for _ in range(2)]
        counts = [Counts(store, most) for store in stores]

        def during(rows: list[Point], sensors: set[str]) -> None:
            if rows:
                model.uploads[stores[0].append(table(rows), PROJECT)] = (now, rows)
            for store, each in zip(stores, counts, strict=True):
                check(store, each, model, sensors, True)

        for (name, handle, rows, more), (sensors, values) in zip(steps, asked, strict=False):
            now += 1
            if name == "append":
                model.uploads[stores[handle].append(table(rows), PROJECT)] = (now, rows)
            elif name == "load":
                with meanwhile(lambda more=more, sensors=sensors: during(more, sensors)):  # type: ignore[misc]
                    model.uploads[stores[handle].load(table(rows), PROJECT)] = (now, rows)
            else:
                CARE[name](stores[handle])
            check(stores[1 - handle], counts[1 - handle], model, sensors, values)
        for store, each in zip(stores, counts, strict=True):
            check(store, each, model, set(SENSORS), True)
            store.close()


def test_what_is_known_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked again, nothing is read; after an upload only the new times of the one sensor are, not its long past."""
    reads: list[tuple[str, int | None, int | None]] = []
    with opened(tmp_path, QUIET) as store:
        for sensor in ("/a", "/b"):
            store.load(series(dict.fromkeys(range(1000), 1.0), sensor), PROJECT)
        parts = store.parts

        def noted(project: str, sensor: str, metric: str, start: int | None, end: int | None, **rest: object) -> object:
            reads.append((sensor, start, end))
            return parts(project, sensor, metric, start, end, **rest)  # type: ignore[arg-type]

        monkeypatch.setattr(store, "parts", noted)
        counts = Counts(store)
        first = counts.of(PROJECT, ["/a", "/b"])
        assert first == {"/a": Count(1000, 999), "/b": Count(1000, 999)}
        assert [sensor for sensor, _, _ in reads] == ["/a", "/b"]
        reads.clear()
        assert counts.of(PROJECT, ["/a", "/b"]) == first
        store.flush()
        store.compact()
        assert counts.of(PROJECT, ["/a", "/b"]) == first
        assert reads == []
        store.append(series({1000: 1.0, 1001: None, 1002: 1.0}, "/b"), PROJECT)
        assert counts.of(PROJECT, ["/a", "/b"], values=True) == {
            "/a": Count(1000, 999, {"T": 1.0}), "/b": Count(1002, 1002, {"T": 1.0})
        }  # fmt: skip
        assert reads == [("/b", 1000, 1002)]


def test_long_series_are_counted_window_by_window(tmp_path: Path) -> None:
    """Metrics of other times, in many windows each, count every time once (windows of 5 points here)."""
    with opened(tmp_path, SMALL) as store:
        store.load(series(dict.fromkeys(range(0, 90, 3), 1.0), metric="T"), PROJECT)
        store.load(series(dict.fromkeys(range(0, 90, 2), 1.0), metric="x"), PROJECT)
        # Multiples of 2 or 3 below 90: 45 + 30 - 15.
        assert Counts(store).of(PROJECT, ["/s"]) == {"/s": Count(60, 88)}
        store.load(series(dict.fromkeys(range(0, 90, 6), None), metric="x"), PROJECT)
        assert Counts(store).of(PROJECT, ["/s"]) == {"/s": Count(60, 88)}
        store.load(series(dict.fromkeys(range(0, 90, 6), None), metric="T"), PROJECT)
        assert Counts(store).of(PROJECT, ["/s"], values=True) == {"/s": Count(45, 88, {"x": 1.0})}
