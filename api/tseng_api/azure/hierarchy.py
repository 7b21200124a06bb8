"""Interfaces made of others: what they extend and have as components, put together into one shape.

DTDL v2 and v3, sections Interface (`extends`) and Component. Both versions allow no component within a component; here
they may lie in one another, as deep as version 4 has them. The vendor's concepts of models, section Supported DTDL
versions: one of version 2 may not be made of one of version 3.
"""

from collections.abc import Callable, Mapping

from tseng_api.azure.dtdl import Interface
from tseng_api.azure.schemas import MOST_ELEMENTS
from tseng_api.azure.shapes import Schema, Shape

DEEPEST_EXTENDS = 10
DEEPEST_COMPONENTS = 4

Find = Callable[[str], Interface | None]


class Hierarchy:
    """Shapes of interfaces; `find` gives the interfaces there are, `faults` has what is wrong."""

    def __init__(self, find: Find) -> None:
        self.faults: list[str] = []
        self._find = find
        self._lines: dict[str, tuple[list[str], int]] = {}

    def bases(self, interface: Interface) -> list[str]:
        """Return the ids of all that an interface extends, the nearest first."""
        return self._line(interface, ())[0]

    def shape(self, interface: Interface) -> Shape:
        """Return what twins of an interface may hold."""
        return self._shape(interface, (), [0])

    def _line(self, interface: Interface, path: tuple[str, ...]) -> tuple[list[str], int]:
        """What an interface extends, and over how many levels."""
        if interface.id in path:
            self._wrong(f"{interface.id} extends itself")
            return [], 0
        if interface.id not in self._lines:
            found: list[str] = []
            levels = 0
            for id in interface.extends if len(path) <= DEEPEST_EXTENDS else ():
                base = self._other(interface, id, "extends")
                if base is not None:
                    further, above = self._line(base, (*path, interface.id))
                    found += [id, *further]
                    levels = max(levels, above + 1)
            if levels > DEEPEST_EXTENDS:
                self._wrong(f"{interface.id} extends others over more than {DEEPEST_EXTENDS} levels")
            self._lines[interface.id] = [each for each in dict.fromkeys(found) if each != interface.id], levels
        return self._lines[interface.id]

    def _shape(self, interface: Interface, path: tuple[str, ...], count: list[int]) -> Shape:
        if interface.id in path:
            self._wrong(f"{interface.id} has itself as a component")
            return Shape()
        if len(path) > DEEPEST_COMPONENTS:
            self._wrong(f"{path[0]} has components over more than {DEEPEST_COMPONENTS} levels")
            return Shape()
        properties: dict[str, Schema] = {}
        components: dict[str, Shape] = {}
        owners: dict[str, str] = {}
        for each in (interface, *filter(None, map(self._find, self.bases(interface)))):
            for name in each.names:
                if owners.setdefault(name, each.id) != each.id:
                    self._wrong(f"{interface.id}: {name} is in {owners[name]} and in {each.id}")
            properties.update(each.properties)
            count[0] += len(each.names)
            if count[0] > MOST_ELEMENTS:
                self._wrong(f"{interface.id} has more than {MOST_ELEMENTS} elements")
                return Shape()
            for name, id in each.components.items():
                part = self._other(each, id, f"component {name}")
                if part is not None:
                    components[name] = self._shape(part, (*path, interface.id), count)
        return Shape(properties, components)

    def _other(self, interface: Interface, id: str, how: str) -> Interface | None:
        """Return another one that an interface is made of."""
        found = self._find(id)
        if found is None:
            self._wrong(f"{interface.id}: {how}: there is no model {id}")
        elif interface.version < found.version:
            self._wrong(f"{interface.id}: {how}: {id} is of version {found.version}, which version 2 cannot be made of")
        return found

    def _wrong(self, fault: str) -> None:
        if fault not in self.faults:
            self.faults.append(fault)


def references(interface: Interface) -> list[str]:
    """Return the ids of the others that an interface names itself."""
    return sorted({*interface.extends, *interface.components.values()})


def finding(interfaces: Mapping[str, Interface], stored: Find) -> Find:
    """Return a way to find interfaces, first among those given, then among those stored; each is looked for once."""
    known: dict[str, Interface | None] = dict(interfaces)

    def find(id: str) -> Interface | None:
        if id not in known:
            known[id] = stored(id)
        return known[id]

    return find
