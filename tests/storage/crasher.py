"""What the crash tests kill: a process that writes to a store and reports each acknowledgement as it comes."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

from tests.storage.helpers import PROJECT, table

from tseng_storage.deposits import Deposit
from tseng_storage.documents import Document
from tseng_storage.entities import Draft
from tseng_storage.errors import StoreBusy
from tseng_storage.once import Once
from tseng_storage.queues import Send
from tseng_storage.records import Keep
from tseng_storage.settings import StoreSettings
from tseng_storage.store import Store

SETTINGS = StoreSettings(
    background=False, group_rows=64, segment_rows=400, merge_rows=100, compact_files=3, retention_seconds=0.0
)
RESTLESS = StoreSettings(flush_seconds=0.02, group_rows=64, segment_rows=400, merge_rows=100, compact_files=3)

METRICS = ("T", "x")
KEY = Once("a key", "of 40 times")


def value_of(sensor: str, metric: str, time: int) -> float:
    """The one value ever written to a point."""
    return time + len(sensor) / 8 + METRICS.index(metric) / 2


def write(store: Store, sensor: str, first: int, count: int, bulk: bool) -> None:
    """Write `count` times of both metrics of a sensor from time `first` on."""
    points = [(sensor, m, t, value_of(sensor, m, t)) for m in METRICS for t in range(first, first + count)]
    (store.load if bulk else store.append)(table(points), PROJECT)


class Writer(threading.Thread):
    """Writes to one sensor without end, and says what was acknowledged."""

    def __init__(self, store: Store, sensor: str, first: int, report: Callable[[Any], None], bulk: bool) -> None:
        super().__init__(daemon=True)
        self._store, self._sensor, self._next, self._report, self._bulk = store, sensor, first, report, bulk

    def run(self) -> None:
        count = 40 if self._bulk else 3
        while True:
            write(self._store, self._sensor, self._next, count, self._bulk)
            self._next += count
            self._report((self._sensor, self._next))


MODES: dict[str, tuple[str, ...]] = {
    "append": (),
    "flush": ("flush",),
    "compact": ("flush", "tidy", "compact", "vacuum"),
    "load": ("flush",),
    "background": (),
}
"""For each mode the maintenance that goes on, one after the other, while threads write."""


def live(path: Path, mode: str, first: int, pipe: Connection) -> None:
    """Open the store and write from time `first` on until killed."""
    sending = threading.Lock()

    def report(message: Any) -> None:
        with sending:
            pipe.send(message)

    report(("", first))
    store = Store.open(path, settings=RESTLESS if mode == "background" else SETTINGS)
    writers = [Writer(store, f"/{'s' * number}", first, report, False) for number in (1, 2, 3)]
    if mode == "load":
        writers.append(Writer(store, "/bulk", first, report, True))
    for writer in writers:
        writer.start()
    while True:
        for verb in MODES[mode]:
            try:
                getattr(store, verb)()
            except StoreBusy:
                continue
        if not MODES[mode]:
            signal.pause()


@contextmanager
def _dying_at(line: int, pipe: Connection) -> Iterator[None]:
    """Kill this process before the `line`-th line of storage code of the block; 0: count them and tell."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if "tseng_storage" not in frame.f_code.co_filename:
            return None
        if event == "line":
            lines += 1
            if lines == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    yield
    sys.settrace(None)
    pipe.send(("lines", lines))


def die_at(path: Path, line: int, pipe: Connection) -> None:
    """Run one short life of a store and kill this process before the `line`-th line of storage code; 0: count them."""
    with _dying_at(line, pipe):
        store = Store.open(path, settings=SETTINGS)
        for step, verb in enumerate(
            ("append", "flush", "load", "append", "flush", "append", "load", "compact", "vacuum")
        ):
            if verb in ("append", "load"):
                write(store, "/s", step * 40, 40, verb == "load")
                pipe.send(("/s", step * 40))
            else:
                getattr(store, verb)()
        store.close()


def upload_once(path: Path, bulk: bool, line: int, pipe: Connection) -> None:
    """Upload 40 times under a key, bring them into the table, and upload them again; die and count as `die_at`."""
    store = Store.open(path, settings=SETTINGS)
    points = table([("/s", "T", time, value_of("/s", "T", time)) for time in range(40)])
    with _dying_at(line, pipe):
        pipe.send(("seq", (store.load if bulk else store.append)(points, PROJECT, once=KEY)))
        store.flush()
        pipe.send(("seq", (store.load if bulk else store.append)(points, PROJECT, once=KEY)))


def keep_documents(path: Path, line: int, pipe: Connection) -> None:
    """Keep two documents and take the first away; die and count as `die_at`."""
    store = Store.open(path, settings=SETTINGS)
    with _dying_at(line, pipe):
        first, _ = (_keep_document(store, name, pipe) for name in ("first", "second"))
        store.documents.remove(PROJECT, first.id)
        pipe.send(("taken", "first"))
        store.documents.vacuum(0)


def _keep_document(store: Store, name: str, pipe: Connection) -> Document:
    made = store.documents.add(PROJECT, name, "text/plain", name.encode())
    pipe.send(("kept", name))
    return made


def deposit(path: Path, line: int, pipe: Connection) -> None:
    """Keep a reading, a sensor, a record and a message together, four times; die and count as `die_at`."""
    store = Store.open(path, settings=SETTINGS)
    with _dying_at(line, pipe):
        for step in range(1, 5):
            keep = Keep("twin", "a", body=str(step), past=True)
            beside = Deposit([Draft("sensor", f"/{step}", "X")], [keep], [Send("q", str(step).encode())])
            store.deposit(table([("/s", "T", step, 1.0)]), PROJECT, beside)
            pipe.send(("step", step))
            if step == 2:
                store.flush()
