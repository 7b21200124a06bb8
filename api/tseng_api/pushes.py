"""Updates on their way to one peer: sent at once while it keeps up, else noted, and told when it has caught up.

A subscriber that reads slowly may not cost the server memory without bound. While more than BACKLOG_BYTES wait for it
nothing is added: of each series the range of time that changed is noted, of each entity its latest state, of each
trouble the last. When the peer has taken what waits it is told: of a series `lagged` with the range, which it may then
read with getData. What comes after that is sent as before.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from tseng.live.subscription import Subscription
from tseng.live.updates import DataUpdate, EntityRemoved, EntityUpdate, Trouble, Update
from tseng.vitals import Vitals
from tseng_api.entities import wire as entity_shape
from tseng_api.errors import rpc_error
from tseng_api.limits import BACKLOG_BYTES, EARLY_UPDATES
from tseng_api.wire import encode
from tseng_api.wires import Framed, Mail, Wire
from tseng_units.instants import format_instant


@dataclass(frozen=True, eq=False)
class News:
    """An update and the JSON of its messages, made once for all who are told: their `result`, or their `error`."""

    update: Update
    bodies: Sequence[bytes]
    member: bytes = b"result"
    _framed: dict[tuple[str, bytes], list[Framed]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of the JSON."""
        return sum(map(len, self.bodies))

    def framed(self, wire: Wire, id: bytes) -> list[Framed]:
        """Return the messages under an id as they go out; those who share face and id share them."""
        messages = self._framed.get((wire.face, id))
        if messages is None:
            before = b'{"jsonrpc":"2.0","id":%b,"%b":' % (id, self.member)
            messages = self._framed[wire.face, id] = [wire.framed(before, body, b"}") for body in self.bodies]
        return messages

    @classmethod
    def of(cls, update: Update, vitals: Vitals | None = None) -> "News":
        """Write an update, that of an entity with its `vitals`."""
        if isinstance(update, DataUpdate):
            # Of a change that is too large to send only the range is told.
            return cls(update, update.results or [lagged(update.sensor, update.first, update.last)])
        if isinstance(update, EntityRemoved):
            return cls(update, [b'{"removed":%b}' % encode(update.entity.id)])
        if isinstance(update, EntityUpdate):
            return cls(update, [b'{"data":%b}' % encode(entity_shape(update.entity, vitals))])
        assert isinstance(update, Trouble)
        told = rpc_error(update.error)
        told["data"]["sensor"] = update.sensor
        return cls(update, [encode(told)], b"error")


def lagged(sensor: str, first: int, last: int) -> bytes:
    """Return the result that tells that points from `first` to `last` [epoch us] were not sent: they can be read."""
    range = {"startDate": format_instant(first), "endDate": format_instant(last)}
    return encode({"sensor": sensor, "lagged": range})


@dataclass(eq=False)
class Kept:
    """One subscription of a connection: its id as JSON text, and what its peer has not been told yet."""

    id: bytes
    what: str
    project: str
    size: int
    pushes: "Pushes"
    handle: Subscription | None = None
    ended: bool = False
    early: list[News] | None = field(default_factory=list)
    """What came before the answer to the subscribe; None once that is sent."""
    ranges: dict[str, tuple[int, int]] = field(default_factory=dict)
    latest: dict[str, News] = field(default_factory=dict)
    """By entity or by sensor in trouble."""

    def take(self, news: News, mail: Mail | None = None) -> None:
        """Send it, with the rest of the mail if there is such, or note it."""
        if not self.ended:
            self.pushes.push(self, news, mail)

    def note(self, news: News) -> None:
        """Keep what the peer is told later."""
        update = news.update
        if isinstance(update, DataUpdate) and update.points:
            first, last = self.ranges.get(update.sensor, (update.first, update.last))
            self.ranges[update.sensor] = (min(first, update.first), max(last, update.last))
            self.latest.pop(update.sensor, None)
        elif isinstance(update, EntityUpdate):
            self.latest[update.entity.id] = news
        elif isinstance(update, DataUpdate | Trouble):
            # Trouble, or that it is over without a point that differs.
            self.latest[update.sensor] = news

    def noted(self) -> list[News]:
        """Return what was noted, as news, and forget it."""
        ranges, self.ranges = self.ranges, {}
        latest, self.latest = self.latest, {}
        missed = [News(Update(), [lagged(sensor, *range)]) for sensor, range in ranges.items()]
        return [*missed, *latest.values()]


class Pushes:
    """Updates of all subscriptions of one connection. Everything here happens on the event loop."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._behind: set[Kept] = set()
        self._catching_up: asyncio.Task[None] | None = None
        self._early_bytes = 0
        self.pushed = 0
        """Messages sent so far."""

    def push(self, kept: Kept, news: News, mail: Mail | None = None) -> None:
        """Send news, or note them where their time has not come or the peer does not keep up."""
        if kept.early is not None:
            self._keep(kept, kept.early, news)
        elif self._catching_up is not None or self._wire.waiting > BACKLOG_BYTES:
            kept.note(news)
            self._await(kept)
        else:
            self._send(kept, news, mail)

    def open(self, kept: Kept) -> None:
        """Let updates follow the answer to the subscribe."""
        early, kept.early = kept.early or (), None
        self._early_bytes -= sum(news.size for news in early)
        for news in early:
            kept.take(news)
        if kept.ranges or kept.latest:
            self._await(kept)

    def end(self) -> None:
        """Wait for nothing any more."""
        if self._catching_up is not None:
            self._catching_up.cancel()

    def _keep(self, kept: Kept, early: list[News], news: News) -> None:
        """Keep news until the subscribe is answered; once some had to be noted, note what follows too."""
        room = len(early) < EARLY_UPDATES and self._early_bytes + news.size <= BACKLOG_BYTES
        if room and not kept.ranges and not kept.latest:
            early.append(news)
            self._early_bytes += news.size
        else:
            kept.note(news)

    def _await(self, kept: Kept) -> None:
        self._behind.add(kept)
        if self._catching_up is None:
            self._catching_up = asyncio.create_task(self._catch_up())

    async def _catch_up(self) -> None:
        await self._wire.drained()
        behind, self._behind, self._catching_up = self._behind, set(), None
        for kept in behind:
            for news in () if kept.ended else kept.noted():
                self._send(kept, news)

    def _send(self, kept: Kept, news: News, mail: Mail | None = None) -> None:
        for message in news.framed(self._wire, kept.id):
            self._wire.send_framed(message, mail)
            self.pushed += 1
