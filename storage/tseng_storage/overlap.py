"""Which segments may hold the same points."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tseng_storage.segments import Box, Facts, Segment


def contested_segments(
    segments: Sequence[Segment], facts: Callable[[Segment], Facts], others: Iterable[Box] = ()
) -> set[str]:
    """The names of the segments that may share a point with another segment or with one of the `others`.

    `facts` is asked only of segments whose boxes overlap.
    """
    contested = {segment.name for box in others for segment in segments if segment.box.overlaps(box)}
    active: list[Segment] = []
    for segment in sorted(segments, key=lambda one: one.box.time):
        active = [one for one in active if one.box.time[1] >= segment.box.time[0]]
        touched = [
            one.name for one in active
            if one.box.overlaps(segment.box) and not facts(one).apart(facts(segment))
        ]  # fmt: skip
        contested.update(touched, [segment.name] if touched else [])
        active.append(segment)
    return contested
