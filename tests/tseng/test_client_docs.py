"""What `docs/client.md` shows is run against a real server, and its table of settings is complete."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

from tests.api.process import serving

from tseng.client.settings import ClientSettings
from tseng.engine import Engine

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "client.md").read_text()


def fences(language: str) -> list[str]:
    """The blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_examples_print_what_is_printed(tmp_path: Path) -> None:
    """All of them one after the other, as a script of one's own."""
    with Engine.open(tmp_path / "store") as engine:
        key = engine.keys.create("docs", "writer")
    with serving(tmp_path / "store", "--no-tcp") as server:
        code = "\n".join(fences("python")).replace("http://127.0.0.1:4201", server.url)
        ran = subprocess.run(
            [sys.executable, "-c", f"key = {key!r}\n{code}\nclient.close()\npatient.close()"],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert (ran.stdout, ran.stderr) == ("".join(fences("text")), "")


def test_every_setting_is_told_with_its_default() -> None:
    """One row for each, and no other."""
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| ", PAGE, flags=re.MULTILINE)
    assert rows == [(each.name, repr(each.default)) for each in dataclasses.fields(ClientSettings)]
