"""Query strings: one decoder from the text of a URL to the struct that a route declares.

A list may be repeated or hold commas; every other name comes once. A name that the struct does not know is refused,
unless the struct lets it pass or says in `REST` which of its fields takes it.
"""

import re
import types
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import inspect
from starlette.datastructures import QueryParams

from tseng.errors import Fault, InvalidRequest
from tseng_api.described import words
from tseng_units.errors import InvalidParam

Q = TypeVar("Q", bound=msgspec.Struct)

# What is taken for a number beyond these is `1e2`, which is none to whoever reads the document.
_WHOLE = re.compile("-?[0-9]+")


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A query string that says nothing."""


class Ignored(msgspec.Struct):
    """A query string that nobody reads."""


class InProject(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The one project that is meant, by its id or its iTwin id."""

    projectIds: Annotated[
        list[str],
        msgspec.Meta(description="One id or iTwin id; left out, the key's project, else the default."),
    ] = []


class Rest(InProject):
    """A struct whose field `REST` takes every other name, with its text."""

    REST: ClassVar[str]


def rest_of(kind: type[msgspec.Struct]) -> str | None:
    """Return the field that takes every other name, if there is one."""
    return getattr(kind, "REST", None)


@cache
def fields_of(kind: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """Return the fields that stand in the query string under their own name."""
    return {field.encode_name: field for field in msgspec.structs.fields(kind) if field.name != rest_of(kind)}


def decode_query(query: QueryParams, kind: type[Q]) -> Q:
    """Return what the query string says.

    Raises:
        InvalidParam: it holds a name that is none here.
        InvalidRequest: a name is missing or comes twice, or its value is none of its type; every such name is told.
    """
    expected, rest = _expected(kind), rest_of(kind)
    texts: dict[str, list[str]] = {}
    for name, text in query.multi_items():
        texts.setdefault(name, []).append(text)
    others = [name for name in texts if name not in expected]
    if others and rest is None and kind.__struct_config__.forbid_unknown_fields:
        allowed = tuple(expected)
        raise InvalidParam(
            f"{others[0]!r} is no parameter here", field=others[0], seen=query[others[0]], allowed=allowed
        )
    faults: list[Fault] = []
    found: dict[str, Any] = {}
    for name, each in expected.items():
        if name in texts:
            found[each.field] = each.value(name, texts[name], faults)
        elif each.required:
            faults.append(Fault(name, "is missing"))
    if rest is not None:
        found[rest] = {name: _once(name, texts[name], faults) for name in others}
    if faults:
        raise InvalidRequest(faults)
    return kind(**found)


def given(type: Any) -> Any:
    """Return the type of a name that is there: what is left out is None, and no text means None."""
    if get_origin(type) in (Union, types.UnionType):
        return Union[tuple(each for each in get_args(type) if each is not types.NoneType)]  # noqa: UP007
    return type


def bare(type: Any) -> Any:
    """Return a type without what is said of it."""
    return get_args(type)[0] if get_origin(type) is Annotated else type


@dataclass(frozen=True)
class _Expected:
    """What one name of a query string may say: a `type`, or `many` of it."""

    field: str
    required: bool
    type: Any
    many: bool

    @classmethod
    def of(cls, field: msgspec.structs.FieldInfo) -> Self:
        type = given(field.type)
        many = get_origin(bare(type)) is list
        return cls(field.name, field.required, get_args(bare(type))[0] if many else type, many)

    def value(self, name: str, texts: Sequence[str], faults: list[Fault]) -> Any:
        if self.many:
            return [_one(name, part, self.type, faults) for text in texts for part in text.split(",") if part]
        return _one(name, _once(name, texts, faults), self.type, faults)


@cache
def _expected(kind: type[msgspec.Struct]) -> dict[str, _Expected]:
    return {name: _Expected.of(field) for name, field in fields_of(kind).items()}


def _once(name: str, texts: Sequence[str], faults: list[Fault]) -> str:
    if len(texts) != 1:
        faults.append(Fault(name, f"comes {len(texts)} times"))
    return texts[0]


def _one(name: str, text: str, type: Any, faults: list[Fault]) -> Any:
    try:
        if bare(type) is int and not _WHOLE.fullmatch(text):
            raise msgspec.ValidationError
        return msgspec.convert(text, type, strict=False)
    except msgspec.ValidationError:
        faults.append(Fault(name, f"{text!r} is {_not(type)}"))
        return None


def _not(type: Any) -> str:
    """Say what a text is not, in the words of whoever fills a form in."""
    base, info = bare(type), inspect.type_info(type)
    if base is bool:
        return "neither true nor false"
    if get_origin(base) is Literal:
        return f"none of {', '.join(value for value in get_args(base) if value)}"
    if base not in (int, float):
        return f"no {words(base)}"
    bounds: Any = info.type if isinstance(info, inspect.Metadata) else info
    least, most = bounds.ge, bounds.le
    number = "number" if base is float else "whole number"
    if least is not None and most is not None:
        return f"no {number} from {least} to {most}"
    return f"no {number}" + (f" from {least} on" if least is not None else "")
