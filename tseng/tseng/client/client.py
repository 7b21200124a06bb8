"""The client: the engine's verbs, against a running server."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from tseng.client.configuring import Configuring
from tseng.client.connection import Connection
from tseng.client.defining import Defining
from tseng.client.following import Following
from tseng.client.reading import Reading
from tseng.client.settings import ClientSettings
from tseng.client.uploading import Uploading


class Client(Configuring, Defining, Following, Reading, Uploading):
    """A server at `url`, reached with one API key. Safe to use from many threads; close it or use it as a context.

    Args:
        url: such as `http://127.0.0.1:4201`.
        api_key: sent as `Authorization: ApiKey <key>`.
        project: id or iTwin id of the project meant; None leaves it to the key.
        settings: how it waits, tries again and cuts uploads into pieces.
    """

    def __init__(
        self, url: str, *, api_key: str, project: str | None = None, settings: ClientSettings | None = None
    ) -> None:
        self._subscriptions = set()
        self._connection = Connection(url, api_key, project, settings or ClientSettings())

    def close(self) -> None:
        """End the subscriptions and close the connections."""
        for subscription in [*self._subscriptions]:
            subscription.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Call any JSON-RPC method and return its result, such as `client.call("getSensors", {"sensors": [...]})`.

        Methods that only read are sent again while the server cannot be reached.
        """
        return self._connection.call(method, params)
