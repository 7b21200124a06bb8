"""Columns of text to numbers and times: whole columns at once, and a mask of the cells that are neither."""

from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tseng.importers import timeformat
from tseng.importers.zones import localise
from tseng_units.instants import DAY_US, MAX_US, MIN_US

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


# Microseconds in one step of Arrow's times; of nanoseconds there are a thousand in one.
_STEPS = {
    pa.timestamp("s"): 1_000_000,
    pa.timestamp("ms"): 1000,
    pa.timestamp("us"): 1,
    pa.timestamp("ns"): 1,
    pa.date32(): DAY_US,
    pa.date64(): 1000,
}


@dataclass(frozen=True)
class Times:
    """int64 microseconds since 1970 UTC, shape (n,), 0 where a mask says why not; `naive`: some had no offset.

    `outside`: before year 1 or after year 9999 in UTC.
    """

    time: NDArray[np.int64]
    unreadable: NDArray[np.bool_]
    outside: NDArray[np.bool_]
    nonexistent: NDArray[np.bool_]
    ambiguous: NDArray[np.bool_]
    naive: bool

    @property
    def good(self) -> NDArray[np.bool_]:
        """Rows that have a time."""
        return ~(self.unreadable | self.outside | self.nonexistent | self.ambiguous)


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


@dataclass(frozen=True)
class _Stamps:
    """Times on one clock: int64 microseconds, shape (n,), 0 where a row has none; `far`: nowhere near the calendar."""

    time: NDArray[np.int64]
    there: NDArray[np.bool_]
    far: NDArray[np.bool_]


def _stamps(column: pa.Array) -> _Stamps:
    """Timestamps or dates, cut down to the microsecond; a day beyond the calendar's ends a zone may bring back."""
    kind = pa.timestamp(column.type.unit) if pa.types.is_timestamp(column.type) else column.type
    bits = column.view(pa.int32() if kind == pa.date32() else pa.int64())
    raw: NDArray[np.int64] = pc.fill_null(bits, 0).to_numpy().astype(np.int64)
    if kind == pa.timestamp("ns"):
        raw = np.floor_divide(raw, 1000)
    far = (raw < (MIN_US - DAY_US) // _STEPS[kind]) | (raw > (MAX_US + DAY_US) // _STEPS[kind])
    raw[far] = 0
    return _Stamps(raw * _STEPS[kind], _flags(pc.is_valid(column)), far)


def _none(count: int) -> _Stamps:
    """No times at all."""
    return _Stamps(np.zeros(count, dtype=np.int64), np.zeros(count, dtype=bool), np.zeros(count, dtype=bool))


def _read(cells: pa.Array, form: str | None) -> tuple[_Stamps, _Stamps]:
    """Cells as times on the wall clock and as instants (with offset); in each row at most one of the two is there."""
    if pa.types.is_temporal(cells.type):
        pair = (_stamps(cells), _none(len(cells)))
        return pair if getattr(cells.type, "tz", None) is None else pair[::-1]
    if form is not None:
        understood = timeformat.understood(form)
        time, good = timeformat.read(pc.utf8_trim_whitespace(cells.cast(pa.string())), understood)
        pair = (_Stamps(time, good, np.zeros(len(time), dtype=bool)), _none(len(time)))
        return pair[::-1] if understood.zoned else pair
    text = _tidy(cells)
    offset = pc.match_substring_regex(text, _OFFSET)
    dated = pc.match_substring_regex(text, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}")
    bare = pc.if_else(pc.and_(dated, pc.invert(offset)), text, None)
    return (
        _stamps(_cast_or_null(bare, pa.timestamp("us"))),
        _stamps(_cast_or_null(pc.if_else(offset, text, None), pa.timestamp("us", "UTC"))),
    )


def times(cells: pa.Array, where: tzinfo, form: str | None = None) -> Times:
    """Read times out of cells of text, or out of timestamps or dates.

    Args:
        cells: Arrow strings, timestamps or dates, n of them.
        where: zone of the times that carry no offset.
        form: strptime format of the text; None: ISO 8601.

    Returns:
        The times in UTC and what is wrong with those that have none.

    Raises:
        InvalidRequest: the format is none, or leaves the instant open.
    """
    wall, instant = _read(cells, form)
    outside = wall.far | instant.far
    on_wall = wall.there & ~outside
    time = instant.time.copy()
    local = localise(wall.time[on_wall], where)
    nonexistent, ambiguous = np.zeros(len(time), dtype=bool), np.zeros(len(time), dtype=bool)
    time[on_wall], nonexistent[on_wall], ambiguous[on_wall] = local.time, local.nonexistent, local.ambiguous
    outside |= (time < MIN_US) | (time > MAX_US)
    time[outside] = 0
    return Times(time, ~(wall.there | instant.there), outside, nonexistent, ambiguous, bool(wall.there.any()))
