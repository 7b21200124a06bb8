"""Options that several commands share, and the opening of the store they name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tseng.engine import Engine

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Folder of the store [else $TSENG_DATA, else ./tseng-data].", show_default=False),
]
ProjectOption = Annotated[
    str | None, typer.Option("--project", help="Project id or iTwin id [else the default project].", show_default=False)
]


def choice(option: str, value: str, allowed: tuple[str, ...]) -> Any:
    """Let one of a few words pass; anything else is wrong use."""
    if value not in allowed:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(allowed)}", param_hint=option)
    return value


def open_engine(data: Path | None, *, create: bool = False) -> "Engine":
    """Open the store of a command; only commands that write may make one."""
    import tseng

    return tseng.open(data, create=create)
