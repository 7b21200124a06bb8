"""Bearer tokens: those issued here to OAuth2 clients, and those of an issuer that the settings trust.

Our own are signed with a secret that lies in a file beside the catalog, readable by its owner alone. Whichever process
needs it first makes it: written whole under another name and then linked to its own, so that all find the same one. It
is not part of a backup, so a restored store trusts no token of the old one; they live for an hour.

Whose secret has to fit is decided by the `kid` in the token's header before anything else in it is believed.
"""

import json
import logging
import os
import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tseng.access import ROLES, SCOPE_ROLES, Identity, Role, find_project
from tseng.errors import EngineError, Forbidden, InvalidRequest, NotFound, Unauthenticated

if TYPE_CHECKING:
    from tseng.engine import Engine

log = logging.getLogger("tseng.tokens")

LIFETIME = 3600
"""Seconds that an issued token is good for."""

_OURS = "tseng"
_SECRET_BYTES = 32


@dataclass(frozen=True)
class Issued:
    """A token as it is handed out; `scope` is what was granted."""

    access_token: str
    scope: str
    expires_in: int = LIFETIME
    token_type: str = "Bearer"


class Tokens:
    """Tokens of one engine."""

    def __init__(self, engine: "Engine") -> None:
        self._catalog, self._keys = engine.store.catalog, engine.keys
        self._settings = engine.settings
        self._file = engine.store.layout.catalog.with_name("token.key")

    def check_settings(self) -> None:
        """See that the key set of the settings, if there is one, can be used.

        Raises:
            EngineError: it cannot; the text names the file.
        """
        if self._settings.jwks:
            _key_set(Path(self._settings.jwks))

    def issue(self, client_id: str, client_secret: str, scope: str | None = None) -> Issued:
        """Make a token for a client, of all its scopes or of those asked for.

        Raises:
            Unauthenticated: no such client, or not its secret.
            InvalidRequest: a scope that the client has not.
        """
        import jwt

        client = self._keys.client(client_id, client_secret)
        granted = client.scope.split() if scope is None else list(dict.fromkeys(scope.split()))
        beyond = [name for name in granted if name not in client.scope.split()]
        if beyond or not granted:
            raise InvalidRequest.at("scope", f"the client has {client.scope!r}, not {' '.join(beyond)!r}")
        now, text = int(time.time()), " ".join(granted)
        claims = {
            "iss": _OURS, "sub": client.id, "client_id": client.id, "project": client.project, "scope": text,
            "role": _role(granted), "iat": now, "exp": now + LIFETIME, "jti": uuid.uuid4().hex,
        }  # fmt: skip
        return Issued(jwt.encode(claims, self._secret(), "HS256", headers={"kid": _OURS}), text)

    def identify(self, token: str) -> Identity:
        """Tell whose token this is.

        Raises:
            Unauthenticated: malformed, expired, signed by nobody known, or of a client or project that is gone.
            Forbidden: a good token whose scopes give no right here.
        """
        ours, claims = self._verified(token)
        name = str(claims.get("client_id") or claims.get("azp") or claims.get("sub") or "a bearer token")
        if ours and self._catalog.find_client(name) is None:
            raise _refusal("the token's client is gone")
        try:
            project = find_project(self._catalog, _text(claims.get("project"))).id
        except NotFound:
            raise _refusal("the token's project is gone") from None
        scopes = _scopes(claims)
        role = _role(scopes)
        if role is None:
            need = " or ".join(SCOPE_ROLES)
            raise Forbidden(f"the token's scope is {' '.join(scopes)!r}; this needs {need}", field="scope", seen=scopes)
        return Identity(name, role, project, float(claims["exp"]))

    def trusted(self) -> tuple[object, ...]:
        """What tokens are trusted by: differs when our secret or the key set of the settings has changed."""
        return _state(self._file), _state(Path(self._settings.jwks)) if self._settings.jwks else None

    def _verified(self, token: str) -> tuple[bool, dict[str, Any]]:
        """Return whether the token is our own, and its claims."""
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            if header.get("kid") == _OURS:
                return True, _decode(token, self._secret(), ["HS256"], issuer=_OURS)
            return False, self._foreign(token, header)
        except jwt.ExpiredSignatureError:
            raise _refusal(f"Token has expired on {_expiry(token)}") from None
        except jwt.PyJWTError as error:
            raise _refusal(f"the bearer token is no good: {error}") from None

    def _foreign(self, token: str, header: dict[str, Any]) -> dict[str, Any]:
        """Return the claims of a trusted issuer's token: of the keys that its header may mean, one has signed it."""
        import jwt

        audience, issuer = self._settings.jwt_audience or None, self._settings.jwt_issuer or None
        for key, algorithm in self._meant(header):
            with suppress(jwt.InvalidSignatureError):
                return _decode(token, key, [algorithm], audience=audience, issuer=issuer)
        raise _refusal("the bearer token is signed by nobody that this server trusts")

    def _meant(self, header: dict[str, Any]) -> Iterator[tuple[Any, str]]:
        """Keys of trusted issuers that a header may mean, each with the one algorithm that it may be used with."""
        if header.get("alg") == "HS256" and self._settings.jwt_secret:
            yield self._settings.jwt_secret, "HS256"
        for key in self._trusted_keys():
            if header.get("kid") in (None, key.key_id) and header.get("alg") == key.algorithm_name:
                yield key, str(key.algorithm_name)

    def _trusted_keys(self) -> list[Any]:
        """Read the key set anew each time: its issuer changes it. Where it is broken, that is for the log alone."""
        try:
            return _key_set(Path(self._settings.jwks)) if self._settings.jwks else []
        except EngineError as error:
            log.error("%s", error)
            raise EngineError("this server cannot read the keys of tokens from elsewhere") from None

    def _secret(self) -> bytes:
        """Read the secret, or make it."""
        try:
            return self._file.read_bytes()
        except FileNotFoundError:
            _place(self._file, secrets.token_bytes(_SECRET_BYTES))
            return self._file.read_bytes()


def _place(path: Path, content: bytes) -> None:
    """Have a file of this content, for its owner alone, unless there is one already; never half of one."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)
    except FileExistsError:
        # Another process was first: its secret is the one.
        return
    finally:
        partial.unlink()


def _decode(
    token: str, key: Any, algorithms: list[str], *, audience: str | None = None, issuer: str | None = None
) -> dict[str, Any]:
    import jwt

    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms, audience=audience, issuer=issuer,
        options={"require": ["exp"], "verify_aud": audience is not None, "verify_sub": False},
    )  # fmt: skip
    return claims


def _state(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _key_set(path: Path) -> list[Any]:
    import jwt

    try:
        return list(jwt.PyJWKSet.from_dict(json.loads(path.read_bytes())).keys)
    except (OSError, ValueError, jwt.PyJWTError) as error:
        raise EngineError(f"TSENG_JWKS: {path} holds no keys that can be used: {error}") from None


def _expiry(token: str) -> str:
    """Write when a token ended the way seed 003 prints it: `Tue Feb 20 04:12:01 UTC 2024`."""
    import jwt

    claims = jwt.decode(token, options={"verify_signature": False})
    at = datetime.fromtimestamp(max(0, int(claims["exp"])), UTC)
    day_and_month = at.ctime()[:7]
    return f"{day_and_month} {at:%d %H:%M:%S} UTC {at.year}"


def _scopes(claims: dict[str, Any]) -> list[str]:
    """Return the scopes of a token: text under `scope` or `scp`, or a list."""
    given = claims.get("scope") or claims.get("scp") or ""
    return given.split() if isinstance(given, str) else [str(each) for each in given]


def _role(scopes: list[str]) -> Role | None:
    """Return the highest role that scopes give."""
    roles = [SCOPE_ROLES[scope] for scope in scopes if scope in SCOPE_ROLES]
    return max(roles, key=ROLES.index, default=None)


def _text(claim: object) -> str | None:
    return None if claim is None else str(claim)


def _refusal(message: str) -> Unauthenticated:
    return Unauthenticated(message, field="Authorization")
