"""What a subscription is told: points that differ, entities that changed, and that a series cannot be computed."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import msgspec
import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from tseng.errors import Refusal
from tseng.series import Block
from tseng.text import iso_times, numbers, rows
from tseng_storage.entities import Entity
from tseng_units.instants import format_instant

LARGEST_PUSH = 50_000
"""Points of the largest change that is sent as points; of a larger one only the time range is told: it is read then."""
POINTS_OF_RESULT = 10_000
"""Points of one JSON result at most."""
_FEW = 16
"""Points up to which their times are written faster one by one than by the kernels for columns."""


class Update:
    """What a subscription is told: `DataUpdate`, `EntityUpdate`, `EntityRemoved` or `Trouble`."""


@dataclass(frozen=True)
class DataUpdate(Update):
    """The points of a series that are new or differ, from `first` to `last` [epoch us], and how many there are.

    `changed` holds them, NaN where a point is gone. It is empty where there are more than LARGEST_PUSH: the series may
    then differ anywhere from `first` to `last`, and `points` counts only those that were looked at. No points at all
    tell that a series that was in trouble can be computed again, and nothing of it has changed.
    """

    sensor: str
    first: int
    last: int
    points: int
    changed: Block = field(repr=False, compare=False)

    @cached_property
    def results(self) -> Sequence[bytes]:
        """JSON objects `{"data": {ISO time: value or null}, "sensor": id}` of at most POINTS_OF_RESULT points each.

        Made when first asked for and kept: all subscribers share them.
        """
        tail = b'},"sensor":' + msgspec.json.encode(self.sensor) + b"}"
        if not self.points:
            return [b'{"data":{' + tail]
        return [b'{"data":{' + members + tail for members in _members(*self.changed)]


@dataclass(frozen=True)
class EntityUpdate(Update):
    """An entity that was made or changed, as it is now."""

    entity: Entity


@dataclass(frozen=True)
class EntityRemoved(EntityUpdate):
    """An entity that was removed, as it was last."""


@dataclass(frozen=True)
class Trouble(Update):
    """A series cannot be computed any more, and why; data follow when it can again."""

    sensor: str
    error: Refusal


def _members(time: NDArray[np.int64], value: NDArray[np.float64]) -> Iterator[bytes]:
    if 0 < len(time) <= _FEW:
        yield _few(time, value)
        return
    for start in range(0, len(time), POINTS_OF_RESULT):
        part = slice(start, start + POINTS_OF_RESULT)
        texts = pc.if_else(np.isnan(value[part]), b"null", numbers(value[part]))
        yield bytes(rows(iso_times(time[part], b',"', b'Z":'), texts)[1:])


def _few(time: NDArray[np.int64], value: NDArray[np.float64]) -> bytes:
    """The text of `_members`, byte for byte, without the cost of setting the kernels up."""
    points = zip(time.tolist(), value.tolist(), strict=True)
    return ",".join(f'"{format_instant(us)}":{_number(each)}' for us, each in points).encode()


def _number(value: float) -> str:
    if value == 0.0 or 1e-4 <= abs(value) < 1e10:
        # The shortest form, as of the kernels: in this range without exponent, and there without decimals if whole.
        return repr(value).removesuffix(".0")
    return "null" if math.isnan(value) else str(numbers(np.array([value])).to_pylist()[0], "ascii")
