"""The server that the tests of one module share."""

from collections.abc import Iterator

import pytest
from tests.api.site import Site
from tests.api.site import site as open_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running server over a store of its own for each test module."""
    with open_site(tmp_path_factory.mktemp("served") / "store") as opened:
        yield opened
