"""What can be set of a client."""

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import httpx

Coding = Literal["zstd", "gzip"]


@dataclass(frozen=True)
class ClientSettings:
    """How a client waits, tries again and cuts uploads into pieces; all times are in seconds."""

    timeout: float = 60.0
    """For the next byte of an answer."""
    attempts: int = 8
    """Tries of one request, the first included; 1 tries nothing again."""
    patience: float = 120.0
    """No try begins later than this after the first."""
    first_wait: float = 0.5
    """The wait before the second try is drawn from 0 to this; the range doubles with each try."""
    longest_wait: float = 15.0
    """The range grows up to this. A server's Retry-After is waited for beside it."""
    piece_rows: int = 50_000
    """Rows of one request of an upload at most."""
    piece_bytes: int = 16 * 1024 * 1024
    """Bytes of one request of an upload at most, before it is compressed."""
    coding: Coding | None = "zstd"
    """How uploads are compressed; None sends them as they are."""
    updates_ahead: int = 100
    """Updates of a subscription that wait for its reader; beyond them nothing more is read from the connection."""
    tls: ssl.SSLContext | None = None
    """Whom to trust over TLS; by default what the system trusts."""
    transport: "httpx.BaseTransport | None" = None
    """What carries the HTTP requests, in place of httpx's own."""
