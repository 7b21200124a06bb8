"""JSON Patch (RFC 6902) as far as the vendor takes it: add, replace and remove.

The vendor's REST reference, Twins - DigitalTwins Update, DigitalTwins Update Component and Models - Update; its guide
Manage digital twins, section Update a digital twin, for `/$metadata/$model` and `/$metadata/{property}/sourceTime`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict

import msgspec

from tseng.errors import InvalidRequest
from tseng_api.azure import errors
from tseng_api.azure.errors import Refused
from tseng_api.azure.shapes import METADATA, Path
from tseng_api.http import JSON
from tseng_api.wire import decode

SOURCE_TIME = "sourceTime"


class Operation(TypedDict):
    """One operation; `value` is what is added, or put in the place of what is there."""

    op: Literal["add", "replace", "remove"]
    path: str
    value: NotRequired[Any]


PATCH: Mapping[str, Any] = {"application/json-patch+json": list[Operation], JSON: list[Operation]}
"""The body of a patch by media type."""


class _Sent(msgspec.Struct):
    op: Literal["add", "replace", "remove"]
    path: str
    value: Any = msgspec.UNSET


@dataclass(frozen=True)
class Step:
    """One operation, its path taken apart (RFC 6901)."""

    op: str
    path: Path
    value: Any


def operations(body: bytes) -> list[Step]:
    """Read a patch.

    Raises:
        Refused: it is none, or has operations that are not taken.
        NotJson: it is no JSON.
    """
    try:
        sent = decode(body, list[_Sent])
    except InvalidRequest as error:
        raise _invalid(f"{error}; an operation has op (add, replace or remove), path and value") from None
    return [_step(each) for each in sent]


def _step(sent: _Sent) -> Step:
    if not sent.path.startswith("/"):
        raise _invalid(f"{sent.path!r} is no path: it begins with /")
    if sent.op != "remove" and sent.value is msgspec.UNSET:
        raise _invalid(f"{sent.op} of {sent.path} has no value")
    path = tuple(each.replace("~1", "/").replace("~0", "~") for each in sent.path[1:].split("/"))
    return Step(sent.op, path, None if sent.op == "remove" else sent.value)


@dataclass
class Patched:
    """A payload that is being patched, and what of it was touched.

    `touched`: paths of values that were set or taken away; `timed`: of the properties that got a time of their source.
    """

    payload: dict[str, Any]
    touched: set[Path] = field(default_factory=set)
    timed: set[Path] = field(default_factory=set)

    def apply(self, step: Step, base: Path = ()) -> None:
        """Do one operation; `base` is the component that its path is meant in."""
        level, path, rest = _descended(self._level(base), base, step.path)
        if rest[0] == METADATA:
            self._metadata(level, path, rest[1:], step)
        elif rest[0].startswith("$"):
            raise _invalid(f"{rest[0]} cannot be changed")
        else:
            self.touched.add((*path, *_set(level, rest, step)))

    def finish(self) -> None:
        """Drop the source times of values that are no longer those: a new value has its own, or none."""
        for touched in self.touched:
            level, path, rest = _descended(self.payload, (), touched)
            if (*path, rest[0]) not in self.timed:
                level.get(METADATA, {}).pop(rest[0], None)

    def _level(self, base: Path) -> dict[str, Any]:
        level = self.payload
        for name in base:
            level = level[name]
        return level

    def _metadata(self, level: dict[str, Any], path: Path, rest: Path, step: Step) -> None:
        metadata = level.setdefault(METADATA, {})
        if rest == ("$model",) and not path and step.op != "remove":
            metadata["$model"] = step.value
        elif len(rest) == 2 and rest[1] == SOURCE_TIME and not rest[0].startswith("$"):
            if step.op == "remove":
                metadata.pop(rest[0], None)
            else:
                metadata[rest[0]] = {SOURCE_TIME: step.value}
                self.touched.add((*path, rest[0]))
            self.timed.add((*path, rest[0]))
        else:
            raise _invalid("of $metadata, $model can be replaced and the sourceTime of a property set or removed")


def _descended(level: dict[str, Any], path: Path, rest: Path) -> tuple[dict[str, Any], Path, Path]:
    """Go down into components as far as a path leads: where that is, and what is left of the path."""
    while len(rest) > 1 and is_component(level.get(rest[0])):
        level, path, rest = level[rest[0]], (*path, rest[0]), rest[1:]
    return level, path, rest


def is_component(value: Any) -> bool:
    """Whether a value in a twin is a component: those have metadata of their own."""
    return isinstance(value, dict) and isinstance(value.get(METADATA), dict)


def _set(level: dict[str, Any], path: Path, step: Step) -> Path:
    """Change one value below a level (RFC 6902, 4.1 to 4.3); the path of what is another then."""
    where = "/".join(path)
    target: Any = level
    for depth, name in enumerate(path[:-1]):
        target = _item(target, name, where)
        if isinstance(target, list):
            _in_array(target, path[depth + 1 :], step, where)
            return path[: depth + 1]
    name = path[-1]
    if not isinstance(target, dict):
        raise _invalid(f"there is nothing that holds {where}")
    if step.op != "add" and name not in target:
        raise _invalid(f"there is no {where} to {step.op}")
    if step.op == "remove":
        del target[name]
    else:
        target[name] = step.value
    return path


def _in_array(target: list[Any], path: Path, step: Step, where: str) -> None:
    """Change one value in an array: those behind it may move."""
    if len(path) > 1:
        inner = _item(target, path[0], where)
        if isinstance(inner, list):
            _in_array(inner, path[1:], step, where)
        elif isinstance(inner, dict):
            _set(inner, path[1:], step)
        else:
            raise _invalid(f"there is nothing that holds {where}")
        return
    at = len(target) if path[0] == "-" and step.op == "add" else _index(path[0], where)
    if at > len(target) or (at == len(target) and step.op != "add"):
        raise _invalid(f"there is no {where}")
    if step.op == "add":
        target.insert(at, step.value)
    elif step.op == "remove":
        del target[at]
    else:
        target[at] = step.value


def _item(holder: Any, name: str, where: str) -> Any:
    if isinstance(holder, dict) and name in holder:
        return holder[name]
    if isinstance(holder, list) and _index(name, where) < len(holder):
        return holder[_index(name, where)]
    raise _invalid(f"there is nothing that holds {where}")


def _index(name: str, where: str) -> int:
    """RFC 6901, section 4."""
    if not (name.isdecimal() and name.isascii()) or len(name) > 9 or (name[0] == "0" and name != "0"):
        raise _invalid(f"{name!r} in {where} is no place in an array")
    return int(name)


def _invalid(message: str) -> Refused:
    return Refused(errors.JSON_PATCH_INVALID, message)
