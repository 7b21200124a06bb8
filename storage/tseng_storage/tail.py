"""The tail: uploads that are in the log and not yet in a segment, indexed in memory by series.

The tail only grows, so many snapshots share one: each looks at it up to its own last seq. What comes in is put on the
series' pile; the first read of the series merges the pile into one sorted chunk, so that a series read after a thousand
small uploads is one slice again. After a flush a new tail is built from what remains and the old one goes with the
last snapshot that holds it.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from tseng_storage.observations import Instants, Rows, Values
from tseng_storage.ordering import in_order, series_parts
from tseng_storage.payload import LogRow

SeriesKey = tuple[str, str, str]


@dataclass(frozen=True)
class Chunk:
    """Points of one series, sorted by (time, seq). int64 epoch us, float64 (NaN missing), int64."""

    time: Instants
    value: Values
    seq: Instants


@dataclass
class _Pile:
    merged: Chunk | None = None
    fresh: list[Chunk] = field(default_factory=list)


class Tail:
    """The log's rows beyond `base`, up to `last`; thread-safe. `marker`: the last of them that marks a bulk load."""

    def __init__(self, base: int) -> None:
        self.base = self.last = base
        self.marker = 0
        self._lock = threading.Lock()
        self._uploads: list[tuple[str, Rows]] = []
        self._piles: dict[SeriesKey, _Pile] = {}
        self._dates: Instants = np.zeros((2, 0), np.int64)

    def extend(self, rows: Iterable[LogRow]) -> None:
        """Take in the rows that follow `last`; Damaged when one does not decode."""
        for row in rows:
            upload = row.decode()
            with self._lock:
                self._add(row.project, upload)
                self.last = row.seq
                self.marker = self.marker if row.rows else row.seq

    def without(self, flushed: int) -> Tail:
        """A tail of what lies beyond `flushed`."""
        rest = Tail(max(flushed, self.base))
        with self._lock:
            kept = [(project, rows) for project, rows in self._uploads if int(rows.seq[0]) > flushed]
        for project, rows in kept:
            rest._add(project, rows)
        rest.last, rest.marker = max(self.last, rest.base), self.marker
        return rest

    def _add(self, project: str, rows: Rows) -> None:
        if not len(rows):
            return
        self._uploads.append((project, rows))
        for (sensor, metric), chunk in _chunks(rows):
            self._piles.setdefault((project, sensor, metric), _Pile()).fresh.append(chunk)

    def chunk(self, key: SeriesKey, upto: int, after: int = -1) -> Chunk | None:
        """The series' points with after < seq <= upto, all versions, sorted by (time, seq); None without any."""
        with self._lock:
            pile = self._piles.get(key)
            if pile is None:
                return None
            if pile.fresh:
                pile.merged, pile.fresh = _merge([*([pile.merged] if pile.merged else []), *pile.fresh]), []
            chunk = pile.merged
            beyond = self.last > upto or self.base < after
        if chunk is None or not beyond:
            return chunk
        inside = (chunk.seq > after) & (chunk.seq <= upto)
        return Chunk(chunk.time[inside], chunk.value[inside], chunk.seq[inside]) if inside.any() else None

    def received(self, seq: Instants) -> Instants:
        """int64, epoch us: when each of these uploads of the tail came in."""
        with self._lock:
            if self._dates.shape[1] != len(self._uploads):
                columns = [(int(rows.seq[0]), int(rows.received[0])) for _, rows in self._uploads]
                self._dates = np.array(columns, np.int64).T
            numbers, dates = self._dates
        at: Instants = dates[np.searchsorted(numbers, seq)]
        return at

    def uploads(self, upto: int, after: int = -1) -> list[tuple[str, Rows]]:
        """(project, rows) of each upload with after < seq <= upto, in order."""
        with self._lock:
            first, last = (bisect_right(self._uploads, seq, key=_seq) for seq in (after, upto))
            return self._uploads[first:last]


def _seq(upload: tuple[str, Rows]) -> int:
    return int(upload[1].seq[0])


def _chunks(rows: Rows) -> Iterator[tuple[tuple[str, str], Chunk]]:
    """The series of one upload, each sorted by time; of equal times the last row given wins."""
    rows = in_order(rows)
    for series, part in series_parts(rows):
        yield series, Chunk(rows.time[part], rows.value[part], rows.seq[part])


def _merge(chunks: list[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    time = np.concatenate([chunk.time for chunk in chunks])
    value = np.concatenate([chunk.value for chunk in chunks])
    seq = np.concatenate([chunk.seq for chunk in chunks])
    if bool((time[1:] > time[:-1]).all()):
        return Chunk(time, value, seq)
    order = np.lexsort((seq, time))
    return Chunk(time[order], value[order], seq[order])
