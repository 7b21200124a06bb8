"""`/Messages/{model}/{twinId}`: messages to a twin wait in order, and their numbers become observations.

A message is any JSON, kept as it came. Of an object the numbers at its top are observations of the twin's sensor, at
the time that its `timestamp` says, else at its arrival; both are kept in one transaction.
"""

import math
from contextlib import suppress
from typing import Any

import msgspec
from starlette.responses import Response

from tseng.depositing import Reading
from tseng.errors import InvalidRequest
from tseng.ids import fault_of_new
from tseng_api.http import JSON
from tseng_api.routing import Answer, Received, route
from tseng_api.scaleout.errors import MANNERS
from tseng_api.wire import decode
from tseng_storage.queues import Send
from tseng_units.instants import MAX_US, MIN_US, parse_instant

LARGEST_MESSAGE = 65_536
SENSOR_TYPE = "REAL_TIME_DIGITAL_TWIN"
_TIMESTAMP = "timestamp"


class ApiKey(msgspec.Struct, forbid_unknown_fields=True):
    """The key may stand in the query string."""

    apiKey: str = ""


def post_message(received: Received[ApiKey, bytes]) -> Response:
    """Send a message to a digital twin.

    Answers 200 when it is on disk with its numbers; with `Prefer: respond-async` that is a 202.
    """
    message = decode(received.body, Any)
    odd = fault_of_new(_sensor(received))
    if odd:
        raise InvalidRequest.at("path", odd)
    received.engine.deposit(
        _readings(received, message) if isinstance(message, dict) else [],
        type=SENSOR_TYPE,
        messages=[Send(_queue(received), received.body)],
        by=received.session.author,
        project=received.session.project(),
    )
    preferences = ",".join(received.headers.getlist("prefer")).split(",")
    if any(each.partition(";")[0].strip().lower() == "respond-async" for each in preferences):
        return Response(status_code=202, headers={"Preference-Applied": "respond-async"})
    return Response()


def get_messages(received: Received[ApiKey, None]) -> Response:
    """Retrieve the messages that wait for a digital twin.

    All that was not acknowledged, oldest first, as they were sent; of more than 4 MiB the first of them.
    """
    if received.method == "HEAD":
        # To ask for the headers alone is not to have retrieved anything.
        waits = received.engine.waits(_queue(received), project=received.session.project())
        return Response(media_type=JSON) if waits else Response(status_code=204)
    waiting = received.engine.retrieve(_queue(received), project=received.session.project())
    return Response(b"[" + b",".join(waiting) + b"]", media_type=JSON) if waiting else Response(status_code=204)


def acknowledge_messages(received: Received[ApiKey, None]) -> Response:
    """Acknowledge the messages that were retrieved: they wait no more."""
    received.engine.acknowledge(_queue(received), project=received.session.project())
    return Response()


def _queue(received: Received[ApiKey, Any]) -> str:
    return f"scaleout/{received.path['model']}/{received.path['twinId']}"


def _sensor(received: Received[ApiKey, Any]) -> str:
    return f"/scaleout/{received.path['model']}/{received.path['twinId']}/sensor"


def _readings(received: Received[Any, Any], message: dict[str, Any]) -> list[Reading]:
    values = _numbers(message)
    if not values:
        return []
    time = _time(message.get(_TIMESTAMP))
    return [Reading(_sensor(received), received.engine.arrivals.now() if time is None else time, values)]


def _numbers(message: dict[str, Any]) -> dict[str, float | None]:
    """The numbers at the top of a message.

    Raises:
        InvalidRequest: some are too large for float64.
    """
    found: dict[str, float | None] = {}
    for name, value in message.items():
        if name == _TIMESTAMP or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        number = math.inf
        with suppress(OverflowError):
            number = float(value)
        if math.isinf(number):
            raise InvalidRequest.at(name, f"{value!s:.40} is too large a number")
        found[name] = number
    return found


def _time(timestamp: Any) -> int | None:
    """Epoch us of an ISO 8601 text or of epoch milliseconds; None for everything else."""
    if isinstance(timestamp, str):
        with suppress(ValueError):
            return parse_instant(timestamp)
    if isinstance(timestamp, int | float) and not isinstance(timestamp, bool):
        us = timestamp * 1000
        return round(us) if MIN_US <= us <= MAX_US else None
    return None


_DONE = {200: Answer("Done, and on disk.")}

ROUTES = [
    route(
        "/Messages/{model}/{twinId}",
        post_message,
        "writer",
        method="POST",
        takes={JSON: Any},
        answers=_DONE | {202: Answer("Accepted, and on disk.")},
        manners=MANNERS,
        most_bytes=LARGEST_MESSAGE,
    ),
    route(
        "/Messages/{model}/{twinId}",
        get_messages,
        answers={200: Answer("The messages.", {JSON: list[Any]}), 204: Answer("There are none.")},
        manners=MANNERS,
    ),
    route(
        "/Messages/{model}/{twinId}/ack",
        acknowledge_messages,
        "writer",
        method="POST",
        answers=_DONE,
        manners=MANNERS,
    ),
]
