"""`GET /docs`: Swagger UI over the API's document, all of it in one page. Nothing is fetched from another host."""

import base64
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tseng_api.openapi import PATH
from tseng_api.routing import Answer, bare_route

# `syntaxHighlight`: it would stop the page for half a minute at a year of readings. `validatorUrl`: left alone, the
# page would send the document's address to a host of Swagger's. Whoever gives a key gives the key; the scheme's name
# that the header wants before it is put there.
_START = f"""
window.ui = SwaggerUIBundle({{
  url: "{PATH}", dom_id: "#swagger-ui", validatorUrl: null, deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis], defaultModelsExpandDepth: 0, displayRequestDuration: true,
  syntaxHighlight: false,
  requestInterceptor: (request) => {{
    const given = request.headers.Authorization;
    if (given && !given.includes(" ")) request.headers.Authorization = "ApiKey " + given;
    return request;
  }},
}});
"""


async def docs(request: Request) -> Response:
    """Show this API to a browser, to read and to try out."""
    page, policy = await run_in_threadpool(_page)
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": policy})


@cache
def _page() -> tuple[bytes, str]:
    """Return the page, and the policy that holds a browser to it: these scripts, and requests to this host alone."""
    scripts = [_file("swagger_bundle.js"), _START]
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src 'self' data:; font-src data:; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
    inline = "".join(f"<script>{script}</script>" for script in scripts)
    page = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>tseng</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f'<style>{_file("swagger_style.css")}</style></head><body><div id="swagger-ui"></div>{inline}</body></html>'
    )
    return page.encode(), policy


def _file(name: str) -> str:
    """Return a file of Swagger UI out of the package that brings it; importing that would load two other such pages."""
    spec = find_spec("offapi")
    assert spec is not None
    assert spec.origin is not None
    # Inside a script, only this sequence ends it; to JavaScript both mean the same.
    return Path(spec.origin).with_name(name).read_text().replace("</script", "<\\/script").replace("\r\n", "\n")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


ROUTES = [bare_route("/docs", docs, {200: Answer("The page.", {"text/html": bytes})})]
