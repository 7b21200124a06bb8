"""Types in words, as `help` prints them: of what a parameter takes, and of what a result is."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import inspect


def words(type: Any) -> str:
    """Return what JSON of this type is: `array of string`, `{"id": string, "mandatory": boolean}`.

    A text is itself: where no type says it.
    """
    return type if isinstance(type, str) else _words(inspect.type_info(type))


def _words(info: inspect.Type) -> str:
    return _OF[info.__class__](info)


def _union(info: Any) -> str:
    return " or ".join(map(_words, info.types))


def _literal(info: Any) -> str:
    return " or ".join(msgspec.json.encode(value).decode() for value in info.values)


def _object(info: Any) -> str:
    fields = sorted(info.fields, key=lambda field: list(info.cls.__annotations__).index(field.name))
    return "{" + ", ".join(map(_field, fields)) + "}"


def _field(field: inspect.Field) -> str:
    return f'"{field.encode_name}": {_words(field.type)}' + ("" if field.required else " (optional)")


def _map(info: Any) -> str:
    inner = _words(info.value_type)
    return "object" if inner == "any" else f"{{{_words(info.key_type)}: {inner}}}"


def _array(info: Any) -> str:
    inner = _words(info.item_type)
    return "array" if inner == "any" else f"array of {inner}"


_OF: Mapping[type[inspect.Type], Callable[[Any], str]] = {
    inspect.Metadata: lambda info: _words(info.type),
    inspect.AnyType: lambda _: "any",
    inspect.NoneType: lambda _: "null",
    inspect.BoolType: lambda _: "boolean",
    inspect.IntType: lambda _: "integer",
    inspect.FloatType: lambda _: "number",
    inspect.StrType: lambda _: "string",
    # The one thing that is left as it came.
    inspect.RawType: lambda _: "string or number",
    inspect.LiteralType: _literal,
    inspect.UnionType: _union,
    inspect.ListType: _array,
    inspect.DictType: _map,
    inspect.StructType: _object,
    inspect.TypedDictType: _object,
}
