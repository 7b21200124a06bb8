"""The knobs of a store, read once when it opens."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class StoreSettings:
    """Every setting of a store; the defaults suit one machine with a few thousand sensors."""

    flush_rows: int = 200_000
    """Values in the log above which the background thread flushes."""
    flush_commits: int = 20_000
    """Acknowledged uploads in the log above which the background thread flushes."""
    flush_seconds: float = 30.0
    """Age of the oldest unflushed upload, seconds, above which the background thread flushes; finite and above 0."""
    background: bool = True
    """Whether a process that writes also flushes and compacts in the background."""
    flush_on_close: bool = True
    """Whether a process that wrote flushes when it closes the store."""
    group_rows: int = 32_768
    """Rows of a Parquet row group; a shorter series is never split over two groups."""
    segment_rows: int = 8_000_000
    """Rows of a full-grown segment; compaction leaves larger ones alone."""
    compact_files: int = 8
    """Small segments of one project above which the background thread compacts."""
    merge_rows: int = 2_000_000
    """Rows that compaction sorts in memory at once."""
    retention_seconds: float = 3600.0
    """How long a replaced file stays on disk for readers of older snapshots."""
    cache_bytes: int = 64 * 1024 * 1024
    """Memory for decoded row groups, bytes."""
    block_points: int = 250_000
    """Points that one window of `blocks` is meant to hold at most."""
    busy_seconds: float = 60.0
    """How long a writer waits for another process's catalog transaction, seconds."""
    threads: int = 2
    """Threads that write the files of one bulk load."""

    def __post_init__(self) -> None:
        if not 0 < self.flush_seconds < math.inf:
            raise ValueError(f"flush_seconds must be a finite number of seconds above 0, not {self.flush_seconds}")
