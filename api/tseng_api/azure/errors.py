"""How the Azure Digital Twins door refuses: the vendor's codes with their statuses, and its error body.

Seeds 002 and 004 (Status codes, ErrorResponse) for twins; the vendor's REST reference, Digital Twins dataplane
2023-10-31, sections Models, Twins and Query, for what is around them.
"""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from starlette.requests import Request
from starlette.responses import Response

from tseng.errors import MOST_FAULTS, EngineError, InvalidRequest, Refusal
from tseng_api.errors import cut, outcome
from tseng_api.http import answer_json
from tseng_api.manners import Manners, authorization

INVALID_ARGUMENT, VALIDATION_FAILED, JSON_PATCH_INVALID = "InvalidArgument", "ValidationFailed", "JsonPatchInvalid"
DTDL_PARSER_ERROR, MODEL_VERSION_NOT_SUPPORTED = "DTDLParserError", "ModelVersionNotSupported"
MODEL_DECOMMISSIONED, SQL_QUERY_ERROR, BAD_REQUEST = "ModelDecommissioned", "SqlQueryError", "BadRequest"
TWIN_NOT_FOUND, MODEL_NOT_FOUND, COMPONENT_NOT_FOUND = "DigitalTwinNotFound", "ModelNotFound", "ComponentNotFound"
MODEL_EXISTS, MODEL_REFERENCED = "ModelAlreadyExists", "ModelReferencesNotDeleted"
PRECONDITION_FAILED = "PreconditionFailed"

# Every other code of the door is a 400.
_STATUSES = {
    TWIN_NOT_FOUND: 404,
    MODEL_NOT_FOUND: 404,
    COMPONENT_NOT_FOUND: 404,
    MODEL_EXISTS: 409,
    MODEL_REFERENCED: 409,
    PRECONDITION_FAILED: 412,
}
# What the engine refuses, by category; other refusals of the caller's are InvalidArgument.
_CODES = {
    "UNAUTHENTICATED": (401, "AuthenticationFailed"),
    "FORBIDDEN": (403, "AuthorizationFailed"),
    "NOT_FOUND": (404, "NotFound"),
    "METHOD_NOT_ALLOWED": (405, "MethodNotAllowed"),
    "PRECONDITION_FAILED": (412, PRECONDITION_FAILED),
    "TOO_LARGE": (413, "RequestBodyTooLarge"),
    "TOO_MANY": (400, "TwinLimitReached"),
    "INVALID_OBSERVATIONS": (400, VALIDATION_FAILED),
    "INCOMPATIBLE_UNIT": (400, VALIDATION_FAILED),
    "STORE": (503, "ServiceUnavailable"),
}
_SERVER_ERROR = 500


class InnerError(TypedDict):
    """What went wrong in more detail: the category that the server's other faces name."""

    code: str
    innererror: NotRequired["InnerError"]


class AzureError(TypedDict):
    """A code, a line of text, and each fault by itself where there are several."""

    code: str
    message: str
    details: NotRequired[list["AzureError"]]
    innererror: NotRequired[InnerError]


class AzureRefusal(TypedDict):
    """The body of a refusal."""

    error: AzureError


class Refused(EngineError):
    """A refusal under one of the vendor's codes; `faults` are the lines of its details."""

    category = "INVALID_REQUEST"

    def __init__(self, code: str, message: str, faults: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.faults = tuple(faults[:MOST_FAULTS])


def _refuse(request: Request, error: Refusal) -> Response:
    status, code, faults = _told(error)
    inner = InnerError(code=error.category)
    details = [AzureError(code=code, message=cut(fault)) for fault in faults]
    body = AzureRefusal(error=AzureError(code=code, message=cut(str(error)), details=details, innererror=inner))
    headers = {"x-ms-error-code": code}
    if status == 401:  # RFC 9110, 11.6.1
        headers["WWW-Authenticate"] = "Bearer"
    return answer_json(body, status, headers)


def _told(error: Refusal) -> tuple[int, str, Sequence[str]]:
    """Status, code and details."""
    if isinstance(error, Refused):
        return _STATUSES.get(error.code, 400), error.code, error.faults
    faults = [f"{fault.path}: {fault.message}" for fault in error.faults] if isinstance(error, InvalidRequest) else []
    status = outcome(error).status
    other = (status, "InternalServerError" if status >= _SERVER_ERROR else INVALID_ARGUMENT)
    return *_CODES.get(error.category, other), faults


MANNERS = Manners(authorization, _refuse, AzureRefusal)
