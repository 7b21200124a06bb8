"""What a connection may send ahead: so many requests, so many bytes, and always one."""

import asyncio

import msgspec
import pytest

from tseng_api import inbox
from tseng_api.inbox import Inbox
from tseng_api.limits import ITEM_BYTES
from tseng_api.messages import Batch, Invalid, Notification, Request, parse


def request(id: int, size: int = 2) -> Request:
    """A request whose text has so many bytes."""
    return Request(b"%d" % id, "time", msgspec.Raw(b"{}"), size)


async def put_all(box: Inbox, *frames: Request) -> None:
    """Put them in, one after the other."""
    for frame in frames:
        await box.put(frame)


async def settle() -> None:
    """Let whoever can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three requests or a hundred bytes."""
    monkeypatch.setattr(inbox, "REQUESTS_AHEAD", 3)
    monkeypatch.setattr(inbox, "BYTES_AHEAD", 100)


def test_the_writer_waits_when_there_are_too_many() -> None:
    """It goes on with each one that is taken; order is kept."""

    async def main() -> None:
        box, frames = Inbox(), [request(id) for id in range(5)]
        writing = asyncio.create_task(put_all(box, *frames))
        await settle()
        assert (len(box), writing.done()) == (3, False)
        taken = [await box.get()]
        await settle()
        assert (len(box), writing.done()) == (3, False)
        taken += [await box.get() for _ in range(4)]
        await writing
        assert taken == frames

    asyncio.run(main())


def test_the_writer_waits_when_there_are_too_many_bytes_but_one_always_fits() -> None:
    """One of a thousand bytes goes in when nothing else is there."""

    async def main() -> None:
        box = Inbox()
        await box.put(request(1, 1000))
        writing = asyncio.create_task(box.put(request(2, 10)))
        await settle()
        assert not writing.done()
        await box.get()
        await writing
        assert await box.get() == request(2, 10)

    asyncio.run(main())


def test_the_reader_waits_until_something_comes() -> None:
    """Or until it is closed: None then, after what was there."""

    async def main() -> None:
        box = Inbox()
        reading = asyncio.create_task(box.get())
        await settle()
        assert not reading.done()
        await box.put(request(1))
        assert await reading == request(1)
        await box.put(request(2))
        box.close()
        await box.put(request(3))
        assert [await box.get(), await box.get()] == [request(2), None]

    asyncio.run(main())


def test_the_writer_can_wait_until_all_is_done() -> None:
    """Which is when the reader asks for the next one, not when it has taken the last; or when it is closed."""

    async def main() -> None:
        box = Inbox()
        await put_all(box, request(1), request(2))
        waiting = asyncio.create_task(box.done())
        for _ in range(2):
            await box.get()
            await settle()
            assert not waiting.done()
        reading = asyncio.create_task(box.get())
        await waiting
        await box.put(request(3))
        again = asyncio.create_task(box.done())
        assert await reading == request(3)
        await settle()
        assert not again.done()
        box.close()
        await again

    asyncio.run(main())


def test_what_is_dropped_frees_both_ends() -> None:
    """A writer that waits for room, and a reader."""

    async def main() -> None:
        box = Inbox()
        writing = asyncio.create_task(put_all(box, *[request(id) for id in range(9)]))
        await settle()
        box.drop()
        await writing
        assert (len(box), await box.get()) == (0, None)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "kind", "items"),
    [
        (b'{"jsonrpc":"2.0","id":1,"method":"time","params":{"a": 1}}', Request, 0),
        (b'{"jsonrpc":"2.0","id":1,"method":"a name as long as you like"}', Request, 0),
        (b'{"jsonrpc":"2.0","method":"time","params":[]}', Notification, 0),
        (b'[{"jsonrpc":"2.0","id":1,"method":"time","params":{"a":1}},7]', Batch, 2),
        (b'{"jsonrpc":"not two but something long","id":1,"method":"time"}', Invalid, 0),
        (b"[" + b" " * 40 + b"]", Invalid, 0),
        (b"[" + b"7," * 1000 + b"7]", Invalid, 0),
    ],
)
def test_what_counts_is_the_whole_text(monkeypatch: pytest.MonkeyPatch, text: bytes, kind: type, items: int) -> None:
    """Whatever its bytes are; and what the items of a batch are beside it."""
    size = len(text) + items * ITEM_BYTES
    monkeypatch.setattr(inbox, "BYTES_AHEAD", size + 50)

    async def main() -> None:
        box, frame = Inbox(), parse(text)
        assert isinstance(frame, kind)
        await box.put(frame)
        blocking = asyncio.create_task(box.put(request(2, 51)))
        await settle()
        assert not blocking.done()
        await box.get()
        await box.get()
        await box.put(frame)
        await box.put(request(2, 50))

    asyncio.run(main())
