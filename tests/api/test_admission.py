"""Who is let in stays in only as long as the credential is good: on open sockets within seconds."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from tests.api.site import THERMOMETER, Site
from tests.api.site import site as open_site
from tests.api.talk import Talk, TcpTalk, WebSocketTalk, wait_until

from tseng.access import Identity
from tseng.engine import Engine
from tseng.tokens import Tokens
from tseng_api import admission
from tseng_api.admission import Admissions
from tseng_api.errors import LimitReached
from tseng_api.limits import CONNECTIONS_PER_KEY
from tseng_api.session import identify_code

SECRET = "a secret that an issuer elsewhere shares with us"
SET_SECRET = "another secret of an issuer elsewhere, in a key set"
REVOKED_WITHIN = 5
"""Seconds (interface.md, section 10)."""


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that trusts a secret and a key set."""
    folder = tmp_path_factory.mktemp("trusting")
    (folder / "jwks.json").write_text("")
    _trust(folder / "jwks.json", {"kty": "oct", "kid": "k1", "alg": "HS256", "k": _encoded(SET_SECRET)})
    with open_site(folder / "store", jwt_secret=SECRET, jwks=str(folder / "jwks.json")) as opened:
        yield opened


@pytest.fixture(params=["websocket", "tcp"])
def stranger(request: pytest.FixtureRequest, trusting: Site) -> Iterator[Talk]:
    """A connection through each face that has not said who it is."""
    ports = trusting.ports
    with WebSocketTalk(ports.http) if request.param == "websocket" else TcpTalk(ports.tcp) as talk:
        yield talk


def _encoded(secret: str) -> str:
    return jwt.utils.base64url_encode(secret.encode()).decode()


def _trust(file: Path, *keys: dict[str, str]) -> None:
    file.write_text(json.dumps({"keys": list(keys)}))


def _revoke(engine: Engine, name: str) -> None:
    (id,) = [key.id for key in engine.keys.list() if key.name == name]
    engine.keys.revoke(id)


def let_in(talk: Talk, code: str) -> None:
    """Authenticate, and be answered."""
    assert "nextId" in talk.call("authenticate", {"code": code})
    assert "time" in talk.call("time")


def shown_out(talk: Talk) -> str:
    """See the connection told without an id and closed within the time there is for it; the words."""
    asked = time.monotonic()
    told = talk.next()
    assert time.monotonic() - asked < REVOKED_WITHIN
    assert "id" not in told
    assert told["error"]["code"] == -32001
    assert talk.closed() == (1008 if isinstance(talk, WebSocketTalk) else 0)
    return str(told["error"]["message"])


def test_a_revoked_key_ends_its_connections_and_no_others(trusting: Site, stranger: Talk) -> None:
    """Told why, closed, whoever revoked it; another key's connection goes on."""
    port, keys = trusting.ports.tcp, trusting.engine.keys
    let_in(stranger, keys.create(f"short {id(stranger)}"))
    with (
        TcpTalk(port, trusting.keys["reader"]) as other,
        TcpTalk(port, keys.create(f"shorter {id(stranger)}")) as first,
        Engine.open(trusting.engine.settings.data) as elsewhere,
    ):
        # All three are looked at when the first one goes; after that only the change leads to another look.
        for talk, name in ((first, "shorter"), (stranger, "short")):
            _revoke(elsewhere, f"{name} {id(stranger)}")
            assert "revoked" in shown_out(talk)
        assert "time" in other.call("time")


def test_a_token_that_runs_out_ends_its_connections(trusting: Site, stranger: Talk) -> None:
    """At its second, with the words of any token that has."""
    until = int(time.time()) + 2
    let_in(stranger, jwt.encode({"exp": until, "scope": "sensor-data:read"}, SECRET))
    assert "Token has expired" in shown_out(stranger)
    assert time.time() >= until


def test_a_second_token_in_time_keeps_the_connection(trusting: Site, stranger: Talk) -> None:
    """What counts is the credential presented last."""
    until = int(time.time()) + 2
    let_in(stranger, jwt.encode({"exp": until, "scope": "sensor-data:read"}, SECRET))
    let_in(stranger, jwt.encode({"exp": until + 600, "scope": "sensor-data:read"}, SECRET))
    with TcpTalk(trusting.ports.tcp) as first:
        let_in(first, jwt.encode({"exp": until, "scope": "sensor-data:read"}, SECRET))
        shown_out(first)
    assert "time" in stranger.call("time")


def test_a_project_that_goes_takes_its_connections_along(trusting: Site, stranger: Talk) -> None:
    """Those of its keys and those of its clients' tokens."""
    engine = trusting.engine
    project = engine.create_project("Gone").id
    client = engine.keys.create_client("logger", "sensor-data:read", project)
    token = Tokens(engine).issue(client["client_id"], client["client_secret"]).access_token
    let_in(stranger, engine.keys.create("bound", project=project))
    with TcpTalk(trusting.ports.tcp) as other:
        let_in(other, token)
        engine.store.catalog.delete_project(project)
        shown_out(stranger)
        assert "gone" in shown_out(other)


def test_a_client_that_is_revoked_takes_its_connections_along(trusting: Site, stranger: Talk) -> None:
    """Those of its tokens; a new secret alone leaves them."""
    engine = trusting.engine
    clients = [engine.keys.create_client(name, "sensor-data:read") for name in ("revoked", "rotated")]
    tokens = [Tokens(engine).issue(each["client_id"], each["client_secret"]).access_token for each in clients]
    with TcpTalk(trusting.ports.tcp) as other:
        let_in(stranger, tokens[0])
        let_in(other, tokens[1])
        engine.keys.rotate_client(clients[1]["client_id"], "0")
        engine.keys.revoke_client(clients[0]["client_id"])
        assert "gone" in shown_out(stranger)
        assert "time" in other.call("time")


def test_a_key_that_is_trusted_no_more_takes_its_connections_along(trusting: Site, stranger: Talk) -> None:
    """The issuer has taken it out of its key set."""
    file = Path(trusting.engine.settings.jwks)
    before = file.read_text()
    let_in(
        stranger, jwt.encode({"exp": time.time() + 600, "scope": "sensor-data:read"}, SET_SECRET, headers={"kid": "k1"})
    )
    _trust(file, {"kty": "oct", "kid": "k2", "alg": "HS256", "k": _encoded("x" * 40)})
    try:
        assert "nobody" in shown_out(stranger)
    finally:
        file.write_text(before)


def test_a_connection_that_is_shown_out_learns_nothing_more(trusting: Site, stranger: Talk) -> None:
    """Not the rest of an answer under way either: after the last word only the end comes."""
    let_in(stranger, trusting.engine.keys.create(f"busy {id(stranger)}"))
    asked = [stranger.ask("getData", {"sensor": THERMOMETER, "metric": "T", "unit": "C"}) for _ in range(50)]
    _revoke(trusting.engine, f"busy {id(stranger)}")
    told = [stranger.next()]
    while "id" in told[-1]:
        told.append(stranger.next())
    assert told[-1]["error"]["code"] == -32001
    assert {each["id"] for each in told[:-1]} <= set(asked)
    stranger.closed()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A new store."""
    with Engine.open(tmp_path / "store") as opened:
        yield opened


def _looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []

    def counted(engine: Engine, code: str) -> Identity:
        seen.append(code)
        return identify_code(engine, code)

    monkeypatch.setattr(admission, "identify_code", counted)
    return seen


def test_a_credential_is_looked_at_once_and_only_when_something_has_changed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten connections on one key are one look; no change, no look; any change of the catalog, one more."""
    key = engine.keys.create("many")
    admissions, seen = Admissions(engine), _looked_at(monkeypatch)
    for number in range(10):
        admissions.admit(str(number), engine.keys.identify(key), key)
    assert admissions.refused() == {}
    assert admissions.refused() == {}
    assert seen == [key]
    engine.create_entity("sensor", "s", "TEMPERATURE_SDE")
    assert admissions.refused() == {}
    assert seen == [key, key]
    _revoke(engine, "many")
    assert admissions.refused().keys() == {str(number) for number in range(10)}
    for number in range(10):
        admissions.leave(str(number))
    assert admissions.refused() == {}


def test_a_key_that_is_revoked_while_it_is_taken_down_is_found(engine: Engine) -> None:
    """It was good when it was checked, and the change was looked at before it was there."""
    key = engine.keys.create("short")
    admissions, identity = Admissions(engine), engine.keys.identify(key)
    _revoke(engine, "short")
    assert admissions.refused() == {}
    admissions.admit("late", identity, key)
    assert admissions.refused().keys() == {"late"}


def test_what_is_presented_while_the_look_goes_on_is_looked_at_by_itself(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key revoked before the look began is found at the next one; one that is good is not refused for its forerunner.

    Both connections present another key while the one they came with is judged.
    """
    old, bad, good = (engine.keys.create(name) for name in ("old", "bad", "good"))
    identities = {code: engine.keys.identify(code) for code in (old, bad, good)}
    admissions = Admissions(engine)
    for connection in ("revoked", "better"):
        admissions.admit(connection, identities[old], old)
    for name in ("old", "bad"):
        _revoke(engine, name)

    def meanwhile(engine: Engine, code: str) -> Identity:
        monkeypatch.undo()
        admissions.admit("revoked", identities[bad], bad)
        admissions.admit("better", identities[good], good)
        return identify_code(engine, code)

    monkeypatch.setattr(admission, "identify_code", meanwhile)
    assert admissions.refused() == {}
    assert admissions.refused().keys() == {"revoked"}
    assert admissions.refused() == {}


def test_a_key_has_so_many_connections_and_no_more(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is refused by name; a second authenticate of one that is in is none; one that leaves makes room."""
    monkeypatch.setattr(admission, "CONNECTIONS_PER_KEY", 2)
    key, other = engine.keys.create("many"), engine.keys.create("other")
    admissions, identity = Admissions(engine), engine.keys.identify(key)
    admissions.admit("a", identity, key)
    admissions.admit("b", identity, key)
    admissions.admit("b", identity, key)
    with pytest.raises(LimitReached, match="many has 2 open connections"):
        admissions.admit("c", identity, key)
    admissions.admit("c", engine.keys.identify(other), other)
    admissions.admit("b", engine.keys.identify(other), other)
    admissions.admit("d", identity, key)
    admissions.leave("a")
    admissions.admit("e", identity, key)


def test_a_connection_too_many_is_refused_and_stays_open(trusting: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """-32029 to `authenticate`; once another one has left it may try again. A large site's gateways all get in."""
    assert CONNECTIONS_PER_KEY >= 1200
    monkeypatch.setattr(admission, "CONNECTIONS_PER_KEY", 1)
    port, key = trusting.ports.tcp, trusting.engine.keys.create("crowded")
    with TcpTalk(port) as late:
        with TcpTalk(port, key):
            assert late.call("authenticate", {"code": key})["code"] == -32029
            assert late.call("time")["code"] == -32001
        wait_until(lambda: "nextId" in late.call("authenticate", {"code": key}))
        assert "time" in late.call("time")


def test_tokens_count_by_their_client(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new one every hour does not make a new count."""
    monkeypatch.setattr(admission, "CONNECTIONS_PER_KEY", 2)
    client = engine.keys.create_client("logger", "sensor-data:read")
    tokens = Tokens(engine)
    codes = [tokens.issue(client["client_id"], client["client_secret"]).access_token for _ in range(3)]
    admissions = Admissions(engine)
    for number, code in enumerate(codes[:2]):
        admissions.admit(str(number), tokens.identify(code), code)
    with pytest.raises(LimitReached):
        admissions.admit("2", tokens.identify(codes[2]), codes[2])


def test_any_number_of_threads_may_come_and_go(engine: Engine) -> None:
    """Requests run in threads: after all have left nothing is counted."""
    key = engine.keys.create("many")
    admissions, identity = Admissions(engine), engine.keys.identify(key)

    def come_and_go(name: str) -> None:
        for turn in range(200):
            admissions.admit(f"{name} {turn}", identity, key)
            admissions.leave(f"{name} {turn}")

    threads = [threading.Thread(target=come_and_go, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _counted(admissions) == {}


def _counted(admissions: Any) -> dict[Any, int]:
    return dict(admissions._count)
