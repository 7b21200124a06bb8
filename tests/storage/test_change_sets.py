"""Several changes in one transaction: all or none, in their order, and every earlier state stays to be asked for."""

import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.storage.helpers import PROJECT, opened, read, series

from tseng_storage.catalog import Catalog
from tseng_storage.entities import KINDS, Alteration, Draft, Edit, Entity, Removal
from tseng_storage.errors import ChangesRefused, Exists, InvalidDate, NotFound
from tseng_storage.knowledge import EVERYTHING, Knowledge
from tseng_storage.store import Store

NEVER = 10**17
"""A date in the future, epoch us."""

SITE = (
    Draft("node", "/n/node", "THREAD"),
    Draft("device", "/n/node/d/device", "LOGGER", {}, "/n/node"),
    Draft("sensor", "/n/node/d/device/a/sensor", "TILT", {"A": 1}, "/n/node/d/device"),
    Draft("sensor", "/n/node/d/device/b/sensor", "TILT", {}, "/n/node/d/device"),
)
NODE, DEVICE, SENSOR, OTHER = (draft.id for draft in SITE)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a node, its device, and two sensors."""
    made = opened(tmp_path)
    made.catalog.create_entities(PROJECT, SITE)
    return made


@pytest.fixture
def catalog(store: Store) -> Catalog:
    """Its catalog."""
    return store.catalog


def state(catalog: Catalog, known: Knowledge = EVERYTHING) -> list[Entity]:
    """All entities there are, or were known."""
    return [entity for kind in KINDS for entity in catalog.entities(PROJECT, kind, known=known)]


def test_each_change_sees_those_before_it(catalog: Catalog) -> None:
    """Made, edited, removed and made again in one set; of each the entity as it then is comes back."""
    changes: list[Alteration] = [
        Draft("sensor", "/x", "TILT", {"A": 1}),
        Edit("sensor", "/x", {"B": 2}),
        Removal("sensor", "/x"),
        Draft("sensor", "/x", "BARO", {"C": 3}),
    ]
    before = catalog.config()
    answers = catalog.apply(PROJECT, changes, by="me")
    assert [(each.type, each.props) for each in answers] == [
        ("TILT", {"A": 1}), ("TILT", {"A": 1, "B": 2}), ("TILT", {"A": 1, "B": 2}), ("BARO", {"C": 3})
    ]  # fmt: skip
    assert catalog.entity(PROJECT, "sensor", "/x") == answers[-1]
    history = catalog.history(PROJECT, "sensor", "/x")
    assert [(each.props, each.removed, each.by) for each in history] == [
        ({"A": 1}, False, "me"), ({"B": 2}, False, "me"), ({}, True, "me"), ({"C": 3}, False, "me")
    ]  # fmt: skip
    assert [each.number for each in history] == [before + 1, before + 2, before + 3, before + 4]


def test_all_bad_changes_are_named_and_none_is_made(catalog: Catalog) -> None:
    """Taken, twice in one set, not there, in the future, not alone: each by its index, and nothing has changed."""
    before, number = state(catalog), catalog.config()
    changes: list[Alteration] = [
        Draft("sensor", "/fresh", "TILT"),
        Draft("sensor", SENSOR, "TILT"),
        Edit("sensor", OTHER, {"A": 2}),
        Edit("sensor", "/nowhere", {"A": 2}),
        Edit("sensor", OTHER, {"A": 3}, valid_from=NEVER),
        Removal("device", DEVICE),
    ]
    with pytest.raises(ChangesRefused, match="change 1: taken already: sensor '/n/node/d/device/a/sensor'") as refused:
        catalog.apply(PROJECT, changes)
    assert [(index, type(fault)) for index, fault in refused.value.faults] == [
        (1, Exists), (3, NotFound), (4, InvalidDate), (5, Exists)
    ]  # fmt: skip
    assert refused.value.category == "EXISTS"
    assert refused.value.faults[-1][1].seen == [SENSOR, OTHER]
    assert (state(catalog), catalog.config()) == (before, number)
    with pytest.raises(ChangesRefused) as twice:
        catalog.apply(PROJECT, [Draft("sensor", "/x", "TILT"), Draft("sensor", "/x", "TILT")])
    assert [index for index, _ in twice.value.faults] == [0, 1]
    with pytest.raises(NotFound):
        catalog.apply("nowhere", [Draft("sensor", "/x", "TILT")])


def test_removal_with_all_below(catalog: Catalog) -> None:
    """A node takes its devices and sensors along when asked to; as of before they are all there, in their places."""
    before, whole = catalog.config(), state(catalog)
    catalog.apply(PROJECT, [Removal("node", NODE, below=True)])
    assert state(catalog) == []
    assert catalog.sensors_of_device(PROJECT, DEVICE) == ()
    assert state(catalog, Knowledge(config=before)) == whole
    assert catalog.sensors_of_device(PROJECT, DEVICE, Knowledge(config=before)) == tuple(whole[2:])
    assert catalog.entities(PROJECT, "sensor", known=Knowledge(config=before), after=SENSOR) == whole[3:]
    assert catalog.entities(PROJECT, "sensor", known=Knowledge(config=before), limit=1) == whole[2:3]


def test_edits_merge_or_replace(catalog: Catalog) -> None:
    """A merge keeps what it does not name, a replacement does not; type and parent change, and did not before."""
    first = Edit("sensor", SENSOR, {"B": 2}, custom_props={"note": "x", "n": 1}, fields={"ref_id": "r"})
    catalog.apply(PROJECT, [first])
    between = catalog.config()
    merged = catalog.apply(PROJECT, [Edit("sensor", SENSOR, {"A": None}, custom_props={"n": None})])[0]
    assert (merged.props, merged.custom_props, merged.ref_id) == ({"B": 2}, {"note": "x"}, "r")
    edit = Edit("sensor", SENSOR, {"C": 3}, replace=True, fields={"type": "BARO", "parent": "/elsewhere"})
    replaced = catalog.apply(PROJECT, [edit], by="me")[0]
    assert (replaced.props, replaced.custom_props) == ({"C": 3}, {})
    assert (replaced.type, replaced.parent, replaced.modified_by) == ("BARO", "/elsewhere", "me")
    assert [each.id for each in catalog.sensors_of_device(PROJECT, DEVICE)] == [OTHER]
    assert catalog.parents(PROJECT, "sensor", SENSOR) == {DEVICE, "/elsewhere"}
    then = catalog.entity(PROJECT, "sensor", SENSOR, Knowledge(config=between))
    assert then is not None
    assert (then.type, then.parent, then.props) == ("TILT", DEVICE, {"A": 1, "B": 2})
    assert then.custom_props == {"note": "x", "n": 1}
    assert catalog.sensors_of_device(PROJECT, DEVICE, Knowledge(config=between))[0] == then
    number = catalog.config()
    assert catalog.apply(PROJECT, [edit])[0] == replaced
    assert catalog.config() == number


def test_observations_outlive_their_sensor(store: Store) -> None:
    """They are there while it is gone, and when it is made again."""
    store.append(series({1: 1.0, 2: 2.0}, sensor=SENSOR), PROJECT)
    store.catalog.apply(PROJECT, [Removal("sensor", SENSOR)])
    store.compact()
    store.catalog.create_entity(PROJECT, "sensor", SENSOR, "TILT")
    assert read(store, SENSOR) == {1: 1.0, 2: 2.0}
    assert store.metrics_of(PROJECT, SENSOR).metrics == ("T",)


def test_other_processes_see_it_at_once(store: Store) -> None:
    """What another open store had looked up before is not what it answers after."""
    with opened(store.layout.root) as other:
        assert other.catalog.entity(PROJECT, "sensor", SENSOR) is not None
        assert len(other.catalog.sensors_of_device(PROJECT, DEVICE)) == 2
        store.catalog.apply(PROJECT, [Removal("sensor", SENSOR)])
        assert other.catalog.entity(PROJECT, "sensor", SENSOR) is None
        assert [each.id for each in other.catalog.sensors_of_device(PROJECT, DEVICE)] == [OTHER]


ids, kinds = st.sampled_from(["/n/node", "/n/node/d/device", "/s"]), st.sampled_from(KINDS)
props = st.dictionaries(st.sampled_from("ab"), st.sampled_from([None, 1, 2]))
parents = st.sampled_from([None, "/n/node", "/n/node/d/device"])
dates = st.sampled_from([None, None, 0, 10])
change = st.one_of(
    st.builds(Draft, kinds, ids, st.sampled_from(["TILT", "BARO"]), props, parents),
    st.builds(Edit, kinds, ids, props, st.booleans(), dates, props, st.fixed_dictionaries({}, optional={
        "parent": parents, "type": st.sampled_from(["TILT", "BARO"]),
    })),
    st.builds(Removal, kinds, ids, st.booleans()),
)  # fmt: skip


@given(st.lists(st.lists(change, min_size=1, max_size=3), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_state_can_be_asked_for_ever_after(sets: list[list[Alteration]]) -> None:
    """After any sets of changes, each number and date gives what was there then, however it is asked for."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as store:
        catalog, now = store.catalog, 1_000
        states: dict[Knowledge, tuple[list[Entity], dict[str, tuple[Entity, ...]]]] = {}
        with patch("tseng_storage.recording.now_us", lambda: now):
            for changes in sets:
                now += 2
                before = state(catalog)
                try:
                    catalog.apply(PROJECT, changes)
                except ChangesRefused:
                    assert state(catalog) == before
                for known in (Knowledge(config=catalog.config()), Knowledge(time=now + 1)):
                    states[known] = state(catalog), _members(catalog, EVERYTHING)
        for known, (then, members) in states.items():
            assert state(catalog, known) == then
            assert _members(catalog, known) == members
            for kind in KINDS:
                for id in ("/n/node", "/n/node/d/device", "/s"):
                    expected = [entity for entity in then if (entity.kind, entity.id) == (kind, id)]
                    found = catalog.entity(PROJECT, kind, id, known)
                    assert ([] if found is None else [found]) == expected


def _members(catalog: Catalog, known: Knowledge) -> dict[str, tuple[Entity, ...]]:
    return {id: catalog.sensors_of_device(PROJECT, id, known) for id in ("/n/node", "/n/node/d/device", "/s")}
