"""Joining: what a new subscription goes on from, and what it costs those who are there already."""

import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.tseng.following import PATIENCE, Client, Inbox, settle
from tests.tseng.test_live import at, hours, send

from tseng.engine import Engine
from tseng.live.topic import Topic
from tseng.live.updates import Trouble
from tseng.settings import Settings
from tseng_storage.settings import StoreSettings
from tseng_storage.store import Store
from tseng_units.errors import NoZeroReading


@pytest.fixture
def long(tmp_path: Path) -> Iterator[Engine]:
    """A thermometer with a series of many blocks."""
    with Engine(Store.open(tmp_path, settings=StoreSettings(block_points=4)), Settings()) as engine:
        engine.create_entity("sensor", "t", "TEMPERATURE_SDE")
        send(engine, "t", {hour: float(hour) for hour in range(100)})
        yield engine


def amid_work(
    engine: Engine, patch: pytest.MonkeyPatch, change: Callable[[], object], do: Callable[[], object]
) -> None:
    """Change something that is long to compare, and do something while it is compared, which does not go on before."""
    real, begun, done = Topic.follow, threading.Event(), threading.Event()

    def follow(topic: Topic, *given: Any, **options: Any) -> Any:
        work = real(topic, *given, **options)
        for step in count():
            try:
                next(work)
            except StopIteration as last:
                return last.value
            yield
            while step == 5 and not done.is_set():
                assert threading.current_thread().name == "tseng-live"
                begun.set()
                yield

    with patch.context() as context:
        context.setattr(Topic, "follow", follow)
        change()
        assert begun.wait(PATIENCE)
        do()
        done.set()
        settle(engine)


def test_whoever_comes_amid_long_work_joins_it(long: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not done over while everybody waits: the newcomer is told what it finds, and what comes after."""
    first, second = Client(long, "t", "T", "C"), Client(long, "t", "T", "C")
    first.begin()
    second.points = dict(first.points)

    def mask() -> object:
        return long.update_entity("sensor", "t", {"MASKS": [{"start": at(90), "end": at(91)}]})

    amid_work(long, monkeypatch, mask, second.subscribe)
    send(long, "t", {100: 1.0})
    settle(long)
    for client in (first, second):
        client.look()
        assert client.told == 3
        assert client.points == client.fresh()


def test_whoever_comes_amid_recovery_joins_it(long: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no refusal any more, and no data yet: first the trouble is told, then all that differs."""
    inbox, zero = Inbox(), {"ZERO_DATE": at(0)}
    long.update_entity("sensor", "t", zero)
    long.subscribe_data(["t"], "dT", "C", outlet=Inbox())
    long.update_entity("sensor", "t", {"ZERO_DATE": at(1000)})
    settle(long)

    def subscribe() -> object:
        return long.subscribe_data(["t"], "dT", "C", outlet=inbox)

    with pytest.raises(NoZeroReading):
        subscribe()
    amid_work(long, monkeypatch, lambda: long.update_entity("sensor", "t", {"ZERO_DATE": at(1)}), subscribe)
    trouble, told = inbox.updates
    assert isinstance(trouble, Trouble)
    assert isinstance(trouble.error, NoZeroReading)
    assert hours(told) == {hour: hour - 1 for hour in range(100)}


def test_whoever_joins_a_store_at_rest_goes_on_with_the_others(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far apart they began, an upload to them all is looked up once, from where the last round ended."""
    inbox, ids = Inbox(), ("a", "b", "c")
    for hour, id in enumerate(ids):
        engine.create_entity("sensor", id, "TEMPERATURE_SDE")
        engine.subscribe_data([id], "T", "C", outlet=inbox)
        engine.create_entity("sensor", f"{id}'", "TEMPERATURE_SDE")
        settle(engine)
        send(engine, f"{id}'", {hour: 1.0})
        settle(engine)
    looked: list[object] = []
    real = engine.store.uploaded_since

    def uploaded_since(since: Any, now: Any) -> Any:
        looked.append(since)
        return real(since, now)

    monkeypatch.setattr(engine.store, "uploaded_since", uploaded_since)
    engine.upload([{"sensorId": id, "timestamp": at(1), "values": {"T": 2.0}} for id in ids])
    settle(engine)
    assert [hours(update) for update in inbox.updates] == [{1: 2.0}] * 3
    assert len(looked) == 1
