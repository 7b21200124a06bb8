"""Lists of entities: filters, orders, and pages that stay right in each of them."""

import itertools
from typing import Any

import pytest
from tests.api.site import Site

NODES = [f"/l/{number}/node" for number in range(3)]
NAMES = ["beam", "Anchor", "beam", "Crack 2", "anchor top"]


@pytest.fixture(scope="module", autouse=True)
def made(site: Site) -> None:
    """Three nodes, two devices on each, five sensors on each device; names and types repeat."""
    for node in NODES:
        site.engine.create_entity("node", node, "THREAD")
    for node, number in itertools.product(NODES, range(2)):
        device = f"{node}/logger/{number}/device"
        site.engine.create_entity("device", device, "DEMO")
        for place, name in enumerate(NAMES):
            props = {"NAME": name, **({"INTEGRATION_ID": "GENERIC_SENSOR_SDE"} if place == 4 else {})}
            type = "BAROMETER" if place % 2 else "TEMPERATURE_SDE"
            site.engine.create_entity("sensor", f"{device}/{4 - place}/sensor", type, props)


def pages(site: Site, size: int, kind: str = "sensors", **asked: Any) -> list[dict[str, Any]]:
    """All pages of a list, one after the other."""
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = site.get(f"/api/{kind}/all", pageSize=size, **asked, **token).json()
        assert len(page[kind]) <= size
        found += page[kind]
        if page["nextPageToken"] is None:
            return found
        token = {"pageToken": page["nextPageToken"]}


def name(sensor: dict[str, Any]) -> str:
    """By what names are sorted."""
    return str(sensor["props"].get("NAME", "")).casefold()


ORDERS: dict[str, Any] = {
    "id": lambda each: each["id"],
    "name": lambda each: (name(each), each["id"]),
    "type": lambda each: (each["type"], each["id"]),
    "creationDate": lambda each: (each["props"]["CREATION_DATE"], each["id"]),
    "lastModifiedDate": lambda each: (each["props"]["LAST_MODIFIED_DATE"], each["id"]),
}


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("sign", ["", "-"])
def test_every_order_page_by_page(site: Site, order: str, sign: str, size: int) -> None:
    """Everything once, in that order; among equals by id."""
    everything = site.rpc("getSensors")
    expected = sorted(everything, key=ORDERS[order], reverse=bool(sign))
    assert [each["id"] for each in pages(site, size, sort=sign + order)] == [each["id"] for each in expected]


@pytest.mark.parametrize("size", [2, 1000])
def test_filters(site: Site, size: int) -> None:
    """By type or template, by what a name contains, by device, by node, and all of it together."""
    everything = [each for each in site.rpc("getSensors") if each["id"].startswith("/l/")]
    device = f"{NODES[1]}/logger/0/device"
    cases: list[tuple[dict[str, Any], Any]] = [
        ({"types": "BAROMETER"}, lambda each: each["type"] == "BAROMETER"),
        ({"types": "GENERIC_SENSOR_SDE"}, lambda each: "INTEGRATION_ID" in each["props"]),
        ({"name": "ANCHOR"}, lambda each: "anchor" in name(each)),
        ({"deviceIds": device}, lambda each: each["device"] == device),
        ({"nodeIds": ",".join(NODES[:2])}, lambda each: not each["id"].startswith(NODES[2])),
        ({"nodeIds": NODES[2], "deviceIds": device}, lambda each: False),
        (
            {"nodeIds": NODES[1], "types": "BAROMETER", "name": "crack", "sort": "-id"},
            lambda each: each["id"].startswith(NODES[1]) and name(each) == "crack 2",
        ),
    ]
    for asked, wanted in cases:
        told = [each["id"] for each in pages(site, size, **asked) if each["id"].startswith("/l/")]
        expected = sorted((each["id"] for each in everything if wanted(each)), reverse=asked.get("sort") == "-id")
        assert told == expected, asked
    assert [each["id"] for each in pages(site, size, "devices", nodeIds=NODES[1])] == [
        f"{NODES[1]}/logger/{number}/device" for number in range(2)
    ]


def test_pages_stay_right_while_entities_go(site: Site) -> None:
    """The one that a page ended with is removed: the next page goes on behind where it stood."""
    for number in range(4):
        site.engine.create_entity("node", f"/going/{number}/node", "GOING", {"NAME": "same"})
    asked = {"types": "GOING", "sort": "-name", "pageSize": 2}
    first = site.get("/api/nodes/all", **asked).json()
    site.engine.remove_entity("node", first["nodes"][1]["id"])
    second = site.get("/api/nodes/all", **asked, pageToken=first["nextPageToken"]).json()
    ids = [each["id"] for page in (first, second) for each in page["nodes"]]
    assert ids == [f"/going/{number}/node" for number in (3, 2, 1, 0)]


@pytest.mark.parametrize(
    ("query", "field"),
    [({"sort": "size"}, "sort"), ({"deviceIds": "/x"}, "deviceIds"), ({"color": "red"}, "color")],
)
def test_what_is_no_filter_or_order_is_refused(site: Site, query: dict[str, str], field: str) -> None:
    """400 naming it; nodes have no deviceIds."""
    told = site.get("/api/nodes/all", **query)
    assert (told.status_code, told.json()["error"]["field"]) == (400, field)


def test_a_token_belongs_to_its_filters_and_order(site: Site) -> None:
    """That of another list is 400."""
    token = site.get("/api/sensors/all", pageSize=1, sort="name").json()["nextPageToken"]
    for asked in ({"sort": "-name"}, {"sort": "creationDate"}, {"sort": "name", "name": "beam"}, {}):
        told = site.get("/api/sensors/all", pageToken=token, **asked)
        assert (told.status_code, told.json()["error"]["field"]) == (400, "pageToken"), asked
