"""Compaction: fewer segments, no overlap, nothing lost, bounded memory."""

from pathlib import Path

import numpy as np
import pytest
from tests.storage.helpers import PROJECT, SMALL, opened, read, series, table

from tseng_storage.compaction import fullest_tier, merged_slices, worth_merging
from tseng_storage.overlap import contested_segments
from tseng_storage.segment_file import read_facts
from tseng_storage.segments import Box, Facts, Segment
from tseng_storage.settings import StoreSettings
from tseng_storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store whose every limit is a handful of rows."""
    return opened(tmp_path, SMALL)


def test_many_small_become_few_without_overlap(store: Store) -> None:
    """Late and overlapping loads merge into segments that do not touch, each of about the size set."""
    for number in range(12):
        rows = [(f"/{s}", "T", (t * 7 + number) % 40, float(number)) for s in range(4) for t in range(5)]
        store.load(table([(s, m, t, v) for s, m, t, v in rows]), PROJECT)
    before = {f"/{s}": read(store, f"/{s}") for s in range(4)}
    assert store.compact() == 12
    assert {sensor: read(store, sensor) for sensor in before} == before
    segments = list(store.snapshot().table.segments.values())
    facts = {segment.name: read_facts(store.layout.segment(segment.name)) for segment in segments}
    assert contested_segments(segments, lambda segment: facts[segment.name]) == set()
    assert max(segment.rows for segment in segments) <= 2 * SMALL.segment_rows
    assert store.verify().clean


def test_compacting_again_does_nothing(store: Store) -> None:
    """A compacted store has nothing left to compact."""
    for number in range(5):
        store.load(series({number: 1.0}), PROJECT)
    assert store.compact() == 5
    version = store.snapshot().version
    assert store.compact() == 0
    assert store.snapshot().version == version


def test_slices_are_bounded_and_in_order(store: Store) -> None:
    """Merging yields all rows in order, in slices of about the size asked, versions of a point never parted."""
    for number in range(10):
        store.load(table([(f"/{s}", "T", t, float(number)) for s in range(3) for t in range(20)]), PROJECT)
    segments = list(store.snapshot().table.segments.values())
    slices = list(merged_slices(store.layout, segments, 50))
    keys = [
        (rows.sensors[s], t, q)
        for rows in slices
        for s, t, q in zip(rows.sensor.tolist(), rows.time.tolist(), rows.seq.tolist(), strict=True)
    ]
    assert keys == sorted(keys)
    assert len(keys) == 600
    assert max(len(rows) for rows in slices) <= 50 + 4 * 10
    ends = [(rows.sensors[rows.sensor[-1]], rows.time[-1]) for rows in slices]
    begins = [(rows.sensors[rows.sensor[0]], rows.time[0]) for rows in slices]
    assert all(end != begin for end, begin in zip(ends, begins[1:], strict=False))


def test_a_repeat_across_an_unflushed_upload_is_kept(store: Store) -> None:
    """A: 1, then 2, then 1 again, the middle one still in the log when the outer ones merge: 1 holds in the end."""
    store.load(series({1: 1.0, 2: 0.0}), PROJECT)
    store.append(series({1: 2.0}), PROJECT)
    store.load(series({1: 1.0, 3: 0.0}), PROJECT)
    store.tidy()
    assert store.info()["segments"] == 1
    assert read(store) == {1: 1.0, 2: 0.0, 3: 0.0}
    store.compact()
    assert read(store) == {1: 1.0, 2: 0.0, 3: 0.0}


def test_memory_stays_bounded_in_rows(store: Store) -> None:
    """Values and numbers survive a merge of segments much larger than a slice."""
    for number in range(3):
        values = np.arange(200) + number * 1000.0
        store.load(series(dict(enumerate(values.tolist()))), PROJECT)
    store.compact()
    assert read(store) == {t: t + 2000.0 for t in range(200)}
    assert store.info()["rows"] == 600


def _segment(name: str, rows: int, times: tuple[int, int]) -> Segment:
    return Segment(name, PROJECT, 1, rows, Box(("/a", "/b"), ("T", "T"), times, (1, 1)))


def _facts(segment: Segment) -> Facts:
    first, last = segment.box.time
    return Facts(("/a", "T", first), ("/b", "T", last), False)


def test_what_is_worth_merging() -> None:
    """Small and overlapping segments are merged; full-grown ones apart from all others, and a lone one, are not."""
    small, other = _segment("small", 5, (0, 1)), _segment("other", 6, (2, 3))
    large, apart = _segment("large", 500, (10, 20)), _segment("apart", 500, (21, 30))
    late = _segment("late", 500, (15, 16))
    assert worth_merging([small, other, large, apart], 100, _facts) == [small, other]
    assert worth_merging([small, large, apart], 100, _facts) == []
    assert worth_merging([large, apart, late], 100, _facts) == [large, late]


def test_tiers_gather_segments_of_like_size() -> None:
    """The smallest tier with enough segments is merged; unlike sizes wait."""
    settings = StoreSettings(compact_files=3, segment_rows=10_000)
    tiny = [_segment(f"tiny{n}", 5, (n, n)) for n in range(3)]
    middle = [_segment(f"middle{n}", 300, (n, n)) for n in range(3)]
    assert fullest_tier([*middle, *tiny], settings) == tiny
    assert fullest_tier([*middle, *tiny[:2]], settings) == middle
    assert fullest_tier([*middle[:2], *tiny[:2]], settings) == []
