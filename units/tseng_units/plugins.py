"""Metrics from installed packages: Python functions declared as the catalogue's own are, found by entry point.

A package names, in the entry point group `tseng.metrics`, an iterable of what `metric` makes, or a function that gives
one. They are loaded once, when a metric is first asked about. A plugin that fails takes nothing else with it.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

import numpy as np

from tseng_units.catalogue import METRICS, MetricDef, title
from tseng_units.definitions import Definition, Input, assemble, check_id
from tseng_units.errors import InvalidDefinition, PluginFailed
from tseng_units.formulas.declare import FORMULAS_BY_MODULE, Floats, Formula
from tseng_units.registry import DIMENSIONS, dimension_of, interval_of

log = logging.getLogger("tseng")
GROUP = "tseng.metrics"


@dataclass(frozen=True)
class Plugins:
    """What was found: metrics by id, and by the entry point's name what is wrong with those that failed."""

    definitions: Mapping[str, Definition]
    problems: Mapping[str, str]


@dataclass(frozen=True)
class _Guarded:
    """A plugin's function; whatever it raises or wrongly returns is a PluginFailed that names the metric."""

    id: str
    function: Callable[..., Any]

    def __call__(self, *arrays: Floats, **props: object) -> Floats:
        try:
            values = np.array(self.function(*arrays, **props), dtype=np.float64)
        except Exception as error:
            raise self._failed(f"{type(error).__name__}: {error}") from error
        if values.shape != arrays[0].shape:
            raise self._failed(f"it returned values of shape {values.shape} for rows of shape {arrays[0].shape}")
        return values

    def _failed(self, problem: str) -> PluginFailed:
        return PluginFailed(f"metric {self.id!r} of a plugin failed: {problem}", field="metric", seen=self.id)


def metric(
    function: Callable[..., Any],
    id: str,
    *,
    inputs: Sequence[str],
    unit: str | None = None,
    name: str | None = None,
    notation: str | None = None,
    types: Iterable[str] | None = None,
    delta: bool = False,
    version: int = 1,
) -> Definition:
    """Make a metric of a function that `formula` or `linear` (`tseng_units.formulas.declare`) has declared.

    Args:
        function: of one array for each input, row by row: it sees pieces of a series, never a row's neighbours.
        id: of the metric.
        inputs: metric ids, in the order of the function's arrays.
        unit: default unit, else the function's.
        name: lower-case text, else the id with blanks.
        notation: symbol, else the id.
        types: sensor types that have it; None for every one that has the inputs.
        delta: answers are differences of the function's values, by the delta rule.
        version: to be raised whenever answers change.

    Raises:
        InvalidDefinition: an id that is taken, a function that was not declared, units that do not fit.
    """
    check_id(id)
    declared = FORMULAS_BY_MODULE.get(function.__module__, {}).get(function.__name__)
    if declared is None or declared.dimension is None:
        problem = f"metric {id!r}: {function.__name__} is not declared by `formula` or `linear` with units of its own"
        raise InvalidDefinition(problem, field=id, seen=function.__name__)
    taken = _inputs(id, declared, inputs)
    dimension = interval_of(declared.dimension) if delta else declared.dimension
    assert dimension is not None
    default = unit or declared.unit
    if default not in DIMENSIONS[dimension].units:
        problem = f"metric {id!r}: {default!r} is no unit of {dimension}"
        raise InvalidDefinition(problem, field=f"{id}.unit", seen=default, allowed=DIMENSIONS[dimension].units)
    text = name or id.replace("_", " ")
    made = MetricDef(
        id=id, name=text, display_name=title(text), notation=notation or id, dimension=dimension, default_unit=default,
        params=(), mandatory=frozenset(), raw=False, version=version,
    )  # fmt: skip
    # A straight line is computed by its function as well, so that it is guarded too.
    formula = replace(declared, name=id, function=_Guarded(id, declared.function), line=None)
    body = {"function": f"{function.__module__}.{function.__qualname__}", "unit": default, "inputs": list(inputs)}
    return assemble(made, formula, taken, delta=delta, types=types, body=body, origin="plugin")


def _inputs(id: str, declared: Formula, inputs: Sequence[str]) -> tuple[Input, ...]:
    if len(inputs) != len(declared.inputs) or declared.variadic:
        problem = f"metric {id!r}: {declared.name} takes {len(declared.inputs)} inputs, not {len(inputs)}"
        raise InvalidDefinition(problem, field=f"{id}.inputs", seen=list(inputs))
    return tuple(_input(id, metric, unit) for metric, unit in zip(inputs, declared.inputs, strict=True))


def _input(id: str, metric: str, unit: str) -> Input:
    """The dimension is the catalogue metric's, which must hold the unit; else the first that does."""
    known = METRICS.get(metric)
    found = DIMENSIONS.get(known.dimension) if known else None
    found = found or dimension_of(unit)
    if found is None or unit not in found.units:
        of = f"{metric} is of {found.name}" if found else "no dimension holds it"
        problem = f"metric {id!r}: its function takes {metric} in {unit!r}, and {of}"
        raise InvalidDefinition(problem, field=f"{id}.inputs", seen=unit)
    return Input(metric, found.name)


_lock = threading.Lock()
_loaded: Plugins | None = None


def plugins() -> Plugins:
    """The plugins' metrics; loaded by the first call, whatever thread it comes from."""
    global _loaded
    with _lock:
        if _loaded is None:
            _loaded = load(entry_points(group=GROUP))
        return _loaded


def load(points: Iterable[EntryPoint]) -> Plugins:
    """Load entry points, by name; one that fails is logged and left out."""
    definitions: dict[str, Definition] = {}
    problems: dict[str, str] = {}
    for point in sorted(set(points), key=lambda each: (each.name, each.value)):
        origin = f"plugin {point.dist.name} {point.dist.version}" if point.dist else f"plugin {point.name}"
        try:
            found = {each.id: each for each in _yielded(point)}
            taken = sorted(found.keys() & definitions.keys())
            if taken:
                raise InvalidDefinition(f"{definitions[taken[0]].origin} has a metric {taken[0]!r} too", field=taken[0])
        # What a stranger's module may raise while it is imported, it may raise here.
        except (Exception, SystemExit) as error:
            said = str(error) if isinstance(error, InvalidDefinition) else f"{type(error).__name__}: {error}"
            problems[point.name] = f"{origin} ({point.value}): {said}"
            log.warning("broken %s", problems[point.name])
            continue
        definitions |= {id: replace(each, origin=origin) for id, each in found.items()}
    return Plugins(MappingProxyType(definitions), MappingProxyType(problems))


def _yielded(point: EntryPoint) -> Iterable[Definition]:
    loaded = point.load()
    for each in loaded() if callable(loaded) else loaded:
        if not isinstance(each, Definition):
            raise InvalidDefinition(f"{each!r} is not what tseng_units.plugins.metric makes", field=point.name)
        yield each
