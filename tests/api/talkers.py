"""Plain clients of the two sockets, alike in use: what a test sends goes out as it is, and it reads when it likes."""

import json
import socket
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

PATIENCE_SECONDS = 30
_PIECE = 2**20
_HANDSHAKE_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
_TEXT, _CLOSE, _PING = 0x81, 0x88, 0x89
_SIXTEEN_BITS, _SIXTY_FOUR_BITS = 126, 127


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int


def addresses(line: str) -> dict[str, Address]:
    """Addresses by their scheme, from the line that the server prints: `listening http://H:P ws://H:P tcp://H:T`."""
    parts = (urlsplit(url) for url in line.split()[1:])
    return {part.scheme: Address(part.hostname or "", part.port or 0) for part in parts}


class Message(NamedTuple):
    """A frame's kind and payload, and where in the bytes received it ends."""

    kind: int
    payload: bytes
    end: int


def frame(text: bytes, kind: int = _TEXT) -> bytes:
    """Return a frame of a client (RFC 6455, 5.2). The mask that clients must use is all zeros: it changes nothing."""
    size = len(text)
    if size < _SIXTEEN_BITS:
        head = struct.pack("!BB", kind, 0x80 | size)
    elif size < 2**16:
        head = struct.pack("!BBH", kind, 0x80 | _SIXTEEN_BITS, size)
    else:
        head = struct.pack("!BBQ", kind, 0x80 | _SIXTY_FOUR_BITS, size)
    return head + b"\0\0\0\0" + text


def messages(received: bytes) -> Iterator[Message]:
    """Frames of a server that stand whole in the bytes received; its pings are passed over."""
    end = 0
    while len(received) >= end + 2:
        kind, size = received[end], received[end + 1]
        begin = end + 2
        if size == _SIXTEEN_BITS:
            size, begin = int.from_bytes(received[begin : begin + 2]), begin + 2
        elif size == _SIXTY_FOUR_BITS:
            size, begin = int.from_bytes(received[begin : begin + 8]), begin + 8
        end = begin + size
        if end > len(received):
            return
        if kind != _PING:
            yield Message(kind, received[begin:end], end)


def request(method: str, id: Any = 1, /, **params: Any) -> bytes:
    """Return a JSON-RPC request."""
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode()


class Talker:
    """One end of an open connection: JSON texts over TCP, one after the other with nothing between them."""

    def __init__(self, address: Address, key: str | None = None, *, buffer: int | None = None) -> None:
        """Connect, and authenticate with a key.

        Args:
            address: of the server.
            key: None goes without.
            buffer: bytes that the system may keep for us while we do not read; None: as many as it likes.
        """
        self.raw = socket.socket()
        self.raw.settimeout(PATIENCE_SECONDS)
        if buffer is not None:
            self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.raw.connect(address)
        self.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._looked = 0
        self._open(address)
        if key is not None:
            assert "nextId" in self.ask("authenticate", 0, code=key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.raw.close()

    def pack(self, text: bytes) -> bytes:
        """Return the bytes that carry a text."""
        return text

    def send(self, *texts: bytes) -> None:
        """Send texts, each as a message of its own, all in one write."""
        self.raw.sendall(b"".join(map(self.pack, texts)))

    def receive(self) -> Any:
        """Return the value of the next message.

        Raises:
            EOFError: the server has closed.
        """
        return json.loads(self.receive_text())

    def receive_text(self) -> bytes:
        """Return the next message as it came.

        Raises:
            EOFError: the server has closed.
        """
        while (text := self._next()) is None:
            piece = self.raw.recv(_PIECE)
            if not piece:
                raise EOFError(self._received)
            self._received += piece
        return text

    def ask(self, method: str, id: Any = 1, /, **params: Any) -> Any:
        """Call a method where nothing else is under way; its result or its error."""
        self.send(request(method, id, **params))
        answer = self.receive()
        assert answer["id"] == id, answer
        return answer.get("result", answer.get("error"))

    def vanish(self) -> None:
        """Be gone as a machine that lost its power is to its peer: what comes is answered by a reset."""
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.raw.close()

    def _open(self, address: Address) -> None:
        """Say what has to be said before the first message."""

    def _next(self) -> bytes | None:
        """Take the next message out of what has been received, if it is whole."""
        looked, self._looked = self._looked, len(self._received)
        if b"}" not in self._received[looked:] and b"]" not in self._received[looked:]:
            return None  # in the middle of one: the rest is on its way
        text = self._received.decode(errors="ignore")
        try:
            _, end = json.JSONDecoder().raw_decode(text)
        except json.JSONDecodeError:
            return None
        whole = text[:end].encode()
        self._received, self._looked = self._received[len(whole) :], 0
        return whole


class WebSocketTalker(Talker):
    """One end of a WebSocket, a JSON text in each message."""

    def pack(self, text: bytes) -> bytes:
        """Return the text's frame."""
        return frame(text)

    def _open(self, address: Address) -> None:
        self.raw.sendall(
            f"GET / HTTP/1.1\r\nHost: {address.host}:{address.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Key: {_HANDSHAKE_KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.raw.recv(1)
        assert b" 101 " in head, head

    def _next(self) -> bytes | None:
        message = next(messages(self._received), None)
        if message is None:
            return None
        if message.kind == _CLOSE:
            raise EOFError(message.payload)
        assert message.kind == _TEXT, f"a frame of kind {message.kind:#x}"
        self._received = self._received[message.end :]
        return message.payload
