"""What nodes are given beside their inputs: values of props, masks, replacements."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bound:
    """A value that was found for a prop or parameter, and where: request, sensor, device, type or default."""

    name: str
    value: object
    unit: str
    origin: str


@dataclass(frozen=True, slots=True)
class Mask:
    """A span of time [us, ends inclusive] whose readings do not count: why, and whether sensor or device say so."""

    start: int
    end: int
    reason: str
    origin: str


@dataclass(frozen=True, slots=True)
class Replacement:
    """An instrument put in another's place `at` an instant [us]; `until` the next one was (us, None: it still is)."""

    at: int
    until: int | None


def keywords(bound: tuple[Bound, ...]) -> dict[str, object]:
    """Values by the names that functions give them."""
    return {each.name.lower(): each.value for each in bound}
