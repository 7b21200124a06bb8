"""The functions that an expression may name: numpy's, each with what it takes and what kind of quantity it gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Literal

import numpy as np

from tseng_units.dimensions import Kind

MANY = 20
"""Arguments at most."""


@dataclass(frozen=True, slots=True)
class Function:
    """An element-wise function of one or two arrays; with more, it is applied to the result and the next.

    `takes`: "number" plain numbers alone; "interval" any quantity but a point on a scale; "alike" quantities of one
    kind, points too; "intervals" quantities of one kind, no points. It gives the kind of its first argument to the
    power `power`; 0 makes that a plain number.
    """

    ufunc: np.ufunc
    takes: Literal["number", "interval", "alike", "intervals"] = "number"
    power: Fraction = Fraction(1)
    fewest: int = 1
    most: int = 1

    @property
    def count(self) -> str:
        """How many arguments, in words."""
        if self.fewest < self.most:
            return f"{self.fewest} to {self.most} terms"
        return "one term" if self.most == 1 else f"{self.most} terms"

    def needed(self, kind: Kind, first: Kind) -> str | None:
        """What an argument had to be, in words; None where it is that."""
        if self.takes == "number":
            return None if kind.plain else "plain numbers (angles, strains and ratios are)"
        if kind.absolute and self.takes != "alike":
            return "differences of temperatures, such as `T - T0`"
        return None if self.takes == "interval" or kind == first else f"terms of one kind, here {first}"

    def gives(self, first: Kind) -> Kind:
        """The kind of the result."""
        return first if self.power == 1 else first.to_the(self.power)


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "sqrt": Function(np.sqrt, "interval", Fraction(1, 2)),
        "abs": Function(np.absolute, "interval"),
        "exp": Function(np.exp),
        "ln": Function(np.log),
        "log10": Function(np.log10),
        "sin": Function(np.sin),
        "cos": Function(np.cos),
        "tan": Function(np.tan),
        "asin": Function(np.arcsin),
        "acos": Function(np.arccos),
        "atan": Function(np.arctan),
        "atan2": Function(np.arctan2, "intervals", Fraction(0), 2, 2),
        "hypot": Function(np.hypot, "intervals", Fraction(1), 2, 2),
        "min": Function(np.minimum, "alike", Fraction(1), 2, MANY),
        "max": Function(np.maximum, "alike", Fraction(1), 2, MANY),
    }
)
