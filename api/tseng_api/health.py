"""Routes that need no key: alive, ready, and what this is."""

import logging
from importlib.metadata import version

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tseng_api.http import answer_json

log = logging.getLogger("tseng.health")


async def root(request: Request) -> Response:
    """Say what answers here."""
    return answer_json({"name": "tseng", "version": version("tseng"), "data": "/api/data", "rpc": "/api/rpc"})


async def healthz(request: Request) -> Response:
    """Answer 200 as long as the process answers at all."""
    return answer_json({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Answer 200 while the store answers, else 503."""
    try:
        await run_in_threadpool(request.app.state.engine.projects)
    except Exception:
        log.exception("the store does not answer", extra={"requestId": request.state.request_id})
        return answer_json({"status": "unavailable"}, 503)
    return answer_json({"status": "ready"})


ROUTES = [Route("/", root), Route("/healthz", healthz), Route("/readyz", readyz)]
