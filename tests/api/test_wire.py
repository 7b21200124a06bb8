"""JSON in: what is no JSON, and what is JSON of the wrong shape."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tseng.errors import InvalidRequest
from tseng_api.errors import NotJson
from tseng_api.queries import Query
from tseng_api.wire import check_json, decode, encode

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
