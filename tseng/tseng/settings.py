"""Every setting, read once from the environment when an engine or a server starts."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self, get_type_hints


class Variable(NamedTuple):
    """The environment variable behind a setting, and what it is for."""

    name: str
    doc: str


@dataclass(frozen=True)
class Settings:
    """Frozen settings; `docs/settings.md` lists them and a test holds that list complete."""

    data: Annotated[Path, Variable("TSENG_DATA", "Folder of the store.")] = Path("tseng-data")
    flush_rows: Annotated[int, Variable("TSENG_FLUSH_ROWS", "Log rows after which they are drained into Parquet.")] = (
        200_000
    )
    flush_seconds: Annotated[
        float, Variable("TSENG_FLUSH_SECONDS", "Age in seconds at which log rows are drained into Parquet.")
    ] = 30.0
    bulk_rows: Annotated[
        int, Variable("TSENG_BULK_ROWS", "Rows from which `upload_table` writes Parquet at once instead of the log.")
    ] = 100_000
    keep_files: Annotated[
        float,
        Variable("TSENG_KEEP_FILES", "Seconds that files replaced by compaction stay for readers of older snapshots."),
    ] = 3600.0
    body_limit: Annotated[int, Variable("TSENG_BODY_LIMIT", "Largest HTTP request body in bytes; above it: 413.")] = (
        64 * 2**20
    )
    table_cells: Annotated[
        int, Variable("TSENG_TABLE_CELLS", "Most cells (rows times columns) of a table of many series; 8 bytes each.")
    ] = 20_000_000
    document_bytes: Annotated[
        int,
        Variable("TSENG_DOCUMENT_BYTES", "Largest document in bytes, within the limit of all bodies; above it: 413."),
    ] = 32 * 2**20
    document_types: Annotated[
        str,
        Variable(
            "TSENG_DOCUMENT_TYPES", "Media types that documents may have, `image/*` for all of a kind; else: 415."
        ),
    ] = (
        "application/pdf,application/json,application/zip,image/*,text/csv,text/plain,"
        "application/vnd.openxmlformats-officedocument.*"
    )
    twin_limit: Annotated[
        int, Variable("TSENG_TWIN_LIMIT", "Most digital twins of a project; above it: TwinLimitReached.")
    ] = 2_000_000
    sql_seconds: Annotated[
        float, Variable("TSENG_SQL_SECONDS", "Seconds that a query of `POST /api/sql` may take.")
    ] = 10.0
    sql_memory: Annotated[
        int, Variable("TSENG_SQL_MEMORY", "Bytes of memory that a query of `POST /api/sql` may take.")
    ] = 10**9
    sql_bytes: Annotated[int, Variable("TSENG_SQL_BYTES", "Largest answer of `POST /api/sql` in bytes.")] = 256 * 2**20
    jwt_secret: Annotated[
        str,
        Variable("TSENG_JWT_SECRET", "Secret of HS256 tokens from elsewhere that are accepted."),
    ] = field(default="", repr=False)
    jwks: Annotated[
        str, Variable("TSENG_JWKS", "File with the public keys (JWKS) of tokens from elsewhere that are accepted.")
    ] = ""
    jwt_audience: Annotated[
        str, Variable("TSENG_JWT_AUDIENCE", "What `aud` of tokens from elsewhere must hold; empty: anything.")
    ] = ""
    jwt_issuer: Annotated[
        str, Variable("TSENG_JWT_ISSUER", "What `iss` of tokens from elsewhere must be; empty: anything.")
    ] = ""
    cors_origins: Annotated[
        str,
        Variable(
            "TSENG_CORS_ORIGINS",
            "Origins whose pages may call from a browser, as `https://site.example`; a comma between two, `*` for any.",
        ),
    ] = ""
    idle_seconds: Annotated[
        float,
        Variable("TSENG_IDLE_SECONDS", "Seconds after which a socket that sends nothing is closed; 0: never."),
    ] = 120.0
    log_level: Annotated[str, Variable("TSENG_LOG_LEVEL", "Least level of the server's log lines on stderr.")] = "INFO"

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the environment.

        Raises:
            ValueError: a variable that is set does not parse; the text names it.
        """
        return cls(**{name: _parse(environ, variable, default) for name, variable, default in variables()})

    def environ(self) -> dict[str, str]:
        """Return the variables from which `read` makes these settings in another process."""
        return {variable.name: str(getattr(self, name)) for name, variable, _ in variables()}


def variables() -> list[tuple[str, Variable, Any]]:
    """Field name, variable and default of every setting."""
    hints = get_type_hints(Settings, include_extras=True)
    return [(each.name, hints[each.name].__metadata__[0], each.default) for each in fields(Settings)]


def _parse(environ: Mapping[str, str], variable: Variable, default: Any) -> Any:
    text = environ.get(variable.name, "")
    kind = Path if isinstance(default, Path) else type(default)
    try:
        value = kind(text) if text else default
    except ValueError:
        raise ValueError(f"{variable.name}: {text!r} is not a {kind.__name__}") from None
    if isinstance(value, int | float) and not 0 <= value < math.inf:
        raise ValueError(f"{variable.name}: {text!r} is not a number from 0 up")
    return value
