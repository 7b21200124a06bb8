"""Rainfall."""

from tseng_units.formulas.declare import Prop, linear, positive


@linear("count", unit="mm", props=(Prop("TIP_SIZE", "mm", 0.2, positive),))
def rain_of_tips(*, tip_size: float = 0.2) -> tuple[float, float]:
    """Rainfall by a tipping bucket: tips TIP_SIZE.

    values: tips, float64 array [count]. tip_size: rain that tips the bucket [mm].
    Returns rainfall [mm].
    Source: WMO-No. 8 (2018) volume I, chapter 6, tipping-bucket gauges.
    """
    return 0.0, tip_size
