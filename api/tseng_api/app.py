"""The ASGI application: all routes, one error table at the edge, one log line a request."""

import asyncio
import logging

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from tseng.engine import Engine
from tseng.errors import REFUSALS, EngineError, NotFound
from tseng.tokens import Tokens
from tseng_api import (
    calls,
    catalogue,
    data,
    definitions,
    docs_page,
    documents,
    entity_lists,
    entity_routes,
    health,
    integrations,
    openapi,
    platform,
    profiles,
    sql,
    tokens,
)
from tseng_api.azure import models, queries, twins
from tseng_api.cors import cors
from tseng_api.errors import MethodNotAllowed, outcome
from tseng_api.logs import RequestLog
from tseng_api.manners import REST, Manners
from tseng_api.remembered import Remembered, Repeats
from tseng_api.routing import Endpoint
from tseng_api.scaleout import messages as scaleout
from tseng_api.sockets import Sockets
from tseng_api.twinnoverse import datasources as twinnoverse
from tseng_api.websocket import socket_route

log = logging.getLogger("tseng.api")

# How many of the routes that ask for it run at once; each may take a process, its memory and ten seconds.
_FEW = 2

ROUTES: list[Endpoint] = [
    *health.ROUTES,
    *twins.ROUTES,
    *tokens.ROUTES,
    *data.ROUTES,
    *sql.ROUTES,
    *catalogue.ROUTES,
    *definitions.ROUTES,
    *platform.ROUTES,
    *documents.ROUTES,
    *profiles.ROUTES,
    *integrations.ROUTES,
    *entity_lists.ROUTES,
    *entity_routes.ROUTES,
    *calls.ROUTES,
    *scaleout.ROUTES,
    *twinnoverse.ROUTES,
    *models.ROUTES,
    *queries.ROUTES,
    *docs_page.ROUTES,
]
ROUTES += openapi.routes(ROUTES)


def create_app(engine: Engine, sockets: Sockets | None = None) -> Starlette:
    """Return the application over an open engine; whoever opened the engine closes it.

    With `sockets` there is a WebSocket at `/`, if it is run by `tseng_api.server.Server`.

    Raises:
        EngineError: the settings name a key set for tokens that cannot be used, or an origin that is none.
    """
    Tokens(engine).check_settings()
    remembered = Remembered(engine)
    app = Starlette(
        routes=[*(row.route() for row in ROUTES), *([] if sockets is None else [socket_route(sockets)])],
        middleware=[*cors(engine.settings.cors_origins), Middleware(RequestLog), Middleware(Repeats, remembered)],
        exception_handlers={**dict.fromkeys(REFUSALS, refuse), HTTPException: refuse_path},
    )
    # A path is what it is: another address would be told in the words of whatever stands before this server.
    app.router.redirect_slashes = False
    app.state.engine = engine
    app.state.remembered = remembered
    app.state.few = asyncio.Semaphore(_FEW)
    return app


async def refuse(request: Request, error: Exception) -> Response:
    """Answer a refusal in the manners of the route."""
    assert isinstance(error, REFUSALS)
    if outcome(error).status >= 500:
        log.error("%s", error, exc_info=error, extra={"requestId": request.state.request_id})
    manners: Manners = getattr(request.state, "manners", REST)
    return manners.refuse(request, error)


async def refuse_path(request: Request, error: Exception) -> Response:
    """Answer what the router refuses, as the door would: a path that is none, or a method that the path has not."""
    assert isinstance(error, HTTPException)
    path, headers = request.url.path, {}
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request))
        words = f"{request.method} is not for {path}; there are: {headers['Allow']}"
        refusal: EngineError = MethodNotAllowed(words, field="method")
    else:
        refusal = NotFound(f"there is nothing at {path}", field="path", seen=path)
    answer = _manners(path).refuse(request, refusal)
    answer.headers.update(headers)
    return answer


def _manners(path: str) -> Manners:
    """Those of the door whose paths begin as this one does."""
    first = path.split("/")[1:2]
    return next((row.manners for row in ROUTES if row.path.split("/")[1:2] == first), REST)


def _methods(request: Request) -> list[str]:
    """All methods of a path (RFC 9110, 15.5.6): each of them is a route of its own."""
    routes = [each for each in request.app.routes if isinstance(each, Route)]
    here = [each for each in routes if each.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for each in here for method in each.methods or ()})
