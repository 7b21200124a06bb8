"""Which reading a difference is taken from, and what is carried over where an instrument was replaced."""

import numpy as np

from tseng_units.errors import NoZeroReading
from tseng_units.found import Carried, Reading, Zero
from tseng_units.instants import format_instant
from tseng_units.nodes import Carry, Delta
from tseng_units.run import Floats, Times
from tseng_units.search import Search

FIRST = "FIRST"


def find_zero(search: Search, node: Delta) -> Zero | None:
    """The zero reading of a difference, None where its base has no valid reading at all.

    Raises NoZeroReading where the base has readings, but none (or too few) where the zero is to be.
    """
    date, count = node.zero.value, node.count.value
    assert isinstance(count, int)
    assert date is None or isinstance(date, int)
    since, found = date, 0
    if date is not None and node.mode.value != FIRST:
        since = search.nearest(node.node, date, node.tolerance_us)
    if date is None or since is not None:
        times, values = search.first(node.node, since, None, count)
        if len(values) == count:
            with np.errstate(over="ignore"):  # a mean beyond all numbers leaves no difference
                value = float(values[0]) if count == 1 else float(np.mean(values))
                return Zero(int(times[0]), value, int(times[-1]))
        found = len(values)
    if found or len(search.first(node.node, None, None)[0]):
        raise _no_zero(node, date, count, found)
    return None


def find_carried(search: Search, node: Carry) -> tuple[Carried, ...]:
    """For each replacement the last reading before it and the first one between it and the next replacement.

    An instrument that never read has nothing to hand on: the next one then takes over from the last that did.
    """
    return tuple(
        Carried(
            each.at,
            _reading(search.last(node.node, None, each.at - 1)),
            _reading(search.first(node.node, each.at, None if each.until is None else each.until - 1)),
        )
        for each in node.replacements
    )


def _reading(found: tuple[Times, Floats]) -> Reading | None:
    time, value = found
    return Reading(int(time[0]), float(value[0])) if len(time) else None


def _no_zero(node: Delta, date: int | None, count: int, found: int) -> NoZeroReading:
    where = "" if date is None else f" {_where(node)} {format_instant(date)}"
    problem = f"sensor {node.sensor!r} has no valid reading{where} to take {node.quantity} from"
    if found:
        few = f"has {found} valid readings{where}"
        problem = f"sensor {node.sensor!r} {few}, {node.quantity} needs ZERO_COUNT = {count}"
    return NoZeroReading(problem, field=node.zero.name, seen=None if date is None else format_instant(date))


def _where(node: Delta) -> str:
    if node.tolerance is not None:
        return f"within {node.tolerance_us / 1e6:g} s of"
    return "at or after" if node.mode.value == FIRST else "exactly at"
