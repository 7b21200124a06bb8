"""Subscriptions of a client: what it was told and has read again is, put together, what a read gives."""

import random
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.api.process import Process, serving
from tests.api.site import READINGS, THERMISTOR, THERMOMETER, Site, furnish, running
from tests.api.site import site as open_site
from tests.tseng.flaky import READ, Moment, Proxy, flaky

import tseng
from tseng.client.client import Client
from tseng.client.mailbox import Mailbox
from tseng.client.settings import ClientSettings
from tseng.client.subscription import Reread
from tseng.engine import Engine
from tseng.errors import InvalidRequest, Unauthenticated, UnknownSensor
from tseng.live.subscription import Subscription
from tseng.live.updates import LARGEST_PUSH, DataUpdate, Trouble, Update
from tseng_api.server import Certificate
from tseng_units.errors import NoZeroReading, UnknownMetric
from tseng_units.instants import MAX_US, parse_instant

PATIENCE = 60.0
TLS = Path(__file__).resolve().parents[1] / "api" / "tls"
QUICK = ClientSettings(first_wait=0.01, longest_wait=0.05, patience=PATIENCE, attempts=10_000)
Points = dict[int, float]
LAST_AT_FIRST = "2024-03-01T02:00:00.000Z"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site of its own for each test."""
    with open_site(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def proxy(site: Site) -> Iterator[Proxy]:
    """What may break between the site and its client."""
    with flaky(site.ports.http) as opened:
        yield opened


@pytest.fixture
def client(site: Site, proxy: Proxy) -> Iterator[Client]:
    """A reader behind the proxy, who does not wait long."""
    with tseng.connect(proxy.url, api_key=site.keys["reader"], settings=QUICK) as connected:
        yield connected


def upload(engine: Engine, values: Sequence[float], first: str = "2024-05-01", sensor: str = THERMOMETER) -> list[int]:
    """Readings a second apart; their times [epoch us]."""
    time = np.datetime64(first, "us") + np.arange(len(values)) * np.timedelta64(1, "s")
    count = len(values)
    engine.upload_table(pa.table({"sensor": [sensor] * count, "metric": ["T"] * count, "time": time, "value": values}))
    return [int(each) for each in time.astype(np.int64)]


def points(update: Update) -> Points:
    """What an update tells, NaN for what is gone."""
    assert isinstance(update, DataUpdate)
    return dict(zip(update.changed[0].tolist(), update.changed[1].tolist(), strict=True))


def fresh(engine: Engine, sensor: str = THERMOMETER) -> Points:
    """What a read gives."""
    series = engine.get_data(sensor, "T", "C")
    return dict(zip(series.time.astype(np.int64).tolist(), series.value.tolist(), strict=True))


def apply(held: Points, update: Update) -> Points:
    """What is held after an update."""
    assert isinstance(update, DataUpdate)
    if isinstance(update, Reread):
        held = {us: value for us, value in held.items() if not update.first <= us <= update.last}
    held = held | points(update)
    return {us: value for us, value in held.items() if not np.isnan(value)}


def test_points_come_in_the_unit_asked_for(site: Site, client: Client) -> None:
    """As the engine's own updates: 11 °C is 51.8 °F; taken back it is NaN. After the end there is none."""
    with client.subscribe(THERMOMETER, "T", "F") as updates:
        [at] = upload(site.engine, [11.0])
        told = updates.next(PATIENCE)
        assert told == DataUpdate(THERMOMETER, at, at, 1, (np.array([at]), np.array([51.8])))
        assert points(told) == {at: pytest.approx(51.8)}
        upload(site.engine, [np.nan])
        assert np.isnan(points(updates.next(PATIENCE))[at])
    assert list(updates) == []
    with pytest.raises(EOFError):
        updates.next()


def test_a_derived_metric_with_a_parameter(site: Site, client: Client) -> None:
    """A difference to the reading at 01:00, which was 11.5 °C."""
    params = {"ZERO_DATE": {"value": "2024-03-01T01:00:00.000Z"}}
    with client.subscribe(THERMOMETER, "dT", "F", params=params) as updates:
        [at] = upload(site.engine, [12.5])
        assert points(updates.next(PATIENCE)) == {at: pytest.approx(1.8)}


def test_updates_may_go_to_an_outlet(site: Site, client: Client) -> None:
    """As the engine's do; several sensors in one subscription, each told for itself."""
    site.engine.create_entity("sensor", "other", "TEMPERATURE_SDE")
    told: list[tuple[Subscription, Update]] = []
    come = threading.Semaphore(0)

    class Outlet:
        def deliver(self, updates: Sequence[tuple[Subscription, Update]]) -> None:
            told.extend(updates)
            come.release()

    followed = client.subscribe_data([THERMOMETER, "other"], "T", "C", outlet=Outlet(), owner="mine")
    [at] = upload(site.engine, [1.0])
    upload(site.engine, [2.0], sensor="other")
    assert come.acquire(timeout=PATIENCE)
    assert come.acquire(timeout=PATIENCE)
    followed.close()
    assert [(to.owner, points(update)) for to, update in told] == [("mine", {at: 1.0}), ("mine", {at: 2.0})]
    assert [update.sensor for _, update in told if isinstance(update, DataUpdate)] == [THERMOMETER, "other"]


def test_what_a_read_would_refuse_is_refused(site: Site, client: Client) -> None:
    """When it is subscribed, by the engine's own classes."""
    with pytest.raises(UnknownSensor):
        client.subscribe("/nowhere", "T", "C")
    with pytest.raises(UnknownMetric):
        client.subscribe(THERMOMETER, "flux", "C")
    with pytest.raises(NoZeroReading):
        client.subscribe(THERMISTOR, "dT", "C")
    with pytest.raises(InvalidRequest, match="sensors"):
        client.subscribe_data([], "T", "C")
    with tseng.connect(site.url, api_key="wrong") as stranger, pytest.raises(Unauthenticated):
        stranger.subscribe(THERMOMETER, "T", "C")


def test_nothing_is_missed_or_doubled_when_the_connection_breaks(site: Site, proxy: Proxy, client: Client) -> None:
    """Broken again and again between and within uploads: every reading is told once, in order."""
    told: list[int] = []
    asked: list[int] = []
    with client.subscribe(THERMOMETER, "T", "C") as updates:
        for turn in range(20):
            asked += upload(site.engine, [float(turn)] * 3, f"2024-05-01T{turn:02}:00:00")
            if turn % 2:
                proxy.cut()
            asked += upload(site.engine, [float(turn)] * 3, f"2024-05-01T{turn:02}:30:00")
        while len(told) < len(asked):
            told += points(updates.next(PATIENCE))
    assert told == asked


def test_a_reading_of_before_it_was_subscribed_is_not_told(site: Site, proxy: Proxy, client: Client) -> None:
    """After a lost connection neither: what is read again begins behind the last reading, told or not."""
    with client.subscribe(THERMOMETER, "T", "C") as updates:
        proxy.cut()
        again = updates.next(PATIENCE)
        assert isinstance(again, Reread)
        assert not points(again)
        assert again.first == parse_instant(LAST_AT_FIRST) + 1
        [at] = upload(site.engine, [1.0])
        assert points(updates.next(PATIENCE)) == {at: 1.0}


def test_what_is_both_read_and_told_comes_once(site: Site, proxy: Proxy, client: Client) -> None:
    """Readings that come between subscribing again and reading what was missed; then corrected and put back."""
    asked: list[int] = []

    def watch(moment: Moment) -> bool:
        if not asked:
            asked.extend(upload(site.engine, [1.0, 2.0]))
            assert site.engine.hub.settle(PATIENCE)
        return False

    with client.subscribe(THERMOMETER, "T", "C") as updates:
        proxy.watched, proxy.watch = READ, watch
        proxy.cut()
        again = updates.next(PATIENCE)
        assert isinstance(again, Reread)
        assert points(again) == {asked[0]: 1.0, asked[1]: 2.0}
        for value in (5.0, 1.0):
            upload(site.engine, [value])
            assert points(updates.next(PATIENCE)) == {asked[0]: value}


@pytest.mark.parametrize("seed", range(3))
def test_a_copy_that_is_read_again_where_the_page_says_so_is_right(
    site: Site, proxy: Proxy, client: Client, seed: int
) -> None:
    """New, late, corrected and missing readings while connections break; in the end it is what a read gives."""
    chance = random.Random(seed)

    def copy() -> Points:
        series = client.get_data(THERMOMETER, "T", "C")
        return dict(zip(series.time.astype(np.int64).tolist(), series.value.tolist(), strict=True))

    with client.subscribe(THERMOMETER, "T", "C") as updates:
        held = copy()
        for _ in range(60):
            values = [chance.choice([float(chance.randrange(9)), np.nan]) for _ in range(chance.randrange(1, 4))]
            upload(site.engine, values, f"2024-05-01T00:00:{chance.randrange(50):02}")
            if chance.random() < 0.2:
                proxy.cut()
            if chance.random() < 0.1:
                site.engine.update_entity("sensor", THERMOMETER, {"NAME": str(chance.random())})
        while held != fresh(site.engine):
            update = updates.next(PATIENCE)
            held = copy() if isinstance(update, Reread) and update.last == MAX_US else apply(held, update)


def test_over_tls(tmp_path: Path) -> None:
    """With a certificate of one's own, for HTTP and for the WebSocket."""
    certificate = Certificate(TLS / "cert.pem", TLS / "key.pem")
    with Engine.open(tmp_path / "store") as engine, running(engine, certificate) as ports:
        furnish(engine)
        trusting = ClientSettings(tls=ssl.create_default_context(cafile=TLS / "cert.pem"))
        url, key = ports.url.replace("http", "https"), engine.keys.create("reader")
        with (
            tseng.connect(url, api_key=key, settings=trusting) as client,
            client.subscribe(THERMOMETER, "T", "C") as updates,
        ):
            assert len(client.get_data(THERMOMETER, "T", "C")) == len(READINGS)
            [at] = upload(engine, [1.0])
            assert points(updates.next(PATIENCE)) == {at: 1.0}


def test_an_outlet_that_fails_ends_it(site: Site, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """With its error, which is logged; it cannot be iterated over beside it."""
    failed = threading.Event()

    class Outlet:
        def deliver(self, updates: Sequence[tuple[Subscription, Update]]) -> None:
            failed.set()
            raise ZeroDivisionError

    followed = client.subscribe_data([THERMOMETER], "T", "C", outlet=Outlet())
    with pytest.raises(TypeError, match="outlet"):
        next(followed)
    upload(site.engine, [1.0])
    assert failed.wait(PATIENCE)
    followed.close()
    assert isinstance(followed.error, ZeroDivisionError)
    assert "a subscription ends" in caplog.text


def test_a_change_that_is_too_large_to_be_told_is_read(site: Site, client: Client) -> None:
    """The server tells its range alone (`lagged`); what is gone from it is seen from what is not there."""
    held = fresh(site.engine)
    with client.subscribe(THERMOMETER, "T", "C") as updates:
        upload(site.engine, [*range(LARGEST_PUSH + 1)])
        again = updates.next(PATIENCE)
        assert isinstance(again, Reread)
        held = apply(held, again)
        assert held == fresh(site.engine)
        upload(site.engine, [np.nan] * (LARGEST_PUSH + 1))
        held = apply(held, updates.next(PATIENCE))
        assert held == fresh(site.engine)
        assert len(held) == len(READINGS)
        [at] = upload(site.engine, [5.0])
        assert points(updates.next(PATIENCE)) == {at: 5.0}


def test_a_slow_reader_gets_all_in_the_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it does not read, far more happens than is kept for it anywhere."""
    # A kernel may otherwise take tens of megabytes for a reader: all that happens here, and more.
    connect = socket.create_connection

    def narrow(*where: Any, **how: Any) -> socket.socket:
        connected = connect(*where, **how)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        return connected

    monkeypatch.setattr(socket, "create_connection", narrow)
    settings = ClientSettings(updates_ahead=1, first_wait=0.01)
    held = fresh(site.engine)
    with (
        tseng.connect(site.url, api_key=site.keys["reader"], settings=settings) as client,
        client.subscribe(THERMOMETER, "T", "C") as updates,
    ):
        for turn in range(15):
            upload(site.engine, [*(turn + np.arange(LARGEST_PUSH) / 7)])
            # Each is sent for itself: those that the server looks at together are one change, which fits everywhere.
            assert site.engine.hub.settle(PATIENCE)
        wanted, told = fresh(site.engine), list[Update]()
        while held != wanted:
            told.append(updates.next(PATIENCE))
            held = apply(held, told[-1])
        assert any(isinstance(each, Reread) for each in told), "nothing was held back: nothing was tested"


def test_trouble_is_told_and_its_end(site: Site, proxy: Proxy, client: Client) -> None:
    """A sensor that is removed, on an open connection and while it was lost; made again it is told of again."""
    with client.subscribe(THERMOMETER, "T", "C") as updates:
        site.engine.remove_entity("sensor", THERMOMETER)
        gone = updates.next(PATIENCE)
        assert isinstance(gone, Trouble)
        assert isinstance(gone.error, UnknownSensor)
        proxy.cut()
        assert isinstance(updates.next(PATIENCE), Trouble)
        site.engine.create_entity("sensor", THERMOMETER, "TEMPERATURE_SDE")
        assert points(updates.next(PATIENCE)) == {}
        [at] = upload(site.engine, [1.0])
        assert points(updates.next(PATIENCE)) == {at: 1.0}


def test_a_key_that_is_revoked_ends_it(site: Site) -> None:
    """The reader is told why."""
    key = site.engine.keys.create("passing")
    with (
        tseng.connect(site.url, api_key=key, settings=QUICK) as client,
        client.subscribe(THERMOMETER, "T", "C") as updates,
    ):
        [made] = [each for each in site.engine.keys.list() if each.name == "passing"]
        site.engine.keys.revoke(made.id)
        with pytest.raises(Unauthenticated):
            updates.next(PATIENCE)


def followers() -> list[threading.Thread]:
    """The threads of subscriptions."""
    return [each for each in threading.enumerate() if each.name == "tseng-subscription"]


def test_what_comes_while_it_is_closed_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even between the last look at what waits and the end."""
    mailbox, end = Mailbox(1), Mailbox.end
    late = threading.Thread(target=lambda: mailbox.deliver([(Subscription(mailbox, None, print), Update())]))

    def slowly(closed: Mailbox) -> None:
        late.start()
        late.join(0.1)
        end(closed)

    monkeypatch.setattr(Mailbox, "end", slowly)
    mailbox.close()
    late.join()
    assert mailbox.take(0) is None


def test_closing_ends_its_thread(site: Site, client: Client) -> None:
    """Whoever reads sees the end; closing the client closes what is subscribed."""
    updates = client.subscribe(THERMOMETER, "T", "C")
    seen: list[list[Update]] = []
    reader = threading.Thread(target=lambda: seen.append(list(updates)))
    reader.start()
    updates.close()
    updates.close()
    reader.join(PATIENCE)
    assert seen == [[]]
    client.subscribe(THERMOMETER, "T", "C")
    assert len(followers()) == 1
    client.close()
    assert followers() == []


def test_closing_does_not_wait_for_a_server_that_is_gone(site: Site, proxy: Proxy) -> None:
    """Nor for the wait before the next try, which would be of minutes here."""
    settings = ClientSettings(first_wait=600.0, longest_wait=600.0)
    with tseng.connect(proxy.url, api_key=site.keys["reader"], settings=settings) as client:
        updates = client.subscribe(THERMOMETER, "T", "C")
        proxy.close()
        updates.close()
    assert followers() == []


class Restarting:
    """A store that is served from one process after the other, behind one address."""

    def __init__(self, store: Path, proxy: Proxy) -> None:
        """Serve it."""
        self._store, self._proxy, self._stack = store, proxy, ExitStack()
        self.process = self._started()

    def _started(self) -> Process:
        process = self._stack.enter_context(serving(self._store, "--no-tcp"))
        self._proxy.target = process.ports[0]
        return process

    def start(self) -> None:
        """Serve it again."""
        self.process = self._started()

    def __enter__(self) -> "Restarting":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_server_that_is_started_again_is_found_again(tmp_path: Path, end: str) -> None:
    """What was uploaded meanwhile by another process is told, once."""
    with Engine.open(tmp_path / "store") as engine, flaky(0) as proxy:
        key = engine.keys.create("reader")
        engine.create_entity("sensor", THERMOMETER, "TEMPERATURE_SDE")
        with (
            Restarting(tmp_path / "store", proxy) as server,
            tseng.connect(proxy.url, api_key=key, settings=QUICK) as client,
            client.subscribe(THERMOMETER, "T", "C") as updates,
        ):
            asked = upload(engine, [1.0, 2.0], "2024-05-01T01:00:00")
            told = [*points(updates.next(PATIENCE))]
            server.process.stop() if end == "stop" else server.process.popen.kill()
            server.process.popen.wait()
            asked += upload(engine, [3.0, 4.0], "2024-05-01T02:00:00")
            server.start()
            told += points(updates.next(PATIENCE))
            asked += upload(engine, [5.0], "2024-05-01T03:00:00")
            while len(told) < len(asked):
                told += points(updates.next(PATIENCE))
            assert told == asked
