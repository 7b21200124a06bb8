"""Nodes, devices and sensors through a client, as through the engine."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest
from tests.api.site import Site

import tseng
from tseng.client.client import Client
from tseng.errors import Exists, Forbidden, InvalidRequest, NotFound
from tseng_storage.entities import KINDS, Kind
from tseng_storage.history import ALWAYS
from tseng_units.instants import parse_instant

NODE = "/fn/6C4F6D/node"
DEVICE = f"{NODE}/logger/0001/device"


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    """A writer of a new project, which is empty."""
    project = site.engine.create_project("Fresh").id
    with tseng.connect(site.url, api_key=site.keys["admin"], project=project) as connected:
        yield connected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("id", ["/a/b c/ü?#%2F/x", "plain", "//two"])
def test_what_is_made_is_what_the_engine_has(site: Site, client: Client, kind: Kind, id: str) -> None:
    """Made, read, changed, replaced and removed; each time what the engine shows of it."""
    project = client.create_entity(kind, "other", "GENERIC").project

    def here() -> dict[str, object]:
        [found] = site.engine.entities(kind, [id], project=project)
        return {name: getattr(found, name) for name in ("type", "ref_id", "custom_props", "modified_by")}

    made = client.create_entity(
        kind, id, "GENERIC", {"NAME": "é", "N": np.float64(1.5)}, ref_id="r", custom_props={"a": [1]}
    )
    assert here() == {"type": "GENERIC", "ref_id": "r", "custom_props": {"a": [1]}, "modified_by": "admin"}
    assert (made.kind, made.id, made.ref_id, made.modified_by) == (kind, id, "r", "admin")
    assert (made.props["NAME"], made.props["N"], made.custom_props) == ("é", 1.5, {"a": [1]})
    assert client.entity(kind, id) == made
    changed = client.update_entity(kind, id, {"NAME": None, "M": 2}, custom_props={"b": 3})
    assert (changed.props.get("NAME"), changed.props["M"], changed.custom_props) == (None, 2, {"a": [1], "b": 3})
    replaced = client.replace_entity(kind, id, "OTHER", {"NAME": "new"})
    assert here() == {"type": "OTHER", "ref_id": None, "custom_props": {}, "modified_by": "admin"}
    assert (replaced.type, replaced.props["NAME"], "M" in replaced.props) == ("OTHER", "new", False)
    client.remove_entity(kind, id)
    assert site.engine.entities(kind, [id], project=project) == []
    with pytest.raises(NotFound):
        client.entity(kind, id)


def test_ids_that_differ_in_a_slash_are_two(client: Client) -> None:
    """Each is changed and removed by its own."""
    for id in ("t1", "/t1"):
        client.create_entity("sensor", id, "GENERIC")
        client.update_entity("sensor", id, {"NAME": id})
    assert [each.props["NAME"] for each in client.entities("sensor")] == ["/t1", "t1"]
    client.remove_entity("sensor", "t1")
    assert [each.id for each in client.entities("sensor")] == ["/t1"]


def test_refusals(site: Site, client: Client) -> None:
    """Taken, not there, something below, not allowed."""
    client.create_entity("device", DEVICE, "LOGGER")
    client.create_entity("sensor", f"{DEVICE}/t1/sensor", "TEMPERATURE_SDE")
    with pytest.raises(Exists):
        client.create_entity("device", DEVICE, "LOGGER")
    with pytest.raises(Exists, match="t1"):
        client.remove_entity("device", DEVICE)
    client.remove_entity("device", DEVICE, below=True)
    assert client.entities("sensor") == []
    with pytest.raises(NotFound):
        client.update_entity("node", "none", {})
    with pytest.raises(NotFound):
        client.replace_entity("node", "none", "GENERIC")
    with pytest.raises(NotFound):
        client.remove_entity("node", "none")
    with pytest.raises(InvalidRequest, match="type"):
        client.create_entity("node", "n", "")
    with tseng.connect(site.url, api_key=site.keys["reader"]) as reader, pytest.raises(Forbidden):
        reader.create_entity("node", "n", "GENERIC")


def test_props_may_hold_from_a_date_on(client: Client) -> None:
    """As the engine's `valid_from`; the entity then has epochs."""
    client.create_entity("sensor", "s", "TILT_BIAXIAL", {"GAUGE_LENGTH": 1.0})
    changed = client.update_entity("sensor", "s", {"GAUGE_LENGTH": 2.0}, valid_from=datetime(2024, 1, 1, tzinfo=UTC))
    assert changed.epochs == {"GAUGE_LENGTH": ((ALWAYS, 1.0), (parse_instant("2024-01-01"), 2.0))}


def test_lists_are_filtered_sorted_and_read_page_by_page(client: Client) -> None:
    """By type, name, node and device; what comes while the pages are read does not shift them."""
    client.create_entity("node", NODE, "GATEWAY")
    client.create_entity("device", DEVICE, "LOGGER")
    sensors = [f"{DEVICE}/t{number}/sensor" for number in range(7)]
    for number, sensor in enumerate(sensors):
        client.create_entity("sensor", sensor, "TEMPERATURE_SDE" if number % 2 else "TILT", {"NAME": f"N {number}"})
    client.create_entity("sensor", "elsewhere", "TILT", {"NAME": "n 9"})

    def ids(**filters: object) -> list[str]:
        return [each.id for each in client.entities("sensor", **filters)]  # type: ignore[arg-type]

    assert ids() == [*sensors, "elsewhere"]
    assert ids(types=["TEMPERATURE_SDE"]) == sensors[1::2]
    assert ids(name="n 9") == ["elsewhere"]
    assert ids(node_ids=[NODE], sort="-name", limit=2) == sensors[:4:-1]
    assert ids(device_ids=[DEVICE]) == sensors == [each.id for each in client.children("sensor", [DEVICE])]
    assert [each.id for each in client.children("device", [NODE])] == [DEVICE]
    assert client.children("sensor", []) == []
    assert ids(ids=[sensors[3], "nobody", sensors[1]]) == [sensors[1], sensors[3]]
    assert client.entity("sensor", sensors[0]).parent == DEVICE
    with pytest.raises(InvalidRequest, match="ids"):
        client.entities("sensor", ["a"], name="b")
    paged = client.each_entity("sensor", page_size=3)
    assert [next(paged).id for _ in range(3)] == sensors[:3]
    client.create_entity("sensor", f"{DEVICE}/a/sensor", "TILT")
    client.remove_entity("sensor", sensors[0])
    assert [each.id for each in paged] == [*sensors[3:], "elsewhere"]
