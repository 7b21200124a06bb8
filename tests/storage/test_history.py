"""Dated properties: from when each value holds, what it was before it was corrected, and what was known when."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.storage.helpers import PROJECT, edited, opened

from tseng_storage.entities import Entity
from tseng_storage.errors import InvalidDate, NotFound
from tseng_storage.history import ALWAYS, Change
from tseng_storage.intake import FIRST_INSTANT
from tseng_storage.knowledge import Knowledge
from tseng_storage.store import Store
from tseng_units.instants import MIN_US

MARCH, MAY, JULY = (1_488_326_400_000_000, 1_493_596_800_000_000, 1_498_867_200_000_000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with one sensor of two props."""
    with opened(tmp_path) as store:
        store.catalog.create_entity(PROJECT, "sensor", "/s", "TILT", {"a": 1, "b": 2, "none": None})
        yield store


def _set(store: Store, props: Mapping[str, Any], valid_from: int | None = None) -> Entity:
    return edited(store.catalog, "sensor", "/s", props, valid_from)


def test_always_is_the_first_instant() -> None:
    """What a reading of any date falls under begins where the times of readings begin, above and below."""
    assert ALWAYS == FIRST_INSTANT == MIN_US


def test_a_dated_change_holds_from_its_date_on(store: Store) -> None:
    """The newest value is in force; the epochs hold both, the first from always, and only of the prop that changed."""
    entity = _set(store, {"a": 5}, MARCH)
    assert entity.props == {"a": 5, "b": 2}
    assert entity.epochs == {"a": ((ALWAYS, 1), (MARCH, 5))}
    assert store.catalog.entity(PROJECT, "sensor", "/s") == entity
    earlier = _set(store, {"a": 4, "new": "x"}, MARCH - 1)
    assert earlier.props == {"a": 5, "b": 2, "new": "x"}
    assert earlier.epochs == {"a": ((ALWAYS, 1), (MARCH - 1, 4), (MARCH, 5)), "new": ((MARCH - 1, "x"),)}


def test_who_changed_it_is_kept_and_known_as_of_then(store: Store) -> None:
    """An entity names who changed it last, unknown where nobody was named; its history names each; the past its own."""
    made = store.catalog.create_entity(PROJECT, "device", "/d", "LOGGER", by="installer")
    known = Knowledge(config=store.catalog.config())
    changed = edited(store.catalog, "device", "/d", {"NAME": "D"}, by="support")
    assert (made.modified_by, changed.modified_by) == ("installer", "support")
    assert edited(store.catalog, "device", "/d", {"NAME": "D"}, by="nobody") == changed
    assert store.catalog.entities(PROJECT, "device") == [changed]
    assert store.catalog.entity(PROJECT, "device", "/d", known) == made
    assert edited(store.catalog, "device", "/d", {"NAME": None}).modified_by is None
    assert [change.by for change in store.catalog.history(PROJECT, "device", "/d")] == ["installer", "support", None]
    (defined,) = store.catalog.put_definitions(PROJECT, "metric", {"m": {"formula": "T"}}, by="author")
    assert defined.modified_by == "author"
    assert _set(store, {"a": 7}).modified_by is None


def test_a_prop_removed_for_all_time_begins_anew(store: Store) -> None:
    """Set from a date on afterwards, its first value holds before that date too, now and as it was known."""
    _set(store, {"a": None})
    entity = _set(store, {"a": 5, "none": 6}, MARCH)
    assert entity.epochs == {"a": ((MARCH, 5),), "none": ((MARCH, 6),)}
    known = Knowledge(config=store.catalog.config())
    _set(store, {"b": 3})
    assert store.catalog.entity(PROJECT, "sensor", "/s", known) == entity


def test_an_undated_change_corrects_the_newest_epoch(store: Store) -> None:
    """With one epoch for all time, else from the newest date on; a change of that very date replaces its value."""
    assert _set(store, {"a": 3}).epochs == {}
    _set(store, {"a": 5}, MARCH)
    corrected = _set(store, {"a": 6, "b": 7})
    assert (corrected.props, corrected.epochs) == ({"a": 6, "b": 7}, {"a": ((ALWAYS, 3), (MARCH, 6))})
    assert _set(store, {"a": 8}, MARCH).epochs == {"a": ((ALWAYS, 3), (MARCH, 8))}
    assert _set(store, {"a": 4}, ALWAYS).epochs == {"a": ((ALWAYS, 4), (MARCH, 8))}


def test_null_removes_from_a_date_on(store: Store) -> None:
    """A removed prop is no longer in force; its epochs say from when on it is gone, and it may come back."""
    removed = _set(store, {"a": None, "unheard": None}, MARCH)
    assert (removed.props, removed.epochs) == ({"b": 2}, {"a": ((ALWAYS, 1), (MARCH, None))})
    again = _set(store, {"a": 9}, MAY)
    assert (again.props["a"], again.epochs["a"]) == (9, ((ALWAYS, 1), (MARCH, None), (MAY, 9)))
    assert _set(store, {"b": None}).props == {"a": 9}
    assert _set(store, {"b": 1}).epochs.keys() == {"a"}


def test_what_is_so_already_changes_nothing(store: Store) -> None:
    """No entry is made for a value that is there; an equal one from another date is a change of its own."""
    before = store.catalog.config()
    assert _set(store, {"a": 1, "unheard": None}) == store.catalog.entity(PROJECT, "sensor", "/s")
    assert store.catalog.config() == before
    _set(store, {"swapped": "CARRY"}, MARCH)
    assert _set(store, {"swapped": "CARRY"}, MAY).epochs == {"swapped": ((MARCH, "CARRY"), (MAY, "CARRY"))}
    assert _set(store, {"swapped": "CARRY"}, MAY).change == before + 2
    assert _set(store, {"a": True}).props["a"] is True


def test_a_date_in_the_future_is_refused(store: Store) -> None:
    """Nobody knows yet what will hold; nor is there a date before the year 1."""
    before = store.catalog.entity(PROJECT, "sensor", "/s")
    for date in (2**62, ALWAYS - 1):
        with pytest.raises(InvalidDate) as refused:
            _set(store, {"a": 5}, date)
        assert (refused.value.field, refused.value.seen) == ("valid_from", date)
    assert store.catalog.entity(PROJECT, "sensor", "/s") == before


def test_the_history_holds_what_changed(store: Store) -> None:
    """One entry for each date that a change concerns, with the dates resolved and when it was recorded."""
    _set(store, {"a": 5}, MARCH)
    _set(store, {"a": 6, "b": None})
    created, dated, always, march = store.catalog.history(PROJECT, "sensor", "/s")
    assert created == Change(1, {"a": 1, "b": 2}, ALWAYS, created.recorded)
    assert dated == Change(2, {"a": 5}, MARCH, dated.recorded)
    assert always == Change(3, {"b": None}, ALWAYS, always.recorded)
    assert march == Change(4, {"a": 6}, MARCH, always.recorded)
    assert created.recorded <= dated.recorded <= always.recorded
    assert store.catalog.config() == 4
    with pytest.raises(NotFound):
        store.catalog.history(PROJECT, "sensor", "/nobody")


def test_numbers_outlive_a_project(store: Store) -> None:
    """A number names one change for good, also when the project that had the newest is deleted."""
    project = store.catalog.create_project("Dam").id
    store.catalog.create_entity(project, "sensor", "/s", "TILT")
    assert store.catalog.config() == 2
    store.catalog.delete_project(project)
    assert _set(store, {"a": 3}).change == 3


def test_as_of_an_earlier_change(store: Store) -> None:
    """Each lookup can be asked as of a number: the entity as it was, its epochs too; absent before it was made."""
    catalog = store.catalog
    first = catalog.entity(PROJECT, "sensor", "/s")
    dated = _set(store, {"a": 5}, MARCH)
    member = catalog.create_entity(PROJECT, "sensor", "/d/1", "TILT", parent="/d")
    _set(store, {"a": 6}, MAY)
    changed = edited(catalog, "sensor", "/d/1", {"DEPTH": 1})
    for config, entities in ((0, []), (1, [first]), (2, [dated]), (3, [member, dated])):
        known = Knowledge(config=config)
        by_id = {entity.id: entity for entity in entities if entity is not None}
        assert [catalog.entity(PROJECT, "sensor", id, known) for id in ("/s", "/d/1")] == [
            by_id.get("/s"), by_id.get("/d/1")
        ]  # fmt: skip
        assert catalog.entities(PROJECT, "sensor", known=known) == entities
        assert catalog.entities(PROJECT, "sensor", ["/s", "/d/1", "/no"], known=known) == entities
        assert catalog.entities(PROJECT, "sensor", after="/d", limit=1, known=known) == entities[:1]
        assert catalog.sensors_of_device(PROJECT, "/d", known) == ((member,) if config >= 3 else ())
    assert catalog.sensors_of_device(PROJECT, "/d", Knowledge(config=5)) == (changed,)
    assert catalog.entity(PROJECT, "sensor", "/s", Knowledge(time=0)) is None


def test_definitions(store: Store) -> None:
    """A definition is replaced as a whole or taken away, known by then or not, and is none of the listed kinds."""
    catalog = store.catalog
    catalog.put_definitions(
        PROJECT, "metric", {"settlement": {"formula": "dz", "unit": "m"}, "another": {"formula": "x"}}
    )
    catalog.put_definitions(PROJECT, "metric", {"settlement": {"formula": "-dz"}})
    catalog.put_definitions(PROJECT, "metric", {"another": {}})
    last = catalog.config()
    now = {one.id: one.props for one in catalog.definitions(PROJECT, "metric")}
    assert now == {"settlement": {"formula": "-dz", "version": 2}}
    bodies = [{one.id: one.props for one in catalog.definitions(PROJECT, "metric", Knowledge(config=config))}
              for config in range(last + 1)]  # fmt: skip
    first, second = {"formula": "dz", "unit": "m", "version": 1}, {"formula": "x", "version": 1}
    third = {"formula": "-dz", "version": 2}
    assert [body for number, body in enumerate(bodies) if body != bodies[number - 1]] == [
        {}, {"settlement": first}, {"another": second, "settlement": first},
        {"another": second, "settlement": third}, {"settlement": third},
    ]  # fmt: skip
    assert catalog.definitions(PROJECT, "unit") == ()
    assert [one.id for one in catalog.entities(PROJECT, "sensor")] == ["/s"]
    with pytest.raises(NotFound):
        catalog.put_definitions("nowhere", "metric", {"x": second})


def test_versions_of_a_definition(store: Store) -> None:
    """They count on after a definition was taken away; what is defined as it is already changes nothing."""
    catalog = store.catalog
    bodies: list[dict[str, object]] = [{"a": 1}, {"a": 1}, {"a": 1.0}, {}, {}, {"a": 1.0}, {"b": {"c": None}}]
    versions = []
    for body in bodies:
        before = catalog.config()
        (entity,) = catalog.put_definitions(PROJECT, "metric", {"m": body})
        versions.append((entity.props.get("version"), catalog.config() > before))
    assert versions == [
        (1, True), (1, False), (2, True), (None, True), (None, False), (3, True), (4, True)
    ]  # fmt: skip


names, values = st.sampled_from(["a", "b"]), st.sampled_from([None, 0, 1, "x"])
changes = st.tuples(st.dictionaries(names, values, min_size=1), st.sampled_from([None, None, ALWAYS, MARCH, MAY, JULY]))


@given(st.lists(changes, min_size=1, max_size=10), st.lists(st.integers(-2, 3), min_size=10, max_size=10))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_moment_of_the_configuration(steps: list[tuple[dict[str, Any], int | None]], clock: list[int]) -> None:
    """After any changes (and clocks set back), each number and date gives what the changes known by then say."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as store:
        now, states = JULY, dict[int, Entity]()
        with patch("tseng_storage.recording.now_us", lambda: now):
            store.catalog.create_entity(PROJECT, "sensor", "/s", "TILT")
            for (props, valid_from), pause in zip(steps, clock, strict=False):
                now = max(now + pause, JULY)
                entity = _set(store, props, valid_from)
                states[entity.change] = entity
        whole = store.catalog.history(PROJECT, "sensor", "/s")
        for number, entity in states.items():
            assert store.catalog.entity(PROJECT, "sensor", "/s", Knowledge(config=number)) == entity
            assert _values(entity) == _by_hand([change for change in whole if change.number <= number])
        for date in {change.recorded for change in whole}:
            found = store.catalog.entity(PROJECT, "sensor", "/s", Knowledge(time=date))
            assert found is not None
            assert _values(found) == _by_hand([change for change in whole if change.recorded <= date])


def _values(entity: Entity) -> dict[tuple[str, int], Any]:
    """What each prop is at four dates, read from the entity; what it lacks is None."""
    found = {}
    for name in ("a", "b"):
        epochs = entity.epochs.get(name, ((ALWAYS, entity.props.get(name)),))
        for date in (ALWAYS, MARCH, MAY, JULY):
            found[name, date] = [value for since, value in epochs if since <= date or since == epochs[0][0]][-1]
        assert entity.props.get(name) == epochs[-1][1]
    return found


def _by_hand(changes: list[Change]) -> dict[tuple[str, int], Any]:
    """The same from the history: what was said last of each date; of a prop removed for all time nothing is left."""
    found = {}
    for name in ("a", "b"):
        said: dict[int, Any] = {}
        for one in changes:
            if name in one.props:
                said[one.valid_from] = one.props[name]
            if said == {ALWAYS: None}:
                said = {}
        for date in (ALWAYS, MARCH, MAY, JULY):
            until = [since for since in said if since <= date]
            found[name, date] = said[max(until) if until else min(said)] if said else None
    return found
