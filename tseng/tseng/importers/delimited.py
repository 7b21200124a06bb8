"""Delimited text in blocks of columns, each row knowing its line.

Arrow reads a block straight into numbers and times; that is the fast path and needs every cell to be clean. A block in
which it fails is read once more as text, and cell by cell (in whole-column operations) the good is told from the bad.
One row is one line: a quoted line break makes rows of the wrong width, which are reported.
"""

import csv
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


def _filled_lines(piece: bytes, first: int) -> NDArray[np.int64]:
    """Numbers of the lines that are not blank."""
    lines = piece.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return np.array([first + i for i, line in enumerate(lines) if line.strip(b"\r")], dtype=np.int64)


def _lines(piece: bytes, first: int, rows: int, rejected: _Rejected) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lines of the good rows and of the rejected ones."""
    count = piece.count(b"\n") + (not piece.endswith(b"\n"))
    plain = count == rows + len(rejected.rows)
    filled = np.arange(first, first + count, dtype=np.int64) if plain else _filled_lines(piece, first)
    wrong = np.array([(number or 1) - 1 for number, _, _ in rejected.rows], dtype=np.int64)
    return np.delete(filled, wrong)[:rows], filled[wrong]


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
        if not piece.strip():
            continue
        table, rejected = _parse(piece, layout)
        line, wrong = _lines(piece, first_line, table.num_rows, rejected)
        for at, (_, text, found) in zip(wrong.tolist(), rejected.rows, strict=True):
            ledger.refuse(at, text[:80], f"has {found} columns, not {layout.width}")
        ledger.rows += table.num_rows + len(rejected.rows)
        first_line += piece.count(b"\n")
        yield Block({int(name): table[name].combine_chunks() for name in table.column_names}, line)
