"""What the pages of the doors show is run against a server, with curl or the little of it that the tests have."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.api.site import Site
from tests.test_docs import NO_CURL

DOCS = Path(__file__).resolve().parents[2] / "docs"
LANGUAGES = ("sh", "text")


@pytest.mark.parametrize("door", ["azure-digital-twins", "scaleout", "twinnoverse"])
def test_the_requests_answer_as_printed(site: Site, door: str, tmp_path: Path) -> None:
    """One after the other, as a writer."""
    page = (DOCS / f"{door}.md").read_text()
    [script], [printed] = (re.findall(rf"^```{each}\n(.*?)^```", page, re.MULTILINE | re.DOTALL) for each in LANGUAGES)
    told = {"URL": site.url, "KEY": site.keys["writer"], "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    ran = subprocess.run(
        ["bash", "-euc", f"{NO_CURL}\n{script.replace('curl ', 'curl -s ')}"],
        cwd=tmp_path, env={**os.environ, **told}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, printed.replace("\n", ""), "")
