"""Joining: what a new subscription goes on from, and what it costs those who are there already."""

from typing import Any

import pytest
from tests.tseng.following import Inbox, settle
from tests.tseng.test_live import at, hours, send

from tseng.engine import Engine


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
