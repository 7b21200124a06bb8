"""`init`, `keys` and `clients`: who may come in."""

from typing import Annotated

import typer

from tseng.cli.options import Data, ProjectOption, choice, columns, open_engine

ClientId = Annotated[str, typer.Argument(metavar="ID", help="The client_id; `clients list` shows it.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("init")(init)
    keys = typer.Typer(help="API keys.", no_args_is_help=True)
    keys.command("create")(create_key)
    keys.command("list")(list_keys)
    keys.command("revoke")(revoke_key)
    app.add_typer(keys, name="keys")
    clients = typer.Typer(help="OAuth2 clients.", no_args_is_help=True)
    clients.command("create")(create_client)
    clients.command("list")(list_clients)
    clients.command("rotate")(rotate_client)
    clients.command("revoke")(revoke_client)
    app.add_typer(clients, name="clients")


def init(data: Data = None) -> None:
    """Make the store and print a first admin key, once."""
    with open_engine(data, create=True) as engine:
        print(engine.keys.first())


def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    role: Annotated[str, typer.Option(help="reader, writer or admin.")] = "reader",
    project: ProjectOption = None,
    data: Data = None,
) -> None:
    """Make a key and print it, this once: only a hash is kept."""
    choice("--role", role, ("reader", "writer", "admin"))
    if not name.strip():
        raise typer.BadParameter("must not be empty", param_hint="NAME")
    with open_engine(data) as engine:
        print(engine.keys.create(name, role, project))


def list_keys(data: Data = None) -> None:
    """List all keys, revoked ones too."""
    with open_engine(data) as engine:
        keys = engine.keys.list()
    rows = [("id", "name", "role", "project", "created", "revoked")]
    rows += [(k.id, k.name, k.role, k.project or "all", _date(k.created), _date(k.revoked)) for k in keys]
    columns(rows)


def revoke_key(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id that `keys list` shows.")], data: Data = None
) -> None:
    """Make a key worthless from now on."""
    with open_engine(data) as engine:
        engine.keys.revoke(key_id)


def create_client(
    name: Annotated[str, typer.Argument(help="What the client is for.")],
    scope: Annotated[str, typer.Option(help='Such as "sensor-data:read sensor-data:modify".')],
    project: ProjectOption = None,
    data: Data = None,
) -> None:
    """Make an OAuth2 client and print its id and secret as JSON, this once."""
    with open_engine(data) as engine:
        _print_json(engine.keys.create_client(name, scope, project))


def list_clients(data: Data = None) -> None:
    """List all clients, revoked ones too."""
    with open_engine(data) as engine:
        clients = engine.keys.clients()
    rows = [("id", "name", "scope", "project", "created", "old secret until", "revoked")]
    rows += [
        (c.id, c.name, c.scope, c.project or "all", _date(c.created), _date(c.old_until), _date(c.revoked))
        for c in clients
    ]
    columns(rows)


def rotate_client(
    client_id: ClientId,
    keep: Annotated[str, typer.Option(help="How long the old secret stays good, such as 7d; 0 ends it now.")] = "24h",
    data: Data = None,
) -> None:
    """Give a client a new secret and print it as JSON, this once."""
    with open_engine(data) as engine:
        _print_json(engine.keys.rotate_client(client_id, keep))


def revoke_client(client_id: ClientId, data: Data = None) -> None:
    """Make a client and its tokens worthless from now on."""
    with open_engine(data) as engine:
        engine.keys.revoke_client(client_id)


def _print_json(made: dict[str, str]) -> None:
    import msgspec

    print(msgspec.json.encode(made).decode())


def _date(instant: int | None) -> str:
    from tseng_units.instants import format_instant

    return "-" if instant is None else format_instant(instant)
