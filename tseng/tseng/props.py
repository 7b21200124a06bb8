"""Properties of entities as they come in: whatever JSON can hold."""

import json
from collections.abc import Mapping
from typing import Any

from tseng.errors import Fault, InvalidRequest


def checked(props: Mapping[str, Any], field: str = "props") -> dict[str, Any]:
    """The props themselves.

    Raises:
        InvalidRequest: a value is no JSON value (NaN, an infinity, an object of Python); each is named.
    """
    faults = faults_of(props, field)
    if faults:
        raise InvalidRequest(faults)
    return dict(props)


def faults_of(props: Mapping[str, Any], field: str) -> list[Fault]:
    """The values that are no JSON values."""
    return [
        Fault(f"{field}.{name}", f"{value!r:.80} is not a JSON value") for name, value in props.items() if _odd(value)
    ]


def _odd(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return True
    return False
