"""What the server crash test kills: the real server, over a store that is flushed and compacted all the time."""

import itertools
import threading
from pathlib import Path

from tseng.engine import Engine
from tseng.settings import Settings
from tseng_api.serve import serve
from tseng_storage.errors import StoreBusy


def live(path: Path, port: int) -> None:
    """Serve the store until killed, draining and merging all the while."""
    engine = Engine.open(settings=Settings(data=path, flush_rows=100, flush_seconds=0.05, log_level="ERROR"))
    threading.Thread(target=_tend, args=(engine,), daemon=True).start()
    serve(engine, port=port)


def _tend(engine: Engine) -> None:
    pause = threading.Event()
    for turn in itertools.count():
        # Room for uploads between two turns, or there is nothing to flush.
        pause.wait(0.02)
        try:
            engine.store.flush()
            if turn % 4 == 3:
                engine.store.compact()
        except StoreBusy:
            continue
