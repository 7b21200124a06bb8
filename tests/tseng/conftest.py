"""An open engine over a new store, the command line on one, and a server, for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.site import Site
from tests.api.site import site as open_site
from tests.tseng.commands import Run, in_process

from tseng.engine import Engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine over an empty store."""
    with Engine.open(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """One command after the other on a store of its own."""
    return in_process(tmp_path, monkeypatch, capfdbinary)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running server over a store of its own for each test module."""
    with open_site(tmp_path_factory.mktemp("served") / "store") as opened:
        yield opened
