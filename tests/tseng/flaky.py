"""A forwarder of TCP before a server, that breaks connections at chosen moments."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal

Moment = Literal["request", "answer"]
UPLOAD = b"POST /api/data/upload"
READ = b"POST /api/data "


class Proxy:
    """Listens on a port of its own, whatever becomes of the server behind it.

    `watch` is asked of each request that begins with `watched`: when it has come whole, before it is forwarded, and
    when its answer comes, before that goes back. Where it returns true the connection is broken instead.
    """

    def __init__(self, target: int) -> None:
        """Forward to this port."""
        self.target = target
        self.watched = UPLOAD
        self.watch: Callable[[Moment], bool] = lambda moment: False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """Break every connection there is."""
        for each in [*self._open]:
            _break(each)

    def close(self) -> None:
        """Break everything, and wait for its threads."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            self._open |= {near, far}
            known = threading.Event()
            for source, sink, moment in ((near, far, "request"), (far, near, "answer")):
                thread = threading.Thread(target=self._pump, args=(source, sink, moment, known))
                self._threads.append(thread)
                thread.start()

    def _pump(self, source: socket.socket, sink: socket.socket, moment: Moment, known: threading.Event) -> None:
        """Forward one way until either side ends."""
        held = b""
        with suppress(OSError):
            while data := source.recv(1 << 20):
                if moment == "request":
                    held += data
                    known.set() if held.startswith(self.watched) else known.clear()
                    if known.is_set() and not _whole(held):
                        continue
                    data, held = held, b""
                # An answer may come in several parts; it is the first of them that counts.
                begins = moment == "request" or data.startswith(b"HTTP/")
                if known.is_set() and begins and self.watch(moment):
                    break
                sink.sendall(data)
        _break(source)
        _break(sink)
        self._open -= {source, sink}


def _whole(request: bytes) -> bool:
    head, _, body = request.partition(b"\r\n\r\n")
    sizes = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return bool(sizes) and len(body) >= int(sizes[0])


def _break(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()


@contextmanager
def flaky(target: int) -> Iterator[Proxy]:
    """A proxy before this port."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
