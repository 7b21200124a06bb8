"""The properties of an entity as a log of changes, and what follows from it.

A change holds the props that it touched and nothing else, the date from which their new values hold, and when it was
recorded. A prop's values by date are its epochs: of two changes from the same date the later one recorded counts. So
the log, read up to any number or any time of recording, gives the configuration as it was known then.

A change made without a date corrects: it is from the date of the prop's newest epoch on, which is always where the prop
never changed at a date. That date is written down with the change, because which epoch is the newest depends on when
one asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tseng_storage.errors import InvalidDate

ALWAYS = -62_135_596_800_000_000
"""The date of what holds from the beginning of time: 0001-01-01 in epoch us, the first instant a reading can have."""

Epochs = Mapping[str, tuple[tuple[int, Any], ...]]
"""Values of props by name: (valid from, value or None), ascending; only props that changed at a date."""

Timeline = dict[str, dict[int, Any]]
"""Of every prop its values by the date from which they hold; None is removed."""


@dataclass(frozen=True)
class Change:
    """One entry of an entity's history: `props` set (None: removed) from `valid_from` on, `recorded` (both epoch us).

    `number` counts all changes of a store, in the order of commit. `by` names who made it, None where not known.
    `removed`: the entity was taken away, and whatever follows is of one that was made again.
    """

    number: int
    props: Mapping[str, Any]
    valid_from: int
    recorded: int
    by: str | None = None
    removed: bool = False


def timeline(changes: Iterable[Change]) -> Timeline:
    """What all of `changes`, in the order of their numbers, say together."""
    times: Timeline = {}
    for change in changes:
        apply(times, change.valid_from, change.props)
    return times


def timeline_of(props: Mapping[str, Any], epochs: Epochs) -> Timeline:
    """The timeline behind the values in force and the epochs, as `in_force` and `dated` gave them."""
    return {**{name: {ALWAYS: value} for name, value in props.items()},
            **{name: dict(values) for name, values in epochs.items()}}  # fmt: skip


def apply(times: Timeline, valid_from: int, props: Mapping[str, Any]) -> None:
    """Add one change to a timeline. A prop that was removed for all time is as one that never was."""
    for name, value in props.items():
        times.setdefault(name, {})[valid_from] = value
        if times[name] == {ALWAYS: None}:
            del times[name]


def in_force(times: Timeline) -> dict[str, Any]:
    """The newest value of each prop that has one; no epoch lies in the future."""
    newest = {name: values[max(values)] for name, values in times.items()}
    return {name: value for name, value in newest.items() if value is not None}


def dated(times: Timeline) -> dict[str, tuple[tuple[int, Any], ...]]:
    """The epochs of the props that changed at a date."""
    return {name: tuple(sorted(values.items(), key=lambda epoch: epoch[0]))
            for name, values in times.items() if values.keys() != {ALWAYS}}  # fmt: skip


def resolved(times: Timeline, props: Mapping[str, Any], valid_from: int | None) -> dict[int, dict[str, Any]]:
    """What setting `props` changes, by the date from which it holds; what is so already is left out."""
    changes: dict[int, dict[str, Any]] = {}
    for name, value in props.items():
        known = times.get(name, {})
        since = valid_from if valid_from is not None else max(known, default=ALWAYS)
        if _differs(known, since, value):
            changes.setdefault(since, {})[name] = value
    return changes


def _differs(known: Mapping[int, Any], since: int, value: Any) -> bool:
    """Whether a value from that date on says anything new. The value before it may be equal: that is a change too."""
    if since in known:
        # As text: in Python 1, 1.0 and True are equal.
        return json.dumps(known[since], sort_keys=True) != json.dumps(value, sort_keys=True)
    return value is not None or bool(known)


def check_date(valid_from: int | None, now: int) -> None:
    """Raise InvalidDate for a date (epoch us) after `now`, or one that no reading can have."""
    if valid_from is None or ALWAYS <= valid_from <= now:
        return
    reason = "lies in the future: what will hold one day is not known yet" if valid_from > now else "is before year 1"
    raise InvalidDate(f"the date {valid_from} us from which the props hold {reason}", "valid_from", valid_from)
