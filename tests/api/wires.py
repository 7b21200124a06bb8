"""A wire to a peer that takes what is sent only when it is told to."""

import asyncio

from tseng_api.wires import Wire

HIGH = 65_536


class _Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[bytes] = []
        self.taken = 0
        self.closing = self.aborted = False
        self.wire: Wire | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.messages.append(bytes(data))
        if self.wire is not None and self.get_write_buffer_size() > HIGH:
            self.wire.pause_writing()

    def get_write_buffer_size(self) -> int:
        return sum(map(len, self.messages[self.taken :]))

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True


class Pipe(Wire):
    """Messages as they are, one after the other. To be made on an event loop."""

    face = "pipe"

    def __init__(self) -> None:
        self._pipe = _Transport()
        super().__init__(self._pipe)
        self._pipe.wire = self
        self.goodbyes: list[tuple[int, str]] = []

    @property
    def messages(self) -> list[bytes]:
        """What was sent so far."""
        return self._pipe.messages

    @property
    def aborted(self) -> bool:
        """Whether the peer was cut off."""
        return self._pipe.aborted

    async def take(self) -> None:
        """Let the peer take all that waits, and whoever waited for that go on."""
        self._pipe.taken = len(self._pipe.messages)
        self.resume_writing()
        for _ in range(10):
            await asyncio.sleep(0)

    def _head(self, length: int, *, first: bool, last: bool) -> bytes:
        return b""

    def _goodbye(self, code: int, reason: str) -> None:
        self.goodbyes.append((code, reason))
