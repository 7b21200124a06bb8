"""Where an answer came from, as one document of plain data from which it can be computed again (`tseng.replay`).

It says what was asked, what was made of it (metric, props, zero readings, formulas, units), and which state of the
store was seen: the newest upload and the newest change of configuration that were known.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

from tseng.requests import Request
from tseng.view import ProjectView
from tseng_units.evaluate import Execution
from tseng_units.instants import format_instant


@cache
def engine_version() -> str:
    """Version of this engine."""
    return version("tseng")


def provenance(
    view: ProjectView, request: Request, execution: Execution, shape: Mapping[str, Any], resolved_at: int
) -> dict[str, Any]:
    """The document of one read. `request`: with its instants as ISO text in UTC; `shape`: what was made of the series;
    `resolved_at`: when that was settled, epoch us.

    Keys: request (as the body of `POST /api/data`); those of `Plan.describe`; zeroReadings and replacements, as
    `Execution` tells them; shape, where there is one; project; snapshot {store, version, seq, config, time, and
    loading: the number of a bulk load under way, which alone of all up to `seq` was not seen}; engine {version}.
    """
    known = view.knowledge
    return {
        "request": request.to_wire(),
        **execution.plan.describe(),
        "zeroReadings": execution.zeros,
        "replacements": execution.carried,
        **shape,
        "project": view.project,
        "snapshot": {
            "store": view.store_id,
            "version": view.snapshot.version,
            "seq": known.seq,
            "config": known.config,
            **({} if known.loading is None else {"loading": known.loading}),
            "time": format_instant(resolved_at),
        },
        "engine": {"version": engine_version()},
    }
