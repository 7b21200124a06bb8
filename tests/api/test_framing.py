"""JSON texts out of a stream without delimiters, however it is split."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tseng.errors import TooLarge
from tseng_api import framing
from tseng_api.errors import NotJson
from tseng_api.framing import Framer

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(alphabet='"\\{}[]aé€ \n', max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='"\\{}[]k', max_size=3), inner),
)
TEXTS = (st.lists(VALUES) | st.dictionaries(st.text(max_size=3), VALUES)).flatmap(
    lambda value: st.sampled_from([json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)])
)
SPACES = st.text(alphabet=" \t\r\n", max_size=3)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Split bytes at these places."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def framed(parts: list[bytes], **limits: int) -> tuple[list[bytes], str, bool]:
    """Texts of a stream that arrives in these parts, the refusal it ends with, and whether a text is unfinished."""
    framer, found = Framer(**limits), list[bytes]()
    for part in parts:
        framer.receive(part)
        try:
            found.extend(framer.frames())
        except (NotJson, TooLarge) as error:
            framer.receive(b"{}")
            assert list(framer.frames()) == []
            return found, f"{type(error).__name__}: {error}", framer.unfinished
    return found, "", framer.unfinished


@pytest.mark.parametrize(
    ("stream", "texts"),
    [
        (b"{}{}", [b"{}", b"{}"]),
        (b' {"a":1}\r\n[2]\t', [b'{"a":1}', b"[2]"]),
        (b'{"a":"}"}["]"]', [b'{"a":"}"}', b'["]"]']),
        (rb'{"a":"\"}"}{"a":"\\"}', [rb'{"a":"\"}"}', rb'{"a":"\\"}']),
        (b'{"a":{"b":{"c":{"d":[[[[]]]]}}}}[]', [b'{"a":{"b":{"c":{"d":[[[[]]]]}}}}', b"[]"]),
        ('{"a":"é€𝄞"}{}'.encode(), ['{"a":"é€𝄞"}'.encode(), b"{}"]),
    ],
)
def test_a_text_ends_where_its_first_bracket_is_closed(stream: bytes, texts: list[bytes]) -> None:
    """Brackets in strings do not count, nor do quotes behind a backslash; in one piece and byte by byte."""
    assert framed([stream]) == (texts, "", False)
    assert framed([bytes([byte]) for byte in stream]) == (texts, "", False)


@given(st.lists(st.tuples(SPACES, TEXTS), max_size=5), SPACES, st.lists(st.integers(0, 10_000), max_size=12))
@example([("", '["' + '\\"' * 600 + '"]'), ("", json.dumps([["x"] * 600, [{}] * 600]))], "", [700, 701, 900])
def test_any_split_gives_the_texts_that_were_written(texts: Any, end: str, cuts: list[int]) -> None:
    """Whatever is in them and between them."""
    stream = "".join(space + text for space, text in texts) + end
    assert framed(pieces(stream.encode(), cuts)) == ([text.encode() for _, text in texts], "", False)


@given(
    st.binary(max_size=60) | st.text(alphabet='{}[]"\\ a', max_size=60).map(str.encode), st.lists(st.integers(0, 60))
)
def test_any_split_of_anything_gives_the_same(stream: bytes, cuts: list[int]) -> None:
    """The same texts, the same refusal, or a text that waits for its end; within narrow limits too."""
    for limits in ({}, {"limit": 12, "depth": 3}):
        assert framed(pieces(stream, cuts), **limits) == framed([stream], **limits)


@given(st.lists(TEXTS, max_size=3), st.integers(0, 50), st.sampled_from(list(b'{}[]"\\ 1x')), st.integers(1, 9))
def test_where_the_decoder_of_the_standard_library_ends_a_text_we_do(
    texts: list[str], at: int, byte: int, size: int
) -> None:
    """`json.JSONDecoder.raw_decode` is the judge of streams with one byte changed, as long as what it reads is JSON."""
    stream = bytearray("".join(texts).encode())
    stream[at : at + 1] = bytes([byte])
    found, _, _ = framed([bytes(stream[i : i + size]) for i in range(0, len(stream), size)])
    for ours, theirs in zip(found, _decoded(stream.decode(errors="replace")), strict=False):
        assert ours.decode(errors="replace") == theirs


def _decoded(stream: str) -> Iterator[str]:
    at = 0
    while at < len(stream):
        at += len(stream[at:]) - len(stream[at:].lstrip(" \t\r\n"))
        try:
            _, end = json.JSONDecoder(strict=False).raw_decode(stream, at)
        except ValueError:
            return
        yield stream[at:end]
        at = end


@pytest.mark.parametrize("start", [b"1", b'"', b"t", b"}", b"]", b",", b"\x00", b"\xef\xbb\xbf{}", b"\xff"])
def test_what_begins_neither_object_nor_array_is_refused_at_once(start: bytes) -> None:
    """After the texts before it; and nothing follows."""
    found, refusal, _ = framed([b"{} " + start])
    assert (found, refusal.partition(":")[0]) == ([b"{}"], "NotJson")


def test_a_text_may_have_as_many_bytes_as_the_limit_and_no_more() -> None:
    """One more is refused as soon as it is there, not when the text ends; what is between texts does not count."""
    assert framed([b'   ["45678"]'], limit=10) == ([b'["45678"]'], "", False)
    assert framed([b'["4567890"]'], limit=11)[0] == [b'["4567890"]']
    for begun in (b'["45678901', b"[345678901", b'["45678\\"1', b"[[[[[[]]]]"):
        assert framed([begun], limit=10)[1] == ""
        assert framed([begun, b"x"], limit=10)[1].startswith("TooLarge")
        assert framed([begun + b'"x"]'], limit=10)[1].startswith("TooLarge")


@pytest.mark.parametrize("open", [b"[", b'{"a":', b'[{"a":'])
def test_a_text_may_nest_as_deep_as_the_limit_and_no_deeper(open: bytes) -> None:
    """Deeper is refused where it begins, whatever else is on the way."""
    each = open.count(b"[") + open.count(b"{")
    for depth in (1, 2, 3, 4, 5, 8):
        begun = open * (depth // each + 1)
        refused = framed([begun], depth=depth)
        assert (refused[0], refused[1].partition(":")[0]) == ([], "NotJson")
        assert framed([open * (depth // each)], depth=depth) == ([], "", depth >= each)


def test_brackets_that_close_soon_count_too() -> None:
    """They are skipped in one step where there is room, and only there."""
    inside = b"[" * 3 + b"1" + b"]" * 3
    stream = b"[%b,%b]" % (inside, inside)
    assert framed([stream], depth=4) == ([stream], "", False)
    assert framed([stream], depth=3)[1].startswith("NotJson")


def test_every_byte_is_looked_at_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """In pieces of one byte no search sees more than what it has not yet passed: what two bytes cost, not the text."""
    seen = 0

    class Counting:
        def __init__(self, pattern: re.Pattern[bytes]) -> None:
            self._pattern = pattern

        def match(self, buffer: bytearray, at: int = 0) -> re.Match[bytes] | None:
            nonlocal seen
            seen += len(buffer) - at
            return self._pattern.match(buffer, at)

    for name in ("_SPACES", "_QUOTED", "_UP_TO_BRACKET", "_OVER_SMALL"):
        monkeypatch.setattr(framing, name, Counting(getattr(framing, name)))
    stream = json.dumps([{"sensorId": 'a"b\\' * 9, "values": {"T": [1, 2.5]}}] * 200).encode() * 2
    found, _, _ = framed([bytes([byte]) for byte in stream])
    assert (len(found), seen < 3 * len(stream)) == (2, True)
