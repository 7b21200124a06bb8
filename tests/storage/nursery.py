"""Processes that crash tests start and kill, and what those managed to say."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

# A process that imported everything once and forks the victims: each is up in milliseconds.
NURSERY = multiprocessing.get_context("forkserver")
NURSERY.set_forkserver_preload(["tests.storage.crasher", "deltalake", "pandas"])


def start(target: Callable[..., None], *arguments: Any) -> tuple[Any, Connection]:
    """Run a function of `crasher` in a process of its own; that, and the pipe by which it tells."""
    ear, mouth = NURSERY.Pipe(duplex=False)
    process = NURSERY.Process(target=target, args=(*arguments, mouth), daemon=True)
    process.start()
    mouth.close()
    return process, ear


def messages(pipe: Connection) -> list[Any]:
    """All that a dead process managed to say."""
    said = []
    try:
        while pipe.poll(0):
            said.append(pipe.recv())
    except EOFError:
        return said
    return said
