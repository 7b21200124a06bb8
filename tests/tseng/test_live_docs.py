"""What `docs/live.md` shows is run."""

import re
import subprocess
import sys
from pathlib import Path

from tseng.live.updates import LARGEST_PUSH, POINTS_OF_RESULT

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "live.md").read_text()


def fence(language: str) -> str:
    """The block of one language."""
    [found] = re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_example_prints_what_is_printed(tmp_path: Path) -> None:
    """New, masked and corrected readings, as a script of one's own is told of them."""
    ran = subprocess.run(
        [sys.executable, "-c", fence("python")], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.stdout, ran.stderr) == (fence("text"), "")


def test_the_bounds_are_told() -> None:
    """How many points a result and an update hold at most."""
    assert f"at most {POINTS_OF_RESULT:,} points" in PAGE
    assert f"more than {LARGEST_PUSH:,} points" in PAGE
