"""What one connection is subscribed to, and the way of updates from the engine's hub to its event loop.

Requests run in threads, updates are handed over to the event loop, and a peer may go away at any moment: so what is
subscribed is kept under a lock, and what is subscribed while the connection ends is ended by whoever did it.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, TypeVar

import msgspec

from tseng.engine import Engine
from tseng.errors import Forbidden, NotFound
from tseng.live.subscription import Subscription
from tseng.live.updates import EntityRemoved, EntityUpdate, Update
from tseng.vitals import Vitals
from tseng_api.errors import InvalidCall, LimitReached
from tseng_api.limits import SUBSCRIBED, SUBSCRIPTIONS
from tseng_api.messages import failure
from tseng_api.pushes import Kept, News, Pushes
from tseng_api.wires import Mail
from tseng_storage.entities import Kind
from tseng_storage.errors import StorageError, StoreClosed

log = logging.getLogger("tseng.api")

Some = TypeVar("Some", bound=Update)
_NOTHING: Mapping[int, Vitals] = {}


class LoopOutlet:
    """Hands the updates of a round to the connections of one event loop, all of them in one call.

    What is printed with entities is counted first, in a thread of its own: no data wait for that, and no end of the
    engine. An entity that changes once more while its counts wait is told once.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, engine: Engine) -> None:
        self._loop, self._engine = loop, engine
        self._uncounted: dict[tuple[Subscription, str], EntityUpdate] = {}
        self._counting = False
        self._lock = threading.Lock()

    def deliver(self, updates: Sequence[tuple[Subscription, Update]]) -> None:
        """Take a round of updates, in order; called from the hub's thread."""
        entities = [(to, update) for to, update in updates if isinstance(update, EntityUpdate)]
        if entities:
            updates = [told for told in updates if not isinstance(told[1], EntityUpdate)]
        if updates:
            self._tell(updates)
        if entities:
            self._count(entities)

    def _tell(self, updates: Sequence[tuple[Subscription, Update]], vitals: Mapping[int, Vitals] = _NOTHING) -> None:
        written = {id(update): News.of(update, vitals.get(id(update))) for update in _each(updates)}
        round = [(subscription.owner, written[id(update)]) for subscription, update in updates]
        # The loop may have ended.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(_hand_over, round)

    def _count(self, updates: Sequence[tuple[Subscription, EntityUpdate]]) -> None:
        with self._lock:
            for subscription, update in updates:
                key = subscription, update.entity.id
                self._uncounted.pop(key, None)
                self._uncounted[key] = update
            if not self._counting:
                # Nobody waits for its end: the engine may be closed, and the process end, while it counts.
                threading.Thread(target=self._tell_counted, name="tseng-counts", daemon=True).start()
                self._counting = True

    def _tell_counted(self) -> None:
        while updates := self._taken():
            try:
                self._tell(updates, self._vitals(_each(updates)))
            except StoreClosed:
                pass  # The engine was closed while it was counted: there is nobody left to tell.
            except Exception:
                log.exception("entities could not be pushed")

    def _taken(self) -> Sequence[tuple[Subscription, EntityUpdate]]:
        with self._lock:
            taken, self._uncounted = self._uncounted, {}
            self._counting = bool(taken)
        return [(subscription, update) for (subscription, _), update in taken.items()]

    def _vitals(self, updates: Sequence[EntityUpdate]) -> dict[int, Vitals]:
        """What the server knows by itself of the entities that are told of; nothing where that cannot be read."""
        there = [each for each in updates if not isinstance(each, EntityRemoved)]
        try:
            return dict(zip(map(id, there), self._engine.vitals([each.entity for each in there]), strict=True))
        except StoreClosed:
            raise
        except StorageError as fault:
            log.error("entities are pushed without their counts: %s", fault)
            return {}


def _each(updates: Sequence[tuple[Subscription, Some]]) -> list[Some]:
    """The updates, each once, whoever is told."""
    return list({id(update): update for _, update in updates}.values())


def _hand_over(round: Sequence[tuple[object, News]]) -> None:
    mail = Mail()
    for kept, news in round:
        assert isinstance(kept, Kept)
        kept.take(news, mail)
    mail.post()


class SocketSubscriptions:
    """What a connection is subscribed to (`tseng_api.session.Subscriptions`); called in the threads of its requests."""

    def __init__(self, engine: Engine, outlet: LoopOutlet, pushes: Pushes) -> None:
        self._engine = engine
        self._outlet = outlet
        self._pushes = pushes
        self._kept: dict[tuple[bool, Any], Kept] = {}
        self._fresh: list[Kept] = []
        self._farewells: list[bytes] = []
        self._over = False
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def add_data(
        self,
        id: bytes,
        sensors: Sequence[str],
        metric: str,
        unit: str,
        params: Mapping[str, Any] | None,
        project: str,
    ) -> None:
        """Send new points of the sensors under this id."""

        def subscribe(kept: Kept) -> Subscription:
            return self._engine.subscribe_data(
                sensors, metric, unit, params=params, outlet=self._outlet, owner=kept, project=project
            )

        self._add(self._made(id, "data", project, len(sensors)), subscribe)

    def add_entities(self, id: bytes, kind: Kind, ids: Sequence[str] | None, project: str) -> None:
        """Send these entities as they change, without `ids` all of the project, under this id."""

        def subscribe(kept: Kept) -> Subscription:
            return self._engine.subscribe_entities(kind, ids, outlet=self._outlet, owner=kept, project=project)

        self._add(self._made(id, kind, project, len(ids or ())), subscribe)

    def remove(self, what: Literal["data", "node", "device", "sensor"], id: bytes) -> None:
        """End a subscription."""
        with self._lock:
            kept = self._kept.get(_key(id))
            if kept is None or kept.what != what:
                raise NotFound(f"there is no {what} subscription {id.decode()}", field="id", seen=id.decode())
            del self._kept[_key(id)]
        _end(kept)

    def narrow(self, project: str | None) -> None:
        """End what lies in other projects than the one that can be reached from now on; None reaches all."""
        with self._lock:
            beyond = {key: kept for key, kept in self._kept.items() if project not in (None, kept.project)}
            for key, kept in beyond.items():
                del self._kept[key]
                refusal = Forbidden("ended: who is authenticated now does not reach its project", field="code")
                self._farewells.append(failure(kept.id, refusal))
        for kept in beyond.values():
            _end(kept)

    def answered(self, send: Callable[[bytes], None]) -> None:
        """Let updates come, now that the answers to what was subscribed are sent. On the event loop."""
        with self._lock:
            fresh, self._fresh = self._fresh, []
            farewells, self._farewells = self._farewells, []
        for farewell in farewells:
            send(farewell)
        for kept in fresh:
            self._pushes.open(kept)

    def close(self) -> None:
        """End everything."""
        with self._lock:
            self._over = True
            kept, self._kept = self._kept, {}
        for each in kept.values():
            _end(each)

    def _made(self, id: bytes, what: str, project: str, size: int) -> Kept:
        return Kept(id, what, project, size, self._pushes)

    def _add(self, kept: Kept, subscribe: Callable[[Kept], Subscription]) -> None:
        self._enter(kept)
        try:
            kept.handle = subscribe(kept)
        except BaseException:
            with self._lock:
                self._kept.pop(_key(kept.id), None)
            raise
        with self._lock:
            self._fresh.append(kept)
            over = self._over
        if over:
            _end(kept)

    def _enter(self, kept: Kept) -> None:
        with self._lock:
            if _key(kept.id) in self._kept:
                raise InvalidCall(f"the id {kept.id.decode()} is that of another subscription", field="id")
            if len(self._kept) >= SUBSCRIPTIONS:
                raise LimitReached(f"a connection may have {SUBSCRIPTIONS} subscriptions", field="method")
            if kept.size + sum(each.size for each in self._kept.values()) > SUBSCRIBED:
                raise LimitReached(f"a connection may be subscribed to {SUBSCRIBED} sensors and entities", field="id")
            self._kept[_key(kept.id)] = kept


def _end(kept: Kept) -> None:
    kept.ended = True
    if kept.handle is not None:
        kept.handle.close()


def _key(id: bytes) -> tuple[bool, Any]:
    """What ids are compared by: 1 and 1.0 are the same, 1 and "1" are not."""
    try:
        value = msgspec.json.decode(id)
    except msgspec.DecodeError:
        # A number beyond all floats: JSON, but without a value here.
        return False, id
    return isinstance(value, str), value
