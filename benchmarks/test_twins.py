"""Azure Digital Twins: 10,000 twins are put and retrieved, against a bare server that commits or reads their bytes."""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from typing import Any, NamedTuple

import msgspec
import pytest

from benchmarks.conftest import SHORT
from benchmarks.processes import process, served
from tseng.engine import Engine

TWINS, ROUND = (200, 50) if SHORT else (10_000, 500)
BOUND = 3.0
VERSION = "api-version=2023-10-31"
MODEL = "dtmi:com:example:Pump;1"
RIVAL = "bare Starlette and SQLite"
_METRICS = ("flow", "pressure", "level")


class Ends(NamedTuple):
    """Connections to both servers, and what ours wants of each request."""

    ours: HTTPConnection
    bare: HTTPConnection
    headers: dict[str, str]


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ends]:
    """Both servers, ours with a model of three numbers and a text."""
    folder = tmp_path_factory.mktemp("twins")
    with Engine.open(folder / "store") as engine:
        headers = {"Authorization": f"ApiKey {engine.keys.create('bench', 'writer')}"}
    with (
        served(folder / "store", folder) as port,
        process(["-m", "benchmarks.bare_twins", str(folder / "bare")]) as bare,
        ExitStack() as stack,
    ):
        to_ours, to_bare = (
            stack.enter_context(closing(HTTPConnection("127.0.0.1", number))) for number in (port, bare)
        )
        opened = Ends(to_ours, to_bare, headers)
        contents = [{"@type": "Property", "name": name, "schema": "double"} for name in _METRICS]
        contents.append({"@type": "Property", "name": "name", "schema": "string"})
        model = {"@context": "dtmi:dtdl:context;3", "@id": MODEL, "@type": "Interface", "contents": contents}
        opened.ours.request("POST", f"/models?{VERSION}", msgspec.json.encode([model]), headers)
        answer = opened.ours.getresponse()
        assert (answer.status, bool(answer.read())) == (201, True)
        yield opened


def _ask(connection: HTTPConnection, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
    """Ask once: seconds to the last byte, and the bytes."""
    begun = time.perf_counter()
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    seconds = time.perf_counter() - begun
    assert answer.status == 200
    return seconds, content


def _measure(benchmark: Any, ends: Ends, method: str, numbers: Sequence[int], count: int) -> None:
    """Ask for twins in rounds, ours and the rival in turn; the median of each round."""
    medians: list[tuple[float, float]] = []
    for start in range(0, len(numbers), ROUND):
        ours, bare = [], []
        for number in numbers[start : start + ROUND]:
            twin = {"$metadata": {"$model": MODEL}, **dict.fromkeys(_METRICS, number + count / 7), "name": "Pump 7"}
            body = msgspec.json.encode(twin) if method == "PUT" else None
            seconds, content = _ask(ends.ours, method, f"/digitaltwins/t{number}?{VERSION}", body, ends.headers)
            ours.append(seconds)
            # The same bytes as ours keeps and answers.
            kept = content if method == "PUT" else None
            seconds, other = _ask(ends.bare, method, f"/digitaltwins/t{number}", kept, {})
            bare.append(seconds)
            assert other == content
        medians.append((statistics.median(ours), statistics.median(bare)))
    benchmark.pedantic(lambda: None, rounds=1)
    ratio = statistics.median(mine / other for mine, other in medians)
    ours_ms, rival_ms = (statistics.median(each) * 1e3 for each in zip(*medians, strict=True))
    benchmark.extra_info.update(rival=RIVAL, ours_ms=ours_ms, rival_ms=rival_ms, ratio=ratio, bound=BOUND, short=SHORT)
    print(f"\n{benchmark.name}: {ratio:.2f} x {RIVAL} (bound {BOUND:g}), {ours_ms:.2f} and {rival_ms:.2f} ms")


def test_put_a_new_twin(benchmark: Any, ends: Ends) -> None:
    """Each makes a sensor of three metrics."""
    _measure(benchmark, ends, "PUT", range(TWINS), 0)


def test_put_a_twin_again(benchmark: Any, ends: Ends) -> None:
    """Three observations and the next version, in one transaction."""
    _measure(benchmark, ends, "PUT", [number * 7919 % TWINS for number in range(TWINS)], 1)


def test_get_a_twin(benchmark: Any, ends: Ends) -> None:
    """None of them asked for before."""
    _measure(benchmark, ends, "GET", [number * 7907 % TWINS for number in range(TWINS)], 0)
