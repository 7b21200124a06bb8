"""Which value of which prop a plan uses for readings of which time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tseng_units.bound import Bound
from tseng_units.nodes import (
    Accumulate,
    Anchored,
    Convert,
    Delta,
    Epochs,
    Increments,
    Linear,
    Map,
    Moving,
    MovingSum,
    Node,
    Paired,
    Rate,
    Sum,
)
from tseng_units.run import widened

Span = tuple[int | None, int | None]
EVER: Span = (None, None)
"""First and last instant [us], both inclusive; None is open."""


@dataclass(frozen=True, slots=True)
class Use:
    """A value that a sensor's readings are computed with, and for which of them: `first` to `last` [us], inclusive."""

    sensor: str
    bound: Bound
    first: int | None
    last: int | None


def bound_by(node: Node) -> tuple[Bound, ...]:
    """The values that a node itself is given."""
    match node:
        case Map() | Linear() | Increments():
            return node.bound
        case Delta():
            return (node.zero, node.count, node.mode, *((node.tolerance,) if node.tolerance else ()))
        case Moving() | Rate() | MovingSum():
            return (node.dt,)
        case Sum():
            return (node.zero,)
        case Accumulate() | Anchored():
            return (node.end, node.tolerance)
        case Paired():
            return (node.partner, node.max_gap)
        case _:
            return ()


def uses(root: Node) -> dict[tuple[str, str], list[Use]]:
    """By sensor and prop, inputs before what is made of them, the values used, ascending in time.

    A value that holds for adjoining periods is one use; a prop that never changed has a single one without ends.
    """
    found: dict[tuple[str, str], list[Use]] = {}
    for use in _within(root, EVER, set()):
        found.setdefault((use.sensor, use.bound.name), []).append(use)
    return {key: _merged(each) for key, each in found.items()}


def _within(node: Node, span: Span, seen: set[tuple[int, Span]]) -> Iterator[Use]:
    if (id(node), span) in seen:
        return
    seen.add((id(node), span))
    for child, inner in _inputs(node, span):
        yield from _within(child, inner, seen)
    if not isinstance(node, Convert):
        yield from (Use(node.sensor, bound, *span) for bound in bound_by(node))


def _inputs(node: Node, span: Span) -> Iterator[tuple[Node, Span]]:
    """The node's inputs, each with the time for which it is needed to answer for `span`."""
    match node:
        case Epochs():
            yield from ((child, (first, last)) for child, first, last in node.periods(*span))
        case Map() | Linear() | Convert() | Accumulate() | Anchored():
            yield from ((child, span) for child in node.children)
        case Paired():
            yield node.node, widened(*span, node.gap_us, node.gap_us)
        case _:  # a difference or a sum reaches back to readings of any time
            yield from ((child, EVER) for child in node.children)


def _merged(found: list[Use]) -> list[Use]:
    merged: list[Use] = []
    for use in sorted(found, key=lambda use: (use.first is not None, use.first or 0)):
        before = merged[-1] if merged else None
        if before is None or before.bound != use.bound or _apart(before, use):
            merged.append(use)
        elif before.last is not None and (use.last is None or use.last > before.last):
            merged[-1] = replace(before, last=use.last)
    return merged


def _apart(before: Use, use: Use) -> bool:
    return before.last is not None and use.first is not None and use.first > before.last + 1
