"""Computing an answer again from its provenance, and comparing the two bit for bit.

Nothing in a store is rewritten, and everything in it is numbered in the order in which it was acknowledged. So the
newest numbers that a read saw name what it saw for good, whatever was uploaded, configured, flushed or compacted since,
also in a copy of the store. What is not in the store is the engine: a metric of another version is not computed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from tseng.answers import Answer
from tseng.errors import InvalidRequest
from tseng.provenance import engine_version
from tseng.reads import Read
from tseng.requests import Request
from tseng.series import Block, Series
from tseng.view import ProjectView
from tseng_storage.knowledge import Knowledge
from tseng_storage.store import Store
from tseng_units.align import at_nearest
from tseng_units.instants import format_instant
from tseng_units.windows import parse_duration


@dataclass(frozen=True)
class Comparison:
    """An answer beside what was computed again: rows compared and, where they differ, how many and the first."""

    series: Series
    rows: int
    different: int = 0
    first: str = ""

    @property
    def identical(self) -> bool:
        """Whether times and values are the same, bit for bit."""
        return self.different == 0


def recompute(store: Store, provenance: Mapping[str, Any]) -> Series:
    """The series that a provenance document describes, from what was known when it was written.

    Raises:
        InvalidRequest: it is no such document; or it is of another store, of a state that this one has not reached, of
            a newer engine, or of a metric that is defined otherwise here.
        tseng.errors.EngineError, tseng_units.errors.UnitsError: as any read.
    """
    request, project, known = _told(provenance)
    _check_engine(provenance)
    _check_store(store, provenance["snapshot"], known)
    if store.catalog.project(project) is None:
        raise InvalidRequest.at("project", f"there is no project {project!r} any more")
    read = Read(ProjectView(store, project, known=known), request)
    _check_metric(provenance["metric"], read.provenance["metric"])
    return read.series()


def compare(answer: Answer, series: Series) -> Comparison:
    """Hold an answer against what was computed again."""
    told, again = _alike(answer, series)
    if len(told[0]) != len(again[0]):
        return Comparison(series, *_by_length(told, again))
    time = told[0] != again[0]
    value = _bits(told[1]) != _bits(again[1])
    rows = np.flatnonzero(time | value)
    first = f"{_point(told, rows[0])} was answered, {_point(again, rows[0])} is computed" if len(rows) else ""
    return Comparison(series, len(time), len(rows), first)


def _alike(answer: Answer, series: Series) -> tuple[Block, Block]:
    """The answer and the series at the same times, if it is the same: a column of a table had to be brought to them."""
    (time, value), again = answer.points, series.rows()
    alignment = (answer.provenance or {}).get("alignment")
    if alignment is None:
        return (time, value), again
    if alignment["align"] == "nearest":
        return (time, value), (time, at_nearest(*again, time, parse_duration(alignment["tolerance"], "tolerance")))
    valid = ~np.isnan(value)
    return (time[valid], value[valid]), again


def _told(provenance: Mapping[str, Any]) -> tuple[Request, str, Knowledge]:
    """The request, its project and what was known."""
    try:
        seen = provenance["snapshot"]
        known = Knowledge(int(seen["seq"]), int(seen["config"]), loading=seen.get("loading"))
        return Request.from_wire(provenance["request"]), str(provenance["project"]), known
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        problem = f"does not say what was asked and seen ({error!r}); was it written by `provenance=true`?"
        raise InvalidRequest.at("provenance", problem) from None


def _check_engine(provenance: Mapping[str, Any]) -> None:
    theirs, ours = str(provenance["engine"]["version"]), engine_version()
    if _numbers(theirs) > _numbers(ours):
        raise InvalidRequest.at("engine", f"the answer is of engine {theirs}, this is {ours}: take the newer one")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _check_store(store: Store, seen: Mapping[str, Any], known: Knowledge) -> None:
    if seen.get("store") != store.id:
        raise InvalidRequest.at("snapshot", f"the answer is of store {seen.get('store')}, this is {store.id}")
    for name, theirs, ours in (
        ("upload", known.seq, store.newest()),
        ("change of configuration", known.config, store.catalog.config()),
    ):
        if theirs is not None and theirs > ours:
            problem = f"the answer saw {name} {theirs}, the newest here is {ours}: this is an older copy of the store"
            raise InvalidRequest.at("snapshot", problem)


def _check_metric(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    if theirs != json.loads(msgspec.json.encode(ours)):
        what = f"{theirs.get('id')} is defined otherwise here"
        versions = f"version {theirs.get('version')} in the answer, {ours.get('version')} in this engine"
        raise InvalidRequest.at("metric", f"{what}: {versions}")


def _by_length(told: Block, again: Block) -> tuple[int, int, str]:
    """Rows compared, rows that differ and the first of them, of series of different lengths."""
    missing, new = np.setdiff1d(told[0], again[0]), np.setdiff1d(again[0], told[0])
    first = min([*missing[:1].tolist(), *new[:1].tolist()], default=int(max(told[0], again[0], key=len)[0]))
    where = "computed and not in the answer" if first in new else "in the answer and not computed"
    counts = f"{len(told[0])} rows were answered, {len(again[0])} are computed"
    # An altered answer may have a time twice: then no time is missing, and yet they differ.
    different = max(len(missing) + len(new), 1)
    return max(len(told[0]), len(again[0])), different, f"{counts}; {format_instant(first)} is {where}"


def _bits(value: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The bits of float64 values; breaks at gaps all have the same."""
    return np.where(np.isnan(value), np.nan, value).view(np.int64)


def _point(block: Block, row: int) -> str:
    return f"{format_instant(int(block[0][row]))} {float(block[1][row])!r}"
