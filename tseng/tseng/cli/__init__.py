"""The command line: `tseng COMMAND`. Each module holds one group of commands; all of them call the engine."""

from tseng.cli.main import main

__all__ = ["main"]
