"""Clients that come and go by the hundred while data comes in: in the end the server has nothing left of them."""

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from tests.api.talk import wait_until
from tests.api.talkers import Address, Talker, WebSocketTalker, request

from tseng.engine import Engine
from tseng.settings import Settings
from tseng_api.listening import listen
from tseng_api.server import Server

SENSORS = ["/s1/sensor", "/s2/sensor"]
CLIENTS, CROWDS = 200, 8
ASKED = {"metric": "dT", "unit": "F"}


@contextmanager
def _running(engine: Engine) -> Iterator[tuple[Server, list[Address]]]:
    """A server in a thread of this process, so that its tasks can be counted; its addresses for HTTP and TCP."""
    listeners, ready = listen("127.0.0.1", 0, 0), threading.Event()
    server = Server(engine, ready=ready.set)
    thread = threading.Thread(target=server.run, args=(listeners,))
    thread.start()
    try:
        assert ready.wait(30)
        yield server, [Address("127.0.0.1", listener.getsockname()[1]) for listener in listeners]
    finally:
        server.should_exit = True
        thread.join()
        for listener in listeners:
            listener.close()


def _come_and_go(dice: random.Random, addresses: list[Address], key: str) -> None:
    """Connect over either face, ask for something or for half of it, and leave in one way or another."""
    face, address = dice.choice(list(zip((WebSocketTalker, Talker), addresses, strict=True)))
    talker = face(address, key)
    wants = [
        request("subscribeData", 1, sensors=SENSORS, **ASKED),
        request("subscribeSensors", 2, sensors=SENSORS[:1]),
        request("getData", 3, sensor=SENSORS[0], **ASKED),
        request("help", 4),
    ]
    sent = talker.pack(dice.choice(wants)) + talker.pack(dice.choice(wants))
    talker.raw.sendall(sent[: dice.randrange(len(sent))] if dice.random() < 0.3 else sent)
    if dice.random() < 0.5:
        talker.raw.settimeout(0.02)
        with suppress(TimeoutError):  # half a request has no answer
            talker.receive()
    if dice.random() < 0.5:
        talker.vanish()
    else:
        talker.raw.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_left_of_a_storm(tmp_path: Path, seed: int) -> None:
    """Tasks, threads, files, connections and what is followed: as before, and whoever stayed has missed no point."""
    with Engine.open(tmp_path / "store", settings=Settings(log_level="ERROR")) as engine:
        for sensor in SENSORS:
            engine.create_entity("sensor", sensor, "TEMPERATURE_SDE")
            engine.upload([_reading(sensor, 0)])
        key = engine.keys.create("storm", "reader")
        with _running(engine) as (server, addresses):
            loop = server._watch.get_loop()
            _come_and_go(random.Random(0), addresses, key)  # what is made once and kept
            wait_until(lambda: not len(server._sockets) and not _followed())
            tasks, files = _left(loop)
            with Talker(addresses[1], key) as faithful:
                assert faithful.ask("subscribeData", sensors=SENSORS[1:], **ASKED) == {"subscriptionId": 1}
                uploaded = _storm(engine, seed, addresses, key)
                told: list[str] = []
                while len(told) < uploaded:
                    told += faithful.receive()["result"]["data"]
            assert told == [_reading(SENSORS[1], number)["timestamp"] for number in range(1, uploaded + 1)]
            wait_until(lambda: not len(server._sockets) and not _followed())
            wait_until(lambda: _left(loop)[0] <= tasks and _left(loop)[1] <= files)


def _reading(sensor: str, number: int) -> dict[str, object]:
    at = f"2024-03-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}.000Z"
    return {"sensorId": sensor, "timestamp": at, "values": {"T": number / 8}}


def _storm(engine: Engine, seed: int, addresses: list[Address], key: str) -> int:
    """Upload as long as clients come and go; how many times."""

    def crowd(number: int) -> None:
        dice = random.Random(seed * CROWDS + number)
        for _ in range(CLIENTS // CROWDS):
            _come_and_go(dice, addresses, key)

    crowds = [threading.Thread(target=crowd, args=(number,)) for number in range(CROWDS)]
    for each in crowds:
        each.start()
    uploaded = 0
    while any(each.is_alive() for each in crowds):
        uploaded += 1
        engine.upload([_reading(sensor, uploaded) for sensor in SENSORS])
    return uploaded


def _followed() -> bool:
    """Whether anything is: the thread that follows ends with the last who is told."""
    return any(thread.name == "tseng-live" for thread in threading.enumerate())


def _left(loop: asyncio.AbstractEventLoop) -> tuple[int, int]:
    """How many tasks and open files there are."""
    return len(asyncio.all_tasks(loop)), psutil.Process().num_fds()
