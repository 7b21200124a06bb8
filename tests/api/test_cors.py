"""Pages of other origins: let in by name, and not at all without (Fetch standard, section 3.3, CORS protocol)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.site import THERMOMETER, Site
from tests.api.site import site as open_site

from tseng.engine import Engine
from tseng.errors import EngineError
from tseng.settings import Settings
from tseng_api.app import create_app

PAGE = "https://site.example"
HEADERS = (
    "authorization", "x-api-key", "idempotency-key", "content-type", "content-encoding", "if-match", "if-none-match",
    "prefer", "x-request-id", "traceparent",
)  # fmt: skip
READ = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that lets two origins in."""
    folder = tmp_path_factory.mktemp("cors")
    with open_site(folder / "store", cors_origins=f"{PAGE}, http://localhost:3000") as opened:
        yield opened


def ask(method: str, headers: str = "", origin: str = PAGE) -> dict[str, str]:
    """The headers of a preflight."""
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return asked | ({"Access-Control-Request-Headers": headers} if headers else {})


@pytest.mark.parametrize("origin", [PAGE, "http://localhost:3000"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_preflight_is_answered_without_a_key(shared: Site, origin: str, method: str) -> None:
    """With the origin, the method and the headers that routes look at."""
    told = shared.http(None).options("/api/data/upload", headers=ask(method, ", ".join(HEADERS), origin))
    assert told.status_code == 200
    assert told.headers["access-control-allow-origin"] == origin
    assert method in told.headers["access-control-allow-methods"]
    allowed = {each.strip().lower() for each in told.headers["access-control-allow-headers"].split(",")}
    assert allowed >= set(HEADERS)
    assert "access-control-allow-credentials" not in told.headers


def test_every_answer_may_be_read(shared: Site) -> None:
    """One that is made, one that is kept, a refusal, a path that is none; with the request's id."""
    for path, role, query in (
        ("/api/data", "reader", READ),
        ("/api/data", "reader", READ),
        ("/api/data", None, READ),
        ("/nothing", "reader", {}),
    ):
        told = shared.http(role).get(path, params=query, headers={"Origin": PAGE})
        assert told.headers["access-control-allow-origin"] == PAGE
        exposed = {each.strip().lower() for each in told.headers["access-control-expose-headers"].split(",")}
        assert exposed == {"x-request-id", "etag"}
        assert told.headers["x-request-id"]


def test_what_is_unexpected_may_be_read(shared: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is told the request's id."""
    monkeypatch.setattr(Engine, "usage", lambda *_: 1 / 0)
    path = f"/api/projects/{shared.engine.project().id}/dataUsage"
    told = shared.http().get(path, headers={"Origin": PAGE})
    assert (told.status_code, told.headers["access-control-allow-origin"]) == (500, PAGE)


@pytest.mark.parametrize("origin", ["https://other.example", f"{PAGE}.evil", "http://site.example", "null"])
def test_no_other_origin(shared: Site, origin: str) -> None:
    """Neither before nor with the answer; what is no page at all is served as ever."""
    told = shared.http(None).options("/api/data", headers=ask("GET", origin=origin))
    assert (told.status_code, "access-control-allow-origin" in told.headers) == (400, False)
    told = shared.http().get("/api/data", params=READ, headers={"Origin": origin})
    assert "access-control-allow-origin" not in told.headers
    assert "access-control-allow-origin" not in shared.get("/api/data", **READ).headers


def test_nobody_without_the_setting(site: Site) -> None:
    """A preflight is a method that the path has not."""
    assert site.http(None).options("/api/data", headers=ask("GET")).status_code == 405
    told = site.http().get("/api/data", params=READ, headers={"Origin": PAGE})
    assert not [name for name in told.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "origin", ["site.example", "https://site.example/", "https://", "ftp://a", "https://a b", "*.a"]
)
def test_what_is_no_origin_is_refused_at_the_start(tmp_path: Path, origin: str) -> None:
    """By the name of the variable, with what stood there."""
    with (
        Engine.open(tmp_path / "store", settings=Settings(cors_origins=f"{PAGE},{origin}")) as engine,
        pytest.raises(EngineError, match=r"TSENG_CORS_ORIGINS: '.*' is no origin such as https://host"),
    ):
        create_app(engine)


def test_any_origin(tmp_path: Path) -> None:
    """`*` stands for all."""
    with open_site(tmp_path / "store", cors_origins="*") as opened:
        told = opened.http().get("/api/data", params=READ, headers={"Origin": "https://other.example"})
        assert told.headers["access-control-allow-origin"] == "*"
