"""What can go wrong in storage: one base, data on the error, one plain line as its text."""

from collections.abc import Iterable, Sequence


class StorageError(Exception):
    """Base of every storage error.

    `category` names the kind for the doors above; `field` the offending argument, `seen` what was given and
    `allowed` what would have been taken (may be empty).
    """

    category: str = "STORE"

    def __init__(self, message: str, field: str = "", seen: object = None, allowed: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.field = field
        self.seen = seen
        self.allowed = tuple(allowed)


class NotFound(StorageError):
    """A project, entity, key or client that is not in the catalog."""

    category = "NOT_FOUND"


class Exists(StorageError):
    """An id or name that is already taken, or something that must stay."""

    category = "EXISTS"


class Damaged(StorageError):
    """A file or row that does not hold what was recorded about it."""

    category = "DAMAGED"


class StoreMissing(StorageError):
    """No store at the path, and none was to be created."""


class StoreNotEmpty(StorageError):
    """The target of a restore or backup already holds something."""


class StoreFull(StorageError):
    """The disk has no room for what was to be written; nothing of it was kept, and nothing kept before was touched."""


class StoreReadOnly(StorageError):
    """The store's folder or disk cannot be written to, which also reading needs."""


class StoreBusy(StorageError):
    """Another process holds the maintenance lock and the caller did not want to wait."""


class StoreClosed(StorageError):
    """The store was closed; open it again."""


class ChangesRefused(StorageError):
    """Some of several changes that were to be made together: `faults` by their index; none was made."""

    def __init__(self, faults: Sequence[tuple[int, StorageError]]) -> None:
        self.faults = tuple(faults)
        first = faults[0][1]
        super().__init__(
            "; ".join(f"change {index}: {fault}" for index, fault in faults), first.field, first.seen, first.allowed
        )
        self.category = first.category


class Changed(StorageError):
    """A record is not as it was expected to be; `seen` is its etag, None where there is none."""

    category = "PRECONDITION_FAILED"


class TooMany(StorageError):
    """A project holds as many records of a kind as it may."""

    category = "TOO_MANY"


class KeyReused(StorageError):
    """Another upload came under the same key."""

    category = "IDEMPOTENCY_KEY_REUSED"


class InvalidDate(StorageError):
    """A date from which a property cannot hold."""

    category = "INVALID_REQUEST"


class PropsTooLarge(StorageError):
    """The properties of an entity take more than is kept of one."""

    category = "INVALID_REQUEST"


class InvalidObservations(StorageError):
    """A table that is not observations: columns missing, of the wrong type, or with rows that cannot be kept.

    `row` is the first such row, counted from 0, and `count` how many there are; None and 0 where it is the column.
    """

    category = "INVALID_OBSERVATIONS"

    def __init__(
        self,
        message: str,
        field: str = "",
        seen: object = None,
        allowed: Iterable[str] = (),
        *,
        row: int | None = None,
        count: int = 0,
    ) -> None:
        super().__init__(message, field, seen, allowed)
        self.row = row
        self.count = count
