"""`/query`: twins by their model and id, in the vendor's query language as far as clients need it to list their twins.

The vendor's query language reference, sections SELECT clause, FROM clause and Functions (IS_OF_MODEL). What is
understood is told in every refusal.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from starlette.responses import Response

from tseng_api.azure import errors
from tseng_api.azure.errors import MANNERS, Refused
from tseng_api.azure.models import MODEL, opened
from tseng_api.azure.requests import Version, most_items, packed, unpacked
from tseng_api.azure.twins import TWIN
from tseng_api.http import JSON
from tseng_api.routing import Answer, Received, route
from tseng_api.wire import encode
from tseng_storage.records import Record

MOST_ITEMS = 1000
"""Of one page, as the vendor's service limits have it."""

_USUAL = 100
_PIECE = 1000
_UNDERSTOOD = (
    "what is understood: SELECT * or SELECT COUNT(), FROM digitaltwins [alias], WHERE conditions joined by AND: "
    "IS_OF_MODEL([alias, ]'model'[, exact]) and $dtId = 'id'"
)
_TOKEN = re.compile(r"\s*(?:'((?:[^'\\]|\\.)*)'|(\$?[A-Za-z_]\w*|[*(),.=]))", re.ASCII)


class QuerySpecification(msgspec.Struct, frozen=True):
    """A query, or where its next page begins."""

    query: str | None = None
    continuationToken: str | None = None


class _Position(NamedTuple):
    """Where a page begins: the query, and the id before its first twin."""

    query: str
    after: str


@dataclass
class Query:
    """A query that was understood: which twins, and whether they or their number."""

    count: bool = False
    ids: list[str] = field(default_factory=list)
    models: list[tuple[str, bool]] = field(default_factory=list)


class _Reader:
    """Reads the words of a query one by one; a text in quotes is a word that begins with a quote.

    Raises:
        Refused: the query says something else.
    """

    def __init__(self, text: str) -> None:
        self.query = query = Query()
        self._words, self._at = list(_words(text)), 0
        self._expect("SELECT")
        selected = self._next()
        if selected.upper() == "COUNT":
            self._expect("(")
            self._expect(")")
            query.count = True
        self._expect("FROM")
        self._expect("DIGITALTWINS")
        self._aliases: list[str] = []
        if self._peek().upper() not in ("", "WHERE"):
            self._aliases = [self._name()]
        if not query.count and selected not in ("*", *self._aliases):
            raise _wrong(f"{selected!r} cannot be selected")
        if self._peek():
            self._expect("WHERE")
            self._condition()
            while self._peek():
                self._expect("AND")
                self._condition()

    def _condition(self) -> None:
        if self._peek().upper() == "IS_OF_MODEL":
            self._is_of_model()
            return
        self._alias_before(".")
        self._expect("$DTID")
        self._expect("=")
        self.query.ids.append(self._text())

    def _is_of_model(self) -> None:
        self._expect("IS_OF_MODEL")
        self._expect("(")
        self._alias_before(",")
        model, exact = self._text(), False
        if self._peek() == ",":
            self._expect(",")
            self._expect("EXACT")
            exact = True
        self._expect(")")
        self.query.models.append((model, exact))

    def _alias_before(self, mark: str) -> None:
        if self._peek() in self._aliases:
            self._next()
            self._expect(mark)

    def _peek(self) -> str:
        return self._words[self._at] if self._at < len(self._words) else ""

    def _next(self) -> str:
        word = self._peek()
        self._at += 1
        return word

    def _expect(self, word: str) -> None:
        found = self._next()
        if found.upper() != word:
            raise _wrong(f"{found!r} stands where {word} should" if found else f"{word} is missing at its end")

    def _name(self) -> str:
        word = self._next()
        if not (word[:1].isalpha() or word[:1] == "_"):
            raise _wrong(f"{word!r} is no alias")
        return word

    def _text(self) -> str:
        word = self._next()
        if not word.startswith("'"):
            raise _wrong(f"{word!r} stands where a text in single quotes should")
        return word[1:]


def _words(text: str) -> Iterator[str]:
    at, text = 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _wrong(f"{text[at : at + 20]!r} is not understood")
        yield found[2] if found[2] else "'" + re.sub(r"\\(.)", r"\1", found[1])
        at = found.end()


def query_twins(received: Received[Version, QuerySpecification]) -> Response:
    """Query twins.

    `SELECT * FROM digitaltwins`, `SELECT COUNT() FROM digitaltwins`, with `WHERE IS_OF_MODEL('…')` and
    `WHERE $dtId = '…'`, joined by AND. The answer has up to 100 twins, or as many as `max-items-per-page` says, at most
    1000, in the order of their ids, and a token for the next ones.
    """
    sent = received.body
    position = _Position(sent.query or "", "")
    if sent.continuationToken:
        position = unpacked(sent.continuationToken, _Position)
    query = _Reader(position.query).query
    most = most_items(received.headers, _USUAL, MOST_ITEMS)
    found = _twins(received, query, position.after)
    if query.count:
        return _answer(encode([{"COUNT": sum(1 for _ in found)}]), None)
    page: list[Record] = []
    for record in found:
        if len(page) == most:
            return _answer(_array(page), packed(_Position(position.query, page[-1].id)))
        page.append(record)
    return _answer(_array(page), None)


class _Metadata(msgspec.Struct):
    model: str = msgspec.field(name="$model")


class _Modelled(msgspec.Struct):
    """What a query looks at in a twin."""

    metadata: _Metadata = msgspec.field(name="$metadata")


def _twins(received: Received[Any, Any], query: Query, after: str) -> Iterator[Record]:
    wanted = [_models(received, model, exact) for model, exact in query.models]
    for record in _candidates(received, query, after):
        if wanted:
            model = msgspec.json.decode(record.body, type=_Modelled).metadata.model
            if not all(model in each for each in wanted):
                continue
        yield record


def _candidates(received: Received[Any, Any], query: Query, after: str) -> Iterator[Record]:
    """The twins that the ids leave, in the order of ids."""
    engine, project = received.engine, received.session.project()
    if query.ids:
        record = engine.record(TWIN, query.ids[0], project=project) if len(set(query.ids)) == 1 else None
        if record is not None and record.id > after:
            yield record
        return
    while piece := engine.records(TWIN, after=after, most=_PIECE, project=project):
        yield from piece
        after = piece[-1].id


def _models(received: Received[Any, Any], model: str, exact: bool) -> set[str]:
    """A model and, unless it is meant exactly, those that extend it."""
    if exact:
        return {model}
    kept = received.engine.records(MODEL, project=received.session.project())
    return {model, *(each.id for each in kept if model in opened(each.body).bases)}


def _array(records: list[Record]) -> bytes:
    return b"[" + b",".join(record.body.encode() for record in records) + b"]"


def _answer(value: bytes, token: str | None) -> Response:
    return Response(b'{"value":' + value + b',"continuationToken":' + encode(token) + b"}", media_type=JSON)


def _wrong(message: str) -> Refused:
    return Refused(errors.SQL_QUERY_ERROR, f"{message}; {_UNDERSTOOD}")


class QueryResult(msgspec.Struct):
    """Twins, or their number as `[{"COUNT": n}]`, and a token where there are more."""

    value: list[dict[str, Any]]
    continuationToken: str | None


ROUTES = [
    route(
        "/query",
        query_twins,
        method="POST",
        answers={200: Answer("The twins.", {JSON: QueryResult})},
        manners=MANNERS,
    )
]
