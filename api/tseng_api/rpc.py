"""JSON-RPC 2.0 without a transport: a frame of bytes and a session in, the bytes of the answer out.

HTTP, WebSocket and TCP differ in how frames arrive and leave, not in here. A frame is one request or a batch; requests
without an id are notifications and get no answer, not even an error. Ids are echoed byte for byte: `"2"` answers `"2"`,
`1.0` answers `1.0`. An answer comes in pieces, because a getData result may be larger than memory; a batch runs one
request after another while its answer is being written.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tseng.access import Role
from tseng.engine import Engine
from tseng.errors import REFUSALS, EngineError, InvalidRequest, Refusal
from tseng_api.errors import InvalidCall, UnknownMethod, outcome, rpc_error
from tseng_api.session import Session
from tseng_api.wire import check_json, encode, shaped

log = logging.getLogger("tseng.rpc")

_NULL = b"null"
_SPACE = b" \t\r\n"


class Request(msgspec.Struct):
    """One request as the specification has it; `id` and `params` stay as they were sent."""

    jsonrpc: str
    method: str
    id: msgspec.Raw = msgspec.Raw()
    params: msgspec.Raw = msgspec.Raw(b"{}")


class _Identified(msgspec.Struct):
    id: msgspec.Raw = msgspec.Raw(_NULL)


@dataclass(frozen=True)
class Call:
    """What a method gets beside its params: the session and the request's id."""

    session: Session
    id: bytes

    @property
    def engine(self) -> Engine:
        """The session's engine."""
        return self.session.engine


# A result that is already JSON, in pieces.
Pieces = Iterator[bytes]


@dataclass(frozen=True)
class Method:
    """One row of the method table: the function, the struct its params decode into, and the role it needs.

    A role of None needs no identity: that is `authenticate` alone.
    """

    run: Callable[[Call, Any], Any]
    params: type[msgspec.Struct]
    role: Role | None = "reader"


Methods = Mapping[str, Method]


@dataclass(frozen=True)
class Frame:
    """A frame whose JSON is sound: its requests, not yet looked into."""

    requests: list[msgspec.Raw]
    batch: bool


def parse(data: bytes) -> Frame:
    """Take a frame apart.

    Raises:
        NotJson: the bytes are no JSON.
    """
    check_json(data)
    batch = data.lstrip(_SPACE)[:1] == b"["
    return Frame(msgspec.json.decode(data, type=list[msgspec.Raw]) if batch else [msgspec.Raw(data)], batch)


def answer(frame: Frame, session: Session, methods: Methods) -> Pieces | None:
    """Run the requests of a frame; None where they were notifications only."""
    if not frame.batch:
        return _reply(frame.requests[0], session, methods)
    if not frame.requests:
        return iter([failure(_NULL, InvalidCall("an empty batch", field="body"))])
    if all(_is_notification(request) for request in frame.requests):
        for request in frame.requests:
            _reply(request, session, methods)
        return None
    return _batch(frame.requests, session, methods)


def failure(id: bytes, error: Refusal) -> bytes:
    """Return an error response."""
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (id, encode(rpc_error(error)))


def _batch(requests: list[msgspec.Raw], session: Session, methods: Methods) -> Pieces:
    before = b"["
    for request in requests:
        reply = _reply(request, session, methods)
        if reply is not None:
            yield before
            yield from reply
            before = b","
    yield b"]"


def _is_notification(raw: msgspec.Raw) -> bool:
    try:
        return not bytes(_request(raw).id)
    except InvalidCall:
        return False


def _reply(raw: msgspec.Raw, session: Session, methods: Methods) -> Pieces | None:
    """Run one request; whatever may go wrong with it has gone wrong before this returns."""
    try:
        request = _request(raw)
    except InvalidCall as error:
        return iter([failure(_id_of(raw), error)])
    id = bytes(request.id)
    try:
        result = _run(request, Call(session, id or _NULL), methods)
    except REFUSALS as error:
        _note(error, session)
        return iter([failure(id, error)]) if id else None
    except Exception:
        log.exception("method %s failed", request.method, extra={"requestId": session.request_id})
        return iter([failure(id, EngineError(f"internal error in request {session.request_id}"))]) if id else None
    return _success(id, result) if id else None


def _note(error: Refusal, session: Session) -> None:
    if outcome(error).status >= 500:
        log.error("%s", error, exc_info=error, extra={"requestId": session.request_id})


def _success(id: bytes, result: Any) -> Pieces:
    yield b'{"jsonrpc":"2.0","id":%b,"result":' % id
    if isinstance(result, Iterator):
        yield from result
    else:
        yield encode(result)
    yield b"}"


def _run(request: Request, call: Call, methods: Methods) -> Any:
    method = methods.get(request.method)
    if method is None:
        raise UnknownMethod(
            f"there is no method {request.method!r}; `help` lists them", field="method", seen=request.method
        )
    if method.role is not None:
        call.session.require(method.role)
    return method.run(call, _params(request.params, method))


def _params(raw: msgspec.Raw, method: Method) -> msgspec.Struct:
    if bytes(raw).lstrip(_SPACE)[:1] != b"{":
        if bytes(raw).strip(_SPACE) != _NULL:
            raise InvalidRequest.at("params", "must be an object: parameters go by name")
        raw = msgspec.Raw(b"{}")
    return shaped(raw, method.params)


def _request(raw: msgspec.Raw) -> Request:
    try:
        request = shaped(raw, Request)
    except InvalidRequest as error:
        raise InvalidCall(f"no JSON-RPC 2.0 request: {error}", field=error.field) from None
    if request.jsonrpc != "2.0":
        raise InvalidCall('jsonrpc must be "2.0"', field="jsonrpc", seen=request.jsonrpc)
    if not _may_be_id(bytes(request.id)):
        raise InvalidCall("id must be a string, a number or null", field="id")
    return request


def _may_be_id(raw: bytes) -> bool:
    return raw[:1] in (b"", b'"', b"-", b"n") or raw[:1].isdigit()


def _id_of(raw: msgspec.Raw) -> bytes:
    """Return the id of something that is no request, where it can be made out; else null."""
    try:
        id = bytes(shaped(raw, _Identified).id)
    except InvalidRequest:
        return _NULL
    return id if id and _may_be_id(id) else _NULL
