"""When a sensor's instrument was replaced, and its value carried on: the dated prop REPLACEMENT."""

from itertools import pairwise

from tseng_units.bound import Replacement
from tseng_units.formulas.declare import one_of
from tseng_units.instants import MIN_US
from tseng_units.sensors import Sensor

REPLACEMENT = "REPLACEMENT"
CARRY, KEEP = "CARRY", "KEEP"
_checked = one_of(CARRY, KEEP)


def replacements_of(sensor: Sensor) -> tuple[Replacement, ...]:
    """The replacements that carry on; those of device and sensor both count, at one instant the sensor's.

    Raises ValueError for a value that is neither CARRY nor KEEP.
    """
    if REPLACEMENT not in sensor.epochs and REPLACEMENT not in sensor.device_epochs:
        return ()
    dated = {**dict(sensor.device_epochs.get(REPLACEMENT, ())), **dict(sensor.epochs.get(REPLACEMENT, ()))}
    events = {at: _checked(dated[at]) for at in sorted(dated) if dated[at] is not None and at > MIN_US}
    until: dict[int | None, int | None] = dict(pairwise((*events, None)))
    return tuple(Replacement(at, until[at]) for at, word in events.items() if word == CARRY)
