"""`docs/rest.md` is complete: routes, methods, formats, errors."""

from pathlib import Path

import pytest

from tseng.formats import FORMATS
from tseng_api.app import ROUTES
from tseng_api.errors import OUTCOMES
from tseng_api.methods import METHODS
from tseng_api.routing import Endpoint

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "rest.md").read_text()


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.method} {row.path}")
def test_every_route_is_described(row: Endpoint) -> None:
    """Method and path stand there as the app has them."""
    assert f"`{row.method} {row.path}`" in TEXT


def test_every_method_format_and_category_is_described() -> None:
    """Subscriptions are spoken of together."""
    names = [name for name in METHODS if "ubscribe" not in name]
    assert [name for name in names if f"`{name}`" not in TEXT] == []
    assert [each.name for each in FORMATS.values() if f"| `{each.name}` | `{each.media_type}` |" not in TEXT] == []
    rows = [f"| `{category}` | {status} | {code} |" for category, (status, code) in OUTCOMES.items()]
    assert [row for row in rows if row not in TEXT] == []
