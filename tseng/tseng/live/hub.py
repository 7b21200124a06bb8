"""The hub: follows the store for everybody who subscribed, in one thread of its own.

Round after round it waits for a commit of any process, takes the state of the store, brings every topic that the
uploads since the last round concern to it, and hands out what differs. What takes longer waits in the backlog and is
dealt with piece by piece between rounds, so that it holds up the others' new data for no longer than a piece takes:
topics whose configuration changed, all of them after a bulk load, those beyond the first few hundred of a round, and
what is left where a topic has more than a few blocks to compare. Each topic that waits knows for itself how far it was
told; work on it that was begun goes on with the state that it was begun with, and what came since is looked at then.

A subscription begins between rounds: its topics are brought to the state of that moment first, so its first update is
what differs from that state, or, where that takes longer, from the one before the change that is being compared.
Nothing is delivered while the lock is held, and closing a subscription waits for nothing.
"""

import logging
import threading
from collections import deque
from collections.abc import Collection, Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

from tseng.errors import REFUSALS, EngineError, again
from tseng.live.moment import Mark, Moment
from tseng.live.planning import Question
from tseng.live.subscription import Outlet, Subscription
from tseng.live.topic import Topic
from tseng.live.topics import Topics
from tseng.live.updates import DataUpdate, Trouble, Update
from tseng.live.watches import Watches
from tseng_storage.entities import Kind
from tseng_storage.errors import StoreClosed
from tseng_storage.knowledge import EVERYTHING
from tseng_storage.store import Store
from tseng_units.errors import UnitsError

log = logging.getLogger("tseng.live")

SLICE = 0.02
"""Seconds after which a hub that waits for commits looks whether anybody is still there, so long may closing take, and
whether a new subscription left something to be told.

Also between two attempts where the store cannot be looked at.
"""
PORTION = 256
"""Topics that ordinary uploads concern and that are dealt with at once, before what they tell is handed out."""
BLOCKS = 2
"""Blocks of a topic that are compared at once."""
Told = tuple[Subscription, Update]


@dataclass(eq=False)
class Work:
    """What is to be done for a topic: to follow it, where it was begun up to `now`, else up to when it is begun."""

    replan: bool
    now: Moment | None = None
    steps: Generator[None, None, DataUpdate | None] | None = None


class Hub:
    """Follows one store; thread-safe. Its thread starts with the first subscription and ends with the last."""

    def __init__(self, store: Store) -> None:
        """Nothing is followed yet."""
        self._store = store
        self._lock = threading.Lock()
        self._settling = threading.Condition()
        self._settled = -1
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._topics, self._watches = Topics(), Watches()
        self._following: dict[Subscription, Collection[Topic]] = {}
        self._left: deque[Subscription] = deque()
        # How far the topics were followed that do not know it for themselves, and of the others those that are ahead.
        self._seen = Mark(EVERYTHING, "")
        self._ahead: set[Topic] = set()
        self._backlog: dict[Topic, Work] = {}
        self._failed: set[Topic] = set()
        self._outbox: list[Told] = []

    # -- subscribing

    def subscribe_data(self, questions: Sequence[Question], outlet: Outlet, owner: object) -> Subscription:
        """Tell what changes in the answers to these questions from now on; all of them or none.

        Raises:
            EngineError, tseng_units.errors.UnitsError: one of them cannot be answered.
        """
        wanted = list(dict.fromkeys(questions))
        with self._lock:
            fresh = [question for question in wanted if self._topics.get(question) is None]
        # Most of the work is done before the lock is taken, for a state that is brought up to date under it.
        now = Moment(self._store)
        made = {question: Topic(question, now) for question in fresh}
        with self._lock:
            now = self._joined()
            topics = [self._topics.get(each) or made.get(each) or Topic(each, now) for each in wanted]
            for topic in topics:
                self._topics.put(topic)
                self._bring(topic, now)
            troubles = [(topic, topic.trouble) for topic in topics if topic.trouble is not None]
            trouble = next((trouble for topic, trouble in troubles if topic not in self._backlog), None)
            if trouble is not None:
                self._drop_unused(topics)
                raise again(trouble)
            subscription = Subscription(outlet, owner, self._left.append)
            self._following[subscription] = topics
            for topic in topics:
                topic.subscriptions.append(subscription)
            # These are about to recover: who comes to them begins like those who are there.
            self._outbox += [(subscription, Trouble(topic.question.sensor, trouble)) for topic, trouble in troubles]
            self._start()
        return subscription

    def subscribe_entities(
        self, project: str, kind: Kind, ids: Collection[str] | None, outlet: Outlet, owner: object
    ) -> Subscription:
        """Tell of entities that are made or changed from now on: of some, or of all of a kind."""
        with self._lock:
            now = self._joined()
            subscription = Subscription(outlet, owner, self._left.append)
            self._watches.add(subscription, project, kind, ids, now.snapshot.config)
            self._start()
        return subscription

    def _joined(self) -> Moment:
        """The state from which a new subscription is told."""
        self._settled = -1  # what the others are told of it is not told yet
        self._sweep()
        now = Moment(self._store)
        if not self._topics and not self._watches:
            self._seen = now.mark
        return now

    def _bring(self, topic: Topic, now: Moment) -> None:
        """Follow a topic up to now, if that is not much; those who have it already are told.

        Work on it that was begun, or is begun here and takes longer, goes on as such: who comes to it meanwhile is told
        what it finds, as the others are.
        """
        since, waiting = topic.own or self._seen, self._backlog.get(topic)
        replan = waiting is not None or topic.trouble is not None or now.mark.revision != since.revision
        if waiting is not None and waiting.steps is not None:
            return
        if replan or now.mark != since:
            self._advance(topic, Work(replan), now)
        else:
            self._ahead.add(topic)  # from the next round on it goes with the others

    # -- the thread

    def _start(self) -> None:
        if self._thread is None and not self._stopping.is_set():
            self._thread = threading.Thread(target=self._run, name="tseng-live", daemon=True)
            self._thread.start()

    def settle(self, seconds: float) -> bool:
        """Wait until all that any process has committed by now is told, at most so long; whether it is."""
        with self._settling:
            return self._settling.wait_for(
                lambda: self._thread is None or self._settled == self._store.changes(), seconds
            )

    def close(self) -> None:
        """End the thread; nothing is delivered any more when this returns, and nothing of the store is in use."""
        self._stopping.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        seen, failing = -1, False
        while not self._is_over():
            try:
                now = self._store.wait(seen, 0 if self._has_more() else SLICE)
                if now != seen or failing or self._has_more():
                    self._look()
                    failing = False
                self._settles(now)
                seen = now
            except StoreClosed:
                return
            except Exception:
                if not failing:
                    log.exception("what changed could not be looked up; trying again")
                failing = True
                self._stopping.wait(SLICE)

    def _look(self) -> None:
        """Look at what happened, and at some of the topics that wait; tell."""
        with self._lock:
            self._some_waiting(self._round())
            told, self._outbox = self._outbox, []
        if not self._stopping.is_set():
            deliver(told)

    def _has_more(self) -> bool:
        """Whether something waits: to be looked at, or, where somebody subscribed meanwhile, to be told."""
        with self._lock:
            return bool(self._backlog or self._outbox)

    def _settles(self, seen: int) -> None:
        with self._lock, self._settling:
            if not (self._backlog or self._outbox):
                self._settled = seen
                self._settling.notify_all()

    def _is_over(self) -> bool:
        with self._lock:
            self._sweep()
            over = self._stopping.is_set() or not (self._topics or self._watches)
            if over:
                self._thread = None
        return over

    def _sweep(self) -> None:
        """Forget subscriptions that were closed, and topics that nobody follows any more."""
        while self._left:
            subscription = self._left.popleft()
            self._watches.remove(subscription)
            for topic in self._following.pop(subscription, ()):
                topic.subscriptions.remove(subscription)
                self._drop_unused([topic])

    def _drop_unused(self, topics: Iterable[Topic]) -> None:
        for topic in topics:
            if not topic.subscriptions:
                self._topics.remove(topic)
                self._backlog.pop(topic, None)
                self._ahead.discard(topic)
                self._failed.discard(topic)

    # -- rounds

    def _round(self) -> Moment:
        """Look at everything that happened since the last round; the state that it was looked at in."""
        now, seen = Moment(self._store), self._seen
        if now.mark == seen:
            return now
        uploaded, replan = now.uploaded(seen.knowledge), now.mark.revision != seen.revision
        self._configured(now, seen)
        if uploaded is None:
            self._defer(self._topics)
        touched = [topic for topic in self._topics.reading(uploaded or ()) if topic not in self._backlog]
        self._defer(touched[PORTION:], replan=replan)
        for topic in touched[:PORTION]:
            self._advance(topic, Work(replan), now)
        for topic in self._ahead:
            topic.own = None
        self._ahead.clear()
        self._seen = now.mark
        return now

    def _configured(self, now: Moment, seen: Mark) -> None:
        """Look at changes of configuration, and once more at what failed for reasons of its own.

        Where it raises it is called again: whatever is told comes last.
        """
        self._defer(self._failed)
        self._failed.clear()
        if now.mark.revision == seen.revision:
            return
        catalog, before = self._store.catalog, seen.knowledge.config or 0
        changed = catalog.changed_entities(before) if now.snapshot.config > before else []
        self._defer(self._topics.configured_by(changed, catalog))
        self._defer(topic for topic in self._topics.without_project(catalog) if topic.trouble is None)
        self._outbox.extend(list(self._watches.told(changed, now, before)))

    def _defer(self, topics: Iterable[Topic], *, replan: bool = True) -> None:
        for topic in topics:
            if topic in self._backlog:
                self._backlog[topic].replan |= replan
            else:
                self._wait(topic, topic.own or self._seen, Work(replan))

    def _wait(self, topic: Topic, since: Mark, work: Work) -> None:
        self._stay(topic, since)
        self._backlog[topic] = work

    def _stay(self, topic: Topic, since: Mark) -> None:
        """Note how far a topic has come that does not go on with the others."""
        topic.own = since
        self._ahead.discard(topic)

    def _some_waiting(self, now: Moment) -> None:
        """Do a piece of work of the backlog, or several small ones."""
        first = list(islice(self._backlog.items(), PORTION))
        small = list(takewhile(lambda waiting: not waiting[1].replan and waiting[1].steps is None, first))
        for topic, work in small or first[:1]:
            self._advance(topic, work, now)

    def _advance(self, topic: Topic, work: Work, now: Moment) -> None:
        """Begin or go on to follow a topic, for some blocks; tell what differs, or that it cannot be done."""
        since = topic.own or self._seen
        try:
            if work.steps is None or work.now is None:
                replan = work.replan or topic.trouble is not None
                work = Work(False, now, topic.follow(now, since, replan=replan))
            assert work.steps is not None
            for _ in range(BLOCKS):
                next(work.steps)
        except StopIteration as done:
            self._backlog.pop(topic, None)
            topic.trouble = None
            self._tell(topic, done.value)
            self._arrived(topic, work, now)
        except StoreClosed:
            raise
        except Exception as error:
            self._backlog.pop(topic, None)
            self._stay(topic, since)
            self._tell(topic, self._trouble(topic, error))
        else:
            self._wait(topic, since, work)  # in its place: one is finished before the next is begun

    def _arrived(self, topic: Topic, work: Work, now: Moment) -> None:
        """Note how far a topic has been followed, and that it waits again where something may have come since."""
        mark = work.now.mark if work.now else now.mark
        if mark == now.mark and not work.replan:
            topic.own = mark
            self._ahead.add(topic)
        else:
            self._wait(topic, mark, Work(work.replan or mark.revision != now.mark.revision))

    def _tell(self, topic: Topic, update: Update | None) -> None:
        self._topics.put(topic)
        if update is not None:
            self._outbox.extend((subscription, update) for subscription in topic.subscriptions)

    def _trouble(self, topic: Topic, error: Exception) -> Trouble | None:
        """What to tell where a topic could not be followed: nothing where that was told before."""
        told, ours = topic.trouble is not None, not isinstance(error, EngineError | UnitsError)
        if ours:
            self._failed.add(topic)
        if ours and not told:
            log.error("%s could not be followed", topic.question, exc_info=error)
        known = error if isinstance(error, REFUSALS) else EngineError("it could not be computed; the log says why")
        topic.trouble = again(known)
        return None if told else Trouble(topic.question.sensor, topic.trouble)


def deliver(told: Sequence[Told]) -> None:
    """Hand updates to their outlets, in order, to each outlet all at once."""
    by_outlet: dict[int, tuple[Outlet, list[Told]]] = {}
    for subscription, update in told:
        if not subscription.closed:
            by_outlet.setdefault(id(subscription.outlet), (subscription.outlet, []))[1].append((subscription, update))
    for outlet, updates in by_outlet.values():
        try:
            outlet.deliver(updates)
        except Exception:
            log.exception("an outlet did not take its updates")
