"""A subscription to series over a connection that may break.

A thread of the subscription's own listens on a WebSocket and hands on what is told. It alone touches the state below;
`close` only tells it to end. After a lost connection it connects anew, subscribes again, and then reads what came
behind the last time that it knows of each series: first subscribe, then read, so that nothing falls in between. What
the connection then tells once more of what was just read is left out.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tseng.client.connection import Connection
from tseng.client.line import BROKEN, Line, Lost
from tseng.client.mailbox import Mailbox
from tseng.client.reading import read_series
from tseng.client.refusals import called
from tseng.client.retrying import Tries, waits
from tseng.errors import REFUSALS, Forbidden, Unauthenticated
from tseng.live.subscription import Outlet, Subscription
from tseng.live.updates import DataUpdate, Trouble, Update
from tseng.requests import Options, instant
from tseng.series import Block
from tseng_storage.arrays import strings, to_numpy
from tseng_units.instants import MAX_US, MIN_US

log = logging.getLogger("tseng.client")

_GONE = (*BROKEN, httpx.TransportError)
_SHUT_OUT = (Unauthenticated, Forbidden)
# The server could not answer, which says nothing of the series.
_UNABLE = frozenset({"STORE", "INTERNAL", "NOT_ACCEPTABLE"})
Times = NDArray[np.int64]
_NOTHING: Block = (np.empty(0, np.int64), np.empty(0))


@dataclass(frozen=True)
class Reread(DataUpdate):
    """The series was read again from `first` to `last`: what is not among `changed` is not there.

    That is so where points were not told: after a connection was lost, from behind the last time that was known on,
    and where the server had too many to send.
    """


@dataclass(frozen=True)
class Question:
    """What is asked of some sensors."""

    sensors: Sequence[str]
    metric: str
    unit: str
    params: Mapping[str, Any] | None


@dataclass
class _Followed:
    """One series."""

    sensor: str
    last: int = MIN_US - 1
    """The last time [epoch us] of which its points are known."""
    read: Block = field(default=_NOTHING)
    """What was read of it last, as long as it may be told once more."""
    refused: bool = False
    """It could not be subscribed to again, and Trouble is told."""


class ClientSubscription(Subscription):
    """A subscription to series of a server, and an iterator over its updates unless they go to an outlet.

    Use it as a context, or close it: then the iterator ends, and nothing more is delivered. It ends by itself where the
    key is let in no more; the refusal then is the iterator's error.

    While more than `ClientSettings.updates_ahead` updates wait nothing is read from the connection. The server notes
    what it does not send then, and that is read when it says so.
    """

    def __init__(
        self,
        connection: Connection,
        question: Question,
        outlet: Outlet | None,
        owner: object,
        leave: Callable[[Subscription], None],
    ) -> None:
        """Subscribe, and listen from now on.

        Raises:
            EngineError, tseng_units.errors.UnitsError: as of `Engine.subscribe_data`.
            OSError, WebSocketException, httpx.TransportError: the server cannot be reached.
        """
        self._mailbox = Mailbox(connection.settings.updates_ahead)
        super().__init__(self._mailbox if outlet is None else outlet, owner, leave)
        self._connection, self._question = connection, question
        self._series = [_Followed(sensor) for sensor in dict.fromkeys(question.sensors)]
        self._by_id: dict[int, _Followed] = {}
        self._ending = threading.Event()
        self.error: Exception | None = None
        """Why it ended by itself."""
        self._line = self._begun()
        self._thread = threading.Thread(target=self._run, name="tseng-subscription", daemon=True)
        self._thread.start()

    # For its reader

    def __iter__(self) -> Iterator[Update]:
        return self

    def __next__(self) -> Update:
        try:
            return self.next()
        except EOFError:
            raise StopIteration from None

    def next(self, timeout: float | None = None) -> Update:
        """Return the next update.

        Raises:
            TimeoutError: none came for so many seconds.
            EOFError: it is closed.
            EngineError: the key is let in no more.
        """
        if self.outlet is not self._mailbox:
            raise TypeError("the updates of this subscription go to its outlet")
        update = self._mailbox.take(timeout)
        if update is not None:
            return update
        raise self.error or EOFError("the subscription is closed")

    def close(self) -> None:
        """End it: within a second or two, or when a connection or a read that is under way has ended."""
        self._ending.set()
        self._mailbox.close()
        self._line.close()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Connecting

    def _begun(self) -> Line:
        """The first connection, subscribed; in the thread of whoever subscribes."""
        tries = Tries(self._connection.settings)
        while True:
            try:
                # Before subscribing: what comes in between is told, and what is told may be lost with the connection.
                for each in self._series:
                    newest = self._read(each, {"limit": "last"})[0]
                    each.last = int(newest[-1]) if len(newest) else each.last
                return self._subscribed()
            except _GONE as error:
                wait = tries.wait()
                if wait is None:
                    raise
                log.warning("subscription: %s; again in %.1f s", error, wait)
                time.sleep(wait)

    def _subscribed(self) -> Line:
        line = Line(self._connection)
        try:
            for each in self._series:
                self._subscribe(line, each)
        except BaseException:
            line.close()
            raise
        return line

    def _subscribe(self, line: Line, each: _Followed) -> None:
        asked = {"sensors": [each.sensor], "metric": self._question.metric, "unit": self._question.unit}
        params = {"params": dict(self._question.params)} if self._question.params else {}
        told = line.call("subscribeData", {**asked, **params, **self._connection.scope})
        self._by_id[told["subscriptionId"]] = each

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                try:
                    self._listen()
                except _GONE as error:
                    self._reconnect(error)
        except Exception as error:
            self.error = error
            if not isinstance(error, REFUSALS):
                log.exception("a subscription ends")
        finally:
            self._line.close()
            self._mailbox.end()

    def _reconnect(self, problem: Exception) -> None:
        """Connect and subscribe again, as often as it takes."""
        for wait in waits(self._connection.settings):
            if self._ending.is_set():
                return
            log.warning("subscription: %s; again in %.1f s", problem, wait)
            self._line.close()
            if self._ending.wait(wait):
                return
            try:
                self._line, self._by_id = Line(self._connection), {}
                for each in self._series:
                    self._resume(each)
            except _GONE as error:
                problem = error
            except REFUSALS as error:
                if error.category not in _UNABLE:
                    raise
                problem = error
            else:
                return

    def _resume(self, each: _Followed) -> None:
        """Subscribe again, then read what was not told in between."""
        if self._ending.is_set():
            return
        try:
            self._subscribe(self._line, each)
        except REFUSALS as error:
            if isinstance(error, _SHUT_OUT) or error.category in _UNABLE:
                raise
            if not each.refused:
                self._deliver(Trouble(each.sensor, error))
            each.refused = True
            return
        each.refused = False
        self._reread(each, each.last + 1, MAX_US)

    # Listening

    def _listen(self) -> None:
        """Hand on what is told; from time to time look whether what was refused can be subscribed to again."""
        pause = self._connection.settings.longest_wait
        due = time.monotonic() + pause
        while not self._ending.is_set():
            refused = [each for each in self._series if each.refused]
            if refused and time.monotonic() >= due:
                for each in refused:
                    self._resume(each)
                due = time.monotonic() + pause
            try:
                message = self._line.next(max(0.0, due - time.monotonic()) if refused else None)
            except TimeoutError:
                continue
            self._take(message)

    def _take(self, message: Mapping[str, Any]) -> None:
        each = self._by_id.get(message["id"])
        if each is None:
            return
        if "error" in message:
            error = called(message["error"])
            if isinstance(error, _SHUT_OUT):
                raise error
            self._deliver(Trouble(each.sensor, error))
        elif "lagged" in message["result"]:
            range = message["result"]["lagged"]
            self._reread(each, _us(range["startDate"]), _us(range["endDate"]))
        else:
            self._tell(each, message["result"]["data"])

    def _tell(self, each: _Followed, data: Mapping[str, float | None]) -> None:
        """Hand on points but for those that were read since they were sent; none at all tells that all is well."""
        time, value = _times(list(data)), np.array(list(data.values()), np.float64)
        if len(time):
            news = _news(each, time, value)
            if not news.any():
                return
            time, value = time[news], value[news]
        there = time[~np.isnan(value)]
        each.last = max(each.last, int(there.max())) if len(there) else each.last
        first, last = (int(time[0]), int(time[-1])) if len(time) else (each.last, each.last)
        self._deliver(DataUpdate(each.sensor, first, last, len(time), (time, value)))

    def _reread(self, each: _Followed, first: int, last: int) -> None:
        """Read a range [epoch us] and hand it on.

        Raises:
            Lost: it cannot be read now; it will be after the next connection.
        """
        known, each.last = each.last, min(each.last, first - 1)
        if first > MAX_US:
            return
        options: Options = {"start": np.datetime64(first, "us")}
        if last < MAX_US:
            options["end"] = np.datetime64(last, "us")
        try:
            time, value = self._read(each, options)
        except REFUSALS as error:
            if isinstance(error, _SHUT_OUT):
                raise
            raise Lost(f"{each.sensor} cannot be read: {error}") from error
        each.read = time, value
        each.last = max(known, int(time[-1])) if len(time) else known
        self._deliver(Reread(each.sensor, first, last, len(time), (time, value)))

    def _read(self, each: _Followed, options: Options) -> Block:
        question = self._question
        series = read_series(
            self._connection, each.sensor, question.metric, question.unit, once=True,
            options={"params": question.params, **options},
        )  # fmt: skip
        return series.time.view(np.int64), series.value.copy()

    def _deliver(self, update: Update) -> None:
        if not self._ending.is_set():
            self.outlet.deliver([(self, update)])


def _us(text: str) -> int:
    """Epoch us of a time as the server writes it."""
    us = instant("", text)
    assert us is not None
    return us


def _times(texts: list[str]) -> Times:
    """Epoch us, int64 (n,), of times as the server writes them."""
    return to_numpy(strings(texts).cast(pa.timestamp("us", "UTC")), np.int64)


def _news(each: _Followed, time: Times, value: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of these points, bool (n,), are not just what was read.

    What is told may be older than the read, so it is known already. Once something else is told the read is forgotten:
    from then on a value may be told that a point had before.
    """
    known, values = each.read
    same = np.zeros(len(time), np.bool_)
    if len(known):
        at = np.minimum(np.searchsorted(known, time), len(known) - 1)
        same = (known[at] == time) & (values[at] == value)
    if not same.all():
        each.read = _NOTHING
    return ~same
