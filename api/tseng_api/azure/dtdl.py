"""Interfaces of the Digital Twins Definition Language, versions 2 and 3, read and checked one by one.

DTDL v2 and v3, sections Interface to Component and Digital Twin Model Identifier. What refers to other interfaces is
looked at in `hierarchy`. Terms of extensions that are not known here are let pass, as DTDL v2 does with all such terms.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tseng_api.azure import errors
from tseng_api.azure.errors import Refused
from tseng_api.azure.schemas import NAME, Schemas, types_of
from tseng_api.azure.shapes import Schema

VERSIONS = (2, 3)
LONGEST_ID = 128
"""Characters of an interface's id."""

_CONTEXT = re.compile(r"dtmi:dtdl:context;(\d+)")
_SEGMENTS = r"dtmi:[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?(?::[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?)*"
_IDS = {
    2: re.compile(_SEGMENTS + r";[1-9][0-9]{0,8}"),
    3: re.compile(_SEGMENTS + r"(?:;[1-9][0-9]{0,8}(?:\.[1-9][0-9]{0,5})?)?"),
}
_RESERVED = ("dtmi:dtdl:", "dtmi:standard:")
_KINDS = ("Property", "Telemetry", "Command", "Relationship", "Component")
_DEEPEST = 20
_LONGEST_TEXTS = {"displayName": 64, "description": 512}


@dataclass(frozen=True)
class Interface:
    """An interface as it was defined: what it has itself, and the ids of those it is made of."""

    id: str
    version: int
    definition: Mapping[str, Any]
    extends: Sequence[str] = ()
    names: Sequence[str] = ()
    properties: Mapping[str, Schema] = field(default_factory=dict)
    components: Mapping[str, str] = field(default_factory=dict)


def is_model_id(id: str) -> bool:
    """Whether this may be the id of an interface."""
    return len(id) <= LONGEST_ID and _IDS[3].fullmatch(id) is not None and not id.startswith(_RESERVED)


def parse(definitions: Sequence[Any]) -> list[Interface]:
    """Read interfaces, and those that are defined within them.

    Raises:
        Refused: they are no valid DTDL, or of another version; every fault is told.
    """
    parser = _Parser()
    for definition in definitions:
        parser.interface(definition, None)
    if parser.unsupported:
        code, words = errors.MODEL_VERSION_NOT_SUPPORTED, "the models are of a version of DTDL that is not supported"
        raise Refused(code, f"{words}: {parser.unsupported[0]}", parser.unsupported)
    refuse(parser.faults)
    return parser.interfaces


def refuse(faults: Sequence[str]) -> None:
    """Raise DTDLParserError, if there are faults."""
    if faults:
        raise Refused(errors.DTDL_PARSER_ERROR, f"the models are not valid DTDL: {faults[0]}", faults)


class _Parser:
    def __init__(self) -> None:
        self.interfaces: list[Interface] = []
        self.faults: list[str] = []
        self.unsupported: list[str] = []
        self._within = 0

    def interface(self, definition: Any, outer: int | None) -> str | None:
        """Read one interface, in one of version `outer` if it lies there; its id, if it has one."""
        self._within += 1
        try:
            if self._within <= _DEEPEST:
                return self._interface(definition, outer)
            self.faults.append(f"interfaces lie in one another over more than {_DEEPEST} levels")
            return None
        finally:
            self._within -= 1

    def _interface(self, definition: Any, outer: int | None) -> str | None:
        if not isinstance(definition, dict):
            self.faults.append("an interface must be an object")
            return None
        id = definition.get("@id")
        if not isinstance(id, str):
            self.faults.append("an interface needs an @id")
            return None
        if "Interface" not in types_of(definition):
            self.faults.append(f"{id}: its @type must be Interface")
        version = self._version(definition, id, outer)
        if version is None:
            return id
        definition = {"@context": f"dtmi:dtdl:context;{version}", **definition}
        if len(id) > LONGEST_ID or _IDS[version].fullmatch(id) is None or id.startswith(_RESERVED):
            self.faults.append(f"{id[:LONGEST_ID]!r} is no id of an interface of DTDL version {version}")
        self._texts(definition, id)
        schemas = Schemas(id, version, definition.get("schemas"), self.faults)
        extends = [self._reference(each, f"{id}: extends", version) for each in _many(definition.get("extends"))]
        read = _Contents(self, id, version, schemas)
        for at, content in enumerate(_many(definition.get("contents"))):
            read.content(content, f"{id}: contents[{at}]")
        self.interfaces.append(
            Interface(id, version, definition, list(filter(None, extends)), read.names, read.properties, read.parts)
        )
        return id

    def _version(self, definition: Mapping[str, Any], id: str, outer: int | None) -> int | None:
        contexts = definition.get("@context", [])
        stated = [_CONTEXT.fullmatch(each) for each in _many(contexts) if isinstance(each, str)]
        numbers = [int(found[1][:9]) for found in stated if found]
        if not numbers:
            if outer is None:
                self.faults.append(f"{id}: its @context must name dtmi:dtdl:context;2 or dtmi:dtdl:context;3")
            return outer
        if numbers[0] in VERSIONS:
            return numbers[0]
        self.unsupported.append(f"{id} is of version {numbers[0]}")
        return None

    def _texts(self, definition: Mapping[str, Any], id: str) -> None:
        for name, most in _LONGEST_TEXTS.items():
            texts = localized(definition.get(name, ""))
            if texts is None or any(len(text) > most for text in texts.values()):
                self.faults.append(f"{id}: {name} must be text of up to {most} characters, or such texts by language")

    def _reference(self, value: Any, where: str, version: int) -> str | None:
        """Read a reference to an interface, or an interface that is defined in its place."""
        if isinstance(value, dict):
            return self.interface(value, version)
        if isinstance(value, str) and len(value) <= LONGEST_ID and _IDS[3].fullmatch(value):
            return value
        self.faults.append(f"{where} must name an interface")
        return None

    def component(self, value: Any, where: str, version: int) -> str | None:
        """Read the schema of a component."""
        return self._reference(value, f"{where}.schema", version)


class _Contents:
    """The contents of one interface."""

    def __init__(self, parser: _Parser, id: str, version: int, schemas: Schemas) -> None:
        self.names: list[str] = []
        self.properties: dict[str, Schema] = {}
        self.parts: dict[str, str] = {}
        self._parser, self._id, self._version, self._schemas = parser, id, version, schemas
        self._faults = parser.faults

    def content(self, content: Any, where: str) -> None:
        if not isinstance(content, dict):
            self._faults.append(f"{where} must be an object")
            return
        kinds = [kind for kind in types_of(content) if kind in _KINDS]
        name = content.get("name")
        if len(kinds) != 1:
            self._faults.append(f"{where}: its @type must be one of {', '.join(_KINDS)}")
        elif not isinstance(name, str) or not NAME.fullmatch(name):
            self._faults.append(f"{where}: a name has up to 64 letters, digits and underscores, first a letter")
        elif name in self.names:
            self._faults.append(f"{self._id}: there is more than one {name}")
        else:
            self.names.append(name)
            _READ[kinds[0]](self, content, name, f"{self._id}: {name}")

    def property(self, content: Mapping[str, Any], name: str, where: str) -> None:
        if not isinstance(content.get("writable", False), bool):
            self._faults.append(f"{where}.writable must be true or false")
        schema = self._schemas.read(content, where, arrays=self._version > 2)
        if schema is not None:
            self.properties[name] = schema

    def telemetry(self, content: Mapping[str, Any], name: str, where: str) -> None:
        self._schemas.read(content, where)

    def command(self, content: Mapping[str, Any], name: str, where: str) -> None:
        for part in ("request", "response"):
            told = content.get(part)
            if told is None:
                continue
            if isinstance(told, dict) and isinstance(told.get("name"), str) and NAME.fullmatch(told["name"]):
                self._schemas.read(told, f"{where}.{part}")
            else:
                self._faults.append(f"{where}.{part} must be an object with a name and a schema")

    def relationship(self, content: Mapping[str, Any], name: str, where: str) -> None:
        target = content.get("target")
        if target is not None and not (isinstance(target, str) and _IDS[3].fullmatch(target[:2048])):
            self._faults.append(f"{where}.target must be an id")
        for bound in ("minMultiplicity", "maxMultiplicity"):
            if not isinstance(content.get(bound, 0), int):
                self._faults.append(f"{where}.{bound} must be a whole number")
        for at, each in enumerate(_many(content.get("properties"))):
            if isinstance(each, dict):
                self._schemas.read(each, f"{where}.properties[{at}]", arrays=self._version > 2)
            else:
                self._faults.append(f"{where}.properties[{at}] must be an object")

    def component(self, content: Mapping[str, Any], name: str, where: str) -> None:
        schema = self._parser.component(content.get("schema"), where, self._version)
        if schema is not None:
            self.parts[name] = schema


_READ: Any = {
    "Property": _Contents.property,
    "Telemetry": _Contents.telemetry,
    "Command": _Contents.command,
    "Relationship": _Contents.relationship,
    "Component": _Contents.component,
}


def localized(value: Any) -> dict[str, str] | None:
    """Return a text by language (section Display string localization); None where it is none."""
    if isinstance(value, str):
        return {"en": value} if value else {}
    if isinstance(value, dict) and all(isinstance(text, str) for text in value.values()):
        return value
    return None


def _many(value: Any) -> Sequence[Any]:
    """A set of JSON-LD: what stands alone is one of one."""
    if value is None:
        return ()
    return value if isinstance(value, list) else [value]
