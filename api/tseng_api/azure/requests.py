"""What the requests of the door have in common: the version in the query string, conditions, pages, times.

Seeds 002 and 004, URI Parameters and Request Header; RFC 9110, section 13, for the conditions.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Self, TypeVar

import msgspec
from starlette.datastructures import Headers

from tseng_api.azure import errors
from tseng_api.azure.errors import Refused
from tseng_storage.records import Expected, Record

T = TypeVar("T")

_LISTED = re.compile(r'\s*(?:(?:W/)?"([^"]*)"\s*)?(?:,|$)')


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The version of the vendor's API; the older ones ask for the same in the same way."""

    version: Literal["2023-10-31", "2023-06-30", "2022-05-31", "2020-10-31"] = msgspec.field(name="api-version")


@dataclass(frozen=True)
class Conditions:
    """What a record must be for a write to happen: `If-Match` and `If-None-Match`, None where one is not there."""

    match: frozenset[str] | Literal["*"] | None
    none_match: frozenset[str] | Literal["*"] | None

    @classmethod
    def of(cls, headers: Headers) -> Self:
        """Read the conditions of a request."""
        return cls(_etags(headers, "if-match"), _etags(headers, "if-none-match"))

    def require(self, record: Record | None) -> None:
        """Let a write pass.

        Raises:
            Refused: the record is not as it must be.
        """
        etag = record and record.etag
        good = self.match is None or (record is not None if self.match == "*" else etag in self.match)
        if self.none_match is not None:
            good = good and (record is None if self.none_match == "*" else etag not in self.none_match)
        if not good:
            now = "is not there" if record is None else f'is at W/"{etag}"'
            raise Refused(errors.PRECONDITION_FAILED, f"If-Match or If-None-Match is not met: the twin {now}")

    def expected(self, read: Callable[[], Record | None]) -> Expected:
        """Return what a write expects; `read` gives the record where that takes a look at it.

        Without conditions, and with those that leave the version open, that is the version there is: so of several
        writes at once the last to be kept is the last to have arrived.
        """
        if not self.looks:
            return "absent" if self.match is None else self.match
        record = read()
        self.require(record)
        return "absent" if record is None else [record.etag]

    @property
    def looks(self) -> bool:
        """Whether `expected` looks at the record, so that a change since then is no refusal yet."""
        if self.match is None:
            return self.none_match != "*"
        return self.match == "*" or self.none_match is not None


def _etags(headers: Headers, name: str) -> frozenset[str] | Literal["*"] | None:
    if name not in headers:
        return None
    text = ", ".join(headers.getlist(name)).strip()
    if text == "*":
        return "*"
    found, at = set(), 0
    while at < len(text):
        one = _LISTED.match(text, at)
        if one is None or one.end() == at:
            raise Refused(errors.INVALID_ARGUMENT, f"{name} holds etags in quotes, or * alone")
        found.add(one[1] or "")
        at = one.end()
    return frozenset(found - {""})


def etag_text(etag: str) -> str:
    """Return an etag as it is printed."""
    return f'W/"{etag}"'


def text_of(us: int) -> str:
    """Return epoch us as the vendor prints times, in seven digits."""
    seconds, micros = divmod(us, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{micros:06d}0Z"


def most_items(headers: Headers, usual: int, most: int) -> int:
    """Return how many items a page may have: `max-items-per-page`, at most so many."""
    text = headers.get("max-items-per-page", str(usual))
    if not text.isdecimal() or not text.isascii() or int(text[:9]) == 0:
        raise Refused(errors.INVALID_ARGUMENT, "max-items-per-page must be a whole number above 0")
    return min(int(text[:9]), most)


def packed(value: Any) -> str:
    """Return a token that says where the next page begins."""
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).decode()


def unpacked(token: str, kind: type[T]) -> T:
    """Return what a token says.

    Raises:
        Refused: it is none of ours.
    """
    try:
        return msgspec.json.decode(base64.b64decode(token, altchars=b"-_", validate=True), type=kind)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        raise Refused(errors.BAD_REQUEST, "the continuation token is invalid") from None
