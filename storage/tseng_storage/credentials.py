"""API keys and OAuth2 clients: verbs over their two tables, each one transaction. Hashing is the caller's business."""

import sqlite3
import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, insert, select, update

from tseng_storage.catalog_cache import CachedDatabase
from tseng_storage.entities import Client, Key, now_us
from tseng_storage.errors import NotFound
from tseng_storage.statements import prepared
from tseng_storage.tables import API_KEY, OAUTH_CLIENT


@dataclass(frozen=True)
class NewKey:
    """A key to be kept, by its hash."""

    name: str
    role: str
    hash: str


def added(connection: Connection, key: NewKey, project: str | None) -> Key:
    """Keep a key within a transaction that changes the catalog; `project` None means all projects."""
    row = {**vars(key), "project": project, "created": now_us(), "revoked": None}
    number = connection.execute(insert(API_KEY).values(row).returning(API_KEY.c.id)).scalar_one()
    return _key({"id": number, **row})


class Credentials:
    """The keys and clients of a store. `base`: the catalog's database with its cache."""

    def __init__(self, base: CachedDatabase) -> None:
        self._base = base

    def add_key(self, name: str, role: str, project: str | None, hash: str) -> Key:
        """Keep a key by its hash; `project` None means all projects."""
        with self._base.change() as connection:
            return added(connection, NewKey(name, role, hash), project)

    def keys(self) -> list[Key]:
        """All keys, revoked ones included, in the order they were made."""
        with self._base.read() as connection:
            return [_key(row) for row in connection.execute(select(API_KEY).order_by(API_KEY.c.id)).mappings()]

    def revoke_key(self, id: str) -> Key:
        """Mark a key as revoked (again is fine); NotFound for an id never given out."""
        with self._base.change() as connection:
            # An id that is no number cannot be one of ours; -1 neither.
            match = API_KEY.c.id == (int(id) if id.isascii() and id.isdigit() and len(id) < 18 else -1)
            connection.execute(update(API_KEY).where(match, API_KEY.c.revoked.is_(None)).values(revoked=now_us()))
            row = connection.execute(select(API_KEY).where(match)).mappings().first()
            if row is None:
                raise NotFound(f"there is no key {id!r}", "id", id)
            return _key(row)

    def find_key(self, hash: str) -> Key | None:
        """The key that hashes to `hash` and is not revoked, else None. Cached until the catalog changes."""
        return self._base.looked_up(("key", hash), lambda driver: _find_key(driver, hash))

    def add_client(self, name: str, scope: str, project: str | None, secret_hash: str) -> Client:
        """Keep a client under a new id."""
        client = Client(uuid.uuid4().hex, name, scope, project, secret_hash, now_us())
        with self._base.change() as connection:
            connection.execute(insert(OAUTH_CLIENT).values(vars(client)))
        return client

    def clients(self) -> list[Client]:
        """All clients, revoked ones included, in the order they were made."""
        query = select(OAUTH_CLIENT).order_by(OAUTH_CLIENT.c.created, OAUTH_CLIENT.c.id)
        with self._base.read() as connection:
            return [Client(**row) for row in connection.execute(query).mappings()]

    def rotate_client(self, id: str, secret_hash: str, old_until: int) -> Client:
        """Give a client another secret; the one it has stays good until `old_until`, any older one ends.

        Raises NotFound for a client that is revoked or was never made.
        """
        with self._base.change() as connection:
            values = {"secret_hash": secret_hash, "old_hash": OAUTH_CLIENT.c.secret_hash, "old_until": old_until}
            connection.execute(update(OAUTH_CLIENT).where(*_valid(id)).values(values))
            return _found(connection, id, *_valid(id))

    def revoke_client(self, id: str) -> Client:
        """Mark a client as revoked (again is fine); NotFound for an id never given out."""
        with self._base.change() as connection:
            connection.execute(update(OAUTH_CLIENT).where(*_valid(id)).values(revoked=now_us()))
            return _found(connection, id, OAUTH_CLIENT.c.id == id)

    def find_client(self, id: str) -> Client | None:
        """The client of that id if it is not revoked, else None."""
        with self._base.read() as connection:
            row = connection.execute(select(OAUTH_CLIENT).where(*_valid(id))).mappings().first()
        return None if row is None else Client(**row)


def _valid(client: str) -> tuple[ColumnElement[bool], ...]:
    return OAUTH_CLIENT.c.id == client, OAUTH_CLIENT.c.revoked.is_(None)


def _found(connection: Connection, client: str, *match: ColumnElement[bool]) -> Client:
    row = connection.execute(select(OAUTH_CLIENT).where(*match)).mappings().first()
    if row is None:
        raise NotFound(f"there is no client {client!r}", "id", client)
    return Client(**row)


def _find_key(driver: sqlite3.Connection, hash: str) -> Key | None:
    row = driver.execute(_VALID_KEY, (hash,)).fetchone()
    return None if row is None else _key(dict(zip(API_KEY.c.keys(), row, strict=True)))


_VALID_KEY = prepared(
    select(API_KEY).where(API_KEY.c.hash == bindparam("hash"), API_KEY.c.revoked.is_(None)), ("hash",)
)


def _key(row: RowMapping | dict[str, object]) -> Key:
    return Key(**{**row, "id": str(row["id"])})
