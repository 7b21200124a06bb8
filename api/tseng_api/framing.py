"""JSON texts out of a byte stream that has no delimiters: they come one after the other, split anywhere.

Top-level texts are objects or arrays, so a text ends where its first bracket is closed, and all there is to know of a
prefix is how many brackets are open and whether it ends inside a string. `Framer` keeps these two, and the bytes of the
one text that is not complete; every byte is looked at a bounded number of times, however the stream is split.

Strings, scalars and brackets that close soon are skipped inside regular expressions, for a loop over them in Python
would be slower than the network. The expressions repeat groups a bounded number of times inside atomic groups instead
of using possessive quantifiers: those skip too much in Python 3.11.0 to 3.11.4 (CPython issue 106052), and without the
bound the memory of a match would grow with the text.
"""

import re
from collections.abc import Iterator

from tseng.errors import TooLarge
from tseng_api.errors import NotJson
from tseng_api.limits import FRAME_BYTES, NESTING

_QUOTE = ord('"')
_OPENING, _CLOSING = b"{[", b"}]"
# Tokens that one match skips: enough for the interpreter's share of the time not to matter.
_TOKENS = 256


def _repeated(pattern: bytes) -> bytes:
    return rb"(?>(?:%b){0,%d})" % (pattern, _TOKENS)


_SPACES = re.compile(rb"[ \t\r\n]*+")
# The inside of a string up to its closing quote, or to a backslash whose second half has not come yet.
_INSIDE = rb'[^"\\]*+' + _repeated(rb'\\.[^"\\]*+')
_QUOTED = re.compile(_INSIDE, re.DOTALL)
_PLAIN = rb'[^"{}\[\]]*+'
_STRING = rb'"' + _INSIDE + rb'"' + _PLAIN
_FLAT = _PLAIN + _repeated(_STRING)


def _closed(inside: bytes) -> bytes:
    return rb"[{\[]" + inside + rb"[}\]]" + _PLAIN


# Up to a string that is not closed, or up to a bracket; the second one also over brackets that close at once and such
# around them: a whole observation is one token, {"sensorId": …, "values": {…}}.
_UP_TO_BRACKET = re.compile(_FLAT, re.DOTALL)
_ONE_DEEP = _PLAIN + _repeated(_STRING + b"|" + _closed(_FLAT))
_OVER_SMALL = re.compile(_PLAIN + _repeated(_STRING + b"|" + _closed(_ONE_DEEP)), re.DOTALL)
_SMALL = 2


class Framer:
    """Takes bytes as they arrive and gives whole top-level texts; whether they are JSON inside is not asked here."""

    def __init__(self, limit: int = FRAME_BYTES, depth: int = NESTING) -> None:
        """Start a stream.

        Args:
            limit: the most bytes of one text.
            depth: the most brackets inside one another.
        """
        self.limit = limit
        """May change where a text ends."""
        self._depth = depth
        # The text under way from its first bracket on, and whatever has arrived behind it.
        self._buffer = bytearray()
        self._at = 0
        self._open = 0
        self._quoted = False
        self._failed = False

    def receive(self, data: bytes) -> None:
        """Take what has arrived."""
        if not self._failed:
            self._buffer += data

    @property
    def unfinished(self) -> bool:
        """Whether a text has begun and not ended; known once `frames` has been through."""
        return bool(self._buffer)

    def frames(self) -> Iterator[bytes]:
        """Give the texts that are complete; asked again after more has arrived, those that are complete then.

        Raises:
            NotJson: what comes next is neither `{` nor `[`, or the text nests too deeply.
            TooLarge: the text is larger than the limit. After a refusal there is nothing more, ever.
        """
        while not self._failed:
            try:
                frame = self._next()
            except (NotJson, TooLarge):
                self._failed = True
                self._buffer.clear()
                raise
            if frame is None:
                return
            yield frame

    def _next(self) -> bytes | None:
        if not self._open and not self._begin():
            return None
        while self._to_bracket():
            self._open += 1 if self._buffer[self._at] in _OPENING else -1
            self._at += 1
            if self._open > self._depth:
                raise NotJson(f"not JSON that can be read: more than {self._depth} brackets deep", field="body")
            if not self._open:
                return self._taken()
        if len(self._buffer) > self.limit:
            raise self._too_large()
        return None

    def _begin(self) -> bool:
        """Drop what is between texts; False where nothing follows."""
        spaces = _SPACES.match(self._buffer)
        assert spaces
        del self._buffer[: spaces.end()]
        if self._buffer and self._buffer[0] not in _OPENING:
            raise NotJson("not JSON: a request is an object or an array and begins with { or [", field="body")
        self._at = 0
        return bool(self._buffer)

    def _to_bracket(self) -> bool:
        """Go on to the next bracket that counts; False where the bytes end first.

        Raises:
            TooLarge: it would lie beyond the limit.
        """
        buffer, end = self._buffer, len(self._buffer)
        while self._at < end:
            pattern = _QUOTED if self._quoted else self._pattern()
            skipped = pattern.match(buffer, self._at)
            assert skipped
            before, self._at = self._at, skipped.end()
            if self._at == end:
                break
            if self._at >= self.limit:
                raise self._too_large()
            if buffer[self._at] == _QUOTE:
                self._quoted = not self._quoted
                self._at += 1
            elif not self._quoted:
                return True
            elif self._at == before:
                break  # at half an escape
        return False

    def _pattern(self) -> re.Pattern[bytes]:
        # What is skipped is not counted, so brackets are skipped only where they cannot be too many.
        return _OVER_SMALL if 0 < self._open <= self._depth - _SMALL else _UP_TO_BRACKET

    def _taken(self) -> bytes:
        frame = bytes(self._buffer[: self._at])
        del self._buffer[: self._at]
        self._at = 0
        return frame

    def _too_large(self) -> TooLarge:
        return TooLarge(f"the request is larger than {self.limit} bytes", field="body", seen=self.limit)
