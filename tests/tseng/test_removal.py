"""Entities that are replaced, removed and made again: what reads, lists, uploads and subscribers then see."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.tseng.commands import Run
from tests.tseng.following import Client, Inbox, settle
from tests.tseng.test_live import hours, send

from tseng.engine import Engine
from tseng.errors import Exists, InvalidRequest, NotFound, UnknownSensor
from tseng.live.updates import EntityRemoved, EntityUpdate, Trouble
from tseng_storage.entities import Draft, Edit, Removal
from tseng_storage.errors import ChangesRefused


def now() -> datetime:
    """A moment after all that was done so far and before all that follows."""
    moment = later(datetime.now(UTC))
    later(moment)
    return moment


def later(moment: datetime) -> datetime:
    """The first moment that the clock shows after this one."""
    while (shown := datetime.now(UTC)) <= moment:
        pass
    return shown


@pytest.fixture
def site(engine: Engine) -> Engine:
    """A node with a device with two thermometers, one of which has readings."""
    engine.create_entity("node", "n", "THREAD")
    engine.create_entity("device", "d", "LOGGER", parent="n")
    for id in ("t", "u"):
        engine.create_entity("sensor", id, "TEMPERATURE_SDE", {"NAME": id}, parent="d")
    send(engine, "t", {0: 20.0, 1: 21.0})
    return engine


def temperatures(engine: Engine, as_of: datetime | None = None) -> list[float]:
    """What is read of the thermometer with readings."""
    values: list[float] = engine.get_data("t", "T", "C", as_of=as_of).value.tolist()
    return values


def test_a_removed_sensor_is_not_found_but_was(site: Engine) -> None:
    """Reads, lists and uploads do not know it; as of before everything is there; made again it has its readings."""
    before = now()
    was = site.remove_entity("sensor", "t", by="me")
    assert (was.id, was.props) == ("t", {"NAME": "t"})
    for refused in (lambda: temperatures(site), lambda: send(site, "t", {2: 22.0}), lambda: site.raw_metrics("t")):
        with pytest.raises(UnknownSensor):
            refused()
    with pytest.raises(NotFound):
        site.remove_entity("sensor", "t")
    assert [each.id for each in site.entities("sensor")] == ["u"]
    assert temperatures(site, before) == [20.0, 21.0]
    gone = now()
    site.create_entity("sensor", "t", "TEMPERATURE_SDE", {"NAME": "new"}, parent="d")
    assert temperatures(site) == [20.0, 21.0]
    with pytest.raises(UnknownSensor):
        temperatures(site, gone)
    assert [(each.props, each.removed, each.by) for each in site.history("sensor", "t")] == [
        ({"NAME": "t"}, False, None), ({}, True, "me"), ({"NAME": "new"}, False, None)
    ]  # fmt: skip


def test_what_hangs_below_stays_or_goes_along(site: Engine) -> None:
    """A device with sensors is removed with them or not at all; what is in the way is named."""
    with pytest.raises(Exists, match="below it: sensor 't', sensor 'u'") as refused:
        site.remove_entity("device", "d")
    assert (refused.value.field, refused.value.seen) == ("device", ["t", "u"])
    with pytest.raises(Exists, match="below it: sensor 't', sensor 'u', device 'd'"):
        site.remove_entity("node", "n")
    site.remove_entity("node", "n", below=True)
    assert [site.entities("node"), site.entities("device"), site.entities("sensor")] == [[], [], []]


def test_replaced_as_if_made_so(site: Engine) -> None:
    """What is not named is gone, type and parent too; as of before it was what it was."""
    before = now()
    replaced = site.replace_entity("sensor", "t", "BARO", {"LABEL": 1}, ref_id="r", custom_props={"x": 1}, by="me")
    assert (replaced.type, replaced.parent, replaced.ref_id) == ("BARO", None, "r")
    assert (replaced.props, replaced.custom_props, replaced.modified_by) == ({"LABEL": 1}, {"x": 1}, "me")
    assert site.entities("sensor", ["t"]) == [replaced]
    assert temperatures(site, before) == [20.0, 21.0]
    with pytest.raises(NotFound):
        site.replace_entity("sensor", "nowhere", "BARO")
    with pytest.raises(InvalidRequest, match="type: must have 1 to 1000 characters"):
        site.replace_entity("sensor", "t", " ")
    with pytest.raises(InvalidRequest, match=r"validFrom: .* lies in the future"):
        site.replace_entity("sensor", "t", "BARO", valid_from="2999-01-01T00:00:00Z")


def test_many_changes_are_all_made_or_none(site: Engine) -> None:
    """In their order; each bad one by its index, and nothing of the good ones is there."""
    path = "/n/node/e/device/s/sensor"
    made = site.apply([Draft("sensor", path, "TILT"), Edit("sensor", path, {"A": 1}), Removal("sensor", "u")], by="me")
    assert [(each.id, each.parent) for each in made] == [(path, "/n/node/e/device")] * 2 + [("u", "d")]
    assert [each.id for each in site.entities("sensor")] == [path, "t"]
    with pytest.raises(ChangesRefused, match="change 1: there is no sensor 'u'"):
        site.apply([Draft("sensor", "v", "TILT"), Edit("sensor", "u", {"A": 1})])
    with pytest.raises(InvalidRequest) as refused:
        site.apply([Draft("sensor", "", "TILT"), Edit("sensor", "t", {"A": float("nan")}), Removal("sensor", "t")])
    assert [fault.path for fault in refused.value.faults] == ["[0].id", "[1].props.A"]
    assert [each.id for each in site.entities("sensor")] == [path, "t"]


def test_subscribers_of_data_are_in_trouble_until_it_is_made_again(site: Engine) -> None:
    """The error of a read once; then what differs from what they were told last."""
    inbox = Inbox()
    site.subscribe_data(["t"], "T", "C", outlet=inbox)
    site.remove_entity("sensor", "t")
    settle(site)
    (told,) = inbox.updates
    assert isinstance(told, Trouble)
    assert (told.sensor, told.error.category) == ("t", "UNKNOWN_SENSOR")
    site.create_entity("sensor", "t", "TEMPERATURE_SDE")
    settle(site)
    assert hours(inbox.updates[-1]) == {}
    send(site, "t", {2: 23.0})
    settle(site)
    assert hours(inbox.updates[-1]) == {2: 23.0}


def test_a_segment_that_is_taken_away_changes_the_array(engine: Engine) -> None:
    """The sums over an array of which one sensor is removed are told anew."""
    engine.create_entity("device", "chain", "LOGGER")
    for depth in (1, 2, 3):
        props = {"GAUGE_LENGTH": 1.0, "DEPTH": depth}
        engine.create_entity("sensor", f"s{depth}", "IPI_BIAXIAL", props, parent="chain")
        send(engine, f"s{depth}", {0: 1.0, 1: 2.0 * depth}, "tilt_x")
    client = Client(engine, "s1", "dx", "mm")
    client.begin()
    before = dict(client.points)
    engine.remove_entity("sensor", "s3")
    settle(engine)
    client.look()
    assert client.points == client.fresh()
    assert client.points != before


def test_subscribers_of_entities_are_told(site: Engine) -> None:
    """Those of the entity, and those of all of the kind: that it is gone, and that it is there again."""
    some, every, other = Inbox(), Inbox(), Inbox()
    site.subscribe_entities("sensor", ["t"], outlet=some)
    site.subscribe_entities("sensor", outlet=every)
    site.subscribe_entities("sensor", ["u"], outlet=other)
    site.remove_entity("sensor", "t")
    settle(site)
    site.create_entity("sensor", "t", "BARO")
    settle(site)
    for inbox in (some, every):
        first, second = inbox.updates
        assert isinstance(first, EntityRemoved)
        assert first.entity.type == "TEMPERATURE_SDE"
        assert isinstance(second, EntityUpdate)
        assert second.entity.type == "BARO"
    assert other.updates == []


def test_props_of_what_was_removed(run: Run, tmp_path: Path) -> None:
    """The command line prints its history, and says that it is not there."""
    with Engine.open(tmp_path / "store") as engine:
        engine.create_entity("sensor", "s", "TILT", {"A": 1})
        engine.remove_entity("sensor", "s")
    made, removed = run("props", "s", "--history").out.decode().splitlines()
    assert made.endswith("A=1")
    assert removed.endswith("removed")
    refused = run("props", "s")
    assert refused.code == 1
    assert "there is no sensor 's'" in refused.err
