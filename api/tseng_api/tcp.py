"""The TCP face: concatenated JSON texts both ways, with nothing between them.

The printed Python sample of seed 003 reads an answer byte by byte until its braces match, and so takes whatever stands
between two answers for the beginning of the next one: there may not even be a line feed.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, cast

from uvicorn.server import ServerState

from tseng_api.events import Closed, Garbage, NeedData
from tseng_api.jsonrpc import End, Role
from tseng_api.limits import CLOSE_SECONDS, FRAME_BYTES, READ_AHEAD, STRANGER_BYTES
from tseng_api.messages import Batch, Frame, Invalid, Notification, Request
from tseng_api.wires import Wire

if TYPE_CHECKING:
    from tseng_api.sockets import Sockets


class TcpWire(Wire):
    """JSON texts over TCP."""

    face = "tcp"

    def __init__(self, protocol: "TcpProtocol", transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._protocol = protocol

    def _head(self, length: int, *, first: bool, last: bool) -> bytes:
        return b""

    def _goodbye(self, code: int, reason: str) -> None:
        self._protocol.say_goodbye()


class TcpProtocol(asyncio.Protocol):
    """One TCP peer. It is entered into uvicorn's state, which waits for it when the server stops."""

    wire: TcpWire
    transport: asyncio.Transport

    def __init__(self, sockets: "Sockets", state: ServerState) -> None:
        self._sockets = sockets
        self._state = state
        self._loop = asyncio.get_running_loop()
        self._end = End(Role.SERVER)
        self._news = asyncio.Event()
        self._unread = 0
        self._paused = False
        self._heard_all = False
        self._last_resort: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to answer."""
        self.transport = cast(asyncio.Transport, transport)
        self.wire = TcpWire(self, self.transport)
        self._state.connections.add(self)  # type: ignore[arg-type]  # all it needs is `shutdown`
        peer = transport.get_extra_info("peername")
        task = self._loop.create_task(self._sockets.serve(self.wire, self._frames(), peer[0] if peer else ""))
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        """End what goes on for the peer."""
        self.wire.end()
        self._news.set()
        self._state.connections.discard(self)
        if self._last_resort is not None:
            self._last_resort.cancel()

    def data_received(self, data: bytes) -> None:
        """Keep what comes; who sends more than is taken is read no further."""
        self.wire.heard = self._loop.time()
        if self.wire.ended:
            # Read and let go: closing with bytes unread would reset the connection and lose our last words.
            return
        self._end.receive_data(data)
        self._unread += len(data)
        if self._unread > READ_AHEAD and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        self._news.set()

    def eof_received(self) -> bool:
        """Go on answering a peer that sends nothing more; TLS has no such state."""
        self._heard_all = True
        self._end.receive_data(b"")
        self._news.set()
        if self.wire.ended:
            self.transport.close()
        return self.transport.can_write_eof()

    def pause_writing(self) -> None:
        """Hold back those who wait for room."""
        self.wire.pause_writing()

    def resume_writing(self) -> None:
        """Let them go on."""
        self.wire.resume_writing()

    def shutdown(self) -> None:
        """Let the server stop: a connection ends itself once what is under way is done."""

    def say_goodbye(self) -> None:
        """Close once everything is out, and the peer has closed its side."""
        self._news.set()
        if self.transport.is_closing():
            return
        self._last_resort = self._loop.call_later(CLOSE_SECONDS, self.transport.abort)
        if self._heard_all or not self.transport.can_write_eof():
            self.transport.close()
        else:
            self.transport.write_eof()
            self._resume()

    async def _frames(self) -> AsyncIterator[Frame]:
        while not self.wire.ended:
            self._end.allow(FRAME_BYTES if self.wire.known else STRANGER_BYTES)
            event = self._end.next_event()
            if isinstance(event, Request | Notification | Batch | Invalid):
                yield event
            elif isinstance(event, Garbage):
                raise event.error
            elif isinstance(event, NeedData):
                self._unread = 0
                self._resume()
                self._news.clear()
                await self._news.wait()
            else:
                assert isinstance(event, Closed)
                return

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
