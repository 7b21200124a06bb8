"""The two ends of a connection: what one sends the other reads, however it is split; anything else ends it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.api.test_framing import pieces

from tseng.errors import Unauthenticated
from tseng_api.errors import NotJson
from tseng_api.events import (
    BatchResponse,
    Closed,
    ErrorResponse,
    Event,
    Garbage,
    Message,
    NeedData,
    Part,
    Response,
    Update,
)
from tseng_api.jsonrpc import End, LocalError, Role, State
from tseng_api.messages import Batch, Invalid, Notification, Request

IDS = st.integers(-5, 10**30).map(str) | st.text(max_size=4).map(json.dumps) | st.sampled_from(["1.0", "1e2", "null"])
NAMES = st.sampled_from(["time", "getData", "getObservations", "subscribeData", "né}e"])
PARAMS = st.dictionaries(
    st.text(alphabet='"\\{}[]aé', max_size=3), st.text(alphabet='"\\{}[]aé', max_size=5), max_size=2
)
POINTS = msgspec.Raw(b'{"data":{"2016-12-15T23:38:07.000Z":77.5}}')
FINISHED = msgspec.Raw(b'{"requestStatus":"finished"}')
ERROR = msgspec.Raw(b'{"code":-32601,"message":"none"}')
CUTS = st.lists(st.integers(0, 10_000), max_size=12)


def raw(value: Any) -> msgspec.Raw:
    """Return the JSON text of a value."""
    return msgspec.Raw(json.dumps(value).encode())


@st.composite
def exchanges(draw: st.DrawFn) -> list[tuple[Event, list[Event]]]:
    """What a client sends, each with what it is answered: ids are not used again, subscriptions go on to the end."""
    ids = iter(draw(st.lists(IDS, unique=True, min_size=12, max_size=12)))
    script = list[tuple[Event, list[Event]]]()
    for number in draw(st.lists(st.integers(0, 3), max_size=4)):
        if number == 0:
            script.append((Notification(draw(NAMES), raw(draw(PARAMS))), []))
        elif number == 1:
            asked = [Request(next(ids).encode(), draw(NAMES), raw(draw(PARAMS))) for _ in range(2)]
            batch = Batch((asked[0], Notification("time", raw({})), asked[1]))
            script.append((batch, [BatchResponse((Response(asked[0].id, POINTS), ErrorResponse(asked[1].id, ERROR)))]))
        else:
            request = Request(next(ids).encode(), draw(NAMES), raw(draw(PARAMS)))
            script.append((request, draw(answers(request))))
    return script


@st.composite
def answers(draw: st.DrawFn, request: Request) -> list[Event]:
    """What the printed API answers a request with."""
    if draw(st.integers(0, 4)) == 0:
        return [ErrorResponse(request.id, ERROR)]
    if request.method in ("getData", "getObservations"):
        return [*[Part(request.id, POINTS)] * draw(st.integers(0, 3)), Response(request.id, FINISHED)]
    if request.method == "subscribeData":
        return [
            Response(request.id, raw({"subscriptionId": 1})),
            *[Update(request.id, POINTS)] * draw(st.integers(0, 3)),
        ]
    return [Response(request.id, raw(draw(PARAMS)))]


def received(end: End, parts: list[bytes]) -> list[Event]:
    """Everything that happens at an end while these parts arrive and then the end of the stream."""
    found = list[Event]()
    for part in [*(part for part in parts if part), b""]:
        end.receive_data(part)
        while not isinstance(event := end.next_event(), NeedData | Closed):
            found.append(event)
    assert end.next_event() == Closed()
    return found


@given(exchanges(), CUTS, CUTS)
def test_what_one_end_sends_the_other_reads(script: Any, there: list[int], back: list[int]) -> None:
    """Any messages, each stream split anywhere: the same events in the same order on the other side."""
    client, server = End(Role.CLIENT), End(Role.SERVER)
    asked = b"".join(client.send(event) for event, _ in script)
    assert received(server, pieces(asked, there)) == [event for event, _ in script]
    told = [answer for _, answers in script for answer in answers]
    answered = b"".join(server.send(event) for event in told)
    assert received(client, pieces(answered, back)) == told


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Bytes of any kind, and streams of either end with some bytes changed, dropped or put in."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=80))
    script = draw(exchanges())
    client, server = End(Role.CLIENT), End(Role.SERVER)
    asked = b"".join(client.send(event) for event, _ in script)
    answered = b"".join(server.send(answer) for _, answers in script for answer in answers)
    stream = bytearray(draw(st.sampled_from([asked, answered])))
    for at, drop, put in draw(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 2), st.binary(max_size=2)))):
        at %= len(stream) + 1
        stream[at : at + drop] = put
    return bytes(stream)


@given(streams(), CUTS, st.sampled_from(Role))
def test_whatever_arrives_is_events_and_an_end(stream: bytes, cuts: list[int], role: Role) -> None:
    """Never an exception: at most one Garbage, the last event; the same however it is split, and closed after it."""
    end = End(role)
    events = received(end, pieces(stream, cuts))
    assert list(map(_told, events)) == list(map(_told, received(End(role), [stream])))
    assert not any(isinstance(event, Garbage) for event in events[:-1])
    end.receive_data(b'{"jsonrpc":"2.0","id":1,"method":"time"}')
    assert end.next_event() == Closed()
    if events and isinstance(events[-1], Garbage):
        assert end.state is State.FAILED
        with pytest.raises(LocalError):
            end.send(Message(b"{}"))
        assert _ended(end, events[-1]) is State.CLOSED


def _told(event: Event) -> Any:
    """An event with what its error says in place of the error, which equals itself alone."""
    if isinstance(event, Batch):
        return [_told(item) for item in event.items]
    return (type(event), str(event.error)) if isinstance(event, Garbage | Invalid) else event


def _ended(end: End, garbage: Event) -> State:
    last = garbage if end._role is Role.SERVER else Closed()
    end.send(last)
    with pytest.raises(LocalError):
        end.send(last)
    return end.state


def test_the_printed_requests_are_read() -> None:
    """The end-to-end example of seed 003 in one stream."""
    server = End(Role.SERVER)
    server.receive_data(
        b'{"jsonrpc":"2.0","method":"authenticate","id":"0","params":{"code":"K"}}'
        b'{\n   "jsonrpc":"2.0",\n   "method":"getSensors",\n   "id":1,\n   "params":{"sensors": ["/fn/x/sensor"]}\n}'
        b'{"jsonrpc": "2.0", "method": "help", "id": 2}'
    )
    assert server.next_event() == Request(b'"0"', "authenticate", msgspec.Raw(b'{"code":"K"}'))
    assert server.next_event() == Request(b"1", "getSensors", msgspec.Raw(b'{"sensors": ["/fn/x/sensor"]}'))
    assert server.next_event() == Request(b"2", "help", msgspec.Raw(b"{}"))
    assert server.next_event() == NeedData()


def test_sound_json_that_is_no_request_does_not_end_the_connection() -> None:
    """Its error is there to be sent, with the id where there is one, and what follows is read."""
    server = End(Role.SERVER)
    server.receive_data(b'{"id":4,"method":"time"}[]{"jsonrpc":"2.0","method":"time"}')
    for id in (4, None):
        event = server.next_event()
        assert isinstance(event, Invalid)
        answer = json.loads(server.send(Message(event.answer)))
        assert (answer["id"], answer["error"]["code"]) == (id, -32600)
    assert server.next_event() == Notification("time", msgspec.Raw(b"{}"))


@pytest.mark.parametrize(
    ("stream", "code"), [(b"GET / HTTP/1.1\r\n", -32700), (b'{"a":tru}', -32700), (b'["' + b"x" * 99, -32600)]
)
def test_garbage_is_answered_with_an_error_without_id(stream: bytes, code: int) -> None:
    """Seed 003, Receiving Responses: an error that answers no request has none."""
    server = End(Role.SERVER, limit=60)
    server.receive_data(stream)
    event = server.next_event()
    assert isinstance(event, Garbage)
    answer = json.loads(server.send(event))
    assert (set(answer), answer["error"]["code"], answer["error"]["data"]["field"]) == (
        {"jsonrpc", "error"},
        code,
        "body",
    )
    client = End(Role.CLIENT)
    client.receive_data(json.dumps(answer).encode())
    assert client.next_event() == ErrorResponse(None, raw(answer["error"]))


def test_a_stream_that_ends_within_a_message_is_garbage() -> None:
    """At its end alone; spaces are no message."""
    assert received(End(Role.SERVER), [b'{"jsonrpc":"2.0","method":"time"} \n']) == [Notification("time", raw({}))]
    (event,) = received(End(Role.SERVER), [b'{"jsonrpc":"2.0",'])
    assert isinstance(event, Garbage)
    assert isinstance(event.error, NotJson)


@pytest.mark.parametrize(
    ("role", "event"),
    [
        (Role.CLIENT, Response(b"1", FINISHED)),
        (Role.CLIENT, Message(b"{}")),
        (Role.SERVER, Notification("time", raw({}))),
        (Role.SERVER, NeedData()),
        (Role.SERVER, Invalid(b"1", NotJson("x"))),
        (Role.CLIENT, Request(b"[]", "time", raw({}))),
        (Role.CLIENT, Request(b"1", "time", msgspec.Raw(b"{"))),
        (Role.CLIENT, Request(b"1,2", "time", raw({}))),
        (Role.CLIENT, Batch(())),
        (Role.CLIENT, Batch((Invalid(b"1", NotJson("x")),))),
        (Role.CLIENT, Batch((Request(b"1", "time", raw({})),) * 2)),
        (Role.CLIENT, Batch((Notification("time", raw({})),) * 1001)),
        (Role.SERVER, Response(b"1", msgspec.Raw(b""))),
        (Role.SERVER, Response(b"{}", FINISHED)),
        (Role.SERVER, ErrorResponse(b"1", msgspec.Raw(b"}"))),
        (Role.SERVER, BatchResponse(())),
    ],
)
def test_what_is_not_for_an_end_to_send_is_not_sent(role: Role, event: Event) -> None:
    """The other role's messages, and what the other end would not read as this event; nothing changes by it."""
    end = End(role)
    with pytest.raises(LocalError):
        end.send(event)
    assert end.state is State.OPEN


def test_an_id_is_free_again_when_it_is_answered() -> None:
    """Until then a second request under it could not be told from the first."""
    client = End(Role.CLIENT)
    client.send(Request(b"1", "getData", raw({})))
    for result in (POINTS, POINTS):
        with pytest.raises(LocalError):
            client.send(Request(b"1", "time", raw({})))
        client.receive_data(b'{"jsonrpc":"2.0","id":1,"result":%b}' % bytes(result))
        assert client.next_event() == Part(b"1", POINTS)
    client.receive_data(b'{"jsonrpc":"2.0","id":1,"result":%b}' % bytes(FINISHED))
    assert client.next_event() == Response(b"1", FINISHED)
    client.send(Request(b"1", "time", raw({})))


def test_after_its_last_word_a_server_says_nothing() -> None:
    """Nor does a client that has said that it sends no more; it still reads."""
    server, client = End(Role.SERVER), End(Role.CLIENT)
    client.send(Request(b"1", "time", raw({})))
    assert client.send(Closed()) == b""
    with pytest.raises(LocalError):
        client.send(Notification("time", raw({})))
    client.receive_data(server.send(Garbage(Unauthenticated("the key was revoked", field="Authorization"))))
    assert isinstance(client.next_event(), ErrorResponse)
    with pytest.raises(LocalError):
        server.send(Message(b"{}"))


@pytest.mark.parametrize(
    "answer",
    [
        b"{}",
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","result":1}',
        b'{"jsonrpc":"2.0","id":{},"result":1}',
        b'{"jsonrpc":"2.0","id":1,"result":1,"error":{}}',
        b'{"jsonrpc":"1.0","id":1,"result":1}',
        b"[]",
        b"[1]",
    ],
)
def test_what_is_no_answer_is_garbage_to_a_client(answer: bytes) -> None:
    """It has a result and an id, or an error (the specification, section 5)."""
    (event,) = received(End(Role.CLIENT), [answer])
    assert isinstance(event, Garbage)
