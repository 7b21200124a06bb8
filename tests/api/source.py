"""An answer in frames of any length, that knows how far it was computed."""

import itertools
import threading
from collections.abc import Iterator

import msgspec
import pytest
from tests.api.talk import TIMEOUT, wait_until

from tseng_api import connection
from tseng_api.methods import METHODS
from tseng_api.rpc import Call, Long, Method

PART = b'"x":"%b"' % (b"x" * 300_000)


class Parts(msgspec.Struct):
    """How many, and whether the one after them fails."""

    count: int = 0
    fails: bool = False


class Source:
    """A method with an answer of any length, that knows how far it was computed and whether it was closed.

    Where `go` is cleared each answer stops after its first part until it is set.
    """

    def __init__(self) -> None:
        self.made = 0
        self.closed = 0
        self.go = threading.Event()
        self.go.set()
        self._lock = threading.Lock()

    def __call__(self, call: Call, params: Parts) -> Long:
        """Give parts, without end where no count is given."""
        return Long(self._parts(params), lambda: b"")

    def _parts(self, params: Parts) -> Iterator[tuple[int, bytes]]:
        try:
            for number in itertools.count():
                if number == params.count and params.fails:
                    raise RuntimeError("secret inside")
                if number == params.count > 0:
                    return
                if number == 1:
                    self.go.wait(TIMEOUT)
                with self._lock:
                    self.made += 1
                yield 1, PART
        finally:
            self.closed += 1


def installed(monkeypatch: pytest.MonkeyPatch) -> Source:
    """Have it called by the method `parts`."""
    made = Source()
    monkeypatch.setattr(connection, "METHODS", {**METHODS, "parts": Method(made, Parts, "parts")})
    return made


def settled(source: Source) -> int:
    """Wait until something was made and then no more; how much that is."""
    wait_until(lambda: source.made > 0)
    pause = threading.Event()
    before = -1
    while before != source.made:
        before = source.made
        pause.wait(0.3)
    return before
