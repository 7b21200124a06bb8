"""The Twinnoverse door: the seed's payloads and statuses, what widgets let pass, and what becomes of it."""

import itertools
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.api.process import serving
from tests.api.site import Site
from tests.reference import reference

from tseng.engine import Engine

INGEST = "/functions/v1/ingest-data"
# Seed 001, Payload Structure: the widgets that the printed payloads are for.
WIDGETS = [
    {"type": "SingleData", "DataKey": "temperature"},
    {"type": "DoubleData", "DataKey": "motor_stats", "primarySubKey": "rpm", "secondarySubKey": "vibration"},
    {"type": "BarChart", "DataKey": "production_output", "labelsKey": "machines", "valuesKey": "units_per_hour"},
]
LINE = {**WIDGETS[2], "type": "LineChart"}


def printed() -> list[dict[str, Any]]:
    """The payloads that the seed prints, in its order; the last is that of the curl command."""
    (page,) = reference("seeds").glob("001_*.txt")
    text = page.read_text()
    found = [json.JSONDecoder().raw_decode(text, at.end())[0] for at in re.finditer("JSON Payload:\n", text)]
    (curl,) = re.findall(r"--data-raw '(.*?)'", text, re.DOTALL)
    return [*found, json.loads(curl)]


def make(site: Site, widgets: list[dict[str, Any]] | None = None, role: str = "writer") -> dict[str, Any]:
    """Make a data source."""
    answer = site.http(role).post("/api/datasources", json={"name": "Line 1", "widgets": widgets or WIDGETS})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def send(site: Site, source: dict[str, Any], payload: Any) -> httpx.Response:
    """Send a payload as the seed's table of headers says."""
    return site.http(None).post(INGEST, json=payload, headers={"X-API-Key": source["key"]})


def values(site: Site, source: dict[str, Any], metric: str, unit: str = "GENERIC") -> list[float]:
    """What is read of a metric."""
    found: list[float] = site.engine.get_data(f"/twinnoverse/{source['id']}/sensor", metric, unit).value.tolist()
    return found


def test_the_printed_payloads(site: Site) -> None:
    """Each is taken, and every number in them is an observation under the name that it has there."""
    source = make(site)
    payloads = printed()
    assert [sorted(payload) for payload in payloads] == [
        ["temperature"], ["motor_stats"], ["production_output"],
        ["motor_stats", "production_output", "temperature"], ["motor_stats", "temperature"],
    ]  # fmt: skip
    for payload in payloads:
        assert send(site, source, payload).status_code == 200
    assert values(site, source, "temperature") == [42.5] * 3
    assert values(site, source, "motor_stats.rpm") == [1500.0] * 3
    assert values(site, source, "motor_stats.vibration") == [0.75] * 3
    for label, value in (("Machine A", 112.0), ("Machine B", 124.0), ("Machine C", 98.0)):
        assert values(site, source, f"production_output.units_per_hour.{label}") == [value] * 2


@pytest.mark.parametrize(
    "header", [("X-API-Key", "{}"), ("Authorization", "Bearer {}"), ("Authorization", "ApiKey {}")]
)
def test_where_the_key_stands(site: Site, header: tuple[str, str]) -> None:
    """In the header of the seed's table, as in its curl command, and as everywhere here."""
    source = make(site)
    headers = {header[0]: header[1].format(source["key"])}
    assert site.http(None).post(INGEST, json={"temperature": 1}, headers=headers).status_code == 200
    wrong = {header[0]: header[1].format("tseng_none")}
    for refused in (wrong, {}):
        answer = site.http(None).post(INGEST, json={"temperature": 1}, headers=refused)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"] == "ApiKey, Bearer"  # RFC 9110, 15.5.2
    assert values(site, source, "temperature") == [1.0]


def test_keys_and_rights(site: Site) -> None:
    """Other keys are 403, the key of a data source is 403 everywhere else, and gone once it is revoked."""
    source = make(site)
    for role in ("reader", "writer", "admin"):
        answer = site.http(role).post(INGEST, json={"temperature": 1})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
    sender = site.with_key(source["key"])
    for path in ("/api/datasources", "/api/sensors/all", "/api/projects", f"/api/datasources/{source['id']}"):
        assert sender.get(path).status_code == 403
    assert sender.post("/api/data/upload", json={"observations": []}).status_code == 403
    assert site.http("reader").post("/api/datasources", json={"name": "x", "widgets": WIDGETS}).status_code == 403
    (key,) = [key for key in site.engine.keys.list() if key.name == source["id"]]
    site.engine.keys.revoke(key.id)
    assert send(site, source, {"temperature": 1}).status_code == 401


def test_the_example_schema_is_a_payload(site: Site) -> None:
    """It has the keys and types of the printed one, and is taken as it is."""
    source = make(site)

    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shape(each) for key, each in value.items()}
        return [shape(value[0])] if isinstance(value, list) else isinstance(value, str)

    assert shape(source["exampleSchema"]) == shape(printed()[3])
    assert send(site, source, source["exampleSchema"]).status_code == 200


def test_a_data_source_shows_what_came_last(site: Site) -> None:
    """Null before; then each widget what came for it last, whatever came for the others since."""
    source = make(site)
    assert source.keys() == {"id", "name", "key", "exampleSchema", "widgets"}
    path = f"/api/datasources/{source['id']}"
    shown = site.get(path).json()
    assert shown == {
        "id": source["id"], "name": "Line 1", "exampleSchema": source["exampleSchema"],
        "widgets": [{**widget, "latest": None} for widget in WIDGETS],
    }  # fmt: skip
    assert source["widgets"] == WIDGETS
    for payload in ({"temperature": 1, "motor_stats": {"rpm": 2}}, {"temperature": "off"}):
        assert send(site, source, payload).status_code == 200
    latest = [widget["latest"] for widget in site.get(path).json()["widgets"]]
    assert [each and each["value"] for each in latest] == ["off", {"rpm": 2}, None]
    assert latest[0]["time"] > latest[1]["time"]
    assert {"id": source["id"], "name": "Line 1"} in site.get("/api/datasources").json()["datasources"]
    assert site.get("/api/datasources/none").status_code == 404


def test_texts_have_a_history(site: Site) -> None:
    """They are no observations; numbers between them are."""
    source = make(site)
    for value in ("off", "off", 42.5, "on"):
        send(site, source, {"temperature": value, "motor_stats": {"rpm": value}})
    path = f"/api/datasources/{source['id']}/texts"
    for metric in ("temperature", "motor_stats.rpm"):
        data = site.get(path, metric=metric).json()["data"]
        assert list(data.values()) == ["off", "off", "on"]
        assert list(data) == sorted(data)
        assert values(site, source, metric) == [42.5]
    assert site.get(path, metric="none").json() == {"metric": "none", "data": {}, "nextPageToken": None}


def test_texts_come_page_by_page(site: Site) -> None:
    """Each once and in order, also those that come meanwhile; a token of another list is refused."""
    source = make(site)
    sent = [str(number) for number in range(7)]
    for text in sent[:6]:
        send(site, source, {"temperature": text})
    path = f"/api/datasources/{source['id']}/texts"
    for size in (1, 2, 3, 5, 6, 1000):
        found: list[str] = []
        page: dict[str, Any] = {"nextPageToken": ""}
        while page["nextPageToken"] is not None:
            token = {"pageToken": page["nextPageToken"]} if page["nextPageToken"] else {}
            page = site.get(path, metric="temperature", pageSize=size, **token).json()
            assert len(page["data"]) <= size
            found += page["data"].values()
        assert found == sent[:6]
    first = site.get(path, metric="temperature", pageSize=5).json()
    send(site, source, {"temperature": sent[6]})
    rest = site.get(path, metric="temperature", pageToken=first["nextPageToken"]).json()
    assert [*first["data"].values(), *rest["data"].values()] == sent
    assert site.get(path, metric="motor_stats.rpm", pageToken=first["nextPageToken"]).status_code == 400


def test_what_arrived_last_is_the_latest(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it came to the disk before what had arrived earlier; and the history is in the order of arrival."""
    source, hour = make(site), 1_709_251_200_000_000  # 2024-03-01T00:00:00Z
    for minute in (2, 3, 1):
        monkeypatch.setattr(site.engine.arrivals, "now", lambda minute=minute: hour + minute * 60_000_000)
        send(site, source, {"temperature": minute, "motor_stats": {"rpm": f"text {minute}"}})
    path = f"/api/datasources/{source['id']}"
    assert [widget["latest"] for widget in site.get(path).json()["widgets"][:2]] == [
        {"time": "2024-03-01T00:03:00.000Z", "value": 3},
        {"time": "2024-03-01T00:03:00.000Z", "value": {"rpm": "text 3"}},
    ]
    texts = site.get(f"{path}/texts", metric="motor_stats.rpm").json()["data"]
    assert list(texts.values()) == ["text 1", "text 2", "text 3"]
    assert values(site, source, "temperature") == [1.0, 2.0, 3.0]


def test_units_of_widgets(site: Site) -> None:
    """A widget may say in which unit its numbers are (ours); what does not has the unit GENERIC, a T too."""
    double = {**WIDGETS[1], "primaryUnit": "Hz", "secondaryUnit": "mm"}
    source = make(site, [{"type": "SingleData", "DataKey": "T"}, double, {**WIDGETS[2], "unit": "C"}])
    send(site, source, {"T": 20, **{key: value for key, value in printed()[3].items() if key != "temperature"}})
    assert values(site, source, "T") == [20.0]
    assert values(site, source, "motor_stats.vibration", "m") == pytest.approx([0.00075], rel=1e-12)
    assert values(site, source, "production_output.units_per_hour.Machine A", "F") == pytest.approx([233.6], rel=1e-12)


def test_widgets_may_share_a_key(site: Site) -> None:
    """Two charts of the same values are one series of each label; a third one shows other values under the same key."""
    source = make(site, [WIDGETS[2], LINE, {**LINE, "valuesKey": "scrap"}])
    payload = {"machines": ["A"], "units_per_hour": [112], "scrap": [3]}
    assert send(site, source, {"production_output": payload}).status_code == 200
    assert values(site, source, "production_output.units_per_hour.A") == [112.0]
    assert values(site, source, "production_output.scrap.A") == [3.0]


def test_widgets_of_one_key_need_not_all_be_sent_to(site: Site) -> None:
    """What is missing is fine, below a shared DataKey too; and a chart may be empty, which it then shows."""
    source = make(site, [{**WIDGETS[1], "DataKey": "production_output"}, WIDGETS[2]])
    assert send(site, source, source["exampleSchema"]).status_code == 200
    assert send(site, source, {"production_output": {"rpm": 7}}).status_code == 200
    assert values(site, source, "production_output.rpm") == [1500.0, 7.0]
    empty: dict[str, list[Any]] = {"machines": [], "units_per_hour": []}
    assert send(site, source, {"production_output": empty}).status_code == 200
    shown = site.get(f"/api/datasources/{source['id']}").json()["widgets"]
    assert [widget["latest"]["value"] for widget in shown] == [empty, empty]


def test_one_metric_has_one_value(site: Site) -> None:
    """Two charts may give the same values other labels, unless a label then stands for two of them."""
    source = make(site, [WIDGETS[2], {**WIDGETS[2], "labelsKey": "shifts"}])
    payload = {"machines": ["A", "B"], "shifts": ["A", "late"], "units_per_hour": [1, 2]}
    assert send(site, source, {"production_output": payload}).status_code == 200
    answer = send(site, source, {"production_output": {**payload, "shifts": ["late", "A"]}})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "production_output")
    assert values(site, source, "production_output.units_per_hour.A") == [1.0]


BAD: dict[str, tuple[Any, list[str]]] = {
    "a key nobody configured": ({"temperature": 1, "humidity": 2}, ["humidity"]),
    "null": ({"temperature": None}, ["temperature"]),
    "a truth value": ({"temperature": True}, ["temperature"]),
    "an object for a single value": ({"temperature": {"value": 1}}, ["temperature"]),
    "a number for two": ({"motor_stats": 5}, ["motor_stats"]),
    "a sub-key nobody configured": ({"motor_stats": {"rpm": 1, "torque": 2}}, ["motor_stats.torque"]),
    "a list below a sub-key": ({"motor_stats": {"rpm": [1]}}, ["motor_stats.rpm"]),
    "labels without values": ({"production_output": {"machines": ["A"]}}, ["production_output.units_per_hour"]),
    "fewer values than labels": (
        {"production_output": {"machines": ["A", "B"], "units_per_hour": [1]}}, ["production_output.units_per_hour"]
    ),
    "a label twice": (
        {"production_output": {"machines": ["A", "A"], "units_per_hour": [1, 2]}}, ["production_output.machines[1]"]
    ),
    "bad labels and values": (
        {"production_output": {"machines": ["A", None, "C"], "units_per_hour": ["1", 2, None]}},
        ["production_output.units_per_hour[0]", "production_output.machines[1]", "production_output.units_per_hour[2]"],
    ),
    "an empty label": (
        {"production_output": {"machines": [""], "units_per_hour": [1]}}, ["production_output.machines[0]"]
    ),
    "a label beyond a metric's name": (
        {"production_output": {"machines": ["x" * 1000], "units_per_hour": [1]}}, ["production_output.machines[0]"]
    ),
    "a number that is none": ({"temperature": 10**400}, ["temperature"]),
    "a text without end": ({"temperature": "x" * 10_001}, ["temperature"]),
    "several": ({"a": 1, "motor_stats": 5, "temperature": None}, ["a", "motor_stats", "temperature"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_the_widgets_do_not_expect_is_400(site: Site, name: str) -> None:
    """Every place is named, and nothing of it is kept."""
    payload, fields = BAD[name]
    source = make(site)
    answer = send(site, source, payload)
    told = answer.json()
    assert (answer.status_code, told["error"]["field"]) == (400, fields[0])
    if fields[1:]:
        assert [fault["path"] for fault in told["errors"]] == fields
    shown = site.get(f"/api/datasources/{source['id']}").json()
    assert [widget["latest"] for widget in shown["widgets"]] == [None] * 3


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b'"text"', b"{}", b'{"temperature": NaN}'])
def test_malformed_bodies_are_400(site: Site, body: bytes) -> None:
    """The body must be a single JSON object, and hold something."""
    answer = site.with_key(make(site)["key"]).post(INGEST, content=body)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("widgets", "field"),
    [
        ([], "widgets"),
        ([{"type": "Pie", "DataKey": "a"}], "widgets[0]"),
        ([{"type": "SingleData"}], "widgets[0]"),
        ([{"type": "SingleData", "DataKey": ""}], "widgets[0].DataKey"),
        ([{"type": "SingleData", "DataKey": "a", "labelsKey": "b"}], "widgets[0]"),
        ([{"type": "SingleData", "DataKey": "a", "unit": "furlong"}], "widgets[0].unit"),
        ([{**WIDGETS[1], "secondarySubKey": "rpm"}], "widgets[0]"),
        ([{"type": "SingleData", "DataKey": "motor_stats"}, WIDGETS[1]], "widgets[1].DataKey"),
        ([{"type": "SingleData", "DataKey": "motor_stats.rpm"}, WIDGETS[1]], "widgets[1]"),
        ([WIDGETS[2], {"type": "SingleData", "DataKey": "production_output.units_per_hour.A"}], "widgets[1]"),
        ([{**WIDGETS[1], "DataKey": "production_output", "primarySubKey": "machines"}, WIDGETS[2]], "widgets[1]"),
        ([WIDGETS[2], {**LINE, "labelsKey": "units_per_hour", "valuesKey": "machines"}], "widgets[1]"),
        ([{"type": "SingleData", "DataKey": "a"}, {"type": "SingleData", "DataKey": "a", "unit": "C"}], "widgets[1]"),
    ],
)
def test_widgets_that_cannot_be(site: Site, widgets: list[dict[str, Any]], field: str) -> None:
    """Refused by their place; no data source and no key is made."""
    before = len(site.engine.keys.list()), len(site.engine.records("twinnoverse.datasource"))
    answer = site.http("writer").post("/api/datasources", json={"name": "x", "widgets": widgets})
    assert answer.status_code == 400
    assert answer.json()["error"]["field"].startswith(field)
    assert (len(site.engine.keys.list()), len(site.engine.records("twinnoverse.datasource"))) == before


def test_no_two_payloads_share_a_time(site: Site) -> None:
    """Many at once are as many observations, at their arrival."""
    source, before = make(site), time.time_ns() // 1000
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: send(site, source, {"temperature": number}), range(80)))
    assert [answer.status_code for answer in answers] == [200] * 80
    read = site.engine.get_data(f"/twinnoverse/{source['id']}/sensor", "temperature", "GENERIC")
    assert sorted(read.value.tolist()) == list(range(80))
    assert read.time.view("int64")[0] >= before


def test_it_belongs_to_its_project(site: Site) -> None:
    """A data source of another project is not found, and its key sends to that project alone."""
    other = site.engine.create_project("other").id
    writer = site.with_key(site.engine.keys.create("other", "writer", other))
    source = writer.post("/api/datasources", json={"name": "x", "widgets": WIDGETS}).json()
    assert send(site, source, {"temperature": 5}).status_code == 200
    assert site.get(f"/api/datasources/{source['id']}").status_code == 404
    found = site.engine.get_data(f"/twinnoverse/{source['id']}/sensor", "temperature", "GENERIC", project=other)
    assert found.value.tolist() == [5.0]
    site.engine.delete_project(other)
    assert send(site, source, {"temperature": 6}).status_code == 401


def test_numbers_and_what_came_last_survive_kill_9_together(tmp_path: Path) -> None:
    """The last observation is the latest value, and all that was acknowledged is there."""
    with Engine.open(tmp_path / "store") as engine:
        headers = {"Authorization": f"ApiKey {engine.keys.create('writer', 'writer')}"}
    sent, source = 0, ""
    with (
        serving(tmp_path / "store") as server,
        httpx.Client(base_url=server.url, headers=headers) as http,
        ThreadPoolExecutor(1) as pool,
        suppress(httpx.TransportError),
    ):
        made = http.post("/api/datasources", json={"name": "x", "widgets": WIDGETS}).json()
        source, key = made["id"], {"X-API-Key": made["key"]}
        for sent in itertools.count(1):
            http.post(INGEST, json={"temperature": sent}, headers=key).raise_for_status()
            if sent == 20:
                pool.submit(server.popen.kill)
    with Engine.open(tmp_path / "store") as engine:
        stored = engine.get_data(f"/twinnoverse/{source}/sensor", "temperature", "GENERIC").value.tolist()
        latest = engine.record("twinnoverse.latest", f"{source}/temperature")
    assert sent > 20
    assert stored == list(range(1, len(stored) + 1))
    assert len(stored) in (sent - 1, sent)
    assert latest is not None
    assert json.loads(latest.body)["value"] == stored[-1]
