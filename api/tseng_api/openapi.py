"""The API's document: the table of routes as OpenAPI 3.1, and `GET /api/openapi.json`.

Nothing is said here of any one route: queries, bodies and answers are the types that the server itself decodes into and
encodes from.
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

from tseng_api.errors import OUTCOMES, Faults, Refused
from tseng_api.http import JSON, answer_json
from tseng_api.query_strings import fields_of, given, rest_of
from tseng_api.routing import Answer, Endpoint, OneOf, bare_route

PATH = "/api/openapi.json"

Object = dict[str, Any]

# What any route that asks the store may come to.
_EVERYWHERE = (500, 503)
_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")
_SECURITY: Object = {
    "ApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`ApiKey <key>`; `tseng keys create` makes one.",
    },
    "Bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "Of `POST /connect/token`."},
}


def routes(rows: Sequence[Endpoint]) -> list[Endpoint]:
    """Return the route that serves the document of these rows; it belongs among them."""

    @cache
    def written() -> Object:
        return document(rows)

    async def openapi(request: Request) -> Response:
        """Describe this API as OpenAPI 3.1."""
        return answer_json(written())

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
        "info": {"title": "tseng", "version": version("tseng"), "description": "Observations, derived metrics, units."},
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": {_name(status): _refusal(status, schemas) for status in _statuses()},
            "headers": {"X-Request-Id": {"description": "The caller's, else a new one.", "schema": {"type": "string"}}},
            "securitySchemes": _SECURITY,
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
    operation: Object = {
        "operationId": row.name,
        "summary": row.summary,
        "description": needs,
        "tags": [row.path.removeprefix("/api").split("/")[1] or "server"],
        "security": [{name: []} for name in _SECURITY] if row.role else [],
        "parameters": [*_in_path(row), *_in_query(row, schemas)],
        "responses": _responses(row, schemas),
    }
    if row.takes:
        operation["requestBody"] = {"required": True, "content": _content(row.takes, schemas)}
    return operation


def _in_path(row: Endpoint) -> list[Object]:
    names = _PARAMETER.findall(row.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _in_query(row: Endpoint, schemas: _Schemas) -> list[Object]:
    found = [_parameter(name, field, schemas) for name, field in fields_of(row.query).items()]
    if rest := rest_of(row.query):
        schema = {"type": "object", "additionalProperties": {"type": "string"}}
        found.append({"name": rest, "in": "query", "style": "form", "explode": True, "schema": schema})
    return found


def _parameter(name: str, field: FieldInfo, schemas: _Schemas) -> Object:
    schema = schemas.of(given(field.type))
    if field.default is not msgspec.NODEFAULT and field.default is not None:
        schema = {**schema, "default": field.default}
    return {"name": name, "in": "query", "required": field.required, "schema": schema}


def _responses(row: Endpoint, schemas: _Schemas) -> Object:
    found = {status: {"$ref": f"#/components/responses/{_name(status)}"} for status in row.refusals}
    if row.refusals:
        found |= {status: {"$ref": f"#/components/responses/{_name(status)}"} for status in _EVERYWHERE}
    found |= {status: _answer(answer, schemas) for status, answer in row.answers.items()}
    return {str(status): found[status] for status in sorted(found)}


def _answer(answer: Answer, schemas: _Schemas) -> Object:
    told: Object = {"description": answer.description, "headers": _HEADERS}
    return told | ({"content": _content(answer.content, schemas)} if answer.content else {})


_HEADERS = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}


def _content(types: Mapping[str, Any], schemas: _Schemas) -> Object:
    return {media: {} if kind is bytes else {"schema": schemas.of(kind)} for media, kind in types.items()}


def _statuses() -> list[int]:
    return sorted({outcome.status for outcome in OUTCOMES.values()})


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")


def _refusal(status: int, schemas: _Schemas) -> Object:
    categories = [category for category, outcome in OUTCOMES.items() if outcome.status == status]
    told = "Refused: " + ", ".join(f"`{category}`" for category in categories) + "."
    return _answer(Answer(told, {JSON: Faults if status == HTTPStatus.UNAUTHORIZED else Refused}), schemas)
