"""Checking a store against what it recorded about itself. Reads everything, changes nothing, needs no working table."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tseng_storage import replay
from tseng_storage.database import Database
from tseng_storage.documents import Document, Documents
from tseng_storage.errors import Damaged, NotFound
from tseng_storage.files import HASH_LENGTH, file_hash
from tseng_storage.layout import Layout
from tseng_storage.log import Log, behind
from tseng_storage.segments import Segment


@dataclass(frozen=True)
class Damage:
    """One thing that is not as recorded: a file (relative to the store) or a log row, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Report:
    """What `verify` looked at and what it found."""

    segments: int
    commits: int
    uploads: int
    documents: int
    damages: tuple[Damage, ...]

    @property
    def files(self) -> int:
        """Files checked."""
        return self.segments + self.commits + self.documents + 1

    @property
    def clean(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damages


def verify(layout: Layout, database: Database, log: Log, documents: Documents) -> Report:
    """Check every commit, segment, upload and document."""
    noted = log.noted()
    entries = replay.entries(layout.delta_log)
    damages = [damage for path in entries if (damage := _entry(layout, path, noted.get(path.name)))]
    damages += _log_folder(layout, noted)
    segments, faults = _segments(layout)
    damages += faults
    damages += [damage for segment in segments if (damage := _segment(layout, segment))]
    flushed = _flushed(layout)
    uploads, faults = _uploads(log, flushed)
    damages += faults
    faults_of_catalog = [*_numbers(log, flushed), *_database(database)]
    damages += [Damage(_relative(layout, layout.catalog), fault) for fault in faults_of_catalog]
    count, faults = _documents(layout, documents)
    damages += faults
    return Report(len(segments), len(entries), uploads, count, tuple(dict.fromkeys(damages)))


def _relative(layout: Layout, path: Path) -> str:
    return path.relative_to(layout.root).as_posix()


def _entry(layout: Layout, path: Path, recorded: str | None) -> Damage | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None  # a checkpoint cleaned it away just now
    try:
        list(replay.parse_entry(content, path))
    except Damaged as fault:
        return Damage(_relative(layout, path), str(fault))
    if recorded is not None and hashlib.sha256(content).hexdigest() != recorded:
        return Damage(_relative(layout, path), "the content does not match the recorded checksum")
    return None


def _log_folder(layout: Layout, noted: Mapping[str, str]) -> Iterator[Damage]:
    """The checkpoint against its checksum, and commits that were there once and are needed still."""
    try:
        newest = replay.last_checkpoint(layout.delta_log)
    except Damaged:
        newest = None  # reading the table reports it
    for name, recorded in sorted(noted.items()):
        path = layout.delta_log / name
        if name.endswith(".json"):
            if not path.exists() and int(path.stem) > (-1 if newest is None else newest):
                yield Damage(_relative(layout, path), "the commit is missing")
        elif path.exists() and file_hash(path) != recorded and not _newer(layout, name, newest, noted):
            yield Damage(_relative(layout, path), "the content does not match the recorded checksum")


def _newer(layout: Layout, name: str, newest: int | None, noted: Mapping[str, str]) -> bool:
    """Whether this is the pointer to a checkpoint that somebody wrote who died before noting it down."""
    if name != "_last_checkpoint" or newest is None:
        return False
    files = replay.checkpoint_files(layout.delta_log, newest)
    return bool(files) and not any(path.name in noted for path in files)


def _segments(layout: Layout) -> tuple[list[Segment], list[Damage]]:
    try:
        return list(replay.load(layout.delta_log).segments.values()), []
    except Damaged as fault:
        return [], [Damage(_named(layout, fault), str(fault))]


def _flushed(layout: Layout) -> int | None:
    try:
        return replay.load(layout.delta_log).flushed
    except Damaged:
        return None  # `_segments` has reported it


def _named(layout: Layout, fault: Damaged) -> str:
    path = Path(str(fault.seen))
    return _relative(layout, path) if path.is_relative_to(layout.root) else str(fault.seen)


def _segment(layout: Layout, segment: Segment) -> Damage | None:
    path = layout.segment(segment.name)
    try:
        size = path.stat().st_size
        if size != segment.size:
            return Damage(segment.name, f"{size} bytes long, {segment.size} recorded")
        if file_hash(path)[:HASH_LENGTH] != segment.digest:
            return Damage(segment.name, "the content does not match the checksum in its name")
    except FileNotFoundError:
        return Damage(segment.name, "the file is missing")
    except OSError as fault:
        return Damage(segment.name, f"the file cannot be read: {fault}")
    return None


def _uploads(log: Log, flushed: int | None) -> tuple[int, list[Damage]]:
    trimmed, rows = log.rows_after(0)
    damages = []
    for row in rows:
        try:
            row.decode()
        except Damaged as fault:
            damages.append(Damage(f"log row {row.seq}", str(fault)))
    if flushed is not None and trimmed > flushed:
        damages.append(Damage("log", f"uploads up to {trimmed} were dropped, the table contains those up to {flushed}"))
    return len(rows), damages


def _documents(layout: Layout, documents: Documents) -> tuple[int, list[Damage]]:
    kept, damages = documents.all(), []
    for each in kept:
        path = layout.document(each.project, each.id)
        try:
            if path.stat().st_size != each.size or file_hash(path) != each.sha256:
                damages.append(Damage(_relative(layout, path), "the content does not match the recorded checksum"))
        except OSError as fault:
            if _is_kept(documents, each):  # else it was taken away meanwhile
                gone = isinstance(fault, FileNotFoundError)
                reason = "the file is missing" if gone else f"the file cannot be read: {fault}"
                damages.append(Damage(_relative(layout, path), reason))
    return len(kept), damages


def _is_kept(documents: Documents, document: Document) -> bool:
    try:
        documents.find(document.project, document.id)
    except NotFound:
        return False
    return True


def _numbers(log: Log, flushed: int | None) -> Iterator[str]:
    last = log.last()
    if flushed is not None and last < flushed:
        yield behind(last, flushed)


def _database(database: Database) -> Iterator[str]:
    with database.read() as connection:
        for (answer,) in connection.exec_driver_sql("PRAGMA integrity_check"):
            if answer != "ok":
                yield str(answer)
