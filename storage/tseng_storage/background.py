"""The thread that flushes and compacts behind a process that writes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from tseng_storage.entities import now_us
from tseng_storage.errors import StorageError, StoreBusy
from tseng_storage.log import Log
from tseng_storage.maintenance import Maintenance
from tseng_storage.settings import StoreSettings

_LOGGER = logging.getLogger("tseng.storage")

_LEAST_WAIT, _LONGEST_WAIT = 0.01, 3600.0


class Background:
    """Starts with the first upload; a store only read from has no thread. `care` is what follows a flush."""

    def __init__(self, log: Log, maintenance: Maintenance, care: Callable[[], None], settings: StoreSettings) -> None:
        self._log, self._maintenance, self._care, self._settings = log, maintenance, care, settings
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._work = threading.Event()
        self._rows = self._commits = 0
        self.wrote = False

    def wake(self, rows: int) -> None:
        """Note an upload of `rows` values."""
        self.wrote = True
        # Unlocked counts may miss an upload; they only decide when to look.
        self._rows += rows
        self._commits += 1
        if self._thread is None and self._settings.background:
            self._start()
        if self._rows >= self._settings.flush_rows or self._commits >= self._settings.flush_commits:
            self._work.set()

    def stop(self) -> None:
        """End the thread; waits for a flush in progress."""
        self._stopping.set()
        self._work.set()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._stopping.is_set():
                self._thread = threading.Thread(target=self._run, name="tseng-flush", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        pause = min(max(self._settings.flush_seconds / 4, _LEAST_WAIT), _LONGEST_WAIT)
        while not self._stopping.is_set():
            self._work.wait(pause)
            self._work.clear()
            if not self._stopping.is_set():
                self._look()

    def _look(self) -> None:
        try:
            if self._due():
                self._rows = self._commits = 0
                self._maintenance.flush(wait=False)
                self._care()
        except StoreBusy:
            _LOGGER.debug("another process is doing maintenance")
        except StorageError as fault:
            _LOGGER.error("background flush failed: %s", fault)
        except Exception:
            # Uploads stay in the log and are safe there; the next look tries again.
            _LOGGER.exception("background flush failed")

    def _due(self) -> bool:
        state = self._log.state()
        if state.oldest is None:
            return False
        old = now_us() - state.oldest >= self._settings.flush_seconds * 1e6
        return old or state.rows >= self._settings.flush_rows or state.commits >= self._settings.flush_commits
