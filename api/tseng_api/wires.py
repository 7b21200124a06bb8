"""What a face gives a connection: whole messages out, how much of them the peer has not taken, and an end.

Sending never waits, so whoever sends much asks first: `waiting` says how many bytes still lie here, `drained` waits for
them to go. A message that is made in parts keeps the wire to itself until its last part; what others send meanwhile
is held and counted. All of it happens on the event loop.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

from tseng_api.limits import JOINED_BYTES, MAIL_BYTES


class Framed(NamedTuple):
    """A message as it goes out, whole or in pieces, and how many bytes it has."""

    content: bytes | tuple[bytes, ...]
    length: int


class Mail:
    """Messages to many wires, made before the first of them is written.

    A write takes the kernel some ten microseconds, and little of what Python needs is in the processor's caches after
    it: a message that is made between two writes takes three times as long to make.
    """

    def __init__(self) -> None:
        self._writes: list[tuple[Callable[[Any], None], Any]] = []
        self._bytes = 0

    def add(self, write: Callable[[Any], None], message: Framed) -> None:
        """Add a message; those that are here are written once they are many bytes."""
        self._writes.append((write, message.content))
        self._bytes += message.length
        if self._bytes > MAIL_BYTES:
            self.post()

    def post(self) -> None:
        """Write them."""
        writes, self._writes, self._bytes = self._writes, [], 0
        for write, message in writes:
            write(message)


class Wire(ABC):
    """One peer, through one transport. A face says how messages are framed and how it says goodbye."""

    face = ""
    """How the face is called in the log."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.heard = asyncio.get_running_loop().time()
        """When the peer was last heard of, in the loop's time."""
        self.ended = False
        """Nothing can be sent any more: it is closed, or about to be."""
        self.known = False
        """The peer has said who it is: it may send long messages."""
        self._moved = self.heard
        self._taken_before = 0
        self.sent = 0
        """Bytes sent so far, those that wait included."""
        self._writable = asyncio.Event()
        self._clear = asyncio.Event()
        self.in_parts = False
        """A message has begun and is not whole yet."""
        self._held: list[Framed] = []
        self._held_bytes = 0
        self.resume_writing()

    def send(self, *parts: bytes) -> None:
        """Send one message, given whole or in pieces that are sent as one; nothing happens once it has ended."""
        self.send_framed(self.framed(*parts))

    def framed(self, *parts: bytes) -> Framed:
        """Return what goes out for a message, the same on every wire of this face."""
        length = sum(map(len, parts))
        head = self._head(length, first=True, last=True)
        pieces = (head, *parts) if head else parts
        # Long pieces may be shared with other connections: joining them would copy them for each.
        return Framed(pieces if length > JOINED_BYTES else b"".join(pieces), len(head) + length)

    def send_framed(self, message: Framed, mail: Mail | None = None) -> None:
        """Send what `framed` has made.

        With `mail` it goes when that is posted, which has to be before anything else happens on the loop.
        """
        if self.in_parts:
            self._held.append(message)
            self._held_bytes += message.length
            self._clear.clear()
        else:
            self._write(message, mail)

    async def send_in_parts(self, part: bytes, *, last: bool) -> None:
        """Send the next part of a message, once the peer has taken those before it."""
        await self._writable.wait()
        head = self._head(len(part), first=not self.in_parts, last=last)
        self._write(Framed((head, part) if head else part, len(head) + len(part)))
        self.in_parts = not last
        if last:
            held, self._held, self._held_bytes = self._held, [], 0
            for message in held:
                self._write(message)
            self._tell()

    @property
    def waiting(self) -> int:
        """Bytes that the peer has not taken yet."""
        return self.transport.get_write_buffer_size() + self._held_bytes

    @property
    def taken(self) -> int:
        """Bytes that have left so far."""
        # What is held has not been sent: only what the transport keeps is counted in both.
        return self.sent - self.transport.get_write_buffer_size()

    def stuck(self, now: float) -> float:
        """Seconds for which bytes have been waiting and none has left, as far as those know who ask now and then.

        What is held until a message is whole waits for us, not for the peer.
        """
        if not self.transport.get_write_buffer_size() or self.taken > self._taken_before:
            self._taken_before, self._moved = self.taken, now
        return now - self._moved

    async def drained(self) -> None:
        """Wait until little is left to send, or it has ended."""
        await self._clear.wait()

    def close(self, error: bytes | None = None, code: int = 1000, reason: str = "") -> None:
        """Say why, if there is something to say, and close once what waits has been taken.

        A peer that does not take it is cut off after CLOSE_SECONDS.
        """
        if self.ended:
            return
        if error is not None and not self.in_parts:
            self.send(error)
        self.end()
        self._goodbye(code, reason)

    def end(self) -> None:
        """Send nothing any more; whoever waits need not."""
        self.ended = True
        self._held, self._held_bytes = [], 0
        self._tell()

    def pause_writing(self) -> None:
        """Take notice that the transport's buffer is full."""
        self._writable.clear()
        self._clear.clear()

    def resume_writing(self) -> None:
        """Take notice that there is room in it again."""
        self._writable.set()
        self._tell()

    def _tell(self) -> None:
        if self.ended:
            self._writable.set()
        if self.ended or (self._writable.is_set() and not self._held):
            self._clear.set()

    def _write(self, message: Framed, mail: Mail | None = None) -> None:
        if self.ended:
            return
        self.sent += message.length
        whole = isinstance(message.content, bytes)
        write: Callable[[Any], None] = self.transport.write if whole else self.transport.writelines
        if mail is None:
            write(message.content)
        else:
            mail.add(write, message)

    @abstractmethod
    def _head(self, length: int, *, first: bool, last: bool) -> bytes:
        """Return what stands before a message of this length, or before one of its parts."""

    @abstractmethod
    def _goodbye(self, code: int, reason: str) -> None:
        """Close as the face has it, within CLOSE_SECONDS; nothing is sent after it."""
