"""Schemas of properties, telemetry, commands and fields, read from a DTDL interface.

DTDL v3, sections Primitive schema to Interface schemas; of version 2 the same without arrays in properties.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from tseng_api.azure.shapes import (
    GEOMETRIES,
    NUMERIC,
    PRIMITIVES,
    Elements,
    Entries,
    Enumeration,
    Fields,
    Geometry,
    Primitive,
    Schema,
)
from tseng_api.azure.units import OURS, units_of

NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_]{0,62}[A-Za-z0-9])?")
"""Section Property, `name`."""

DEEPEST = 5
"""Levels of complex schemas within one another, section Complex schema."""

MOST_ELEMENTS = 100_000
"""Section Interface: elements below the contents of one interface."""

_STANDARD = re.compile(r"dtmi:(?:dtdl:instance:Schema|standard:schema:geospatial):(\w+);[23]")
_COMPLEX = ("Array", "Enum", "Map", "Object")


def types_of(element: Mapping[str, Any]) -> Sequence[str]:
    """Return the types of an element."""
    types = element.get("@type", [])
    return [each for each in (types if isinstance(types, list) else [types]) if isinstance(each, str)]


class Schemas:
    """Reads the schemas of one interface; `faults` is where it notes what is wrong."""

    def __init__(self, id: str, version: int, shared: Any, faults: list[str]) -> None:
        self._version, self._faults, self._count = version, faults, 0
        self._shared: dict[str, Any] = {}
        for each in () if shared is None else shared if isinstance(shared, list) else [shared]:
            if isinstance(each, dict) and isinstance(each.get("@id"), str):
                self._shared[each["@id"]] = each
            else:
                faults.append(f"{id}: each of the schemas needs an @id")
        for name, each in self._shared.items():
            self._complex(each, f"{id}: {name}", 1, arrays=True)

    def read(self, element: Mapping[str, Any], where: str, *, arrays: bool = True) -> Schema | None:
        """Return the schema of an element, with its unit; None where something is wrong."""
        return self._of(element, where, 0, arrays)

    def _of(self, element: Mapping[str, Any], where: str, depth: int, arrays: bool) -> Schema | None:
        schema = self._schema(element.get("schema"), f"{where}.schema", depth, arrays)
        unit = self._unit(element, where, schema)
        return Primitive(schema.name, unit) if isinstance(schema, Primitive) and unit else schema

    def _unit(self, element: Mapping[str, Any], where: str, schema: Schema | None) -> str | None:
        """The id of our unit (section Semantic types)."""
        name = element.get("unit")
        if name is None:
            return None
        if not isinstance(name, str):
            self._faults.append(f"{where}.unit must be the name of a unit")
            return None
        name = name.removeprefix("dtmi:standard:unit:").partition(";")[0]
        for kind in types_of(element):
            units = units_of(kind)
            if units is not None and name not in units:
                self._faults.append(f"{where}.unit is {name}, which is no unit of {kind}")
            if units is not None and schema and not (isinstance(schema, Primitive) and schema.name in NUMERIC):
                self._faults.append(f"{where} is {kind} and needs a numeric schema")
        return OURS.get(name)

    def _schema(self, value: Any, where: str, depth: int, arrays: bool) -> Schema | None:
        self._count += 1
        if self._count > MOST_ELEMENTS:
            if self._count == MOST_ELEMENTS + 1:
                self._faults.append(f"{where}: there are more than {MOST_ELEMENTS} elements")
            return None
        if isinstance(value, dict):
            return self._complex(value, where, depth + 1, arrays)
        if not isinstance(value, str):
            self._faults.append(f"{where} must be a schema" if value is not None else f"{where} is missing")
            return None
        if value in self._shared:
            return self._complex(self._shared[value], where, depth + 1, arrays)
        standard = _STANDARD.fullmatch(value)
        name = standard[1] if standard else value
        if name in PRIMITIVES:
            return Primitive(name)
        if name in GEOMETRIES:
            return Geometry(GEOMETRIES[name])
        self._faults.append(f"{where}: there is no schema {value[:80]!r}")
        return None

    def _complex(self, value: Mapping[str, Any], where: str, depth: int, arrays: bool) -> Schema | None:
        kinds = [kind for kind in types_of(value) if kind in _COMPLEX]
        if len(kinds) != 1:
            self._faults.append(f"{where}: its @type must be one of {', '.join(_COMPLEX)}")
            return None
        if depth > DEEPEST:
            self._faults.append(f"{where} lies deeper than {DEEPEST} levels, or in itself")
            return None
        if kinds[0] == "Array" and not arrays:
            self._faults.append(f"{where}: properties of DTDL version 2 hold no arrays")
            return None
        read: Any = {"Array": self._array, "Enum": self._enum, "Map": self._map, "Object": self._object}[kinds[0]]
        schema: Schema | None = read(value, where, depth, arrays)
        return schema

    def _array(self, value: Mapping[str, Any], where: str, depth: int, arrays: bool) -> Schema | None:
        element = self._schema(value.get("elementSchema"), f"{where}.elementSchema", depth, arrays)
        return None if element is None else Elements(element)

    def _map(self, value: Mapping[str, Any], where: str, depth: int, arrays: bool) -> Schema | None:
        key, held = value.get("mapKey"), value.get("mapValue")
        if not self._named(key, f"{where}.mapKey") or not self._named(held, f"{where}.mapValue"):
            return None
        if self._schema(key.get("schema"), f"{where}.mapKey.schema", depth, arrays) != Primitive("string"):
            self._faults.append(f"{where}.mapKey.schema must be string")
        schema = self._of(held, f"{where}.mapValue", depth, arrays)
        return None if schema is None else Entries(schema)

    def _object(self, value: Mapping[str, Any], where: str, depth: int, arrays: bool) -> Schema | None:
        fields: dict[str, Schema] = {}
        given = value.get("fields", [])
        for at, each in enumerate(given if isinstance(given, list) else [given]):
            if not self._named(each, f"{where}.fields[{at}]"):
                continue
            if each["name"] in fields:
                self._faults.append(f"{where}: there is more than one field {each['name']}")
            schema = self._of(each, f"{where}.{each['name']}", depth, arrays)
            if schema is not None:
                fields[each["name"]] = schema
        return Fields(fields)

    def _enum(self, value: Mapping[str, Any], where: str, depth: int, arrays: bool) -> Schema | None:
        kinds: dict[str, type[int | str]] = {"integer": int, "string": str}
        kind = kinds.get(str(value.get("valueSchema")))
        if kind is None:
            self._faults.append(f"{where}.valueSchema must be integer or string")
            return None
        given = value.get("enumValues", [])
        values: list[int | str] = []
        for at, each in enumerate(given if isinstance(given, list) else [given]):
            if not self._named(each, f"{where}.enumValues[{at}]"):
                continue
            one: Any = each.get("enumValue")
            if type(one) is not kind or one in values or (type(one) is int and not -(2**31) <= one < 2**31):
                self._faults.append(f"{where}.{each['name']}: enumValue must be {value['valueSchema']}, and its own")
            else:
                values.append(one)
        return Enumeration(tuple(values))

    def _named(self, value: Any, where: str) -> TypeGuard[dict[str, Any]]:
        """Whether this is an object with a name."""
        good = isinstance(value, dict) and isinstance(value.get("name"), str) and NAME.fullmatch(value["name"])
        if not good:
            self._faults.append(f"{where} must be an object with a name")
        return bool(good)
