"""How tests speak to the Azure Digital Twins door."""

from typing import Any
from uuid import uuid4

import httpx
from tests.api.azure_samples import VERSION
from tests.api.site import Site

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z"
"""How the seeds print times."""


def ask(
    site: Site, method: str, path: str, body: Any = None, role: str | None = "writer", **more: Any
) -> httpx.Response:
    """Send a request of the printed version."""
    params = {"api-version": VERSION, **more.pop("params", {})}
    content = {} if body is None else {"json": body}
    return site.http(role).request(method, path, params=params, **content, **more)


def upload(site: Site, *models: Any) -> httpx.Response:
    """Upload models."""
    return ask(site, "POST", "/models", list(models))


def put(site: Site, id: str, twin: Any, **more: Any) -> httpx.Response:
    """Put a twin."""
    return ask(site, "PUT", f"/digitaltwins/{id}", twin, **more)


def get(site: Site, id: str, **more: Any) -> httpx.Response:
    """Get a twin."""
    return ask(site, "GET", f"/digitaltwins/{id}", role="reader", **more)


def patch(site: Site, path: str, *operations: Any, **more: Any) -> httpx.Response:
    """Patch a twin, a component or a model."""
    return ask(site, "PATCH", path, list(operations), **more)


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal, once it is known to have the printed form."""
    error = answer.json()["error"]
    assert answer.headers["x-ms-error-code"] == error["code"]
    assert set(error) == {"code", "message", "details", "innererror"}
    assert isinstance(error["message"], str)
    assert all(set(each) >= {"code", "message"} for each in error["details"])
    assert isinstance(error["innererror"]["code"], str)
    return answer.status_code, error["code"]


def observed(site: Site, id: str, metric: str, unit: str = "GENERIC") -> dict[str, float]:
    """Return the observations of a twin's metric."""
    series = site.engine.get_data(f"/adt/{id}/sensor", metric, unit)
    return dict(zip(series.time.astype(str).tolist(), series.value.tolist(), strict=True))


def fresh(prefix: str = "twin") -> str:
    """Return an id that nobody has used."""
    return f"{prefix}-{uuid4().hex}"


def model_id(name: str = "Model") -> str:
    """Return the id of a model that nobody has uploaded."""
    return f"dtmi:com:example:{name}_{uuid4().hex};1"


def twin_of(model: str, **content: Any) -> dict[str, Any]:
    """Return a twin of a model."""
    return {"$metadata": {"$model": model}, **content}
