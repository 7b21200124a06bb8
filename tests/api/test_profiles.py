"""Profiles over HTTP: made, replaced, read along, forgotten; who may and what is refused."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.api.site import START, THERMOMETER, WATER, Site

PATH = "/api/profiles"
POINTS = [{"sensor": THERMOMETER, "at": 0.5}, {"sensor": "/bh/2/sensor", "at": 1.5}]
READ = {"metric": "T", "unit": "C", "at": START}
BOREHOLE: dict[str, Any] = {"name": "Borehole 3", "axis": "depth", "unit": "m", "points": POINTS}


@pytest.fixture
def clean(site: Site) -> Iterator[Site]:
    """The site with a second thermometer, without profiles before and after."""
    if not site.engine.entities("sensor", ["/bh/2/sensor"]):
        site.engine.create_entity("sensor", "/bh/2/sensor", "TEMPERATURE_SDE")
    yield site
    for each in site.engine.profiles():
        site.engine.remove_profile(each.id)


def test_a_profile_is_made_replaced_and_forgotten(clean: Site) -> None:
    """201, then 200; what is read may be written back; 204, then 404."""
    writer = clean.http("writer")
    answer = writer.put(f"{PATH}/first", json=BOREHOLE)
    made = {"id": "first", **BOREHOLE, "version": 1}
    assert (answer.status_code, answer.json()) == (201, made)
    assert clean.get(PATH).json() == {"profiles": [made]}
    assert clean.get(f"{PATH}/first").json() == made
    assert writer.put(f"{PATH}/first", json=made).json() == made
    changed = writer.put(f"{PATH}/first", json={**made, "name": "B 3"})
    assert (changed.status_code, changed.json()) == (200, {**made, "name": "B 3", "version": 2})
    assert writer.delete(f"{PATH}/first").status_code == 204
    assert clean.get(PATH).json() == {"profiles": []}
    for gone in (clean.get(f"{PATH}/first"), writer.delete(f"{PATH}/first"), clean.get(f"{PATH}/first/data", **READ)):
        assert (gone.status_code, gone.json()["error"]["field"]) == (404, "profile")


def _data(site: Site, **query: Any) -> Any:
    return site.get(f"{PATH}/BH-3/data", **{**READ, **query})


def test_values_stand_in_the_order_of_the_points(clean: Site) -> None:
    """By time, null where a sensor has no reading; parameters, units and tolerance as everywhere."""
    made = clean.http("writer").put(f"{PATH}/BH-3", json=BOREHOLE).json()
    assert _data(clean).json() == {"profile": made, "metric": "T", "unit": "C", "data": {START: [10.0, None]}}
    several = _data(clean, unit="F", at=f"2024-03-01T01:10Z,{START}", tolerance="15min").json()["data"]
    assert several == {START: [50.0, None], "2024-03-01T01:10:00.000Z": [pytest.approx(52.7), None]}
    only = {**BOREHOLE, "points": POINTS[:1]}
    clean.http("writer").put(f"{PATH}/BH-3", json=only)
    zero = _data(clean, metric="dT", at="2024-03-01T01:00Z", ZERO_DATE=START, provenance="true").json()
    assert zero["data"] == {"2024-03-01T01:00:00.000Z": [1.5]}
    assert zero["provenance"][0]["alignment"]["tolerance"] == "0s"
    assert _data(clean, asOf="2000-01-01").status_code == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"at": ""}, "at"),
        ({"at": "soon"}, "at[0]"),
        ({"tolerance": "soon"}, "tolerance"),
        ({"metric": "flux"}, "points[0].metric"),
        ({"unit": "mm"}, "points[0].unit"),
        ({"COLOUR": "red"}, "points[0].COLOUR"),
        ({"provenance": "maybe"}, "provenance"),
    ],
)
def test_what_a_read_refuses(clean: Site, query: dict[str, str], field: str) -> None:
    """400 that names it."""
    clean.http("writer").put(f"{PATH}/BH-3", json=BOREHOLE)
    answer = _data(clean, **query)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"points": [{"sensor": "/nowhere", "at": 1}]}, "points[0].sensor"),
        ({"points": [POINTS[1], POINTS[0]]}, "points[1].at"),
        ({"points": [{"sensor": WATER}]}, "points[0].at"),
        ({"unit": "C"}, "unit"),
        ({"axis": "time"}, "axis"),
        ({"id": "other"}, "id"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_a_profile_may_not_be(clean: Site, change: dict[str, Any], field: str) -> None:
    """400 that names it, and nothing is stored."""
    answer = clean.http("writer").put(f"{PATH}/BH-3", json={**BOREHOLE, **change})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    assert clean.get(PATH).json() == {"profiles": []}


def test_every_point_that_cannot_be_taken_is_named(clean: Site) -> None:
    """However many they are."""
    points = [{"sensor": f"/none/{number}/sensor", "at": number} for number in range(40)]
    answer = clean.http("writer").put(f"{PATH}/BH-3", json={**BOREHOLE, "points": points})
    assert answer.status_code == 400
    paths = [each["path"] for each in answer.json()["errors"]]
    assert paths == [f"points[{number}].sensor" for number in range(40)]


def test_readers_see_and_writers_change(clean: Site) -> None:
    """No key: 401; a reader may list and read; another project's profile looks absent."""
    made = clean.http("writer").put(f"{PATH}/BH-3", json=BOREHOLE).json()
    assert clean.http(None).get(PATH).status_code == 401
    assert _data(clean).status_code == 200
    assert clean.http().put(f"{PATH}/BH-3", json=BOREHOLE).status_code == 403
    assert clean.http().delete(f"{PATH}/BH-3").status_code == 403
    other = clean.engine.create_project("other").id
    stranger = clean.with_key(clean.engine.keys.create("other", "writer", other))
    assert stranger.get(PATH).json() == {"profiles": []}
    assert stranger.get(f"{PATH}/BH-3").status_code == 404
    assert stranger.put(f"{PATH}/BH-3", json=BOREHOLE).status_code == 400
    assert clean.get(f"{PATH}/BH-3").json() == made
