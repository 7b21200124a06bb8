"""Time-series observation engine with metric and unit conversion.

    import tseng

    engine = tseng.open("tseng-data")
    series = engine.get_data(sensor, "dx", "mm", params={"ZERO_DATE": {"value": "2017-03-01T22:00:00.000Z"}})

Importing this package loads nothing heavy: the engine and the client come with their first use.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from tseng.client.client import Client
    from tseng.client.settings import ClientSettings
    from tseng.engine import Engine

__all__ = ["connect", "open"]


def open(path: "str | PathLike[str] | None" = None, *, create: bool = True) -> "Engine":
    """Open the store at `path` (else `$TSENG_DATA`, else `./tseng-data`), made first if need be and `create` allows.

    Safe beside a running server and other processes: they all see one log. Use it as a context manager or call `close`.

    Raises:
        tseng_storage.errors.StoreMissing: there is no store and `create` is false.
    """
    from tseng.engine import Engine

    return Engine.open(path, create=create)


def connect(
    url: str, *, api_key: str, project: str | None = None, settings: "ClientSettings | None" = None
) -> "Client":
    """Speak to a running server with the engine's verbs; see `docs/client.md`.

    Nothing is asked of the server before the first verb is.

    Args:
        url: such as `http://127.0.0.1:4201`.
        api_key: of `tseng keys create`, or one that the server's operator gave.
        project: id or iTwin id of the project meant; None leaves it to the key.
        settings: how the client waits, tries again and cuts uploads into pieces.
    """
    from tseng.client.client import Client

    return Client(url, api_key=api_key, project=project, settings=settings)
