"""What a disk may refuse, told as errors of storage.

The operating system says it by number, SQLite and the Delta library in words only.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from tseng_storage.errors import Damaged, StorageError, StoreFull, StoreReadOnly
from tseng_storage.files import exclusive
from tseng_storage.layout import Layout

_FULL = {errno.ENOSPC, errno.EDQUOT}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}
_NUMBER = re.compile(r"os error (\d+)")
_DECORATION = re.compile(r"\x1b\[[0-9;]*m|↳")


def full(path: object) -> StoreFull:
    """The error of a disk without room at `path`."""
    return StoreFull(
        "no space is left on the disk of the store: free some, then try again; what was acknowledged is safe",
        "path",
        str(path),
    )


def read_only(path: object) -> StoreReadOnly:
    """The error of a store that may not be written to at `path`."""
    return StoreReadOnly(
        f"the store cannot be opened or changed, because {path} cannot be written to. Reading needs that too: it "
        "shares the catalog's write-ahead log with whoever writes. Make it writable, or copy the store to where it is",
        "path",
        str(path),
    )  # fmt: skip


def told(fault: Exception, path: object) -> StorageError:
    """`fault` of a file or of a library that wraps one, as an error of storage."""
    text = " ".join(_DECORATION.sub(" ", str(fault)).split())
    named = _NUMBER.search(text)
    number = getattr(fault, "errno", None) or (int(named[1]) if named else None)
    place = getattr(fault, "filename", None) or path
    if number in _FULL:
        return full(place)
    if number in _READ_ONLY:
        return read_only(place)
    reason = f"{fault.strerror}: {place}" if isinstance(fault, OSError) and fault.strerror else text
    return StorageError(f"the files of the store cannot be used: {reason}", "path", str(place))


@contextmanager
def disk_faults(path: object) -> Iterator[None]:
    """Tell what the disk refuses in the block; a file that should be there and is not is Damaged."""
    try:
        yield
    except FileNotFoundError as gone:
        name = gone.filename or gone
        raise Damaged(f"a file of the store is missing: {name}", "file", str(name)) from gone
    except OSError as fault:
        raise told(fault, path) from fault


@contextmanager
def maintaining(layout: Layout, *, wait: bool = True) -> Iterator[None]:
    """Hold the maintenance lock of a store; StoreBusy when not to `wait`. Tells what the disk refuses."""
    with disk_faults(layout.root), exclusive(layout.lock, wait=wait):
        yield
