"""When a request is sent again, and how long to wait before.

The waits grow exponentially and are drawn at random from zero on ("full jitter": Brooker, Exponential Backoff And
Jitter, AWS Architecture Blog, 2015), so that the clients of a server that comes back do not all come at once.
"""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tseng.client.settings import ClientSettings

# A status of one of these says that the server, or a proxy before it, could not do it now; and with REFUSED that it has
# not done it.
PASSING = frozenset({429, 502, 503, 504})
REFUSED = frozenset({429, 503})


def waits(settings: ClientSettings) -> Iterator[float]:
    """Seconds to wait before each further try, without end."""
    most = min(settings.first_wait, settings.longest_wait)
    while True:
        yield random.uniform(0, most)
        most = min(2 * most, settings.longest_wait)


class Tries:
    """The tries of one request."""

    def __init__(self, settings: ClientSettings) -> None:
        """The first one begins now."""
        self._waits = waits(settings)
        self._left = settings.attempts - 1
        self._end = time.monotonic() + settings.patience

    def wait(self, asked: float = 0.0) -> float | None:
        """Seconds to wait before the next try, beside those that the server has asked for; None: there is none."""
        wait = asked + next(self._waits)
        if self._left < 1 or time.monotonic() + wait > self._end:
            return None
        self._left -= 1
        return wait


def retry_after(header: str | None) -> float:
    """Seconds that a `Retry-After` asks for, as a number or a date (RFC 9110, 10.2.3); 0 for any other text."""
    if header is None:
        return 0.0
    if header.strip().isdecimal():
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())
