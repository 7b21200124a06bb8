"""Who is told: a subscription, and the outlet through which its updates leave."""

from collections.abc import Callable, Sequence
from typing import Protocol

from tseng.live.updates import Update


class Outlet(Protocol):
    """Where updates go, of any number of subscriptions: a connection, a queue."""

    def deliver(self, updates: "Sequence[tuple[Subscription, Update]]") -> None:
        """Take updates, in order. Called from the hub's thread: must neither block nor raise.

        All updates of one round for this outlet come in one call.
        """


class Subscription:
    """One subscription; `owner` is the caller's own object, of which nothing is known here."""

    def __init__(self, outlet: Outlet, owner: object, leave: "Callable[[Subscription], None]") -> None:
        """`leave` is called once, when the subscription is closed."""
        self.outlet, self.owner = outlet, owner
        self.closed = False
        self._leave = leave

    def close(self) -> None:
        """End it; more than once is as good as once. At most a delivery under way may still arrive."""
        if not self.closed:
            self.closed = True
            self._leave(self)
