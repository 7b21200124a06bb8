"""Who is asking, of which store: what every transport hands to every handler and method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from tseng.access import Identity, Role
from tseng.engine import Engine
from tseng.errors import Forbidden, InvalidRequest, NotFound, Unauthenticated
from tseng.tokens import Tokens
from tseng_storage.entities import Kind


class Subscriptions(Protocol):
    """What a connection that stays open is subscribed to.

    Each `id` is the JSON text of a request's id, echoed as it came; ids are compared by value and type.
    """

    def add_data(
        self,
        id: bytes,
        sensors: Sequence[str],
        metric: str,
        unit: str,
        params: Mapping[str, Any] | None,
        project: str,
    ) -> None:
        """Send new points of the sensors under this id.

        Raises:
            InvalidCall: the id is in use, or there are too many subscriptions.
            EngineError, tseng_units.errors.UnitsError: as of `Engine.subscribe_data`.
        """

    def add_entities(self, id: bytes, kind: Kind, ids: Sequence[str] | None, project: str) -> None:
        """Send these entities as they change, without `ids` all of the project, under this id.

        Raises:
            InvalidCall: the id is in use, or there are too many subscriptions.
            NotFound: one of the entities does not exist.
        """

    def remove(self, what: Literal["data", "node", "device", "sensor"], id: bytes) -> None:
        """End a subscription.

        Raises:
            NotFound: there is none of this sort under this id.
        """


@dataclass
class Session:
    """An engine and the identity that asks it; None until it has said who it is.

    One HTTP request is one session. On a socket `authenticate` sets and replaces the identity. `subscriptions` is where
    a connection that stays open keeps them, None where there is no such connection.
    """

    engine: Engine
    identity: Identity | None = None
    request_id: str = ""
    subscriptions: Subscriptions | None = None

    def authenticate(self, code: str) -> None:
        """Be whoever this key or token is of, from now on.

        Raises:
            Unauthenticated, Forbidden: as `identify_code`; whoever this was before it still is.
        """
        self.identity = identify_code(self.engine, code)

    def require(self, role: Role) -> Identity:
        """Let pass who has this role or a higher one.

        Raises:
            Unauthenticated: nobody has authenticated yet.
            Forbidden: the role is too low.
        """
        if self.identity is None:
            raise Unauthenticated("authenticate first", field="Authorization")
        self.identity.require(role)
        return self.identity

    @property
    def author(self) -> str:
        """Name of the writer who asks, which is kept with what is changed; Unauthenticated, Forbidden as `require`."""
        return self.require("writer").name

    def require_all_projects(self) -> None:
        """Let pass an admin whose key is not bound to one project.

        Raises:
            Forbidden: it is bound, or no admin.
        """
        identity = self.require("admin")
        if identity.project is not None:
            raise Forbidden(f"{identity.name} is bound to one project", field="role", seen=identity.role)

    def project(self, asked: Sequence[str] | str | None = None) -> str:
        """Id of the one project meant by `projectIds`: that id or iTwin id, else the key's, else the default one.

        Raises:
            InvalidRequest: several projects.
            NotFound: no such project; one that the key does not reach looks the same.
        """
        ids = [id for id in dict.fromkeys([asked] if isinstance(asked, str) else asked or ()) if id]
        bound = None if self.identity is None else self.identity.project
        if len(ids) > 1:
            raise InvalidRequest.at("projectIds", f"one project for each request, not {len(ids)}")
        if not ids:
            return bound or self.engine.project().id
        found = self._find(ids[0])
        if bound not in (None, found):
            raise self._absent(ids[0])
        return found

    def _find(self, project: str) -> str:
        try:
            return self.engine.project(project).id
        except NotFound:
            raise self._absent(project) from None

    @staticmethod
    def _absent(project: str) -> NotFound:
        return NotFound(f"there is no project {project!r}", field="projectIds", seen=project)


def identify(engine: Engine, authorization: str) -> Identity:
    """Tell who sends this Authorization header: `ApiKey <key>` or `Bearer <token>`.

    Raises:
        Unauthenticated: none, another scheme, or a key or token that is unknown, revoked or expired.
        Forbidden: a good token that carries no right.
    """
    scheme, _, credential = authorization.partition(" ")
    credential = credential.strip()
    if not scheme:
        raise Unauthenticated(
            "send `Authorization: ApiKey <key>` or `Authorization: Bearer <token>`", field="Authorization"
        )
    if scheme.lower() == "apikey" and credential:
        return engine.keys.identify(credential)
    if scheme.lower() == "bearer" and credential:
        return Tokens(engine).identify(credential)
    raise Unauthenticated(
        "the Authorization header must read `ApiKey <key>` or `Bearer <token>`", field="Authorization"
    )


def identify_code(engine: Engine, code: str) -> Identity:
    """Tell whose key or token this is: a JWT has two dots (RFC 7519), a key has none.

    Raises:
        Unauthenticated: it is unknown, revoked or expired.
        Forbidden: a good token that carries no right.
    """
    return Tokens(engine).identify(code) if code.count(".") == 2 else engine.keys.identify(code)
