"""The engine's verbs for live data."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tseng.access import find_project
from tseng.errors import InvalidRequest, NotFound
from tseng.view import ProjectView
from tseng_storage.entities import Kind
from tseng_storage.store import Store
from tseng_units.errors import InvalidParam
from tseng_units.params import Params, parse_params
from tseng_units.plan import plan

if TYPE_CHECKING:
    from tseng.live.hub import Hub
    from tseng.live.subscription import Outlet, Subscription


class Live:
    """Verbs that go on telling; see `docs/live.md`."""

    store: Store

    @property
    def hub(self) -> "Hub":
        """What follows the store, for every subscription of this engine."""
        from tseng.live.hub import Hub  # most processes never follow anything

        # Of two threads that come first one sets it, and both get that.
        made: Hub = self.__dict__.get("_hub") or self.__dict__.setdefault("_hub", Hub(self.store))
        return made

    def subscribe_data(
        self,
        sensors: Sequence[str],
        metric: str,
        unit: str,
        *,
        params: Mapping[str, Any] | None = None,
        outlet: "Outlet",
        owner: object = None,
        project: str | None = None,
    ) -> "Subscription":
        """Tell `outlet` every point of the sensors' metric that changes from now on, whoever changes it.

        Args:
            sensors: sensor ids; each is told for itself.
            metric: raw or derived metric id.
            unit: unit id of the metric's dimension.
            params: metric parameters, as of `get_data`.
            outlet: where `DataUpdate` and `Trouble` go, from a thread of the engine's.
            owner: kept as `owner` of the subscription; the caller's own.
            project: id or iTwin id; None is the default project.

        Raises:
            InvalidRequest: there are no sensors.
            UnknownSensor: one of them does not exist.
            tseng_units.errors.UnitsError: metric, unit, parameter or zero reading of one of them, as of `get_data`.
        """
        from tseng.live.planning import Question

        if not sensors:
            raise InvalidRequest.at("sensors", "must name one sensor at least")
        home = find_project(self.store.catalog, project).id
        asked = _params(ProjectView(self.store, home), sensors, metric, unit, params)
        questions = [Question(home, sensor, metric, unit, asked) for sensor in sensors]
        return self.hub.subscribe_data(questions, outlet, owner)

    def subscribe_entities(
        self,
        kind: Kind,
        ids: Sequence[str] | None = None,
        *,
        outlet: "Outlet",
        owner: object = None,
        project: str | None = None,
    ) -> "Subscription":
        """Tell `outlet` of entities whose props change from now on, or of all of a kind and of those that are made.

        Args:
            kind: node, device or sensor.
            ids: which ones; None for all of the project, those to come too.
            outlet: where `EntityUpdate`s go, from a thread of the engine's.
            owner: kept as `owner` of the subscription; the caller's own.
            project: id or iTwin id; None is the default project.

        Raises:
            NotFound: one of them does not exist in this project.
        """
        home = find_project(self.store.catalog, project).id
        found = {entity.id for entity in self.store.catalog.entities(home, kind, ids)} if ids is not None else set()
        for id in ids or ():
            if id not in found:
                raise NotFound(f"there is no {kind} {id!r}", field=kind, seen=id)
        return self.hub.subscribe_entities(home, kind, ids, outlet, owner)

    def _end_live(self) -> None:
        """Tell nobody anything more."""
        if "_hub" in self.__dict__:
            self.hub.close()


def _params(
    view: ProjectView, sensors: Sequence[str], metric: str, unit: str, params: Mapping[str, Any] | None
) -> Params:
    """The parameters, once all sensors are known to exist; what is refused is what a read would refuse first."""
    known = [view.known(sensor) for sensor in sensors]
    try:
        return parse_params(params)
    except InvalidParam:
        plan(known[0], metric, unit, params, view)
        raise
