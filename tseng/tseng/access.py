"""Who may do what: keys, OAuth2 clients and the roles they carry.

A key or secret is 256 random bits, so its SHA-256 alone is kept and looked up: a slow password hash would add time and
no safety. admin may do what writer may, writer what reader may.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal, get_args

from tseng_storage.catalog import Catalog, Key

from tseng.errors import Exists, Forbidden, InvalidRequest, NotFound, Unauthenticated

Role = Literal["reader", "writer", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

# What an OAuth2 scope allows; other scopes are taken and mean nothing here.
SCOPE_ROLES: dict[str, Role] = {"sensor-data:read": "reader", "sensor-data:modify": "writer"}


@dataclass(frozen=True)
class Identity:
    """Who is asking: the key's or client's name, its role, and its project (None: every project)."""

    name: str
    role: Role
    project: str | None

    def require(self, role: Role) -> None:
        """Let pass who has this role or a higher one.

        Raises:
            Forbidden: the role is too low.
        """
        if ROLES.index(self.role) < ROLES.index(role):
            raise Forbidden(
                f"this needs the role {role}; {self.name} has {self.role}", field="role", seen=self.role, allowed=[role]
            )


def digest(secret: str) -> str:
    """Return the form of a key or secret that is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


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
        found = self._catalog.project(project)
        if found is None:
            raise NotFound(f"there is no project {project!r}", field="project", seen=project)
        key = "tseng_" + secrets.token_urlsafe(32)
        bound = None if role == "admin" and project is None else found.id
        self._catalog.add_key(name=name, role=role, project=bound, digest=digest(key))
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
        found = self._catalog.project(project)
        if found is None:
            raise NotFound(f"there is no project {project!r}", field="project", seen=project)
        client, secret = secrets.token_hex(12), secrets.token_urlsafe(32)
        self._catalog.add_client(client_id=client, name=name, scope=scope, project=found.id, digest=digest(secret))
        return {"client_id": client, "client_secret": secret}

    def list(self) -> list[Key]:
        """All keys, revoked ones too, oldest first."""
        return self._catalog.keys()

    def revoke(self, key_id: str) -> None:
        """Make a key worthless from now on.

        Raises:
            NotFound: no such key.
        """
        if not self._catalog.revoke_key(key_id):
            raise NotFound(f"there is no key {key_id!r}", field="id", seen=key_id)

    def identify(self, key: str) -> Identity:
        """Tell whose key this is.

        Raises:
            Unauthenticated: unknown or revoked.
        """
        found = self._catalog.find_key(digest(key))
        if found is None or found.revoked is not None:
            raise Unauthenticated("the API key is unknown or revoked", field="Authorization")
        return Identity(found.name, found.role, found.project)  # type: ignore[arg-type]
