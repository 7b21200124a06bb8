"""A memory-bounded cache of things that never change: what least recently was used goes first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class BoundedCache(Generic[T]):
    """Keeps values up to a total `budget` of their costs (bytes, or 1 each for a count); thread-safe."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._spent = 0
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> T | None:
        """The value kept under `key`, or None."""
        with self._lock:
            entry = self._kept.get(key)
            if entry is None:
                return None
            self._kept.move_to_end(key)
            return entry[0]

    def retain(self, wanted: Callable[[Hashable], bool]) -> None:
        """Drop all keys that are not `wanted`."""
        with self._lock:
            for key in [key for key in self._kept if not wanted(key)]:
                self._spent -= self._kept.pop(key)[1]

    def put(self, key: Hashable, value: T, cost: int) -> None:
        """Keep `value`; one that costs more than a quarter of the budget is not worth what it would push out."""
        if cost * 4 > self._budget:
            return
        with self._lock:
            _, before = self._kept.pop(key, (value, 0))
            self._kept[key] = (value, cost)
            self._spent += cost - before
            while self._spent > self._budget:
                _, (_, freed) = self._kept.popitem(last=False)
                self._spent -= freed
