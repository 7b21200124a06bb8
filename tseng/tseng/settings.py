"""Every setting, read once from the environment when an engine or a server starts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


def _setting(default: Any, env: str, doc: str) -> Any:
    return field(default=default, metadata={"env": env, "doc": doc})


_HERE = Path("tseng-data")


@dataclass(frozen=True)
class Settings:
    """Frozen settings; `docs/settings.md` lists them and a test holds that list complete."""

    data: Path = _setting(_HERE, "TSENG_DATA", "Folder of the store.")
    flush_rows: int = _setting(200_000, "TSENG_FLUSH_ROWS", "Log rows after which they are drained into Parquet.")
    flush_seconds: float = _setting(30.0, "TSENG_FLUSH_SECONDS", "Age in seconds at which log rows are drained.")
    bulk_rows: int = _setting(
        100_000, "TSENG_BULK_ROWS", "Rows from which `upload_table` writes Parquet at once instead of the log."
    )
    keep_files: float = _setting(
        3600.0, "TSENG_KEEP_FILES", "Seconds that files replaced by compaction stay for readers of older snapshots."
    )
    body_limit: int = _setting(64 * 2**20, "TSENG_BODY_LIMIT", "Largest HTTP request body in bytes; above it: 413.")
    log_level: str = _setting("INFO", "TSENG_LOG_LEVEL", "Least level of the server's log lines on stderr.")

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the environment.

        Raises:
            ValueError: a variable that is set does not parse; the text names it.
        """
        return cls(**{f.name: _parse(f.metadata["env"], f.default, environ) for f in fields(cls)})


def _parse(name: str, default: Any, environ: Mapping[str, str]) -> Any:
    if name not in environ or environ[name] == "":
        return default
    kind = type(default) if not isinstance(default, Path) else Path
    try:
        return kind(environ[name])
    except ValueError:
        raise ValueError(f"{name}: {environ[name]!r} is not a {kind.__name__}") from None
