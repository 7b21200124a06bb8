"""Reading the Delta Lake log: which files make up the table, and how far the upload log is contained in them.

A commit is one JSON file, numbered; its lines add and remove files and may carry an application transaction, which
here holds the last upload flushed. A checkpoint is the sum of all commits up to a number, as Parquet. Replaying is done
here and not by the Delta library because a reader must notice and take in a commit in a fraction of a millisecond: it
looks whether the next number exists and reads that one file. Source: the Delta transaction log protocol
(github.com/delta-io/delta, PROTOCOL.md: Actions, Checkpoints, Last Checkpoint File).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from tseng_storage.errors import Damaged
from tseng_storage.segments import BOUNDS, Box, Segment

APPLICATION = "tseng-log"
"""The application id under which a commit records the last upload (seq) contained in the table's files."""

Action = Mapping[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class TableState:
    """The table at one version: its segments by name, and `flushed`, the last seq contained in them.

    `id`: what the table was named by when it was made, for no other table the same.
    """

    version: int
    segments: Mapping[str, Segment]
    flushed: int
    id: str = ""


EMPTY = TableState(-1, {}, 0)

_SUMMED = ["add", "txn", "metaData"]


def entry_path(folder: Path, version: int) -> Path:
    """The file of commit `version` in the log folder."""
    return folder / f"{version:020d}.json"


def load(folder: Path) -> TableState:
    """The newest state, from the last checkpoint on; Damaged names a file that is missing or cannot be read."""
    state = advance(folder, from_checkpoint(folder))
    following = entry_path(folder, state.version + 1)
    if any(path.name > following.name for path in entries(folder)) and not following.exists():
        raise Damaged(f"{following.name}: the commit is missing and later ones exist", "file", str(following))
    return state


def entries(folder: Path) -> list[Path]:
    """The commits in the log folder, oldest first."""
    return sorted(folder.glob("[0-9]" * 20 + ".json"))


def is_current(folder: Path | str, state: TableState) -> bool:
    """Whether no later commit than `state` exists. Two look-ups of a name, no reading.

    The second covers a reader that slept until the commits it knows were cleaned away, its successor with them.
    """
    # Plain strings: this runs before every read, and building paths would take longer than asking the file system.
    exists = os.path.exists
    return not exists(f"{folder}/{state.version + 1:020d}.json") and exists(f"{folder}/{state.version:020d}.json")


def refresh(folder: Path, state: TableState) -> TableState:
    """The newest state, reading only commits later than `state` where they still exist."""
    if state.version >= 0 and entry_path(folder, state.version + 1).exists():
        return advance(folder, state)
    return state if is_current(folder, state) else load(folder)


def advance(folder: Path, state: TableState) -> TableState:
    """`state` and the commits that follow it without a gap."""
    version, table = state.version, _Replayed(dict(state.segments), state.flushed, state.id)
    while True:
        try:
            path = entry_path(folder, version + 1)
            actions = list(read_entry(path))
        except FileNotFoundError:
            return state if version == state.version else TableState(version, **vars(table))
        table.apply(actions, path)
        version += 1


def read_entry(path: Path) -> Iterator[Action]:
    """The actions of one commit; Damaged when it does not parse."""
    return parse_entry(path.read_bytes(), path)


def parse_entry(content: bytes, path: Path) -> Iterator[Action]:
    """The actions in the bytes of a commit; `path` names it in the error."""
    if not content.strip():
        raise Damaged(f"{path.name}: the commit is empty", "file", str(path))
    try:
        for line in content.splitlines():
            if line.strip():
                yield json.loads(line)
    except ValueError as fault:
        raise Damaged(f"{path.name}: the commit does not parse: {fault}", "file", str(path)) from fault


@dataclass
class _Replayed:
    """A table while its log is replayed: the fields of `TableState` but the version."""

    segments: dict[str, Segment]
    flushed: int
    id: str

    def apply(self, actions: Iterable[Action], path: Path) -> None:
        """Carry out `actions`; `path` names the file at fault in Damaged."""
        try:
            for action in actions:
                self._carry_out(action)
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            message = f"{path.name}: an action does not hold what it should: {fault!r}"
            raise Damaged(message, "file", str(path)) from fault

    def _carry_out(self, action: Action) -> None:
        if (add := action.get("add")) is not None:
            segment = _segment(add)
            self.segments[segment.name] = segment
        elif (remove := action.get("remove")) is not None:
            self.segments.pop(unquote(remove["path"]), None)
        elif (txn := action.get("txn")) is not None and txn["appId"] == APPLICATION:
            self.flushed = int(txn["version"])
        elif (table := action.get("metaData")) is not None:
            self.id = str(table["id"])


def _segment(add: Action) -> Segment:
    stats = add["stats"]
    stats = json.loads(stats) if isinstance(stats, str) else stats
    low, high = stats["minValues"], stats["maxValues"]
    box = Box(**{name: (_bound(name, low[name]), _bound(name, high[name])) for name in BOUNDS})
    name, project = unquote(add["path"]), dict(add["partitionValues"])["project"]
    return Segment(name, project, int(add["size"]), int(stats["numRecords"]), box, int(stats["nullCount"]["value"]))


def _bound(name: str, value: str | int) -> Any:
    if name != "time":
        return value
    # Strict on purpose: numpy would make something of `00:00;00`, and a flipped bit would pass for a time.
    return (datetime.fromisoformat(str(value)) - _EPOCH) // timedelta(microseconds=1)


def last_checkpoint(folder: Path) -> int | None:
    """The version of the newest checkpoint, None without one."""
    try:
        return int(json.loads((folder / "_last_checkpoint").read_bytes())["version"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as fault:
        raise Damaged(f"_last_checkpoint does not parse: {fault}", "file", str(folder / "_last_checkpoint")) from fault


def checkpoint_files(folder: Path, version: int) -> list[Path]:
    """The Parquet files of a checkpoint, in order."""
    return sorted(folder.glob(f"{version:020d}.checkpoint*.parquet"))


def from_checkpoint(folder: Path) -> TableState:
    """The state at the last checkpoint, EMPTY without one; Damaged when it cannot be read."""
    version = last_checkpoint(folder)
    if version is None:
        return EMPTY
    files = checkpoint_files(folder, version)
    if not files:
        raise Damaged(f"checkpoint {version} is missing", "file", str(folder / f"{version:020d}.checkpoint.parquet"))
    table = _Replayed({}, 0, "")
    for path in files:
        try:
            rows = pq.read_table(path, columns=_SUMMED, use_threads=False).to_pylist(maps_as_pydicts="strict")
        except (pa.ArrowException, OSError, ValueError, KeyError) as fault:
            raise Damaged(f"{path.name}: the checkpoint cannot be read: {fault}", "file", str(path)) from fault
        table.apply(rows, path)
    return TableState(version, **vars(table))
