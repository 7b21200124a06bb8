"""The WebSocket face: messages come in through a route at `/` and go out through uvicorn's own protocol.

A message that takes the way through ASGI costs three times what writing it to the transport costs, and a push goes to
hundreds of connections at once. So the protocol that uvicorn runs is a subclass of its own that puts its wire into the
scope. uvicorn keeps what belongs to RFC 6455: handshake, pings, closing; data frames have no state but their own.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, cast

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from tseng_api.errors import NotJson
from tseng_api.limits import BACKLOG_BYTES, CLOSE_SECONDS, FRAGMENTS, STRANGER_BYTES
from tseng_api.messages import NULL, Frame, Invalid, parse
from tseng_api.wires import Wire

if TYPE_CHECKING:
    import asyncio

    from tseng_api.sockets import Sockets

_EXTENSION = "tseng.wire"

# RFC 6455, section 5.2: opcodes, the bit of a message's last frame, and the lengths that need two or eight bytes more.
_TEXT, _CONTINUED, _FINAL = 0x1, 0x0, 0x80
_SHORT, _TWO_BYTES, _EIGHT_BYTES = 125, 126, 127
# Section 7.4.1: a message too big; section 7.4.2 and its registry: the service restarts.
TOO_BIG, RESTART, REFUSED = 1009, 1012, 1008


def frame_head(length: int, *, first: bool, last: bool) -> bytes:
    """Return what stands before a server's text frame of this length (RFC 6455, section 5.2)."""
    start = (_FINAL if last else 0) | (_TEXT if first else _CONTINUED)
    if length <= _SHORT:
        return bytes((start, length))
    if length < 1 << 16:
        return bytes((start, _TWO_BYTES)) + length.to_bytes(2, "big")
    return bytes((start, _EIGHT_BYTES)) + length.to_bytes(8, "big")


class WebSocketWire(Wire):
    """Text messages to a WebSocket."""

    face = "websocket"

    def __init__(self, protocol: "SocketProtocol", transport: "asyncio.Transport") -> None:
        super().__init__(transport)
        self._protocol = protocol

    def _head(self, length: int, *, first: bool, last: bool) -> bytes:
        return frame_head(length, first=first, last=last)

    def refuse_long(self) -> None:
        """Close after a message that is too long for who sent it."""
        self._protocol.refuse_long()

    def _goodbye(self, code: int, reason: str) -> None:
        self._protocol.say_goodbye(code, reason)


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, with a wire."""

    wire: WebSocketWire

    def connection_made(self, transport: "asyncio.BaseTransport") -> None:
        """Put a wire around the transport."""
        super().connection_made(transport)
        self._late_pong: list[bytes] = []
        self.wire = WebSocketWire(self, self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits for the wire."""
        self.wire.end()
        super().connection_lost(exc)

    def handle_connect(self, event: Any) -> None:
        """Give the application the wire."""
        super().handle_connect(event)
        if not self.close_sent:
            cast(dict[str, Any], self.scope["extensions"])[_EXTENSION] = self.wire

    def data_received(self, data: bytes) -> None:
        """Note that the peer lives: a pong will do."""
        self.wire.heard = self.loop.time()
        super().data_received(data)
        begun = len(self.conn.reader.buffer) + (self.conn.current_size or 0)
        # What comes beside a message that waits for its turn is looked at after that.
        if begun > STRANGER_BYTES and not self.wire.known and not self.read_paused:
            self.refuse_long()

    async def receive(self) -> Any:
        """Return the next event; reading goes on when it is asked for, not already when the one before it is taken."""
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self.transport.resume_reading()
        return await self.queue.get()

    def refuse_long(self) -> None:
        """Close as after a message above the limit for all."""
        if self.conn.state is State.OPEN:
            self.conn.fail(TOO_BIG, f"more than {STRANGER_BYTES} bytes before authenticate")
            self.handle_parser_exception()

    def pause_writing(self) -> None:
        """Hold back those who wait for room."""
        super().pause_writing()
        self.wire.pause_writing()

    def resume_writing(self) -> None:
        """Let them go on."""
        super().resume_writing()
        late, self._late_pong = self._late_pong, []
        if late and self.conn.state is State.OPEN:
            self.transport.write(late[0])
        self.wire.resume_writing()

    def handle_cont(self, event: Any) -> None:
        """Refuse a message cut into so many fragments that keeping them costs more than what they hold."""
        if len(self.frames) < FRAGMENTS:
            super().handle_cont(event)
        else:
            self.wire.close(code=TOO_BIG, reason="too many fragments")

    def handle_ping(self) -> None:
        """Answer a ping; where much waits already only the newest, when there is room again (RFC 6455, 5.5.3)."""
        answers = self.conn.data_to_send()
        if self.wire.waiting <= BACKLOG_BYTES or self.conn.state is not State.OPEN:
            self.transport.write(b"".join(answers))
        else:
            self._late_pong = [*self._late_pong, *answers][-1:]

    def keepalive_timeout(self) -> None:
        """Give up a peer whose pong does not come, unless it could not: we do not listen, or the ping is not out yet.

        One that takes nothing at all is found by the sweep of `Sockets`.
        """
        if self.read_paused or self.wire.waiting:
            self.pong_timer = self.pending_ping_payload = None
            self.schedule_ping()
        else:
            super().keepalive_timeout()

    def handle_close(self, event: Any) -> None:
        """Send nothing more to a peer that takes its leave, and give it no longer than others to take the rest."""
        self.wire.end()
        if not self.close_sent:
            self.loop.call_later(CLOSE_SECONDS, self.transport.abort)
        super().handle_close(event)

    def handle_parser_exception(self) -> None:
        """Close after a breach of protocol, without the peer's leave (RFC 6455, section 7.1.7).

        What it still sends is read: closing with bytes unread would be a reset, and the reason lost.
        """
        if self.close_sent:
            return
        assert self.conn.close_sent is not None
        code, reason = self.conn.close_sent.code, self.conn.close_sent.reason
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.wire.end()
        self._linger()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            # TLS reads on by itself until the peer has answered.
            self.transport.close()

    def say_goodbye(self, code: int, reason: str) -> None:
        """Begin the closing handshake (RFC 6455, section 7.1.2)."""
        if self.close_sent or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self._linger()

    def shutdown(self) -> None:
        """Let the server stop: a connection ends itself once what is under way is done."""
        if not self.handshake_complete or self.close_sent:
            super().shutdown()

    def _linger(self) -> None:
        self.close_sent = True
        self.stop_keepalive()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CLOSE_SECONDS, self.transport.abort)


def socket_route(sockets: "Sockets") -> WebSocketRoute:
    """Return the route of the WebSocket at `/`."""

    async def answer(websocket: WebSocket) -> None:
        wire: WebSocketWire = websocket.scope["extensions"][_EXTENSION]
        await websocket.accept()
        client = websocket.client.host if websocket.client else ""
        await sockets.serve(wire, _frames(websocket, wire), client)

    return WebSocketRoute("/", answer)


async def _frames(websocket: WebSocket, wire: WebSocketWire) -> AsyncIterator[Frame]:
    """What comes, text and binary alike; nothing is read until the next one is asked for."""
    while (message := await websocket.receive())["type"] == "websocket.receive":
        text: str | None = message.get("text")
        data: bytes = message["bytes"] if text is None else text.encode()
        if len(data) > STRANGER_BYTES and not wire.known:
            wire.refuse_long()
            return
        try:
            yield parse(data)
        except NotJson as error:
            # The next message begins where this one ends, whatever it holds: no reason to close.
            yield Invalid(NULL, error, len(data))
