"""Steps that change every value by itself, done in one pass over the values, a cacheful at a time.

Eight megabytes that are subtracted from, multiplied and added to in turn go through the memory three times; done in
chunks they go through it once. Each step does to a value what it does alone, whatever the chunk and whatever steps
follow, so the bits are those of whole arrays. Factors are not multiplied beforehand: one period more in a sensor's
configuration would then show in the last bit of older readings. What a step does to a value that is not finite leaves
it so: it is enough to look at the end.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tseng_units.registry import Affine

Times = NDArray[np.int64]
Floats = NDArray[np.float64]
CHUNK = 32_768
"""Values of a chunk: 256 KiB, so that a chunk and a temporary or two fit into a core's own cache."""
SMALL = 4
"""How often on average a chunk may be cut into parts before copying them together costs less."""

Step = Callable[[Floats, Floats, slice], None]
"""Takes values (n,), where to write the results (n,), maybe the values themselves, and which rows these are."""


@dataclass(slots=True)
class Chain:
    """A series whose values are still to be computed: each of `steps` after the other on the values of `parts`.

    `owned` says that the values may be changed in place, which takes a single part; `suspect` that results may turn
    out not to be finite although no floating-point flag tells.
    """

    time: Times
    parts: Sequence[Floats]
    owned: bool
    suspect: bool = False
    steps: list[Step] = field(default_factory=list)

    def _chunks(self) -> Iterator[tuple[slice, Floats]]:
        """Rows and their values as they come in, at most CHUNK at once."""
        first = 0
        for part in self.parts:
            for begin in range(0, len(part), CHUNK):
                values = part[begin : begin + CHUNK]
                yield slice(first + begin, first + begin + len(values)), values
            first += len(part)

    def _into(self, out: Floats, values: Floats, rows: slice) -> None:
        for step in self.steps:
            step(values, out, rows)
            values = out
        if values is not out:
            out[...] = values

    def whole(self) -> tuple[Floats, bool, bool]:
        """All values, whether they are the caller's to change, and whether all are finite as far as no flag tells."""
        if not self.steps and len(self.parts) == 1:
            return self.parts[0], self.owned, True
        result, finite = self.parts[0] if self.owned else np.empty(len(self.time)), True
        for rows, values in self._chunks():
            out = result[rows]
            self._into(out, values, rows)
            if self.suspect and finite:
                finite = bool(np.isfinite(out).all())
        return result, True, finite

    def add_to(self, total: Floats) -> None:
        """Add all values to as many others, in place."""
        scratch = np.empty(min(len(total), CHUNK))
        for rows, values in self._chunks():
            out = scratch[: len(values)]
            self._into(out, values, rows)
            total[rows] += out


def of_parts(time: Times, parts: Sequence[Floats]) -> Chain:
    """The beginning of a chain on values that are not to be written to; small parts are copied together."""
    if len(parts) * CHUNK > SMALL * len(time) and parts:
        return Chain(time, [np.concatenate(parts)], True)
    return Chain(time, parts, False)


def converted(affine: Affine) -> Step:
    """Another unit."""

    def step(values: Floats, out: Floats, rows: slice) -> None:
        affine.apply(values, out)

    return step


def line(shift: float, factor: float) -> Step:
    """(x - shift) * factor."""

    def step(values: Floats, out: Floats, rows: slice) -> None:
        np.subtract(values, shift, out=out)
        np.multiply(out, factor, out=out)

    return step


def less(zero: float) -> Step:
    """Difference to a zero: x - zero."""

    def step(values: Floats, out: Floats, rows: slice) -> None:
        np.subtract(values, zero, out=out)

    return step


def applied(function: Callable[..., Floats], others: Sequence[Floats], keywords: dict[str, object]) -> Step:
    """A formula of the values and of `others`, which are as long as the series."""

    def step(values: Floats, out: Floats, rows: slice) -> None:
        out[...] = function(values, *(other[rows] for other in others), **keywords)

    return step


def raised(offsets: Sequence[tuple[slice, float]]) -> Step:
    """Carried on: x + offset, an offset for each of some spans of rows."""

    def step(values: Floats, out: Floats, rows: slice) -> None:
        if values is not out:
            out[...] = values
        for span, offset in offsets:
            out[max(span.start - rows.start, 0) : max(span.stop - rows.start, 0)] += offset

    return step
