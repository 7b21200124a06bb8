"""Waiting for commits: those of this process ring, those of other processes are looked for.

SQLite tells nobody that another process has committed, so one of those who wait asks for the change counter again and
again: two microseconds every five milliseconds, and nothing at all while nobody waits. It sleeps on a bare lock, which
a commit of this process lets go: no more than that is asked of an upload. The others sleep until the one that looks
leaves, which it does as soon as the counter has moved or its own time is up; then one of them takes its place.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from tseng_storage.errors import StoreClosed

PAUSE = 0.005
"""Seconds between two looks for commits of other processes."""


class Bell:
    """Rung after each commit of this process. `changes`: a number that differs after any commit by any process."""

    def __init__(self, changes: Callable[[], int]) -> None:
        self._changes = changes
        self._turn = threading.Condition()
        self._alarm = threading.Lock()
        self._alarm.acquire()
        self._watched = self._closed = False

    def ring(self) -> None:
        """Wake all who wait. On the path of every upload: while nobody waits, it is one look at a flag."""
        # Who looks for commits says so before it looks: what is not seen here sees the commit there.
        if self._watched:
            with suppress(RuntimeError):  # rung already, and not yet heard
                self._alarm.release()

    def close(self) -> None:
        """End all waiting, with StoreClosed; the counter is not asked any more once this returns."""
        with self._turn:
            self._closed = True
        self.ring()

    def wait(self, seen: int, seconds: float) -> int:
        """Block until the counter is no longer `seen`, at most `seconds`; the counter now."""
        until = time.monotonic() + seconds
        with self._turn:
            while self._watched:
                now, left = self._look(), until - time.monotonic()
                if now != seen or left <= 0:
                    return now
                self._turn.wait(min(left, threading.TIMEOUT_MAX))
            self._watched = True
        try:
            return self._watch(seen, until)
        finally:
            with self._turn:
                self._watched = False
                self._turn.notify_all()

    def _watch(self, seen: int, until: float) -> int:
        while (now := self._look()) == seen and (left := until - time.monotonic()) > 0:
            self._alarm.acquire(timeout=min(left, PAUSE))
        return now

    def _look(self) -> int:
        with self._turn:
            if self._closed:
                raise StoreClosed("the store is closed")
            return self._changes()
