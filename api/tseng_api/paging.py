"""Lists page by page: a token says behind which member of which list its page begins.

So pages stay right while members come and go.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from tseng.errors import InvalidRequest
from tseng_api.query_strings import InProject

DEFAULT_PAGE = 100
LARGEST_PAGE = 1000


class Paged(InProject):
    """One page: `pageSize` of them, after those of the page that gave `pageToken`."""

    pageSize: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_PAGE)] = DEFAULT_PAGE
    pageToken: str | None = None


def token(list_of: Sequence[Any], key: Any) -> str:
    """Return the token of the page behind the member with this key; `list_of` tells the list from others."""
    return base64.urlsafe_b64encode(msgspec.json.encode([list_of, key])).decode()


def behind(token: str | None, list_of: Sequence[Any], kind: Any) -> Any:
    """Return the key, of this type, that the page follows; None where it is the first.

    Raises:
        InvalidRequest: the token is none of this list.
    """
    if token is None:
        return None
    try:
        text = base64.b64decode(token, altchars=b"-_", validate=True)
        of, key = msgspec.json.decode(text, type=tuple[list[Any], kind])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        of, key = None, None
    if of != list_of:
        raise InvalidRequest.at("pageToken", "is none that this list gave out")
    return key
