"""Request ids, one line a request, and what happens when something unexpected does."""

import json
import logging
from pathlib import Path

import httpx
import pytest
from tests.api.process import serving
from tests.api.site import THERMOMETER, Site
from tests.api.site import site as open_site
from tests.api.talk import TcpTalk, WebSocketTalk, wait_until
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tseng.engine import Engine
from tseng_api.logs import JsonLines


def _lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [json.loads(JsonLines().format(record)) for record in caplog.records if record.name.startswith("tseng")]


def test_a_request_id_goes_round(site: Site) -> None:
    """A sane one comes back, another or none is replaced by a new one."""
    given = site.http().get("/healthz", headers={"X-Request-Id": "abc-123"})
    assert given.headers["x-request-id"] == "abc-123"
    made = {site.http().get("/healthz").headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3
    for insane in ("a b", "x" * 200, 'say "hi"'):
        answer = site.http().get("/healthz", headers={"X-Request-Id": insane})
        assert answer.headers["x-request-id"] != insane


def test_each_request_is_one_line_of_json(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Who, what, how it ended, how long it took; no query string, which may hold secrets."""
    caplog.set_level(logging.INFO)
    query = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}
    answer = site.http().get("/api/data", params=query, headers={"X-Request-Id": "one"})
    (line,) = _lines(caplog)
    expected = {"requestId": "one", "method": "GET", "path": "/api/data", "status": 200, "identity": "reader"}
    assert line.items() >= expected.items()
    assert line["bytes"] == len(answer.content)
    assert isinstance(line["ms"], float)
    assert THERMOMETER not in json.dumps(line)


def test_the_unexpected_is_a_plain_500_and_a_logged_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer names the request id and nothing of the inside; the log has both, over REST and over JSON-RPC."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret inside")

    with open_site(tmp_path / "store") as site:
        monkeypatch.setattr(Engine, "stream", fail)
        query = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}
        rest = site.http().get("/api/data", params=query, headers={"X-Request-Id": "broken-1"})
        frame = {"jsonrpc": "2.0", "id": 1, "method": "getData", "params": query}
        rpc = site.http().post("/api/rpc", json=frame, headers={"X-Request-Id": "broken-2"})
    assert (rest.status_code, rest.json()["error"]["code"]) == (500, "INTERNAL")
    assert rest.headers["x-request-id"] == "broken-1"
    assert "broken-1" in rest.json()["error"]["message"]
    assert rpc.json()["error"]["code"] == -32603
    assert "broken-2" in rpc.json()["error"]["message"]
    assert "secret" not in rest.text + rpc.text
    traces = {str(line["requestId"]): str(line["traceback"]) for line in _lines(caplog) if "traceback" in line}
    assert {"broken-1", "broken-2"} == set(traces)
    assert all("secret inside" in trace for trace in traces.values())


def test_ready_is_503_when_the_store_does_not_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Alive goes on being 200: the process answers, the store does not."""
    with open_site(tmp_path / "store") as site:
        site.engine.close()
        assert site.http(None).get("/readyz").status_code == 503
        assert site.http(None).get("/healthz").status_code == 200
    assert any("traceback" in line for line in _lines(caplog))


@pytest.mark.parametrize("face", ["websocket", "tcp"])
def test_each_connection_is_two_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture, face: str) -> None:
    """Opened; closed with the reason, who it was, and how much was asked, pushed and sent."""
    caplog.set_level(logging.INFO, "tseng.access")
    with open_site(tmp_path / "store") as site:
        kind, port = (WebSocketTalk, site.ports.http) if face == "websocket" else (TcpTalk, site.ports.tcp)
        with kind(port, site.keys["reader"]) as talk:
            talk.call("subscribeData", {"sensors": [THERMOMETER], "metric": "T", "unit": "C"})
            site.engine.upload([{"sensorId": THERMOMETER, "timestamp": "2024-05-01T00:00:00Z", "values": {"T": 1}}])
            assert "data" in talk.next()["result"]
        wait_until(lambda: len(_lines(caplog)) == 2)
        opened, closed = _lines(caplog)
    about = {"face": face, "client": "127.0.0.1", "requestId": opened["requestId"]}
    assert opened.items() >= {**about, "message": "connection opened"}.items()
    story = {"reason": "closed by the peer", "identity": "reader", "requests": 2, "pushes": 1}
    assert closed.items() >= {**about, "message": "connection closed", **story}.items()
    assert isinstance(closed["ms"], float)
    assert int(str(closed["bytes"])) > 200


def test_a_query_string_is_logged_nowhere(tmp_path: Path) -> None:
    """It may hold a key: of a request, of a WebSocket, of a WebSocket where there is none."""
    Engine.open(tmp_path / "store").close()
    with serving(tmp_path / "store") as process:
        httpx.get(f"{process.url}/healthz?apiKey=secret")
        with connect(f"ws://127.0.0.1:{process.ports[0]}/?apiKey=secret"):
            pass
        with pytest.raises(InvalidStatus, match="403"), connect(f"ws://127.0.0.1:{process.ports[0]}/no?apiKey=secret"):
            pass
        process.stop()
        assert process.logged
    assert "secret" not in str(process.logged)
