"""The ledger of one read: what came in, what was left out and why. Parsers write it, the report quotes it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

# A file with a million bad rows must not fill the memory with them: the count goes on, the list stops.
KEPT = 1000


@dataclass(frozen=True)
class BadRow:
    """One row or cell kept out: its line in the file (1 = first), what stood there, and the reason it cannot go in."""

    line: int
    seen: str
    reason: str

    def __str__(self) -> str:
        """One line for people."""
        return f"line {self.line}: {self.seen!r} {self.reason}"


@dataclass
class Ledger:
    """Counts and remarks of one read.

    Attributes:
        rows: data rows met, good or bad.
        missing: cells that hold no value: blank, or a word such as NAN.
        sentinels: cells treated as missing because of a sentinel number, by column.
        bad: the first `KEPT` bad rows; `bad_count` counts all.
        notes: remarks for the person, one line each.
        naive: whether a time without offset was met, so that the zone mattered.
        assumed: metrics for which no unit is stated, with the unit their values were taken in.
        about: what the file says about its logger; sensors made from it keep it as custom props.
    """

    rows: int = 0
    missing: int = 0
    sentinels: Counter[str] = field(default_factory=Counter)
    bad: list[BadRow] = field(default_factory=list)
    bad_count: int = 0
    notes: list[str] = field(default_factory=list)
    naive: bool = False
    assumed: dict[str, str] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    def refuse(self, line: int, seen: str, reason: str) -> None:
        """Record one bad row."""
        self.bad_count += 1
        if len(self.bad) < KEPT:
            self.bad.append(BadRow(line, seen, reason))

    def refuse_all(self, rows: Sequence[BadRow], count: int) -> None:
        """Record bad rows already collected, of which only some were kept."""
        self.bad_count += count
        self.bad.extend(rows[: max(0, KEPT - len(self.bad))])

    def note(self, text: str) -> None:
        """Record a remark once."""
        if text not in self.notes:
            self.notes.append(text)
