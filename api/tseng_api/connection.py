"""One peer's connection from its first message to its end, whichever face it came through.

Three things go on at once. The face's frames are put into a bounded inbox, so that a peer that goes away is noticed
while its request runs, and one that sends faster than it is answered is read no further. One task answers what is in
the inbox, in order, one request at a time, each in a thread. And answers in frames go out beside that, each in a task
of its own: the next frame is computed while the one before it leaves, and none after the wire has ended.

Nothing is computed for a peer that does not take what it got: every request and every frame waits for the wire.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool

from tseng.engine import Engine
from tseng.errors import REFUSALS, EngineError, Refusal
from tseng_api.admission import Admissions
from tseng_api.http import gathered
from tseng_api.inbox import Inbox
from tseng_api.limits import PART_BYTES, STREAMS
from tseng_api.messages import Frame, unsolicited
from tseng_api.methods import METHODS
from tseng_api.pushes import Pushes
from tseng_api.rpc import Frames, Whole, answer
from tseng_api.session import Session, identify_code
from tseng_api.subscriptions import LoopOutlet, SocketSubscriptions
from tseng_api.wires import Wire

log = logging.getLogger("tseng.api")


@dataclass
class SocketSession(Session):
    """The session of a connection; whoever it says it is has to be admitted."""

    subscriptions: SocketSubscriptions = field(kw_only=True)
    connection: str = field(kw_only=True)
    admissions: Admissions = field(kw_only=True)

    def authenticate(self, code: str) -> None:
        """Be whoever this key or token is of, from now on.

        Raises:
            Unauthenticated, Forbidden: as `identify_code`.
            LimitReached: this key or client has too many connections.
        """
        identity = identify_code(self.engine, code)
        self.admissions.admit(self.connection, identity, code)
        self.subscriptions.narrow(identity.project)
        self.identity = identity


class Connection:
    """One peer: what it asks is answered until one side ends it."""

    def __init__(self, id: str, wire: Wire, engine: Engine, admissions: Admissions, outlet: LoopOutlet) -> None:
        self.id = id
        self.wire = wire
        self.pushes = Pushes(wire)
        kept = SocketSubscriptions(engine, outlet, self.pushes)
        self.session = SocketSession(engine, subscriptions=kept, connection=id, admissions=admissions)
        self.requests = 0
        self.reason = "closed by the peer"
        self._inbox = Inbox()
        self._streams: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(STREAMS)
        self._answering = False
        self._last_words: tuple[bytes | None, int, str] = (None, 1000, "")

    async def run(self, frames: AsyncIterator[Frame]) -> None:
        """Answer frames until there are no more, or the wire has ended."""
        answering = asyncio.create_task(self._answer_all())
        try:
            await self._receive(frames)
            await answering
        except Exception as error:
            self._fail(error, "connection", self.id)
        finally:
            self.wire.end()
            self._inbox.drop()
            answering.cancel()
            self.pushes.end()
            await run_in_threadpool(self.session.subscriptions.close)

    @property
    def busy(self) -> bool:
        """Whether something that was asked is still to be answered."""
        return self._answering or len(self._inbox) > 0 or len(self._streams) > 0

    def finish(self, code: int, reason: str) -> None:
        """Take no more requests; close once those that are here are answered."""
        self.reason = reason
        self._last_words = (None, code, reason)
        self._inbox.close()

    def close(self, reason: str, error: Refusal | None = None, code: int = 1000) -> None:
        """Say why and close, whatever is under way."""
        if not self.wire.ended:
            self.reason = reason
            self.wire.close(None if error is None else unsolicited(error), code, reason)
        self._inbox.drop()

    def cut(self, reason: str) -> None:
        """End it without a word: the peer would not take it."""
        self.reason = reason
        self._inbox.drop()
        self.wire.end()
        self.wire.transport.abort()

    async def _receive(self, frames: AsyncIterator[Frame]) -> None:
        """Fill the inbox. Where no frames can be made out any more the peer hears of it after its answers."""
        try:
            async for frame in frames:
                await self._inbox.put(frame)
                if not self.wire.known:
                    # What may come next depends on the answer to this.
                    await self._inbox.done()
                    self.wire.known = self.session.identity is not None
        except REFUSALS as error:
            self.reason = f"refused: {error}"
            self._last_words = (unsolicited(error), 1002, "")
        if self.wire.ended:
            self._inbox.drop()
        else:
            self._inbox.close()

    async def _answer_all(self) -> None:
        while (frame := await self._inbox.get()) is not None:
            self._answering = True
            await self._answer(frame)
            self._answering = False
        if self._streams:
            await asyncio.wait(self._streams)
        self.wire.close(*self._last_words)

    async def _answer(self, frame: Frame) -> None:
        await self.wire.drained()
        if self.wire.ended:
            return
        self.requests += 1
        self.session.request_id = f"{self.id}-{self.requests}"
        try:
            answered = await run_in_threadpool(self._begin, frame)
            if isinstance(answered, Frames):
                await self._stream(answered.messages)
            elif answered is not None:
                await self._send(answered)
            self.session.subscriptions.answered(self.wire.send)
        except Exception as error:
            self._fail(error, "request", self.session.request_id)

    def _begin(self, frame: Frame) -> "Frames | Iterator[_Part] | None":
        """Run a request: frames to come, or its answer in parts of which the first is made."""
        answered = answer(frame, self.session, METHODS)
        if isinstance(answered, Whole):
            parts = _parts(answered.pieces)
            return chain([next(parts)], parts)
        return answered

    async def _send(self, parts: "Iterator[_Part]") -> None:
        part = next(parts)
        if part.last:
            self.wire.send(part.text)
            return
        while not self.wire.ended:
            await self.wire.send_in_parts(part.text, last=part.last)
            if part.last:
                break
            part = await run_in_threadpool(next, parts)

    async def _stream(self, messages: Iterator[bytes]) -> None:
        """Send messages as they are made, beside what else is answered; where too many do that, wait."""
        await self._room.acquire()
        task = asyncio.create_task(self._pump(messages))
        self._streams.add(task)
        task.add_done_callback(self._streams.discard)

    async def _pump(self, messages: Iterator[bytes]) -> None:
        try:
            while not self.wire.ended and (message := await run_in_threadpool(next, messages, None)) is not None:
                await self.wire.drained()
                self.wire.send(message)
        except Exception as error:
            self._fail(error, "request", self.session.request_id)
        finally:
            self._room.release()
            if isinstance(messages, Generator):
                messages.close()

    def _fail(self, error: Exception, what: str, id: str) -> None:
        """End a connection on which something went wrong that nobody thought of: what was asked is not answered."""
        log.error("%s failed", what, exc_info=error, extra={"requestId": id})
        self.close("failed", EngineError(f"internal error in {what} {id}"), 1011)


class _Part(NamedTuple):
    """A part of an answer, and whether it is the last."""

    text: bytes
    last: bool


def _parts(pieces: Iterator[bytes]) -> Iterator[_Part]:
    parts = gathered(pieces, PART_BYTES)
    part = next(parts)
    for following in parts:
        if following:
            yield _Part(part, last=False)
            part = following
    yield _Part(part, last=True)
