"""All connections of one process that stay open: who is here, who is told to go."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any

from starlette.concurrency import run_in_threadpool

from tseng.engine import Engine
from tseng_api.admission import Admissions
from tseng_api.connection import Connection
from tseng_api.errors import Idle
from tseng_api.limits import RECHECK_SECONDS, STUCK_SECONDS
from tseng_api.logs import access
from tseng_api.messages import Frame
from tseng_api.subscriptions import LoopOutlet
from tseng_api.websocket import REFUSED, RESTART
from tseng_api.wires import Wire

log = logging.getLogger("tseng.api")


class Sockets:
    """The open connections of a process, whichever face they came through."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open: dict[str, Connection] = {}
        self._stopping = False
        self._admissions = Admissions(engine)

    @cached_property
    def _outlet(self) -> LoopOutlet:
        return LoopOutlet(asyncio.get_running_loop(), self._engine)

    async def serve(self, wire: Wire, frames: AsyncIterator[Frame], client: str) -> None:
        """Answer one peer until its end."""
        if self._stopping:
            wire.close(code=RESTART)
            return
        connection = Connection(uuid.uuid4().hex, wire, self._engine, self._admissions, self._outlet)
        self._open[connection.id] = connection
        about, began = {"requestId": connection.id, "face": wire.face, "client": client}, time.perf_counter()
        access.info("connection opened", extra=about)
        try:
            await connection.run(frames)
        finally:
            del self._open[connection.id]
            self._admissions.leave(connection.id)
            access.info("connection closed", extra=about | _story(connection, began))

    def __len__(self) -> int:
        return len(self._open)

    def stop(self) -> None:
        """Let every connection answer what it has been asked, then close; admit no more."""
        self._stopping = True
        for connection in self._open.values():
            connection.finish(RESTART, "the server stops")

    async def watch(self) -> None:
        """Look after the connections until cancelled."""
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            try:
                await self._look_after()
            except Exception:
                log.exception("looking after the connections failed")

    async def _look_after(self) -> None:
        for id, error in (await run_in_threadpool(self._admissions.refused)).items():
            if id in self._open:
                self._open[id].close("no longer let in", error, REFUSED)
        now, longest = asyncio.get_running_loop().time(), self._engine.settings.idle_seconds
        for connection in list(self._open.values()):
            if connection.wire.stuck(now) > STUCK_SECONDS:
                connection.cut(f"took nothing for {STUCK_SECONDS} seconds")
            elif 0 < longest < now - connection.wire.heard and not connection.busy:
                words = f"nothing came for {longest:g} seconds; `time` keeps a connection alive"
                connection.close("idle", Idle(words, field="connection"), REFUSED)


def _story(connection: Connection, began: float) -> dict[str, Any]:
    identity = connection.session.identity
    return {
        "reason": connection.reason,
        "identity": None if identity is None else identity.name,
        "requests": connection.requests,
        "pushes": connection.pushes.pushed,
        "bytes": connection.wire.sent,
        "ms": round((time.perf_counter() - began) * 1000, 1),
    }
