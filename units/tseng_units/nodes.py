"""The nodes of a plan: frozen plain data that says what to read and what to do with it, and knows no numbers.

A node stands for one series: valid points, ascending times. Its `unit` is that of the values; `dimension` is None
where the unit is free text. `children[0]` is the clock: every time of the node's series is a time of the clock's
series.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

from tseng_units.bound import Bound, Mask, Replacement, keywords
from tseng_units.formulas.declare import Formula
from tseng_units.registry import DIMENSIONS, interval_of


class _OfOne:
    """A node of one input."""

    __slots__ = ()
    node: "Node"

    @property
    def children(self) -> tuple["Node", ...]:
        """The one input."""
        return (self.node,)


class _LikeItsInput(_OfOne):
    """A node of one input, in its unit."""

    __slots__ = ()

    @property
    def unit(self) -> str:
        """That of the input."""
        return self.node.unit

    @property
    def dimension(self) -> str | None:
        """That of the input."""
        return self.node.dimension


class _LikeItsParts:
    """A node of several inputs of one unit."""

    __slots__ = ()
    children: tuple["Node", ...]

    @property
    def unit(self) -> str:
        """That of every input."""
        return self.children[0].unit

    @property
    def dimension(self) -> str | None:
        """That of every input."""
        return self.children[0].dimension


class _OfArray(_LikeItsParts):
    """A node of several sensors of an array, whose readings belong together within a tolerance [s]."""

    __slots__ = ()
    tolerance: Bound

    @property
    def tolerance_us(self) -> int:
        """How far from the requested sensor's time another one's reading may lie, in microseconds."""
        return round(float(str(self.tolerance.value)) * 1e6)


class _Difference(_LikeItsInput):
    """A node whose values are differences of its input's."""

    __slots__ = ()

    @property
    def dimension(self) -> str | None:
        """That of the input's intervals."""
        return interval_of(self.node.dimension)


@dataclass(frozen=True, slots=True)
class Raw:
    """The stored readings of one metric of one sensor, those under `masks` left out."""

    sensor: str
    metric: str
    unit: str
    dimension: str | None
    masks: tuple[Mask, ...] = ()

    @property
    def children(self) -> tuple["Node", ...]:
        """None: read, not computed."""
        return ()


@dataclass(frozen=True, slots=True)
class Map:
    """A formula applied row by row where all inputs are valid; `Paired` inputs are sampled at the others' rows.

    `bound` holds the formula's own props first, then those that named a unit or chose this formula among others.
    """

    sensor: str
    quantity: str
    formula: Formula
    children: tuple["Node", ...]
    bound: tuple[Bound, ...]
    unit: str
    dimension: str | None

    @property
    def keywords(self) -> dict[str, object]:
        """The formula's own props as its function takes them."""
        return keywords(self.bound[: len(self.formula.props)])


@dataclass(frozen=True, slots=True)
class Linear(_OfOne):
    """A formula of one input that its props make a straight line: (x - shift) * factor, fused with what follows.

    `bound` as in Map.
    """

    sensor: str
    quantity: str
    formula: Formula
    node: "Node"
    bound: tuple[Bound, ...]
    shift: float
    factor: float
    unit: str
    dimension: str | None


@dataclass(frozen=True, slots=True)
class Epochs(_LikeItsParts):
    """One quantity computed with other props from each of the `dates` [us] on: `children[i + 1]` from `dates[i]` on.

    All children have the unit of the newest.
    """

    sensor: str
    quantity: str
    children: tuple["Node", ...]
    dates: tuple[int, ...]

    def periods(self, start: int | None, end: int | None) -> Iterator[tuple["Node", int | None, int | None]]:
        """The children that serve some of the window [us], each with its part of it."""
        until = (*(date - 1 for date in self.dates), None)
        for child, since, last in zip(self.children, (None, *self.dates), until, strict=True):
            begin = since if start is None or (since is not None and since > start) else start
            finish = last if end is None or (last is not None and last < end) else end
            if begin is None or finish is None or begin <= finish:
                yield child, begin, finish


@dataclass(frozen=True, slots=True)
class Paired(_LikeItsInput):
    """A series of another sensor (`partner`) at the times of this one: equal, else linear up to max_gap [s]."""

    sensor: str
    node: "Node"
    partner: Bound
    max_gap: Bound

    @property
    def gap_us(self) -> int:
        """The widest gap bridged, in microseconds."""
        return round(float(str(self.max_gap.value)) * 1e6)


@dataclass(frozen=True, slots=True)
class Convert(_OfOne):
    """Values in another unit of the same dimension."""

    node: "Node"
    unit: str

    @property
    def dimension(self) -> str | None:
        """Unchanged."""
        return self.node.dimension


@dataclass(frozen=True, slots=True)
class Carry(_LikeItsInput):
    """Readings that go on where an instrument was replaced: the new one's first is made equal to the old one's last."""

    sensor: str
    quantity: str
    node: "Node"
    replacements: tuple[Replacement, ...]


@dataclass(frozen=True, slots=True)
class Delta(_Difference):
    """Difference to the zero reading: mean of `count` valid readings from the one on that `zero` [us] and `mode` name.

    Without `zero` that is the first of all; else FIRST at or after it, EXACT at it, or NEAREST within `tolerance` [s].
    """

    sensor: str
    quantity: str
    node: "Node"
    zero: Bound
    count: Bound
    mode: Bound
    tolerance: Bound | None

    @property
    def tolerance_us(self) -> int:
        """How far from `zero` the nearest reading may lie, in microseconds."""
        return 0 if self.tolerance is None else round(float(str(self.tolerance.value)) * 1e6)


@dataclass(frozen=True, slots=True)
class Moving(_Difference):
    """Difference to the reading nearest to one interval `dt` (us) earlier, within a tenth of it."""

    sensor: str
    quantity: str
    node: "Node"
    dt: Bound


@dataclass(frozen=True, slots=True)
class Rate(_OfOne):
    """As Moving, divided by the time that lies between the two readings [s]; the base is in m, the rate in m_s."""

    sensor: str
    quantity: str
    node: "Node"
    dt: Bound
    unit: str = "m_s"
    dimension: str = "velocity"


@dataclass(frozen=True, slots=True)
class Accumulate(_OfArray):
    """Sum over the segments of an array from its fixed end to the requested sensor, which comes first in `children`."""

    sensor: str
    quantity: str
    children: tuple["Node", ...]
    sensors: tuple[str, ...]
    sign: float
    end: Bound
    tolerance: Bound


@dataclass(frozen=True, slots=True)
class Anchored(_OfArray):
    """Movement of an anchor towards the collar: of the reference (the deepest anchor) less its own, or its own, minus.

    `children` are the own change and, where the deepest anchor is the fixed end, that one's.
    """

    sensor: str
    quantity: str
    children: tuple["Node", ...]
    sensors: tuple[str, ...]
    end: Bound
    tolerance: Bound


@dataclass(frozen=True, slots=True)
class Increments(_LikeItsInput):
    """Steps of a running counter since the reading before; after a reset, which is a drop, the counter itself."""

    sensor: str
    quantity: str
    node: "Node"
    bound: tuple[Bound, ...] = ()


@dataclass(frozen=True, slots=True)
class Intensity(_OfOne):
    """Values divided by the time since the reading before [s]; the input is in m, the intensity in m_s."""

    sensor: str
    quantity: str
    node: "Node"
    unit: str = "m_s"
    dimension: str = "velocity"


@dataclass(frozen=True, slots=True)
class Sum(_LikeItsInput):
    """Sum of all values after `zero` [us] (None: of all there are), up to each time."""

    sensor: str
    quantity: str
    node: "Node"
    zero: Bound


@dataclass(frozen=True, slots=True)
class MovingSum(_LikeItsInput):
    """Sum of the values in one interval `dt` [us] up to each time, once there are readings for all of it."""

    sensor: str
    quantity: str
    node: "Node"
    dt: Bound


Past = Increments | Intensity | Sum | MovingSum
"""Nodes whose values depend on readings long before them."""
Node = Union[Raw, Map, Linear, Epochs, Paired, Convert, Carry, Delta, Moving, Rate, Accumulate, Anchored, Past]  # noqa: UP007 (a forward reference in | fails)


def quantity_of(node: Node) -> str:
    """The metric or inner quantity whose series the node is, whatever its unit."""
    while isinstance(node, Convert | Paired):
        node = node.node
    return node.metric if isinstance(node, Raw) else node.quantity


def in_unit(node: Node, unit: str) -> Node:
    """The node itself if its values are in that unit already, else a conversion (never of a conversion)."""
    while isinstance(node, Convert):
        node = node.node
    if node.unit == unit:
        return node
    if isinstance(node, Linear) and node.node.dimension is None and node.node.unit == unit:
        # Asked for in the free text that a unit map translates: as stored.
        return node.node
    if node.dimension is None or unit not in DIMENSIONS[node.dimension].units:
        raise AssertionError(f"{node.unit} does not convert to {unit}: the rules combine quantities that do not fit")
    return Convert(node, unit)


def walk(node: Node) -> Iterator[Node]:
    """Every node once, inputs before what is made of them."""
    seen: set[int] = set()

    def visit(node: Node) -> Iterator[Node]:
        if id(node) in seen:
            return
        seen.add(id(node))
        for child in node.children:
            yield from visit(child)
        yield node

    return visit(node)
