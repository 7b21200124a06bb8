"""`docs/rest.md` is complete: routes, methods, formats, errors."""

from pathlib import Path

import pytest
from starlette.routing import Route

from tseng.formats import FORMATS
from tseng_api.app import ROUTES
from tseng_api.errors import OUTCOMES
from tseng_api.methods import METHODS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "rest.md").read_text()


@pytest.mark.parametrize("route", [route for route in ROUTES if isinstance(route, Route)], ids=str)
def test_every_route_is_described(route: Route) -> None:
    """Method and path stand there as the app has them."""
    assert all(f"`{method} {route.path}`" in TEXT for method in (route.methods or set()) - {"HEAD"})


def test_every_method_format_and_category_is_described() -> None:
    """Subscriptions are spoken of together."""
    names = [name for name in METHODS if "ubscribe" not in name]
    assert [name for name in names if f"`{name}`" not in TEXT] == []
    assert [each.name for each in FORMATS.values() if f"| `{each.name}` | `{each.media_type}` |" not in TEXT] == []
    rows = [f"| `{category}` | {status} | {code} |" for category, (status, code) in OUTCOMES.items()]
    assert [row for row in rows if row not in TEXT] == []
