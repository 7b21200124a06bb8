"""ISO 8601 text and microseconds."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tseng_units.instants import MAX_US, MIN_US, format_instant, parse_instant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(MIN_US, MAX_US)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2016-12-15T23:38:07.000Z", "2016-12-15T23:38:07.000Z"),
        ("2016-12-15T23:38:07Z", "2016-12-15T23:38:07.000Z"),
        ("2016-12-15 23:38", "2016-12-15T23:38:00.000Z"),
        ("2016-12-15", "2016-12-15T00:00:00.000Z"),
        ("2024-03-01T05:00:00.000+02:00", "2024-03-01T03:00:00.000Z"),
        ("2024-03-01T05:00:00-0330", "2024-03-01T08:30:00.000Z"),
        ("2024-03-01T05:00:00+01", "2024-03-01T04:00:00.000Z"),
        ("2024-03-01t05:00:00,25z", "2024-03-01T05:00:00.250Z"),
        ("2024-03-01T00:00:00.123456Z", "2024-03-01T00:00:00.123456Z"),
        ("2024-03-01T00:00:00.123456999Z", "2024-03-01T00:00:00.123456Z"),
        ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
        ("0001-01-01", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_forms(text: str, expected: str) -> None:
    """Every accepted form is read in UTC and written with milliseconds, six digits only where they are needed."""
    assert format_instant(parse_instant(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "",
        "2024-3-1",
        "2024-13-01",
        "2023-02-29",
        "2024-03-01T25:00:00Z",
        "2024-03-01T00:00:60Z",
        "2024-03-01T00:00:00.1234567890Z",
        "2024-03-01T00:00:00+24:00",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
        "1709251200",
        "2024-03-01x00:00:00Z",
        "٢٠٢٤-03-01",
    ],
)
def test_refused(text: str) -> None:
    """What is not an instant of the years 0001 to 9999 is refused with a message that quotes it."""
    with pytest.raises(ValueError, match=r"is not|is no instant|outside|out of range") as raised:
        parse_instant(text)
    assert repr(text) in str(raised.value)


def test_zone_applies_only_without_offset() -> None:
    """A zone is what a time without an offset is read in; an offset or Z overrules it."""
    zone = ZoneInfo("Europe/Amsterdam")
    assert format_instant(parse_instant("2024-07-01T12:00:00", zone)) == "2024-07-01T10:00:00.000Z"
    assert format_instant(parse_instant("2024-01-01T12:00:00", zone)) == "2024-01-01T11:00:00.000Z"
    assert format_instant(parse_instant("2024-07-01T12:00:00Z", zone)) == "2024-07-01T12:00:00.000Z"


@given(INSTANTS)
def test_round_trip(us: int) -> None:
    """What was written is read back to the microsecond."""
    assert parse_instant(format_instant(us)) == us


@given(INSTANTS)
def test_agrees_with_datetime(us: int) -> None:
    """The text is that of the standard library for the same instant."""
    expected = EPOCH + timedelta(microseconds=us)
    assert datetime.fromisoformat(format_instant(us)) == expected


@given(st.text(max_size=40))
def test_any_text_parses_or_is_refused(text: str) -> None:
    """No text makes the parser fail in any other way than by ValueError."""
    try:
        us = parse_instant(text)
    except ValueError:
        return
    assert MIN_US <= us <= MAX_US
