"""Expressions that users write: parsed, checked for their dimensions, and compiled.

Nothing of the text is ever run. What may stand there is a list: names that were declared, plain numbers, arithmetic
and named functions; Python's parser is used for precedence alone, on text of which every sign has been looked at.
"""

import ast
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NoReturn

import numpy as np

from tseng_units.dimensions import NUMBER, Kind
from tseng_units.errors import InvalidDefinition
from tseng_units.functions import FUNCTIONS
from tseng_units.terms import Column, Expression, Given, Number, Step, Term

LONGEST = 1000
"""Characters of an expression."""
DEEPEST = 100
"""Levels of operations in each other; a sum has as many as it has terms."""
SHOWN = 80
"""Characters of a term in a refusal."""
LARGEST_NUMBER = 1e300
LARGEST_EXPONENT = 100
LARGEST_DENOMINATOR = 1_000_000
_TOKEN = re.compile(
    r"[A-Za-z_][A-Za-z0-9_]*|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![A-Za-z0-9_.])|\*\*|[-+*/(),]| ", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Name:
    """What a name in an expression stands for, and the kind of its values."""

    term: Number | Column | Given
    kind: Kind


def compile_expression(text: str, names: Callable[[str], Name], known: Sequence[str] = ()) -> Expression:
    """Check an expression and compile it.

    `names` tells what a name stands for and raises KeyError where it stands for nothing; `known` are offered then.
    Raises InvalidDefinition, naming the term as it is written, what it is and what was needed.
    """
    if len(text) > LONGEST:
        _refuse(f"an expression has at most {LONGEST} characters, this one {len(text)}")
    compiler = _Compiler(" ".join(text.split()), names, known)
    term, kind = compiler.compiled()
    return Expression(compiler.text, term, kind, frozenset(compiler.used))


def _refuse(problem: str, seen: object = None, allowed: Sequence[str] = ()) -> NoReturn:
    raise InvalidDefinition(problem, field="expression", seen=seen, allowed=allowed)


def _parsed(text: str) -> ast.expr:
    """The syntax tree; only signs of the little language reach Python's parser."""
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            near = text[max(0, position - 20) : position + 10]
            _refuse(f"in `{near}`: {text[position]!r} stands where only names, numbers, + - * / ** , ( ) can")
        position = found.end()
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "it nests too deeply"
        _refuse(f"`{text[:SHOWN]}` is no expression: {reason}")


class _Compiler:
    """Walks the syntax tree once: terms and kinds bottom up, refusals with the text they are about."""

    def __init__(self, text: str, names: Callable[[str], Name], known: Sequence[str]) -> None:
        self.text = text
        self.used: set[str] = set()
        self._names = names
        self._known = known

    def compiled(self) -> tuple[Term, Kind]:
        """The whole."""
        return self._of(_parsed(self.text), DEEPEST)

    def _written(self, node: ast.expr) -> str:
        # Nothing but ASCII gets here, so that columns in bytes are columns in characters.
        written = self.text[node.col_offset : node.end_col_offset]
        return f"`{written}`" if len(written) <= SHOWN else f"`{written[:SHOWN]}…`"

    def _of(self, node: ast.expr, deep: int) -> tuple[Term, Kind]:
        if not deep:
            _refuse(f"in {self._written(node)}: there are more than {DEEPEST} levels of operations in each other")
        match node:
            case ast.Constant(value=bool()):
                _refuse(f"in {self._written(node)}: write numbers, not words")
            case ast.Constant(value=int() | float()):
                return self._number(node), NUMBER
            case ast.Name():
                return self._name(node)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                return self._signed(node, deep)
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return self._sum(node, deep)
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                return self._product(node, deep)
            case ast.BinOp(op=ast.Pow()):
                return self._power(node, deep)
            case ast.Call(func=ast.Name(id=str() as name), keywords=[]):
                return self._call(node, name, deep)
        _refuse(f"in {self._written(node)}: only arithmetic and named functions can stand in an expression")

    def _number(self, node: ast.Constant) -> Number:
        value = _exact(node)
        if value is None or abs(value) > LARGEST_NUMBER:
            _refuse(f"in {self._written(node)}: the number is too large")
        return Number(float(value))

    def _name(self, node: ast.Name) -> tuple[Term, Kind]:
        try:
            found = self._names(node.id)
        except KeyError:
            problem = (
                f"in `{self.text[:SHOWN]}`: {node.id!r} is no metric, and no prop, constant or input declared here"
            )
            _refuse(problem, node.id, self._known)
        self.used.add(node.id)
        return found.term, found.kind

    def _signed(self, node: ast.UnaryOp, deep: int) -> tuple[Term, Kind]:
        term, kind = self._multiplied(node, node.operand, deep)
        return (term if isinstance(node.op, ast.UAdd) else Step(np.negative, (term,))), kind

    def _sum(self, node: ast.BinOp, deep: int) -> tuple[Term, Kind]:
        (left, one), (right, other) = self._of(node.left, deep - 1), self._of(node.right, deep - 1)
        adding = isinstance(node.op, ast.Add)
        # Points minus points are intervals, points and intervals make points, anything else of points makes nothing.
        sound = not (one.absolute and other.absolute) if adding else one.absolute or not other.absolute
        if one.powers != other.powers or not sound:
            verb = "added" if adding else "subtracted"
            _refuse(f"in {self._written(node)}: {one} and {other} cannot be {verb}", str(other))
        kind = Kind(one.powers, one.absolute is not other.absolute)
        return Step(np.add if adding else np.subtract, (left, right)), kind

    def _product(self, node: ast.BinOp, deep: int) -> tuple[Term, Kind]:
        (left, one), (right, other) = self._multiplied(node, node.left, deep), self._multiplied(node, node.right, deep)
        if isinstance(node.op, ast.Mult):
            return Step(np.multiply, (left, right)), one.times(other)
        return Step(np.divide, (left, right)), one.times(other, Fraction(-1))

    def _power(self, node: ast.BinOp, deep: int) -> tuple[Term, Kind]:
        term, kind = self._multiplied(node, node.left, deep)
        power = _exact(node.right)
        if power is None or not 0 < abs(power) <= LARGEST_EXPONENT or power.denominator > LARGEST_DENOMINATOR:
            needed = f"a number or a fraction of two, not zero and at most {LARGEST_EXPONENT}"
            _refuse(f"in {self._written(node)}: the exponent {self._written(node.right)} is not {needed}")
        return Step(np.power, (term, Number(float(power)))), kind.to_the(power)

    def _multiplied(self, whole: ast.expr, node: ast.expr, deep: int) -> tuple[Term, Kind]:
        """A term that is multiplied, and so must not be a point."""
        term, kind = self._of(node, deep - 1)
        if kind.absolute:
            written = self._written(node)
            problem = f"{written} is a temperature on a scale with an arbitrary zero, and has differences only"
            _refuse(f"in {self._written(whole)}: {problem}; write one, such as `({written[1:-1]} - T0)`", str(kind))
        return term, kind

    def _call(self, node: ast.Call, name: str, deep: int) -> tuple[Term, Kind]:
        function = FUNCTIONS.get(name)
        if function is None:
            _refuse(f"in {self._written(node)}: no function is called {name!r}", name, tuple(FUNCTIONS))
        if not function.fewest <= len(node.args) <= function.most:
            _refuse(f"in {self._written(node)}: {name} takes {function.count}, not {len(node.args)}")
        terms, kinds = zip(*(self._of(each, deep - 1) for each in node.args), strict=True)
        for argument, kind in zip(node.args, kinds, strict=True):
            needed = function.needed(kind, kinds[0])
            if needed:
                about = f"{self._written(argument)} is {kind}"
                _refuse(f"in {self._written(node)}: {about}, and {name} takes {needed}", str(kind))
        term = Step(function.ufunc, terms[:2])
        for further in terms[2:]:
            term = Step(function.ufunc, (term, further))
        return term, function.gives(kinds[0])


def _exact(node: ast.expr, deep: int = 3) -> Fraction | None:
    """A number written out, or a fraction of two; None for anything else."""
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() as whole):
            return Fraction(whole)
        case ast.Constant(value=float() as value) if math.isfinite(value):
            # As written in decimals: 0.1 is a tenth, not the float beside it.
            return Fraction(repr(value))
        case ast.UnaryOp(op=ast.USub()) if deep:
            inner = _exact(node.operand, deep - 1)
            return None if inner is None else -inner
        case ast.BinOp(op=ast.Div()) if deep:
            above, below = _exact(node.left, deep - 1), _exact(node.right, deep - 1)
            return above / below if above is not None and below else None
    return None
