"""How many observations each sensor has and which one is the last, without a write for any of them.

What is counted is counted once, from the stored times. From then on a record in memory is brought forward: the store
tells which span of a sensor's times has versions that the record does not know (`Store.touched`), and the valid times
in that span are counted before and after. For new readings that is a look at the new ones; a correction to missing, a
late reading, a bulk load or what another process flushed meanwhile are no special cases.

A record is exact as of the state at which it was made. Of those that have been touched since, the record remembers that
state and the span; they are counted when somebody asks. So keeping up costs one look at what was uploaded, for a whole
project, and asking again costs a look-up.
"""

import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from tseng_storage.changes import Touched
from tseng_storage.entities import Uploaded
from tseng_storage.knowledge import EVERYTHING, Knowledge
from tseng_storage.observations import Instants
from tseng_storage.snapshot import Snapshot
from tseng_storage.store import Store

MOST_RECORDS = 100_000
"""Sensors that are remembered, a few hundred bytes each; of more, those counted first are counted anew."""

_NOTHING = Knowledge(seq=0)


@dataclass(frozen=True)
class Count:
    """The observations of a sensor: times with at least one valid raw value, and the `last` of them [epoch us].

    `values`: where asked for, the raw values at that time by metric; what is missing is left out.
    """

    observations: int = 0
    last: int | None = None
    values: Mapping[str, float] | None = None


@dataclass(slots=True)
class _Record:
    """A count, exact as of `since`, and what has been touched after; None and None: nothing has."""

    count: Count
    since: Knowledge | None = None
    touched: Touched | None = None

    def lacks(self, values: bool) -> bool:
        """Whether the count is not that of now, or has no `values` where these are asked for."""
        return self.touched is not None or (values and self.count.values is None)

    def touch(self, since: Knowledge, touched: Touched) -> None:
        """Note that the count was exact until `since`, and what came then."""
        self.since = self.since or since
        self.touched = touched if self.touched is None else self.touched.joined(touched)


@dataclass(slots=True)
class _Project:
    """How far the records of a project's sensors know; when something last came in from each, once asked."""

    known: Knowledge
    received: dict[str, int] | None = None


class Counts:
    """The counts of one store's sensors, of `most` of them remembered; thread-safe."""

    def __init__(self, store: Store, most: int = MOST_RECORDS) -> None:
        self._store, self._most = store, most
        self._projects: dict[str, _Project] = {}
        self._records: dict[tuple[str, str], _Record] = {}
        self._lock = threading.Lock()

    def of(self, project: str, sensors: Collection[str], *, values: bool = False) -> dict[str, Count]:
        """The counts of these sensors as of now; with their `values` where asked for."""
        with self._lock:
            now = self._advanced(project)
            records = {sensor: self._records.get((project, sensor)) for sensor in sensors}
            # In the order in which they are stored: neighbours share what is decoded.
            lacking = sorted(sensor for sensor, record in records.items() if record is None or record.lacks(values))
            uploaded = self._store.catalog.metrics_of_each(project, lacking) if lacking else {}
            for sensor in lacking:
                times = _Times(self._store, project, sensor, uploaded.get(sensor, Uploaded()).metrics, now)
                count = _brought_forward(times, records[sensor])
                if values and count.values is None:
                    count = replace(count, values=times.values(count.last))
                records[sensor] = self._keep(project, sensor, _Record(count))
            return {sensor: record.count for sensor, record in records.items() if record is not None}

    def received(self, project: str) -> Mapping[str, int]:
        """When something last came in from each sensor of the project that has any [epoch us].

        What repeats the value that there is already counts until compaction drops it.
        """
        with self._lock:
            now, state = self._advanced(project), self._projects[project]
            if state.received is None:
                touched = self._store.touched(project, _NOTHING, at=now)
                state.received = {sensor: each.received for sensor, each in touched.items()}
            return dict(state.received)

    def _advanced(self, project: str) -> Snapshot:
        """The store as of now, with a note on every record of the project that something touched since."""
        now = self._store.snapshot()
        known = Knowledge(seq=now.seq, loading=now.loading)
        state = self._projects.setdefault(project, _Project(known))
        if state.known != known:
            for sensor, touched in self._store.touched(project, state.known, at=now).items():
                self._note(project, state, sensor, touched)
            state.known = known
        return now

    def _note(self, project: str, state: _Project, sensor: str, touched: Touched) -> None:
        record = self._records.get((project, sensor))
        if record is not None:
            record.touch(state.known, touched)
        if state.received is not None:
            state.received[sensor] = max(touched.received, state.received.get(sensor, touched.received))

    def _keep(self, project: str, sensor: str, record: _Record) -> _Record:
        self._records[project, sensor] = record
        if len(self._records) > self._most:
            del self._records[next(iter(self._records))]
        return record


@dataclass(frozen=True)
class _Times:
    """The times of one sensor's observations in a snapshot. `metrics`: those of which there is a value."""

    store: Store
    project: str
    sensor: str
    metrics: tuple[str, ...]
    now: Snapshot

    def count(self, start: int | None = None, end: int | None = None, known: Knowledge = EVERYTHING) -> Count:
        """The observations in [start, end], us, of those `known`; memory for one window of them at a time."""
        total, last = 0, None
        for window in self._windows(start, end, known):
            times = self._valid(*window, known)
            total += len(times)
            last = int(times[-1]) if len(times) else last
        return Count(total, last)

    def values(self, time: int | None) -> Mapping[str, float]:
        """The raw values at one time, by metric."""
        found = dict[str, float]()
        for metric in () if time is None else self.metrics:
            _, value = self.store.read(self.project, self.sensor, metric, time, time, at=self.now)
            if len(value):
                found[metric] = float(value[0])
        return found

    def _windows(self, start: int | None, end: int | None, known: Knowledge) -> Iterator[tuple[int | None, int | None]]:
        """Adjoining windows that cover [start, end], of a bounded number of points of each metric."""
        edges = {
            low
            for metric in self.metrics
            for low, _ in self.store.blocks(self.project, self.sensor, metric, start, end, at=self.now, known=known)
        }
        begins = [start, *sorted(edges)[1:]]
        for begin, following in pairwise([*begins, None]):
            yield begin, end if following is None else following - 1

    def _valid(self, start: int | None, end: int | None, known: Knowledge) -> Instants:
        """Times in [start, end] at which some metric has a valid value."""
        found: Instants = np.zeros(0, np.int64)
        for metric in self.metrics:
            times, _ = self.store.parts(self.project, self.sensor, metric, start, end, at=self.now, known=known)
            if not len(found):
                found = times
            elif len(times) and not np.array_equal(found, times):
                found = np.union1d(found, times)
        return found


def _brought_forward(times: _Times, record: _Record | None) -> Count:
    """The count as of now, from an earlier one where there is one."""
    if record is None:
        return times.count()
    if record.since is None or record.touched is None:
        return record.count
    old, (first, final, _) = record.count, record.touched
    after = times.count(first, final)
    reaches = old.last is not None and first <= old.last
    before = times.count(first, final, record.since) if reaches else Count()
    total = old.observations + after.observations - before.observations
    if old.last is not None and old.last > final:
        return replace(old, observations=total)
    if after.last is None and reaches:
        # The last observation is gone, and which one was before it nobody remembers.
        return times.count()
    last = after.last if after.last is not None else old.last
    return Count(total, last, old.values if last is not None and last < first else None)
