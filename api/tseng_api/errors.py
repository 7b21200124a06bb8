"""How a refusal leaves: one table from category to HTTP status and JSON-RPC code, and the bodies around it.

Every refusal of the packages below carries `category`, `field`, `seen`, `allowed` and one plain line of text. Nothing
above this table decides about a status or a code.
"""

from typing import Any, NamedTuple, NotRequired, TypedDict

from tseng.errors import MOST_FAULTS, EngineError, Fault, InvalidRequest, Refusal, UnknownSensor


class Outcome(NamedTuple):
    """What one category becomes."""

    status: int
    code: int


# JSON-RPC codes: -32700 to -32600 and -32603 are the specification's, the others the product's own.
OUTCOMES = {
    "UNAUTHENTICATED": Outcome(401, -32001),
    "FORBIDDEN": Outcome(403, -32003),
    "UNKNOWN_SENSOR": Outcome(404, -32004),
    "NOT_FOUND": Outcome(404, -32004),
    "IDLE": Outcome(408, -32008),
    "EXISTS": Outcome(409, -32009),
    "TOO_MANY": Outcome(409, -32009),
    "PRECONDITION_FAILED": Outcome(412, -32009),
    "UNKNOWN_METRIC": Outcome(400, -32010),
    "METRIC_NOT_AVAILABLE": Outcome(400, -32010),
    "UNKNOWN_UNIT": Outcome(400, -32010),
    "INCOMPATIBLE_UNIT": Outcome(400, -32010),
    "NO_ZERO_READING": Outcome(400, -32011),
    "INVALID_PARAM": Outcome(400, -32602),
    "MISSING_PARAM": Outcome(400, -32602),
    "INVALID_TIME_RANGE": Outcome(400, -32602),
    "INVALID_DEFINITION": Outcome(400, -32602),
    "INVALID_REQUEST": Outcome(400, -32602),
    "INVALID_OBSERVATIONS": Outcome(400, -32602),
    "NOT_JSON": Outcome(400, -32700),
    "INVALID_CALL": Outcome(400, -32600),
    "UNKNOWN_METHOD": Outcome(404, -32601),
    "METHOD_NOT_ALLOWED": Outcome(405, -32600),
    "NOT_ACCEPTABLE": Outcome(406, -32600),
    "IDEMPOTENCY_KEY_REUSED": Outcome(422, -32009),
    "TOO_LARGE": Outcome(413, -32600),
    "UNSUPPORTED_TYPE": Outcome(415, -32600),
    "UNSUPPORTED_CODING": Outcome(415, -32600),
    "DAMAGED_CODING": Outcome(400, -32700),
    "LIMIT": Outcome(429, -32029),
    "STORE": Outcome(503, -32603),
    "DAMAGED": Outcome(500, -32603),
    "PLUGIN": Outcome(500, -32603),
    "UNITS": Outcome(500, -32603),
    "INTERNAL": Outcome(500, -32603),
}


_LONGEST_TEXT = 2000


class ErrorObject(TypedDict):
    """A refusal: its category, a line of text, and the field it is about."""

    code: str
    message: str
    field: str


class Refused(TypedDict):
    """The body of a refusal; `errors` has every fault, the first thousand, where it is about several."""

    error: ErrorObject
    errors: NotRequired["list[FaultObject]"]


class FaultObject(TypedDict):
    """One fault, and where it is."""

    message: str
    path: str


class Faults(TypedDict):
    """Every fault, as seed 003 prints a 401 and a refused upload."""

    errors: list[FaultObject]


class NotJson(EngineError):
    """The body is not JSON."""

    category = "NOT_JSON"


class InvalidCall(EngineError):
    """JSON, but no JSON-RPC 2.0 request, or one that this transport cannot serve."""

    category = "INVALID_CALL"


class UnknownMethod(EngineError):
    """No such JSON-RPC method."""

    category = "UNKNOWN_METHOD"


class MethodNotAllowed(EngineError):
    """The path exists, but not for this HTTP method."""

    category = "METHOD_NOT_ALLOWED"


class Idle(EngineError):
    """Nothing came on this connection for too long."""

    category = "IDLE"


class LimitReached(EngineError):
    """There is as much of it as one connection, or one key, may have."""

    category = "LIMIT"


class NotAcceptable(EngineError):
    """The answer cannot be written in any media type of the Accept header."""

    category = "NOT_ACCEPTABLE"


class UnsupportedCoding(EngineError):
    """The body is compressed in a way that is none of ours."""

    category = "UNSUPPORTED_CODING"


class DamagedCoding(EngineError):
    """The compressed body cannot be taken apart."""

    category = "DAMAGED_CODING"


def cut(text: str) -> str:
    """Shorten what quotes the caller: a refusal must not send fifty megabytes back."""
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + " …"


def outcome(error: Refusal) -> Outcome:
    """Status and code of a refusal."""
    return OUTCOMES[error.category]


def error_object(error: Refusal) -> ErrorObject:
    """Return the `{"code", "message", "field"}` that stands under `error` in REST answers."""
    return {"code": error.category, "message": cut(str(error)), "field": cut(error.field)}


def rest_body(error: Refusal) -> dict[str, Any]:
    """Return the REST body; a 401 takes the form that seed 003 (Sensor Data Service) prints."""
    if error.category == "UNAUTHENTICATED":
        return {"errors": [{"message": cut(str(error)), "path": error.field}]}
    return error_body(error)


def error_body(error: Refusal) -> dict[str, Any]:
    """Return `{"error"}`, with `errors` beside it where it is about several things."""
    return {"error": error_object(error), **_several(error)}


def _several(error: Refusal) -> dict[str, Any]:
    """Every fault, where the line of text and the one field do not tell them all."""
    if isinstance(error, UnknownSensor):
        return {**fault_list(error)} if error.faults else {}
    return {**fault_list(error)} if isinstance(error, InvalidRequest) and error.faults[1:] else {}


def fault_list(error: InvalidRequest | UnknownSensor) -> Faults:
    """List every fault as seed 003 prints a refused upload: `{"errors":[{"message","path"}]}`."""
    return {
        "errors": [{"message": cut(fault.message), "path": cut(fault.path)} for fault in error.faults[:MOST_FAULTS]]
    }


def under(field: str, error: InvalidRequest | UnknownSensor) -> InvalidRequest | UnknownSensor:
    """Return the same refusal, its paths moved under a field: `[3].timestamp` in `data` is `data[3].timestamp`."""
    faults = tuple(Fault(field + fault.path, fault.message) for fault in error.faults)
    if isinstance(error, InvalidRequest):
        return InvalidRequest(faults)
    error.faults = faults
    return error


def rpc_error(error: Refusal) -> dict[str, Any]:
    """Return the JSON-RPC error object; `data` names the field, the category and every further fault."""
    data: dict[str, Any] = {"field": cut(error.field), "category": error.category}
    if error.allowed:
        data["allowed"] = error.allowed
    return {"code": outcome(error).code, "message": cut(str(error)), "data": data | _several(error)}
