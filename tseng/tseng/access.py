"""Who may do what: keys, OAuth2 clients and the roles they carry.

A key or secret is 256 random bits, so its SHA-256 alone is kept and looked up: a slow password hash would add time and
no safety. admin may do what writer may, writer what reader may. A sender may do nothing but send to the one thing that
it was made for, by the door that made it.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Literal, get_args

from tseng.errors import Exists, Forbidden, InvalidRequest, NotFound, Unauthenticated
from tseng_storage.catalog import DEFAULT_PROJECT, Catalog
from tseng_storage.entities import Client, Key, Project, now_us
from tseng_units.instants import DAY_US, format_instant
from tseng_units.windows import parse_duration

Role = Literal["sender", "reader", "writer", "admin"]
RANKS: tuple[Role, ...] = get_args(Role)
ROLES = RANKS[1:]
"""Those that keys are given by name."""

# What an OAuth2 scope allows; other scopes are taken and mean nothing here.
SCOPE_ROLES: dict[str, Role] = {"sensor-data:read": "reader", "sensor-data:modify": "writer"}

# Days for which an old secret may stay good: one that never ends would be no rotation.
_LONGEST_KEPT = 90


@dataclass(frozen=True)
class Identity:
    """Who is asking: the key's or client's name, its role, and its project (None: every project).

    `until`: when the token that it came with runs out, in seconds since 1970; None where it does not.
    """

    name: str
    role: Role
    project: str | None
    until: float | None = field(default=None, compare=False)

    def over(self, now: float) -> bool:
        """Say whether its token has run out."""
        return self.until is not None and self.until <= now

    def require(self, role: Role) -> None:
        """Let pass who has this role or a higher one.

        Raises:
            Forbidden: the role is too low.
        """
        if RANKS.index(self.role) < RANKS.index(role):
            raise Forbidden(
                f"this needs the role {role}; {self.name} has {self.role}", field="role", seen=self.role, allowed=[role]
            )


def find_project(catalog: Catalog, project: str | None) -> Project:
    """Return a project by id or iTwin id; None means the default one.

    Raises:
        NotFound: no such project.
    """
    found = catalog.project(project or DEFAULT_PROJECT)
    if found is None:
        raise NotFound(f"there is no project {project!r}", field="project", seen=project)
    return found


def digest(secret: str) -> str:
    """Return the form of a key or secret that is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_key() -> str:
    """Return a key that nobody has."""
    return "tseng_" + secrets.token_urlsafe(32)


def _kept(keep: str) -> int:
    """Microseconds for which an old secret stays good."""
    kept = 0 if keep == "0" else parse_duration(keep, "keep")
    if kept > _LONGEST_KEPT * DAY_US:
        raise InvalidRequest.at("keep", f"{keep!r} is more than {_LONGEST_KEPT}d")
    return kept


class Keys:
    """API keys of one store."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def create(self, name: str, role: str = "reader", project: str | None = None) -> str:
        """Make a key and return it: it is shown this once. Only an admin key may be without a project.

        Raises:
            InvalidRequest: no such role.
            NotFound: no such project.
        """
        if role not in ROLES:
            raise InvalidRequest.at("role", f"{role!r} is none of {', '.join(ROLES)}")
        home = find_project(self._catalog, project)
        key = new_key()
        self._catalog.add_key(name, role, None if role == "admin" and project is None else home.id, digest(key))
        return key

    def first(self) -> str:
        """Make the first admin key of a new store.

        Raises:
            Exists: there is one already.
        """
        if self._catalog.keys():
            raise Exists("this store has keys already; `tseng keys create` makes more", field="keys")
        return self.create("admin", "admin")

    def create_client(self, name: str, scope: str, project: str | None = None) -> dict[str, str]:
        """Make an OAuth2 client of one project; the secret is shown this once.

        Returns:
            `{"client_id", "client_secret"}`.

        Raises:
            InvalidRequest: no scope that gives a right.
            NotFound: no such project.
        """
        if not {*scope.split()} & SCOPE_ROLES.keys():
            raise InvalidRequest.at("scope", f"{scope!r} holds none of {', '.join(SCOPE_ROLES)}")
        home = find_project(self._catalog, project)
        secret = secrets.token_urlsafe(32)
        client = self._catalog.add_client(name, scope, home.id, digest(secret))
        return {"client_id": client.id, "client_secret": secret}

    def rotate_client(self, client_id: str, keep: str = "24h") -> dict[str, str]:
        """Give a client a new secret, shown this once; the one it has stays good for as long as `keep` says.

        It has two secrets at most: one of an earlier rotation ends now. Tokens go on to their own end.

        Returns:
            `{"client_id", "client_secret", "old_secret_until"}`.

        Raises:
            InvalidRequest: `keep` is more than 90 days.
            tseng_units.errors.InvalidParam: it is no duration.
            tseng_storage.errors.NotFound: no such client, or a revoked one.
        """
        until, secret = now_us() + _kept(keep), secrets.token_urlsafe(32)
        client = self._catalog.rotate_client(client_id, digest(secret), until)
        return {"client_id": client.id, "client_secret": secret, "old_secret_until": format_instant(until)}

    def client(self, client_id: str, client_secret: str) -> Client:
        """Return the client that presents its secret, or the one before it in time.

        Raises:
            Unauthenticated: no such client, a revoked one, or not its secret.
        """
        found, shown = self._catalog.find_client(client_id), digest(client_secret)
        # Compared even where there is no such client: how long a refusal takes does not tell.
        fits = hmac.compare_digest(found.secret_hash if found else "", shown)
        before = hmac.compare_digest((found and found.old_hash) or "", shown)
        if found is None or not (fits or (before and now_us() < (found.old_until or 0))):
            raise Unauthenticated("the client is unknown or the secret is not its own", field="client_id")
        return found

    def clients(self) -> list[Client]:
        """All OAuth2 clients, revoked ones too, oldest first."""
        return self._catalog.clients()

    def revoke_client(self, client_id: str) -> None:
        """Make a client and its tokens worthless from now on.

        Raises:
            tseng_storage.errors.NotFound: no such client.
        """
        self._catalog.revoke_client(client_id)

    def list(self) -> list[Key]:
        """All keys, revoked ones too, oldest first."""
        return self._catalog.keys()

    def revoke(self, key_id: str) -> None:
        """Make a key worthless from now on.

        Raises:
            tseng_storage.errors.NotFound: no such key.
        """
        self._catalog.revoke_key(key_id)

    def identify(self, key: str) -> Identity:
        """Tell whose key this is.

        Raises:
            Unauthenticated: unknown, revoked, or of a project that is gone.
        """
        found = self._catalog.find_key(digest(key))
        if found is None:
            raise Unauthenticated("the API key is unknown or revoked", field="Authorization")
        if found.project is not None and self._catalog.project(found.project) is None:
            raise Unauthenticated("the API key's project is gone", field="Authorization")
        return Identity(found.name, found.role, found.project)  # type: ignore[arg-type]
