"""JSON-RPC 2.0 without a transport: a frame and a session in, the bytes of the answer out.

HTTP, WebSocket and TCP differ in how frames arrive and leave, not in here. Nothing is computed before it is asked for:
an answer is an iterator, because a getData result may be larger than memory, and a batch runs one request after
another while its answer is being written.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tseng.access import Role
from tseng.engine import Engine
from tseng.errors import REFUSALS, EngineError, InvalidRequest
from tseng_api.errors import InvalidCall, UnknownMethod, outcome
from tseng_api.messages import NULL, Batch, Frame, Invalid, Item, Notification, Request, failure, success
from tseng_api.session import Session
from tseng_api.wire import encode, shaped

log = logging.getLogger("tseng.rpc")

# Entries of one message where an answer comes in several (seed 003; interface.md rules the number).
FRAME_POINTS = 10_000

# JSON in pieces.
Pieces = Iterator[bytes]


@dataclass(frozen=True)
class Whole:
    """One message, a single answer or the array of a batch, in pieces."""

    pieces: Pieces


@dataclass(frozen=True)
class Frames:
    """Messages one after the other, each under the id of the one request; closing the iterator stops the work."""

    messages: Iterator[bytes]


@dataclass(frozen=True)
class Call:
    """What a method gets beside its params: the session and the request's id, empty for a notification."""

    session: Session
    id: bytes

    @property
    def engine(self) -> Engine:
        """The session's engine."""
        return self.session.engine


@dataclass(frozen=True)
class Long:
    """A result `{"data": {…}, "requestStatus": "finished"}` that may be larger than memory.

    Attributes:
        parts: members of `data`, joined by commas, and how many they are: one to FRAME_POINTS.
        end: further members of the result, each led by a comma; asked for once the parts are through.
    """

    parts: Iterator[tuple[int, bytes]]
    end: Callable[[], bytes]

    def whole(self) -> Pieces:
        """One result, in pieces."""
        before = b'{"data":{'
        for _, members in self.parts:
            yield before
            yield members
            before = b","
        yield (b"" if before == b"," else before) + b"}" + self.end() + b',"requestStatus":"finished"}'

    def frames(self) -> Iterator[bytes]:
        """One result for each part, and one that says that there are no more."""
        for _, members in self.parts:
            yield b'{"data":{%b}}' % members
        yield b'{"requestStatus":"finished"%b}' % self.end()

    def short(self) -> Pieces:
        """One result, which is all there before this returns.

        Raises:
            InvalidCall: it has more than FRAME_POINTS members.
        """
        kept, count = [], 0
        for part in self.parts:
            count += part[0]
            if count > FRAME_POINTS:
                raise InvalidCall(
                    f"more than {FRAME_POINTS} points do not go into a batch; ask by itself, and they come in frames",
                    field="method",
                )
            kept.append(part)
        return iter(list(Long(iter(kept), self.end).whole()))


@dataclass(frozen=True)
class Method:
    """One row of the method table.

    Attributes:
        run: the function; its docstring is the line that `help` prints.
        params: the struct that the params decode into.
        result: what comes, as a type that the result decodes into, or in words where no type says it.
        role: who may call it; None needs no identity: that is `authenticate` alone.
        live: whether it needs a connection that stays open.
    """

    run: Callable[[Call, Any], Any]
    params: type[msgspec.Struct]
    result: Any
    role: Role | None = "reader"
    live: bool = False


Methods = Mapping[str, Method]


def answer(frame: Frame, session: Session, methods: Methods) -> Whole | Frames | None:
    """Run the requests of a frame; None where they were notifications only.

    Where a connection is there to send them on, the answer to a single request may be Frames. Whatever may be refused
    in a single request has been when this returns.
    """
    if not isinstance(frame, Batch):
        return _single(frame, session, methods)
    if all(isinstance(item, Notification) for item in frame.items):
        for item in frame.items:
            _reply(item, session, methods)
        return None
    return Whole(_array(frame.items, session, methods))


def _single(item: Item, session: Session, methods: Methods) -> Whole | Frames | None:
    reply = _reply(item, session, methods)
    if isinstance(reply, Long):
        assert isinstance(item, Request)
        if session.subscriptions is not None:
            return Frames(_messages(item.id, reply, session))
        return Whole(_success(item.id, reply.whole()))
    return None if reply is None else Whole(iter([reply]))


def _array(items: tuple[Item, ...], session: Session, methods: Methods) -> Pieces:
    before = b"["
    for item in items:
        reply = _reply(item, session, methods)
        if reply is not None:
            yield before
            before = b","
            if isinstance(reply, Long):
                assert isinstance(item, Request)
                yield from _placed(item.id, reply, session)
            else:
                yield reply
    yield b"]"


def _placed(id: bytes, result: Long, session: Session) -> Pieces:
    """The whole of a long result in its place in a batch; over a connection only where it is short."""
    if session.subscriptions is None:
        return _success(id, result.whole())
    try:
        return _success(id, result.short())
    except Exception as error:
        return iter([_refused(id, error, session)])


def _messages(id: bytes, result: Long, session: Session) -> Iterator[bytes]:
    try:
        for each in result.frames():
            yield success(id, each)
    except Exception as error:
        yield _refused(id, error, session)


def _reply(item: Item, session: Session, methods: Methods) -> bytes | Long | None:
    """Run one request."""
    if isinstance(item, Invalid):
        return item.answer
    id = item.id if isinstance(item, Request) else b""
    try:
        result = _run(item, Call(session, id), methods)
    except Exception as error:
        answer = _refused(id or NULL, error, session, item.method)
        return answer if id else None
    if not id:
        return None
    return result if isinstance(result, Long) else success(id, encode(result))


def _refused(id: bytes, error: Exception, session: Session, method: str = "") -> bytes:
    """The error response for whatever went wrong; what is ours to mend is logged."""
    known = {"requestId": session.request_id}
    if not isinstance(error, REFUSALS):
        log.error("method %s failed", method, exc_info=error, extra=known)
        return failure(id, EngineError(f"internal error in request {session.request_id}"))
    if outcome(error).status >= 500:
        log.error("%s", error, exc_info=error, extra=known)
    return failure(id, error)


def _success(id: bytes, result: Pieces) -> Pieces:
    yield b'{"jsonrpc":"2.0","id":%b,"result":' % id
    yield from result
    yield b"}"


def _run(item: Request | Notification, call: Call, methods: Methods) -> Any:
    method = methods.get(item.method)
    role = "reader" if method is None else method.role
    if role is not None:
        call.session.require(role)
    if method is None:
        raise UnknownMethod(f"there is no method {item.method!r}; `help` lists them", field="method", seen=item.method)
    if method.live and call.session.subscriptions is None:
        raise InvalidCall("subscriptions need a WebSocket or TCP connection; this request has none", field="method")
    return method.run(call, _params(item.params, method))


def _params(raw: msgspec.Raw, method: Method) -> msgspec.Struct:
    if bytes(memoryview(raw)[:1]) != b"{":
        if raw != msgspec.Raw(NULL):
            raise InvalidRequest.at("params", "must be an object: parameters go by name")
        raw = msgspec.Raw(b"{}")
    return shaped(raw, method.params)
