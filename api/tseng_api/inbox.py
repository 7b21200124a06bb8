"""Frames that a connection has sent and that are not answered yet: so many and so large, and no more."""

import asyncio
from collections import deque

from tseng_api.limits import BYTES_AHEAD, ITEM_BYTES, REQUESTS_AHEAD
from tseng_api.messages import Batch, Frame


class Inbox:
    """A queue of one reader and one writer, bounded in number and bytes; one frame always fits."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._closed = False
        self._hungry = False
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._frames)

    async def put(self, frame: Frame) -> None:
        """Add a frame, as soon as there is room; it is forgotten if nobody will ask for it."""
        while not self._closed and self._frames and self._full(frame):
            await self._change()
        if not self._closed:
            self._frames.append(frame)
            self._bytes += _size(frame)
            self._changed.set()

    async def get(self) -> Frame | None:
        """Return the next frame, as soon as there is one; None once it is closed and empty."""
        while not self._frames and not self._closed:
            self._hungry = True
            self._changed.set()
            await self._change()
        self._hungry = False
        if not self._frames:
            return None
        frame = self._frames.popleft()
        self._bytes -= _size(frame)
        self._changed.set()
        return frame

    async def done(self) -> None:
        """Wait until the reader has come back for more than there is, or will not."""
        while not self._closed and (self._frames or not self._hungry):
            await self._change()

    def close(self) -> None:
        """Take no more; what is here can still be had."""
        self._closed = True
        self._changed.set()

    def drop(self) -> None:
        """Take no more, and forget what is here."""
        self._frames.clear()
        self.close()

    def _full(self, frame: Frame) -> bool:
        return len(self._frames) >= REQUESTS_AHEAD or self._bytes + _size(frame) > BYTES_AHEAD

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


def _size(frame: Frame) -> int:
    """Bytes of a frame that count: those of its text, and what the items of a batch are beside it."""
    return frame.size + (ITEM_BYTES * len(frame.items) if isinstance(frame, Batch) else 0)
