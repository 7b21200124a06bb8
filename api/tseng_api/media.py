"""In which form an answer leaves: what `?format=` names, else what Accept prefers."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec

from tseng.formats import FORMATS, Format
from tseng_api.errors import NotAcceptable
from tseng_api.query_strings import InProject
from tseng_api.routing import Received

FormatName = Annotated[
    Literal["json", "columns", "csv", "arrow", "parquet"], msgspec.Meta(description="Instead of the Accept header.")
]


class Formatted(InProject):
    """The project, and the form of the answer."""

    format: FormatName | None = None


def media_types(names: Iterable[str], **types: Any) -> dict[str, Any]:
    """Return the types of an answer by media type, for the formats of these names; those without a type are bytes."""
    return {FORMATS[name].media_type: types.get(name, bytes) for name in names}


def negotiate(received: Received[Any, Any]) -> Format:
    """Pick the format that `?format=` names, else the first that Accept prefers, else JSON.

    Raises:
        NotAcceptable: Accept names none of ours.
    """
    if received.query.format is not None:
        return FORMATS[received.query.format]
    wanted = _by_preference(received.headers.get("accept") or "*/*")
    refused = {media for weight, media in wanted if weight == 0}
    offered = [format for format in FORMATS.values() if format.media_type not in refused]
    for weight, media in wanted:
        for format in offered if weight else ():
            if media in (format.media_type, format.name, "*/*", format.media_type.partition("/")[0] + "/*"):
                return format
    named = ", ".join(format.media_type for format in FORMATS.values())
    raise NotAcceptable(f"none of the accepted media types is offered; there are: {named}", field="Accept")


def _by_preference(accept: str) -> list[tuple[float, str]]:
    """Weights and media types of an Accept header, the preferred first; a weight of 0 refuses (RFC 9110, 12.5.1)."""
    ranges = [part.strip().lower().partition(";") for part in accept.split(",")]
    weighed = [(_weight(parameters), media.strip()) for media, _, parameters in ranges]
    return sorted(weighed, key=lambda pair: (-pair[0], pair[1].count("*")))


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
