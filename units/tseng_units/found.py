"""What is found in the readings before anything is derived from them; none of it depends on a window."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Zero:
    """A zero reading: the mean of the first `count` readings from `time` on, of which that at `last` is the last."""

    time: int
    value: float
    last: int


@dataclass(frozen=True, slots=True)
class Reading:
    """One valid reading."""

    time: int
    value: float


@dataclass(frozen=True, slots=True)
class Carried:
    """What a replacement at `time` adds to later readings: the last one before it less the first one after it.

    0 where one of the two does not exist.
    """

    time: int
    before: Reading | None
    after: Reading | None

    @property
    def offset(self) -> float:
        """In the unit of the readings."""
        return 0.0 if self.before is None or self.after is None else self.before.value - self.after.value


@dataclass(slots=True)
class Totals:
    """Sums up to and including some `times` [us, ascending], the first of them that from which the sum counts."""

    times: list[int]
    sums: list[float]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in the readings before anything is derived, by `id` of the node that needs it.

    `firsts` are the first readings [us] of what moving sums add up, `totals` what sums go on from.
    """

    zeros: dict[int, Zero | None] = field(default_factory=dict)
    carried: dict[int, tuple[Carried, ...]] = field(default_factory=dict)
    firsts: dict[int, int | None] = field(default_factory=dict)
    totals: dict[int, Totals] = field(default_factory=dict)
