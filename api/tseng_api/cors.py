"""Pages of other origins: which may call from a browser (Fetch standard, CORS protocol); none unless a setting says so.

Credentials stand in headers that a page sets itself, never in cookies, so a page can do no more than its keys can.
"""

import re

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from tseng.errors import EngineError

_ORIGIN = re.compile(r"\*|https?://[^\s/?#@]+")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_HEADERS = (
    "Authorization", "X-API-Key", "Idempotency-Key", "Content-Type", "Content-Encoding", "If-Match", "If-None-Match",
    "Prefer", "X-Request-Id", "traceparent",
)  # fmt: skip
_EXPOSED = ("X-Request-Id", "ETag")


def cors(origins: str) -> list[Middleware]:
    """Return the outermost layer that lets in pages of these origins, a comma between two; none without any.

    Raises:
        EngineError: one of them is no origin.
    """
    named = [each.strip().lower() for each in origins.split(",") if each.strip()]
    for each in named:
        if not _ORIGIN.fullmatch(each):
            raise EngineError(
                f"TSENG_CORS_ORIGINS: {each!r} is no origin such as https://host or http://host:8080, nor *",
                field="TSENG_CORS_ORIGINS",
                seen=each,
            )
    return [
        Middleware(
            CORSMiddleware, allow_origins=named, allow_methods=_METHODS, allow_headers=_HEADERS,
            expose_headers=_EXPOSED,
        )
    ] if named else []  # fmt: skip
