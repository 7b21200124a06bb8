"""Queries from outside run in a process of their own, and this is where it is started, watched and ended.

A thread of the server could neither be stopped nor bounded: DuckDB looks for an interrupt only between chunks of rows,
and counts only its own buffers. One `lpad('', 2000000000)` would run for half a minute and take the server's memory
with it. A process can be killed at any time, and the system bounds its memory.

Starting one takes most of a second, nearly all of it imports. So after each query the next process is made ready and
waits; it knows nothing of any store until its one job comes.
"""

import atexit
import logging
import os
import subprocess
import sys
import tempfile
import threading
from typing import IO, BinaryIO

import msgspec

from tseng.client.refusals import refusal
from tseng.engine import Engine
from tseng.errors import EngineError, InvalidRequest

log = logging.getLogger("tseng.sql")

_LONGEST_QUERY = 100_000
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")


def run(engine: Engine, query: str, format: str, project: str | None = None) -> BinaryIO:
    """Run one SELECT over one snapshot, apart from this process and within the limits of the settings.

    Args:
        engine: whose store.
        query: DuckDB SQL; `docs/sql.md` says what it may hold.
        format: a name of `tseng.tables.WRITERS`.
        project: id of the one project that is seen; None for all.

    Returns:
        The encoded answer, a file at its beginning; the caller closes it.

    Raises:
        InvalidRequest: the query is wrong, not allowed, too slow or too large.
    """
    if len(query) > _LONGEST_QUERY:
        raise InvalidRequest.at("sql", f"the query is longer than {_LONGEST_QUERY} characters")
    settings = engine.settings
    job = {
        "store": os.path.abspath(engine.store.layout.root), "project": project, "sql": query, "format": format,
        "memory": settings.sql_memory, "size": settings.sql_bytes, "seconds": settings.sql_seconds,
    }  # fmt: skip
    worker = _POOL.take()
    try:
        worker.work(msgspec.json.encode(job) + b"\n", settings.sql_seconds, settings.sql_memory)
    except BaseException:
        worker.result.close()
        raise
    finally:
        worker.end()
        _POOL.refill()
    worker.result.seek(0)
    return worker.result


class _Worker:
    """A process that waits for one job, and the unnamed file that it will write the answer to."""

    def __init__(self) -> None:
        self.result: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115
        handle = self.result.fileno()
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-P", "-m", "tseng.sql_worker", str(handle)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            pass_fds=(handle,), env=environment, cwd="/",
        )  # fmt: skip

    def work(self, job: bytes, seconds: float, memory: int) -> None:
        """Have the job done within `seconds` from when the process is ready."""
        if _pipe(self.process.stdout).readline() != b"ready\n":
            raise EngineError("the SQL process does not start")
        try:
            answer, _ = self.process.communicate(job, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise InvalidRequest.at("sql", f"the query took longer than {seconds:g} s and was stopped") from None
        _raise(answer, memory)

    def end(self) -> None:
        """Kill what is left of the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            _pipe(pipe).close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _raise(answer: bytes, memory: int) -> None:
    """Raise what the verdict says; a process that ended without one was at the end of its memory."""
    if not answer:
        raise InvalidRequest.at("sql", f"the query was stopped: it needs more than {memory / 1e9:g} GB of memory")
    verdict = msgspec.json.decode(answer)
    if verdict["trace"]:
        log.error("%s\n%s", verdict["message"], verdict["trace"])
    if verdict["category"]:
        raise refusal(verdict["category"], verdict["message"], verdict["field"])


class _Pool:
    """At most one process that waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spare: _Worker | None = None

    def take(self) -> _Worker:
        """Return the one that waits, if it still lives, else a new one."""
        with self._lock:
            worker, self._spare = self._spare, None
        if worker is not None and worker.process.poll() is not None:
            _discard(worker)
            worker = None
        return worker or _Worker()

    def refill(self) -> None:
        """Have one wait."""
        with self._lock:
            if self._spare is None:
                self._spare = _Worker()

    def close(self) -> None:
        """End the one that waits."""
        with self._lock:
            worker, self._spare = self._spare, None
        if worker is not None:
            _discard(worker)


def _discard(worker: _Worker) -> None:
    worker.end()
    worker.result.close()


_POOL = _Pool()
atexit.register(_POOL.close)
