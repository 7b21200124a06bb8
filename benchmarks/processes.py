"""Servers in processes of their own: what is measured over HTTP."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_SERVE = "from tseng.cli import main; main()"


@contextmanager
def process(command: Sequence[str], errors: IO[bytes] | None = None, stdin: bytes = b"") -> Iterator[int]:
    """Run a server; the last number of the first line it prints, which is its port."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, *command], stdin=pipe, stdout=pipe, stderr=errors) as popen:
        try:
            assert popen.stdin is not None
            assert popen.stdout is not None
            popen.stdin.write(stdin)
            popen.stdin.close()
            yield int(popen.stdout.readline().split()[-1].rpartition(b":")[2])
        finally:
            popen.kill()


@contextmanager
def served(store: Path, folder: Path) -> Iterator[int]:
    """Serve a store as `tseng serve` does, its log in a file: a reader of it would be one more at the processors."""
    options = ["--data", str(store), "--port", "0", "--no-tcp"]
    with (folder / "log").open("wb") as log, process(["-c", _SERVE, "serve", *options], log) as port:
        yield port
