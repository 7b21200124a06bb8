"""Azure Digital Twins on a process of its own: what was acknowledged survives kill -9, numbers with their twins."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import msgspec
from tests.api.adt import twin_of
from tests.api.azure_samples import MODEL, VERSION, interface, property_of
from tests.api.process import serving

from tseng.engine import Engine

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"  # W3C Trace Context, 3.2.2


def test_after_kill_9_there_are_both_or_neither(tmp_path: Path) -> None:
    """Of every twin that four clients put: the numbers that it has are exactly those observed last."""
    with Engine.open(tmp_path / "store") as engine:
        headers = {"Authorization": f"ApiKey {engine.keys.create('writer', 'writer')}"}
    acknowledged = [0] * 4

    def put_on(number: int, url: str) -> None:
        with httpx.Client(base_url=url, headers=headers, params={"api-version": VERSION}) as http:
            for count in itertools.count(1):
                twin = twin_of(MODEL, a=count, b=-count)
                http.put(f"/digitaltwins/t{number}-{count % 3}", json=twin).raise_for_status()
                acknowledged[number] = count
                if sum(acknowledged) >= 120:
                    server.popen.kill()

    with serving(tmp_path / "store") as server, ThreadPoolExecutor(4) as pool:
        model = interface(MODEL, property_of("a", "integer"), property_of("b", "double"))
        params = {"api-version": VERSION}
        httpx.post(f"{server.url}/models", params=params, headers=headers, json=[model]).raise_for_status()
        for done in [pool.submit(put_on, number, server.url) for number in range(4)]:
            with suppress(httpx.TransportError):
                done.result()
    with Engine.open(tmp_path / "store") as engine:
        for number, known in enumerate(acknowledged):
            seen = 0
            for twin in engine.records("azure/twin"):
                if not twin.id.startswith(f"t{number}-"):
                    continue
                document = msgspec.json.decode(twin.body)
                a = engine.get_data(f"/adt/{twin.id}/sensor", "a", "GENERIC")
                b = engine.get_data(f"/adt/{twin.id}/sensor", "b", "GENERIC")
                assert a.value.tolist() == (-b.value).tolist()
                assert a.value.tolist() == list(range(document["a"] % 3 or 3, document["a"] + 1, 3))
                assert f"{a.time.astype(str)[-1]}0Z" == document["$metadata"]["$lastUpdateTime"]
                seen = max(seen, document["a"])
            assert seen in (known, known + 1)
        twins = {f"/adt/{twin.id}/sensor" for twin in engine.records("azure/twin")}
        assert {sensor.id for sensor in engine.entities("sensor")} == twins


def test_a_trace_stands_in_the_log(tmp_path: Path) -> None:
    """As it was sent; what is no trace does not."""
    with serving(tmp_path / "store") as server:
        for id, trace in (("one", TRACE), ("two", "00-x")):
            sent = {"traceparent": trace, "tracestate": "congo=t61rcWkgMzE", "X-Request-Id": id}
            httpx.get(f"{server.url}/digitaltwins/a?api-version={VERSION}", headers=sent)
        assert server.request("one")["traceparent"] == TRACE
        assert "traceparent" not in server.request("two")
