"""An open engine over a new store, for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tseng.engine import Engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine over an empty store."""
    with Engine.open(tmp_path / "store") as opened:
        yield opened
