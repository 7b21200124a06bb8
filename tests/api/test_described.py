"""Types in words, as `help` prints them."""

from typing import Any, Literal, NotRequired, TypedDict

import msgspec
import pytest

from tseng_api.described import words


class Shape(TypedDict):
    """An object; its fields are told in the order of its definition."""

    size: int
    name: NotRequired[str]


class Wanted(msgspec.Struct, rename="camel"):
    """A struct, under the names of the wire."""

    first_one: float
    rest: list[Any] = []


@pytest.mark.parametrize(
    ("type", "told"),
    [
        (str, "string"),
        (int, "integer"),
        (float, "number"),
        (bool, "boolean"),
        (dict[str, Any], "object"),
        (list[Any], "array"),
        (list[str] | str | None, "array of string or string or null"),
        (Literal["first", "last"], '"first" or "last"'),
        (Literal[True], "true"),
        (msgspec.Raw, "string or number"),
        (Shape, '{"size": integer, "name": string (optional)}'),
        (dict[str, list[Shape]], '{string: array of {"size": integer, "name": string (optional)}}'),
        (Wanted, '{"firstOne": number, "rest": array (optional)}'),
        ("whatever it is", "whatever it is"),
    ],
)
def test_json_types_have_the_names_that_the_api_uses(type: Any, told: str) -> None:
    """Seed 003 writes [array], [string], [object] and [integer]; a text is itself."""
    assert words(type) == told
