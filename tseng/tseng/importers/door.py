"""The way from an import to the store: opened when it is first needed, and made by the first write alone.

What is refused, be it a file that does not exist or a unit that does not convert, is refused before anything is
written; so that this holds for the store itself too, an import only looks whether there is one until it has something
to put in.
"""

from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from tseng_storage.errors import StoreMissing

if TYPE_CHECKING:
    from tseng.engine import Engine


class Opener(Protocol):
    """How a store is opened; without `create` one that is not there is a StoreMissing."""

    def __call__(self, *, create: bool) -> "Engine":
        """Open it."""


class Door:
    """An engine on demand, closed with the door; with `make` false a store that is not there stays so."""

    def __init__(self, opener: Opener, *, make: bool = True) -> None:
        self._opener, self._make = opener, make
        self._opened: Engine | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            self._opened.close()

    def look(self) -> "Engine | None":
        """The engine of the store that is there; None while there is none."""
        if self._opened is None:
            with suppress(StoreMissing):
                self._opened = self._opener(create=False)
        return self._opened

    def engine(self) -> "Engine":
        """The engine to write through.

        Raises:
            tseng_storage.errors.StoreMissing: there is no store and none may be made.
        """
        if self._opened is None:
            self._opened = self._opener(create=self._make)
        return self._opened


def standing(engine: "Engine") -> Door:
    """A door to an engine that is open already; do not enter it, its engine is somebody else's to close."""
    return Door(lambda *, create: engine)
