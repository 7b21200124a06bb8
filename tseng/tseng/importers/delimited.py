"""Delimited text in blocks of columns, each row knowing its line.

Arrow reads a block straight into numbers and times; that is the fast path and needs every cell to be clean. A block in
which it fails is read once more as text, and cell by cell (in whole-column operations) the good is told from the bad.
One row is one line: a line with a quote that does not close in it is reported, and the next line stands for itself.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
from numpy.typing import NDArray

from tseng.importers.cells import MISSING
from tseng.importers.ledger import Ledger

NUMBER, TIME, TEXT = pa.float64(), pa.timestamp("us"), pa.string()
_INSTANT = pa.timestamp("us", "UTC")
# What a column is tried as next when a block of it does not fit: times without offset, times with one, text.
_NEXT = {TIME: _INSTANT, _INSTANT: TEXT, NUMBER: TEXT}


@dataclass
class Layout:
    """How the lines are cut and which columns are wanted.

    Attributes:
        width: number of columns.
        delimiter: what stands between them.
        kinds: wanted columns by position, each with the type to try first; a column that fails turns to text for good.
    """

    width: int
    delimiter: str
    kinds: dict[int, pa.DataType]


@dataclass(frozen=True)
class Block:
    """Rows of one piece of the file: columns by position, and the line each row stands in (1 = first of the file)."""

    columns: Mapping[int, pa.Array]
    line: NDArray[np.int64]


@dataclass
class _Rejected:
    """Rows of the wrong width: Arrow's number of the row in the block (from 1, blank lines not counted), the text."""

    width: int
    rows: list[tuple[int | None, str, int]] = field(default_factory=list)

    def __call__(self, row: arrow_csv.InvalidRow) -> str:
        self.rows.append((row.number, row.text, row.actual_columns))
        return "skip"


def split_line(line: str, delimiter: str) -> list[str]:
    """Cells of one line, blanks around them removed."""
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]


def delimiter_of(header: str) -> str:
    """Return which of comma, semicolon and tab cuts a header line into the most cells."""
    return max(",;\t", key=lambda each: len(split_line(header, each)))


def _read(
    piece: bytes, layout: Layout, kinds: Mapping[int, pa.DataType], *, threads: bool
) -> tuple[pa.Table, _Rejected]:
    rejected = _Rejected(layout.width)
    names = [str(each) for each in range(layout.width)]
    table = arrow_csv.read_csv(
        pa.BufferReader(piece),
        read_options=arrow_csv.ReadOptions(column_names=names, use_threads=threads, block_size=1 << 21),
        parse_options=arrow_csv.ParseOptions(delimiter=layout.delimiter, invalid_row_handler=rejected),
        convert_options=arrow_csv.ConvertOptions(
            column_types={str(each): kind for each, kind in kinds.items()},
            include_columns=[str(each) for each in kinds],
            null_values=list(MISSING),
            strings_can_be_null=False,
        ),
    )
    return table, rejected


def _fits(piece: bytes, layout: Layout, column: int) -> bool:
    """Whether one column of the block can be read as the type it is tried as."""
    try:
        _read(piece, layout, {column: layout.kinds[column]}, threads=True)
    except pa.ArrowInvalid:
        return False
    return True


def _careful(piece: bytes, layout: Layout) -> tuple[pa.Table, _Rejected]:
    """Read a block that is not clean: columns that fail turn to text for the rest of the file."""
    for column in layout.kinds:
        while layout.kinds[column] in _NEXT and not _fits(piece, layout, column):
            layout.kinds[column] = _NEXT[layout.kinds[column]]
    return _read(piece, layout, layout.kinds, threads=False)


def _parse(piece: bytes, layout: Layout) -> tuple[pa.Table, _Rejected]:
    try:
        table, rejected = _read(piece, layout, layout.kinds, threads=True)
    except pa.ArrowInvalid:
        return _careful(piece, layout)
    # Rows are numbered only when one thread reads, so a block with rows of the wrong width is read again.
    return _read(piece, layout, layout.kinds, threads=False) if rejected.rows else (table, rejected)


def _quoting(delimiter: str) -> re.Pattern[bytes]:
    """Lines whose quotes open at the start of a cell and close at its end."""
    cut = re.escape(delimiter).encode()
    cell = rb'(?:"(?:[^"]|"")*"|[^"' + cut + rb"][^" + cut + rb"]*|)"
    return re.compile(cell + rb"(?:" + cut + cell + rb")*")


def _without_broken_quotes(piece: bytes, layout: Layout, first: int, ledger: Ledger) -> bytes:
    """Blank out the lines with a quote that does not close in its line, which would swallow the lines after it."""
    whole, lines = _quoting(layout.delimiter), piece.split(b"\n")
    for index, line in enumerate(lines):
        if b'"' in line and not whole.fullmatch(line):
            ledger.refuse(first + index, line[:80].decode(errors="replace"), "has a quote that does not close")
            ledger.rows += 1
            lines[index] = b""
    return b"\n".join(lines)


def _filled(piece: bytes, first: int, rows: int) -> NDArray[np.int64]:
    """Numbers of the lines that are not blank; `rows` of them are expected."""
    count = piece.count(b"\n") + (not piece.endswith(b"\n"))
    if count == rows:
        return np.arange(first, first + count, dtype=np.int64)
    return np.array([first + i for i, line in enumerate(piece.split(b"\n")) if line], dtype=np.int64)


def _rows(piece: bytes, layout: Layout, first: int, ledger: Ledger) -> tuple[Mapping[int, pa.Array], NDArray[np.int64]]:
    """Good rows of a piece and their lines; rows of the wrong width go to the ledger."""
    table, rejected = _parse(piece, layout)
    filled = _filled(piece, first, table.num_rows + len(rejected.rows))
    if len(filled) != table.num_rows + len(rejected.rows):
        piece = _without_broken_quotes(piece, layout, first, ledger)
        table, rejected = _parse(piece, layout)
        filled = _filled(piece, first, table.num_rows + len(rejected.rows))
    wrong = np.array([(number or 1) - 1 for number, _, _ in rejected.rows], dtype=np.int64)
    for at, (_, text, found) in zip(filled[wrong].tolist(), rejected.rows, strict=True):
        ledger.refuse(at, text[:80], f"has {found} columns, not {layout.width}")
    ledger.rows += table.num_rows + len(rejected.rows)
    return {int(name): table[name].combine_chunks() for name in table.column_names}, np.delete(filled, wrong)


def blocks(pieces: Iterator[bytes], layout: Layout, first_line: int, ledger: Ledger) -> Iterator[Block]:
    """Cut pieces of whole lines into columns.

    Args:
        pieces: the text after the header, whole lines.
        layout: how to cut; its `kinds` may turn to text on the way.
        first_line: line of the first row.
        ledger: takes the count of rows, and the rows of the wrong width.

    Yields:
        Columns as Arrow arrays: float64 or timestamps where the whole block is clean, else strings.
    """
    for piece in pieces:
        if not piece.strip(b"\n"):
            first_line += len(piece)
            continue
        columns, line = _rows(piece, layout, first_line, ledger)
        first_line += piece.count(b"\n")
        yield Block(columns, line)
