"""Pieces of one series from segments and from the tail, and how they become one series.

Each piece is sorted by (time, seq) and may hold several versions of a point. Usually pieces follow one another and are
joined as they are. Only when they overlap are log positions read and versions compared: of equal times the last seq
wins. A read as of what was known earlier drops the later versions first; the rest is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tseng_storage.knowledge import Knowledge
from tseng_storage.observations import Instants, Values
from tseng_storage.segment_file import Cut, Decoded, SegmentFile
from tseng_storage.snapshot import Snapshot
from tseng_storage.tail import Chunk

Array = TypeVar("Array", Instants, Values)


@dataclass(frozen=True)
class Piece:
    """Points sorted by (time, seq); `seq` reads their log positions when asked. `nulls`: whether NaN may occur.

    `cut`: what `time` is of decoded times; None where it is no part of them.
    """

    time: Instants
    value: Values
    seq: Callable[[], Instants]
    nulls: bool
    cut: Cut | None = None


def window(time: Instants, start: int | None, end: int | None) -> slice:
    """The part of ascending times in [start, end]; None is open."""
    begin = 0 if start is None else int(time.searchsorted(start, "left"))
    return slice(begin, len(time) if end is None else int(time.searchsorted(end, "right")))


def cut(
    file: SegmentFile, number: int, run: slice, start: int | None, end: int | None, known: Knowledge | None
) -> Piece:
    """The part in [start, end] of a series that is `run` of a row group; what was `known` of it, None for all."""
    time, value = file.values(number)
    part = window(time[run], start, end)
    rows = slice(run.start + part.start, run.start + part.stop)
    nulls = file.groups[number].nulls > 0
    piece = Piece(time[rows], value[rows], lambda: file.seq(number)[rows], nulls, (time, rows.start, len(time[rows])))
    if known is None or file.versions(number).all_known(known):
        return piece
    return _known(piece, known, lambda: file.received(number)[rows])


def tail_piece(at: Snapshot, chunk: Chunk, start: int | None, end: int | None, known: Knowledge | None) -> Piece:
    """The part in [start, end] of what the tail has of a series; what was `known` of it, None for all."""
    part = window(chunk.time, start, end)
    seq = chunk.seq[part]
    piece = Piece(chunk.time[part], chunk.value[part], lambda: seq, True)
    return piece if known is None else _known(piece, known, lambda: at.tail.received(seq))


def _known(piece: Piece, known: Knowledge, received: Callable[[], Instants]) -> Piece:
    seq = piece.seq()
    found = covered(known, seq, received)
    if found.all():
        return piece
    kept = seq[found]
    return Piece(piece.time[found], piece.value[found], lambda: kept, piece.nulls)


def covered(known: Knowledge, seq: Instants, received: Callable[[], Instants]) -> NDArray[np.bool_]:
    """bool, (n,): which versions were known, by log position `seq` and, where a date bounds it, when `received`."""
    found: NDArray[np.bool_] = np.ones(len(seq), np.bool_) if known.seq is None else seq <= known.seq
    if known.loading is not None:
        found &= seq != known.loading
    if known.time is not None:
        found &= received() <= known.time
    return found


def join(pieces: list[Piece]) -> tuple[Instants, Values]:
    """One series of at least one piece, none of them empty: times ascending and unique, nothing missing."""
    time, value = _joined(sorted(pieces, key=_begin) if len(pieces) > 1 else pieces)
    if any(piece.nulls for piece in pieces):
        valid = ~np.isnan(value)
        if not valid.all():
            return time[valid], value[valid]
    return time, value


def in_parts(pieces: list[Piece], decoded: Decoded) -> tuple[Instants, list[Values]]:
    """As `join`, the values in parts: those of the pieces themselves where nothing has to be left out.

    The times may be an array that `decoded` keeps for all series that were read at them.
    """
    pieces = sorted(pieces, key=_begin)
    if _follow(pieces) and not any(piece.nulls and np.isnan(piece.value).any() for piece in pieces):
        time = _times(pieces, decoded)
        if time is not None:
            return _shared(time), [_shared(piece.value) for piece in pieces]
    time, value = join(pieces)
    return _shared(time), [_shared(value)]


def _times(pieces: list[Piece], decoded: Decoded) -> Instants | None:
    """The times of pieces that follow one another; None where there are several versions of a point."""
    cuts = [piece.cut for piece in pieces if piece.cut is not None]
    if len(pieces) == 1 or len(cuts) < len(pieces):
        return _unique(_concatenated([piece.time for piece in pieces]))
    time = decoded.joined(cuts)
    if time is None:
        time = _unique(np.concatenate([piece.time for piece in pieces]))
        if time is not None:
            decoded.keep_joined(cuts, time)
    return time


def _unique(time: Instants) -> Instants | None:
    return time if (time[1:] != time[:-1]).all() else None


def _joined(pieces: list[Piece]) -> tuple[Instants, Values]:
    if _follow(pieces):
        time = _concatenated([piece.time for piece in pieces])
        value = _shared(pieces[0].value) if len(pieces) == 1 else np.concatenate([piece.value for piece in pieces])
    else:
        time = np.concatenate([piece.time for piece in pieces])
        seq = np.concatenate([piece.seq() for piece in pieces])
        order = np.lexsort((seq, time))
        time, value = time[order], np.concatenate([piece.value for piece in pieces])[order]
    later = time[1:] != time[:-1]
    if later.all():
        return time, value
    keep = np.append(later, True)
    return time[keep], value[keep]


def _begin(piece: Piece) -> int:
    return int(piece.time[0])


def _follow(pieces: list[Piece]) -> bool:
    return all(one.time[-1] < other.time[0] for one, other in pairwise(pieces))


def _concatenated(times: list[Instants]) -> Instants:
    return times[0] if len(times) == 1 else np.concatenate(times)


def _shared(array: Array) -> Array:
    """A view that cannot be written to: the array may be the cache's, and callers may change what they can."""
    view = array.view()
    view.flags.writeable = False
    return view
