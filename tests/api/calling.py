"""Calls without a transport: a session that a connection would have, its subscriptions written down, reads counted."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest

from tseng.access import Identity
from tseng.engine import Engine
from tseng.view import ProjectView
from tseng_api.messages import parse
from tseng_api.methods import METHODS
from tseng_api.rpc import Frames, Whole, answer
from tseng_api.session import Session
from tseng_storage.entities import Kind


class Noted:
    """Subscriptions that are only written down."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def add_data(
        self,
        id: bytes,
        sensors: Sequence[str],
        metric: str,
        unit: str,
        params: Mapping[str, Any] | None,
        project: str,
    ) -> None:
        """Note it."""
        self.calls.append((id, list(sensors), metric, unit, params, project))

    def add_entities(self, id: bytes, kind: Kind, ids: Sequence[str] | None, project: str) -> None:
        """Note it."""
        self.calls.append((id, kind, ids, project))

    def remove(self, what: Literal["data", "node", "device", "sensor"], id: bytes) -> None:
        """Note it."""
        self.calls.append((what, id))


def connected(engine: Engine, role: Literal["reader", "writer", "admin"] = "admin") -> tuple[Session, Noted]:
    """Return a session as a socket has it after `authenticate`, and what is subscribed there."""
    noted = Noted()
    return Session(engine, Identity("somebody", role, None), "r1", noted), noted


def messages(session: Session, frame: Any) -> list[Any]:
    """Return what a frame, as JSON text or as data, is answered with, message by message."""
    text = frame if isinstance(frame, bytes) else json.dumps(frame).encode()
    answered = answer(parse(text), session, METHODS)
    if isinstance(answered, Whole):
        return [json.loads(b"".join(answered.pieces))]
    return [json.loads(each) for each in answered.messages] if isinstance(answered, Frames) else []


def request(method: str, params: Any = None, id: Any = 1) -> dict[str, Any]:
    """Return a request."""
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": {} if params is None else params}


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the number of points of each read of a raw series."""
    counts = list[int]()

    def counting(name: str) -> None:
        ask = getattr(ProjectView, name)

        def asked(view: ProjectView, *args: Any) -> Any:
            found = ask(view, *args)
            counts.append(len(found[0]))
            return found

        monkeypatch.setattr(ProjectView, name, asked)

    counting("read")
    counting("parts")
    return counts
