"""A twin's payload: checked against its model, and written out with its metadata as seeds 002 and 004 print it.

A payload is what a client sends: properties, components, and in `$metadata` the model and the times of the sources.
The document adds when each property was last updated.
"""

from collections.abc import Mapping
from typing import Any

from tseng.depositing import Reading
from tseng_api.azure import errors
from tseng_api.azure.errors import Refused
from tseng_api.azure.patches import SOURCE_TIME
from tseng_api.azure.requests import etag_text, text_of
from tseng_api.azure.shapes import METADATA, Findings, Path, Shape, repeated
from tseng_units.instants import parse_instant

_IDENTITY = ("$dtId", "$etag")
_MODEL, _UPDATED, _LAST_UPDATE = "$model", "$lastUpdateTime", "lastUpdateTime"

Touched = set[Path] | None
"""Paths of what was changed; None for everything."""


class Payload:
    """A payload that fits its model.

    Raises:
        Refused: it does not; every fault is told.
    """

    def __init__(self, sent: dict[str, Any], shape: Shape) -> None:
        self._sent, self._shape = sent, shape
        self._found = Findings()
        self._times: dict[Path, int] = {}
        self._check(sent, shape, ())
        self._found.faults += [f"{name} stands for several numbers" for name in repeated(self._found.numbers)]
        faults = self._found.faults
        if faults:
            raise Refused(errors.VALIDATION_FAILED, f"the twin does not fit its model: {faults[0]}", faults)

    def readings(self, sensor: str, arrival: int, touched: Touched = None) -> list[Reading]:
        """Return the numbers among what was changed, each at the time of its source, else at that of their arrival."""
        values: dict[int, dict[str, float | None]] = {}
        units: dict[str, str] = {}
        for path, value, unit in self._found.numbers:
            if touched is None or any(path[: len(each)] == each for each in touched):
                metric = ".".join(path)
                values.setdefault(self._time(path, arrival), {})[metric] = value
                if unit:
                    units[metric] = unit
        return [Reading(sensor, time, each, units) for time, each in values.items()]

    def document(
        self, id: str, etag: str, arrival: int, before: Mapping[str, Any] | None = None, touched: Touched = None
    ) -> dict[str, Any]:
        """Return the twin as it is printed; `before` is what it was, for what was not changed."""
        now = text_of(arrival)
        metadata = {_MODEL: self._sent[METADATA][_MODEL], _UPDATED: now}
        content = _Writer(now, touched).level(self._sent, self._shape, before or {}, (), metadata)
        return {"$dtId": id, "$etag": etag_text(etag), **content, METADATA: metadata}

    def _time(self, path: Path, arrival: int) -> int:
        """That of the property which a number belongs to; components have no times themselves."""
        for length in range(1, len(path) + 1):
            if path[:length] in self._times:
                return self._times[path[:length]]
        return arrival

    def _check(self, level: Mapping[str, Any], shape: Shape, path: Path) -> None:
        """Hold the root or a component against its interface."""
        found = self._found
        for name, value in level.items():
            here = (*path, name)
            if name == METADATA or (not path and name in _IDENTITY):
                continue
            if name in shape.properties:
                found.check(value, shape.properties[name], here)
            elif name not in shape.components:
                found.wrong(here, "is no property or component of the model")
            elif isinstance(value, dict) and isinstance(value.get(METADATA), dict):
                self._check(value, shape.components[name], here)
            else:
                found.wrong(here, "is a component: it must be an object that has $metadata")
        for name, told in level[METADATA].items():
            if name == _UPDATED or (name == _MODEL and not path):
                continue
            here = (*path, METADATA, name)
            if name not in shape.properties or name not in level:
                found.wrong(here, "is about a property that is not there")
            elif not isinstance(told, dict) or told.keys() - {SOURCE_TIME, _LAST_UPDATE}:
                found.wrong(here, f"must be an object that has {SOURCE_TIME}")
            elif SOURCE_TIME in told:
                self._source_time(told[SOURCE_TIME], (*path, name), here)

    def _source_time(self, text: Any, path: Path, here: Path) -> None:
        try:
            self._times[path] = parse_instant(text)
        except ValueError:
            self._found.wrong((*here, SOURCE_TIME), "is no ISO 8601 time")


class _Writer:
    """Writes the content and the metadata of a twin's levels."""

    def __init__(self, now: str, touched: Touched) -> None:
        self._now, self._touched = now, touched

    def level(
        self, sent: Mapping[str, Any], shape: Shape, before: Mapping[str, Any], path: Path, metadata: dict[str, Any]
    ) -> dict[str, Any]:
        """Return a level's content; to `metadata` is added what is known of its properties."""
        content: dict[str, Any] = {}
        components: dict[str, Any] = {}
        known = before.get(METADATA, {})
        for name, value in sent.items():
            if name in shape.properties:
                content[name] = value
                metadata[name] = self._property(sent[METADATA].get(name, {}), known.get(name, {}), (*path, name))
            elif name in shape.components:
                components[name] = self._component(value, shape.components[name], before.get(name, {}), (*path, name))
        return content | components

    def _component(
        self, sent: Mapping[str, Any], shape: Shape, before: Mapping[str, Any], path: Path
    ) -> dict[str, Any]:
        updated = before.get(METADATA, {}).get(_UPDATED)
        metadata = {_UPDATED: updated if updated and not self._changed(path) else self._now}
        return {**self.level(sent, shape, before, path, metadata), METADATA: metadata}

    def _property(self, sent: Mapping[str, Any], before: Mapping[str, Any], path: Path) -> dict[str, Any]:
        updated = before.get(_LAST_UPDATE)
        told = {_LAST_UPDATE: updated if updated and not self._changed(path) else self._now}
        return told | ({SOURCE_TIME: sent[SOURCE_TIME]} if SOURCE_TIME in sent else {})

    def _changed(self, path: Path) -> bool:
        """Whether a change lies at a path, above or below it."""
        touched = self._touched
        return touched is None or any(path[: len(each)] == each[: len(path)] for each in touched)


def model_of(sent: Mapping[str, Any]) -> str:
    """Return the id of the model that a payload names.

    Raises:
        Refused: it names none.
    """
    metadata = sent.get(METADATA)
    model = metadata.get(_MODEL) if isinstance(metadata, dict) else None
    if not isinstance(model, str):
        raise Refused(errors.INVALID_ARGUMENT, "a twin needs $metadata with the id of its model in $model")
    return model
