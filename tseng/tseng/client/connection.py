"""Requests to one server over HTTP, and what is sent again when it fails.

What may be carried out twice without harm is sent again whenever the answer may be another one then: reads, and uploads
under their Idempotency-Key. Anything else only where it surely was not carried out: the server was not reached, or said
itself that it has not done it. An entity made by a request whose answer was lost would otherwise be refused as taken.
"""

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from tseng.client.refusals import called, refused
from tseng.client.retrying import PASSING, REFUSED, Tries, retry_after
from tseng.client.settings import ClientSettings

if TYPE_CHECKING:
    import httpx

log = logging.getLogger("tseng.client")

_READS = frozenset({"help", "time"})
# Errors of httpx (by name: it is loaded with the first client) after which the request was surely not carried out, and
# those after which it may have been.
_UNSENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout"})
_LOST = _UNSENT | {"ReadError", "WriteError", "CloseError", "ReadTimeout", "WriteTimeout", "RemoteProtocolError"}


class Connection:
    """A server, the key that is shown to it, and the project that is meant. Safe to use from many threads."""

    def __init__(self, url: str, api_key: str, project: str | None, settings: ClientSettings) -> None:
        import httpx

        self.url, self.api_key, self.project, self.settings = url, api_key, project, settings
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"ApiKey {api_key}"},
            timeout=settings.timeout,
            verify=settings.tls or True,
            transport=settings.transport,
        )

    def close(self) -> None:
        """Close what is open."""
        self._http.close()

    @property
    def query(self) -> dict[str, str]:
        """The project as a query string has it."""
        return {"projectIds": self.project} if self.project else {}

    @property
    def scope(self) -> dict[str, Any]:
        """The project as the body of a read has it."""
        return {"projectIds": [self.project]} if self.project else {}

    def ask(self, method: str, path: str, *, twice: bool, once: bool = False, **request: Any) -> "httpx.Response":
        """Send a request, again where need be, and return the answer that is no refusal.

        Args:
            method: of HTTP.
            path: below the server's URL.
            twice: whether it does no harm if the request is carried out twice.
            once: do not send it again.
            **request: as of `httpx.Client.request`.

        Raises:
            EngineError: the server refused; where the class that it names exists here, that class.
            httpx.TransportError: the server cannot be reached, or its answer did not come.
        """
        import httpx

        passing = _LOST if twice else _UNSENT
        tries = Tries(self.settings)
        while True:
            asked = 0.0
            try:
                answer = self._http.request(method, path, **request)
                if answer.is_success:
                    return answer
                problem: Exception = refused(answer.status_code, answer.content)
                again = answer.status_code in (PASSING if twice else REFUSED)
                asked = retry_after(answer.headers.get("Retry-After"))
            except httpx.TransportError as error:
                problem, again = error, type(error).__name__ in passing
            wait = tries.wait(asked) if again and not once else None
            if wait is None:
                raise problem
            log.warning("%s %s: %s; again in %.1f s", method, path, problem, wait)
            time.sleep(wait)

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Call a JSON-RPC method and return its result; raises as `ask`."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**self.scope, **(params or {})}}
        reads = method.startswith("get") or method in _READS
        answer = self.ask("POST", "/api/rpc", twice=reads, content=msgspec.json.encode(request))
        told = msgspec.json.decode(answer.content)
        if "error" in told:
            raise called(told["error"])
        return told["result"]
