"""A file on disk as a stream of bytes: plain, gzip, or the one member of a zip, told by content and not by name."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from tseng.errors import InvalidRequest

BLOCK = 16 * 1024 * 1024
_HEAD = 64 * 1024


class Source:
    """One open file.

    Attributes:
        path: where it lies.
        total: its size on disk in bytes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reached = 0
        try:
            self.total = path.stat().st_size
            self._raw = path.open("rb")
        except OSError as error:
            raise InvalidRequest.at("file", f"{path}: {error.strerror or error}") from error
        try:
            self._stream = self._unwrapped()
        except InvalidRequest:
            self._raw.close()
            raise

    def __enter__(self) -> Self:
        """Return itself; the file is open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._stream.close()
        self._raw.close()

    @property
    def done(self) -> int:
        """Bytes of the file on disk read so far."""
        return self._reached or min(self._raw.tell(), self.total)

    def reach(self, part: float) -> None:
        """Say how far a reader came (0 to 1) that reads the file by other means than this stream."""
        self._reached = min(round(part * self.total), self.total)

    def _unwrapped(self) -> IO[bytes]:
        magic = self._raw.read(4)
        self._raw.seek(0)
        if magic[:2] == b"\x1f\x8b":
            return cast(IO[bytes], gzip.GzipFile(fileobj=self._raw))
        if magic == b"PK\x03\x04":
            return self._member()
        return self._raw

    def _member(self) -> IO[bytes]:
        try:
            archive = zipfile.ZipFile(self._raw)
            members = [each for each in archive.infolist() if not each.is_dir()]
            if any(each.filename.startswith("xl/") for each in members):
                raise InvalidRequest.at("file", f"{self.path.name} is an Excel workbook: save the sheet as CSV")
            if len(members) != 1:
                names = ", ".join(each.filename for each in members[:5])
                raise InvalidRequest.at(
                    "file",
                    f"{self.path.name} holds {len(members)} files ({names}); unpack it and import them one by one",
                )
            return archive.open(members[0])
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise InvalidRequest.at("file", f"{self.path.name} is not a readable zip file: {error}") from error

    def read(self, size: int = -1) -> bytes:
        """Read decompressed bytes; a damaged or short archive is refused by name."""
        try:
            return self._stream.read(size)
        except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error) as error:
            raise InvalidRequest.at("file", f"{self.path.name} is damaged or cut short: {error}") from error

    def rewind(self) -> None:
        """Go back to the start."""
        self._stream.seek(0)

    def head(self) -> bytes:
        """First bytes, without moving on."""
        self.rewind()
        start = self.read(_HEAD)
        self.rewind()
        return start

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """Whole lines in pieces of about `size` bytes, in UTF-8, from where the stream stands."""
        rest = b""
        while piece := self.read(size):
            cut = piece.rfind(b"\n") + 1
            if cut:
                yield _utf8(rest + piece[:cut])
            rest = piece[cut:] if cut else rest + piece
            if len(rest) > 4 * size:
                raise InvalidRequest.at(
                    "file", f"{self.path.name} has a line of more than {4 * size} bytes: it is no table of text"
                )
        if rest:
            yield _utf8(rest)


def _utf8(text: bytes) -> bytes:
    """Text as UTF-8, lines ended by a line feed; what is not UTF-8 is cp1252, the logger software's code page."""
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if text.isascii():
        return text
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("cp1252", errors="replace").encode()
    return text.removeprefix(b"\xef\xbb\xbf")
