"""How the ingest of the Twinnoverse door refuses, and where its key stands (seed 001, Authentication and Responses)."""

from starlette.requests import Request
from starlette.responses import Response

from tseng.errors import Refusal
from tseng_api.errors import Refused, error_body, outcome
from tseng_api.http import answer_json
from tseng_api.manners import Manners, authorization, headers_of

# The seed has 200, 400, 401, 403 and 500 alone; a body too large (413) and a store that is busy (503) are said as such.
_STATUSES = {"NOT_FOUND": 403}


def _credential(request: Request) -> str:
    key = request.headers.get("x-api-key")
    if key:
        return f"ApiKey {key}"
    scheme, _, shown = authorization(request).partition(" ")
    # A token has two dots; what has none is a key.
    return f"ApiKey {shown}" if scheme.lower() == "bearer" and "." not in shown else authorization(request)


def _refuse(request: Request, error: Refusal) -> Response:
    status = _STATUSES.get(error.category, outcome(error).status)
    return answer_json(error_body(error), status, headers_of(error))


_KEY = {
    "type": "apiKey",
    "in": "header",
    "name": "X-API-Key",
    "description": "The key of a data source, which `POST /api/datasources` shows; as `Authorization: Bearer`, too.",
}

MANNERS = Manners(_credential, _refuse, Refused, {"DataSourceKey": _KEY})
