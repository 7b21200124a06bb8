"""Projects, entities, keys and clients."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.storage.helpers import PROJECT, edited, opened

from tseng_storage.catalog import Catalog
from tseng_storage.entities import Draft
from tseng_storage.errors import Exists, NotFound
from tseng_storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return opened(tmp_path)


@pytest.fixture
def catalog(store: Store) -> Catalog:
    """The catalog of an empty store."""
    return store.catalog


def test_the_default_project(catalog: Catalog) -> None:
    """A new store has one project, the default one, and it cannot be deleted."""
    (project,) = catalog.projects()
    assert (project.id, project.is_default) == ("default", True)
    assert catalog.project("default") == project
    with pytest.raises(Exists):
        catalog.delete_project("default")


def test_projects_by_id_and_alias(catalog: Catalog) -> None:
    """A project is found by id and by iTwin id; an alias is taken once, also against ids; an unknown one is None."""
    project = catalog.create_project("Dam", "6e7a6a7c-0000-4000-8000-000000000001")
    assert catalog.project(project.id) == catalog.project("6e7a6a7c-0000-4000-8000-000000000001") == project
    assert [one.name for one in catalog.projects()] == ["Default", "Dam"]
    with pytest.raises(Exists):
        catalog.create_project("Other", "6e7a6a7c-0000-4000-8000-000000000001")
    assert catalog.project("nowhere") is None


def test_a_deleted_project_takes_its_entities(catalog: Catalog) -> None:
    """After deletion neither project nor entities are found; deleting again is NotFound."""
    project = catalog.create_project("Dam").id
    catalog.create_entity(project, "sensor", "/s", "TILT")
    assert catalog.entity(project, "sensor", "/s") is not None
    catalog.delete_project(project)
    assert catalog.project(project) is None
    assert catalog.entity(project, "sensor", "/s") is None
    with pytest.raises(NotFound):
        catalog.delete_project(project)


def test_an_entity_is_kept_whole(catalog: Catalog) -> None:
    """All fields given come back, with equal dates of creation and change."""
    made = catalog.create_entity(
        PROJECT,
        "sensor",
        "/n/d/s",
        "TILT",
        {"DEPTH": 1.5, "é": [1, None]},
        "/n/d",
        "observation",
        "ref",
        {"a": {"b": 1}},
    )
    found = catalog.entity(PROJECT, "sensor", "/n/d/s")
    assert found == made
    assert found is not None
    assert (found.parent, found.observation_type, found.ref_id) == ("/n/d", "observation", "ref")
    assert found.props == {"DEPTH": 1.5, "é": [1, None]}
    assert found.custom_props == {"a": {"b": 1}}
    assert found.created == found.modified > 0


def test_ids_are_unique_by_project_and_kind(catalog: Catalog) -> None:
    """The same id may be a device and a sensor, and exist in two projects, but not twice in one place."""
    other = catalog.create_project("other").id
    catalog.create_entity(PROJECT, "device", "/x", "LOGGER")
    catalog.create_entity(PROJECT, "sensor", "/x", "TILT")
    catalog.create_entity(other, "device", "/x", "LOGGER")
    with pytest.raises(Exists) as refused:
        catalog.create_entity(PROJECT, "device", "/x", "LOGGER")
    assert (refused.value.field, refused.value.seen) == ("id", "/x")
    with pytest.raises(NotFound):
        catalog.create_entity("nowhere", "device", "/x", "LOGGER")


def test_many_at_once_or_none(catalog: Catalog) -> None:
    """Entities of several kinds are made together; ids that are taken or come twice are named, and none is made."""
    made = catalog.create_entities(PROJECT, [Draft("device", "/d", "LOGGER"), Draft("sensor", "/s", "TILT", {"a": 1})])
    assert [catalog.entity(PROJECT, entity.kind, entity.id) for entity in made] == made
    assert catalog.create_entities(PROJECT, []) == []
    drafts = [Draft("sensor", id, "TILT") for id in ("/new", "/twice", "/twice", "/s")] + [Draft("device", "/d", "X")]
    with pytest.raises(Exists, match=r"sensor '/s', sensor '/twice', device '/d'") as refused:
        catalog.create_entities(PROJECT, drafts)
    assert refused.value.seen == ["/s", "/twice", "/d"]
    assert catalog.entity(PROJECT, "sensor", "/new") is None
    with pytest.raises(NotFound):
        catalog.create_entities("nowhere", drafts[:1])


def test_properties_merge_and_null_removes(catalog: Catalog) -> None:
    """Keys given replace, null removes, others stay."""
    catalog.create_entity(PROJECT, "sensor", "/s", "TILT", {"a": 1, "b": 2})
    entity = edited(catalog, "sensor", "/s", {"b": None, "c": {"d": None}})
    assert entity.props == {"a": 1, "c": {"d": None}}
    assert catalog.entity(PROJECT, "sensor", "/s") == entity
    with pytest.raises(NotFound):
        edited(catalog, "sensor", "/nobody", {})


def test_listing_in_pages(catalog: Catalog) -> None:
    """Entities come in the order of ids, beyond a given one, as many as asked; unknown ids are left out."""
    for number in (3, 1, 2, 10):
        catalog.create_entity(PROJECT, "node", f"/{number}", "GROUP")
    ids = [entity.id for entity in catalog.entities(PROJECT, "node")]
    assert ids == ["/1", "/10", "/2", "/3"]
    assert [e.id for e in catalog.entities(PROJECT, "node", after="/10", limit=1)] == ["/2"]
    assert [e.id for e in catalog.entities(PROJECT, "node", ids=["/3", "/9", "/1", "/3"])] == ["/1", "/3"]
    assert catalog.entities(PROJECT, "node", ids=[]) == []
    assert catalog.entities(PROJECT, "device") == []


def test_sensors_of_a_device(catalog: Catalog) -> None:
    """Members are the sensors whose parent is the device; a new one is seen at once."""
    catalog.create_entity(PROJECT, "sensor", "/d/2", "TILT", parent="/d")
    assert [entity.id for entity in catalog.sensors_of_device(PROJECT, "/d")] == ["/d/2"]
    catalog.create_entity(PROJECT, "sensor", "/d/1", "TILT", parent="/d")
    catalog.create_entity(PROJECT, "device", "/d/3", "LOGGER", parent="/d")
    assert [entity.id for entity in catalog.sensors_of_device(PROJECT, "/d")] == ["/d/1", "/d/2"]


def test_keys(catalog: Catalog) -> None:
    """A key is found by its hash until it is revoked; all are listed; an id never given out is NotFound."""
    key = catalog.add_key("ci", "writer", None, "hash-1")
    catalog.add_key("other", "reader", PROJECT, "hash-2")
    assert catalog.find_key("hash-1") == key
    assert catalog.find_key("hash-3") is None
    revoked = catalog.revoke_key(key.id)
    assert revoked.revoked is not None
    assert catalog.revoke_key(key.id) == revoked
    assert catalog.find_key("hash-1") is None
    listed = catalog.keys()
    assert [(one.name, one.revoked is None) for one in listed] == [("ci", False), ("other", True)]
    for unknown in ("99", "x", "", "²", "9" * 40):
        with pytest.raises(NotFound):
            catalog.revoke_key(unknown)


def test_clients(catalog: Catalog) -> None:
    """A client is found by the id it was given."""
    client = catalog.add_client("app", "sensor-data:read", PROJECT, "secret-hash")
    assert catalog.find_client(client.id) == client
    assert catalog.find_client("nobody") is None


def test_a_client_has_two_secrets_at_most(catalog: Catalog) -> None:
    """The one before the last rotation is kept with the time until which it is good; any older one is gone."""
    client = catalog.add_client("app", "sensor-data:read", PROJECT, "first")
    assert catalog.rotate_client(client.id, "second", 10) == replace(
        client, secret_hash="second", old_hash="first", old_until=10
    )
    again = catalog.rotate_client(client.id, "third", 20)
    assert (again.secret_hash, again.old_hash, again.old_until) == ("third", "second", 20)
    assert catalog.find_client(client.id) == again


def test_a_revoked_client_is_listed_and_not_found(catalog: Catalog) -> None:
    """Its secret cannot be changed any more; revoking it again changes nothing; an unknown one is NotFound."""
    first, second = (catalog.add_client(name, "sensor-data:read", PROJECT, name) for name in ("app", "other"))
    revoked = catalog.revoke_client(first.id)
    assert revoked.revoked is not None
    assert catalog.revoke_client(first.id) == revoked
    assert catalog.find_client(first.id) is None
    assert catalog.clients() == [revoked, second]
    with pytest.raises(NotFound, match="there is no client"):
        catalog.rotate_client(first.id, "x", 0)
    with pytest.raises(NotFound, match="there is no client 'nobody'"):
        catalog.revoke_client("nobody")
    assert catalog.clients() == [revoked, second]
