"""Current loops."""

import numpy as np

from tseng_units.formulas.declare import Floats, Prop, formula

ZERO, SPAN = 0.004, 0.016
"""A: current at the low end of the range, and from there to the high end."""
FAULTS = (0.0036, 0.021)
"""A: a current below or above is a signal of failure."""


@formula("A", unit="VAL_UNIT", props=(Prop("LOOP_LO", "VAL_UNIT"), Prop("LOOP_HI", "VAL_UNIT")))
def loop_value(current: Floats, *, loop_lo: float, loop_hi: float) -> Floats:
    """Value on a 4-20 mA loop: LOOP_LO + (I - 0.004)/0.016 (LOOP_HI - LOOP_LO).

    current: I, float64 array [A]; below 0.0036 or above 0.021 (fault signals): missing.
    loop_lo, loop_hi: values at 4 and at 20 mA [VAL_UNIT].
    Returns value [VAL_UNIT].
    Source: IEC 60381-1; fault currents NAMUR NE 43.
    """
    low, high = FAULTS
    value = loop_lo + (current - ZERO) / SPAN * (loop_hi - loop_lo)
    return np.where((current >= low) & (current <= high), value, np.nan)
