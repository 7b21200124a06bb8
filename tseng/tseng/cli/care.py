"""`flush`, `compact`, `verify`, `backup`, `restore` and `info`: looking after the store."""

from pathlib import Path
from typing import Annotated

import typer

from tseng.cli.options import Data, open_engine


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (flush, compact, verify, backup, restore, info):
        app.command(command.__name__)(command)


def flush(data: Data = None) -> None:
    """Drain the log into Parquet now."""
    with open_engine(data) as engine:
        engine.store.flush()


def compact(data: Data = None) -> None:
    """Merge small and overlapping files into sorted ones, and drop those that nobody needs any more."""
    with open_engine(data) as engine:
        engine.store.compact()
        engine.store.vacuum()


def verify(data: Data = None) -> None:
    """Check every file against its recorded size and checksum, and the log against itself; exit 1 on damage."""
    with open_engine(data) as engine:
        report = engine.store.verify()
    for damage in report.damages:
        typer.echo(f"tseng: {damage.path}: {damage.reason}", err=True)
    if report.damages:
        raise typer.Exit(1)
    print(f"{report.files} files and {report.uploads} uploads in the log are sound")


def backup(dest: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")], data: Data = None) -> None:
    """Copy the store, as of one moment, into a new folder; the server may go on."""
    with open_engine(data) as engine:
        engine.store.backup(dest)


def restore(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A folder made by `backup`.")], data: Data = None
) -> None:
    """Copy a backup back, into a place where there is no store."""
    from tseng.settings import Settings
    from tseng_storage.store import Store

    Store.restore(source, data or Settings.read().data)


def info(data: Data = None) -> None:
    """Print what the store holds."""
    with open_engine(data) as engine:
        facts = engine.store.info()
    width = max(map(len, facts))
    for name, fact in facts.items():
        print(f"{name:<{width}}  {fact}")
