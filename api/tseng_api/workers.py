"""Several server processes on the same sockets: the parent starts them, replaces those that die, and stops them all.

The parent binds the sockets and serves nothing itself, so it opens no store and loses nothing with a worker. A worker
is a fresh interpreter that inherits the sockets: forking one with the threads of a columnar library in it is not safe.
What a worker needs to know comes as one line of JSON, its settings as environment variables. It says `ready` on its
stdout, and its stdin tells it that the parent is gone: then it stops as well, for nobody would stop it later.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from tseng.depositing import Arrivals
from tseng.engine import Engine
from tseng.errors import EngineError
from tseng.settings import Settings
from tseng_api.logs import configure
from tseng_api.server import Certificate, Server, run

log = logging.getLogger("tseng.workers")

# Of the ten seconds that a stop may take, what the workers get; they need eight where something hangs.
_STOP_SECONDS = 9.5
# Between the death of a worker and its successor: one that dies at once must not keep a processor busy with that.
_PAUSE_SECONDS = 0.5


class Orders(msgspec.Struct):
    """What a worker is told: the files of its sockets and of its certificate, and its place among how many."""

    sockets: list[int]
    chain: str = ""
    key: str = ""
    place: int = 0
    places: int = 1


def supervise(
    settings: Settings,
    number: int,
    listeners: Sequence[socket.socket],
    certificate: Certificate | None,
    ready: Callable[[], None],
) -> None:
    """Keep so many workers serving until SIGTERM or SIGINT; `ready` is called once all of them do.

    Raises:
        EngineError: a worker ended before it was ready; what it says stands on stderr.
    """
    orders = Orders([listener.fileno() for listener in listeners], places=number)
    if certificate is not None:
        orders.chain, orders.key = str(certificate.chain), str(certificate.key)
    asyncio.run(_Workers(settings, orders).run(number, ready, listeners))


class _Workers:
    def __init__(self, settings: Settings, orders: Orders) -> None:
        self._environ = {**os.environ, **settings.environ()}
        self._orders = orders
        self._running: set[Process] = set()
        self._stop = asyncio.Event()

    async def run(self, number: int, ready: Callable[[], None], listeners: Sequence[socket.socket]) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._stop.set)
        up = [asyncio.Event() for _ in range(number)]
        places = [asyncio.create_task(self._keep(place, each)) for place, each in enumerate(up)]
        announcing = asyncio.create_task(_announce(up, ready))
        stopping = asyncio.create_task(self._stop.wait())
        done, _ = await asyncio.wait([stopping, *places], return_when=asyncio.FIRST_COMPLETED)
        announcing.cancel()
        self._stop.set()
        for listener in listeners:
            listener.close()
        await self._end(places)
        failures = [place.exception() for place in places]
        if stopping not in done:
            raise EngineError("a worker could not start") from next(filter(None, failures), None)

    async def _keep(self, place: int, up: asyncio.Event) -> None:
        """Have a worker in one place, another one when it dies, until the stop; none after one that never was up."""
        while not self._stop.is_set():
            process = await self._started(place)
            self._running.add(process)
            if self._stop.is_set():
                # The stop came while it was being started, and was told to those that ran.
                _send(process, signal.SIGTERM)
            assert process.stdout is not None
            if await process.stdout.readline():
                up.set()
            code = await process.wait()
            self._running.discard(process)
            if not up.is_set():
                return
            if not self._stop.is_set():
                log.error("worker %d ended with %d, another one takes its place", process.pid, code)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), _PAUSE_SECONDS)

    async def _started(self, place: int) -> Process:
        orders = msgspec.structs.replace(self._orders, place=place)
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tseng_api.workers", msgspec.json.encode(orders).decode(),
            stdin=PIPE, stdout=PIPE, pass_fds=self._orders.sockets, env=self._environ,
        )  # fmt: skip

    async def _end(self, places: Sequence[asyncio.Task[None]]) -> None:
        for process in self._running:
            _send(process, signal.SIGTERM)
        _, late = await asyncio.wait(places, timeout=_STOP_SECONDS)
        if late:
            log.error("%d workers did not stop in time", len(late))
            for process in self._running:
                _send(process, signal.SIGKILL)
            await asyncio.wait(places)


def _send(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(number)


async def _announce(up: Sequence[asyncio.Event], ready: Callable[[], None]) -> None:
    for each in up:
        await each.wait()
    ready()


def work(orders: Orders, settings: Settings) -> None:
    """Serve as one of several processes until SIGTERM, or until the parent is gone."""
    configure(settings.log_level)
    certificate = Certificate(Path(orders.chain), Path(orders.key)) if orders.chain else None
    listeners = [socket.socket(fileno=number) for number in orders.sockets]
    threading.Thread(target=_outlive_nobody, daemon=True).start()
    with Engine.open(settings=settings, create=False) as engine:
        engine.arrivals = Arrivals(orders.place, orders.places)
        run(Server(engine, certificate=certificate, ready=lambda: print("ready", flush=True)), listeners)


def _outlive_nobody() -> None:
    # What a dead parent held is closed: reading ends. Not through `sys.stdin`, whose lock the interpreter's end wants.
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    try:
        work(msgspec.json.decode(sys.argv[1], type=Orders), Settings.read())
    except Exception as error:
        log.debug("unexpected failure", exc_info=error)
        sys.exit(f"tseng: worker: {error}")
