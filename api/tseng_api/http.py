"""The two ends of a request: the whole body, and the answer, at once or piece by piece."""

from collections.abc import Generator, Iterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from tseng_api.codings import body_coding, inflate, too_large
from tseng_api.wire import encode

JSON = "application/json"
PIECE = 65_536


async def read_body(request: Request, limit: int) -> bytes:
    """Return the whole body as it was before it was compressed.

    Raises:
        TooLarge: it is known to be, however much of it is here.
        UnsupportedCoding, DamagedCoding: it is compressed in another way, or not whole.
    """
    if "content-length" not in request.headers and "transfer-encoding" not in request.headers:
        return b""  # RFC 9112, 6.3: there is none
    coding = body_coding(", ".join(request.headers.getlist("content-encoding")))
    body = await _body(request, limit)
    return await run_in_threadpool(inflate, body, coding, limit) if coding else body


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


def drop(response: Response) -> None:
    """Compute nothing further of an answer whose body nobody wants."""
    if isinstance(response, _Streamed):
        response.drop()


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
