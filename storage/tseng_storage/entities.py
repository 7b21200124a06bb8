"""What the catalog hands out: frozen records of projects, entities, keys and clients."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from tseng_storage.history import Epochs

Kind = Literal["node", "device", "sensor"]

KINDS: tuple[Kind, ...] = ("node", "device", "sensor")

Definition = Literal["metric", "unit", "profile"]
"""Kinds of what users define for a project; kept as entities, so that their changes have a history too."""

AnyKind = Kind | Definition

Field = Literal["type", "parent", "observation_type", "ref_id"]
"""What an edit can set beside props; a type cannot be None."""


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
    """A node, device or sensor of a project, or a definition; `created` and `modified`: epoch us.

    `props` are the values in force; `epochs` are those props that changed at a date, each with its values by the date
    (epoch us) from which they hold, ascending, None where it was removed. `change` numbers the last change of props;
    `modified_by` names who made it, None where that is not known.
    """

    project: str
    kind: AnyKind
    id: str
    type: str
    parent: str | None = None
    props: Mapping[str, Any] = field(default_factory=dict)
    custom_props: Mapping[str, Any] = field(default_factory=dict)
    observation_type: str | None = None
    ref_id: str | None = None
    created: int = 0
    modified: int = 0
    epochs: Epochs = field(default_factory=dict)
    change: int = 0
    modified_by: str | None = None


@dataclass(frozen=True)
class Draft:
    """An entity to be made."""

    kind: AnyKind
    id: str
    type: str
    props: Mapping[str, Any] = field(default_factory=dict)
    parent: str | None = None
    observation_type: str | None = None
    ref_id: str | None = None
    custom_props: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Edit:
    """An entity to be changed: `props` set (null removes) from the date `valid_from` on, or corrected without one.

    `custom_props` are set likewise, without dates, and `fields` are those of the entity beside its props. `replace`:
    props and custom props that are not named are removed. `seen`: the number of the last change that the entity must
    still be at, None where any will do.
    """

    kind: Kind
    id: str
    props: Mapping[str, Any] = field(default_factory=dict)
    replace: bool = False
    valid_from: int | None = None
    custom_props: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[Field, str | None] = field(default_factory=dict)
    seen: int | None = None


@dataclass(frozen=True)
class Removal:
    """An entity to be removed, `below` with all that hangs below it."""

    kind: Kind
    id: str
    below: bool = False


Alteration = Draft | Edit | Removal
"""One of several changes that are made together."""


class Uploaded(NamedTuple):
    """The metrics ever uploaded for a sensor, sorted: those of which a value was valid, and those always missing."""

    metrics: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()


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
    """An OAuth2 client as kept: hashes of its secrets, never a secret. Times are epoch us.

    Once its secret has been changed, the one before it (`old_hash`) is good until `old_until`. `revoked`: None while it
    is not.
    """

    id: str
    name: str
    scope: str
    project: str | None
    secret_hash: str
    created: int
    old_hash: str | None = None
    old_until: int | None = None
    revoked: int | None = None


def now_us() -> int:
    """The present, epoch us."""
    return time.time_ns() // 1000
