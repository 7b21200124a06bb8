"""The program: its commands, and how a refusal becomes one line on stderr and an exit code."""

import logging
import sys
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from tseng.cli import access, care, data, own, props, replay, serve

app = typer.Typer(
    name="tseng",
    help="Raw readings in, any metric in any unit out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (data, replay, own, props, access, care, serve):
    group.register(app)


def main() -> NoReturn:
    """Run one command: exit 0 when it did it, 2 for wrong use, 1 for failure, never with a traceback."""
    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        # A command named without its rest has just printed its help and has nothing more to say.
        fail(_usage(error), error.exit_code) if error.format_message() else sys.exit(error.exit_code)
    except typer.Abort:
        fail("stopped", 130)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing is wrong, and nobody is left to be told.
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        fail(_line(error), 1)
    sys.exit(code if isinstance(code, int) else 0)


def fail(message: str, code: int) -> NoReturn:
    """Say why on stderr and exit."""
    print(f"tseng: {message}", file=sys.stderr)
    sys.exit(code)


def _usage(error: TyperException) -> str:
    command = getattr(getattr(error, "ctx", None), "command_path", "tseng")
    return f"{error.format_message()} (see `{command} --help`)"


def _line(error: Exception) -> str:
    from tseng.errors import REFUSALS

    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, (*REFUSALS, OSError, ValueError)):
        return str(error)
    logging.getLogger("tseng").debug("unexpected failure", exc_info=error)
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no further word'}"
