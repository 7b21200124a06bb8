"""Who may stay: the credentials that open connections have presented, looked at again as long as they are open.

A credential is checked when it is presented. A key may be revoked after that, a token run out, a client or a project
go. So `refused` is asked every second; as long as nothing in the catalog has changed, nor the keys that tokens are
trusted by, and no token has run out, there is nothing to check. But for those that came since the last look: between
the moment a credential was found good and the one it was taken down, the change may have come that we looked at.
"""

import threading
import time
from collections import Counter
from dataclasses import dataclass

from tseng.access import Identity
from tseng.engine import Engine
from tseng.errors import Forbidden, Refusal, Unauthenticated
from tseng.tokens import Tokens
from tseng_api.errors import LimitReached
from tseng_api.limits import CONNECTIONS_PER_KEY
from tseng_api.session import identify_code


@dataclass(frozen=True)
class _Shown:
    """What a connection has presented, and whose it was found to be."""

    code: str
    identity: Identity

    @property
    def holder(self) -> tuple[str, str]:
        """What connections are counted by: the key, or the client that tokens are issued to anew every hour."""
        return ("token", self.identity.name) if self.code.count(".") == 2 else ("key", self.code)


class Admissions:
    """The credentials of open connections, each connection under an id; any thread may call."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._shown: dict[str, _Shown] = {}
        self._count: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._trusted: object = None
        # Connection and code; one that has been replaced meanwhile is still here, and harms nothing.
        self._fresh: set[tuple[str, str]] = set()

    def admit(self, connection: str, identity: Identity, code: str) -> None:
        """Take down what a connection has presented; what it presented before counts no more.

        Raises:
            LimitReached: as many connections as there may be have presented it.
        """
        shown = _Shown(code, identity)
        with self._lock:
            before = self._shown.get(connection)
            if before is None or before.holder != shown.holder:
                if self._count[shown.holder] >= CONNECTIONS_PER_KEY:
                    raise LimitReached(f"{identity.name} has {CONNECTIONS_PER_KEY} open connections", field="code")
                self._count[shown.holder] += 1
                self._uncount(before)
            self._shown[connection] = shown
            self._fresh.add((connection, code))

    def leave(self, connection: str) -> None:
        """Forget a connection."""
        with self._lock:
            shown = self._shown.pop(connection, None)
            self._uncount(shown)
            if shown is not None:
                self._fresh.discard((connection, shown.code))

    def refused(self) -> dict[str, Refusal]:
        """Connections whose credential is worth nothing any more, and why; each credential is looked at once."""
        trusted = (self._engine.store.catalog.revision(), Tokens(self._engine).trusted())
        with self._lock:
            shown_by, fresh = list(self._shown.items()), frozenset(self._fresh)
        now, changed = time.time(), trusted != self._trusted
        due = {shown.code for id, shown in shown_by if changed or (id, shown.code) in fresh or shown.identity.over(now)}
        verdicts = {code: error for code in due if (error := self._verdict(code)) is not None}
        self._trusted = trusted
        with self._lock:
            # What a connection has presented while we looked stays fresh, and is what counts for it.
            self._fresh -= fresh
            return {id: verdicts[shown.code] for id, shown in self._shown.items() if shown.code in verdicts}

    def _uncount(self, shown: _Shown | None) -> None:
        if shown is not None:
            self._count[shown.holder] -= 1
            if not self._count[shown.holder]:
                del self._count[shown.holder]

    def _verdict(self, code: str) -> Refusal | None:
        try:
            identify_code(self._engine, code)
        except (Unauthenticated, Forbidden) as error:
            return error
        return None
