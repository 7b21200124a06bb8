"""How long a peer has taken nothing: what it has not been offered yet does not count against it."""

import asyncio

from tests.api.wires import Pipe

PART, TOLD = b"x" * 100, b"y" * 1000


def test_a_peer_that_takes_part_after_part_is_not_stuck_however_much_is_held_for_it() -> None:
    """Ten times what it takes is told meanwhile, and waits for the end of the message in parts."""

    async def main() -> None:
        pipe = Pipe()
        start = pipe.heard
        for second in range(1, 100):
            await pipe.send_in_parts(PART, last=False)
            pipe.send(TOLD)
            assert pipe.stuck(start + second) <= 1
            await pipe.take()
        assert pipe.waiting == 99 * len(TOLD)

    asyncio.run(main())


def test_a_peer_is_not_stuck_while_it_waits_for_the_next_part() -> None:
    """It has taken all that there is; what is held waits for us. Offered more, it has its time from then on."""

    async def main() -> None:
        pipe = Pipe()
        start = pipe.heard
        await pipe.send_in_parts(PART, last=False)
        pipe.send(TOLD)
        await pipe.take()
        assert [pipe.stuck(start + second) for second in (1, 200)] == [0, 0]
        await pipe.send_in_parts(PART, last=False)
        assert [pipe.stuck(start + second) for second in (210, 300)] == [10, 100]

    asyncio.run(main())
