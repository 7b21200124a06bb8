"""Spans of time: first and last instant [us], both inclusive."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tseng_units.instants import DAY_US, MAX_US, MIN_US

Span = tuple[int, int]
Spans = Sequence[Span]
"""Ascending, and apart from one another."""
NEVER: Spans = ()
ALWAYS: Span = (MIN_US, MAX_US)
MOST = 16
"""Into how many spans times are gathered at most, or one more."""


def gathered(times: NDArray[np.int64] | None) -> Spans:
    """Spans around times, int64 us ascending (n,): what lies close together is one.

    There are few of them however many the times, and they leave out what is wide beside the whole: two corrections
    years apart are two spans, a week of readings is one.
    """
    if times is None or not len(times):
        return NEVER
    first, last = int(times[0]), int(times[-1])
    widest = max((last - first) // MOST, DAY_US)
    if last - first <= widest:
        return [(first, last)]
    cuts = np.flatnonzero(np.diff(times) > widest)
    starts, ends = times[np.append(0, cuts + 1)], times[np.append(cuts, -1)]
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def merged(*given: Iterable[Span]) -> Spans:
    """All of some spans, in order; those that overlap or adjoin become one."""
    found: list[Span] = []
    for start, end in sorted(span for spans in given for span in spans):
        if found and start <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def moved(spans: Spans, by: int, further: int) -> Spans:
    """The spans with each start moved `by` so much [us] and each end by `further`, which is not less."""
    return merged(_within((start + by, end + further) for start, end in spans))


def _within(spans: Iterable[Span]) -> Iterator[Span]:
    for start, end in spans:
        if start <= MAX_US and end >= MIN_US:
            yield max(start, MIN_US), min(end, MAX_US)


def until(spans: Spans, last: int) -> Spans:
    """The spans, nothing after `last` [us]."""
    return [(start, min(end, last)) for start, end in spans if start <= last]


def meet(spans: Spans, others: Spans) -> bool:
    """Whether some instant lies in both."""
    return any(start <= end_of and start_of <= end for start, end in spans for start_of, end_of in others)
