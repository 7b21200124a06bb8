"""What lies beyond what was known: every new version, nothing else, and no trace of flush, compaction or vacuum."""

import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.storage.helpers import PROJECT, SMALL, Point, edited, meanwhile, opened, series, table
from tests.storage.test_processes import NURSERY, RESTLESS

from tseng_storage.knowledge import EVERYTHING, Knowledge
from tseng_storage.snapshot import Snapshot
from tseng_storage.store import Store

DEADLINE = 60.0

SENSORS = ("/a", "/b", "/c")

points: st.SearchStrategy[list[Point]] = st.lists(
    st.tuples(
        st.sampled_from(SENSORS), st.sampled_from(["T", "x"]), st.integers(0, 8), st.sampled_from([0.0, 1.0, None])
    ),
    min_size=1,
    max_size=10,
)  # fmt: skip
nothing = st.builds(list[Point])
handles = st.integers(0, 1)
writes = st.tuples(st.just("append"), handles, points, nothing)
loads = st.tuples(st.just("load"), handles, points, st.one_of(nothing, points))
care = st.tuples(st.sampled_from(["flush", "compact", "vacuum", "tidy"]), handles, nothing, nothing)
clocks = st.lists(st.integers(-3, 5), min_size=14, max_size=14)

CARE: dict[str, Callable[[Store], object]] = {
    "flush": Store.flush, "compact": Store.compact, "vacuum": lambda store: store.vacuum(0), "tidy": Store.tidy,
}  # fmt: skip

Series = tuple[str, str]
Told = dict[Series, set[int]]


class Version(NamedTuple):
    """One version of one point; `differs` from the version before it, where there is one."""

    seq: int
    received: int
    series: Series
    time: int
    differs: bool


@dataclass
class Model:
    """Every upload by its number, with its date and its observations."""

    uploads: dict[int, tuple[int, list[Point]]] = field(default_factory=dict)

    def versions(self, at: Knowledge) -> list[Version]:
        """All versions that there are at a state, in the order of uploads."""
        last: dict[tuple[str, str, int], float | None] = {}
        found: list[Version] = []
        for seq, (received, rows) in sorted(self.uploads.items()):
            if at.covers_upload(seq, received):
                for point, value in {(row[0], row[1], row[2]): row[3] for row in rows}.items():
                    differs = point not in last or last[point] != value
                    found.append(Version(seq, received, point[:2], point[2], differs))
                    last[point] = value
        return found


def state(snapshot: Snapshot) -> Knowledge:
    """What a snapshot shows, by number."""
    return Knowledge(seq=snapshot.seq, loading=snapshot.loading)


def told(store: Store, since: Knowledge, at: Snapshot) -> Told:
    """The changed times of every series that has any."""
    found = Told()
    for sensor in SENSORS:
        for metric in ("T", "x"):
            times = store.changed(PROJECT, sensor, metric, since, at=at).tolist()
            assert times == sorted(set(times))
            found |= {(sensor, metric): set(times)} if times else {}
    return found


class Follower:
    """One handle on the store, with everything that it has known so far."""

    def __init__(self, path: Path) -> None:
        self.store = opened(path, SMALL)
        self.known = {Knowledge(seq=0), EVERYTHING}

    def look(self, model: Model, dates: list[int]) -> None:
        """Ask what lies beyond all that was known, hold it against the model, and know what there is now."""
        now = self.store.snapshot()
        self.known.add(state(now))
        versions = model.versions(state(now))
        for since in self.known | {Knowledge(time=date) for date in dates[-3:]}:
            beyond = [each for each in versions if not since.covers_upload(each.seq, each.received)]
            differing, written = by_series(each for each in beyond if each.differs), by_series(beyond)
            found = told(self.store, since, now)
            assert within(differing, found)
            assert within(found, written)
            self.look_at_once(beyond, since, now, found)
            sensors = self.store.uploaded_since(since, now)
            if sensors is not None:
                assert {(PROJECT, sensor) for sensor, _ in found} <= sensors
                assert sensors <= {(PROJECT, sensor) for sensor, _ in written}

    def look_at_once(self, beyond: list[Version], since: Knowledge, now: Snapshot, found: Told) -> None:
        """What is said of all sensors in one pass agrees with what is said of each series."""
        touched = self.store.touched(PROJECT, since, at=now)
        times = {name: [time for (sensor, _), each in found.items() if sensor == name for time in each]
                 for name, _ in found}  # fmt: skip
        assert {name: each[:2] for name, each in touched.items()} == {
            name: (min(each), max(each)) for name, each in times.items()
        }
        for name, (_, _, received) in touched.items():
            dates = [(each.received, each.differs) for each in beyond if each.series[0] == name]
            assert received in {date for date, _ in dates}
            assert all(received >= date for date, differs in dates if differs)


def by_series(versions: Iterable[Version]) -> Told:
    """Their times by series."""
    found = Told()
    for each in versions:
        found.setdefault(each.series, set()).add(each.time)
    return found


def within(one: Told, other: Told) -> bool:
    """Whether all times of one are among those of the other."""
    return all(times <= other.get(series, set()) for series, times in one.items())


@given(st.lists(st.one_of(writes, loads, care), min_size=1, max_size=12), clocks)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_lies_beyond_any_earlier_state(
    steps: list[tuple[str, int, list[Point], list[Point]]], clock: list[int]
) -> None:
    """Two handles on one folder are told every time that changed since any state they knew, and no other."""
    now, model, dates = 1_000_000, Model(), list[int]()
    with (
        tempfile.TemporaryDirectory() as folder,
        patch("tseng_storage.log.now_us", lambda: now),
        patch("tseng_storage.maintenance.now_us", lambda: now),
    ):
        followers = [Follower(Path(folder)) for _ in range(2)]

        def keep(store: Store, rows: list[Point]) -> None:
            model.uploads[store.append(table(rows), PROJECT)] = (now, rows)

        def during(rows: list[Point]) -> None:
            if rows:
                keep(followers[0].store, rows)
            for follower in followers:
                follower.look(model, dates)

        for (name, handle, rows, more), pause in zip(steps, clock, strict=False):
            now += pause
            store = followers[handle].store
            if name == "append":
                keep(store, rows)
            elif name == "load":
                with meanwhile(lambda more=more: during(more)):  # type: ignore[misc]
                    model.uploads[store.load(table(rows), PROJECT)] = (now, rows)
            else:
                CARE[name](store)
            dates += [now - 1, now]
            followers[1 - handle].look(model, dates)
        for follower in followers:
            follower.look(model, dates)
            follower.store.close()


@pytest.mark.parametrize("name", CARE)
def test_care_alone_changes_nothing(name: str, tmp_path: Path) -> None:
    """After uploads, a load and a correction were seen, no maintenance makes anything look new."""
    with opened(tmp_path, SMALL) as store, opened(tmp_path, SMALL) as other:
        store.append(series({1: 1.0, 2: 2.0}), PROJECT)
        store.load(series({2: 3.0, 3: None}), PROJECT)
        store.append(series({1: 5.0}), PROJECT)
        before = [(each, state(each.snapshot())) for each in (store, other)]
        CARE[name](store)
        for each, since in before:
            now = each.snapshot()
            assert each.changed(PROJECT, "/s", "T", since, at=now).tolist() == []
            assert each.uploaded_since(since, now) == set()


def test_times_of_every_kind_of_change(tmp_path: Path) -> None:
    """New, corrected, taken back to missing and loaded in bulk: each is told once, in order, of its series alone."""
    with opened(tmp_path) as store:
        store.append(series({1: 1.0, 2: 2.0, 3: 3.0}), PROJECT)
        since = state(store.snapshot())
        store.append(series({3: None, 9: 1.0}), PROJECT)
        assert store.uploaded_since(since, store.snapshot()) == {(PROJECT, "/s")}
        store.load(series({5: 5.0, 2: 2.5}), PROJECT)
        store.append(series({7: 1.0}, metric="x"), PROJECT)
        assert store.changed(PROJECT, "/s", "T", since).tolist() == [2, 3, 5, 9]
        assert store.changed(PROJECT, "/s", "x", since).tolist() == [7]
        assert store.changed(PROJECT, "/other", "x", since).tolist() == []
        assert store.uploaded_since(since, store.snapshot()) is None


def test_a_load_that_was_under_way_lies_beyond(tmp_path: Path) -> None:
    """A follower that saw a later upload before an earlier bulk load was done is told of the load."""
    seen: list[Knowledge] = []
    with opened(tmp_path) as store:

        def act() -> None:
            store.append(series({2: 20.0}), PROJECT)
            seen.append(state(store.snapshot()))

        with meanwhile(act):
            number = store.load(series({1: 10.0}), PROJECT)
        assert seen == [Knowledge(seq=number + 1, loading=number)]
        for maintain in (lambda: None, store.flush, store.compact):
            maintain()
            assert store.changed(PROJECT, "/s", "T", seen[0]).tolist() == [1]
            assert store.uploaded_since(seen[0], store.snapshot()) is None


# -- configuration


def test_changed_entities_each_once_in_the_order_of_change(tmp_path: Path) -> None:
    """Entities and definitions made or changed after a number, of all projects; what stayed is not among them."""
    with opened(tmp_path) as store:
        catalog = store.catalog
        other = catalog.create_project("other").id
        catalog.create_entity(PROJECT, "sensor", "/s", "TILT")
        before = catalog.config()
        assert catalog.changed_entities(before) == []
        catalog.create_entity(other, "device", "/d", "LOGGER")
        edited(catalog, "sensor", "/s", {"DEPTH": 1})
        catalog.put_definitions(PROJECT, "metric", {"m": {"formula": "T"}})
        edited(catalog, "device", "/d", {"NAME": "D"}, project=other)
        edited(catalog, "sensor", "/s", {"DEPTH": 1})
        changed = [(PROJECT, "sensor", "/s"), (PROJECT, "metric", "m"), (other, "device", "/d")]
        assert catalog.changed_entities(before) == changed
        assert catalog.changed_entities(catalog.config()) == []


def test_the_revision_moves_with_entities_and_series_and_nothing_else(tmp_path: Path) -> None:
    """Made by another handle, too; more points of known series and their flush leave it as it is."""
    with opened(tmp_path) as one, opened(tmp_path) as two:
        seen = [two.catalog.revision()]

        def moved() -> bool:
            seen.append(two.catalog.revision())
            return seen[-1] not in seen[:-1]

        one.catalog.create_entity(PROJECT, "sensor", "/s", "TILT")
        assert moved()
        one.append(series({1: 1.0}), PROJECT)
        assert moved()
        one.append(series({2: 1.0}), PROJECT)
        one.flush()
        assert not moved()
        edited(one.catalog, "sensor", "/s", {"DEPTH": 2})
        assert moved()
        one.catalog.put_definitions(PROJECT, "metric", {"m": {"formula": "T"}})
        assert moved()


def correct(path: Path, pipe: Connection) -> None:
    """Another process: for each number it is sent it writes that time and corrects an earlier one; cares behind."""
    with Store.open(path, settings=RESTLESS) as store:
        while (number := pipe.recv()) is not None:
            rows = {number: float(number), number // 3: None if number % 5 == 0 else -float(number)}
            (store.load if number % 10 == 9 else store.append)(series(rows), PROJECT)
            pipe.send(sorted(rows))


def test_following_another_process(tmp_path: Path) -> None:
    """Woken by its commits, a follower here is told each time that it wrote, whatever it flushed and merged since."""
    with ExitStack() as stack:
        store = stack.enter_context(opened(tmp_path))
        ours, theirs = NURSERY.Pipe()
        process = NURSERY.Process(target=correct, args=(tmp_path, theirs), daemon=True)
        process.start()
        changes, since = store.changes(), state(store.snapshot())
        for number in range(1, 150):
            ours.send(number)
            found: set[int] = set()
            while not {number, number // 3} <= found:
                changes, seen = store.wait(changes, DEADLINE), changes
                assert changes != seen
                now = store.snapshot()
                found |= set(store.changed(PROJECT, "/s", "T", since, at=now).tolist())
                since = state(now)
            assert sorted(found) == ours.recv()
        ours.send(None)
        process.join(DEADLINE)
        assert process.exitcode == 0
