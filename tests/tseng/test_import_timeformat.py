"""Times in a format of the person's own."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tseng.errors import InvalidRequest
from tseng.importers.cells import times

_FORMS = (
    *("%d/%m/%Y %H:%M:%S.%f", "%Y%m%d%H%M%S%f", "%d %b %Y %I:%M:%S.%f %p", "%A, %B %d %Y; %T.%f", "%F %R:%S,%f"),
    *("%Y-%j %H:%M:%S.%f", "%a %d.%m.%Y %T.%f", "%Y %% %m%d%H.%M.%S.%f"),
)


def _time(text: str, form: str) -> int | None:
    found = times(pa.array([text, None, "x"]), UTC, form)
    assert found.unreadable[1:].all()
    return int(found.time[0]) if found.good[0] else None


def _us(text: str) -> int:
    return int(np.datetime64(text, "us").view(np.int64))


@given(st.lists(st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)), min_size=1), st.sampled_from(_FORMS))
def test_what_python_writes_is_read(walls: list[datetime], form: str) -> None:
    """Text that Python's strftime writes in a format comes back, to the microsecond."""
    found = times(pa.array([wall.strftime(form) for wall in walls]), UTC, form)
    assert found.time.tolist() == [(wall - datetime(1970, 1, 1)) // timedelta(microseconds=1) for wall in walls]
    assert found.good.all()


@pytest.mark.parametrize("year", [1900, 2000, 2023, 2024, 2100])
def test_days_that_no_month_has(year: int) -> None:
    """Of all days 0 to 39 and months 0 to 19, those of the calendar are times and no others."""
    pairs = [(day, month) for month in range(20) for day in range(40)]
    found = times(pa.array([f"{day:02}/{month:02}/{year}" for day, month in pairs]), UTC, "%d/%m/%Y")
    real = [1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1] for day, month in pairs]
    assert found.good.tolist() == real
    first = _us(f"{year}-01-01")
    assert found.time[found.good].tolist() == [first + day * 86_400_000_000 for day in range(sum(real))]


@pytest.mark.parametrize(
    ("text", "form", "want"),
    [
        ("1/2/2024 5:03", "%d/%m/%Y %H:%M", "2024-02-01T05:03"),
        ("29/02/2024", "%d/%m/%Y", "2024-02-29"),
        ("01/02/68", "%d/%m/%y", "2068-02-01"),
        ("01/02/69", "%d/%m/%y", "1969-02-01"),
        ("2024-366", "%Y-%j", "2024-12-31"),
        ("02/01/2024 12:30 am", "%m/%d/%Y %I:%M %p", "2024-02-01T00:30"),
        ("02/01/2024 12:30 p.m.", "%m/%d/%Y %I:%M %p", "2024-02-01T12:30"),
        ("1 FEBRUARY 2024", "%d %b %Y", "2024-02-01"),
        ("1 feb  2024", "%e %B %Y", "2024-02-01"),
        ("2024-02-01 10:00:00.123456789", "%F %T.%f", "2024-02-01T10:00:00.123456"),
        ("1969-12-31 23:59:59.9999999", "%F %T.%f", "1969-12-31T23:59:59.999999"),
        ("Thu 01/02/2024", "%a %d/%m/%Y", "2024-02-01"),
        ("20240211", "%Y%m%d", "2024-02-11"),
        ("01/02/2024 10:00 +0530", "%d/%m/%Y %H:%M %z", "2024-02-01T04:30"),
        ("01/02/2024 10:00-01:00", "%d/%m/%Y %H:%M%z", "2024-02-01T11:00"),
        ("01/02/2024 10:00Z", "%d/%m/%Y %H:%M%z", "2024-02-01T10:00"),
        ("01/02/2024 10:00 -00", "%d/%m/%Y %H:%M %z", "2024-02-01T10:00"),
        ("1706781600", "%s", "2024-02-01T10:00"),
        ("-1", "%s", "1969-12-31T23:59:59"),
    ],
)
def test_spellings(text: str, form: str, want: str) -> None:
    """One digit or two, names of months in any case, fractions (cut), offsets, seconds since 1970."""
    assert _time(text, form) == _us(want)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("31/02/2024", "%d/%m/%Y"),
        ("29/02/2023", "%d/%m/%Y"),
        ("31 April 2024", "%d %B %Y"),
        ("2023-366", "%Y-%j"),
        ("2023-000", "%Y-%j"),
        ("01/01/0000", "%d/%m/%Y"),
        ("01/02/24", "%d/%m/%Y"),
        ("01/02/2024", "%d/%m/%y"),
        ("2024112", "%Y%m%d"),
        ("01/02/2024 24:00", "%d/%m/%Y %H:%M"),
        ("01/02/2024 10:60", "%d/%m/%Y %H:%M"),
        ("2024-02-01 10:00:60", "%F %T"),
        ("2024-02-01 10:00:00", "%F %R"),
        ("2024-02-01 13:00 PM", "%F %I:%M %p"),
        ("2024-02-01 10:00 +24:00", "%F %R %z"),
        ("2024-02-01 10:00 CET", "%F %R %z"),
        ("Mon 01/02/2024", "%a %d/%m/%Y"),
        ("1.5", "%s"),
    ],
)
def test_what_is_no_time(text: str, form: str) -> None:
    """A day its month does not have, a wrong weekday, more or less than the format says: nothing is guessed."""
    assert _time(text, form) is None


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("", "names no day"),
        ("%H:%M", "names no day"),
        ("%Y-%m", "names no day"),
        ("%G-W%V-%u", "%G is none of its letters"),
        ("%d/%m/%Y %Q", "%Q is none of its letters"),
        ("%d/%m/%Y %", "% is none of its letters"),
        ("%d/%m/%Y %H:%M %Z", "%z"),
        ("%d/%m/%Y %d", "%d stands twice"),
        ("%d/%m/%Y %I:%M", "%I .*%p"),
        ("%d/%m/%Y %H:%M %p", "%I .*%p"),
        ("%d/%m/%Y %M:%S", "%H"),
        ("%s.%f", "%s stands alone"),
    ],
)
def test_formats_that_are_refused(form: str, why: str) -> None:
    """A format with letters we do not read, or one that leaves the instant open, is refused before anything is read."""
    with pytest.raises(InvalidRequest, match=why):
        times(pa.array(["01/02/2024"]), UTC, form)
