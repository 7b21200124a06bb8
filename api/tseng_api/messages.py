"""What a JSON-RPC 2.0 message is: the one place that takes requests apart and puts responses together.

Nothing here knows a transport or a method. A frame is one request or a batch. Requests without an id are notifications
and get no answer, not even an error. Ids are echoed byte for byte: `"2"` answers `"2"`, `1.0` answers `1.0`; so an id
stays the JSON text that was sent. A frame knows its `size`, the bytes of its whole text: parts of the text live as long
as the frame does. What stands in a batch has none of its own.
"""

from dataclasses import dataclass, field

import msgspec

from tseng.errors import InvalidRequest, Refusal, TooLarge
from tseng_api.errors import InvalidCall, rpc_error
from tseng_api.limits import BATCH, ID_BYTES
from tseng_api.wire import check_json, encode, shaped

NULL = b"null"
SPACE = b" \t\r\n"


@dataclass(frozen=True)
class Request:
    """Wants an answer; `id` is the JSON text of its id, `params` what was sent, `{}` where nothing was."""

    id: bytes
    method: str
    params: msgspec.Raw
    size: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True)
class Notification:
    """Wants none."""

    method: str
    params: msgspec.Raw
    size: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True)
class Invalid:
    """Sound JSON that is no request, or a batch that is none; `id` where it can be made out, else null."""

    id: bytes
    error: Refusal
    size: int = field(default=0, compare=False, repr=False)

    @property
    def answer(self) -> bytes:
        """The error response to send."""
        return failure(self.id, self.error)


Item = Request | Notification | Invalid


@dataclass(frozen=True)
class Batch:
    """Several at once, answered in one array."""

    items: tuple[Item, ...]
    size: int = field(default=0, compare=False, repr=False)


Frame = Request | Notification | Invalid | Batch


class _Envelope(msgspec.Struct):
    jsonrpc: str
    method: str
    id: msgspec.Raw = msgspec.Raw()
    params: msgspec.Raw = msgspec.Raw(b"{}")


class _Identified(msgspec.Struct):
    id: msgspec.Raw = msgspec.Raw(NULL)


# An array as a struct of BATCH optional places: decoding stops at the first item too many, however many there are.
_Places = msgspec.defstruct(
    "_Places",
    [(f"place{number}", msgspec.Raw, msgspec.Raw()) for number in range(BATCH)],
    array_like=True,
    forbid_unknown_fields=True,
)


def parse(data: bytes) -> Frame:
    """Take a frame apart.

    Raises:
        NotJson: the bytes are no JSON.
    """
    check_json(data)
    return _batch(data) if data.lstrip(SPACE)[:1] == b"[" else _item(msgspec.Raw(data), len(data))


def success(id: bytes, result: bytes) -> bytes:
    """Return a response with this result, which is JSON already."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (id, result)


def failure(id: bytes, error: Refusal) -> bytes:
    """Return an error response."""
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (id, encode(rpc_error(error)))


def unsolicited(error: Refusal) -> bytes:
    """Return the error that a connection ends with: it answers no request, so it has no id."""
    return b'{"jsonrpc":"2.0","error":%b}' % encode(rpc_error(error))


def may_be_id(raw: bytes) -> bool:
    """Tell whether sound JSON is a string, a number or null, and not too long."""
    return len(raw) <= ID_BYTES and (raw[:1] in (b'"', b"-", b"n") or raw[:1].isdigit())


def _batch(data: bytes) -> Frame:
    try:
        places = msgspec.structs.astuple(shaped(data, _Places))
    except InvalidRequest:
        return Invalid(NULL, TooLarge(f"a batch holds at most {BATCH} requests", field="body", seen=BATCH), len(data))
    raws = [raw for raw in places if bytes(raw)]
    if not raws:
        return Invalid(NULL, InvalidCall("an empty batch", field="body"), len(data))
    return Batch(tuple(map(_item, raws)), len(data))


def _item(raw: msgspec.Raw, size: int = 0) -> Item:
    try:
        envelope = _envelope(raw)
    except InvalidCall as error:
        return Invalid(_id_of(raw), error, size)
    id = bytes(envelope.id)
    if id:
        return Request(id, envelope.method, envelope.params, size)
    return Notification(envelope.method, envelope.params, size)


def _envelope(raw: msgspec.Raw) -> _Envelope:
    try:
        envelope = shaped(raw, _Envelope)
    except InvalidRequest as error:
        raise InvalidCall(f"no JSON-RPC 2.0 request: {error}", field=error.field or "body") from None
    if envelope.jsonrpc != "2.0":
        raise InvalidCall('jsonrpc must be "2.0"', field="jsonrpc", seen=envelope.jsonrpc)
    if bytes(envelope.id) and not may_be_id(bytes(envelope.id)):
        raise InvalidCall(f"id must be a string, a number or null, of at most {ID_BYTES} bytes", field="id")
    return envelope


def _id_of(raw: msgspec.Raw) -> bytes:
    """Return the id of something that is no request, where it can be made out; else null."""
    try:
        id = bytes(shaped(raw, _Identified).id)
    except InvalidRequest:
        return NULL
    return id if id and may_be_id(id) else NULL
