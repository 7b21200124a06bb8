"""The requests and answers that seeds 002 and 004 print, and a model that their twins follow.

The model is the least that fits: property1 a number, property2 an object of two texts, component1 with a text.
"""

import json
from typing import Any

from tests.reference import reference

VERSION = "2023-10-31"
MODEL, PART = "dtmi:com:example:interfaces:interfaceName;1", "dtmi:com:example:interfaces:componentName;1"


def _printed(seed: str, heading: str) -> list[Any]:
    (found,) = reference("seeds").glob(f"{seed}_*.txt")
    text = found.read_text()
    decoder, at, values = json.JSONDecoder(), 0, []
    while (at := text.find(f"\nSample {heading}\n", at) + 1) > 0:
        start = text.find("\n{", at)
        if 0 <= start < _next(text, at):
            values.append(decoder.raw_decode(text, start + 1)[0])
    return values


def _next(text: str, at: int) -> int:
    ends = [text.find(each, at + 1) for each in ("\nSample ", "\nDefinitions")]
    return min(each for each in ends if each > 0)


def puts() -> list[tuple[Any, Any]]:
    """Return the bodies that are put, each with its answer."""
    return list(zip(_printed("002", "Request"), _printed("002", "Response"), strict=True))


def gotten() -> Any:
    """Return the twin that is retrieved."""
    (twin,) = _printed("004", "Response")
    return twin


def property_of(name: str, schema: Any, **more: Any) -> dict[str, Any]:
    """Return a property of a model."""
    return {"@type": "Property", "name": name, "schema": schema, **more}


def interface(id: str, *contents: Any, version: int = 3, **more: Any) -> dict[str, Any]:
    """Return an interface."""
    context = f"dtmi:dtdl:context;{version}"
    return {"@context": context, "@id": id, "@type": "Interface", "contents": list(contents), **more}


def component_of(name: str, schema: Any) -> dict[str, Any]:
    """Return a component of a model."""
    return {"@type": "Component", "name": name, "schema": schema}


def models() -> list[dict[str, Any]]:
    """Return the model of the printed twins, and that of their component."""
    texts = [{"name": name, "schema": "string"} for name in ("subProperty1", "subProperty2")]
    return [
        interface(PART, property_of("componentProperty", "string")),
        interface(
            MODEL,
            property_of("property1", "double"),
            property_of("property2", {"@type": "Object", "fields": texts}),
            component_of("component1", PART),
        ),
    ]
