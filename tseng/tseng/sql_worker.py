"""The process that runs one query from outside, and then ends.

It says `ready` once everything is imported, reads one job from stdin, writes the encoded answer to the file it was
given and its verdict to stdout. It bounds its own memory before the query is looked at, so that what DuckDB does not
count (one text of two gigabytes) ends in an error too. Whoever started it watches the clock and kills it.
"""

import io
import os
import re
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import msgspec
import pyarrow as pa

from tseng.engine import Engine
from tseng.errors import REFUSALS, EngineError, InvalidRequest
from tseng.settings import Settings
from tseng.sql import session
from tseng.sql_guard import check, harden
from tseng.tables import WRITERS
from tseng_storage.duck import pattern
from tseng_units.registry import common_dimension, conversion

_MIB = 2**20
# What Arrow, Python and the encoder may take beside DuckDB's own memory, bytes.
_BESIDE = 256 * _MIB
_ROWS_A_BATCH = 10_000
_THREADS = 2
_OUT_OF_MEMORY = (MemoryError, duckdb.OutOfMemoryException, pa.ArrowMemoryError)


class Job(msgspec.Struct):
    """One query: on which store, of which project (None: all), as what, and what it may take (bytes, seconds)."""

    store: str
    project: str | None
    sql: str
    format: str
    memory: int
    size: int
    seconds: float


class Verdict(msgspec.Struct):
    """How it went; without a category it went well. `trace` is for the log alone."""

    category: str = ""
    message: str = ""
    field: str = ""
    trace: str = ""


def main() -> None:
    """Run one job."""
    out = os.fdopen(int(sys.argv[1]), "wb")
    _warm_up()
    print("ready", flush=True)
    line = sys.stdin.buffer.readline()
    if line:
        verdict = judge(msgspec.json.decode(line, type=Job), out)
        sys.stdout.buffer.write(msgspec.json.encode(verdict))
        sys.stdout.buffer.flush()
    # Everything is closed and said; tidying up the interpreter would only make the answer wait.
    os._exit(0)


def _warm_up() -> None:
    """Load, while nobody waits, what the libraries load when they are first used."""
    with duckdb.connect() as connection:
        connection.register("one", pa.table({"x": [1.0]}))
        connection.sql("SELECT x, json_serialize_sql('SELECT 1') FROM one").to_arrow_reader(1).read_all()
    conversion(common_dimension("C", "F"), "C", "F")


def judge(job: Job, out: BinaryIO) -> Verdict:
    """Write the answer of a job to `out`, or say why not."""
    try:
        with out, Engine.open(job.store, create=False, settings=Settings()) as engine:
            _run(engine, job, out)
    except REFUSALS as error:
        return Verdict(error.category, str(error), error.field)
    except (duckdb.Error, pa.ArrowException, MemoryError) as error:
        refused = InvalidRequest.at("sql", _plain(error) or out_of_memory(job.memory))
        return Verdict(refused.category, str(refused), refused.field)
    except Exception as error:
        return Verdict(EngineError.category, f"{type(error).__name__} in the SQL process", "", traceback.format_exc())
    return Verdict()


def out_of_memory(memory: int) -> str:
    """Return the refusal's text."""
    return f"the query needs more than {memory / 1e9:g} GB of memory"


def _run(engine: Engine, job: Job, out: BinaryIO) -> None:
    projects = [project.id for project in engine.projects()] if job.project is None else [job.project]
    at = engine.store.snapshot()
    paths = [engine.store.layout.segment(each.name) for id in projects for each in at.index.project(id)]
    # A path with `?`, `*` or `[` in it is asked for by the pattern that names it, and then opened as itself.
    files = {name for path in paths for name in (str(path), pattern(path))}
    with session(engine, job.project, at=at) as connection:
        harden(connection, files, memory=job.memory, threads=_THREADS)
        _bound(job)
        check(connection, job.sql)
        WRITERS[job.format](connection.sql(job.sql).to_arrow_reader(_ROWS_A_BATCH), _Limited(out, job.size))


class _Limited(io.BufferedIOBase):
    """A file that takes so many bytes and refuses more."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._left -= len(memoryview(data).cast("B"))
        if self._left < 0:
            raise InvalidRequest.at("sql", "the answer is too large: ask for fewer rows, or for several parts")
        return self._file.write(data)


def _bound(job: Job) -> None:
    """Let this process take so much more than it has, and leave no core file behind.

    The limit of processor time is for the day on which nobody is left to watch the clock.
    """
    limits = {
        resource.RLIMIT_DATA: _data_size() + job.memory + _BESIDE,
        resource.RLIMIT_CPU: int(time.process_time() + job.seconds * (_THREADS + 1)) + 2,
        resource.RLIMIT_CORE: 0,
    }
    for kind, limit in limits.items():
        resource.setrlimit(kind, (limit, limit))


def _data_size() -> int:
    """Bytes that the process has written or may write to; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    found = re.search(r"VmData:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 if found else 0


def _plain(error: Exception) -> str:
    """Return the message in one line, without the piece of the query drawn below it; "" where memory was short."""
    message = " ".join(str(error).partition("\n\nLINE ")[0].split())
    # An error of get_data and convert comes wrapped up in the language it was raised in.
    message = re.sub(r"^.*Python exception occurred while executing the UDF: (\w+: )?", "", message)
    return "" if isinstance(error, _OUT_OF_MEMORY) or message == "MemoryError" else message


if __name__ == "__main__":
    main()
