"""The clients of the load, all in one process, so that one clock tells when a frame left and when it came.

`python -m benchmarks.crowd` reads a `Task` from stdin and writes what it measured to stdout. Listening costs one call
and one entry in a list per piece of data, for ours as for the rival; what was received is looked at when all is over.
"""

import asyncio
import gc
import itertools
import json
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import uvloop
from tests.api.talkers import Address, Talker, WebSocketTalker, frame, messages, request

Chunks = list[tuple[float, bytes]]
SENSOR = "/load/device/tilt/sensor"
_PATIENCE_SECONDS = 30
_FIRST = 1_704_067_200
"""2024-01-01, epoch seconds."""


@dataclass(frozen=True)
class Task:
    """How many of what, how long."""

    ours: Address
    bare: Address
    key: str
    idle: int
    subscribers: int
    rate: int
    """Uploads per second."""
    seconds: int
    """Of uploads to ours in each round; the rival's echo and fan-out get half of it."""
    rounds: int


@dataclass
class Measured:
    """Milliseconds from sending to receiving of every round: median, and 99th percentile."""

    ours: list[tuple[float, float]] = field(default_factory=list)
    echo: list[tuple[float, float]] = field(default_factory=list)
    fan_out: list[tuple[float, float]] = field(default_factory=list)
    pushes: int = 0


class _Listener(asyncio.Protocol):
    """Keeps what comes, and when."""

    def __init__(self) -> None:
        self.chunks: Chunks = []
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.chunks.append((time.perf_counter(), data))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True


def _role(address: Address, role: bytes) -> socket.socket:
    """Open a connection to the rival."""
    talker = Talker(address)
    talker.send(role)
    assert talker.raw.recv(1) == b"!"
    return talker.raw


def _authenticated(task: Task) -> socket.socket:
    return WebSocketTalker(task.ours, task.key).raw


def _subscriber(task: Task) -> socket.socket:
    talker = WebSocketTalker(task.ours, task.key)
    zero = {"ZERO_DATE": {"value": stamp(0)}}
    asked = talker.ask("subscribeData", 1, sensors=[SENSOR], metric="dx", unit="mm", params=zero)
    assert asked == {"subscriptionId": 1}
    return talker.raw


def stamp(number: int) -> str:
    """Time of the upload of this number."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(_FIRST + number))


def tilt(number: int) -> float:
    """Tilt [deg] of the upload of this number."""
    return number * 0.001


def _upload(number: int) -> bytes:
    row = {"sensorId": SENSOR, "timestamp": stamp(number), "values": {"tilt_x": tilt(number)}}
    return frame(request("uploadData", number, data=[row]))


async def _listen(connections: list[socket.socket]) -> list[_Listener]:
    loop = asyncio.get_running_loop()
    found = []
    for connection in connections:
        connection.setblocking(False)
        found.append((await loop.create_connection(_Listener, sock=connection))[1])
    return found


async def _send(sender: _Listener, frames: list[bytes], rate: int) -> list[float]:
    """Send frame after frame at a steady rate; when each was sent."""
    loop, sent = asyncio.get_running_loop(), []
    begun = loop.time()
    for number, bytes_ in enumerate(frames):
        await asyncio.sleep(begun + number / rate - loop.time())
        sent.append(time.perf_counter())
        sender.transport.write(bytes_)
    return sent


async def _all_there(receivers: list[_Listener], there: Callable[[_Listener], bool]) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        await asyncio.sleep(0.05)  # looking takes time that the last pieces would wait
        for receiver in receivers:
            while not there(receiver):
                await asyncio.sleep(0.05)


async def _bare_round(sender: _Listener, receivers: list[_Listener], same: bytes, task: Task) -> tuple[float, float]:
    """Send the same bytes again and again; the n-th have come once n times their number is there."""
    count = task.seconds * task.rate // 2
    sent = await _send(sender, [same] * count, task.rate)
    await _all_there(receivers, lambda receiver: _size(receiver.chunks) >= count * len(same))
    latencies: list[float] = []
    for receiver in receivers:
        ends = itertools.accumulate(len(data) for _, data in receiver.chunks)
        whole = 0
        for (moment, _), end in zip(receiver.chunks, ends, strict=True):
            latencies += [moment - left for left in sent[whole : end // len(same)]]
            whole = end // len(same)
        receiver.chunks.clear()
    assert len(latencies) == count * len(receivers)
    return _summary(latencies)


def _size(chunks: Chunks) -> int:
    return sum(len(data) for _, data in chunks)


def _summary(seconds: list[float]) -> tuple[float, float]:
    return statistics.median(seconds) * 1e3, statistics.quantiles(seconds, n=100)[98] * 1e3


async def _our_round(sender: _Listener, receivers: list[_Listener], numbers: range, task: Task) -> tuple[float, float]:
    """Upload; every subscriber must have every point once, in order, and all of them the same bytes."""
    sent = await _send(sender, [_upload(number) for number in numbers], task.rate)
    last = stamp(numbers[-1]).encode()
    await _all_there(receivers, lambda receiver: any(last in data for _, data in receiver.chunks[-2:]))
    await _all_there([sender], lambda sender: _count(sender.chunks) == len(numbers))
    sender.chunks.clear()
    left = {stamp(number): moment for number, moment in zip(numbers, sent, strict=True)}
    latencies: list[float] = []
    for receiver in receivers:
        points = list(_points(receiver.chunks))
        assert [at for _, at in points] == list(left), "lost, doubled or out of order"
        latencies += [moment - left[at] for moment, at in points]
    assert len({tuple(_payloads(receiver.chunks)) for receiver in receivers}) == 1, "not the same for all"
    for receiver in receivers:
        receiver.chunks.clear()
    return _summary(latencies)


def _count(chunks: Chunks) -> int:
    """Messages received; each must be an answer to an upload."""
    answers = _payloads(chunks)
    assert all(b"successfullyProcessedObs" in answer for answer in answers), answers
    return len(answers)


def _payloads(chunks: Chunks) -> list[bytes]:
    return [message.payload for message in messages(b"".join(data for _, data in chunks))]


def _points(chunks: Chunks) -> Iterator[tuple[float, str]]:
    """Time of a point, and when the frame that tells of it was whole."""
    ends = list(itertools.accumulate(len(data) for _, data in chunks))
    chunk = 0
    for message in messages(b"".join(data for _, data in chunks)):
        while ends[chunk] < message.end:
            chunk += 1
        for at in json.loads(message.payload)["result"]["data"]:
            yield chunks[chunk][0], at


async def _measure(task: Task) -> Measured:
    measured, rounds = Measured(), task.rounds
    idle = await _listen([_authenticated(task) for _ in range(task.idle)])
    bare_idle = [_role(task.bare, b"i") for _ in range(task.idle)]
    receivers = await _listen([_subscriber(task) for _ in range(task.subscribers)])
    bare_receivers = await _listen([_role(task.bare, b"s") for _ in range(task.subscribers)])
    sender, echo, fan_out = await _listen([_authenticated(task), _role(task.bare, b"e"), _role(task.bare, b"u")])
    count, done = task.seconds * task.rate, 0
    for number in range(rounds + 1):
        ours = await _our_round(sender, receivers, range(done + 1, done + 1 + count), task)
        done += count
        same = _a_push(done)
        bare = await _bare_round(echo, [echo], same, task), await _bare_round(fan_out, bare_receivers, same, task)
        if number:  # the first round warms up
            measured.ours.append(ours)
            measured.echo.append(bare[0])
            measured.fan_out.append(bare[1])
    assert not any(each.closed for each in (*idle, *receivers, sender))
    measured.pushes = done * task.subscribers
    for connection in bare_idle:
        connection.close()
    return measured


def _a_push(number: int) -> bytes:
    """As many bytes as a push has, head and all."""
    data = {"data": {stamp(number): 123.45678901234567}, "sensor": SENSOR}
    return b"\x81\x7e\x00\x00" + json.dumps({"jsonrpc": "2.0", "id": 1, "result": data}, separators=(",", ":")).encode()


def main(task: dict[str, Any]) -> dict[str, Any]:
    """Measure; what `Measured` says, as JSON has it."""
    gc.disable()
    addresses = {name: Address(*task[name]) for name in ("ours", "bare")}
    return asdict(uvloop.run(_measure(Task(**task | addresses))))


if __name__ == "__main__":
    json.dump(main(json.load(sys.stdin)), sys.stdout)
