"""`POST /connect/token`: OAuth2 client credentials (RFC 6749, sections 2.3.1, 4.4 and 5)."""

import base64
import binascii
from typing import Annotated, Literal, NotRequired, TypedDict
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from starlette.responses import Response

from tseng.errors import InvalidRequest, Unauthenticated
from tseng.tokens import Issued, Tokens
from tseng_api.http import JSON, answer_json
from tseng_api.query_strings import Ignored
from tseng_api.routing import Answer, Received, open_route

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 20
# Section 5.1: no cache may keep a token; section 5.2 wants the challenge where the header was used, RFC 7617 a realm.
_HEADERS = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="tseng", charset="UTF-8"'}


class TokenRequest(TypedDict):
    """The form; the client may stand in a Basic header instead."""

    grant_type: Literal["client_credentials"]
    client_id: NotRequired[Annotated[str, msgspec.Meta(examples=[""])]]
    client_secret: NotRequired[Annotated[str, msgspec.Meta(examples=[""])]]
    scope: NotRequired[
        Annotated[str, msgspec.Meta(description="Some of the client's own, else all of them.", examples=[""])]
    ]


class TokenRefusal(TypedDict):
    """A refusal of section 5.2."""

    error: str
    error_description: str


class _Refused(Exception):
    """An error of section 5.2: its code, and what it means."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def post_token(received: Received[Ignored, bytes]) -> Response:
    """Exchange a client's id and secret for a token (OAuth2 client credentials)."""
    try:
        return answer_json(_issued(received), headers=_HEADERS)
    except Unauthenticated as error:
        return _error("invalid_client", str(error), 401)
    except InvalidRequest as error:
        return _error("invalid_scope", error.faults[0].message, 400)
    except _Refused as error:
        return _error(error.code, str(error), 400)


def _error(code: str, message: str, status: int) -> Response:
    headers = _HEADERS | (_CHALLENGE if status == 401 else {})
    return answer_json({"error": code, "error_description": message}, status, headers)


def _issued(received: Received[Ignored, bytes]) -> Issued:
    form = _form(received)
    grant = form.get("grant_type")
    if grant is None:
        raise _Refused("invalid_request", "grant_type is missing")
    if grant != "client_credentials":
        raise _Refused("unsupported_grant_type", f"{grant[:100]!r} is not client_credentials")
    client, secret = _credentials(received.headers.get("authorization"), form)
    return Tokens(received.engine).issue(client, secret, form.get("scope"))


def _form(received: Received[Ignored, bytes]) -> dict[str, str]:
    """Return the form; a field without value counts as left out, one that comes twice is refused (section 3.2)."""
    if received.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise _Refused("invalid_request", f"the body must be {_FORM}")
    try:
        pairs = parse_qsl(received.body.decode("ascii"), errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise _Refused("invalid_request", f"the body is no form: {error}") from None
    if len(dict(pairs)) != len(pairs):
        raise _Refused("invalid_request", "a field comes twice")
    return {name: value.strip() for name, value in pairs}


def _credentials(header: str | None, form: dict[str, str]) -> tuple[str, str]:
    if header is None:
        if "client_id" not in form or "client_secret" not in form:
            raise Unauthenticated("client_id and client_secret are missing")
        return form["client_id"], form["client_secret"]
    if "client_secret" in form:
        raise _Refused("invalid_request", "the client's secret stands in the header and in the body: one is enough")
    client, secret = _basic(header)
    if form.get("client_id", client) != client:
        raise _Refused("invalid_request", "client_id is not the client in the header")
    return client, secret


def _basic(header: str) -> tuple[str, str]:
    """Take a Basic header apart; both halves are form-encoded within (section 2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        text = ""
    client, colon, secret = text.partition(":")
    if not colon:
        raise Unauthenticated("the Authorization header must be Basic with the client's id and secret")
    return unquote_plus(client), unquote_plus(secret)


_REFUSAL = {JSON: TokenRefusal}

ROUTES = [
    open_route(
        "/connect/token",
        post_token,
        method="POST",
        takes={_FORM: TokenRequest},
        answers={
            200: Answer("The token.", {JSON: Issued}),
            400: Answer("The request is none, or its scope is not the client's.", _REFUSAL),
            401: Answer("There is no such client.", _REFUSAL),
        },
    )
]
