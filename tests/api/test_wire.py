"""JSON in: what is no JSON, and what is JSON of the wrong shape."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tseng.errors import InvalidRequest
from tseng_api import trailing
from tseng_api.errors import NotJson
from tseng_api.queries import Query
from tseng_api.trailing import without_trailing_commas
from tseng_api.wire import check_json, decode, encode, lenient

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_json_passes_and_comes_back(value: Any) -> None:
    """Whatever the standard library writes is let pass and read back the same."""
    text = json.dumps(value).encode()
    check_json(text)
    assert json.loads(encode(msgspec.json.decode(text))) == value


@given(st.binary(max_size=200))
def test_any_bytes_pass_or_are_refused_as_no_json(data: bytes) -> None:
    """No input makes the check fail in another way; what the standard library refuses is refused."""
    try:
        check_json(data)
    except NotJson:
        return
    json.loads(data)


@pytest.mark.parametrize("bad", [b"", b"{", b"[1,]", b"{'a': 1}", b"[NaN]", b'"\xff"', b"1 2", b"[" * 1_000_000])
def test_what_is_no_json_is_refused(bad: bytes) -> None:
    """Empty, cut short, trailing commas, NaN, wrong UTF-8, nesting without end."""
    with pytest.raises(NotJson):
        check_json(bad)


def _with_commas(value: Any, draw: Callable[[st.SearchStrategy[str]], str]) -> str:
    """Write JSON with a comma, or none, and blanks before each closing bracket that something stands before."""
    end = draw(st.sampled_from(["", ",", " ,\n", ", \t\r\n "]))
    if isinstance(value, list) and value:
        return "[" + ", ".join(_with_commas(each, draw) for each in value) + end + "]"
    if isinstance(value, dict) and value:
        members = (f"{json.dumps(name)}:{_with_commas(each, draw)}" for name, each in value.items())
        return "{" + ",".join(members) + end + "}"
    return json.dumps(value, ensure_ascii=False)


TRICKY = st.text(alphabet=',]}[{"\\ \n:ä', max_size=8)


@given(
    st.recursive(
        st.none() | st.integers() | TRICKY,
        lambda inner: st.lists(inner) | st.dictionaries(TRICKY, inner),
        max_leaves=20,
    ),
    st.data(),
)
def test_with_trailing_commas_means_what_it_means_without(value: Any, data: st.DataObject) -> None:
    """Whatever strings hold; JSON that is sound stays as it is, byte for byte."""
    text = _with_commas(value, data.draw).encode()
    assert json.loads(lenient(text)) == value
    sound = json.dumps(value, ensure_ascii=False).encode()
    assert lenient(sound) == without_trailing_commas(sound) == sound


@pytest.mark.parametrize(
    "bad", [b"[,]", b"{ ,}", b"[1,,]", b"[1,2,,\n]", b'{"a":,}', b"[1],", b",", b'["a,]', b"[1,", b"[1,)", b"[NaN,]"]
)
def test_no_other_comma_is_taken(bad: bytes) -> None:
    """Two commas, one without anything before it, one after the end: refused for what was sent, as ever."""
    with pytest.raises(NotJson) as refused:
        lenient(bad)
    with pytest.raises(NotJson) as strictly:
        check_json(bad)
    assert str(refused.value) == str(strictly.value)


@given(st.binary(max_size=60) | st.text(alphabet='[]{},:"\\ 1', max_size=60).map(str.encode))
def test_commas_of_any_bytes_are_blanked_in_place(data: bytes) -> None:
    """No byte but commas changes, and none moves."""
    changed = [(old, new) for old, new in zip(data, without_trailing_commas(data), strict=True) if old != new]
    assert set(changed) <= {(ord(","), ord(" "))}


@given(st.text(alphabet='[]{},:"\\ 1', max_size=60).map(str.encode), st.integers(1, 7))
def test_commas_are_found_wherever_a_piece_ends(data: bytes, piece: int) -> None:
    """Strings, escapes, commas and the brackets after them may lie on both sides of it."""
    whole = without_trailing_commas(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trailing, "_PIECE", piece)
        assert without_trailing_commas(data) == whole


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sensor": 5}, "sensor"),
        ({"sensor": None}, "sensor"),
        ({"startDate": 20240301}, "startDate"),
        ({"limit": {"function": "median"}}, "limit.function"),
        ({"limit": {"function": "last", "params": {"size": 2}}}, "limit.params.size"),
        ({"limit": {"function": "last", "of": 1}}, "limit.of"),
        ({"params": []}, "params"),
        ({"projectIds": [1]}, "projectIds[0]"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_shape_names_the_field(change: dict[str, Any], field: str) -> None:
    """The path is the caller's own, without sigils."""
    with pytest.raises(InvalidRequest) as refused:
        decode(encode({"sensor": "s", "metric": "T", "unit": "C"} | change), Query)
    assert refused.value.field == field


def test_a_missing_field_is_named() -> None:
    """`sensor` is mandatory."""
    with pytest.raises(InvalidRequest) as refused:
        decode(b'{"metric": "T", "unit": "C"}', Query)
    assert refused.value.field == "sensor"
