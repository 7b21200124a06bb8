"""A server process of its own, as `tseng serve` starts it, and its log lines as they come."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

_MAIN = "from tseng.cli import main; main()"


@dataclass
class Process:
    """A running `tseng serve`."""

    popen: subprocess.Popen[str]
    line: str
    url: str
    logged: list[dict[str, Any]] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)

    @property
    def ports(self) -> tuple[int, int]:
        """Where it listens for HTTP and WebSocket, and for TCP; 0 where it does not."""
        found = {urlsplit(url).scheme: urlsplit(url).port or 0 for url in self.line.split(" ")[1:]}
        return found.get("http", 0) or found.get("https", 0), found.get("tcp", 0) or found.get("tls", 0)

    def follow(self) -> None:
        """Collect the lines on stderr until it ends."""
        assert self.popen.stderr is not None
        for line in self.popen.stderr:
            with self._news:
                self.logged.append(json.loads(line) if line.startswith("{") else {"text": line})
                self._news.notify_all()

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first log line that is wanted, waiting up to half a minute for it."""
        with self._news:
            found = self._news.wait_for(lambda: next(filter(wanted, self.logged), None), timeout=30)
        assert found is not None, self.logged
        return found

    def request(self, id: str) -> dict[str, Any]:
        """Return the access line of a request by its id."""
        return self.wait_for(lambda line: line.get("requestId") == id and line.get("logger") == "tseng.access")

    def stop(self) -> None:
        """Have it end as it should, itself and what it has started."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            self.popen.wait(30)

    @property
    def memory(self) -> psutil.Process:
        """The process as psutil sees it."""
        return psutil.Process(self.popen.pid)


@contextmanager
def serving(store: Path, *options: str) -> Iterator[Process]:
    """Serve a store on free ports from a process of its own."""
    command = [sys.executable, "-c", _MAIN, "serve", "--data", str(store), "--port", "0", "--tcp-port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as popen:
        assert popen.stdout is not None
        line = popen.stdout.readline().rstrip("\n")
        process = Process(popen, line, line.removeprefix("listening ").split(" ")[0])
        follower = threading.Thread(target=process.follow)
        follower.start()
        try:
            yield process
        finally:
            popen.kill()
            follower.join()
