"""What a model demands of a payload, and the check of a payload against it.

DTDL v3, sections Primitive schema, Array, Enum, Map, Object and Geospatial Schemas. On the way through a value its
numbers are gathered, each with its path and unit.
"""

import math
import re
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec

from tseng_units.instants import parse_instant

METADATA = "$metadata"
Path = tuple[str, ...]

_INTEGERS = {"integer": 31, "long": 63}
_FLOATS = {"float": 3.4028234663852886e38, "double": math.inf}
NUMERIC = (*_INTEGERS, *_FLOATS)
PRIMITIVES = (*NUMERIC, "boolean", "date", "dateTime", "duration", "string", "time")
GEOMETRIES = {
    "point": "Point",
    "lineString": "LineString",
    "polygon": "Polygon",
    "multiPoint": "MultiPoint",
    "multiLineString": "MultiLineString",
    "multiPolygon": "MultiPolygon",
}
"""DTDL's names of GeoJSON's geometries."""

# How deep the positions of a geometry lie in its coordinates (RFC 7946, 3.1).
_DEPTHS = {"Point": 0, "LineString": 1, "MultiPoint": 1, "Polygon": 2, "MultiLineString": 2, "MultiPolygon": 3}
# ISO 8601-1, 5.5.2: weeks alone, or years to seconds.
_DURATION = re.compile(
    r"-?P(?:\d+W|(?=.)(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=.)(?:\d+H)?(?:\d+M)?(?:\d+(?:[.,]\d+)?S)?)?)", re.ASCII
)
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:[.,]\d+)?(?:[Zz]|[+-]\d\d:\d\d)?", re.ASCII)


class Primitive(msgspec.Struct, frozen=True, tag="primitive"):
    """A value of a primitive schema; `unit` is the id of ours."""

    name: str
    unit: str | None = None


class Enumeration(msgspec.Struct, frozen=True, tag="enum"):
    """One of some values."""

    values: tuple[int | str, ...]


class Fields(msgspec.Struct, frozen=True, tag="object"):
    """An object of named fields, each of which may be missing."""

    fields: dict[str, "Schema"]


class Entries(msgspec.Struct, frozen=True, tag="map"):
    """An object whose names are free."""

    values: "Schema"


class Elements(msgspec.Struct, frozen=True, tag="array"):
    """An array."""

    elements: "Schema"


class Geometry(msgspec.Struct, frozen=True, tag="geometry"):
    """A geometry of GeoJSON."""

    geometry: str


Schema = Primitive | Enumeration | Fields | Entries | Elements | Geometry


class Shape(msgspec.Struct, frozen=True):
    """What twins and components of an interface may hold, what it extends included."""

    properties: dict[str, Schema] = {}
    components: dict[str, "Shape"] = {}


class Number(NamedTuple):
    """A number in a payload, and the id of its unit."""

    path: Path
    value: float
    unit: str | None


class Findings:
    """What was found in a payload: its numbers, and what is wrong with it."""

    def __init__(self) -> None:
        self.numbers: list[Number] = []
        self.faults: list[str] = []

    def wrong(self, path: Path, message: str) -> None:
        """Note a fault."""
        self.faults.append(f"{'.'.join(path)} {message}" if path else message)

    def number(self, path: Path, value: float, unit: str | None = None) -> None:
        """Note a number."""
        self.numbers.append(Number(path, value, unit))

    def check(self, value: Any, schema: Schema, path: Path) -> None:
        """Hold a value against its schema."""
        _CHECKS[type(schema)](self, value, schema, path)


def _primitive(found: Findings, value: Any, schema: Primitive, path: Path) -> None:
    name = schema.name
    if name not in NUMERIC:
        if not _is_other(name, value):
            found.wrong(path, f"is {_quoted(value)}, which is no {name}")
        return
    kinds = int if name in _INTEGERS else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not _in_range(name, value):
        found.wrong(path, f"is {_quoted(value)}, which is no {name}")
    else:
        found.number(path, float(value), schema.unit)


def _in_range(name: str, value: float) -> bool:
    if name in _INTEGERS:
        bound: int = 2 ** _INTEGERS[name]
        return -bound <= value < bound
    try:
        return math.isfinite(float(value)) and abs(value) <= _FLOATS[name]
    except OverflowError:
        return False


def _is_other(name: str, value: Any) -> bool:
    """Whether a value is of a primitive schema that is not numeric."""
    if name == "boolean":
        return isinstance(value, bool)
    if not isinstance(value, str):
        return False
    try:
        if name == "date":
            date.fromisoformat(value)
            return len(value) == len("2024-01-01")
        if name == "dateTime":
            parse_instant(value)
            return "T" in value.upper()
        if name == "time":
            parse_instant(f"2000-01-01T{value}")
            return _TIME.fullmatch(value) is not None
    except ValueError:
        return False
    return name == "string" or _DURATION.fullmatch(value) is not None


def _enumeration(found: Findings, value: Any, schema: Enumeration, path: Path) -> None:
    if not any(type(value) is type(each) and value == each for each in schema.values):
        found.wrong(path, f"is {_quoted(value)}, which is none of its enum's values")
    elif isinstance(value, int):
        found.number(path, float(value))


def _fields(found: Findings, value: Any, schema: Fields, path: Path) -> None:
    if not isinstance(value, dict):
        found.wrong(path, f"is {_quoted(value)}, which is no object")
        return
    for name, each in value.items():
        if name in schema.fields:
            found.check(each, schema.fields[name], (*path, name))
        else:
            found.wrong((*path, name), "is no field of the model")


def _entries(found: Findings, value: Any, schema: Entries, path: Path) -> None:
    if not isinstance(value, dict):
        found.wrong(path, f"is {_quoted(value)}, which is no map")
        return
    for name, each in value.items():
        if name == METADATA:  # By this components are told from values.
            found.wrong((*path, name), "is no key of a map")
        found.check(each, schema.values, (*path, name))


def _elements(found: Findings, value: Any, schema: Elements, path: Path) -> None:
    if not isinstance(value, list):
        found.wrong(path, f"is {_quoted(value)}, which is no array")
        return
    for place, each in enumerate(value):
        found.check(each, schema.elements, (*path, str(place)))


def _geometry(found: Findings, value: Any, schema: Geometry, path: Path) -> None:
    good = isinstance(value, dict) and value.get("type") == schema.geometry
    if not good or not _coordinates(found, value.get("coordinates"), _DEPTHS[schema.geometry], (*path, "coordinates")):
        found.wrong(path, f"is no GeoJSON {schema.geometry}")


def _coordinates(found: Findings, value: Any, depth: int, path: Path) -> bool:
    """Whether this is a position, or arrays of them (RFC 7946, 3.1.1)."""
    if not isinstance(value, list):
        return False
    if depth:
        return all(_coordinates(found, each, depth - 1, (*path, str(at))) for at, each in enumerate(value))
    if len(value) < 2 or not all(isinstance(each, int | float) and not isinstance(each, bool) for each in value):
        return False
    for place, each in enumerate(value):
        found.check(each, Primitive("double"), (*path, str(place)))
    return True


_CHECKS: Any = {
    Primitive: _primitive,
    Enumeration: _enumeration,
    Fields: _fields,
    Entries: _entries,
    Elements: _elements,
    Geometry: _geometry,
}


def _quoted(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 40 else f"{text[:40]}…"


def repeated(numbers: Sequence[Number]) -> list[str]:
    """Return the dotted paths that several numbers share: names in a map may hold dots."""
    seen: dict[str, int] = {}
    for each in numbers:
        name = ".".join(each.path)
        seen[name] = seen.get(name, 0) + 1
    return [name for name, count in seen.items() if count > 1]
