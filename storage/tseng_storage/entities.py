"""What the catalog hands out: frozen records of projects, entities, keys and clients."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["node", "device", "sensor"]

KINDS: tuple[Kind, ...] = ("node", "device", "sensor")


@dataclass(frozen=True)
class Project:
    """One project; `itwin_id` is an optional alias (GUID). `created`: epoch us."""

    id: str
    name: str
    itwin_id: str | None
    is_default: bool
    created: int


@dataclass(frozen=True)
class Entity:
    """A node, device or sensor of a project; `created` and `modified`: epoch us."""

    project: str
    kind: Kind
    id: str
    type: str
    parent: str | None = None
    props: Mapping[str, Any] = field(default_factory=dict)
    custom_props: Mapping[str, Any] = field(default_factory=dict)
    observation_type: str | None = None
    ref_id: str | None = None
    created: int = 0
    modified: int = 0


@dataclass(frozen=True)
class Key:
    """An API key as kept: its hash, never the key. `project` None: all projects. `revoked`: epoch us or None."""

    id: str
    name: str
    role: str
    project: str | None
    hash: str
    created: int
    revoked: int | None


@dataclass(frozen=True)
class Client:
    """An OAuth2 client as kept: the hash of its secret, never the secret."""

    id: str
    name: str
    scope: str
    project: str | None
    secret_hash: str
    created: int


def now_us() -> int:
    """The present, epoch us."""
    return time.time_ns() // 1000
