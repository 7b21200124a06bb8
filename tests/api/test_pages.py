"""What `docs/documents.md` and `docs/profiles.md` show is run, against a server and an engine of their own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.api.site import Site

ROOT = Path(__file__).resolve().parents[2]
PLACE = "http://127.0.0.1:4201"
ONE, TWO = "/site/t1/sensor", "/site/t2/sensor"


def _fences(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def _shell(site: Site, folder: Path, page: str) -> list[dict[str, object]]:
    """What each request of the page's first block answers."""
    (script,) = _fences(page, "sh")
    stub = f'curl() {{ {sys.executable} {ROOT / "tests" / "curl.py"} "$@"; echo; }}\n'
    ran = subprocess.run(
        ["bash", "-euc", stub + script.replace(PLACE, site.url)], cwd=folder, capture_output=True, text=True,
        check=False, env={**os.environ, "KEY": site.keys["writer"]},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.fixture
def borehole(site: Site) -> Site:
    """The site with the sensors of the page, and the values that its answer shows."""
    for sensor in (ONE, TWO):
        site.engine.create_entity("sensor", sensor, "TEMPERATURE_SDE")
    values = [(ONE, "2024-03-01", 4.5), (ONE, "2024-03-02T12:00", 4.25), (TWO, "2024-03-02T12:09", 6.5)]
    site.engine.upload(
        [{"sensorId": id, "timestamp": at + "Z" * ("T" in at), "values": {"T": T}} for id, at, T in values]
    )
    return site


def test_the_page_of_documents(site: Site, tmp_path: Path) -> None:
    """The file is kept and listed; the same from Python."""
    (tmp_path / "sheet.pdf").write_bytes(b"%PDF-")
    made, listed = _shell(site, tmp_path, "documents.md")
    assert (made["name"], made["size"], listed["documents"]) == ("sheet 12.pdf", 5, [made])
    (python,) = _fences("documents.md", "python")
    known = {"engine": site.engine, "content": b"%PDF-"}
    exec(python, known)
    assert len(site.engine.documents()) == 1


def test_the_page_of_profiles(borehole: Site, tmp_path: Path) -> None:
    """The answer is the one printed; the same from Python."""
    made, answer = _shell(borehole, tmp_path, "profiles.md")
    (printed,) = _fences("profiles.md", "json")
    assert answer == {**json.loads(printed.replace('{"id": "BH-3", …}', "null")), "profile": made}
    (python,) = _fences("profiles.md", "python")
    known = {"engine": borehole.engine}
    exec(python, known)
    assert known["found"].value.shape == (2, 1)  # type: ignore[attr-defined]
