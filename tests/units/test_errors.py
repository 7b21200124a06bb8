"""Errors say in one line what was wrong and what is allowed."""

import pytest

from tseng_units.errors import (
    IncompatibleUnit,
    InvalidParam,
    MetricNotAvailable,
    MissingParam,
    NoZeroReading,
    UnitsError,
    UnknownMetric,
    UnknownUnit,
    nearest_first,
)


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (UnknownMetric, "UNKNOWN_METRIC"),
        (MetricNotAvailable, "METRIC_NOT_AVAILABLE"),
        (UnknownUnit, "UNKNOWN_UNIT"),
        (IncompatibleUnit, "INCOMPATIBLE_UNIT"),
        (NoZeroReading, "NO_ZERO_READING"),
        (InvalidParam, "INVALID_PARAM"),
        (MissingParam, "MISSING_PARAM"),
    ],
)
def test_categories(error: type[UnitsError], category: str) -> None:
    """Every error is a UnitsError, carries its category and keeps its fields."""
    raised = error("no such thing", field="unit", seen="cels", allowed=["K", "F", "C"])
    assert isinstance(raised, UnitsError)
    assert (raised.category, raised.field, raised.seen) == (category, "unit", "cels")
    assert set(raised.allowed) == {"K", "F", "C"}


def test_near_names_come_first() -> None:
    """A misspelled name is answered with the names that resemble it, whatever their case, then the others in order."""
    assert nearest_first("DX", ["T", "x_inc", "dx", "dy"])[0] == "dx"
    assert nearest_first("zero", ["T", "dT", "P"]) == ("T", "dT", "P")


def test_text_is_one_line() -> None:
    """The text names the problem and at most eight allowed values, then how many more there are."""
    text = str(UnknownUnit("no unit has the id 'q'", field="unit", seen="q", allowed=[f"unit{n}" for n in range(11)]))
    assert text.startswith("no unit has the id 'q'; allowed: unit0, unit1")
    assert text.endswith("unit7 and 3 more")
    assert "\n" not in text
    assert str(UnknownUnit("no unit", field="unit")) == "no unit"
