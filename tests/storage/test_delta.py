"""The Delta Lake table: what other engines see, checkpoints, and what a power cut leaves."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from tests.storage.helpers import PROJECT, opened, read, series

from tseng_storage import delta, replay
from tseng_storage.errors import Damaged


def _written(path: Path, commits: int) -> None:
    with opened(path) as store:
        for number in range(commits):
            store.append(series({number: float(number), number - 10**9: 1.0}), PROJECT)
            store.flush()


def _newest(path: Path) -> Path:
    return replay.entries(path / "_delta_log")[-1]


def test_replay_agrees_with_the_delta_library(tmp_path: Path) -> None:
    """Files, sizes, rows, bounds and log position are as the Delta library reads them, checkpoint included."""
    _written(tmp_path, 40)
    table, ours = DeltaTable(str(tmp_path)), replay.load(tmp_path / "_delta_log")
    assert replay.last_checkpoint(tmp_path / "_delta_log") == 32
    assert (ours.version, ours.flushed) == (table.version(), table.transaction_version(replay.APPLICATION))
    rows = {row["path"]: row for row in _actions(table)}
    assert rows.keys() == set(ours.segments)
    for name, segment in ours.segments.items():
        row = rows[name]
        assert (row["size_bytes"], row["num_records"]) == (segment.size, segment.rows)
        assert (row["min.seq"], row["max.sensor"]) == (segment.box.seq[0], segment.box.sensor[1])
        assert int(row["min.time"].timestamp() * 1e6) == segment.box.time[0]


def _actions(table: DeltaTable) -> list[dict[str, Any]]:
    import pyarrow as pa

    rows: list[dict[str, Any]] = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    return rows


def test_the_delta_library_reads_the_values(tmp_path: Path) -> None:
    """Another engine that follows the Delta log sees the same observations."""
    with opened(tmp_path) as store:
        store.load(series({1: 1.0, 2: 2.0}), PROJECT)
        store.append(series({3: 3.0}), PROJECT)
        store.compact()
    rows = DeltaTable(str(tmp_path)).to_pyarrow_table().select(["sensor", "metric", "value", "project"]).to_pylist()
    assert sorted(row["value"] for row in rows) == [1.0, 2.0, 3.0]
    assert {(row["sensor"], row["metric"], row["project"]) for row in rows} == {("/s", "T", "default")}


def test_a_reader_follows_across_checkpoints(tmp_path: Path) -> None:
    """An open store notices another's commits before, at and after a checkpoint."""
    with opened(tmp_path) as writer, opened(tmp_path) as reader:
        for number in range(70):
            writer.load(series({number: 1.0}), PROJECT)
            assert len(read(reader)) == number + 1


@pytest.mark.parametrize("content", [b"", b"\x00" * 300, b'{"add":{"path":"observ'])
def test_a_torn_newest_commit_is_set_aside(tmp_path: Path, content: bytes) -> None:
    """A flush whose commit a power cut tore before its sync: the uploads are still in the log, opening repairs."""
    with opened(tmp_path) as store:
        store.append(series({1: 1.0, 2: 2.0}), PROJECT)
    # As the process would have left it between the commit and its sync: the next number, half written.
    torn = replay.entry_path(tmp_path / "_delta_log", 1)
    torn.write_bytes(content)
    with opened(tmp_path) as store:
        assert read(store) == {1: 1.0, 2: 2.0}
        store.flush()
        assert read(store) == {1: 1.0, 2: 2.0}
        assert store.verify().clean


def test_a_damaged_commit_known_to_be_on_disk_is_no_torn_one(tmp_path: Path) -> None:
    """The newest commit was acknowledged and no longer parses: it stays where it is, reading and verify name it."""
    _written(tmp_path, 2)
    entry = _newest(tmp_path)
    entry.write_bytes(entry.read_bytes()[:-40])
    with opened(tmp_path) as store:
        with pytest.raises(Damaged, match=entry.name):
            read(store)
        assert f"_delta_log/{entry.name}" in [damage.path for damage in store.verify().damages]
    assert entry.exists()


@pytest.mark.parametrize("which", [3, 5])
def test_a_missing_commit_is_named(tmp_path: Path, which: int) -> None:
    """A commit deleted from the middle or the end is damage, not an older table."""
    _written(tmp_path, 5)
    name = replay.entry_path(tmp_path / "_delta_log", which).name
    (tmp_path / "_delta_log" / name).unlink()
    with opened(tmp_path) as store:
        assert any(name in damage.path for damage in store.verify().damages)
        with pytest.raises(Damaged):
            read(store)


def test_a_torn_checkpoint_is_set_aside(tmp_path: Path) -> None:
    """A checkpoint torn before it was noted is not needed while the commits it sums up are there."""
    _written(tmp_path, 3)
    layout_store = opened(tmp_path)
    delta.checkpoint(layout_store.layout)
    layout_store.close()
    (file,) = replay.checkpoint_files(tmp_path / "_delta_log", 3)
    os.truncate(file, 100)
    with opened(tmp_path) as store:
        assert len(read(store)) == 6
        assert store.verify().clean


def test_a_commit_carries_the_log_position(tmp_path: Path) -> None:
    """The commit that adds a flush's files also records the last upload in them."""
    with opened(tmp_path) as store:
        seq = store.append(series({1: 1.0}), PROJECT)
        store.flush()
    actions = [json.loads(line) for line in _newest(tmp_path).read_text().splitlines()]
    (txn,) = [action["txn"] for action in actions if "txn" in action]
    assert (txn["appId"], txn["version"]) == ("tseng-log", seq)
    assert any("add" in action for action in actions)


def test_rows_left_in_the_log_after_their_commit_are_not_doubled(tmp_path: Path) -> None:
    """A flush that died between commit and trimming: the rows count once and the next flush drops them."""
    with opened(tmp_path) as store:
        store.append(series({1: 1.0}), PROJECT)
        seq = store.append(series({1: 2.0, 2: 2.0}), PROJECT)
        store._log.trim = lambda *_: None  # type: ignore[method-assign]
        store._maintenance._flush(store._log.rows_after(0)[1])
    with opened(tmp_path) as again:
        assert again.info()["log_commits"] == 2
        assert read(again) == {1: 2.0, 2: 2.0}
        again.flush()
        assert again.info()["log_commits"] == 0
        assert again.info()["flushed"] == seq
        assert read(again) == {1: 2.0, 2: 2.0}
