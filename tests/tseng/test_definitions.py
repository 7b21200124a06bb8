"""A project's own metrics through the engine: stored, versioned, read, removed."""

import logging
from typing import Any

import pytest

from tseng.engine import Engine
from tseng.errors import InvalidRequest, NotFound
from tseng_units.errors import InvalidDefinition, UnknownMetric

CRACK = "/site/c1/sensor"
OPENING: dict[str, Any] = {
    "unit": "mm",
    "expression": "disp - K * (T - T_REF)",
    "props": {"K": {"unit": "mm/C", "default": 0.5}, "T_REF": {"unit": "C", "default": 20}},
}


@pytest.fixture
def site(engine: Engine) -> Engine:
    """A crack of 12 mm at 22 C."""
    engine.create_entity("sensor", CRACK, "DISPLACEMENT")
    engine.upload([{"sensorId": CRACK, "timestamp": "2024-03-01T00:00:00Z", "values": {"disp": 12.0, "T": 22.0}}])
    return engine


def test_defined_read_and_removed(site: Engine) -> None:
    """12 mm less 0.5 mm/C times 2 C; afterwards the id means nothing again, and the reading is as it was."""
    (made,) = site.define_metrics({"opening": OPENING})
    assert (made.id, made.version, made.defined_by, made.problem) == ("opening", 1, "project", None)
    series = site.get_data(CRACK, "opening", "mm")
    assert series.value.tolist() == pytest.approx([11.0], rel=1e-12)
    assert series.provenance["metric"]["version"] == 1
    assert series.provenance["metric"]["definition"] == made.definition
    assert "opening" in [metric.id for metric in site.metrics(CRACK)]
    site.remove_metric("opening")
    assert site.metrics_defined() == []
    with pytest.raises(UnknownMetric):
        site.get_data(CRACK, "opening", "mm")
    assert site.get_data(CRACK, "disp", "mm").value.tolist() == [12.0]
    with pytest.raises(NotFound, match="defines no metric 'opening'"):
        site.remove_metric("opening")


def test_versions_count_the_changes(site: Engine) -> None:
    """The same again changes nothing; another expression is version 2 and holds at once, for older readings too."""
    for _ in range(2):
        (listed,) = site.define_metrics({"opening": OPENING})
        assert listed.version == 1
    site.get_data(CRACK, "opening", "mm")
    site.define_metrics({"opening": OPENING | {"expression": "disp + K * (T - T_REF)"}})
    assert [(each.id, each.version) for each in site.metrics_defined()] == [("opening", 2)]
    series = site.get_data(CRACK, "opening", "mm")
    assert series.value.tolist() == pytest.approx([13.0], rel=1e-12)
    assert series.provenance["metric"]["version"] == 2


def test_all_or_none(site: Engine) -> None:
    """One bad definition keeps out the good ones beside it; every bad one is named."""
    with pytest.raises(InvalidDefinition) as raised:
        site.define_metrics(
            {"opening": OPENING, "bad": OPENING | {"unit": "kPa"}, "T": {"unit": "C", "expression": "T"}}
        )
    assert raised.value.field == "bad.unit"
    assert "metric 'bad': the whole" in str(raised.value)
    assert "metric 'T': the catalogue has" in str(raised.value)
    assert site.metrics_defined() == []
    nothing: Any
    for nothing in ({}, [], None):
        with pytest.raises(InvalidRequest, match="metrics"):
            site.define_metrics(nothing)


def test_each_project_has_its_own(site: Engine) -> None:
    """The metric of one project is none of another, and may be another one there."""
    other = site.create_project("other").id
    site.define_metrics({"opening": OPENING})
    assert site.metrics_defined(project=other) == []
    site.create_entity("sensor", CRACK, "DISPLACEMENT", project=other)
    assert "opening" not in [metric.id for metric in site.metrics(CRACK, project=other)]
    (made,) = site.define_metrics({"opening": {"unit": "C", "expression": "T"}}, project=other)
    assert made.version == 1
    assert site.metrics_defined()[0].definition["unit"] == "mm"


def test_a_definition_that_no_longer_holds_spoils_nothing(site: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """Written by another release: it is listed with its fault and logged, and everything else goes on."""
    later = {"opening": OPENING, "bent": {"unit": "mm", "expression": "disp -> 2"}}
    site.store.catalog.put_definitions("default", "metric", later)
    with caplog.at_level(logging.WARNING, logger="tseng"):
        assert site.get_data(CRACK, "opening", "mm").value.tolist() == pytest.approx([11.0], rel=1e-12)
    assert "metric 'bent'" in caplog.text
    with pytest.raises(UnknownMetric):
        site.get_data(CRACK, "bent", "mm")
    problems = {each.id: each.problem for each in site.metrics_defined()}
    assert problems["opening"] is None
    assert "metric 'bent'" in str(problems["bent"])


def test_another_engine_on_the_store_sees_it(site: Engine) -> None:
    """At once, without being told."""
    with Engine.open(site.settings.data) as other:
        assert other.metrics_defined() == []
        site.define_metrics({"opening": OPENING})
        assert other.get_data(CRACK, "opening", "mm").value.tolist() == pytest.approx([11.0], rel=1e-12)
        site.remove_metric("opening")
        assert other.metrics_defined() == []
