"""Query strings become the struct that a route declares, or are refused by the name that is wrong."""

from typing import Annotated, Any, ClassVar, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from tseng.errors import InvalidRequest
from tseng_api.query_strings import Ignored, InProject, Nothing, Rest, decode_query
from tseng_units.errors import InvalidParam


class Wanted(InProject):
    """One field of each sort."""

    name: str
    size: Annotated[int, msgspec.Meta(ge=1, le=9)] = 5
    exact: bool = False
    which: Literal["first", "last"] | None = None
    ids: list[str] = msgspec.field(default_factory=list)
    ratio: float | None = None


class Open(Rest):
    """Every other name goes to `others`."""

    REST: ClassVar[str] = "others"

    name: str
    others: dict[str, str] = msgspec.field(default_factory=dict)


def test_values_take_their_types() -> None:
    """Lists are repeated or hold commas; what is left out has its default."""
    query = QueryParams("name=7&size=3&exact=true&which=last&ids=a,b&ids=c&projectIds=p&ratio=0.5")
    expected = Wanted("7", 3, True, "last", ["a", "b", "c"], 0.5, projectIds=["p"])
    assert decode_query(query, Wanted) == expected
    assert decode_query(QueryParams("name=null"), Wanted) == Wanted("null")


@pytest.mark.parametrize(
    ("query", "path", "message"),
    [
        ("", "name", "is missing"),
        ("name=a&name=b", "name", "comes 2 times"),
        ("name=a&size=0", "size", "'0' is no whole number from 1 to 9"),
        ("name=a&size=x", "size", "'x' is no whole number from 1 to 9"),
        ("name=a&size=", "size", "'' is no whole number from 1 to 9"),
        ("name=a&exact=yes", "exact", "'yes' is neither true nor false"),
        ("name=a&which=null", "which", "'null' is none of first, last"),
        ("name=a&ratio=x", "ratio", "'x' is no number"),
        ("name=a&ratio=null", "ratio", "'null' is no number"),
    ],
)
def test_wrong_values_are_named(query: str, path: str, message: str) -> None:
    """With what was sent and what may be."""
    with pytest.raises(InvalidRequest) as refused:
        decode_query(QueryParams(query), Wanted)
    assert [(fault.path, fault.message) for fault in refused.value.faults] == [(path, message)]


def test_all_faults_are_told_at_once() -> None:
    """Not the first one alone."""
    with pytest.raises(InvalidRequest) as refused:
        decode_query(QueryParams("size=0&exact=1&exact=2"), Wanted)
    assert {fault.path for fault in refused.value.faults} == {"name", "size", "exact"}


def test_unknown_names_are_refused_passed_or_ignored() -> None:
    """As the struct has it."""
    for kind, query in ((Nothing, "x=1"), (Wanted, "name=a&x=1")):
        with pytest.raises(InvalidParam) as refused:
            decode_query(QueryParams(query), kind)
        assert refused.value.field == "x"
    assert decode_query(QueryParams("x=1"), Ignored) == Ignored()
    assert decode_query(QueryParams("name=a&x=1,h&others=2"), Open) == Open("a", {"x": "1,h", "others": "2"})


@given(st.lists(st.tuples(st.sampled_from(["name", "size", "exact", "which", "ids", "ratio", "x"]), st.text())))
def test_any_query_string_is_decoded_or_refused(pairs: list[tuple[str, str]]) -> None:
    """Nothing else comes of it, and what is decoded is of the declared types."""
    try:
        found: Any = decode_query(QueryParams(pairs), Wanted)
    except (InvalidRequest, InvalidParam):
        return
    assert msgspec.convert(msgspec.to_builtins(found), Wanted) == found
