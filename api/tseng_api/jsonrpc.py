"""The two ends of a JSON-RPC connection over a byte stream, without the stream: bytes in, events out, events to bytes.

    end.receive_data(data)          what has arrived; b"" when the peer will send no more
    end.next_event()                the next event; NeedData where there is none yet, Closed where there will be none
    end.send(event)                 the bytes to write

An end raises nothing for what it receives: bytes that are no message of the other end are one Garbage event, and after
it, as after the end of the stream, there is only Closed. What may be sent is a table by role and state; any other send
is a mistake of the caller's and raises LocalError.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from typing import Any, Literal

import msgspec

from tseng.errors import InvalidRequest, Refusal, TooLarge
from tseng_api.errors import NotJson
from tseng_api.events import (
    BatchResponse,
    Closed,
    ErrorResponse,
    Event,
    Garbage,
    Message,
    NeedData,
    Part,
    Response,
    Update,
)
from tseng_api.framing import Framer
from tseng_api.limits import ANSWER_BYTES, FRAME_BYTES
from tseng_api.messages import Batch, Notification, Request, may_be_id, parse, success
from tseng_api.wire import check_json, encode, shaped

# Methods that are answered in parts, the last of them with a `requestStatus`.
IN_PARTS = frozenset({"getData", "getObservations"})


_ABSENT = msgspec.Raw()


class LocalError(Exception):
    """The caller wants to send what its role or the state of the connection does not allow."""


class Role(Enum):
    """Which end."""

    CLIENT = "client"
    SERVER = "server"


class State(Enum):
    """What an end may still send."""

    OPEN = "whatever is its to send"
    FAILED = "after garbage: the server its error, then nothing"
    CLOSED = "nothing"


# By role and state: what may be sent, and the state after it.
_SENDS: Mapping[Role, Mapping[State, Mapping[type, State]]] = {
    Role.CLIENT: {
        State.OPEN: {**dict.fromkeys((Request, Notification, Batch), State.OPEN), Closed: State.CLOSED},
        State.FAILED: {Closed: State.CLOSED},
        State.CLOSED: {},
    },
    Role.SERVER: {
        State.OPEN: {
            **dict.fromkeys((Response, Part, Update, ErrorResponse, BatchResponse, Message), State.OPEN),
            **dict.fromkeys((Garbage, Closed), State.CLOSED),
        },
        State.FAILED: dict.fromkeys((Garbage, Closed), State.CLOSED),
        State.CLOSED: {},
    },
}


class End:
    """One end of a connection."""

    def __init__(self, role: Role, limit: int | None = None) -> None:
        """Start; `limit` is the most bytes of one message, by default what the other end's may have."""
        self._role = role
        self._state = State.OPEN
        self._framer = Framer(limit or (FRAME_BYTES if role is Role.SERVER else ANSWER_BYTES))
        self._ended = False
        self._over = False
        # The client's requests that wait for an answer, and whether it comes in parts.
        self._waiting: dict[bytes, bool] = {}
        self._read: Callable[[bytes], Event] = parse if role is Role.SERVER else self._read_answer

    @property
    def state(self) -> State:
        """What may still be sent."""
        return self._state

    def allow(self, limit: int) -> None:
        """Take messages of at most so many bytes from the next one on."""
        self._framer.limit = limit

    def receive_data(self, data: bytes) -> None:
        """Take what has arrived; empty when the peer will send no more. Whatever comes after the end is dropped."""
        if self._ended or self._over:
            return
        self._framer.receive(data)
        self._ended = not data

    def next_event(self) -> Event:
        """Return the next thing that happened, in the order of the stream."""
        if self._over:
            return Closed()
        try:
            text = next(self._framer.frames(), None)
            if text is not None:
                return self._read(text)
        except (NotJson, TooLarge) as error:
            return self._failed(error)
        if not self._ended:
            return NeedData()
        if self._framer.unfinished:
            return self._failed(NotJson("the stream ends within a message", field="body"))
        self._over = True
        return Closed()

    def send(self, event: Event) -> bytes:
        """Return what is to be written.

        Raises:
            LocalError: it is not for this role to send, or not now, or it is no message.
        """
        after = _SENDS[self._role][self._state].get(type(event))
        if after is None:
            raise LocalError(f"a {self._role.value} does not send {type(event).__name__} when {self._state.name}")
        text = _WRITERS[type(event)](event)
        if self._role is Role.CLIENT and text:
            self._expect(event, text)
        self._state = after
        return text

    def _failed(self, error: Refusal) -> Garbage:
        self._over, self._framer = True, Framer()
        self._state = State.CLOSED if self._state is State.CLOSED else State.FAILED
        return Garbage(error)

    def _expect(self, event: Event, text: bytes) -> None:
        """Note which answers are to come.

        Raises:
            LocalError: the text would not be read as this event, or an id is waited for already.
        """
        try:
            read: Event | None = parse(text)
        except NotJson:
            read = None
        if read != event:
            raise LocalError(f"no JSON-RPC: {text[:200]!r}")
        items = event.items if isinstance(event, Batch) else (event,)
        # In a batch every answer comes in its place, none in parts.
        asked = [(item.id, item is event and item.method in IN_PARTS) for item in items if isinstance(item, Request)]
        if len({*self._waiting, *(id for id, _ in asked)}) < len(self._waiting) + len(asked):
            raise LocalError("an id comes twice, or waits for an answer already")
        self._waiting |= dict(asked)

    def _read_answer(self, data: bytes) -> Event:
        answer = read_answer(data)
        if isinstance(answer, Response):
            return self._told_apart(answer)
        for item in answer.items if isinstance(answer, BatchResponse) else (answer,):
            self._waiting.pop(item.id or b"", None)
        return answer

    def _told_apart(self, answer: Response) -> Response | Part | Update:
        """A result as what it is: on the wire all three look alike."""
        if answer.id not in self._waiting:
            return Update(answer.id, answer.result)
        if self._waiting[answer.id] and not _finished(answer.result):
            return Part(answer.id, answer.result)
        del self._waiting[answer.id]
        return answer


class _Answer(msgspec.Struct):
    jsonrpc: Literal["2.0"]
    id: msgspec.Raw = _ABSENT
    result: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


class _Status(msgspec.Struct):
    requestStatus: msgspec.Raw = _ABSENT


def _finished(result: msgspec.Raw) -> bool:
    try:
        return bool(bytes(shaped(result, _Status).requestStatus))
    except InvalidRequest:
        return True


def read_answer(data: bytes) -> Response | ErrorResponse | BatchResponse:
    """Take a message of a server's apart.

    Raises:
        NotJson: it is none.
    """
    check_json(data)
    try:
        if data[:1] != b"[":
            return _answer(shaped(data, _Answer))
        answers = shaped(data, list[_Answer])
    except InvalidRequest as error:
        raise NotJson(f"no JSON-RPC 2.0 answer: {error}", field=error.field) from None
    if not answers:
        raise NotJson("no JSON-RPC 2.0 answer: an empty batch", field="body")
    return BatchResponse(tuple(map(_answer, answers)))


def _answer(read: _Answer) -> Response | ErrorResponse:
    id = bytes(read.id)
    if bytes(read.result) and not bytes(read.error) and id and may_be_id(id):
        return Response(id, read.result)
    if bytes(read.error) and not bytes(read.result) and (not id or may_be_id(id)):
        return ErrorResponse(id or None, read.error)
    raise NotJson("no JSON-RPC 2.0 answer: it has a result and the id of its request, or an error", field="body")


def _request(event: Any) -> bytes:
    id = b'"id":%b,' % event.id if isinstance(event, Request) else b""
    return b'{"jsonrpc":"2.0",%b"method":%b,"params":%b}' % (id, encode(event.method), bytes(event.params))


def _batch(event: Any) -> bytes:
    if not all(isinstance(item, Request | Notification) for item in event.items):
        raise LocalError("a batch is sent of requests and notifications")
    return b"[%b]" % b",".join(map(_request, event.items))


def _result(event: Any) -> bytes:
    return success(event.id, bytes(event.result))


def _error(event: Any) -> bytes:
    id = b"" if event.id is None else b'"id":%b,' % event.id
    return b'{"jsonrpc":"2.0",%b"error":%b}' % (id, bytes(event.error))


def _array(event: Any) -> bytes:
    return b"[%b]" % b",".join(
        _error(item) if isinstance(item, ErrorResponse) else _result(item) for item in event.items
    )


def _sound(write: Callable[[Any], bytes], event: Any) -> bytes:
    """What a client reads as this answer.

    Raises:
        LocalError: it would read something else.
    """
    text = write(event)
    try:
        read: Event | None = read_answer(text)
    except NotJson:
        read = None
    # Whether a result is a part or an update is the client's to tell.
    if read is None or vars(read) != vars(event):
        raise LocalError(f"no JSON-RPC answer: {text[:200]!r}")
    return text


_WRITERS: Mapping[type, Callable[[Any], bytes]] = {
    **dict.fromkeys((Request, Notification), _request),
    Batch: _batch,
    **dict.fromkeys((Response, Part, Update), partial(_sound, _result)),
    ErrorResponse: partial(_sound, _error),
    BatchResponse: partial(_sound, _array),
    Message: lambda message: message.text,
    Garbage: lambda garbage: garbage.answer,
    Closed: lambda closed: b"",
}
