"""What happens on a JSON-RPC connection, beside what `tseng_api.messages` defines: answers, and how a stream ends.

On the wire an answer in frames, the answer to a subscription and its updates all look alike: a result under an id. The
client end tells them apart, because it knows what it has asked under that id: `Part`, `Response`, `Update`.
"""

from dataclasses import dataclass

import msgspec

from tseng.errors import Refusal
from tseng_api.messages import Frame, unsolicited


@dataclass(frozen=True)
class Response:
    """The result of a request; with it the request is answered."""

    id: bytes
    result: msgspec.Raw


@dataclass(frozen=True)
class Part:
    """A result that is not the last one under its id: of a method that is answered in parts, `{"data": …}`."""

    id: bytes
    result: msgspec.Raw


@dataclass(frozen=True)
class Update:
    """A result under an id that waits for no answer: of a subscription."""

    id: bytes
    result: msgspec.Raw


@dataclass(frozen=True)
class ErrorResponse:
    """An error: of the request with this id; null where none was to be made out; None where it answers no request."""

    id: bytes | None
    error: msgspec.Raw


@dataclass(frozen=True)
class BatchResponse:
    """The answers to a batch, in one message."""

    items: tuple[Response | ErrorResponse, ...]


@dataclass(frozen=True)
class Message:
    """One message of the server's that is JSON already, such as `tseng_api.rpc` makes; only ever sent."""

    text: bytes


@dataclass(frozen=True)
class Garbage:
    """What arrived is no message of the other end, and there is no telling where the next one would begin.

    A server sends it back: it writes the error, and the connection is over.
    """

    error: Refusal

    @property
    def answer(self) -> bytes:
        """The error that a server ends the connection with."""
        return unsolicited(self.error)


@dataclass(frozen=True)
class NeedData:
    """Nothing until more has arrived."""


@dataclass(frozen=True)
class Closed:
    """Nothing any more. To send it is to say that no more will be sent."""


Event = Frame | Response | Part | Update | ErrorResponse | BatchResponse | Message | Garbage | NeedData | Closed
