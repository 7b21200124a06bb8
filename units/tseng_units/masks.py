"""Spans of time in which a sensor's raw readings do not count, as written in the prop MASKS."""

from collections.abc import Iterator, Mapping, Sequence

from tseng_units.bound import Mask
from tseng_units.instants import MAX_US, MIN_US
from tseng_units.params import instant
from tseng_units.sensors import Sensor

MASKS = "MASKS"
KEYS = ("start", "end", "metrics", "reason")


def masks_of(sensor: Sensor, metric: str) -> tuple[Mask, ...]:
    """The masks that concern a raw metric, by their beginning; those of the sensor and those of its device both count.

    Raises ValueError with what is wrong with the prop and what is allowed.
    """
    own, device = sensor.props.get(MASKS), sensor.device_props.get(MASKS)
    if own is None and device is None:
        return ()
    known = None if sensor.kind_of_sensor.generic else {*sensor.raw, *sensor.uploaded}
    # a device has sensors of several types: what its masks name need not be a metric of this one
    found = [*_read(own, "sensor", metric, known), *_read(device, "device", metric, None)]
    return tuple(sorted(found, key=lambda mask: (mask.start, mask.end)))


def _read(written: object, origin: str, metric: str, known: set[str] | None) -> Iterator[Mask]:
    if written is None:
        return
    if not isinstance(written, list | tuple):
        raise ValueError(f"{written!r} is not a list of masks")
    for each in written:
        if not isinstance(each, Mapping) or not set(each) <= set(KEYS):
            raise ValueError(f"{each!r} is not an object of {', '.join(KEYS)} (all optional)")
        metrics = _metrics(each.get("metrics"), known)
        start, end = _instant(each.get("start"), MIN_US), _instant(each.get("end"), MAX_US)
        if end < start:
            raise ValueError(f"{each!r} ends before it starts")
        if metrics is None or metric in metrics:
            yield Mask(start, end, str(each.get("reason") or ""), origin)


def _instant(written: object, default: int) -> int:
    return default if written is None else instant(written)


def _metrics(written: object, known: set[str] | None) -> Sequence[str] | None:
    if written is None:
        return None
    if not isinstance(written, list | tuple) or not all(isinstance(id_, str) for id_ in written):
        raise ValueError(f"metrics {written!r} is not a list of raw metric ids")
    strange = [id_ for id_ in written if known is not None and id_ not in known]
    if strange:
        raise ValueError(f"{strange[0]!r} is no raw metric of the sensor; allowed: {', '.join(sorted(known or ()))}")
    return written
