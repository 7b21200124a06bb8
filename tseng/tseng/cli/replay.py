"""`replay`: computes an answer again from the provenance that it carries, and compares the two."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tseng.cli.options import Data, open_engine

if TYPE_CHECKING:
    from tseng.answers import Answer
    from tseng.engine import Engine


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("replay")(replay)


def replay(
    file: Annotated[Path, typer.Argument(help="JSON, columns, Arrow or Parquet written with the provenance.")],
    data: Data = None,
) -> None:
    """Compute an answer again from what was known then, and compare it bit for bit; exit 1 where it differs."""
    from tseng.answers import answers

    with open_engine(data) as engine:
        identical = [_replayed(engine, answer, file) for answer in answers(file)]
    if not all(identical):
        raise typer.Exit(1)


def _replayed(engine: "Engine", answer: "Answer", file: Path) -> bool:
    """Whether one answer is computed as it stands; says what was computed and how it compares."""
    from tseng.errors import InvalidRequest
    from tseng.replay import compare

    if answer.provenance is None:
        raise InvalidRequest.at(str(file), "carries no provenance; ask with --provenance or provenance=true")
    found = compare(answer, engine.replay(answer.provenance))
    series, seen = found.series, answer.provenance["snapshot"]
    print(f"{series.sensor} {series.metric} [{series.unit}], as of upload {seen['seq']} and change {seen['config']}")
    if found.identical:
        print(f"identical: {found.rows} rows")
    else:
        print(f"different: {found.different} of {found.rows} rows; the first: {found.first}")
    return found.identical
