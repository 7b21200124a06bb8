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


def test_documents_and_profiles_go_with_their_project(engine: Engine) -> None:
    """Files and all; those of another project stay."""
    gone, stays = (engine.create_project(name).id for name in ("gone", "stays"))
    for project in (gone, stays):
        engine.create_entity("sensor", "t", "TEMPERATURE_SDE", project=project)
        engine.keep_document("a.txt", "text/plain", b"a", project=project)
        line = {"name": "a", "axis": "chainage", "unit": "ft", "points": [{"sensor": "t", "at": 1}]}
        engine.put_profile("line", line, project=project)
    engine.delete_project(gone)
    with pytest.raises(NotFound):
        engine.documents(project=gone)
    (kept,) = engine.documents(project=stays)
    files = [path for path in engine.store.layout.documents.rglob("*") if path.is_file()]
    assert files == [engine.store.layout.document(stays, kept.id)]
    assert len(engine.profiles(project=stays)) == 1
