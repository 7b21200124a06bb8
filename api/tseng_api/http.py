"""From an HTTP request to a handler and back: who asks, the whole body, a thread to work in, and the answer.

A handler is a plain function `Received -> Response` and runs in a thread, because the engine works and waits; nothing
of it may run on the event loop. It is called only once the whole body is here: a body cut short never reaches it.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tseng.access import Role
from tseng.engine import Engine
from tseng_api.codings import body_coding, inflate, too_large
from tseng_api.session import Session, identify
from tseng_api.wire import decode, encode

T = TypeVar("T")

JSON = "application/json"
PIECE = 65_536


@dataclass(frozen=True)
class Received:
    """One request that has been let in: the session, what the URL and headers say, and the body."""

    session: Session
    path: dict[str, Any]
    query: QueryParams
    headers: Headers
    body: bytes

    @property
    def engine(self) -> Engine:
        """The session's engine."""
        return self.session.engine

    def json(self, kind: type[T]) -> T:
        """Return the body, decoded."""
        return decode(self.body, kind)


Handler = Callable[[Received], Response]


def route(path: str, handler: Handler, role: Role = "reader", *, method: str = "GET", few: bool = False) -> Route:
    """Return a route that needs a role.

    `few`: its handler takes long and much, so the application runs few such at once; the others wait without a thread.
    """

    async def answer(request: Request) -> Response:
        received = await _received(request, await _let_in(request, role))
        async with request.app.state.few if few else nullcontext():
            response = await run_in_threadpool(handler, received)
        if request.method == "HEAD" and isinstance(response, _Streamed):
            response.drop()
        return response

    return Route(path, answer, methods=[method], name=handler.__name__)


def open_route(path: str, handler: Handler, *, method: str = "GET") -> Route:
    """Return a route that needs no key: its session is nobody's."""

    async def answer(request: Request) -> Response:
        session = Session(request.app.state.engine, None, request.state.request_id)
        return await run_in_threadpool(handler, await _received(request, session))

    return Route(path, answer, methods=[method], name=handler.__name__)


async def _received(request: Request, session: Session) -> Received:
    limit = session.engine.settings.body_limit
    coding = body_coding(", ".join(request.headers.getlist("content-encoding")))
    body = await _body(request, limit)
    if coding:
        body = await run_in_threadpool(inflate, body, coding, limit)
    return Received(session, request.path_params, request.query_params, request.headers, body)


async def _let_in(request: Request, role: Role) -> Session:
    engine: Engine = request.app.state.engine
    identity = await run_in_threadpool(identify, engine, request.headers)
    request.state.identity = identity.name
    identity.require(role)
    return Session(engine, identity, request.state.request_id)


async def _body(request: Request, limit: int) -> bytes:
    """Read the whole body, or stop as soon as it is known to be too large."""
    refusal = too_large(limit)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise refusal
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise refusal
        chunks.append(chunk)
    return b"".join(chunks)


def answer_json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON response."""
    return Response(encode(content), status, headers, JSON)


def answer_pieces(pieces: Iterator[bytes], media_type: str) -> Response:
    """Return a response of unknown length: at once if it turns out short, else piece by piece in bounded memory."""
    chunks = gathered(pieces)
    first = next(chunks)
    if len(first) < PIECE:
        return Response(first, media_type=media_type)
    return _Streamed(_first_then(first, chunks), media_type=media_type)


def gathered(pieces: Iterator[bytes], least: int = PIECE) -> Iterator[bytes]:
    """Join small pieces; each one yielded holds at least so many bytes, the last one excepted."""
    waiting, size = [], 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= least:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


def _first_then(first: bytes, rest: Iterator[bytes]) -> Generator[bytes, None, None]:
    yield first
    yield from rest


class _Streamed(StreamingResponse):
    """A streaming response whose iterator ends with it: when the client goes away, the work stops at the next block."""

    def __init__(self, chunks: Generator[bytes, None, None], media_type: str) -> None:
        super().__init__(chunks, media_type=media_type)
        self._chunks = chunks

    def drop(self) -> None:
        """Compute nothing further: what is sent from here on is empty."""
        self._chunks.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.drop()
