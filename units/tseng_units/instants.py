"""ISO 8601 text to int64 microseconds since 1970-01-01T00:00Z and back.

Integers all the way: a float of seconds holds a microsecond of today only just, and years 0001 to 9999 reach far
outside the range where it does. What is finer than a microsecond is cut, not rounded, so that two readings never swap
places.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo

EPOCH_ORDINAL = datetime(1970, 1, 1).toordinal()
DAY_US = 86_400_000_000
MIN_US = (datetime.min.toordinal() - EPOCH_ORDINAL) * DAY_US
MAX_US = (datetime.max.toordinal() - EPOCH_ORDINAL + 1) * DAY_US - 1
SHAPE = re.compile(
    r"(?P<y>\d{4})-(?P<mo>\d\d)-(?P<d>\d\d)"
    r"(?:[Tt ](?P<h>\d\d):(?P<mi>\d\d)(?::(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?)?"
    r"(?:(?P<z>[Zz])| ?(?P<sign>[+-])(?P<oh>\d\d):?(?P<om>\d\d)?)?)?",
    re.ASCII,
)
EXAMPLE = "an ISO 8601 time such as 2016-12-15T23:38:07.000Z"


def _offset(found: re.Match[str], local: datetime, zone: tzinfo) -> timedelta:
    if found["z"]:
        return timedelta(0)
    if found["sign"]:
        hours, minutes = int(found["oh"]), int(found["om"] or 0)
        if hours > 23 or minutes > 59:
            raise ValueError(f"the UTC offset of {found.string!r} is out of range")
        offset = timedelta(hours=hours, minutes=minutes)
        return -offset if found["sign"] == "-" else offset
    return zone.utcoffset(local) or timedelta(0)


def parse_instant(text: str, zone: tzinfo = UTC) -> int:
    """Microseconds since 1970 UTC of an ISO 8601 text.

    `zone` is what a time without an offset is read in; a bare date is its 00:00. Up to nine decimals, cut to six.
    Raises ValueError with a plain message for anything else, and for instants outside the years 0001 to 9999.
    """
    found = SHAPE.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{text!r} is not {EXAMPLE}")
    micros = int((found["f"] or "0").ljust(6, "0")[:6])
    try:
        local = datetime(
            int(found["y"]),
            int(found["mo"]),
            int(found["d"]),
            int(found["h"] or 0),
            int(found["mi"] or 0),
            int(found["s"] or 0),
        )
    except ValueError as problem:
        raise ValueError(f"{text!r} is no instant: {problem}") from None
    of_day = (local.hour * 3600 + local.minute * 60 + local.second) * 1_000_000 + micros
    us = (
        (local.toordinal() - EPOCH_ORDINAL) * DAY_US + of_day - _offset(found, local, zone) // timedelta(microseconds=1)
    )
    if not MIN_US <= us <= MAX_US:
        raise ValueError(f"{text!r} lies outside the years 0001 to 9999")
    return us


def format_instant(us: int) -> str:
    """ISO 8601 text in UTC: milliseconds and `Z`, six digits only where the microseconds are not zero."""
    days, of_day = divmod(int(us), DAY_US)
    date = datetime.fromordinal(EPOCH_ORDINAL + days)
    seconds, micros = divmod(of_day, 1_000_000)
    fraction = f"{micros // 1000:03d}" if micros % 1000 == 0 else f"{micros:06d}"
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{date.year:04d}-{date.month:02d}-{date.day:02d}T{clock}.{fraction}Z"
