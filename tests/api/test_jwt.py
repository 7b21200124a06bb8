"""Tokens of a trusted issuer and our own, on every face: who signed, until when, for whom, by whom."""

import base64
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from tests.api.site import THERMOMETER, Site
from tests.api.site import site as open_site
from tests.api.talk import TcpTalk, WebSocketTalk

from tseng.tokens import Tokens

READ = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}
SECRET = "a secret that an issuer elsewhere shares with us"
FACES = ["rest", "rpc", "websocket", "tcp"]
SIGNED_WITH: dict[str, Any] = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "HS256": SECRET,
}
STRANGERS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "HS256": "another secret that nobody here has ever heard of",
}


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that trusts a secret and the public halves of two keys, for one audience of one issuer."""
    folder = tmp_path_factory.mktemp("trusting")
    keys = [
        RSAAlgorithm.to_jwk(SIGNED_WITH["RS256"].public_key(), as_dict=True) | {"kid": "RS256"},
        ECAlgorithm.to_jwk(SIGNED_WITH["ES256"].public_key(), as_dict=True) | {"kid": "ES256"},
    ]
    (folder / "jwks.json").write_text(json.dumps({"keys": keys}))
    trust = {"jwt_secret": SECRET, "jwks": str(folder / "jwks.json"), "jwt_audience": "tseng", "jwt_issuer": "them"}
    with open_site(folder / "store", **trust) as opened:
        yield opened


def token(algorithm: str, key: Any = None, **change: Any) -> str:
    """A token that would be let in, changed; a claim changed to None is left out."""
    claims = {"exp": time.time() + 60, "aud": "tseng", "iss": "them", "sub": "me", "scope": "sensor-data:read"} | change
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key or SIGNED_WITH[algorithm], algorithm, headers={"kid": algorithm})


def let_in(site: Site, face: str, code: str) -> bool:
    """Whether a face lets this token in; if not it says so the way it has to."""
    if face in ("rest", "rpc"):
        headers, http = {"Authorization": f"Bearer {code}"}, site.http(None)
        if face == "rest":
            answer = http.get("/api/data", params=READ, headers=headers)
        else:
            call = {"jsonrpc": "2.0", "id": 1, "method": "getData", "params": READ}
            answer = http.post("/api/rpc", json=call, headers=headers)
        assert answer.status_code in (200, 401), answer.text
        return answer.status_code == 200
    opened = WebSocketTalk(site.ports.http) if face == "websocket" else TcpTalk(site.ports.tcp)
    with opened as talk:
        said = talk.call("authenticate", {"code": code})
        assert said == {"nextId": 2} or said["code"] == -32001, said
        return "nextId" in said and bool(talk.collect(talk.ask("getData", READ)))


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("algorithm", SIGNED_WITH)
def test_what_a_trusted_key_has_signed_is_let_in(trusting: Site, face: str, algorithm: str) -> None:
    """With `aud` as text or among others, and `nbf` in the past."""
    assert let_in(trusting, face, token(algorithm))
    assert let_in(trusting, face, token(algorithm, aud=["others", "tseng"], nbf=time.time() - 60))


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("algorithm", SIGNED_WITH)
@pytest.mark.parametrize(
    "change",
    [
        {"exp": 1708402321},
        {"exp": None},
        {"nbf": 4102444800},
        {"aud": "others"},
        {"aud": None},
        {"iss": "others"},
        {"iss": None},
        {"project": "nowhere"},
    ],
    ids=str,
)
def test_each_claim_counts(trusting: Site, face: str, algorithm: str, change: dict[str, Any]) -> None:
    """Run out, without an end, not yet good, for others, for nobody, by others, by nobody, of no project."""
    assert not let_in(trusting, face, token(algorithm, **change))


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("algorithm", SIGNED_WITH)
def test_what_a_stranger_has_signed_is_not(trusting: Site, face: str, algorithm: str) -> None:
    """The same claims under the same key id; a signature cut off or changed is none either."""
    good = token(algorithm)
    head, claims, signature = good.split(".")
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
    for code in (token(algorithm, STRANGERS[algorithm]), f"{head}.{claims}.", f"{head}.{claims}.{flipped}"):
        assert not let_in(trusting, face, code)


def by_hand(key: bytes, kid: str) -> str:
    """An HS256 token with a key that no library signs with any more (RFC 7515, appendix A.1)."""
    claims = {"exp": time.time() + 60, "aud": "tseng", "iss": "them", "scope": "sensor-data:read"}
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT", "kid": kid}, claims)]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = base64.urlsafe_b64encode(hmac.digest(key, signed, "sha256")).rstrip(b"=")
    return b".".join((signed, signature)).decode()


@pytest.mark.parametrize("face", FACES)
def test_a_public_key_is_no_secret(trusting: Site, face: str) -> None:
    """An HS256 signature made with the published RSA key (RFC 8725, section 2.1), and `none` with no signature."""
    public = SIGNED_WITH["RS256"].public_key()
    text = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for key in (text, RSAAlgorithm.to_jwk(public).encode()):
        for kid in ("HS256", "RS256"):
            assert not let_in(trusting, face, by_hand(key, kid))
    forged = jwt.encode({"exp": time.time() + 60, "aud": "tseng", "iss": "them"}, "", "none")
    assert not let_in(trusting, face, forged)


@pytest.mark.parametrize("face", FACES)
def test_our_own_tokens(trusting: Site, face: str) -> None:
    """Issued to a client they are let in; neither run out nor signed by anybody else."""
    client = trusting.engine.keys.create_client("logger", "sensor-data:read")
    issued = Tokens(trusting.engine).issue(client["client_id"], client["client_secret"]).access_token
    assert let_in(trusting, face, issued)
    claims = jwt.decode(issued, options={"verify_signature": False})
    (file,) = trusting.engine.settings.data.rglob("token.key")
    ours: dict[str, Any] = {"key": file.read_bytes(), "algorithm": "HS256", "headers": {"kid": "tseng"}}
    for change in ({"exp": 1708402321}, {"nbf": 4102444800}, {"iss": "them"}, {"client_id": "nobody"}):
        assert not let_in(trusting, face, jwt.encode(claims | change, **ours))
    assert not let_in(trusting, face, jwt.encode(claims, SECRET, "HS256", headers={"kid": "tseng"}))


def test_without_a_key_id_every_key_of_the_algorithm_is_tried(tmp_path: Path) -> None:
    """`kid` is optional (RFC 7515, section 4.1.4): while an issuer changes its key there are two of them."""
    keys = [RSAAlgorithm.to_jwk(each["RS256"].public_key(), as_dict=True) for each in (STRANGERS, SIGNED_WITH)]
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": keys}))
    claims = {"exp": time.time() + 60, "scope": "sensor-data:read"}
    with open_site(tmp_path / "store", jwks=str(tmp_path / "jwks.json")) as site:
        for signer in (STRANGERS, SIGNED_WITH):
            assert let_in(site, "rest", jwt.encode(claims, signer["RS256"], "RS256"))
        other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        assert not let_in(site, "rest", jwt.encode(claims, other, "RS256"))
