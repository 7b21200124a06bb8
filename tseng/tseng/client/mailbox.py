"""Updates on their way from a subscription's thread to its reader: so many at once, and no more."""

import threading
from collections import deque
from collections.abc import Sequence

from tseng.live.subscription import Subscription
from tseng.live.updates import Update


class Mailbox:
    """An outlet that is read from another thread."""

    def __init__(self, most: int) -> None:
        """It holds at most so many updates, one at least."""
        self._most = max(most, 1)
        self._held: deque[Update] = deque()
        self._over = False
        self._changed = threading.Condition()

    def deliver(self, updates: Sequence[tuple[Subscription, Update]]) -> None:
        """Take updates as there is room for them, which may take long; none once it is closed."""
        for _, update in updates:
            with self._changed:
                self._changed.wait_for(lambda: self._over or len(self._held) < self._most)
                if not self._over:
                    self._held.append(update)
                    self._changed.notify_all()

    def take(self, timeout: float | None) -> Update | None:
        """Return the next update; None when there will be none.

        Raises:
            TimeoutError: none came for so many seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._over or self._held, timeout):
                raise TimeoutError(f"no update came for {timeout} s")
            taken = self._held.popleft() if self._held else None
            self._changed.notify_all()
            return taken

    def end(self) -> None:
        """There will be none but those that it holds."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def close(self) -> None:
        """There will be none."""
        with self._changed:
            self._held.clear()
            self.end()
