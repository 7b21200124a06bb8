"""JSON-RPC over sockets as a client speaks it: one small class for a WebSocket and one for TCP."""

import itertools
import json
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

TIMEOUT = 30


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, up to half a minute."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Talk:
    """A connection that asks and listens. What comes under no id that was asked is kept for `next`."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)

    def send(self, frame: Any) -> None:
        """Send a frame, as data or as text."""
        self.write(frame if isinstance(frame, str) else json.dumps(frame))

    def ask(self, method: str, params: Any = None, **more: Any) -> int:
        """Send a request; its id."""
        id = next(self._ids)
        self.send({"jsonrpc": "2.0", "id": id, "method": method, "params": params or {}, **more})
        return id

    def call(self, method: str, params: Any = None) -> Any:
        """Ask, and take the next message for the answer: its result or its error."""
        id = self.ask(method, params)
        answer = self.next()
        assert answer["id"] == id, answer
        return answer.get("result", answer.get("error"))

    def next(self) -> Any:
        """Return the next message."""
        return json.loads(self.read())

    def collect(self, id: int) -> dict[str, Any]:
        """Return the data of a getData that was asked, all frames of it."""
        data: dict[str, Any] = {}
        while (result := self._of(id)).get("requestStatus") != "finished":
            data |= result["data"]
        return data

    def _of(self, id: int) -> Any:
        message = self.next()
        assert message["id"] == id, message
        return message["result"]

    def write(self, text: str) -> None:
        """Send text."""
        raise NotImplementedError

    def read(self) -> str:
        """Return the text of the next message."""
        raise NotImplementedError

    def closed(self) -> int:
        """See the server close, and send nothing more before; its code, 0 where there are no codes."""
        raise NotImplementedError

    def close(self) -> None:
        """Hang up."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class WebSocketTalk(Talk):
    """Over a WebSocket."""

    def __init__(self, port: int, key: str | None = None, context: ssl.SSLContext | None = None) -> None:
        super().__init__()
        scheme = "ws" if context is None else "wss"
        self._stack = ExitStack()
        self.socket: ClientConnection = self._stack.enter_context(
            connect(
                f"{scheme}://127.0.0.1:{port}/", ssl=context, max_size=None, close_timeout=TIMEOUT, ping_interval=None
            )
        )
        if key is not None:
            assert "nextId" in self.call("authenticate", {"code": key})

    def write(self, text: str) -> None:
        """Send one text message."""
        self.socket.send(text)

    def read(self) -> str:
        """Return one message."""
        message = self.socket.recv(timeout=TIMEOUT)
        assert isinstance(message, str)
        return message

    def closed(self) -> int:
        """See the server close; its code."""
        with pytest.raises(ConnectionClosed):
            self.read()
        code = self.socket.close_code
        assert code is not None
        return code

    def close(self) -> None:
        """Close as RFC 6455 has it."""
        self._stack.close()


class TcpTalk(Talk):
    """Over TCP."""

    def __init__(self, port: int, key: str | None = None, context: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self._text = ""
        self._decoder = json.JSONDecoder()
        if key is not None:
            assert "nextId" in self.call("authenticate", {"code": key})

    def write(self, text: str) -> None:
        """Send text."""
        self.socket.sendall(text.encode())

    def read(self) -> str:
        """Return the next JSON text; what is no beginning of one fails."""
        while True:
            try:
                _, end = self._decoder.raw_decode(self._text)
            except ValueError:
                more = self.socket.recv(1 << 20)
                if not more:
                    raise EOFError(self._text) from None
                # Every character of the answers in these tests is ASCII, so none is cut in two.
                self._text += more.decode("ascii")
            else:
                text, self._text = self._text[:end], self._text[end:]
                return text

    def closed(self) -> int:
        """See the stream end."""
        with pytest.raises(EOFError):
            self.read()
        return 0

    def close(self) -> None:
        """Hang up."""
        self.socket.close()
