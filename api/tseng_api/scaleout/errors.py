"""How the ScaleOut door refuses, and where its key stands (seed 000, Status Codes and Query Parameters)."""

from starlette.requests import Request
from starlette.responses import Response

from tseng.errors import Refusal
from tseng_api.errors import Refused, error_body, outcome
from tseng_api.http import answer_json
from tseng_api.manners import Manners, authorization, headers_of

# Beside these the statuses of REST, which are the seed's own: 400, 401 and 413.
_STATUSES = {"STORE": 500}


def _credential(request: Request) -> str:
    key = request.query_params.get("apiKey")
    return f"ApiKey {key}" if key else authorization(request)


def _refuse(request: Request, error: Refusal) -> Response:
    status = _STATUSES.get(error.category, outcome(error).status)
    return answer_json(error_body(error), status, headers_of(error))


MANNERS = Manners(_credential, _refuse, Refused)
