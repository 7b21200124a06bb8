"""The table of routes: one row says what a route takes and answers, to the server, to mypy and to the API's document.

A handler is a plain function and runs in a thread, because the engine works and waits; nothing of it may run on the
event loop. It is called only once the whole body is here: a body cut short never reaches it. What it takes and answers
stands in its annotations and nowhere else: `Received[Query, Body]`, and the type that is written as JSON.
"""

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Generic, TypeVar, get_args, get_type_hints

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tseng.access import Role
from tseng.engine import Engine
from tseng_api.http import JSON, answer_json, drop, read_body
from tseng_api.manners import REST, Manners
from tseng_api.query_strings import Ignored, InProject, Q, decode_query
from tseng_api.remembered import Remembered
from tseng_api.session import Session, identify
from tseng_api.wire import decode

B = TypeVar("B")


@dataclass(frozen=True)
class Received(Generic[Q, B]):
    """One request that has been let in: the session, what the URL and headers say, and the body.

    A route for GET gets HEAD too; what it answers then is not sent. The body is decoded JSON, bytes where a handler
    asks for bytes, and None where it asks for none.
    """

    session: Session
    path: dict[str, Any]
    query: Q
    headers: Headers
    body: B
    method: str

    @property
    def engine(self) -> Engine:
        """The session's engine."""
        return self.session.engine

    @property
    def project(self) -> str:
        """Id of the project that the query string means."""
        return self.session.project(self.query.projectIds if isinstance(self.query, InProject) else None)


@dataclass(frozen=True)
class OneOf:
    """JSON of one of several types; for the document alone."""

    types: tuple[Any, ...]


@dataclass(frozen=True)
class Answer:
    """One answer: what it means, and its type by media type; `bytes` where that is no JSON."""

    description: str
    content: Mapping[str, Any] = field(default_factory=dict)


def answer_of(kind: type) -> Answer:
    """Return the answer that is this type as JSON; the type's docstring tells of it."""
    return Answer(summary(kind) + ".", {JSON: kind})


@dataclass(frozen=True)
class Endpoint:
    """One row: a method of a path.

    `more` is what the handler's docstring says beyond its first line; `role` is None where no key is needed; `takes` is
    the body's type by media type; `refusals` are the statuses of refusals beside those that every such route has.
    """

    method: str
    path: str
    name: str
    summary: str
    more: str
    role: Role | None
    query: type[msgspec.Struct]
    takes: Mapping[str, Any]
    answers: Mapping[int, Answer]
    refusals: Collection[int]
    run: Callable[[Request], Awaitable[Response]]
    manners: Manners = REST

    def route(self) -> Route:
        """Return it as the application takes it."""
        return Route(self.path, self.run, methods=[self.method], name=self.name)


def route(
    path: str,
    handler: Callable[[Received[Any, Any]], Any],
    role: Role = "reader",
    *,
    method: str = "GET",
    status: int = 200,
    takes: Mapping[str, Any] | None = None,
    answers: Mapping[int, Answer] | None = None,
    refusals: Collection[int] = (),
    few: bool = False,
    same: bool = False,
    manners: Manners = REST,
    most_bytes: int | None = None,
) -> Endpoint:
    """Return a route that needs a role.

    Args:
        path: where.
        handler: `Received[Query, Body] -> Type`, written as JSON; None leaves as 204. One that returns a `Response`
            needs `answers`.
        role: who may.
        method: HTTP method.
        status: of an answer written as JSON.
        takes: the body's type by media type, of a handler that takes bytes.
        answers: by status, of a handler that returns a `Response`.
        refusals: statuses of refusals that not every route has.
        few: the handler takes long and much, so the application runs few such at once; others wait without a thread.
        same: the answer rests on the query string, the project, Accept and the store alone, so that a short one is kept
            until something is stored.
        manners: where the credential stands, and how it is refused.
        most_bytes: of a body; by default the setting `body_limit`.
    """
    work = _Work.of(handler, status)

    async def run(request: Request) -> Response:
        remembered: Remembered = request.app.state.remembered
        request.state.manners = manners
        state = remembered.state()
        session = await _let_in(request, manners.credential(request), role, state)
        raw = await read_body(request, most_bytes or session.engine.settings.body_limit)
        async with request.app.state.few if few else nullcontext():
            response = await run_in_threadpool(work, session, request, raw)
        if request.method == "HEAD":
            drop(response)
        if same and session.identity:
            remembered.keep_answer(request.scope, session.identity, state, response)
        return response

    return _endpoint(method, path, role, work, run, takes, answers, (401, 403, *refusals), manners)


def open_route(
    path: str,
    handler: Callable[[Received[Any, Any]], Any],
    *,
    method: str = "GET",
    takes: Mapping[str, Any] | None = None,
    answers: Mapping[int, Answer] | None = None,
    refusals: Collection[int] = (),
) -> Endpoint:
    """Return a route that needs no key: its session is nobody's. The arguments are those of `route`."""
    work = _Work.of(handler, 200)

    async def run(request: Request) -> Response:
        session = Session(request.app.state.engine, None, request.state.request_id)
        raw = await read_body(request, session.engine.settings.body_limit)
        return await run_in_threadpool(work, session, request, raw)

    return _endpoint(method, path, None, work, run, takes, answers, refusals)


def bare_route(path: str, run: Callable[[Request], Awaitable[Response]], answers: Mapping[int, Answer]) -> Endpoint:
    """Return a route that needs no key, and whose coroutine answers on the event loop: it must not wait nor work."""
    return Endpoint("GET", path, run.__name__, summary(run), more(run), None, Ignored, {}, answers, (), run)


@dataclass(frozen=True)
class _Work:
    """A handler, with the types that its annotations declare."""

    handler: Callable[[Received[Any, Any]], Any]
    query: type[msgspec.Struct]
    body: Any
    answer: Any
    status: int

    @classmethod
    def of(cls, handler: Callable[[Received[Any, Any]], Any], status: int) -> "_Work":
        received, answer = get_type_hints(handler).values()
        query, body = get_args(received)
        return cls(handler, query, body, answer, status)

    def __call__(self, session: Session, request: Request, raw: bytes) -> Response:
        asked = decode_query(request.query_params, self.query)
        body = raw if self.body is bytes else None if self.body is NoneType else decode(raw, self.body)
        answer = self.handler(Received(session, request.path_params, asked, request.headers, body, request.method))
        if isinstance(answer, Response):
            return answer
        return Response(status_code=204) if answer is None else answer_json(answer, self.status)


def _endpoint(
    method: str,
    path: str,
    role: Role | None,
    work: _Work,
    run: Callable[[Request], Awaitable[Response]],
    takes: Mapping[str, Any] | None,
    answers: Mapping[int, Answer] | None,
    refusals: Collection[int],
    manners: Manners = REST,
) -> Endpoint:
    if (work.body is bytes) != (takes is not None) or (work.answer is Response) != (answers is not None):
        raise TypeError(f"{path}: bytes need `takes` and a Response needs `answers`; other types say it themselves")
    if takes is None:
        takes = {} if work.body is NoneType else {JSON: work.body}
    if answers is None:
        told = {204: Answer("Done.")}
        answers = told if work.answer is NoneType else {work.status: answer_of(work.answer)}
    handler = work.handler
    return Endpoint(
        method,
        path,
        handler.__name__,
        summary(handler),
        more(handler),
        role,
        work.query,
        takes,
        answers,
        (400, 413, 415, *refusals),
        run,
        manners,
    )


def summary(handler: Callable[..., Any]) -> str:
    """Return the first line of a docstring."""
    text = (handler.__doc__ or "").partition("\n")[0].rstrip(".")
    if not text:
        raise TypeError(f"{handler.__name__} has no docstring to stand in the API's document")
    return text


def more(handler: Callable[..., Any]) -> str:
    """Return what a docstring says beyond its first line, one paragraph a line."""
    paragraphs = inspect.cleandoc(handler.__doc__ or "").split("\n\n")[1:]
    return "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)


async def _let_in(request: Request, credential: str, role: Role, state: int) -> Session:
    engine: Engine = request.app.state.engine
    remembered: Remembered = request.app.state.remembered
    shown = remembered.shown(credential)
    identity = remembered.identity(shown, state)
    if identity is None:
        identity = await run_in_threadpool(identify, engine, credential)
        remembered.keep_identity(shown, state, identity)
    request.state.identity = identity.name
    identity.require(role)
    return Session(engine, identity, request.state.request_id)
