"""One JSON line on stderr for each request and each event, and an id that ties a request to its lines.

Of a WebSocket or TCP connection there are two lines, when it opens and when it has closed.

The id comes from `X-Request-Id` if the caller sent a sane one, else it is made here; it goes back in the same header.
A caller's `traceparent` (W3C Trace Context, section 3.2) stands in the line too.
Query strings are not logged: some of the foreign APIs carry a key in them.
"""

import logging
import os
import re
import sys
import time
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tseng_api.errors import OUTCOMES
from tseng_api.wire import encode
from tseng_units.instants import format_instant

access = logging.getLogger("tseng.access")
HEADER = "x-request-id"

_SANE = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_FIELDS = (
    "requestId", "traceparent", "method", "path", "status", "face", "reason", "requests", "pushes", "ms", "bytes",
    "client", "identity",
)  # fmt: skip
_CLIENT_WENT_AWAY = 499  # nginx's number; nothing is sent with it


class JsonLines(logging.Formatter):
    """One log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Write time, level, logger, message, the request's fields and the traceback if there is one."""
        line: dict[str, Any] = {
            "time": format_instant(int(record.created * 1e6)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        given = vars(record)
        line |= {name: given[name] for name in _FIELDS if name in given}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def configure(level: str) -> None:
    """Send all logs of this process to stderr as JSON lines.

    Raises:
        ValueError: no such level.
    """
    # What no line of ours says need not be found out for each of them (Logging HOWTO, Optimization).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # What it says of each WebSocket has the query string in it, and nothing that our own lines have not.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


class RequestLog:
    """Outermost layer: gives the request its id, logs how it ended, and turns what nobody expected into a plain 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = _Seen(scope, send)
        try:
            await self._app(scope, receive, seen.send)
        except ClientDisconnect:
            seen.status = _CLIENT_WENT_AWAY
        except Exception:
            await _unexpected(seen, scope, receive)
        finally:
            if access.isEnabledFor(logging.INFO):
                # Made by hand: `info` looks for the line of code that it was called from, and no line says that.
                record = logging.LogRecord(access.name, logging.INFO, "", 0, "request", (), None)
                vars(record).update(seen.fields())
                access.handle(record)


async def _unexpected(seen: "_Seen", scope: Scope, receive: Receive) -> None:
    logging.getLogger("tseng.api").exception("request failed", extra={"requestId": seen.id})
    if seen.status:
        # The answer has begun: only a broken connection can still say that it is not whole.
        raise
    message = f"internal error in request {seen.id}"
    body = encode({"error": {"code": "INTERNAL", "message": message, "field": ""}})
    await Response(body, OUTCOMES["INTERNAL"].status, media_type="application/json")(scope, receive, seen.send)


class _Seen:
    """What is known of one request for its log line."""

    def __init__(self, scope: Scope, send: Send) -> None:
        headers = dict(scope["headers"])
        given = headers.get(HEADER.encode(), b"").decode("latin-1")
        self.id = given if _SANE.fullmatch(given) else os.urandom(16).hex()
        self._trace = headers.get(b"traceparent", b"").decode("latin-1")
        self.status = 0
        self._scope, self._send = scope, send
        self._bytes, self._began = 0, time.perf_counter()
        scope.setdefault("state", {})["request_id"] = self.id

    async def send(self, message: Message) -> None:
        """Pass a message on and look at it."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (HEADER.encode(), self.id.encode())]
        self._bytes += len(message.get("body", b""))
        await self._send(message)

    def fields(self) -> dict[str, Any]:
        """Return the fields of the log line."""
        client = self._scope.get("client")
        traced = {"traceparent": self._trace} if _TRACE.fullmatch(self._trace) else {}
        return {
            "requestId": self.id,
            **traced,
            "method": self._scope["method"],
            "path": self._scope["path"],
            "status": self.status,
            "ms": round((time.perf_counter() - self._began) * 1000, 1),
            "bytes": self._bytes,
            "client": client[0] if client else None,
            "identity": self._scope["state"].get("identity"),
        }
