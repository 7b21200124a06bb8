"""Times in a format of the person's own: strptime's letters, made one regular expression for a whole column.

The C library's strptime is not called: it makes 31 February 2 March, knows no fractions of a second, and answers 1900
where a format leaves the year out. Here what the letters find is held against the calendar, and a format that leaves
the instant open is refused before anything is read. Letters as in the Python documentation, `strftime()` and
`strptime()` format codes; names of months and days are English.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tseng.errors import InvalidRequest

_Column = NDArray[np.int64]

_SECOND, _MINUTE, _HOUR = 1_000_000, 60_000_000, 3_600_000_000
_DAY = 24 * _HOUR
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTH = "(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:tember)?"
_MONTH += "|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
_WEEKDAY = "(?i:mon(?:day)?|tue(?:sday)?|wed(?:nesday)?|thu(?:rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"

# Each letter with its text; `?[` marks a first digit that may be left out where no other number touches this one.
_NUMBERS = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "0?[1-9]|1[0-2]",
    "d": "0?[1-9]|[12][0-9]|3[01]",
    "j": "[0-9]{3}",
    "H": "[01]?[0-9]|2[0-3]",
    "I": "0?[1-9]|1[0-2]",
    "M": "[0-5]?[0-9]",
    "S": "[0-5]?[0-9]",
    "f": "[0-9]{1,9}",
    "s": "-?[0-9]{1,12}",
}
_WORDS = {
    "b": _MONTH,
    "a": _WEEKDAY,
    "p": r"(?i:[ap]\.?m\.?)",
    "z": "[Zz]|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?",
}
_SAME = {"e": "d", "B": "b", "h": "b", "A": "a"}
_SHORT = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M", "D": "%m/%d/%y"}
LETTERS = (*_NUMBERS, *_WORDS, *_SAME, *_SHORT, "%")

_DAYS = [set("md"), set("bd"), set("j")]
_CLOCKS = [set(), set("H"), set("HM"), set("HMS"), set("HMSf"), set("Ip"), set("IpM"), set("IpMS"), set("IpMSf")]


@dataclass(frozen=True)
class TimeFormat:
    """One format, understood: the expression that a text must match whole, and the letters of its groups in order."""

    pattern: str
    letters: tuple[str, ...]

    @property
    def zoned(self) -> bool:
        """Whether each text carries its own offset, so that times are instants and on no wall clock."""
        return bool({"z", "s"} & set(self.letters))


def _refused(form: str, why: str) -> InvalidRequest:
    return InvalidRequest.at("time_format", f"{form!r} {why}")


def _check(form: str, letters: list[str]) -> None:
    """Refuse a format that does not fix the instant, or fixes a part of it twice."""
    twice = [letter for letter in letters if letters.count(letter) > 1]
    if twice:
        raise _refused(form, f"is not clear: %{twice[0]} stands twice")
    given = set(letters)
    if "s" in given:
        if len(given) > 1:
            raise _refused(form, "is not clear: %s stands alone")
        return
    if len(given & set("Yy")) != 1 or given & set("mbdj") not in _DAYS:
        raise _refused(form, "names no day: it takes %Y (or %y), with %m (or %b) and %d, or with %j")
    if given & set("HIpMSf") not in _CLOCKS:
        raise _refused(form, "is no time of day: it takes %H or %I with %p, then %M, %S and %f")


def _letter(form: str, text: str) -> str:
    letter = _SAME.get(text, text)
    if text == "Z":
        raise _refused(form, "has %Z, but the names of zones are not unique: %z reads offsets, --tz says the zone")
    if letter not in _NUMBERS and letter not in _WORDS:
        known = " ".join(f"%{each}" for each in LETTERS)
        raise _refused(form, f"is not a format: %{text} is none of its letters, {known}")
    return letter


@cache
def understood(form: str) -> TimeFormat:
    """Understand a format.

    Raises:
        InvalidRequest: it has a letter that is not read here, or does not fix the instant.
    """
    whole = re.sub("%(.)", lambda found: _SHORT.get(found[1], found[0]), form)
    # Parts of a format: a letter (with its %), blanks, or other text as it stands.
    parts = [(found[0], found["letter"]) for found in re.finditer(r"%(?P<letter>.?)|\s+|[^%\s]+", whole)]
    letters = [None if each in (None, "%") else _letter(form, each) for _, each in parts]
    _check(form, [letter for letter in letters if letter])
    numbers = [False, *(letter in _NUMBERS for letter in letters), False]
    pattern = ""
    for at, ((text, sign), letter) in enumerate(zip(parts, letters, strict=True)):
        if letter is None:
            pattern += r"\s+" if text.isspace() else re.escape("%" if sign else text)
            continue
        own = _NUMBERS.get(letter) or _WORDS[letter]
        pattern += f"(?P<{letter}>{own.replace('?[', '[') if numbers[at] or numbers[at + 2] else own})"
    return TimeFormat(f"^(?:{pattern})$", tuple(letter for letter in letters if letter))


def _whole(texts: pa.Array) -> _Column:
    """Digits as int64, 0 for null."""
    number: _Column = pc.fill_null(texts.cast(pa.int64()), 0).to_numpy()
    return number


def _position(texts: pa.Array, among: tuple[str, ...]) -> _Column:
    """Which of some words each text starts with, from 0; also 0 for null."""
    short = pc.utf8_lower(pc.utf8_slice_codeunits(texts, 0, len(among[0])))
    return _whole(pc.index_in(short, pa.array(among)))


def _offset(texts: pa.Array) -> _Column:
    """Offsets from UTC in microseconds; a column has few distinct ones."""
    found = pc.fill_null(texts, "Z").dictionary_encode()
    each: _Column = np.array([_offset_of(text) for text in found.dictionary.to_pylist()], dtype=np.int64)
    offsets: _Column = each[found.indices.to_numpy()]
    return offsets


def _offset_of(text: str) -> int:
    digits = text[1:].replace(":", "").ljust(4, "0")
    away = int(digits[:2]) * _HOUR + int(digits[2:]) * _MINUTE
    return -away if text.startswith("-") else away


_READERS: Mapping[str, Callable[[pa.Array], _Column]] = {
    "b": lambda texts: _position(texts, _MONTHS) + 1,
    "a": lambda texts: _position(texts, _WEEKDAYS),
    "p": lambda texts: 12 * _position(texts, ("a", "p")),
    "f": lambda texts: _whole(pc.utf8_rpad(texts, 9, "0")) // 1000,
    "z": _offset,
}


def _start(year: _Column, month: _Column | int) -> _Column:
    """Day number, from 1970, of the first of a month; month 13 is January of the next year."""
    months = (year - 1970) * 12 + (month - 1)
    days: _Column = months.view("datetime64[M]").astype("datetime64[D]").view(np.int64)
    return days


def _date(number: Mapping[str, _Column]) -> tuple[_Column, NDArray[np.bool_]]:
    """Day numbers from 1970, shape (n,), and which of them the calendar has."""
    # POSIX strptime: 69 to 99 are of the twentieth century, 00 to 68 of the next.
    year = number["Y"] if "Y" in number else number["y"] + np.where(number["y"] < 69, 2000, 1900)
    if "j" in number:
        start, end, within = _start(year, 1), _start(year + 1, 1), number["j"]
    else:
        month = number["b"] if "b" in number else number["m"]
        start, end, within = _start(year, month), _start(year, month + 1), number["d"]
    day = start + within - 1
    good = (year >= 1) & (start <= day) & (day < end)
    if "a" in number:
        good &= (day + 3) % 7 == number["a"]
    return day, good


def _clock(number: Mapping[str, _Column]) -> _Column | int:
    """Microseconds since midnight."""
    hour = number["I"] % 12 + number["p"] if "I" in number else number.get("H", 0)
    parts = ((hour, _HOUR), (number.get("M", 0), _MINUTE), (number.get("S", 0), _SECOND), (number.get("f", 0), 1))
    return sum(part * length for part, length in parts)


def read(texts: pa.Array, form: TimeFormat) -> tuple[_Column, NDArray[np.bool_]]:
    """Read times.

    Args:
        texts: Arrow strings without blanks around them, n of them; null is no time.
        form: how they are written.

    Returns:
        int64 microseconds since 1970, shape (n,), in UTC if `form.zoned`, else on the wall clock, cut down to the
        microsecond; and which of the texts are times, the others being 0.
    """
    found = pc.extract_regex(texts, form.pattern)
    good: NDArray[np.bool_] = pc.is_valid(found).to_numpy(zero_copy_only=False)
    columns = zip(form.letters, found.flatten(), strict=True)
    number = {letter: _READERS.get(letter, _whole)(column) for letter, column in columns}
    if "s" in number:
        return number["s"] * _SECOND, good
    day, real = _date(number)
    good = good & real
    time = day * _DAY + _clock(number) - number.get("z", 0)
    return np.where(good, time, 0), good
