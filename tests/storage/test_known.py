"""Observations as of what was known: nothing that came later, and no flush or compaction, changes the answer."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.storage.helpers import PROJECT, SMALL, Point, opened, series, table

from tseng_storage import delta
from tseng_storage.knowledge import EVERYTHING, Knowledge
from tseng_storage.store import Store

points: st.SearchStrategy[list[Point]] = st.lists(
    st.tuples(
        st.sampled_from(["/a", "/b"]), st.just("T"), st.integers(0, 8), st.sampled_from([0.0, 1.0, 2.5, None])
    ),
    min_size=1,
    max_size=10,
)  # fmt: skip
writes = st.tuples(st.sampled_from(["append", "append", "load"]), points)
care = st.tuples(st.sampled_from(["flush", "compact", "reopen", "vacuum", "tidy"]), st.builds(list[Point]))
clocks = st.lists(st.integers(-3, 5), min_size=12, max_size=12)

CARE: dict[str, Callable[[Store], object]] = {
    "flush": Store.flush, "compact": Store.compact, "vacuum": lambda store: store.vacuum(0), "tidy": Store.tidy,
}  # fmt: skip


@dataclass
class Model:
    """Every upload with its number and its date, and what follows from those that were known."""

    uploads: list[tuple[int, int, list[Point]]] = field(default_factory=list)

    def known(self, bound: Knowledge) -> dict[tuple[str, int], float]:
        """Valid values by sensor and time."""
        last: dict[tuple[str, int], float | None] = {}
        for seq, received, rows in self.uploads:
            late = (bound.seq is not None and seq > bound.seq) or (bound.time is not None and received > bound.time)
            last |= {} if late or seq == bound.loading else {(sensor, time): value for sensor, _, time, value in rows}
        return {point: value for point, value in sorted(last.items()) if value is not None}


def _answer(store: Store, known: Knowledge) -> dict[tuple[str, int], float]:
    found: dict[tuple[str, int], float] = {}
    for sensor in ("/a", "/b"):
        times, values = store.read(PROJECT, sensor, "T", known=known)
        same, parts = store.parts(PROJECT, sensor, "T", known=known)
        assert (same.tolist(), [value for part in parts for value in part]) == (times.tolist(), values.tolist())
        found |= {(sensor, time): value for time, value in zip(times.tolist(), values.tolist(), strict=True)}
        pieces = [store.read(PROJECT, sensor, "T", *span, known=known) for span in _spans(store, sensor, known)]
        assert [time for piece, _ in pieces for time in piece.tolist()] == times.tolist()
    return found


def _spans(store: Store, sensor: str, known: Knowledge) -> list[tuple[int, int]]:
    return list(store.blocks(PROJECT, sensor, "T", known=known))


@given(st.lists(st.one_of(writes, care), min_size=1, max_size=12), clocks)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_moment_can_be_asked_for_ever_after(steps: list[tuple[str, list[Point]]], clock: list[int]) -> None:
    """After any steps, each number and date (clocks set back included) gives what the uploads known by then say."""
    now = 1_000_000
    with (
        tempfile.TemporaryDirectory() as folder,
        patch("tseng_storage.log.now_us", lambda: now),
        patch("tseng_storage.maintenance.now_us", lambda: now),
    ):
        store, model = opened(Path(folder), SMALL), Model()
        loading: int | None = None
        while_loading: list[Knowledge] = []
        for (name, rows), pause in zip(steps, clock, strict=False):
            now += pause
            if name == "reopen":
                store.close()
                store = opened(Path(folder), SMALL)
            elif name in CARE:
                CARE[name](store)
                loading = None
            else:
                seq = (store.append if name == "append" else store.load)(table(rows), PROJECT)
                model.uploads.append((seq, now, rows))
                # Uploads right after a load could have come while it went on, and have been seen without it.
                loading = seq if name == "load" else loading
                while_loading += [] if loading is None else [Knowledge(seq=seq, loading=loading)]
        bounds = [Knowledge(seq, time=date) for seq, now, _ in model.uploads for date in (None, now - 1, now)]
        bounds += [Knowledge(time=bound.time) for bound in bounds]
        for bound in {EVERYTHING, Knowledge(seq=0), *bounds, *while_loading}:
            assert _answer(store, bound) == model.known(bound)
        store.close()


@pytest.mark.parametrize("flush", [False, True])
def test_a_later_null_hides_and_an_earlier_value_comes_back(flush: bool, tmp_path: Path) -> None:
    """A null is a version like any other: from it on the point is missing, before it the value is known."""
    with opened(tmp_path) as store:
        first = store.append(series({1: 1.0, 2: 2.0}), PROJECT)
        second = store.append(series({1: None}), PROJECT)
        if flush:
            store.compact()
        answers = [store.read(PROJECT, "/s", "T", known=Knowledge(seq=seq)) for seq in (0, first, second)]
        assert [times.tolist() for times, _ in answers] == [[], [1, 2], [2]]
        assert store.read(PROJECT, "/s", "T", known=EVERYTHING)[0].tolist() == [2]


def test_metrics_known_by_a_number_and_a_date(tmp_path: Path) -> None:
    """A metric is one of the sensor's from the upload on that first brought it."""
    with opened(tmp_path) as store:
        first = store.append(series({1: 1.0}), PROJECT)
        second = store.load(series({1: 1.0}, metric="x"), PROJECT)
        for seq, metrics in ((0, ()), (first, ("T",)), (second, ("T", "x")), (None, ("T", "x"))):
            assert store.metrics_of(PROJECT, "/s", Knowledge(seq=seq)).metrics == metrics
        assert store.metrics_of(PROJECT, "/s", Knowledge(time=0)).metrics == ()


def test_a_read_while_a_bulk_load_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the load that it does not see, and so can be repeated once the load is done, and compacted."""
    seen: list[tuple[Knowledge, list[float]]] = []
    with opened(tmp_path) as store:
        store.append(series({1: 1.0}), PROJECT)
        commit = delta.commit

        def slowly(*arguments: Any, **keywords: Any) -> Any:
            if not seen:
                # The second point repeats what the load brings: the repeat is what was known here.
                store.append(series({2: 20.0, 3: 3.0}), PROJECT)
                now = store.snapshot()
                known = Knowledge(seq=now.seq, loading=now.loading)
                seen.append((known, store.read(PROJECT, "/s", "T")[1].tolist()))
            return commit(*arguments, **keywords)

        monkeypatch.setattr(delta, "commit", slowly)
        number = store.load(series({1: 10.0, 2: 20.0}), PROJECT)
        ((known, values),) = seen
        assert (known, values) == (Knowledge(seq=number + 1, loading=number), [1.0, 20.0, 3.0])
        for care in (lambda: None, store.flush, store.compact):
            care()
            assert store.snapshot().loading is None
            assert store.read(PROJECT, "/s", "T")[1].tolist() == [10.0, 20.0, 3.0]
            assert store.read(PROJECT, "/s", "T", known=known)[1].tolist() == values


def test_the_newest_number_of_a_store_opened_anew(tmp_path: Path) -> None:
    """Numbers that left the log with flush or went past it with a bulk load count as well."""
    with opened(tmp_path) as store:
        store.append(series({1: 1.0}), PROJECT)
        number = store.load(series({2: 2.0}), PROJECT)
        store.flush()
    with opened(tmp_path) as store:
        assert store.snapshot().seq == number
        assert store.read(PROJECT, "/s", "T", known=Knowledge(seq=number))[0].tolist() == [1, 2]
