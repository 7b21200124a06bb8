"""The API's document: the table of routes as OpenAPI 3.1, and `GET /api/openapi.json`.

Nothing is said here of any one route: queries, bodies and answers are the types that the server itself decodes into and
encodes from. What is said to people beside that is in `guide`.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec
from msgspec.structs import FieldInfo
from starlette.requests import Request
from starlette.responses import Response

from tseng.access import RANKS, SCOPE_ROLES, Role
from tseng_api import guide
from tseng_api.errors import OUTCOMES, Faults, Refused
from tseng_api.http import JSON
from tseng_api.manners import REST
from tseng_api.query_strings import fields_of, given, rest_of
from tseng_api.routing import Answer, Endpoint, OneOf, bare_route
from tseng_api.wire import encode

PATH = "/api/openapi.json"

Object = dict[str, Any]

# What any route that asks the store may come to.
_EVERYWHERE = (500, 503)
# Where the server is as long as nobody has asked it: OAuth2 is the one thing that must not be told relative to that.
HERE = "http://127.0.0.1:4201"
_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")
# The page puts the cursor into the last of these.
_SECURITY: Object = {
    "OAuth2": {
        "type": "oauth2",
        "description": "A client's id and secret, which `tseng clients create` prints.",
        "flows": {
            "clientCredentials": {
                "tokenUrl": f"{HERE}/connect/token",
                "scopes": {scope: f"The rights of a {role}." for scope, role in SCOPE_ROLES.items()},
            }
        },
    },
    "Bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of `POST /connect/token`, or of an issuer that this server trusts.",
    },
    "ApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`ApiKey <key>`; `tseng keys create NAME` prints a key. On this page the key alone will do.",
    },
}
_TEXT = {"type": "string"}
_FILE = {"type": "string", "format": "binary"}
_WRONG = "in words, what is wrong"


def routes(rows: Sequence[Endpoint]) -> list[Endpoint]:
    """Return the route that serves the document of these rows; it belongs among them."""

    @cache
    def written() -> Object:
        return document(rows)

    async def openapi(request: Request) -> Response:
        """Describe this API as OpenAPI 3.1."""
        text = encode(written()).replace(encode(HERE)[:-1], encode(str(request.base_url).rstrip("/"))[:-1])
        return Response(text, media_type=JSON)

    run: Callable[[Request], Awaitable[Response]] = openapi
    row = bare_route(PATH, run, {200: Answer("The document.", {JSON: dict[str, Any]})})
    return [row]


def document(rows: Sequence[Endpoint]) -> Object:
    """Return the OpenAPI document of these rows."""
    schemas = _Schemas(rows)
    paths: dict[str, Object] = {}
    for row in rows:
        paths.setdefault(template(row), {})[row.method.lower()] = _operation(row, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "tseng", "version": version("tseng"), "description": guide.INTRODUCTION.strip()},
        "tags": [{"name": name, "description": about} for name, about in guide.TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": {_name(status): _refusal(status, schemas) for status in _statuses()},
            "headers": {"X-Request-Id": {"description": "The caller's, else a new one.", "schema": {"type": "string"}}},
            "securitySchemes": {name: told for row in rows for name, told in row.manners.schemes.items()} | _SECURITY,
        },
    }


def template(row: Endpoint) -> str:
    """Return a row's path as OpenAPI writes it."""
    return _PARAMETER.sub(r"{\1}", row.path)


class _Schemas:
    """The schema of every type of the rows."""

    def __init__(self, rows: Iterable[Endpoint]) -> None:
        self._types: list[Any] = [Refused, Faults]
        for row in rows:
            self._types.append(row.manners.refused)
            for kind in (
                *row.takes.values(),
                *(each for answer in row.answers.values() for each in answer.content.values()),
            ):
                self._types += [each for each in _single(kind) if each is not bytes]
            self._types += [given(field.type) for field in msgspec.structs.fields(row.query)]
        self._schemas, self.components = msgspec.json.schema_components(self._types, ref_template=_REF)

    def of(self, kind: Any) -> Object:
        """Return the schema of a type."""
        found = [self._schemas[self._types.index(each)] for each in _single(kind)]
        return found[0] if len(found) == 1 else {"anyOf": found}


def _single(kind: Any) -> Sequence[Any]:
    return kind.types if isinstance(kind, OneOf) else (kind,)


def _operation(row: Endpoint, schemas: _Schemas) -> Object:
    needs = f"Needs the role `{row.role}`." if row.role else "Needs no key."
    part = row.path.removeprefix("/api").split("/")[1]
    operation: Object = {
        "operationId": row.name,
        "summary": row.summary,
        "description": "\n\n".join(filter(None, (row.more, needs))),
        "tags": [part if part in guide.TAGS else "server"],
        "security": _security(row.role, row.manners.schemes),
        "parameters": [*_in_path(row), *_in_query(row, schemas)],
        "responses": _responses(row, schemas),
    }
    if row.takes:
        content = _content(row.takes, schemas)
        if row.name in guide.BODIES:
            content = {media: {**told, "example": guide.BODIES[row.name]} for media, told in content.items()}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _security(role: Role | None, schemes: Iterable[str]) -> list[Object]:
    """Return what lets in: any one of these. No token makes an admin, nor somebody who only sends."""
    if role is None:
        return []
    own: list[Object] = [{scheme: []} for scheme in schemes]
    if role == "sender":
        return [*own, {"ApiKey": []}]
    enough = [scope for scope, given in SCOPE_ROLES.items() if RANKS.index(given) >= RANKS.index(role)]
    return [*own, {"ApiKey": []}, *({"OAuth2": [scope]} for scope in enough), *([{"Bearer": []}] if enough else [])]


def _in_path(row: Endpoint) -> list[Object]:
    names = _PARAMETER.findall(row.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _in_query(row: Endpoint, schemas: _Schemas) -> list[Object]:
    found = [_parameter(name, field, schemas) for name, field in fields_of(row.query).items()]
    if rest := rest_of(row.query):
        schema = {"type": "object", "additionalProperties": _TEXT}
        # Each has a name of its own in the query string. Without an example, pages that try this out make names up.
        told = {"description": f"{guide.REST} Each stands in the query string under its own name.", "example": {}}
        found.append({"name": rest, "in": "query", "style": "form", "explode": True, "schema": schema, **told})
    return found


def _parameter(name: str, field: FieldInfo, schemas: _Schemas) -> Object:
    schema = schemas.of(given(field.type))
    if field.default is not msgspec.NODEFAULT and field.default is not None:
        schema = {**schema, "default": field.default}
    if "enum" in schema and "type" not in schema:
        schema = {**_TEXT, **schema}
    parameter: Object = {"name": name, "in": "query", "required": field.required, "schema": schema}
    if about := schema.get("description") or guide.PARAMETERS.get(name):
        parameter["description"] = about
    if field.required and name in guide.VALUES:
        parameter["example"] = guide.VALUES[name]
    return parameter


def _responses(row: Endpoint, schemas: _Schemas) -> Object:
    statuses = (*row.refusals, *_EVERYWHERE) if row.refusals else ()
    found: dict[int, Object]
    if row.manners is REST:
        found = {status: {"$ref": f"#/components/responses/{_name(status)}"} for status in statuses}
    else:
        refused = Answer("Refused.", {JSON: row.manners.refused})
        found = {status: _answer(refused, schemas) for status in statuses}
    found |= {status: _answer(answer, schemas) for status, answer in row.answers.items()}
    if row.name in guide.ANSWERS:
        found[min(row.answers)]["content"][JSON]["example"] = guide.ANSWERS[row.name]
    return {str(status): found[status] for status in sorted(found)}


def _answer(answer: Answer, schemas: _Schemas) -> Object:
    told: Object = {"description": answer.description, "headers": _HEADERS}
    return told | ({"content": _content(answer.content, schemas)} if answer.content else {})


_HEADERS = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}


def _content(types: Mapping[str, Any], schemas: _Schemas) -> Object:
    return {media: {"schema": _FILE if kind is bytes else schemas.of(kind)} for media, kind in types.items()}


def _statuses() -> list[int]:
    return sorted({outcome.status for outcome in OUTCOMES.values()})


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")


def _refusal(status: int, schemas: _Schemas) -> Object:
    categories = [category for category, outcome in OUTCOMES.items() if outcome.status == status]
    told = "Refused: " + ", ".join(f"`{category}`" for category in categories) + "."
    kind: type = Refused
    example: Object = {"error": {"code": categories[0], "message": _WRONG, "field": "which part of the request"}}
    if status == HTTPStatus.UNAUTHORIZED:
        kind, example = Faults, {"errors": [{"message": _WRONG, "path": "Authorization"}]}
    answer = _answer(Answer(told, {JSON: kind}), schemas)
    answer["content"][JSON]["example"] = example
    return answer
