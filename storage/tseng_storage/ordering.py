"""The order of rows inside a segment, and which versions of a point are kept.

Order: sensor, metric, time, seq. Two rows of one upload with the same point are one observation: the later row holds.
A version of a point that repeats the value of the version before it says nothing new and is dropped, so that importing
a file twice changes nothing; every other version is kept, with the time it was received. So is a repeat that came in
earlier by the clock, which somebody set back: as of a moment between the two, the repeat alone was known.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tseng_storage.observations import Rows

Flags = NDArray[np.bool_]


def in_order(rows: Rows) -> Rows:
    """`rows` sorted; of equal (point, seq) only the last given. Sorted rows without equal points come back as is."""
    if _strictly_sorted(rows):
        return rows
    ordered = rows.take(np.lexsort((rows.seq, rows.time, rows.metric, rows.sensor)))
    repeated = same_point(ordered) & (ordered.seq[1:] == ordered.seq[:-1])
    return ordered.take(np.append(~repeated, True)) if repeated.any() else ordered


def _strictly_sorted(rows: Rows) -> bool:
    """Whether series ascend and times ascend strictly within each."""
    if len(rows) < 2:
        return True
    starts = rows.starts
    sensor, metric = rows.sensor[starts].astype(np.int64), rows.metric[starts]
    series = sensor * max(len(rows.metrics), 1) + metric
    if not (series[1:] > series[:-1]).all():
        return False
    later = rows.time[1:] > rows.time[:-1]
    later[starts[1:] - 1] = True
    return bool(later.all())


def same_point(rows: Rows) -> Flags:
    """bool, (n - 1,): whether each row but the first is of the same (sensor, metric, time) as the row before."""
    same: Flags = rows.time[1:] == rows.time[:-1]
    same[rows.starts[1:] - 1] = False
    return same


def without_repeats(rows: Rows, breaks: Sequence[int] = (), loads: Sequence[int] = ()) -> Rows:
    """Sorted `rows` without versions that repeat the value before them.

    `breaks`: log positions of versions that may exist elsewhere. Across one of these a repeat is kept: the version in
    between may differ, and then the repeat is what is true now. `loads`: log positions of bulk loads. An upload that
    repeats the value of one is kept: while the load went on, the upload alone was known.
    """
    repeated = same_point(rows)
    if not repeated.any():
        return rows
    value, missing = rows.value, np.isnan(rows.value)
    repeated &= (value[1:] == value[:-1]) | (missing[1:] & missing[:-1])
    repeated &= rows.received[1:] >= rows.received[:-1]
    if len(loads):
        loaded = np.isin(rows.seq, loads)
        repeated &= loaded[1:] | ~loaded[:-1]
    epoch = np.searchsorted(np.asarray(sorted(breaks), np.int64), rows.seq)
    repeated &= epoch[1:] == epoch[:-1]
    return rows.take(np.concatenate(([True], ~repeated)))


def last_versions(rows: Rows) -> Rows:
    """Of sorted `rows` the last version of each point."""
    same = same_point(rows)
    return rows.take(np.append(~same, True)) if same.any() else rows


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of at least one part, one after the other, under one set of names."""
    if len(parts) == 1:
        return parts[0]
    sensors = tuple(sorted({name for part in parts for name in part.sensors}))
    metrics = tuple(sorted({name for part in parts for name in part.metrics}))
    return Rows(
        sensors,
        metrics,
        np.concatenate([_translated(part.sensors, sensors, part.sensor) for part in parts]),
        np.concatenate([_translated(part.metrics, metrics, part.metric) for part in parts]),
        np.concatenate([part.time for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.received for part in parts]),
        np.concatenate([part.seq for part in parts]),
    )


def _translated(old: tuple[str, ...], new: tuple[str, ...], codes: NDArray[np.int32]) -> NDArray[np.int32]:
    if old == new:
        return codes
    return np.array([bisect_left(new, name) for name in old], np.int32)[codes]


def series_parts(rows: Rows) -> Iterator[tuple[tuple[str, str], slice]]:
    """((sensor, metric), rows) for each run of one series."""
    starts = rows.starts
    names = zip(rows.sensor[starts].tolist(), rows.metric[starts].tolist(), strict=True)
    ends = [*starts[1:].tolist(), len(rows)]
    for (sensor, metric), start, end in zip(names, starts.tolist(), ends, strict=True):
        yield (rows.sensors[sensor], rows.metrics[metric]), slice(start, end)


Point = tuple[str, str, int]


def point_at(rows: Rows, number: int) -> Point:
    """The (sensor, metric, epoch us) of a row."""
    return rows.sensors[rows.sensor[number]], rows.metrics[rows.metric[number]], int(rows.time[number])


def position(rows: Rows, point: Point) -> int:
    """How many of the sorted `rows` lie before `point` (sensor, metric, epoch us)."""
    low, high = 0, len(rows)
    for names, codes, name in ((rows.sensors, rows.sensor, point[0]), (rows.metrics, rows.metric, point[1])):
        code = bisect_left(names, name)
        part = codes[low:high]
        begin = low + int(np.searchsorted(part, code, "left"))
        if code >= len(names) or names[code] != name:
            return begin
        low, high = begin, low + int(np.searchsorted(part, code, "right"))
    return low + int(np.searchsorted(rows.time[low:high], point[2], "left"))
