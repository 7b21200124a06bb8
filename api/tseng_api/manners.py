"""How a door speaks beside its routes: where it looks for credentials, and how it refuses.

Doors of foreign APIs have their own; the project's own routes have those of REST.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tseng.errors import Refusal
from tseng_api.codings import CODINGS
from tseng_api.errors import Refused, outcome, rest_body
from tseng_api.http import answer_json

# What a refusal says in its headers, by category.
_HEADERS = {
    "UNAUTHENTICATED": {"WWW-Authenticate": "ApiKey, Bearer"},
    "UNSUPPORTED_CODING": {"Accept-Encoding": ", ".join(CODINGS)},
}


@dataclass(frozen=True)
class Manners:
    """The manners of one door.

    `credential` is what a request presents, as an Authorization header says it, empty where it presents nothing;
    `refuse` answers a refusal, in bodies of type `refused`. `schemes`: places of a credential that no other door has,
    as the API's document tells of them.
    """

    credential: Callable[[Request], str]
    refuse: Callable[[Request, Refusal], Response]
    refused: Any
    schemes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def authorization(request: Request) -> str:
    """Return the Authorization header."""
    return request.headers.get("authorization", "")


def headers_of(error: Refusal) -> dict[str, str] | None:
    """Return what a refusal has to say in its headers (RFC 9110, 15.5.2 and 15.5.16)."""
    return _HEADERS.get(error.category)


def _refuse(request: Request, error: Refusal) -> Response:
    return answer_json(rest_body(error), outcome(error).status, headers_of(error))


REST = Manners(authorization, _refuse, Refused)
