"""`props`: what a sensor, device or node is configured with, from which date on, and every change of it."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tseng.cli.options import Data, ProjectOption, choice, json_values, open_engine

if TYPE_CHECKING:
    from tseng_storage.entities import Entity
    from tseng_storage.history import Change


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("props")(props)


def props(
    id: Annotated[str, typer.Argument(metavar="ID", help="Id of a sensor, device or node.")],
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=VALUE]...", help="Set: GAUGE_LENGTH=2.5; null or nothing removes.", show_default=False
        ),
    ] = None,
    kind: Annotated[str, typer.Option(help="sensor, device or node.")] = "sensor",
    since: Annotated[
        str | None, typer.Option("--from", help="Date from which the values hold [else they correct what is there].")
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Print every change ever recorded.")] = False,
    project: ProjectOption = None,
    data: Data = None,
) -> None:
    """Print the props of a sensor, device or node, or set some, from a date on or as a correction."""
    which = choice("--kind", kind, ("sensor", "device", "node"))
    given = json_values("NAME=VALUE", changes or [])
    if since is not None and not given:
        raise typer.BadParameter("says from when NAME=VALUE holds, and there is none", param_hint="--from")
    from tseng.errors import NotFound

    with open_engine(data) as engine:
        if given:
            wanted = {name: None if value == "" else value for name, value in given.items()}
            engine.update_entity(which, id, wanted, valid_from=since, project=project)
        changed = engine.history(which, id, project=project)
        found = engine.entities(which, [id], project=project)
        if not (history or found):
            raise NotFound(f"there is no {which} {id!r}", field=which, seen=id)
    sys.stdout.writelines(_recorded(changed) if history else _in_columns(_held(found[0])))


def _held(entity: "Entity") -> Iterable[tuple[str, str, str]]:
    """Name, date and value of each prop, a line for each epoch."""
    from tseng_storage.history import ALWAYS

    for name in sorted({*entity.props, *entity.epochs}):
        for since, value in entity.epochs.get(name, ((ALWAYS, entity.props.get(name)),)):
            yield name, _date(since), _text(value)


def _recorded(changes: Iterable["Change"]) -> Iterable[str]:
    """A line for each change: when it was recorded, from when on it holds, and what it set."""
    return _in_columns(
        (_date(change.recorded), f"from {_date(change.valid_from)}",
         "removed" if change.removed else " ".join(f"{name}={_text(value)}" for name, value in change.props.items()))
        for change in changes
    )  # fmt: skip


def _in_columns(rows: Iterable[tuple[str, str, str]]) -> Iterable[str]:
    kept = list(rows)
    first, second = (max((len(row[column]) for row in kept), default=0) for column in (0, 1))
    return (f"{one:<{first}}  {two:<{second}}  {three}".rstrip() + "\n" for one, two, three in kept)


def _date(instant: int) -> str:
    from tseng_storage.history import ALWAYS
    from tseng_units.instants import format_instant

    return "always" if instant == ALWAYS else format_instant(instant)


def _text(value: Any) -> str:
    import msgspec

    return msgspec.json.encode(value).decode()
