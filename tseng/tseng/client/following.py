"""Live data, as `tseng.live.verbs` has them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tseng.client.connection import Connection
from tseng.errors import InvalidRequest

if TYPE_CHECKING:
    from tseng.client.subscription import ClientSubscription
    from tseng.live.subscription import Outlet, Subscription


class Following:
    """Verbs that go on telling; see `docs/client.md` and `docs/live.md`."""

    _connection: Connection
    _subscriptions: "set[Subscription]"

    def subscribe(
        self, sensor: str, metric: str, unit: str, *, params: Mapping[str, Any] | None = None
    ) -> "ClientSubscription":
        """Tell every point of one series that changes from now on; arguments as of `get_data`.

            with client.subscribe(sensor, "dT", "F") as updates:
                for update in updates:
                    ...

        Returns and raises as `subscribe_data`.
        """
        return self.subscribe_data([sensor], metric, unit, params=params)

    def subscribe_data(
        self,
        sensors: Sequence[str],
        metric: str,
        unit: str,
        *,
        params: Mapping[str, Any] | None = None,
        outlet: "Outlet | None" = None,
        owner: object = None,
    ) -> "ClientSubscription":
        """Tell every point of the sensors' metric that changes from now on, whoever changes it.

        Args:
            sensors: sensor ids; each is told for itself.
            metric: raw or derived metric id.
            unit: unit id of the metric's dimension.
            params: metric parameters, as of `get_data`.
            outlet: where updates go, one after the other, from a thread of the subscription's; while it blocks nothing
                more is read. None: the subscription is an iterator.
            owner: kept as `owner` of the subscription; the caller's own.

        Returns:
            The subscription, an iterator and a context. Its updates are `DataUpdate`s, also of the kind `Reread` where
            points had to be read again, and `Trouble`.

        Raises:
            InvalidRequest: there are no sensors.
            UnknownSensor: one of them does not exist.
            tseng_units.errors.UnitsError: metric, unit, parameter or zero reading of one of them, as of `get_data`.
            OSError, httpx.TransportError: the server cannot be reached.
        """
        from tseng.client.subscription import ClientSubscription, Question  # most clients never follow anything

        if not sensors or isinstance(sensors, str):
            raise InvalidRequest.at("sensors", "must be a list that names one sensor at least")
        question, leave = Question(sensors, metric, unit, params), self._subscriptions.discard
        made = ClientSubscription(self._connection, question, outlet, owner, leave)
        self._subscriptions.add(made)
        return made
