"""Which format a file has, told from its first bytes; its name says nothing."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import pyarrow as pa

from tseng.errors import InvalidRequest
from tseng.importers import ags4, csvfile, parquetfile, toa5, xle
from tseng.importers.ledger import Ledger
from tseng.importers.options import ImportOptions
from tseng.importers.source import Source

Read = Callable[[Source, ImportOptions, Ledger], Iterator[list[pa.Table]]]
Adapt = Callable[[str, str | None, Collection[str]], tuple[str, str | None]]


def _as_named(metric: str, unit: str | None, offered: Collection[str]) -> tuple[str, str | None]:
    """Metric and unit as the file has them."""
    return metric, unit


@dataclass(frozen=True)
class Format:
    """One format: its name, how its first bytes look, its parser, and how its columns are named for a typed sensor."""

    name: str
    starts: tuple[bytes, ...]
    read: Read
    adapt: Adapt = _as_named


FORMATS = (
    Format("Parquet", (b"PAR1",), parquetfile.read),
    Format("Campbell TOA5", (b'"TOA5"', b"TOA5,"), toa5.read),
    Format("AGS4", (b'"GROUP"',), ags4.read),
    Format("Solinst XLE", (b"<?xml", b"<Body_xle"), xle.read, xle.adapt),
)
CSV = Format("CSV", (), csvfile.read)

# Files people have beside these, and what to do about them.
_OTHERS = (
    ((b'"TOB1"', b"TOB1", b'"TOB3"', b"TOB3"), "Campbell binary (TOB): convert it to TOA5 with CardConvert"),
    ((b'"TOACI1"',), "Campbell TOACI1: export it as TOA5, with units"),
    ((b'"**',), "AGS 3: this importer reads AGS4"),
    ((b"\xff\xfe", b"\xfe\xff"), "UTF-16 text: save it as UTF-8"),
    ((b"%PDF", b"\xd0\xcf\x11\xe0", b"\x89PNG", b"\x7fELF"), "not a table of readings"),
)


def recognise(source: Source) -> Format:
    """Tell the format of a file; text that is nothing else is CSV.

    Raises:
        InvalidRequest: the file is empty, binary, or of a format that is known and not read.
    """
    head = source.head().removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head:
        raise InvalidRequest.at("file", f"{source.path.name} is empty")
    for each in FORMATS:
        if head.startswith(each.starts):
            return each
    for starts, what in _OTHERS:
        if head.startswith(starts):
            raise InvalidRequest.at("file", f"{source.path.name} is {what}")
    if b"\0" in head:
        raise InvalidRequest.at("file", f"{source.path.name} is binary and of no format that can be read here")
    return CSV
