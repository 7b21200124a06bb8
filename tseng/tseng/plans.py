"""Plans that are kept: how a metric is made of a sensor's readings is found out once, until the catalog changes.

Charts ask for one window after another of the same series. Uploads change none of these plans; entities, definitions
and new series do, and what is kept for an earlier catalog is asked for no more.
"""

import json
from collections.abc import Hashable
from typing import NamedTuple

from tseng.requests import Request
from tseng.view import ProjectView
from tseng_storage.cache import BoundedCache
from tseng_units.plan import Plan, offered_metric, plan
from tseng_units.sensors import OfferedMetric, Sensor

# Of all plans together: a plan of one series has a few nodes, one of an array some for each segment. A node takes up to
# half a kilobyte.
_NODES = 200_000


class Planned(NamedTuple):
    """How one metric of one sensor is made in one unit, and what is offered under its id."""

    plan: Plan
    offered: OfferedMetric


class Plans:
    """What one engine keeps; thread-safe."""

    def __init__(self) -> None:
        self._kept: BoundedCache[Planned] = BoundedCache(_NODES)

    def find(self, view: ProjectView, request: Request) -> Planned | None:
        """The plan for what is asked, where it is kept."""
        key = _key(view, request)
        return None if key is None else self._kept.get(key)

    def make(self, view: ProjectView, sensor: Sensor, request: Request) -> Planned:
        """Plan what is asked, and keep it where nothing but the catalog of this revision decides about it.

        Raises:
            tseng_units.errors.UnitsError: metric, unit, parameters or props, in this order.
        """
        found = plan(sensor, request.metric, request.unit, request.params, view)
        planned = Planned(found, offered_metric(sensor, request.metric))
        key = _key(view, request)
        if key is not None:
            self._kept.put(key, planned, len(found.nodes))
        return planned


def _key(view: ProjectView, request: Request) -> Hashable | None:
    """What decides about a plan; None where that is not known from a revision and text alone."""
    revision = view.revision
    if revision is None:
        return None
    try:
        params = json.dumps(request.params) if request.params else ""
    except (TypeError, ValueError, RecursionError):
        return None
    return revision, view.project, request.sensor, request.metric, request.unit, params
