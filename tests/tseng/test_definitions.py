"""What a project defines, through the engine: stored, versioned, read, removed."""

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tseng.engine import Engine
from tseng.errors import InvalidRequest, NotFound
from tseng.importers.door import standing
from tseng.importers.files import import_file
from tseng.importers.options import ImportOptions
from tseng_units.define import define
from tseng_units.errors import IncompatibleUnit, InvalidDefinition, UnknownMetric
from tseng_units.plugins import Plugins

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


def test_as_of_an_earlier_moment_what_was_defined_then_counts(site: Engine) -> None:
    """Before the first definition there is none; before the second the first holds, and its version."""
    before = _now()
    site.define_metrics({"opening": OPENING})
    first = _now()
    site.define_metrics({"opening": OPENING | {"expression": "disp + K * (T - T_REF)"}})
    second = _now()
    site.remove_metric("opening")
    for moment, value, version in ((first, 11.0, 1), (second, 13.0, 2)):
        series = site.get_data(CRACK, "opening", "mm", as_of=moment)
        assert series.value.tolist() == pytest.approx([value], rel=1e-12)
        assert series.provenance["metric"]["version"] == version
    with pytest.raises(UnknownMetric):
        site.get_data(CRACK, "opening", "mm", as_of=before)
    with pytest.raises(UnknownMetric):
        site.get_data(CRACK, "opening", "mm")


def test_an_answer_is_replayed_after_its_definition_is_gone(site: Engine, bridge: Engine) -> None:
    """Bit for bit, from the definition and the map that were there then."""
    site.define_metrics({"opening": OPENING})
    bridge.map_unit(TEXT, "mV", scale=10)
    answers = [site.get_data(CRACK, "opening", "in"), site.get_data(BRIDGE, "bridge", "V")]
    site.define_metrics({"opening": OPENING | {"expression": "disp * 2 - K * (T - T_REF)"}})
    site.remove_metric("opening")
    bridge.unmap_unit(TEXT)
    for answer in answers:
        assert site.replay(answer.provenance).value.tolist() == answer.value.tolist()


def _now() -> datetime:
    """An instant between what was written before and what will be."""
    time.sleep(0.001)
    now = datetime.now(UTC)
    time.sleep(0.001)
    return now


TEXT = "Vx10^-2"
BRIDGE = "/site/b1/sensor"


@pytest.fixture
def bridge(engine: Engine) -> Engine:
    """A bridge that records hundredths of a volt, and says so in a way that nobody knows."""
    engine.create_entity("sensor", BRIDGE, "DYNAMIC", {"UNKNOWN_METRICS": ["bridge"], "UNKNOWN_UNITS": [TEXT]})
    engine.upload([{"sensorId": BRIDGE, "timestamp": "2024-03-01T00:00:00Z", "values": {"bridge": 23.4}}])
    return engine


def test_a_unit_is_mapped_and_unmapped(bridge: Engine) -> None:
    """234 mV with the map, the stored 23.4 with it and without; afterwards mV is refused as before."""
    made = bridge.map_unit(TEXT, "mV", scale=10)
    assert (made.text, made.unit, made.dimension, made.scale, made.version) == (TEXT, "mV", "voltage", 10.0, 1)
    assert bridge.get_data(BRIDGE, "bridge", "mV").value.tolist() == pytest.approx([234.0], rel=1e-12)
    assert bridge.get_data(BRIDGE, "bridge", TEXT).value.tolist() == [23.4]
    assert bridge.unit_maps() == [made]
    bridge.unmap_unit(TEXT)
    assert bridge.unit_maps() == []
    assert bridge.get_data(BRIDGE, "bridge", TEXT).value.tolist() == [23.4]
    with pytest.raises(IncompatibleUnit):
        bridge.get_data(BRIDGE, "bridge", "mV")
    with pytest.raises(NotFound, match="maps no unit"):
        bridge.unmap_unit(TEXT)


def test_a_map_that_was_wrong_is_mapped_anew(bridge: Engine) -> None:
    """The next version holds for all readings at once."""
    bridge.map_unit(TEXT, "V", scale=10)
    assert bridge.map_unit(TEXT, "V", scale=0.01).version == 2
    series = bridge.get_data(BRIDGE, "bridge", "V")
    assert series.value.tolist() == pytest.approx([0.234], rel=1e-12)
    assert "version 2" in series.provenance["formulas"][0]["source"]


def test_as_of_an_earlier_moment_a_map_is_not_there(bridge: Engine) -> None:
    """What was mapped later converts to nothing then."""
    before = _now()
    bridge.map_unit(TEXT, "mV", scale=10)
    assert bridge.get_data(BRIDGE, "bridge", "mV", as_of=_now()).value.tolist() == pytest.approx([234.0], rel=1e-12)
    with pytest.raises(IncompatibleUnit):
        bridge.get_data(BRIDGE, "bridge", "mV", as_of=before)


def test_a_map_is_its_projects(bridge: Engine) -> None:
    """Another project's sensors with the same text are not touched."""
    other = bridge.create_project("other").id
    bridge.map_unit(TEXT, "mV", scale=10, project=other)
    assert bridge.unit_maps() == []
    with pytest.raises(IncompatibleUnit):
        bridge.get_data(BRIDGE, "bridge", "mV")


def test_a_known_unit_is_mapped_only_where_it_is_declared_unknown(bridge: Engine) -> None:
    """`mm` means millimetres, unless a sensor says that it does not know what its `mm` are."""
    with pytest.raises(InvalidDefinition, match="'mm' is a unit already, and no sensor of the project declares it"):
        bridge.map_unit("mm", "mm")
    bridge.create_entity("sensor", "/g", "DYNAMIC", {"UNKNOWN_METRICS": ["gap"], "UNKNOWN_UNITS": {"0": "mm"}})
    bridge.upload([{"sensorId": "/g", "timestamp": "2024-03-01T00:00:00Z", "values": {"gap": 1500.0}}])
    bridge.map_unit("mm", "mm")
    assert bridge.get_data("/g", "gap", "m").value.tolist() == pytest.approx([1.5], rel=1e-12)


def test_importing_into_a_mapped_column_stores_as_before(bridge: Engine, tmp_path: Path) -> None:
    """A file in the text is stored as it is; one in the map's unit is refused, since nothing is written backwards."""
    bridge.map_unit(TEXT, "mV", scale=10)
    (tmp_path / "b.csv").write_text("time,value\n2024-03-02T00:00:00Z,5\n")
    import_file(standing(bridge), tmp_path / "b.csv", ImportOptions(sensor=BRIDGE, metric="bridge", unit=TEXT))
    with pytest.raises(InvalidRequest, match="nothing converts"):
        import_file(standing(bridge), tmp_path / "b.csv", ImportOptions(sensor=BRIDGE, metric="bridge", unit="mV"))
    assert bridge.get_data(BRIDGE, "bridge", TEXT).value.tolist() == [23.4, 5.0]


def test_metrics_of_plugins(site: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are listed with their package and keep their ids; a project's own definition goes first."""
    site.define_metrics({"opening": OPENING})
    found = {id: replace(define(id, OPENING), origin="plugin cracks 1.0") for id in ("opening", "crack_index")}
    for module in ("definitions", "defining"):
        monkeypatch.setattr(f"tseng.{module}.plugins", lambda: Plugins(found, {"bad": "plugin b 2 (b:B): no"}))
    site.define_metrics({"another": OPENING})
    listed = [(each.id, each.defined_by, each.problem) for each in site.metrics_defined()]
    assert listed == [
        ("another", "project", None),
        ("opening", "project", None),
        ("crack_index", "plugin cracks 1.0", None),
        ("opening", "plugin cracks 1.0", "the project defines a metric of this id itself"),
        ("bad", "plugin", "plugin b 2 (b:B): no"),
    ]
    assert site.get_data(CRACK, "crack_index", "mm").provenance["metric"]["definedBy"] == "plugin cracks 1.0"
    assert site.get_data(CRACK, "opening", "mm").provenance["metric"]["definedBy"] == "project"
    with pytest.raises(InvalidDefinition, match="has a metric of this id"):
        site.define_metrics({"crack_index": OPENING})
    with pytest.raises(NotFound):
        site.remove_metric("crack_index")
