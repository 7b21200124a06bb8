"""Kept answers: the same bytes as long as nothing changes, and never anything else."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.api.site import READINGS, START, THERMOMETER, Site
from tests.api.site import site as open_site
from tests.api.talk import wait_until

from tseng.access import Identity
from tseng.depositing import Reading
from tseng.engine import Engine
from tseng.tokens import Tokens
from tseng_api.remembered import Kept, Remembered

READ = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}
PATHS = ["/api/data", "/api/data/summary"]


@pytest.fixture
def site(tmp_path: Path) -> Any:
    """A site of its own: what is stored here empties what is kept."""
    with open_site(tmp_path / "store") as opened:
        yield opened


def _row(value: float | None, at: str = "2025-01-01T00:00:00Z") -> dict[str, Any]:
    return {"sensorId": THERMOMETER, "timestamp": at, "values": {"T": value}}


@pytest.mark.parametrize("path", PATHS)
def test_what_is_stored_is_in_the_next_answer(site: Site, path: str) -> None:
    """By this server, by another process's engine on the same store, and by a change of props."""
    with Engine.open(Path(site.engine.settings.data)) as other:
        before = [site.get(path, **READ).content for _ in range(3)]
        assert before[0] == before[1] == before[2]
        for number, engine in enumerate((site.engine, other, site.engine, other)):
            engine.upload([_row(20.0 + number)])
            assert f"{20 + number}" in site.get(path, **READ).text
            assert site.get(path, **READ).content not in before
        other.upload([_row(None)])
        assert site.get(path, **READ).content == before[0]
    masks = [{"start": "2024-03-01T01:00:00Z", "end": "2024-03-01T01:30:00Z"}]
    site.engine.update_entity("sensor", THERMOMETER, {"MASKS": masks})
    assert site.get("/api/data", **READ).json()["data"].keys() == READINGS.keys() - {"2024-03-01T01:00:00.000Z"}


def test_a_revoked_key_gets_nothing_more(site: Site) -> None:
    """However often it has been answered before."""
    http = site.with_key(site.engine.keys.create("short-lived"))
    assert [http.get("/api/data", params=READ).status_code for _ in range(3)] == [200] * 3
    (id,) = [key.id for key in site.engine.keys.list() if key.name == "short-lived"]
    site.engine.keys.revoke(id)
    assert http.get("/api/data", params=READ).status_code == 401
    assert site.get("/api/data", **READ).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_what_is_kept_for_readers_is_for_nobody_below(site: Site, path: str) -> None:
    """The key of a data source is known, and of the same project, but may only send."""
    outline = {"name": "x", "widgets": [{"type": "SingleData", "DataKey": "a"}]}
    sender = site.with_key(site.http("writer").post("/api/datasources", json=outline).json()["key"])
    for _ in range(3):
        assert [sender.get(path, params=READ).status_code, site.get(path, **READ).status_code] == [403, 200]


def test_a_token_that_has_run_out_is_nobody(site: Site) -> None:
    """Whose it was is not remembered beyond its time, although nothing has changed."""
    remembered = Remembered(site.engine)
    state = remembered.state()
    for left, found in ((60, True), (-1, False)):
        identity = Identity("client", "reader", None, time.time() + left)
        assert remembered.identity(f"Bearer {left}", state) is None
        remembered.keep_identity(f"Bearer {left}", state, identity)
        assert (remembered.identity(f"Bearer {left}", state) == identity) is found


def test_uploads_make_nobody_a_stranger(site: Site) -> None:
    """Whose a key is stays known while observations and sensors come in, and is asked again once a key is another."""
    remembered = Remembered(site.engine)
    state = remembered.state()
    identity = Identity("someone", "reader", None)
    assert remembered.identity("ApiKey x", state) is None
    remembered.keep_identity("ApiKey x", state, identity)
    site.engine.upload([{"sensorId": THERMOMETER, "timestamp": START, "values": {"T": 10.0}}])
    assert remembered.state() != state
    assert remembered.identity("ApiKey x", remembered.state()) == identity
    site.engine.deposit([Reading("/new/sensor", 0, {"a": 1.0})])
    assert remembered.identity("ApiKey x", remembered.state()) == identity
    late = remembered.state()
    site.engine.keys.create("other")
    assert remembered.identity("ApiKey x", remembered.state()) is None
    remembered.keep_identity("ApiKey x", late, identity)
    assert remembered.identity("ApiKey x", remembered.state()) is None


def test_a_token_is_worth_nothing_once_its_secret_is_another(site: Site) -> None:
    """Nothing is committed to the store by that, and its holder had been remembered."""
    client = site.engine.keys.create_client("sensor maker", "sensor-data:read")
    granted = Tokens(site.engine).issue(client["client_id"], client["client_secret"]).access_token
    headers = {"Authorization": f"Bearer {granted}"}

    def get() -> int:
        return site.http(None).get("/api/data", params=READ, headers=headers).status_code

    assert [get() for _ in range(3)] == [200] * 3
    secret = site.engine.store.layout.catalog.with_name("token.key")
    secret.write_bytes(secret.read_bytes()[::-1])
    assert get() == 401


def test_every_project_format_and_method_has_its_own(site: Site) -> None:
    """The same query string means other data to another project's key, and other bytes under another Accept."""
    project = site.engine.create_project("other")
    other = site.with_key(site.engine.keys.create("elsewhere", project=project.id))
    plain = site.get("/api/data", **READ)
    for _ in range(2):
        assert other.get("/api/data", params=READ).status_code == 404
        table = site.http().get("/api/data", params=READ, headers={"Accept": "text/csv"})
        assert table.headers["content-type"].startswith("text/csv")
        assert table.text.startswith("time,value")
        assert site.http(None).get("/api/data", params=READ).status_code == 401
        assert site.http().post("/api/data", params=READ).status_code == 400
        head = site.http().head("/api/data", params=READ)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(plain.content))
        assert site.get("/api/data", **READ).content == plain.content


def test_a_refusal_is_not_kept(site: Site) -> None:
    """A sensor that is not there is found once it is."""
    asked = READ | {"sensor": "/late"}
    assert [site.get("/api/data", **asked).status_code for _ in range(2)] == [404, 404]
    site.engine.create_entity("sensor", "/late", "TEMPERATURE_SDE")
    assert site.get("/api/data", **asked).json()["data"] == {}


def test_a_kept_answer_is_an_answer_like_any_other(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """It has a request id of its own, and a log line that says who asked."""
    caplog.set_level("INFO", "tseng.access")

    def get(id: str) -> httpx.Response:
        return site.http().get("/api/data", params=READ, headers={"X-Request-Id": id})

    answers = [get(id) for id in ("one", "two", "three")]
    assert [answer.headers["x-request-id"] for answer in answers] == ["one", "two", "three"]
    assert len({answer.content for answer in answers}) == 1

    def logged() -> list[dict[str, Any]]:
        return [vars(record) for record in caplog.records if record.name == "tseng.access"]

    # A line is written once the answer has left.
    wait_until(lambda: len(logged()) >= len(answers))
    lines = logged()
    assert [(each["requestId"], each["identity"], each["status"]) for each in lines[-3:]] == [
        ("one", "reader", 200), ("two", "reader", 200), ("three", "reader", 200),
    ]  # fmt: skip


@given(
    st.lists(
        st.tuples(st.sampled_from(["get", "put"]), st.integers(0, 3), st.integers(0, 2), st.integers(1, 5)),
        max_size=60,
    )
)
def test_nothing_is_told_in_another_state_than_it_was_put_in(steps: list[tuple[str, int, int, int]]) -> None:
    """Whatever the order of states, and however little room there is."""
    kept: Kept[tuple[int, int]] = Kept(room=8)
    for what, key, state, size in steps:
        if what == "put":
            kept.put(key, state, (key, state), size)
        else:
            assert kept.get(key, state) in (None, (key, state))


def test_what_is_put_is_there_until_there_is_no_room() -> None:
    """The room is for the sizes of all; who comes when it is full finds it emptied."""
    kept: Kept[str] = Kept(room=10)
    assert kept.get("a", 1) is None
    kept.put("a", 1, "A", 6)
    kept.put("b", 1, "B", 4)
    assert (kept.get("a", 1), kept.get("b", 1)) == ("A", "B")
    kept.put("c", 1, "C", 1)
    assert (kept.get("a", 1), kept.get("b", 1), kept.get("c", 1)) == (None, None, "C")
    kept.put("d", 0, "late", 1)
    assert kept.get("d", 1) is None
