"""What an entity's id says about where it hangs (seed 003, Working With Entities; the id's path rules).

An id is a path: `/fn/6C4F6D/node/dgsimlogger/032432/device/tilt4/sensor` is a sensor of the device
`/fn/6C4F6D/node/dgsimlogger/032432/device`, which hangs on the node `/fn/6C4F6D/node`. An id of another form says
nothing.
"""

import unicodedata

from tseng_storage.entities import Draft, Kind

# Characters of an entity's id or a metric's name at most; the store takes no longer ones.
LONGEST_ID = 1000

# What stands in the place of an id in the paths of REST, and would hide an entity of that name.
_LISTS = ("all", "types")


def fault_of_new(id: str) -> str | None:
    """What is wrong with the id of an entity that is to be made; older ones may have it.

    A control character cannot be written in every URL, and half of a surrogate pair not at all.
    """
    if not id.strip() or len(id) > LONGEST_ID:
        return f"must have 1 to {LONGEST_ID} characters, not all of them blank"
    odd = next((each for each in id if unicodedata.category(each) in ("Cc", "Cs")), None)
    if odd is not None:
        return f"{id!r:.200} holds U+{ord(odd):04X}: any characters may stand in an id but control characters"
    if id in _LISTS:
        return f"{id!r} is the name of a list: any id will do but {' and '.join(_LISTS)}"
    return None


def fault_of_metric(metric: str) -> str | None:
    """What is wrong with the name of a metric that anybody may name."""
    if 0 < len(metric) <= LONGEST_ID:
        return None
    return f"a metric's name has 1 to {LONGEST_ID} characters, not {len(metric)}"


def above(id: str, kind: Kind) -> str | None:
    """Id of the node or device in the path of `id`, itself included; None where the path names none."""
    head, found, _ = (id + "/").partition(f"/{kind}/")
    return f"{head}/{kind}" if found else None


def parent_of(draft: Draft) -> str | None:
    """Id of a device's node or a sensor's device: a device may name its node in NODE_ID, the rest is in the path."""
    if draft.kind == "device":
        named = draft.props.get("NODE_ID")
        return named if isinstance(named, str) and named else above(draft.id, "node")
    return above(draft.id, "device") if draft.kind == "sensor" else None
