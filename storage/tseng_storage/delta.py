"""Committing to the Delta Lake table, in an order that a power cut cannot upset.

The Delta library makes a commit atomic but never syncs it. The order here is: segments and their folder are on disk
(their writer saw to that) → commit → its file and the log folder are on disk → only then may the caller drop what the
commit replaces. A checkpoint is synced before the pointer to it is, and before old commits are cleaned away; the
library's own hook would do all of it unsynced after a commit, so it is turned off and `checkpoint` is called instead.

The newest commit may be torn by a power cut before its sync returned. Nobody was told that it happened, and the
uploads it carried are still in the log, so `repair` takes it away. Only the holder of the maintenance lock may: to
anybody else a commit that does not parse is damage.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tseng_storage import replay
from tseng_storage.disk import told
from tseng_storage.errors import Damaged
from tseng_storage.files import file_hash, make_folder, sync_file, sync_folder
from tseng_storage.layout import Layout
from tseng_storage.replay import TableState
from tseng_storage.segments import Segment

CHECKPOINT_EVERY = 32
"""Commits between two checkpoints: opening a store reads at most so many commits."""


def create(layout: Layout) -> dict[str, str]:
    """Make the empty table, synced, unless it exists; the SHA-256 by name of its first commit."""
    first = replay.entry_path(layout.delta_log, 0)
    if first.exists():
        return {first.name: file_hash(first)}
    from deltalake.transaction import create_table_with_add_actions

    make_folder(layout.observations)
    with _library(layout):
        create_table_with_add_actions(
            str(layout.root), _schema(), [], partition_by=["project"], name="observations",
            post_commithook_properties=_no_hooks(),
        )  # fmt: skip
    sync_file(first)
    sync_folder(layout.delta_log)
    sync_folder(layout.root)
    return {first.name: file_hash(first)}


def commit(
    layout: Layout,
    adds: Sequence[Segment],
    removes: Sequence[Segment] = (),
    flushed: int | None = None,
    *,
    rewrite: bool = False,
) -> dict[str, str]:
    """Add and remove segments in one atomic, synced step; SHA-256 by name of the files of the log now on disk.

    `flushed`: the last upload (seq) that the table now contains. `rewrite`: the same observations in other files, which
    those who follow the table's changes skip. Call under the maintenance lock.
    """
    from deltalake import CommitProperties, DeltaTable
    from deltalake.transaction import AddAction, RemoveAction, Transaction

    now = time.time_ns() // 1_000_000
    partition = {segment.name: {"project": segment.project} for segment in (*adds, *removes)}
    change = not rewrite
    actions: list[Any] = [RemoveAction(s.name, change, now, s.size, partition[s.name]) for s in removes]
    actions += [AddAction(s.name, s.size, partition[s.name], now, change, s.stats()) for s in adds]
    applied = [] if flushed is None else [Transaction(replay.APPLICATION, flushed)]
    with _library(layout):
        table = DeltaTable(str(layout.root))
        table.create_write_transaction(
            actions, "append", _schema(), ["project"],
            commit_properties=CommitProperties(app_transactions=applied), post_commithook_properties=_no_hooks(),
        )  # fmt: skip
    version = table.version() + 1
    entry = replay.entry_path(layout.delta_log, version)
    sync_file(entry)
    sync_folder(layout.delta_log)
    written = [entry, *(checkpoint(layout) if version % CHECKPOINT_EVERY == 0 else [])]
    return {path.name: file_hash(path) for path in written}


def checkpoint(layout: Layout) -> list[Path]:
    """Sum up the log in a synced checkpoint, then clean away commits past their retention; the files written."""
    from deltalake import DeltaTable

    with _library(layout):
        table = DeltaTable(str(layout.root))
        table.create_checkpoint()
    files = [*replay.checkpoint_files(layout.delta_log, table.version()), layout.delta_log / "_last_checkpoint"]
    for path in files:
        sync_file(path)
    sync_folder(layout.delta_log)
    with _library(layout):
        table.cleanup_metadata()
    return files


@contextmanager
def _library(layout: Layout) -> Iterator[None]:
    """Tell what the Delta library could not do, which it says in words only."""
    from deltalake.exceptions import DeltaError

    try:
        yield
    except (DeltaError, OSError) as fault:
        raise told(fault, layout.root) from fault


def repair(layout: Layout, known: Mapping[str, str]) -> list[Path]:
    """Take away what a power cut tore, under the maintenance lock; the files set aside.

    `known`: the commits noted as being on disk. One of those that does not parse was not torn but damaged: it stays,
    and reading says so.
    """
    return _repair_checkpoint(layout, known) + _repair_newest(layout, known)


def _repair_checkpoint(layout: Layout, known: Mapping[str, str]) -> list[Path]:
    """A torn checkpoint is set aside while all commits that it sums up are still there."""
    try:
        replay.from_checkpoint(layout.delta_log)
    except Damaged:
        torn = [path for path in layout.delta_log.glob("*.checkpoint*.parquet") if not _readable(path)]
        if replay.entry_path(layout.delta_log, 0).exists() and not any(path.name in known for path in torn):
            return _set_aside([layout.delta_log / "_last_checkpoint", *torn])
    return []


def _repair_newest(layout: Layout, known: Mapping[str, str]) -> list[Path]:
    entries = replay.entries(layout.delta_log)
    if not entries or entries[-1].name in known or _parses(entries[-1]):
        return []
    return _set_aside(entries[-1:])


def _set_aside(paths: list[Path]) -> list[Path]:
    for path in paths:
        with suppress(FileNotFoundError):
            path.rename(path.with_name(f"_{path.name}.torn"))
    for folder in {path.parent for path in paths}:
        sync_folder(folder)
    return paths


def _parses(path: Path) -> bool:
    try:
        list(replay.read_entry(path))
    except Damaged:
        return False
    return True


def _readable(path: Path) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.read_table(path, columns=["add"])
    except (pa.ArrowException, OSError):
        return False
    return True


def load_state(layout: Layout) -> TableState:
    """The table as it is now."""
    return replay.load(layout.delta_log)


def _schema() -> Any:
    from deltalake import Field, Schema
    from deltalake.schema import PrimitiveType

    kinds = {
        "project": "string", "sensor": "string", "metric": "string", "time": "timestamp",
        "value": "double", "received": "timestamp", "seq": "long",
    }  # fmt: skip
    return Schema([Field(name, PrimitiveType(kind), name == "value") for name, kind in kinds.items()])


def _no_hooks() -> Any:
    from deltalake import PostCommitHookProperties

    return PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
