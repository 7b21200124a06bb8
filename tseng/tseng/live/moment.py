"""The store at the moment of one round: what every topic that the round looks at is computed from."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tseng.view import ProjectView
from tseng_storage.knowledge import Knowledge
from tseng_storage.store import Store

Times = NDArray[np.int64]


class Mark(NamedTuple):
    """How far something was followed: what was known, and the revision of the catalog, as of `Snapshot`."""

    knowledge: Knowledge
    revision: str


class Moment:
    """One state of a store. Not safe in several threads."""

    def __init__(self, store: Store) -> None:
        """Take the newest state."""
        self.store = store
        self.snapshot = now = store.snapshot()
        self.knowledge = Knowledge(now.seq, now.config, None, now.loading)
        self.mark = Mark(self.knowledge, now.revision)
        self._views: dict[tuple[str, Knowledge], ProjectView] = {}
        self._uploaded: dict[Knowledge, set[tuple[str, str]] | None] = {}
        self._changed: dict[tuple[str, str, str, Knowledge], Times] = {}

    def view(self, project: str, known: Knowledge | None = None) -> ProjectView:
        """One project, now or as it was `known` earlier."""
        key = project, known or self.knowledge
        if key not in self._views:
            self._views[key] = ProjectView(self.store, project, self.snapshot, key[1])
        return self._views[key]

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
