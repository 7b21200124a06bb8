"""Commas before a closing bracket, as Sensor Data Service prints them (`},]`), found in one pass over any bytes.

The work is done on whole arrays, so that a body costs by its length and not by what it is made of, and piece by piece,
so that other threads have their turn and little memory is taken.
"""

import numpy as np
from numpy.typing import NDArray

_PIECE = 2**18
_COMMA, _QUOTE, _OPENING, _CLOSING, _SPACE = ord(","), ord('"'), b"[{", b"]}", b" \t\r\n"


def _table(members: bytes) -> NDArray[np.bool_]:
    table = np.zeros(256, dtype=np.bool_)
    table[list(members)] = True
    return table


_OPENS, _CLOSES, _BLANK = _table(_OPENING), _table(_CLOSING), _table(_SPACE)


def without_trailing_commas(data: bytes) -> bytes:
    """Put a blank in the place of each comma that a closing bracket follows, strings excepted.

    One right behind an opening bracket is none that trails, and stays.
    """
    blanked = np.frombuffer(data, dtype=np.uint8).copy()
    # Of what stood before a piece: whether a string is open, and the last two bytes that are no blanks, with places.
    quoted, tokens, places = False, np.zeros(2, dtype=np.uint8), np.zeros(2, dtype=np.intp)
    start = 0
    while start < len(data):
        piece = _piece(data, start)
        structure, quoted = _structure(piece, quoted)
        found = np.flatnonzero(~_BLANK[structure])
        tokens, places = np.concatenate((tokens, structure[found])), np.concatenate((places, found + start))
        trailing = (tokens[1:-1] == _COMMA) & _CLOSES[tokens[2:]] & ~_OPENS[tokens[:-2]]
        blanked[places[1:-1][trailing]] = ord(" ")
        tokens, places = tokens[-2:], places[-2:]
        start += len(piece)
    return blanked.tobytes()


def _piece(data: bytes, start: int) -> bytes:
    """Return what is looked at next: it ends within no escape sequence."""
    piece = data[start : start + _PIECE]
    backslashes = len(piece) - len(piece.rstrip(b"\\"))
    return data[start : start + len(piece) + 1] if backslashes % 2 else piece


def _structure(piece: bytes, quoted: bool) -> tuple[NDArray[np.uint8], bool]:
    """Return the bytes with strings blotted out, and whether one is open at the end."""
    if b"\\" in piece:
        piece = piece.replace(b"\\\\", b"..").replace(b'\\"', b"..")
    bytes_ = np.frombuffer(piece, dtype=np.uint8)
    inside = np.logical_xor.accumulate(bytes_ == _QUOTE) ^ quoted
    return np.where(inside, np.uint8(_QUOTE), bytes_), bool(inside[-1])
