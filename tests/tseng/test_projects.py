"""Projects through the engine: how much they hold, and that they can go."""

from datetime import UTC, datetime

import pytest

from tseng.engine import Engine
from tseng.errors import Exists, NotFound

ROWS = [{"sensorId": "t", "timestamp": "2001-01-01T00:00:00Z", "values": {"T": 20.0}}]


def test_usage_and_removal(engine: Engine) -> None:
    """By id or iTwin id: its own values by the month in which they came in; deleted it is gone, the default stays."""
    project = engine.create_project("Dam", "6e7a6a7c-0000-4000-8000-000000000001")
    engine.create_entity("sensor", "t", "TEMPERATURE_SDE", project=project.id)
    before = f"{datetime.now(UTC):%Y-%m}"
    engine.upload(ROWS, project=project.id)
    after = f"{datetime.now(UTC):%Y-%m}"
    usage = engine.usage("6e7a6a7c-0000-4000-8000-000000000001")
    (month,) = usage.months
    assert (usage.observations, month.observations) == (1, 1)
    assert usage.bytes == month.bytes > 0
    assert month.month in (before, after)
    assert engine.usage().observations == 0
    engine.delete_project(project.id)
    for refused in (engine.usage, engine.delete_project):
        with pytest.raises(NotFound):
            refused(project.id)
    with pytest.raises(Exists, match="the default project cannot be deleted"):
        engine.delete_project("default")
