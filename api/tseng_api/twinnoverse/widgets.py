"""Widgets: what each expects under its DataKey, an example of it, and what it makes of what came (seed 001).

Several widgets may show the same DataKey; then what comes under it must suit all of them, and is read once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple

import msgspec

from tseng.errors import Fault, InvalidRequest
from tseng.ids import fault_of_metric
from tseng_units.registry import dimension_of

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
UnitId = Annotated[str, msgspec.Meta(description="Of the numbers; left out, they have none that is known.")]

MOST_LABELS = 1000
LONGEST_TEXT = 10_000


class Datum(NamedTuple):
    """One number or text of a payload, under the metric that it is a value of."""

    metric: str
    value: float | str
    unit: str | None


class SingleData(msgspec.Struct, tag_field="type", tag="SingleData", forbid_unknown_fields=True, omit_defaults=True):
    """A number or a text."""

    HOLDS: ClassVar[tuple[str, ...]] = ()

    DataKey: Name
    unit: UnitId | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys below the DataKey."""
        return ()

    def units(self) -> list[tuple[str, str | None]]:
        """The metrics whose names are known beforehand, with their units, by the names of the fields of these."""
        return [("unit", self.unit)]

    def example(self) -> Any:
        """What is sent under the DataKey."""
        return 42.5

    def read(self, value: Any, faults: list[Fault]) -> Iterator[Datum]:
        """Take apart what came under the DataKey."""
        yield from _datum(self.DataKey, self.DataKey, value, self.unit, faults)


class DoubleData(msgspec.Struct, tag_field="type", tag="DoubleData", forbid_unknown_fields=True, omit_defaults=True):
    """Two numbers or texts."""

    HOLDS: ClassVar[tuple[str, ...]] = ("a number or a text", "a number or a text")

    DataKey: Name
    primarySubKey: Name
    secondarySubKey: Name
    primaryUnit: UnitId | None = None
    secondaryUnit: UnitId | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys below the DataKey."""
        return self.primarySubKey, self.secondarySubKey

    def units(self) -> list[tuple[str, str | None]]:
        """The units, by the names of their fields."""
        return [("primaryUnit", self.primaryUnit), ("secondaryUnit", self.secondaryUnit)]

    def example(self) -> Any:
        """What is sent under the DataKey."""
        return {self.primarySubKey: 1500, self.secondarySubKey: 0.75}

    def read(self, value: Mapping[str, Any], faults: list[Fault]) -> Iterator[Datum]:
        """Take apart what came under the DataKey."""
        for key, (_, unit) in zip(self.keys, self.units(), strict=True):
            if key in value:
                name = f"{self.DataKey}.{key}"
                yield from _datum(name, name, value[key], unit, faults)


class _Chart(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    HOLDS: ClassVar[tuple[str, ...]] = ("labels", "values")

    DataKey: Name
    labelsKey: Name
    valuesKey: Name
    unit: UnitId | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys below the DataKey."""
        return self.labelsKey, self.valuesKey

    def units(self) -> list[tuple[str, str | None]]:
        """The units, by the names of their fields."""
        return [("unit", self.unit)]

    def example(self) -> Any:
        """What is sent under the DataKey."""
        return {self.labelsKey: ["A", "B", "C"], self.valuesKey: [112, 124, 98]}

    def read(self, value: Mapping[str, Any], faults: list[Fault]) -> Iterator[Datum]:
        """Take apart what came under the DataKey: a value of a metric for each label, if there are both."""
        columns = [value.get(key) for key in self.keys]
        if not any(key in value for key in self.keys):
            return
        for key, column in zip(self.keys, columns, strict=True):
            if not isinstance(column, list):
                seen = "is missing" if column is None else f"must be a list, not {_words(column)}"
                faults.append(Fault(f"{self.DataKey}.{key}", seen))
        labels, values = columns
        if isinstance(labels, list) and isinstance(values, list):
            yield from self._points(labels, values, faults)

    def _points(self, labels: Sequence[Any], values: Sequence[Any], faults: list[Fault]) -> Iterator[Datum]:
        path, name = f"{self.DataKey}.{self.labelsKey}", f"{self.DataKey}.{self.valuesKey}"
        if len(labels) != len(values):
            faults.append(Fault(name, f"has {len(values)} values for {len(labels)} labels"))
            return
        if len(labels) > MOST_LABELS:
            faults.append(Fault(path, f"has {len(labels)} labels, at most {MOST_LABELS} are taken"))
            return
        seen: set[str] = set()
        for number, (label, value) in enumerate(zip(labels, values, strict=True)):
            text = label if isinstance(label, str) else _written(label)
            metric = f"{name}.{text}"
            if not text:
                seen_label = "an empty one" if label == "" else _words(label)
                faults.append(Fault(f"{path}[{number}]", f"must be a text or a number, not {seen_label}"))
            elif odd := fault_of_metric(metric):
                faults.append(Fault(f"{path}[{number}]", odd))
            elif text in seen:
                faults.append(Fault(f"{path}[{number}]", f"{text!r:.80} comes twice"))
            elif isinstance(value, bool) or not isinstance(value, int | float):
                faults.append(Fault(f"{name}[{number}]", f"must be a number, not {_words(value)}"))
            else:
                seen.add(text)
                yield from _datum(metric, f"{name}[{number}]", value, self.unit, faults)


class BarChart(_Chart, tag_field="type", tag="BarChart"):
    """Numbers by label."""


class LineChart(_Chart, tag_field="type", tag="LineChart"):
    """Numbers by label."""


Widget = SingleData | DoubleData | BarChart | LineChart


class Widgets:
    """The widgets of one data source, by DataKey."""

    ALLOWED: ClassVar[str] = "SingleData, DoubleData, BarChart, LineChart"

    def __init__(self, widgets: Sequence[Widget]) -> None:
        self._by_key: dict[str, list[Widget]] = {}
        for widget in widgets:
            self._by_key.setdefault(widget.DataKey, []).append(widget)

    def example(self) -> dict[str, Any]:
        """A payload with everything that the widgets show."""
        return {key: _merged([widget.example() for widget in widgets]) for key, widgets in self._by_key.items()}

    def read(self, payload: Mapping[str, Any]) -> list[Datum]:
        """Take a payload apart; each number and each text once.

        Raises:
            InvalidRequest: it holds keys that no widget has, or something else than what a widget expects; each such
                place is named.
        """
        faults: list[Fault] = []
        found: dict[str, Datum] = {}
        for key, value in payload.items():
            widgets = self._by_key.get(key, [])
            if not widgets:
                words = ", ".join(self._by_key)
                faults.append(Fault(key, f"no widget of this data source has this DataKey; there are: {words}"))
            elif _suits(key, value, widgets, faults):
                for datum in (datum for widget in widgets for datum in widget.read(value, faults)):
                    if found.setdefault(datum.metric, datum) != datum:
                        faults.append(Fault(key, f"{datum.metric!r:.200} gets two values"))
        if faults:
            raise InvalidRequest(list(dict.fromkeys(faults)))
        return list(found.values())


def check(widgets: Sequence[Widget]) -> None:
    """Let pass widgets that go together.

    Raises:
        InvalidRequest: one has an unknown unit, equal sub-keys, or a DataKey or sub-key under which another one expects
            another thing or another unit; or metrics of two would have the same name. Each is named.
    """
    faults: list[Fault] = []
    seen: dict[str, tuple[str, str | None]] = {}
    holds: dict[tuple[str, str], str] = {}
    nested: dict[str, bool] = {}
    charts = {metric for widget in widgets if isinstance(widget, _Chart) for metric, _ in _metrics(widget)}
    for number, widget in enumerate(widgets):
        path = f"widgets[{number}]"
        for field, unit in widget.units():
            if unit is not None and dimension_of(unit) is None:
                faults.append(Fault(f"{path}.{field}", f"{unit!r:.80} is no unit; `GET /api/metrics/types` has them"))
        if len(set(widget.keys)) < len(widget.keys):
            faults.append(Fault(path, f"needs two different keys, not twice {widget.keys[0]!r}"))
        if nested.setdefault(widget.DataKey, bool(widget.keys)) != bool(widget.keys):
            faults.append(Fault(f"{path}.DataKey", f"another widget expects something else under {widget.DataKey!r}"))
        for key, what in zip(widget.keys, widget.HOLDS, strict=True):
            if holds.setdefault((widget.DataKey, key), what) != what:
                faults.append(Fault(path, f"another widget expects something else under {widget.DataKey}.{key}"))
        for metric, unit in _metrics(widget):
            below = any(metric != chart and metric.startswith(chart) for chart in charts)
            if below or seen.setdefault(metric, (widget.DataKey, unit)) != (widget.DataKey, unit):
                faults.append(Fault(path, f"another widget calls its values {metric!r} too, in another unit or place"))
    if faults:
        raise InvalidRequest(faults)


def _metrics(widget: Widget) -> Iterable[tuple[str, str | None]]:
    """The names of a widget's metrics as far as they are known beforehand, with their units."""
    if isinstance(widget, SingleData):
        return [(widget.DataKey, widget.unit)]
    if isinstance(widget, DoubleData):
        return [(f"{widget.DataKey}.{key}", unit) for key, (_, unit) in zip(widget.keys, widget.units(), strict=True)]
    return [(f"{widget.DataKey}.{widget.valuesKey}.", widget.unit)]


def _suits(key: str, value: Any, widgets: Sequence[Widget], faults: list[Fault]) -> bool:
    """Whether what came under a DataKey is an object where its widgets have keys, and holds no others."""
    known = list(dict.fromkeys(each for widget in widgets for each in widget.keys))
    if not known:
        return True
    if not isinstance(value, Mapping):
        faults.append(Fault(key, f"must be an object with {', '.join(known)}, not {_words(value)}"))
        return False
    faults += [
        Fault(f"{key}.{each}", f"no widget has this key; there are: {', '.join(known)}")
        for each in value
        if each not in known
    ]
    return True


def _datum(metric: str, path: str, value: Any, unit: str | None, faults: list[Fault]) -> Iterator[Datum]:
    if isinstance(value, str):
        if len(value) <= LONGEST_TEXT:
            yield Datum(metric, value, None)
        else:
            faults.append(Fault(path, f"has {len(value)} characters, at most {LONGEST_TEXT} are taken"))
    elif isinstance(value, bool) or not isinstance(value, int | float):
        faults.append(Fault(path, f"must be a number or a text, not {_words(value)}"))
    else:
        try:
            yield Datum(metric, float(value), unit)
        except OverflowError:
            faults.append(Fault(path, f"{value!s:.40} is too large a number"))


def _written(label: Any) -> str:
    return "" if isinstance(label, bool) or not isinstance(label, int | float) else msgspec.json.encode(label).decode()


def _words(value: Any) -> str:
    names = {bool: "true or false", type(None): "null", list: "a list", dict: "an object", str: "a text"}
    return names.get(type(value), "a number")


def _merged(examples: Sequence[Any]) -> Any:
    merged: dict[str, Any] = {}
    for example in examples:
        if not isinstance(example, dict):
            return example
        merged |= example
    return merged
