"""Updates to one peer: at once while it keeps up, noted while it does not, and never before the subscribe's answer."""

import asyncio
import json
from typing import Any

import numpy as np
from tests.api.wires import Pipe

from tseng.errors import EngineError
from tseng.live.updates import DataUpdate, EntityRemoved, EntityUpdate, Trouble
from tseng_api.limits import BACKLOG_BYTES, EARLY_UPDATES
from tseng_api.pushes import Kept, News, Pushes
from tseng_storage.entities import Entity

HOUR = 3_600_000_000


def data(hour: int, sensor: str = "s") -> News:
    """One point of 1.5, some hours after 1970."""
    block = (np.array([hour * HOUR]), np.array([1.5]))
    return News.of(DataUpdate(sensor, hour * HOUR, hour * HOUR, 1, block))


def long(hour: int) -> News:
    """Points as long as a third of what may wait."""
    block = (np.array([hour * HOUR]), np.array([1.5]))
    body = b'{"data":{},"sensor":"s","padding":"%b"}' % (b" " * (BACKLOG_BYTES // 3 - 100))
    return News(DataUpdate("s", hour * HOUR, hour * HOUR, 1, block), [body])


def entity(value: int) -> News:
    """A node with one prop."""
    return News.of(EntityUpdate(Entity("default", "node", "n", "THREAD", None, {"A": value})))


def removed() -> News:
    """That node, gone."""
    return News.of(EntityRemoved(Entity("default", "node", "n", "THREAD")))


def trouble(words: str) -> News:
    """Trouble with the series."""
    return News.of(Trouble("s", EngineError(words)))


def kept(pushes: Pushes, *, answered: bool = True) -> Kept:
    """A subscription with the id 7, by default one whose answer is sent."""
    made = Kept(b"7", "data", "default", 1, pushes)
    if answered:
        pushes.open(made)
    return made


def results(pipe: Pipe, skip: int = 0) -> list[Any]:
    """What came under the id 7, without the envelopes."""
    messages = [json.loads(each) for each in pipe.messages[skip:]]
    assert all((message["jsonrpc"], message["id"]) == ("2.0", 7) for message in messages)
    return [message.get("result", message.get("error")) for message in messages]


def point(hour: int) -> dict[str, Any]:
    """What `data` says."""
    return {"data": {f"1970-01-01T{hour:02}:00:00.000Z": 1.5}, "sensor": "s"}


def lagged(first: int, last: int, sensor: str = "s") -> dict[str, Any]:
    """What a peer is told that missed these hours."""
    dates = {"startDate": f"1970-01-01T{first:02}:00:00.000Z", "endDate": f"1970-01-01T{last:02}:00:00.000Z"}
    return {"sensor": sensor, "lagged": dates}


def fill(pipe: Pipe) -> int:
    """Send so much that the peer is behind; how many messages that was."""
    pipe.send(b" " * (BACKLOG_BYTES + 1))
    return len(pipe.messages)


def test_updates_go_out_at_once_under_the_id() -> None:
    """Points, entities and troubles, each in its form."""

    async def main() -> None:
        pipe = Pipe()
        subscription = kept(Pushes(pipe))
        for news in (data(1), trouble("no zero reading"), entity(4), removed()):
            subscription.take(news)
        first, second, third, fourth = results(pipe)
        assert first == point(1)
        assert (second["message"], second["data"]["sensor"]) == ("no zero reading", "s")
        assert (third["data"]["id"], third["data"]["props"]["A"]) == ("n", 4)
        assert fourth == {"removed": "n"}

    asyncio.run(main())


def test_a_peer_that_is_behind_is_told_the_range_it_missed_and_then_goes_on() -> None:
    """One `lagged` for each sensor from the first to the last point; of entities the latest state alone."""

    async def main() -> None:
        pipe = Pipe()
        subscription = kept(Pushes(pipe))
        skip = fill(pipe)
        for news in (data(5), data(3), data(9), data(4, "other"), entity(1), entity(2)):
            subscription.take(news)
        assert len(pipe.messages) == skip
        await pipe.take()
        *ranges, state = results(pipe, skip)
        assert ranges == [lagged(3, 9), lagged(4, 4, "other")]
        assert state["data"]["props"]["A"] == 2
        subscription.take(data(10))
        assert results(pipe, skip)[-1] == point(10)

    asyncio.run(main())


def test_what_comes_before_the_range_is_told_belongs_to_it() -> None:
    """The backlog is gone but not told yet: a point then is part of the range, not sent ahead of it."""

    async def main() -> None:
        pipe = Pipe()
        subscription = kept(Pushes(pipe))
        skip = fill(pipe)
        subscription.take(data(1))
        taking = asyncio.create_task(pipe.take())
        await asyncio.sleep(0)
        subscription.take(data(2))
        await taking
        assert results(pipe, skip) == [lagged(1, 2)]

    asyncio.run(main())


def test_of_troubles_the_last_is_told_unless_data_followed() -> None:
    """Trouble after points: the range, then the trouble. Points after trouble: the range alone."""

    async def main() -> None:
        pipe = Pipe()
        subscription = kept(Pushes(pipe))
        skip = fill(pipe)
        for news in (data(1), trouble("first"), trouble("second")):
            subscription.take(news)
        await pipe.take()
        told, last = results(pipe, skip)
        assert (told, last["message"]) == (lagged(1, 1), "second")
        skip = fill(pipe)
        for news in (trouble("third"), data(2)):
            subscription.take(news)
        await pipe.take()
        assert results(pipe, skip) == [lagged(2, 2)]

    asyncio.run(main())


def test_a_change_too_large_to_send_is_told_as_a_range() -> None:
    """Even to a peer that keeps up: it reads it by getData."""

    async def main() -> None:
        pipe = Pipe()
        nothing = (np.array([], np.int64), np.array([]))
        kept(Pushes(pipe)).take(News.of(DataUpdate("s", 2 * HOUR, 8 * HOUR, 1_000_000, nothing)))
        assert results(pipe) == [lagged(2, 8)]

    asyncio.run(main())


def test_nothing_is_sent_before_the_answer_to_the_subscribe() -> None:
    """Updates wait for it, in order; of too many the rest is a range."""

    async def main() -> None:
        pipe = Pipe()
        pushes = Pushes(pipe)
        subscription = kept(pushes, answered=False)
        for _ in range(EARLY_UPDATES):
            subscription.take(data(1))
        subscription.take(data(2))
        assert pipe.messages == []
        pushes.open(subscription)
        await pipe.take()
        assert results(pipe) == [point(1)] * EARLY_UPDATES + [lagged(2, 2)]

    asyncio.run(main())


def test_what_is_kept_until_the_answers_is_bounded_in_bytes_for_all_subscriptions() -> None:
    """Of a connection; beyond them all that follows is noted, also what would fit. After the answers there is room."""

    async def main() -> None:
        pipe = Pipe()
        pushes = Pushes(pipe)
        first, second = (kept(pushes, answered=False) for _ in range(2))
        for subscription in (first, second):
            for hour in range(4):
                subscription.take(long(hour))
            subscription.take(data(5))
        for subscription in (first, second):
            pushes.open(subscription)
            await pipe.take()
        *sent, of_first, of_second = results(pipe)
        assert [each["sensor"] for each in sent if "data" in each] == ["s"] * 3
        assert (of_first, of_second) == (lagged(3, 5), lagged(0, 5))
        third = kept(pushes, answered=False)
        third.take(long(6))
        pushes.open(third)
        assert "data" in results(pipe)[-1]

    asyncio.run(main())


def test_what_a_batch_ends_again_is_told_nothing() -> None:
    """Subscribed and ended before the answer: what came meanwhile does not follow it."""

    async def main() -> None:
        pipe = Pipe()
        pushes = Pushes(pipe)
        subscription = kept(pushes, answered=False)
        for _ in range(EARLY_UPDATES + 1):
            subscription.take(data(1))
        subscription.ended = True
        pushes.open(subscription)
        await pipe.take()
        assert pipe.messages == []

    asyncio.run(main())


def test_after_its_end_a_subscription_is_told_nothing() -> None:
    """Neither what comes nor what was noted."""

    async def main() -> None:
        pipe = Pipe()
        subscription = kept(Pushes(pipe))
        skip = fill(pipe)
        subscription.take(data(1))
        subscription.ended = True
        await pipe.take()
        subscription.take(data(2))
        assert len(pipe.messages) == skip

    asyncio.run(main())
