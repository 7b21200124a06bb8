"""The points in which two executions differ, block by block, so that memory is bounded however long the series are."""

from collections.abc import Iterator

from tseng_units.align import at_times, same_times, union
from tseng_units.evaluate import Execution
from tseng_units.instants import MAX_US
from tseng_units.run import Floats, Times
from tseng_units.spans import Span, Spans

Points = tuple[Times, Floats]


def differences(old: Execution, new: Execution, spans: Spans, last: int = MAX_US) -> Iterator[Points]:
    """What differs within `spans`: times, int64 us ascending, and the values of `new`, NaN where only `old` has one.

    After `last` [us] the series of `old` has no point: there it is not evaluated. Numbers are compared as numbers, so a
    zero equals a zero of the other sign. A block without any difference is empty. Raises NoZeroReading.
    """
    for span in spans:
        for start, end in _windows(old, new, span, last):
            found = new.evaluate(start, end)
            if start <= last:
                found = difference(old.evaluate(start, end), found)
            yield found


def difference(old: Points, new: Points) -> Points:
    """The points of `new` that are not so in `old`, and NaN where `new` has none and `old` does."""
    if same_times(old[0], new[0]):
        differ = old[1] != new[1]
        return new[0][differ], new[1][differ]
    time = union([old[0], new[0]])
    before, now = (at_times(*points, time) for points in (old, new))
    differ = before != now  # at each time one has a value, and NaN equals nothing
    return time[differ], now[differ]


def _windows(old: Execution, new: Execution, span: Span, last: int) -> Iterator[Span]:
    """Windows of bounded size for both, which together hold every point of either in the span."""
    found = [*new.blocks(*span), *(old.blocks(*span) if span[0] <= last else ())]
    cuts = sorted({start for start, _ in found})
    ends = [*(start - 1 for start in cuts[1:]), max((end for _, end in found), default=0)]
    return iter(zip(cuts, ends, strict=True)) if cuts else iter(())
