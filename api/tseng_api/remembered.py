"""What need not be found out again while nothing changes: whose a credential is, and short answers.

Charts ask for the same window again and again. As long as no process has committed anything to the store the
answer is the same bytes. The asker is the same as long as keys, clients and projects are, if what tokens are
trusted by is. Both are kept until then, in the memory of the event loop, where they cost no thread.
"""

import time
from collections.abc import Hashable
from typing import Generic, TypeVar

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tseng.access import Identity
from tseng.engine import Engine
from tseng.errors import REFUSALS
from tseng.tokens import Tokens

T = TypeVar("T")

_IDENTITIES = 10_000
_ANSWER_BYTES = 16 * 2**20
# What an answer takes besides its body: the key, the headers, the objects around them.
_OVERHEAD = 2_000


class Kept(Generic[T]):
    """Values that hold in one state; those of another state are forgotten, and all of them where they get too many."""

    def __init__(self, room: int) -> None:
        self._room, self._taken = room, 0
        self._state: object = None
        self._values: dict[Hashable, T] = {}

    def get(self, key: Hashable, state: object) -> T | None:
        """Return what holds in this state."""
        if state != self._state:
            self._forget()
            self._state = state
        return self._values.get(key)

    def put(self, key: Hashable, state: object, value: T, size: int = 1) -> None:
        """Keep what was found out; `state` is as of before, and what comes late for it is not kept."""
        if state != self._state or key in self._values:
            return
        if self._taken + size > self._room:
            self._forget()
        self._values[key] = value
        self._taken += size

    def _forget(self) -> None:
        self._values, self._taken = {}, 0


class Remembered:
    """What one application keeps; for its event loop alone."""

    def __init__(self, engine: Engine) -> None:
        self._store, self._tokens = engine.store, Tokens(engine)
        self._identities: Kept[Identity] = Kept(_IDENTITIES)
        self._answers: Kept[Response] = Kept(_ANSWER_BYTES)
        self._access: tuple[int, str] | None = None

    def state(self) -> int:
        """Return a number that differs after any commit by any process.

        It is asked for before anything is found out, so that what comes in between makes that a thing of the past.
        """
        return self._store.changes()

    def shown(self, credential: str) -> Hashable:
        """Return what is presented: a credential, and with a token, which has two dots, what tokens are trusted by."""
        return (credential, self._tokens.trusted()) if credential.count(".") == 2 else credential

    def identity(self, shown: Hashable, state: int) -> Identity | None:
        """Return whose a credential was found to be in this state, and still is."""
        if self._access is None or self._access[0] != state:
            self._access = (state, self._store.catalog.access())
        found = self._identities.get(shown, self._access[1])
        return None if found is None or found.over(time.time()) else found

    def keep_identity(self, shown: Hashable, state: int, identity: Identity) -> None:
        """Keep whose a credential was found to be: until keys and clients may be others, uploads aside."""
        if self._access is not None and self._access[0] == state:
            self._identities.put(shown, self._access[1], identity)

    def answer(self, scope: Scope, identity: Identity, state: int) -> Response | None:
        """Return the answer to the same request in the same state; it may be sent any number of times."""
        return self._answers.get(_sameness(scope, identity), state)

    def keep_answer(self, scope: Scope, identity: Identity, state: int, response: Response) -> None:
        """Keep an answer that is here as a whole: long ones are streamed."""
        if type(response) is Response and response.status_code == 200:
            self._answers.put(_sameness(scope, identity), state, response, len(response.body) + _OVERHEAD)


class Repeats:
    """The layer that gives a kept answer to whoever may have it, before anything else looks at the request."""

    def __init__(self, app: ASGIApp, remembered: Remembered) -> None:
        self._app, self._remembered = app, remembered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or run the application inside."""
        answer = self._kept(scope) if scope["type"] == "http" and scope["method"] == "GET" else None
        await (answer or self._app)(scope, receive, send)

    def _kept(self, scope: Scope) -> Response | None:
        credential = _header(scope, b"authorization")
        if not credential:
            return None
        try:
            state = self._remembered.state()
        except REFUSALS:  # the store is closed or damaged, which is told further in
            return None
        identity = self._remembered.identity(self._remembered.shown(credential), state)
        if identity is None:
            return None
        scope["state"]["identity"] = identity.name
        return self._remembered.answer(scope, identity, state)


def _sameness(scope: Scope, identity: Identity) -> Hashable:
    """What two requests must share to have the same answer, where only these and the store decide about it."""
    return scope["path"], scope["query_string"], _header(scope, b"accept"), identity.project, identity.role


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""
