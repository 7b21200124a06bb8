"""Subscriptions to entities: who is told when which of them is made, changed or removed."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from tseng.live.moment import Moment
from tseng.live.subscription import Subscription
from tseng.live.updates import EntityRemoved, EntityUpdate
from tseng_storage.entities import AnyKind, Kind

Key = tuple[str, str, str | None]
"""Project, kind and id; None: all of the kind."""


@dataclass(frozen=True)
class Watch:
    """A subscription to entities. `since` numbers the last change of configuration that its subscriber knows."""

    subscription: Subscription
    keys: Collection[Key]
    since: int


class Watches:
    """An index of subscriptions to entities. Not safe in several threads."""

    def __init__(self) -> None:
        """There are none."""
        self._watches: dict[Subscription, Watch] = {}
        self._by_key: dict[Key, dict[Subscription, Watch]] = {}

    def __len__(self) -> int:
        return len(self._watches)

    def add(self, subscription: Subscription, project: str, kind: Kind, ids: Iterable[str] | None, since: int) -> None:
        """Tell of these entities, or of all of the kind, what changes after the change numbered `since`."""
        keys: set[Key] = {(project, kind, None)} if ids is None else {(project, kind, id) for id in ids}
        watch = self._watches[subscription] = Watch(subscription, keys, since)
        for key in keys:
            self._by_key.setdefault(key, {})[subscription] = watch

    def remove(self, subscription: Subscription) -> None:
        """Tell it nothing any more, if it was told anything."""
        watch = self._watches.pop(subscription, None)
        for key in watch.keys if watch else ():
            having = self._by_key[key]
            del having[subscription]
            if not having:
                del self._by_key[key]

    def told(
        self, changed: Iterable[tuple[str, AnyKind, str]], now: Moment, since: int
    ) -> Iterator[tuple[Subscription, EntityUpdate]]:
        """What to tell of entities (project, kind, id) with changes numbered > `since`: each as it is now, once."""
        for project, kind, id in changed:
            keys: tuple[Key, ...] = ((project, kind, id), (project, kind, None))
            watching = [watch for key in keys for watch in self._by_key.get(key, {}).values()]
            told = _told(now, project, kind, id) if watching else None
            # What changed after this moment alone is for the next round.
            if told is None or told[0] <= since:
                continue
            number, update = told
            yield from ((watch.subscription, update) for watch in watching if number > watch.since)


def _told(now: Moment, project: str, kind: AnyKind, id: str) -> tuple[int, EntityUpdate] | None:
    """The number of the last change of an entity and what to tell of it."""
    catalog = now.store.catalog
    entity = catalog.entity(project, kind, id, now.knowledge)
    if entity is not None:
        return entity.change, EntityUpdate(entity)
    removal = catalog.removal(project, kind, id, now.knowledge)
    return None if removal is None else (removal[0], EntityRemoved(removal[1]))
