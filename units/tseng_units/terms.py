"""A compiled expression: a small closed tree of numpy's element-wise functions, evaluated on whole arrays.

A value outside the domain of any step is missing, whatever the steps after it would make of it: 1/(1/x) has no value
at x = 0, although floating point finds one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tseng_units.dimensions import Kind
from tseng_units.registry import Affine

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written."""

    value: float


@dataclass(frozen=True, slots=True)
class Column:
    """An input array, by its place among the inputs."""

    index: int


@dataclass(frozen=True, slots=True)
class Given:
    """A prop by its keyword, converted from the unit it is declared in."""

    keyword: str
    to_base: Affine


@dataclass(frozen=True, slots=True)
class Step:
    """One of numpy's element-wise functions, of one or two terms."""

    function: np.ufunc
    terms: tuple["Term", ...]


Term = Number | Column | Given | Step


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression: its text, its tree, the kind of its values and the names it uses."""

    text: str
    term: Term
    kind: Kind
    names: frozenset[str]

    def __call__(self, *inputs: Floats, **props: object) -> Floats:
        """Values in base units, of the shape of the inputs and an array of their own.

        inputs: float64 arrays of one shape, in base units. props: numbers or arrays of that shape, by keyword, in the
        units they are declared in. NaN where a step left its domain or overflowed.
        """
        run = _Evaluation(inputs, props)
        with np.errstate(divide="call", over="call", invalid="call", under="ignore", call=run.flag):
            values = run.of(self.term)
        return values if isinstance(self.term, Step) else np.array(values)


class _Evaluation:
    """One evaluation; an array that a step made is written over by the step that takes it."""

    def __init__(self, inputs: Sequence[Floats], props: Mapping[str, object]) -> None:
        self._inputs = inputs
        self._props = props
        self._left = False

    def flag(self, kind: str, flag: int) -> None:
        """Note that a value has just left the numbers."""
        self._left = True

    def of(self, term: Term) -> Any:
        """The values of a term: an array, or one number for all."""
        match term:
            case Number():
                return term.value
            case Column():
                return self._inputs[term.index]
            case Given():
                return term.to_base.apply(np.asarray(self._props[term.keyword], dtype=np.float64))
            case Step():
                return self._step(term)

    def _step(self, step: Step) -> Any:
        values = [self.of(term) for term in step.terms]
        result = step.function(*values, out=self._reusable(step, values))
        if self._left:
            self._left = False
            result = np.where(np.isfinite(result), result, np.nan)
        return result

    def _reusable(self, step: Step, values: Sequence[Any]) -> Floats | None:
        """An array that a step below made, of the size of the result."""
        made = (each for each, term in zip(values, step.terms, strict=True) if isinstance(term, Step))
        return next(
            (each for each in made if isinstance(each, np.ndarray) and each.shape == self._inputs[0].shape), None
        )
