"""Subscriptions: who is told what, and what happens where a series cannot be computed."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.tseng.following import PATIENCE, Client, Inbox, settle
from tests.tseng.test_live_law import two_engines

from tseng.engine import Engine
from tseng.errors import EngineError, InvalidRequest, NotFound, UnknownSensor
from tseng.live.hub import SLICE
from tseng.live.subscription import Subscription
from tseng.live.topic import Topic
from tseng.live.updates import LARGEST_PUSH, DataUpdate, EntityUpdate, Trouble, Update
from tseng.settings import Settings
from tseng_storage.entities import AnyKind
from tseng_storage.errors import StoreClosed
from tseng_storage.knowledge import Knowledge
from tseng_storage.settings import StoreSettings
from tseng_storage.store import Store
from tseng_units.errors import IncompatibleUnit, InvalidParam, MetricNotAvailable, NoZeroReading, UnknownMetric

HOUR = 3_600_000_000
FIRST = 1_704_067_200_000_000
"""2024-01-01T00:00:00Z."""


def at(hour: float) -> str:
    """An instant so many hours after the first."""
    return str(np.datetime64(FIRST + round(hour * HOUR), "us")) + "Z"


def send(engine: Engine, sensor: str, values: Mapping[float, float | None], metric: str = "T") -> None:
    """Upload readings by hour."""
    engine.upload([{"sensorId": sensor, "timestamp": at(hour), "values": {metric: v}} for hour, v in values.items()])


def hours(update: Update) -> dict[float, float | None]:
    """The points of an update by hour."""
    assert isinstance(update, DataUpdate)
    pairs = (pair for text in update.results for pair in json.loads(text)["data"].items())
    return {(np.datetime64(time[:-1], "us").astype(int) - FIRST) / HOUR: value for time, value in pairs}


@pytest.fixture
def site(engine: Engine) -> Engine:
    """A device with two thermometers, one of which has readings."""
    engine.create_entity("device", "d", "LOGGER")
    for id in ("t", "u"):
        engine.create_entity("sensor", id, "TEMPERATURE_SDE", parent="d")
    send(engine, "t", {0: 20.0, 1: 21.0})
    return engine


def test_new_late_corrected_and_missing(site: Engine) -> None:
    """One update for each upload: the points that are new or others, null for one that is gone, in the asked unit."""
    inbox = Inbox()
    site.subscribe_data(["t"], "dT", "F", outlet=inbox)
    uploads: list[dict[float, float | None]] = [{2: 23.0}, {0.5: 20.5}, {1: 22.0}, {1: None}, {2: 23.0}]
    for values in uploads:
        send(site, "t", values)
        settle(site)
    assert [hours(update) for update in inbox.updates] == [
        {2: pytest.approx(5.4)},
        {0.5: pytest.approx(0.9)},
        {1: pytest.approx(3.6)},
        {1: None},
    ]


def test_a_corrected_zero_changes_everything(site: Engine) -> None:
    """A new zero reading sends every point of a difference again."""
    inbox = Inbox()
    site.subscribe_data(["t"], "dT", "C", outlet=inbox)
    send(site, "t", {0: 19.0})
    settle(site)
    assert [hours(update) for update in inbox.updates] == [{1: pytest.approx(2.0)}]
    send(site, "t", {0: None})
    settle(site)
    assert hours(inbox.updates[-1]) == {0: None, 1: 0.0}


def test_configuration_of_today_and_of_then(site: Engine) -> None:
    """Masks, of the sensor or its device, and dated props change what was told, and only that."""
    inbox = Inbox()
    site.subscribe_data(["t"], "T", "C", outlet=inbox)
    site.update_entity("device", "d", {"MASKS": [{"start": at(1), "end": at(1)}]})
    settle(site)
    site.update_entity("sensor", "t", {"NOTE": "a name changes nothing"})
    settle(site)
    site.update_entity("device", "d", {"MASKS": None})
    settle(site)
    assert [hours(update) for update in inbox.updates] == [{1: None}, {1: 21.0}]


def test_a_metric_of_ones_own_that_is_defined_anew(engine: Engine) -> None:
    """Redefining sends all that becomes another number; taking it away is trouble."""

    def define(rate: str) -> None:
        props = {rate: {"unit": "mm/C", "default": 0.5}, "T_REF": {"unit": "C", "default": 20}}
        body = {"unit": "mm", "expression": f"disp - {rate} * (T - T_REF)", "props": props}
        engine.define_metrics({"opening": body})

    engine.create_entity("sensor", "c", "DISPLACEMENT", {"K": 1.5})
    define("L")
    send(engine, "c", {0: 12.0, 1: 13.0}, "disp")
    send(engine, "c", {0: 22.0, 1: 20.0})
    inbox = Inbox()
    engine.subscribe_data(["c"], "opening", "mm", outlet=inbox)
    define("K")  # 12 mm less 1.5 mm/C times 2 C; at 20 C nothing differs
    settle(engine)
    assert hours(inbox.updates[0]) == {0: pytest.approx(9.0)}
    engine.remove_metric("opening")
    settle(engine)
    assert isinstance(inbox.updates[1], Trouble)
    assert isinstance(inbox.updates[1].error, UnknownMetric)


def test_another_process() -> None:
    """Uploads, bulk loads, flushes and props of one engine reach the subscribers of another."""
    with two_engines() as (mine, other):
        mine.create_entity("sensor", "t", "TEMPERATURE_SDE")
        client = Client(mine, "t", "T", "C")
        client.begin()
        send(other, "t", {0: 20.0, 1: 21.0})
        other.store.flush()
        columns = {"sensor": ["t"] * 3, "metric": ["T"] * 3, "value": [1.0, 2.0, None]}
        times = pa.array([FIRST, FIRST + 2 * HOUR, FIRST + HOUR], pa.timestamp("us", "UTC"))
        other.store.load(pa.table({**columns, "time": times}), other.project().id)
        other.update_entity("sensor", "t", {"MASKS": [{"start": at(2)}]})
        settle(mine)
        client.look()
        assert client.points == client.fresh() == {FIRST: 1.0}


def test_one_topic_for_equal_questions(site: Engine) -> None:
    """Subscribers of equal questions, however written, get the very same update; it is made and encoded once."""
    inboxes = [Inbox() for _ in range(4)]
    dates = ["2024-01-01", "2024-01-01T00:00:00Z", "2024-01-01T01:00:00+01:00"]
    for inbox, date in zip(inboxes, dates, strict=False):
        site.subscribe_data(["t"], "dT", "C", params={"ZERO_DATE": {"value": date}}, outlet=inbox)
    site.subscribe_data(["t"], "dT", "F", params={"ZERO_DATE": {"value": dates[0]}}, outlet=inboxes[3])
    send(site, "t", {2: 23.0})
    settle(site)
    assert [len(inbox.updates) for inbox in inboxes] == [1, 1, 1, 1]
    one, same, also, other = (inbox.updates[0] for inbox in inboxes)
    assert one is same is also is not other


def test_all_of_a_round_for_an_outlet_in_one_call(site: Engine) -> None:
    """What one upload changes for many subscriptions of one outlet comes together, each with its owner."""
    send(site, "u", {0: 5.0})
    inbox, other = Inbox(), Inbox()
    both = site.subscribe_data(["t", "u"], "T", "C", outlet=inbox, owner="both")
    again = site.subscribe_data(["u"], "T", "K", outlet=inbox, owner="kelvin")
    site.subscribe_data(["t"], "T", "C", outlet=other)
    send_both = [{"sensorId": id, "timestamp": at(3), "values": {"T": 1.0}} for id in ("t", "u")]
    site.upload(send_both)
    settle(site)
    [told] = inbox.rounds
    found = {(subscription.owner, update.sensor) for subscription, update in told if isinstance(update, DataUpdate)}
    assert found == {("both", "t"), ("both", "u"), ("kelvin", "u")}
    assert {subscription for subscription, _ in told} == {both, again}
    assert len(other.rounds) == 1


def test_the_same_sensor_twice_is_told_once(site: Engine) -> None:
    """A sensor named twice in one subscription is one."""
    inbox = Inbox()
    site.subscribe_data(["t", "t"], "T", "C", outlet=inbox)
    send(site, "t", {2: 23.0})
    settle(site)
    assert len(inbox.updates) == 1


def test_a_closed_subscription_is_told_nothing(site: Engine) -> None:
    """Nothing comes after closing, also to the last of a topic; the others go on. The thread ends with the last."""
    first, second = Inbox(), Inbox()
    one = site.subscribe_data(["t"], "T", "C", outlet=first)
    two = site.subscribe_data(["t"], "T", "C", outlet=second)
    one.close()
    one.close()
    send(site, "t", {2: 23.0})
    settle(site)
    assert (len(first.updates), len(second.updates)) == (0, 1)
    threads = [thread for thread in threading.enumerate() if thread.name == "tseng-live"]
    assert len(threads) == 1
    two.close()
    threads[0].join(PATIENCE)
    assert not threads[0].is_alive()
    third = Inbox()
    send(site, "t", {3: 24.0})
    site.subscribe_data(["t"], "T", "C", outlet=third)
    send(site, "t", {4: 25.0})
    settle(site)
    assert [hours(update) for update in third.updates] == [{4: 25.0}]


def test_closing_while_delivering(site: Engine) -> None:
    """An outlet may close its subscription when it is told, and subscribe again."""

    class Fickle(Inbox):
        def deliver(self, updates: Sequence[tuple[Subscription, Update]]) -> None:
            super().deliver(updates)
            updates[0][0].close()
            site.subscribe_data(["u"], "T", "C", outlet=self)

    send(site, "u", {0: 5.0})
    inbox = Fickle()
    site.subscribe_data(["t"], "T", "C", outlet=inbox)
    send(site, "t", {2: 23.0})
    settle(site)
    send(site, "t", {3: 23.0})
    send(site, "u", {3: 6.0})
    settle(site)
    assert [hours(update) for update in inbox.updates] == [{2: 23.0}, {3: 6.0}]


def test_an_outlet_that_raises_harms_nobody(site: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged; the others are told, and so is the outlet the next time."""

    class Broken(Inbox):
        def deliver(self, updates: Sequence[tuple[Subscription, Update]]) -> None:
            super().deliver(updates)
            raise RuntimeError("broken")

    broken, inbox = Broken(), Inbox()
    for outlet in (broken, inbox):
        site.subscribe_data(["t"], "T", "C", outlet=outlet)
    for hour in (2, 3):
        send(site, "t", {hour: 23.0})
        settle(site)
    assert (len(broken.updates), len(inbox.updates)) == (2, 2)
    assert "an outlet did not take its updates" in caplog.text


def test_trouble_and_recovery(site: Engine) -> None:
    """Told once, whatever follows; then what differs from what was told last, also what came meanwhile."""
    inbox = Inbox()
    site.subscribe_data(["t"], "dT", "C", outlet=inbox)
    site.update_entity("sensor", "t", {"ZERO_MODE": "NEAREST"})
    settle(site)
    send(site, "t", {2: 23.0})
    site.update_entity("sensor", "t", {"ZERO_TOLERANCE": -1})
    settle(site)
    [trouble] = inbox.updates
    assert isinstance(trouble, Trouble)
    assert isinstance(trouble.error, MetricNotAvailable)
    site.update_entity("sensor", "t", {"ZERO_MODE": "FIRST"})
    settle(site)
    assert hours(inbox.updates[1]) == {2: 3.0}


def test_recovery_without_a_difference(site: Engine) -> None:
    """When all is as it was an empty update says so."""
    inbox = Inbox()
    site.subscribe_data(["t"], "dT", "C", outlet=inbox)
    for mode in ("NEAREST", "FIRST"):
        site.update_entity("sensor", "t", {"ZERO_MODE": mode})
        settle(site)
    assert isinstance(inbox.updates[0], Trouble)
    assert isinstance(inbox.updates[1], DataUpdate)
    assert inbox.updates[1].results == [b'{"data":{},"sensor":"t"}']
    assert inbox.updates[1].points == 0


def test_no_zero_reading_and_then_one(site: Engine) -> None:
    """A zero reading that goes is trouble until another one comes, by upload alone."""
    inbox = Inbox()
    site.subscribe_data(["t"], "dT", "C", params={"ZERO_DATE": {"value": at(1)}}, outlet=inbox)
    send(site, "t", {1: None})
    settle(site)
    [trouble] = inbox.updates
    assert isinstance(trouble, Trouble)
    assert isinstance(trouble.error, NoZeroReading)
    send(site, "t", {3: 25.0})
    settle(site)
    assert hours(inbox.updates[1]) == {0: -5.0, 1: None, 3: 0.0}


def test_trouble_right_after_work_that_waited(site: Engine) -> None:
    """What came between a change of configuration and trouble is told on recovery too."""
    client = Client(site, "t", "dT", "C", {"ZERO_DATE": {"value": at(1)}})
    client.begin()
    site.update_entity("sensor", "t", {"ZERO_COUNT": 1})  # planned anew, without a difference
    settle(site)
    send(site, "t", {1: None})
    settle(site)
    client.look()
    assert isinstance(client.trouble, NoZeroReading)
    site.update_entity("sensor", "t", {"NOTE": "still no zero reading"})
    settle(site)
    client.look()
    assert isinstance(client.trouble, NoZeroReading)
    send(site, "t", {2: 23.0})
    settle(site)
    client.look()
    assert client.trouble is None
    assert client.points == client.fresh()


def test_a_barometer_that_is_made_later(engine: Engine) -> None:
    """A level is computed as soon as the barometer that its sensor names exists again under its id."""
    engine.create_entity("sensor", "b", "BAROMETER")
    props = {"BARO_SENSOR": "b", "REF_DEPTH": 30.0, "ELEVATION": 10.0}
    engine.create_entity("sensor", "w", "WATER_LEVEL_ABS", props)
    send(engine, "b", {0: 1e5, 1: 1e5}, "P")
    send(engine, "w", {0: 2e5}, "P_raw")
    client = Client(engine, "w", "wl_depth", "m")
    client.begin()
    engine.update_entity("sensor", "w", {"BARO_SENSOR": "c"})
    settle(engine)
    client.look()
    assert isinstance(client.trouble, MetricNotAvailable)
    engine.create_entity("sensor", "c", "BAROMETER")
    send(engine, "c", {0: 0.9e5}, "P")
    settle(engine)
    client.look()
    assert client.trouble is None
    assert client.points == client.fresh()


def test_a_mate_that_joins_an_array(engine: Engine) -> None:
    """A segment that is made below others of its array is part of their sums at once."""
    engine.create_entity("device", "chain", "LOGGER")
    for depth in (1, 2):
        props = {"GAUGE_LENGTH": 1.0, "DEPTH": depth}
        engine.create_entity("sensor", f"s{depth}", "IPI_BIAXIAL", props, parent="chain")
        send(engine, f"s{depth}", {0: 1.0, 1: 2.0, 2: 4.0}, "tilt_x")
    client = Client(engine, "s1", "dx", "mm")
    client.begin()
    engine.create_entity("sensor", "s3", "IPI_BIAXIAL", {"GAUGE_LENGTH": 1.0, "DEPTH": 3}, parent="chain")
    send(engine, "s3", {0: 1.0, 1: 2.0}, "tilt_x")
    settle(engine)
    client.look()
    assert client.points == client.fresh()
    assert len(client.points) == 2


def test_a_project_that_goes(engine: Engine) -> None:
    """Its series are in trouble, those of other projects are not."""
    home = engine.create_project("gone").id
    inbox = Inbox()
    for project in (home, None):
        engine.create_entity("sensor", "t", "TEMPERATURE_SDE", project=project)
        engine.subscribe_data(["t"], "T", "C", outlet=inbox, owner=project, project=project)
    engine.store.delete_project(home)
    settle(engine)
    [(subscription, trouble)] = inbox.rounds[0]
    assert subscription.owner == home
    assert isinstance(trouble, Trouble)
    assert isinstance(trouble.error, UnknownSensor)


def test_work_that_fails_for_reasons_of_its_own(
    site: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged and told, the others are followed all the same, and it is tried again with the next change."""
    send(site, "u", {0: 5.0})
    client, healthy = Client(site, "t", "T", "C"), Client(site, "u", "T", "C")
    client.begin()
    healthy.begin()
    real = Topic.follow

    def failing(topic: Topic, *given: Any, **options: Any) -> Any:
        if topic.question.sensor == "t":
            raise ZeroDivisionError("a fault of ours")
        return real(topic, *given, **options)

    monkeypatch.setattr(Topic, "follow", failing)
    for hour in (2, 3):
        site.upload([{"sensorId": id, "timestamp": at(hour), "values": {"T": 1.0}} for id in ("t", "u")])
        settle(site)
    for each in (client, healthy):
        each.look()
    assert type(client.trouble) is EngineError
    assert "a fault of ours" not in str(client.trouble)
    assert caplog.text.count("could not be followed") == 1
    assert healthy.points == healthy.fresh()
    monkeypatch.setattr(Topic, "follow", real)
    send(site, "u", {4: 1.0})
    settle(site)
    client.look()
    assert client.trouble is None
    assert client.points == client.fresh()


def test_what_a_new_subscription_finds_is_told_to_the_others(site: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second finds that all is well again: the first is told without waiting for another change."""
    client = Client(site, "t", "T", "C")
    client.begin()

    def failing(*given: Any, **options: Any) -> Any:
        raise OSError("no disk")

    with monkeypatch.context() as patch:
        patch.setattr(Topic, "follow", failing)
        send(site, "t", {2: 1.0})
        settle(site)
    client.look()
    assert type(client.trouble) is EngineError
    site.subscribe_data(["t"], "T", "C", outlet=Inbox())
    settle(site)
    client.look()
    assert client.trouble is None
    assert client.points == client.fresh()


def test_a_store_that_cannot_be_looked_at_for_a_while(
    site: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The thread lives on, leaves the processor to others between its attempts, and tells when it can again."""
    client = Client(site, "t", "T", "C")
    client.begin()
    failed = threading.Event()
    attempts: list[float] = []

    def broken() -> Any:
        attempts.append(time.monotonic())
        if len(attempts) == 4:
            failed.set()
        raise OSError("no disk")

    with monkeypatch.context() as patch:
        patch.setattr(site.store, "snapshot", broken)
        send(site, "t", {2: 1.0})
        assert failed.wait(PATIENCE)
    settle(site)
    client.look()
    assert client.points == client.fresh()
    assert "trying again" in caplog.text
    assert all(later - earlier >= SLICE / 2 for earlier, later in pairwise(attempts))


@pytest.mark.parametrize(
    ("sensors", "metric", "unit", "params", "error"),
    [
        (["t", "x"], "T", "C", None, UnknownSensor),
        (["x"], "nothing", "C", None, UnknownSensor),
        (["t"], "nothing", "C", {"dt": 5}, UnknownMetric),
        (["t"], "dx", "mm", None, MetricNotAvailable),
        (["t"], "T", "mm", {"dt": 5}, IncompatibleUnit),
        (["t"], "dT", "C", {"dt": 5}, InvalidParam),
        (["u", "t"], "dT", "C", {"ZERO_DATE": {"value": "2030-01-01"}}, NoZeroReading),
        ([], "T", "C", None, InvalidRequest),
    ],
)
def test_refusals(site: Engine, sensors: Any, metric: str, unit: str, params: Any, error: type[Exception]) -> None:
    """What a read refuses is refused, in the same order, and nothing is subscribed to."""
    with pytest.raises(error):
        site.subscribe_data(sensors, metric, unit, params=params, outlet=Inbox())
    assert not [thread for thread in threading.enumerate() if thread.name == "tseng-live"]


def test_a_question_in_trouble_is_refused(site: Engine) -> None:
    """Who subscribes to what others follow and cannot be computed is told so at once; the others are told too."""
    inbox = Inbox()
    site.subscribe_data(["t"], "dT", "C", outlet=inbox)
    site.update_entity("sensor", "t", {"ZERO_MODE": "CLOSEST"})
    for _ in range(2):
        with pytest.raises(MetricNotAvailable):
            site.subscribe_data(["u", "t"], "dT", "C", outlet=Inbox())
    settle(site)
    assert [type(update) for update in inbox.updates] == [Trouble]


def test_more_than_can_be_sent(site: Engine) -> None:
    """Of a very large change only the time range is told."""
    inbox = Inbox()
    site.subscribe_data(["t"], "T", "C", outlet=inbox)
    many = LARGEST_PUSH + 1
    times = FIRST + 10 * HOUR + np.arange(many) * 1_000_000
    time = pa.array(times, pa.timestamp("us", "UTC"))
    site.upload_table(pa.table({"sensor": ["t"] * many, "metric": ["T"] * many, "time": time, "value": [1.0] * many}))
    settle(site)
    [update] = inbox.updates
    assert isinstance(update, DataUpdate)
    assert update.results == []
    assert (update.points, update.first, update.last) == (many, times[0], times[-1])
    send(site, "t", {0: 19.0})
    settle(site)
    assert hours(inbox.updates[1]) == {0: 19.0}


def test_many_topics(engine: Engine) -> None:
    """Hundreds of sensors in one subscription: each is told its own, whichever way data come."""
    ids = [f"t{number}" for number in range(300)]
    for id in ids:
        engine.create_entity("sensor", id, "TEMPERATURE_SDE")
    inbox = Inbox()
    engine.subscribe_data(ids, "T", "K", outlet=inbox)
    engine.upload([{"sensorId": id, "timestamp": at(0), "values": {"T": 1.0}} for id in ids])
    engine.store.flush()
    columns = {"sensor": ids, "metric": ["T"] * len(ids), "value": [2.0] * len(ids)}
    time = pa.array([FIRST + HOUR] * len(ids), pa.timestamp("us", "UTC"))
    engine.store.load(pa.table({**columns, "time": time}), engine.project().id)
    settle(engine)
    told: dict[str, dict[float, float | None]] = {}
    for update in inbox.updates:
        assert isinstance(update, DataUpdate)
        told.setdefault(update.sensor, {}).update(hours(update))
    assert told == {id: {0: pytest.approx(274.15), 1: pytest.approx(275.15)} for id in ids}


def test_long_work_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a long series is compared, new data of others are told, and what comes for itself is told after."""
    real = Topic.follow

    def follow(topic: Topic, *given: Any, **options: Any) -> Any:
        work = real(topic, *given, **options)
        for step in count():
            try:
                next(work)
            except StopIteration as done:
                return done.value
            if topic.question.sensor == "t" and step == 5:
                send(engine, "u", {0: 1.0})
                send(engine, "t", {100: 0.0})
            yield

    monkeypatch.setattr(Topic, "follow", follow)
    store = Store.open(tmp_path, settings=StoreSettings(block_points=4))
    with Engine(store, Settings()) as engine:
        for id in ("t", "u"):
            engine.create_entity("sensor", id, "TEMPERATURE_SDE")
        send(engine, "t", {hour: float(hour) for hour in range(100)})
        inbox = Inbox()
        for id in ("t", "u"):
            engine.subscribe_data([id], "T", "C", outlet=inbox)
        engine.update_entity("sensor", "t", {"MASKS": [{"start": at(90), "end": at(91)}]})
        settle(engine)
    told = [(update.sensor, hours(update)) for update in inbox.updates if isinstance(update, DataUpdate)]
    assert told == [("u", {0: 1.0}), ("t", {90: None, 91: None}), ("t", {100: 0.0})]


def test_subscribing_amid_uploads(site: Engine) -> None:
    """Whenever a client begins, it misses nothing that comes after its read."""
    stop = threading.Event()

    def writing() -> None:
        hour = 2.0
        while not stop.is_set():
            send(site, "t", {hour: hour})
            hour += 1

    writer = threading.Thread(target=writing)
    writer.start()
    clients = [Client(site, "t", "dT", unit) for unit in ("C", "F", "C", "K", "C") * 4]
    try:
        for client in clients:
            client.subscribe()
            client.points = client.fresh()
    finally:
        stop.set()
        writer.join()
    settle(site)
    for client in clients:
        client.look()
        assert client.points == client.fresh()


def test_entities(site: Engine) -> None:
    """Changed props and new entities are told as they are now; observations are not, nor what changes nothing."""
    inbox, all_ = Inbox(), Inbox()
    watch = site.subscribe_entities("sensor", ["t"], outlet=inbox, owner="t")
    site.subscribe_entities("sensor", outlet=all_)
    site.subscribe_entities("device", outlet=all_)
    send(site, "t", {2: 23.0})
    site.update_entity("sensor", "t", {"NAME": "north"})
    settle(site)
    site.update_entity("sensor", "t", {"NAME": "north"})
    site.create_entity("sensor", "v", "TEMPERATURE_SDE", parent="d")
    site.update_entity("device", "d", {"NAME": "logger"})
    settle(site)
    [(subscription, update)] = inbox.rounds[0]
    assert (subscription, subscription.owner) == (watch, "t")
    assert isinstance(update, EntityUpdate)
    assert update.entity.props == {"NAME": "north"}
    assert len(inbox.updates) == 1
    assert all_.entities() == ["t", "v", "d"]
    watch.close()
    site.update_entity("sensor", "t", {"NAME": "south"})
    settle(site)
    assert len(inbox.updates) == 1


def test_entities_are_told_once_though_another_cannot_be_looked_up(
    site: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is tried again until it succeeds tells nothing before it does."""
    inbox = Inbox()
    site.subscribe_entities("sensor", outlet=inbox)
    real, looked, failed = site.store.catalog.entity, count(1), threading.Event()

    def entity(project: str, kind: AnyKind, id: str, *known: Knowledge) -> Any:
        if known and id == "t" and next(looked) == 3:
            failed.set()
        if known and id == "u":
            raise OSError("no disk")
        return real(project, kind, id, *known)

    with monkeypatch.context() as patch:
        patch.setattr(site.store.catalog, "entity", entity)
        for id, name in (("u", "first"), ("t", "second"), ("u", "third")):
            site.update_entity("sensor", id, {"NAME": name})
        assert failed.wait(PATIENCE)
    settle(site)
    assert inbox.entities() == ["t", "u"]


def test_entities_of_one_project(engine: Engine) -> None:
    """All of a kind are those of the project; an entity that is not there is refused."""
    other, inbox = engine.create_project("other").id, Inbox()
    engine.create_entity("node", "n", "GATEWAY")
    engine.subscribe_entities("node", outlet=inbox)
    engine.create_entity("node", "m", "GATEWAY", project=other)
    engine.update_entity("node", "n", {"A": 1})
    settle(engine)
    assert inbox.entities() == ["n"]
    with pytest.raises(NotFound, match="'m'"):
        engine.subscribe_entities("node", ["n", "m"], outlet=inbox)


def test_a_closed_engine(site: Engine) -> None:
    """Closing ends the thread; nothing is told any more, and nobody can subscribe."""
    inbox = Inbox()
    site.subscribe_data(["t"], "T", "C", outlet=inbox)
    site.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "tseng-live"]
    with pytest.raises(StoreClosed):
        site.subscribe_data(["t"], "T", "C", outlet=inbox)
