"""Options that several commands share, and the opening of the store they name."""

from collections.abc import Iterator, Sequence
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


def columns(rows: Sequence[Sequence[str]]) -> None:
    """Print a table; its columns are as wide as they need to be."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def pairs(option: str, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Take NAME=VALUE apart; anything else is wrong use."""
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint=option)
        yield name, value


def json_values(option: str, texts: Sequence[str]) -> dict[str, Any]:
    """Values by name: what is JSON (a number, a list, true) becomes that, the rest stays text."""
    import msgspec

    def value(text: str) -> Any:
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text

    return {name: value(text) for name, text in pairs(option, texts)}


def open_engine(data: Path | None, *, create: bool = False) -> "Engine":
    """Open the store of a command; only commands that write may make one."""
    import tseng

    return tseng.open(data, create=create)
