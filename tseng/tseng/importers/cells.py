"""Columns of text to numbers and times: whole columns at once, and a mask of the cells that are neither."""

from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tseng.importers.zones import localise

# Ways in which loggers and spreadsheets write "no value"; infinities count as missing (domain section 1.2).
MISSING = (
    *("", "NaN", "nan", "NAN", "-nan", "NA", "N/A", "#N/A", "null", "NULL", "None"),
    *("inf", "-inf", "+inf", "Inf", "-Inf", "INF", "-INF", "+INF", "Infinity", "-Infinity"),
)

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_DECIMAL_COMMA = r"^([+-]?[0-9]*),([0-9]+)$"
_OFFSET = r"[T ][0-9]{2}(:?[0-9]{2}){0,2}(\.[0-9]+)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"


@dataclass(frozen=True)
class Numbers:
    """float64 values, shape (n,), NaN where there is none; masks of missing cells and of no numbers."""

    value: NDArray[np.float64]
    missing: NDArray[np.bool_]
    bad: NDArray[np.bool_]


@dataclass(frozen=True)
class Times:
    """int64 microseconds since 1970 UTC, shape (n,), 0 where a mask says why not; `naive`: some had no offset."""

    time: NDArray[np.int64]
    unreadable: NDArray[np.bool_]
    nonexistent: NDArray[np.bool_]
    ambiguous: NDArray[np.bool_]
    naive: bool

    @property
    def good(self) -> NDArray[np.bool_]:
        """Rows that have a time."""
        return ~(self.unreadable | self.nonexistent | self.ambiguous)


def _flags(mask: pa.Array) -> NDArray[np.bool_]:
    """An Arrow mask as numpy, null as false."""
    flags: NDArray[np.bool_] = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
    return flags


def _typed(cells: pa.Array) -> Numbers:
    """Cells that were read as numbers already."""
    value = cells.to_numpy(zero_copy_only=False)
    missing = ~np.isfinite(value)
    return Numbers(value, missing, np.zeros(len(value), dtype=bool))


def numbers(cells: pa.Array, *, decimal_comma: bool = False) -> Numbers:
    """Read numbers out of cells of text (or take them as they are, if they are float64)."""
    if pa.types.is_floating(cells.type):
        return _typed(cells)
    text = pc.utf8_trim_whitespace(cells.cast(pa.string()))
    if decimal_comma:
        text = pc.replace_substring_regex(text, _DECIMAL_COMMA, r"\1.\2")
    good = _flags(pc.match_substring_regex(text, _NUMBER))
    missing = _flags(pc.is_in(text, pa.array(MISSING))) | _flags(pc.is_null(text))
    read = _typed(pc.if_else(pa.array(good), text, None).cast(pa.float64()))
    return Numbers(read.value, missing | (good & read.missing), ~(good | missing))


def _cast_or_null(text: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast, null where a cell does not fit: halves until odd cells stand alone, so a clean column costs one cast."""
    try:
        return text.cast(kind)
    except pa.ArrowInvalid:
        if len(text) == 1:
            return pa.nulls(1, kind)
    half = len(text) // 2
    return pa.concat_arrays([_cast_or_null(text[:half], kind), _cast_or_null(text[half:], kind)])


def _tidy(cells: pa.Array) -> pa.Array:
    """Usual spellings brought to ISO 8601: slashes in year-first dates, a space before the offset, over 6 digits."""
    text = pc.utf8_trim_whitespace(cells)
    text = pc.replace_substring_regex(text, r"^([0-9]{4})/([0-9]{2})/([0-9]{2})", r"\1-\2-\3")
    text = pc.replace_substring_regex(text, r" +(Z|[+-][0-9]{2}:?[0-9]{2})$", r"\1")
    return pc.replace_substring_regex(text, r"(\.[0-9]{6})[0-9]+", r"\1")


def _instants(cells: pa.Array, form: str | None) -> tuple[pa.Array, pa.Array]:
    """Cells as wall-clock times and as instants (with offset); in each row at most one of the two is not null."""
    if form is not None:
        wall = pc.strptime(pc.utf8_trim_whitespace(cells), format=form, unit="us", error_is_null=True)
        return wall, pa.nulls(len(cells), pa.timestamp("us", "UTC"))
    text = _tidy(cells)
    offset = pc.match_substring_regex(text, _OFFSET)
    dated = pc.match_substring_regex(text, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}")
    bare = pc.if_else(pc.and_(dated, pc.invert(offset)), text, None)
    return (
        _cast_or_null(bare, pa.timestamp("us")),
        _cast_or_null(pc.if_else(offset, text, None), pa.timestamp("us", "UTC")),
    )


def _microseconds(column: pa.Array) -> NDArray[np.int64]:
    """Timestamps as int64, 0 for null."""
    whole = column.cast(pa.timestamp("us", column.type.tz)).view(pa.int64())
    number: NDArray[np.int64] = np.array(pc.fill_null(whole, 0).to_numpy())
    return number


def times(cells: pa.Array, where: tzinfo, form: str | None = None) -> Times:
    """Read times out of cells of text, or out of timestamps.

    Args:
        cells: Arrow strings or timestamps, n of them.
        where: zone of the times that carry no offset.
        form: strptime format of the text; None: ISO 8601.

    Returns:
        The times in UTC and what is wrong with those that have none.
    """
    if pa.types.is_timestamp(cells.type):
        at = cells.cast(pa.timestamp("us", cells.type.tz), safe=False)
        nulls = pa.nulls(len(cells), pa.timestamp("us", "UTC"))
        wall, instant = (at, nulls) if cells.type.tz is None else (pa.nulls(len(cells), pa.timestamp("us")), at)
    else:
        wall, instant = _instants(cells, form)
    on_wall, known = _flags(pc.is_valid(wall)), _flags(pc.is_valid(instant))
    time = _microseconds(instant)
    local = localise(_microseconds(wall)[on_wall], where)
    nonexistent, ambiguous = np.zeros(len(time), dtype=bool), np.zeros(len(time), dtype=bool)
    time[on_wall], nonexistent[on_wall], ambiguous[on_wall] = local.time, local.nonexistent, local.ambiguous
    return Times(time, ~(on_wall | known), nonexistent, ambiguous, bool(on_wall.any()))
