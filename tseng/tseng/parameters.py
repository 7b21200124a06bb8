"""Metric parameters as plain text, the way a query string and a command line carry them."""

from typing import Any


def from_text(text: str) -> dict[str, Any]:
    """Turn `3600`, `2,h` or `2017-03-01T22:00:00Z` into `{"value": ..., "unit": ...}`; what is a number becomes one."""
    value, comma, unit = text.partition(",")
    return {"value": _number(value), **({"unit": unit} if comma else {})}


def _number(text: str) -> float | str:
    try:
        # Python alone would read `1_0` as ten.
        return text if "_" in text else float(text)
    except ValueError:
        return text
