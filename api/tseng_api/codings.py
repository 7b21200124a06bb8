"""Compressed request bodies (`Content-Encoding`): taken apart piece by piece, never further than the limit of a body.

A kilobyte may stand for megabytes, so the limit holds for what comes out as for what comes in.
"""

import pyarrow as pa

from tseng.errors import TooLarge
from tseng_api.errors import DamagedCoding, UnsupportedCoding

CODINGS = ("gzip", "zstd")
_PIECE = 1 << 18


def body_coding(header: str) -> str:
    """Name the coding of a body by its `Content-Encoding`; empty where it has none.

    Raises:
        UnsupportedCoding: it is none of ours, or there are several.
    """
    # RFC 9110, 8.4: names in any case, x-gzip is gzip, and `identity` says that there is none.
    name = header.strip().lower()
    coding = {"x-gzip": "gzip", "identity": ""}.get(name, name)
    if coding and coding not in CODINGS:
        raise UnsupportedCoding(
            f"a body comes as it is, or as {' or '.join(CODINGS)}; not as {header!r}",
            field="Content-Encoding",
            seen=header,
            allowed=CODINGS,
        )
    return coding


def inflate(body: bytes, coding: str, limit: int) -> bytes:
    """Return what a body holds: all members of a gzip file, all frames of a Zstandard one, one after the other.

    Raises:
        TooLarge: it is more than `limit` bytes; no more than that has been made of it.
        DamagedCoding: the bytes are not of this coding, or not whole.
    """
    pieces, size = [], 0
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), coding) as stream:
            while piece := stream.read(_PIECE):
                size += len(piece)
                if size > limit:
                    raise too_large(limit)
                pieces.append(piece)
    except OSError as error:
        raise DamagedCoding(f"the body is no sound {coding}: {error}", field="Content-Encoding", seen=coding) from None
    return b"".join(pieces)


def too_large(limit: int) -> TooLarge:
    """Refuse a body of more than so many bytes."""
    return TooLarge(f"the body is larger than {limit} bytes", field="body", seen=limit)
