"""Waiting for commits: those of this process ring, those of other processes are looked for.

SQLite tells nobody that another process has committed, so one of those who wait asks for the change counter again and
again: two microseconds every five milliseconds, and nothing at all while nobody waits. The others sleep until it
leaves, which it does as soon as the counter has moved or its own time is up; then one of them takes its place.
"""

import threading
import time
from collections.abc import Callable

from tseng_storage.errors import StoreClosed

PAUSE = 0.005
"""Seconds between two looks for commits of other processes."""


class Bell:
    """Rung after each commit of this process. `changes`: a number that differs after any commit by any process."""

    def __init__(self, changes: Callable[[], int]) -> None:
        self._changes = changes
        self._woken = threading.Condition(threading.Lock())
        self._waiting = 0
        self._watched = self._closed = False

    def ring(self) -> None:
        """Wake all who wait. Called on the path of every upload: without any, it is one look at a number."""
        # Who begins to wait counts itself before it looks at the counter: not seen here, it sees the commit there.
        if self._waiting:
            with self._woken:
                self._woken.notify_all()

    def close(self) -> None:
        """End all waiting, with StoreClosed; the counter is not asked any more once this returns."""
        with self._woken:
            self._closed = True
            self._woken.notify_all()

    def wait(self, seen: int, seconds: float) -> int:
        """Block until the counter is no longer `seen`, at most `seconds`; the counter now."""
        until = time.monotonic() + seconds
        with self._woken:
            self._waiting += 1
            try:
                while (now := self._look()) == seen and (left := until - time.monotonic()) > 0:
                    self._sleep(left)
                return now
            finally:
                self._waiting -= 1
                if not self._watched:
                    self._woken.notify_all()

    def _look(self) -> int:
        if self._closed:
            raise StoreClosed("the store is closed")
        return self._changes()

    def _sleep(self, seconds: float) -> None:
        if self._watched:
            self._woken.wait(min(seconds, threading.TIMEOUT_MAX))
            return
        self._watched = True
        try:
            self._woken.wait(min(seconds, PAUSE))
        finally:
            self._watched = False
