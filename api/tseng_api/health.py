"""Routes that need no key: alive, ready, and what this is."""

import logging
from importlib.metadata import version
from typing import Literal, TypedDict

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tseng_api.http import JSON, answer_json
from tseng_api.routing import Answer, bare_route

log = logging.getLogger("tseng.health")


class Root(TypedDict):
    """What answers, and where its doors are."""

    name: str
    version: str
    data: str
    rpc: str


class Status(TypedDict):
    """How the process or the store is."""

    status: Literal["ok", "ready", "unavailable"]


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


ROUTES = [
    bare_route("/", root, {200: Answer("What this is.", {JSON: Root})}),
    bare_route("/healthz", healthz, {200: Answer("Alive.", {JSON: Status})}),
    bare_route("/readyz", readyz, {200: Answer("Ready.", {JSON: Status}), 503: Answer("Not ready.", {JSON: Status})}),
]
