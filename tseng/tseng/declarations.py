"""What a generic sensor declares: which metrics, in which units, and how that is written in its props.

Of a file's columns a catalogue metric whose unit fits is declared as known (and gains its deltas), any other column as
an unknown metric, with a known unit or with the file's own words for one. What a door brings is named by whoever made
the twin or the source, and their `T` need not be a temperature: such a sensor says that what it does not declare is
unknown, and declares only what has a unit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tseng_units.catalogue import METRICS
from tseng_units.registry import DIMENSIONS, OPAQUE, unit_from_text

Column = tuple[str, str | None]
"""A metric as the file names it, and its unit text (None: the file says nothing)."""


@dataclass(frozen=True)
class Declared:
    """How a column is declared on a generic sensor: in which list the metric stands, in which its unit."""

    metric: str
    unit: str
    known_metric: bool
    known_unit: bool

    def props(self, index: int) -> dict[str, dict[str, str]]:
        """Give the props that declare it at one index (domain section 8: an index pairs a metric with its unit)."""
        metrics = "KNOWN_METRICS" if self.known_metric else "UNKNOWN_METRICS"
        units = "KNOWN_UNITS" if self.known_unit else "UNKNOWN_UNITS"
        return {metrics: {str(index): self.metric}, units: {str(index): self.unit}}


def spelled(text: str, dimension: str) -> str | None:
    """Unit id of a file's spelling; in a dimension known beforehand its own symbols count too (% of a humidity)."""
    units = DIMENSIONS[dimension].units.values()
    own = (unit.id for unit in units if text.strip() in (unit.id, unit.notation, unit.name))
    return next(own, None) or unit_from_text(text)


def declare(metric: str, unit: str | None) -> Declared:
    """Declare a column of a file on a generic sensor; a blank unit of a metric not in the catalogue is GENERIC."""
    known = METRICS.get(metric)
    if known and known.dimension in DIMENSIONS:
        own = spelled(unit, known.dimension) if unit else known.default_unit
        if own in DIMENSIONS[known.dimension].units:
            return Declared(metric, own or known.default_unit, True, True)
    free = unit_from_text(unit) if unit else None
    if free:
        return Declared(metric, free, False, True)
    return Declared(metric, unit or OPAQUE, False, False)


FREELY = {"UNDECLARED_METRICS": "UNKNOWN"}
"""Props of a sensor whose metrics are named by their owner: without declaration they have the unit GENERIC."""


def declare_freely(metric: str, unit: str) -> Declared:
    """Declare a metric that its owner named, in a unit id that is known."""
    return Declared(metric, unit, False, True)


_LISTS = ("KNOWN_METRICS", "UNKNOWN_METRICS", "KNOWN_UNITS", "UNKNOWN_UNITS")


def _indexed(value: object) -> dict[str, str]:
    """A list of declarations as index to text, in whichever of its two forms it was written."""
    if isinstance(value, list | tuple):
        return {str(index): text for index, text in enumerate(value)}
    return dict(value) if isinstance(value, Mapping) else {}


def declarations(props: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What the props of a generic sensor declare: index to text for each of the four lists."""
    return {name: _indexed(props.get(name)) for name in _LISTS}


def declaring_props(declared: Iterable[Declared], props: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Give the props of a generic sensor that declare these metrics after those it declares already."""
    lists = declarations(props)
    index = 1 + max((int(key) for each in lists.values() for key in each if key.isdigit()), default=-1)
    for offset, each in enumerate(declared):
        for name, entry in each.props(index + offset).items():
            lists[name] |= entry
    return {name: each for name, each in lists.items() if each}


def declared_freely(props: Mapping[str, Any]) -> dict[str, str]:
    """Give the metrics that the props of such a sensor declare, each with its unit."""
    lists = declarations(props)
    units = lists["UNKNOWN_UNITS"] | lists["KNOWN_UNITS"]
    return {metric: units.get(index, OPAQUE) for index, metric in lists["UNKNOWN_METRICS"].items()}
