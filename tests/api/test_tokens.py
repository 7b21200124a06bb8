"""OAuth2: `POST /connect/token`, what its tokens open, and tokens of a trusted issuer."""

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from tests.api.site import READINGS, THERMOMETER, Site
from tests.api.site import site as open_site

from tseng import access
from tseng.engine import Engine
from tseng.errors import EngineError
from tseng.tokens import Tokens
from tseng_api.app import create_app
from tseng_storage.entities import now_us
from tseng_units import instants

READ = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}
ROW = {"sensorId": THERMOMETER, "timestamp": "2024-01-01T00:00:00Z", "values": {"T": None}}
BOTH = "sensor-data:modify sensor-data:read"
PRINTED = f"{BOTH} users:read itwins:read itwins:modify"  # seed 003, Obtaining Authorization Token
SECRET = "a secret that an issuer elsewhere shares with us"


@pytest.fixture(scope="module")
def client(site: Site) -> dict[str, str]:
    """A client with both scopes, and one that means nothing here."""
    return site.engine.keys.create_client("logger", f"{BOTH} users:read")


def _form(client: dict[str, str], **more: str) -> dict[str, str]:
    return {"grant_type": "client_credentials", **client, **more}


def _token(site: Site, client: dict[str, str], **more: str) -> str:
    answer = site.http(None).post("/connect/token", data=_form(client, **more))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def _get(site: Site, token: str, **query: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return site.http(None).get("/api/data", params=READ | query, headers=headers)


def _upload(site: Site, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return site.http(None).post("/api/data/upload", json={"observations": [ROW]}, headers=headers).status_code


def _key_file(site: Site) -> Path:
    (found,) = site.engine.settings.data.rglob("token.key")
    return found


def test_the_answer_is_as_rfc_6749_has_it(site: Site, client: dict[str, str]) -> None:
    """Section 5.1: four fields, never cached; without a scope the client's own."""
    answer = site.http(None).post("/connect/token", data=_form(client))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body.keys() == {"access_token", "expires_in", "token_type", "scope"}
    assert (body["expires_in"], body["token_type"], body["scope"]) == (3600, "Bearer", f"{BOTH} users:read")


def test_a_token_reads_and_writes(site: Site, client: dict[str, str]) -> None:
    """Wherever an API key would, in JSON-RPC too; the scheme is read without case."""
    token = _token(site, client)
    assert _get(site, token).json()["data"] == READINGS
    assert _upload(site, token) == 202
    frame = {"jsonrpc": "2.0", "id": 1, "method": "getSensors"}
    answer = site.http(None).post("/api/rpc", json=frame, headers={"Authorization": f"bearer {token}"})
    assert THERMOMETER in [sensor["id"] for sensor in answer.json()["result"]]


def test_authenticate_takes_a_token(site: Site, client: dict[str, str]) -> None:
    """`code` is an API key or a JWT (seed 003, Managing Connections); a wrong one is refused as a key would be."""
    token = _token(site, client)
    assert site.rpc("authenticate", {"code": token}) == {"nextId": 2}
    assert site.rpc("authenticate", {"code": token[:-4] + "AAAA"})["code"] == -32001


def test_the_header_may_carry_the_client(site: Site, client: dict[str, str]) -> None:
    """HTTP Basic, id and secret form-encoded within (section 2.3.1)."""
    basic = base64.b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
    data = {"grant_type": "client_credentials"}
    answer = site.http(None).post("/connect/token", data=data, headers={"Authorization": f"Basic {basic}"})
    assert answer.status_code == 200
    encoded = base64.b64encode(f"{client['client_id']}:%77rong".encode()).decode()
    answer = site.http(None).post("/connect/token", data=data, headers={"Authorization": f"Basic {encoded}"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    # RFC 7617, section 2: the realm is required.
    assert answer.headers["www-authenticate"] == 'Basic realm="tseng", charset="UTF-8"'


def test_a_scope_narrows(site: Site, client: dict[str, str]) -> None:
    """A token to read does not write: 403; one without any right here reads nothing either."""
    reader = _token(site, client, scope="sensor-data:read")
    assert _get(site, reader).status_code == 200
    assert _upload(site, reader) == 403
    nothing = _get(site, _token(site, client, scope="users:read"))
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (403, "FORBIDDEN")
    writer = _token(site, client, scope="sensor-data:modify")
    assert (_get(site, writer).status_code, _upload(site, writer)) == (200, 202)
    headers = {"Authorization": f"Bearer {writer}"}
    assert site.http(None).post("/api/projects", json={"name": "x"}, headers=headers).status_code == 403


def test_a_scope_is_one_of_the_clients(site: Site) -> None:
    """Section 3.3: any order, each counted once. Section 5.2: invalid_scope beyond what the client was given."""
    client = site.engine.keys.create_client("maker", PRINTED)
    http = site.http(None)

    def asked(scope: str) -> Any:
        return http.post("/connect/token", data=_form(client, scope=scope)).json()

    assert asked(PRINTED)["scope"] == PRINTED
    assert asked("sensor-data:read users:read sensor-data:read")["scope"] == "sensor-data:read users:read"
    for scope in ("sensor-data:delete", "SENSOR-DATA:READ", f"{PRINTED} offline_access", " "):
        assert asked(scope)["error"] == "invalid_scope", scope


def _status(site: Site, client: dict[str, str]) -> int:
    return site.http(None).post("/connect/token", data=_form(client)).status_code


def test_a_rotated_secret_has_its_grace(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are good until it is over, then the new one alone; a token of the old one goes on to its own end."""
    keys = site.engine.keys
    old = keys.create_client("rotating", BOTH)
    token = _token(site, old)
    new = keys.rotate_client(old["client_id"], "2h")
    until = instants.parse_instant(new.pop("old_secret_until"))
    assert until - now_us() == pytest.approx(2 * 3600e6, abs=60e6)
    assert new["client_id"] == old["client_id"]
    assert (_status(site, old), _status(site, new)) == (200, 200)
    for now, left in ((until - 1, 200), (until, 401)):
        monkeypatch.setattr(access, "now_us", lambda now=now: now)
        assert (_status(site, old), _status(site, new)) == (left, 200)
    assert _get(site, token).status_code == 200


def test_a_second_rotation_ends_the_first_secret(site: Site) -> None:
    """Two are good at most; with a grace of 0 it is one."""
    keys = site.engine.keys
    first = keys.create_client("rotating", BOTH)
    second, third = ({**keys.rotate_client(first["client_id"])} for _ in range(2))
    for each in (second, third):
        del each["old_secret_until"]
    assert [_status(site, each) for each in (first, second, third)] == [401, 200, 200]
    fourth = keys.rotate_client(first["client_id"], "0")
    del fourth["old_secret_until"]
    assert [_status(site, each) for each in (second, third, fourth)] == [401, 401, 200]


def test_what_another_process_does_to_a_client_counts_at_once(site: Site) -> None:
    """A secret it rotates, and a client it revokes: its token had been let in before, and was remembered."""
    client = site.engine.keys.create_client("elsewhere", BOTH)
    token = _token(site, client)

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "tseng", "clients", *words, "--data", str(site.engine.settings.data)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    new = json.loads(run("rotate", client["client_id"], "--keep", "0"))
    del new["old_secret_until"]
    assert (_status(site, client), _status(site, new)) == (401, 200)
    assert [_get(site, token).status_code for _ in range(3)] == [200] * 3
    run("revoke", client["client_id"])
    assert _status(site, new) == 401
    answer = _get(site, token)
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (401, "the token's client is gone")


def test_a_token_is_bound_to_its_clients_project(site: Site) -> None:
    """The same sensor id is another sensor there, and the default project is not found."""
    project = site.engine.create_project("Tokens").id
    site.engine.create_entity("sensor", THERMOMETER, "TEMPERATURE_SDE", project=project)
    site.engine.upload([ROW | {"values": {"T": 99.0}}], project=project)
    token = _token(site, site.engine.keys.create_client("bound", "sensor-data:read", project))
    assert list(_get(site, token).json()["data"].values()) == [99.0]
    assert _get(site, token, projectIds=site.engine.project().id).status_code == 404
    headers = {"Authorization": f"Bearer {token}"}
    answer = site.http(None).post("/api/sql", json={"sql": "SELECT value FROM observations"}, headers=headers)
    assert answer.json()["rows"] == [[99.0]]


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_id": ""}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"scope": "sensor-data:read admin"}, 400, "invalid_scope"),
        ({"scope": ["sensor-data:read", "users:read"]}, 400, "invalid_request"),
    ],
)
def test_refusals(site: Site, client: dict[str, str], change: dict[str, Any], status: int, error: str) -> None:
    """Section 5.2: a code, words, and 401 only where the client is the trouble."""
    answer = site.http(None).post("/connect/token", data=_form(client) | change)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"


def test_only_a_form_and_only_one_way_to_authenticate(site: Site, client: dict[str, str]) -> None:
    """JSON, an endless form, bytes that are none, the secret twice, a header that is no Basic."""
    http, form = site.http(None), {"Content-Type": "application/x-www-form-urlencoded"}
    assert http.post("/connect/token", json=_form(client)).json()["error"] == "invalid_request"
    for content in (b"&".join(b"a%d=1" % number for number in range(100)), b"\xff=\xfe", b"a=%ff"):
        answer = http.post("/connect/token", content=content, headers=form)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    basic = {"Authorization": "Basic " + base64.b64encode(b"a:b").decode()}
    assert http.post("/connect/token", data=_form(client), headers=basic).json()["error"] == "invalid_request"
    for header in ("Basic !", "Basic " + base64.b64encode(b"no colon").decode(), "ApiKey x", "Basic"):
        data = {"grant_type": "client_credentials"}
        answer = http.post("/connect/token", data=data, headers={"Authorization": header})
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert http.get("/connect/token").status_code == 405


def test_an_expired_token_says_when(site: Site, client: dict[str, str]) -> None:
    """In the words that seed 003 prints, with the header as path. 1708402321 is 2024-02-20T04:12:01Z."""
    claims = jwt.decode(_token(site, client), options={"verify_signature": False})
    expired = jwt.encode(claims | {"exp": 1708402321}, _key_file(site).read_bytes(), headers={"kid": "tseng"})
    answer = _get(site, expired)
    assert answer.status_code == 401
    message = "Token has expired on Tue Feb 20 04:12:01 UTC 2024"
    assert answer.json() == {"errors": [{"message": message, "path": "Authorization"}]}


def test_made_up_tokens_are_401(site: Site, client: dict[str, str]) -> None:
    """Another secret, no signature, no end, another issuer, a client that is none, garbage."""
    token, secret = _token(site, client), _key_file(site).read_bytes()
    claims = jwt.decode(token, options={"verify_signature": False})
    kid = {"kid": "tseng"}
    head, body, signature = token.split(".")
    admin = base64.urlsafe_b64encode(json.dumps(claims | {"role": "admin"}).encode()).rstrip(b"=").decode()
    made_up = [
        jwt.encode(claims, SECRET, headers=kid),
        jwt.encode(claims, SECRET),
        jwt.encode(claims, "", "none", headers=kid),
        jwt.encode({name: claims[name] for name in claims if name != "exp"}, secret, headers=kid),
        jwt.encode(claims | {"iss": "elsewhere"}, secret, headers=kid),
        jwt.encode(claims | {"client_id": "nobody"}, secret, headers=kid),
        jwt.encode(claims | {"project": "nowhere"}, secret, headers=kid),
        jwt.encode(claims | {"nbf": time.time() + 600}, secret, headers=kid),
        jwt.encode(claims, secret * 2, "HS512", headers=kid),
        f"{head}.{admin}.{signature}",
        f"{head}.{body}.",
        "a.b.c",
        site.keys["admin"],
    ]
    for each in made_up:
        answer = _get(site, each)
        assert answer.status_code == 401, each
        assert answer.json()["errors"][0]["path"] == "Authorization"


def test_the_role_comes_from_the_scope(site: Site, client: dict[str, str]) -> None:
    """No token makes an admin, whatever it says of itself."""
    claims = jwt.decode(_token(site, client), options={"verify_signature": False})
    assert (claims["client_id"], claims["role"], claims["project"]) == (client["client_id"], "writer", "default")
    assert claims["exp"] - claims["iat"] == 3600


def test_all_processes_share_one_secret_that_others_cannot_read(tmp_path: Path) -> None:
    """Eight at once on a new store make one file, 0600; each one's tokens are good for a second engine."""
    with Engine.open(tmp_path / "store") as engine, Engine.open(tmp_path / "store") as second:
        client = engine.keys.create_client("logger", "sensor-data:read")
        ids = (client["client_id"], client["client_secret"])
        with ThreadPoolExecutor(8) as pool:
            issued = list(pool.map(lambda number: Tokens((engine, second)[number % 2]).issue(*ids), range(8)))
        for token in issued:
            assert Tokens(second).identify(token.access_token).role == "reader"
    (file,) = (tmp_path / "store").rglob("*token.key*")
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_bytes()) == 32


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that trusts a shared secret and a key set, for one audience of one issuer."""
    folder = tmp_path_factory.mktemp("trusting")
    key = base64.urlsafe_b64encode(b"another secret of an issuer elsewhere, in a key set").rstrip(b"=").decode()
    (folder / "jwks.json").write_text(json.dumps({"keys": [{"kty": "oct", "kid": "k1", "alg": "HS384", "k": key}]}))
    trust = {"jwt_secret": SECRET, "jwks": str(folder / "jwks.json"), "jwt_audience": "tseng", "jwt_issuer": "them"}
    with open_site(folder / "store", **trust) as opened:
        yield opened


CLAIMS = {"sub": "someone", "aud": ["tseng", "more"], "iss": "them", "scope": "openid sensor-data:read"}


def _foreign(change: dict[str, Any] | None = None, key: str | bytes = SECRET, **options: Any) -> str:
    return jwt.encode({"exp": time.time() + 60} | CLAIMS | (change or {}), key, **options)


def test_a_trusted_issuers_tokens_are_accepted(trusting: Site) -> None:
    """By secret or key set, scopes under `scope` or `scp`, the project by id or iTwin id, else the default one."""
    twin = "6ee68656-ce20-452c-a4e6-b6b3a3b55537"
    trusting.engine.create_project("Other", twin)
    set_key = b"another secret of an issuer elsewhere, in a key set"
    assert _get(trusting, _foreign()).json()["data"] == READINGS
    assert _upload(trusting, _foreign()) == 403
    assert _upload(trusting, _foreign({"scope": "", "scp": ["sensor-data:modify"]})) == 202
    assert _get(trusting, _foreign(key=set_key, algorithm="HS384", headers={"kid": "k1"})).status_code == 200
    assert _get(trusting, _foreign({"project": twin})).status_code == 404
    assert _get(trusting, _foreign({"scope": "openid"})).status_code == 403


def test_of_a_trusted_issuer_not_everything_is_accepted(trusting: Site) -> None:
    """Another audience, another issuer, no end, expired, another key or algorithm, or dressed up as ours."""
    wrong = [
        _foreign({"aud": "others"}),
        _foreign({"iss": "others"}),
        _foreign({"exp": 1708402321}),
        _foreign({"project": "nowhere"}),
        _foreign(key="some other secret that nobody here has heard of"),
        _foreign(key=SECRET * 2, algorithm="HS512"),
        _foreign(key=SECRET * 2, algorithm="HS384", headers={"kid": "k1"}),
        _foreign(key=SECRET * 2, algorithm="HS384", headers={"kid": "k2"}),
        _foreign(headers={"kid": "tseng"}),
        jwt.encode(CLAIMS, SECRET),
        jwt.encode({"exp": time.time() + 60} | CLAIMS, "", "none"),
    ]
    assert [_get(trusting, each).status_code for each in wrong] == [401] * len(wrong)


def test_a_key_set_that_cannot_be_used(tmp_path: Path) -> None:
    """It is named when the server starts; broken later on it is our fault, and the caller learns no path."""
    file = tmp_path / "jwks.json"
    file.write_text('{"keys": [{"kty": "oct", "kid": "k1", "alg": "HS256", "k": "AAAA"}]}')
    with open_site(tmp_path / "store", jwks=str(file)) as site:
        file.write_text("{}")
        answer = _get(site, _foreign())
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "INTERNAL")
        assert "jwks.json" not in answer.text
        assert site.get("/api/data", **READ).status_code == 200
        with pytest.raises(EngineError, match=r"TSENG_JWKS: .*jwks\.json"):
            create_app(site.engine)
