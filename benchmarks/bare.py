"""The rival of the load: a bare asyncio server over TCP that takes nothing apart and keeps nothing.

The first byte of a connection says what it is: `e` is sent back what it sends, `s` is sent what `u` sends, `i` idles.
`python -m benchmarks.bare` prints the port.
"""

import asyncio
from typing import cast

_SUBSCRIBERS: list[asyncio.Transport] = []


class _Peer(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._targets: list[asyncio.Transport] | None = None

    def data_received(self, data: bytes) -> None:
        if self._targets is None:
            self._targets = {b"e": [self._transport], b"u": _SUBSCRIBERS}.get(data[:1], [])
            if data[:1] == b"s":
                _SUBSCRIBERS.append(self._transport)
            self._transport.write(b"!")
            return
        for target in self._targets:
            target.write(data)


async def _main() -> None:
    server = await asyncio.get_running_loop().create_server(_Peer, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
