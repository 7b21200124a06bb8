"""`docs/provenance.md` is true: its commands give the document that it prints, and every key is explained."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.changing import READS, furnish

from tseng.engine import Engine
from tseng.requests import Request

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "provenance.md").read_text()


def _fences(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def _rounded(value: Any) -> Any:
    """The last digits of a sine are those of the machine's library."""
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return float(f"{value:.12g}") if isinstance(value, float) else value


def test_the_commands_give_the_document(tmp_path: Path) -> None:
    """Run as printed, but for the store's id and the time of the read."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-c", "set -euo pipefail\n" + "".join(_fences("sh"))],
        cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    (replayed,) = _fences("text")
    assert ran.stdout.endswith(replayed)
    answered, (printed,) = json.loads((tmp_path / "answer.json").read_text()), map(json.loads, _fences("json"))
    assert list(answered["provenance"]) == list(printed["provenance"])
    for document in (answered, printed):
        del document["provenance"]["snapshot"]["store"], document["provenance"]["snapshot"]["time"]
    assert _rounded(answered) == _rounded(printed)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store with a sensor of every kind of read."""
    with Engine.open(tmp_path_factory.mktemp("documents") / "store") as opened:
        furnish(opened)
        yield opened


@pytest.fixture(scope="module")
def documents(engine: Engine) -> list[dict[str, Any]]:
    """The provenances of reads of every kind."""
    return [engine.read(Request.from_wire(body)).provenance for body in READS.values()]


def test_every_key_is_explained(engine: Engine, documents: list[dict[str, Any]]) -> None:
    """Each has its place in the table, and the table has no other."""
    explained = re.findall(
        r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE.partition("## What the keys")[2], re.MULTILINE))
    )
    asked = {name: next(iter(READS.values()))[name] for name in ("sensor", "metric", "unit")}
    of_table = engine.get_table([asked]).columns[0].provenance
    assert {key for document in (*documents, of_table) for key in document} == set(explained)


def test_it_is_plain_data_that_states_the_request(documents: list[dict[str, Any]]) -> None:
    """JSON has it all, and the request in it is the one that was made, its instants in UTC."""
    for document, body in zip(documents, READS.values(), strict=True):
        assert json.loads(json.dumps(document)).keys() == document.keys()
        dates = {
            name: f"{body[name].removesuffix('T00:00:00Z')}T00:00:00.000Z"
            for name in ("startDate", "endDate")
            if name in body
        }
        assert document["request"] == body | dates
