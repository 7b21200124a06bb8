"""Several processes on the same ports: one line, the dead are replaced, all end together."""

import asyncio
import signal
import time
from asyncio.subprocess import Process as Child
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
from tests.api.process import Process, serving
from tests.api.site import READINGS, START, THERMOMETER, furnish
from tests.api.talk import TcpTalk, WebSocketTalk, wait_until

from tseng.engine import Engine
from tseng.errors import EngineError
from tseng.settings import Settings
from tseng_api.listening import listen
from tseng_api.workers import supervise

WORKERS = 2
READ = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}
READ_ALL = {"sensors": [THERMOMETER], "metric": "T", "unit": "C"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with a few sensors, and an admin key."""
    path = tmp_path_factory.mktemp("workers") / "store"
    with Engine.open(path) as engine:
        furnish(engine)
        return path, engine.keys.create("all", "admin")


@pytest.fixture
def server(store: tuple[Path, str]) -> Iterator[Process]:
    """Two workers under a parent."""
    with serving(store[0], "--workers", str(WORKERS)) as process:
        try:
            yield process
        finally:
            process.stop()


def workers(server: Process) -> list[psutil.Process]:
    """The processes that serve."""
    found: list[psutil.Process] = server.memory.children()
    return found


def connections(worker: psutil.Process, port: int) -> int:
    """How many clients this worker serves on a port."""
    held = worker.net_connections(kind="tcp")
    return sum(each.status == psutil.CONN_ESTABLISHED and each.laddr.port == port for each in held)


def test_the_line_comes_once_when_all_are_ready(server: Process) -> None:
    """As of one process; as many children as were asked for, each listening."""
    http, tcp = server.ports
    assert server.line == f"listening http://127.0.0.1:{http} ws://127.0.0.1:{http} tcp://127.0.0.1:{tcp}"
    assert len(workers(server)) == WORKERS
    for worker in workers(server):
        listening = {each.laddr.port for each in worker.net_connections(kind="tcp") if each.status == "LISTEN"}
        assert listening == {http, tcp}


def test_all_of_them_answer(server: Process, store: tuple[Path, str]) -> None:
    """Connections are opened until each worker has one on each face; every one of them is answered."""
    http, tcp = server.ports
    talks: list[WebSocketTalk | TcpTalk] = []

    def each_has_one() -> bool:
        talks.extend((WebSocketTalk(http, store[1]), TcpTalk(tcp, store[1])))
        return all(connections(worker, port) for worker in workers(server) for port in (http, tcp))

    try:
        wait_until(each_has_one)
        for talk in talks:
            assert talk.collect(talk.ask("getData", READ)) == READINGS
    finally:
        for talk in talks:
            talk.close()


def test_a_worker_that_dies_is_replaced(server: Process, store: tuple[Path, str]) -> None:
    """Killed, it takes its own connections along and no others, and soon there are as many as before."""
    first, second = workers(server)
    port = server.ports[1]

    def pids() -> set[int]:
        return {worker.pid for worker in workers(server)}

    with TcpTalk(port, store[1]) as talk:
        (idle,) = [worker for worker in (first, second) if not connections(worker, port)]
        idle.kill()
        wait_until(lambda: idle.pid not in pids() and len(pids()) == WORKERS)
        assert talk.collect(talk.ask("getData", READ)) == READINGS
    line = server.wait_for(lambda line: line.get("logger") == "tseng.workers")
    assert str(idle.pid) in line["message"]
    (new,) = [worker for worker in workers(server) if worker.pid not in (first.pid, second.pid)]
    wait_until(lambda: any(each.status == "LISTEN" for each in new.net_connections(kind="tcp")))


def test_an_upload_through_one_is_told_by_all(server: Process, store: tuple[Path, str]) -> None:
    """Subscribers sit in each worker; uploads come through each; everybody hears of all of them, in order."""
    http, tcp = server.ports
    subscribers: list[TcpTalk] = []
    writers: list[WebSocketTalk] = []

    def each_has_both() -> bool:
        subscribers.append(TcpTalk(tcp, store[1]))
        writers.append(WebSocketTalk(http, store[1]))
        return all(connections(worker, port) for worker in workers(server) for port in (http, tcp))

    try:
        wait_until(each_has_both)
        for talk in subscribers:
            assert "subscriptionId" in talk.call("subscribeData", READ_ALL)
        times = [f"2024-06-01T{hour:02}:{minute:02}:00.000Z" for hour in range(4) for minute in range(len(writers))]
        for number, at in enumerate(times):
            row = {"sensorId": THERMOMETER, "timestamp": at, "values": {"T": number}}
            writers[number % len(writers)].call("uploadData", {"data": [row]})
        for talk in subscribers:
            told: dict[str, float] = {}
            while len(told) < len(times):
                told |= talk.next()["result"]["data"]
            assert list(told.items()) == list(zip(times, range(len(times)), strict=True))
    finally:
        for each in (*subscribers, *writers):
            each.close()


def test_sigterm_ends_all_of_them_within_ten_seconds_and_flushes(server: Process, store: tuple[Path, str]) -> None:
    """Exit 0, nobody left, open sockets are told, and what was uploaded lies in segments."""
    with WebSocketTalk(server.ports[0], store[1]) as talk:
        row = {"sensorId": THERMOMETER, "timestamp": START, "values": {"T": 10.0}}
        assert talk.call("uploadData", {"data": [row]}) == {"successfullyProcessedObs": 1}
        before = workers(server)
        asked = time.monotonic()
        server.popen.send_signal(signal.SIGTERM)
        assert talk.closed() == 1012
    assert server.popen.wait(10) == 0
    assert time.monotonic() - asked < 10
    assert not any(worker.is_running() for worker in before)
    with Engine.open(store[0]) as engine:
        assert engine.store.info()["log_rows"] == 0


def test_a_stop_ends_a_worker_that_is_just_being_started(
    store: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is none of those that run when the stop comes, and is not waited for as if it would end by itself."""
    listeners, execute = listen("127.0.0.1", 0, 0), asyncio.create_subprocess_exec
    started: list[Child] = []

    async def start(*command: Any, **options: Any) -> Child:
        started.append(await execute(*command, **options))
        # Or this test would never end where it fails.
        asyncio.get_running_loop().call_later(20, started[-1].kill)
        if len(started) == WORKERS:
            signal.raise_signal(signal.SIGTERM)
            # They are closed when it is the workers' turn to be told.
            while listeners[0].fileno() >= 0:
                await asyncio.sleep(0)
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    supervise(Settings(data=store[0]), WORKERS, listeners, None, lambda: None)
    assert len(started) == WORKERS
    assert {child.returncode for child in started} <= {0, -signal.SIGTERM}


def test_a_worker_that_cannot_start_ends_it_all(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is announced, nobody left; what was wrong stands on stderr."""
    announced, before = list[bool](), psutil.Process().children()
    with pytest.raises(EngineError, match="a worker could not start"):
        supervise(
            Settings(data=tmp_path / "none"), WORKERS, listen("127.0.0.1", 0, 0), None, lambda: announced.append(True)
        )
    assert announced == []
    assert "tseng: worker: " in capfd.readouterr().err
    assert psutil.Process().children() == before


def test_workers_do_not_outlive_their_parent(server: Process) -> None:
    """Killed, it can stop nobody: they notice."""
    before = workers(server)
    server.popen.kill()
    wait_until(lambda: not any(worker.is_running() for worker in before))


def test_what_no_worker_could_use_is_one_line_and_exit_1(store: tuple[Path, str], tmp_path: Path) -> None:
    """A certificate that is none; said before any worker is started."""
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    with serving(store[0], "--workers", "2", "--tls-cert", str(broken), "--tls-key", str(broken)) as process:
        assert process.popen.wait(30) == 1
        assert "broken.pem" in process.wait_for(lambda line: "text" in line)["text"]
    assert len(process.logged) == 1
