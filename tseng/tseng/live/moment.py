"""The store at the moment of one round: what every topic that the round looks at is computed from."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tseng.view import ProjectView
from tseng_storage.knowledge import Knowledge
from tseng_storage.store import Store

Times = NDArray[np.int64]


class Mark(NamedTuple):
    """How far something has been followed: what was known, and a revision of the catalog that is not newer."""

    knowledge: Knowledge
    revision: str


class Moment:
    """One state of a store. Not safe in several threads."""

    def __init__(self, store: Store) -> None:
        """Take the newest state."""
        self.store = store
        # A plan made now may be newer than the first of the revisions and older than the second.
        revision = store.catalog.revision()
        self.snapshot = store.snapshot()
        self.knowledge = Knowledge(self.snapshot.seq, store.catalog.config(), None, self.snapshot.loading)
        self.revision = store.catalog.revision()
        self.mark = Mark(self.knowledge, revision)
        self._views: dict[tuple[str, Knowledge], ProjectView] = {}
        self._uploaded: dict[Knowledge, set[tuple[str, str]] | None] = {}
        self._changed: dict[tuple[str, str, str, Knowledge], Times] = {}

    def view(self, project: str, known: Knowledge | None = None) -> ProjectView:
        """One project, now or as it was `known` earlier."""
        key = project, known or self.knowledge
        if key not in self._views:
            self._views[key] = ProjectView(self.store, project, self.snapshot, key[1])
        return self._views[key]

    def is_news(self, since: Mark) -> bool:
        """Whether anything may have happened."""
        return self.knowledge != since.knowledge or self.revision != since.revision

    def uploaded(self, since: Knowledge) -> set[tuple[str, str]] | None:
        """Project and id of the sensors with uploads since then; None: any of them."""
        if since not in self._uploaded:
            self._uploaded[since] = self.store.uploaded_since(since, self.snapshot)
        return self._uploaded[since]

    def changed(self, project: str, sensor: str, metric: str, since: Knowledge) -> Times:
        """Times, int64 us ascending, of which a series has a version that was not known then."""
        key = project, sensor, metric, since
        if key not in self._changed:
            self._changed[key] = self.store.changed(project, sensor, metric, since, at=self.snapshot)
        return self._changed[key]

    @cached_property
    def config(self) -> int:
        """The number of the newest change of configuration."""
        return self.knowledge.config or 0
