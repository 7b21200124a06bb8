"""Wall-clock times to UTC."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tseng.errors import InvalidRequest
from tseng.importers.zones import localise, zone

_ZONES = ("Europe/Amsterdam", "America/Denver", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "UTC")


def _wall(*texts: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(texts, dtype="datetime64[us]").view(np.int64)


def test_summer_and_winter_offsets() -> None:
    """Amsterdam is one hour ahead of UTC in winter and two in summer."""
    found = localise(_wall("2016-01-15T12:00", "2016-07-15T12:00"), zone("Europe/Amsterdam"))
    assert found.time.tolist() == _wall("2016-01-15T11:00", "2016-07-15T10:00").tolist()
    assert not found.nonexistent.any()
    assert not found.ambiguous.any()


def test_the_spring_hour_does_not_exist() -> None:
    """On 2016-03-27 the Amsterdam clock went from 02:00 to 03:00: what lies between is named, its ends are not."""
    wall = _wall("2016-03-27T01:59:59.999999", "2016-03-27T02:00", "2016-03-27T02:59:59.999999", "2016-03-27T03:00")
    found = localise(wall, zone("Europe/Amsterdam"))
    assert found.nonexistent.tolist() == [False, True, True, False]
    assert not found.ambiguous.any()
    assert found.time[[0, 3]].tolist() == _wall("2016-03-27T00:59:59.999999", "2016-03-27T01:00").tolist()


def test_the_autumn_hour_comes_twice() -> None:
    """On 2016-10-30 the Amsterdam clock went from 03:00 back to 02:00: that hour is ambiguous, its ends are not."""
    wall = _wall("2016-10-30T01:59:59.999999", "2016-10-30T02:00", "2016-10-30T02:59:59.999999", "2016-10-30T03:00")
    found = localise(wall, zone("Europe/Amsterdam"))
    assert found.ambiguous.tolist() == [False, True, True, False]
    assert not found.nonexistent.any()
    assert found.time[[0, 3]].tolist() == _wall("2016-10-29T23:59:59.999999", "2016-10-30T02:00").tolist()


@pytest.mark.parametrize(("name", "hours"), [("-07:00", 7), ("UTC+5:30", -5.5), ("+0200", -2), ("GMT-3", 3), ("Z", 0)])
def test_fixed_offsets(name: str, hours: float) -> None:
    """A logger kept on one offset all year is given that offset; UTC is the wall clock minus the offset."""
    found = localise(_wall("2016-07-15T12:00"), zone(name))
    assert found.time.tolist() == (_wall("2016-07-15T12:00") + int(hours * 3_600_000_000)).tolist()


@pytest.mark.parametrize("name", ["Nowhere/Land", "", "+25:00", "../etc/passwd", "Europe"])
def test_unknown_zones_are_refused(name: str) -> None:
    """A zone that does not exist is refused with what to write instead."""
    with pytest.raises(InvalidRequest, match="Europe/Berlin"):
        zone(name)


@given(st.sampled_from(_ZONES), st.lists(st.datetimes(datetime(1950, 1, 1), datetime(2037, 12, 31)), max_size=5))
def test_agrees_with_the_standard_library(name: str, walls: list[datetime]) -> None:
    """Every time that exists once is what Python's own zone arithmetic gives; the others are flagged, and only they."""
    where = ZoneInfo(name)
    found = localise(np.array(walls, dtype="datetime64[us]").view(np.int64), zone(name))
    for row, wall in enumerate(walls):
        folds = {wall.replace(tzinfo=where, fold=fold).astimezone(UTC) for fold in (0, 1)}
        real = {instant for instant in folds if instant.astimezone(where).replace(tzinfo=None) == wall}
        assert bool(found.nonexistent[row]) == (not real)
        assert bool(found.ambiguous[row]) == (len(real) == 2)
        if len(real) == 1:
            [instant] = real
            assert found.time[row] == (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
