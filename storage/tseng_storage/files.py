"""Files that survive a power cut: sync helpers, a hashing sink and the lock between processes.

Rename is atomic, but neither the renamed file nor its name is on disk before the file and then the folder were synced.
"""

import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tseng_storage.errors import StoreBusy

HASH_LENGTH = 32
"""Hex digits of the SHA-256 that name a segment (128 bits)."""


def sync_file(path: Path) -> None:
    """Return when the content of `path` is on disk."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Return when the names inside folder `path` are on disk."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path) -> None:
    """Create `path` with its parents so that it survives a power cut; an existing one is left alone."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def write_file(path: Path, content: bytes) -> None:
    """Make the file `path`; it is on disk when this returns, and never there in part.

    A process that dies meanwhile may leave a file that ends in `.tmp` beside it.
    """
    make_folder(path.parent)
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with partial.open("xb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        partial.rename(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def file_hash(path: Path) -> str:
    """SHA-256 of a whole file, 64 hex digits."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


class HashingFile:
    """A write-only file that hashes what passes through; pyarrow takes it as a sink."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def closed(self) -> bool:
        """Whether the file is closed, as pyarrow asks of its sinks."""
        return self._file.closed

    def write(self, data: memoryview) -> int:
        """Append `data`; the number of bytes written."""
        self._hash.update(data)
        written = self._file.write(data)
        self.size += written
        return written

    def tell(self) -> int:
        """Bytes written so far."""
        return self.size

    def flush(self) -> None:
        """Hand buffered bytes to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Close without syncing; `finish` comes first when the file is to be kept."""
        self._file.close()

    def finish(self) -> str:
        """Sync and close; the content's hash as it names the file."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._hash.hexdigest()[:HASH_LENGTH]


@contextmanager
def exclusive(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock file `path` against other processes and other threads; StoreBusy when not waiting and it is taken.

    An flock belongs to the open file, so a process that dies lets go and two stores in one process exclude each other.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as busy:
            raise StoreBusy("another process is flushing, compacting, loading or backing up this store") from busy
        yield
    finally:
        os.close(handle)
