"""JSON-RPC over one WebSocket, as a client speaks it (`docs/json-rpc.md`)."""

import itertools
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tseng.client.connection import Connection
from tseng.client.refusals import called

# The server sends at most 10,000 points at once, well below this.
_MESSAGE_BYTES = 64 * 1024 * 1024
# Messages that are read ahead; then TCP has the server wait, and it notes what it cannot send.
_MESSAGES_AHEAD = 16
# Seconds until the other end has answered a close: nobody waits long for a server that is gone.
_CLOSE_SECONDS = 1.0
# Seconds until there is a connection, at most.
_OPEN_SECONDS = 10.0
# Seconds until a pong has to be there. A reader that is slow holds up the pongs of the server as well.
_PONG_SECONDS = 60.0

BROKEN = (OSError, WebSocketException, msgspec.DecodeError)
"""What is raised when the connection cannot be made, or is lost; time-outs are OSErrors."""


class Lost(OSError):
    """The server has ended the connection, and said why."""


class Line:
    """An authenticated connection. One thread calls and listens; `close` may come from another one."""

    def __init__(self, connection: Connection) -> None:
        """Connect, and authenticate.

        Raises:
            BROKEN: there is no connection.
            Unauthenticated: the key is none.
        """
        scheme, _, rest = connection.url.rstrip("/").partition("://")
        settings = connection.settings
        # Entered as a context: what a bare call returns differs between versions.
        self._socket: ClientConnection = connect(
            f"{scheme.replace('http', 'ws')}://{rest}/",
            ssl=settings.tls,
            compression=None,
            open_timeout=min(settings.timeout, _OPEN_SECONDS),
            close_timeout=_CLOSE_SECONDS,
            ping_timeout=_PONG_SECONDS,
            max_size=_MESSAGE_BYTES,
            max_queue=_MESSAGES_AHEAD,
        ).__enter__()
        self._timeout = settings.timeout
        self._ids = itertools.count()
        self._early: deque[dict[str, Any]] = deque()
        try:
            self.call("authenticate", {"code": connection.api_key})
        except BaseException:
            self.close()
            raise

    def call(self, method: str, params: Mapping[str, Any]) -> Any:
        """Call a method; its result. What comes meanwhile is kept for `next`.

        Raises:
            EngineError: it is refused.
            BROKEN: the connection is lost.
        """
        id = next(self._ids)
        self._socket.send(
            msgspec.json.encode({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).decode()
        )
        while (message := self._received(self._timeout)).get("id") != id:
            self._early.append(message)
        if "error" in message:
            raise called(message["error"])
        return message["result"]

    def next(self, timeout: float | None = None) -> dict[str, Any]:
        """Return the next message.

        Raises:
            TimeoutError: none came for so many seconds.
            BROKEN: the connection is lost.
        """
        return self._early.popleft() if self._early else self._received(timeout)

    def close(self) -> None:
        """Close it, within a second or two; whoever waits for a message then sees that it is lost."""
        self._socket.close()

    def _received(self, timeout: float | None) -> dict[str, Any]:
        message: dict[str, Any] = msgspec.json.decode(self._socket.recv(timeout))
        if message.get("id") is None and "error" in message:
            raise Lost(message["error"]["message"])
        return message
