"""The samples that seed 003 prints, read where they stand, and the few words of each that a test must change.

A sample is found by the heading or sentence that stands before it, and by its own first and last lines. What is changed
is listed with it: the address, the key, what Python 3 does otherwise than Python 2, and three lines that no Python
runs. Nothing else is touched, indentation and all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from tests.reference import reference


@dataclass(frozen=True)
class Sample:
    """Where a sample stands, and what stands otherwise in the test; `{host}` and the like are filled in."""

    below: str
    first: str
    last: str
    changes: Mapping[str, str]

    def text(self, places: Mapping[str, str]) -> str:
        """Return the sample with its changes made; `places` says what host, port, scheme and key are."""
        page = _page()
        start = page.index(f"\n{self.first}", page.index(f"\n{self.below}\n")) + 1
        text = page[start : page.index(self.last, start) + len(self.last)] + "\n"
        for old, new in self.changes.items():
            assert old in text, f"the sample holds no {old!r}"
            text = text.replace(old, _filled(new, places))
        return text


@cache
def _page() -> str:
    (page,) = reference("seeds").glob("003_*.txt")
    return page.read_text()


def _filled(text: str, places: Mapping[str, str]) -> str:
    for name, value in places.items():
        text = text.replace(f"{{{name}}}", value)
    return text


_HOST = {'"iiot.bentley.com"': '"{host}"', '"YourAPIKey"': '"{key}"'}

_ENTITY = "The following example illustrates retrieving a sensor object from the server and subscribing to its updates:"
_METRICS = "The following example illustrates retrieving metrics and units for a specific sensor:"
_DATA = "The following example illustrates retrieving data for a specific sensor:"
_NEW_DATA = "The following example illustrates subscribing to a sensor’s new observations:"
_UPLOAD = "The following example illustrates how to upload new observations for a single sensor:"
_HELP = "Retrieve help information for all available API requests:"
_TIME = "Keep a connection alive with periodic time requests:"

JAVASCRIPT = {
    "connection": Sample(
        "Opening a Connection", "var socket,", "    onMessage(event.data);\n};",
        {**_HOST, "port = 4201": "port = {port}", '"wss://"': '"{scheme}://"'},
    ),
    "sending": Sample("Sending Requests", "var callbacks = {}", "    return requestId;\n};", {}),
    "receiving": Sample("Receiving Responses", "function onMessage(message) {", "\n};", {}),
    "entity": Sample(_ENTITY, "var sensor,", "\n});", {}),
    "metrics": Sample(_METRICS, "var allMetrics = [],", "\n});", {}),
    "data": Sample(_DATA, "var sensorId =", "\n});", {}),
    "new data": Sample(_NEW_DATA, "var sensorId =", "\n});", {}),
    "upload": Sample(_UPLOAD, "var uploadDataParams = {", "\n});", {}),
    "help": Sample(_HELP, 'sendRequest("help"', "\n});", {}),
    "time": Sample(_TIME, "setInterval(function() {", "}, 5000);", {}),
}  # fmt: skip

_ADDRESS = {**_HOST, "port = 4200": "port = {port}"}
_SENT = {"}))": "}).encode())"}
"""Python 3 sends bytes."""
_BEGIN = "nextId = nextId + 1"
_SHOWN = {'+ response["result"]': '+ str(response["result"])'}
"""Printed, a text and an object are added up: a TypeError in any Python."""
_LOOP = 'series["data"][date] = response["result"]["data"][date];'

PYTHON = {
    "connection": Sample(
        "Opening a Connection", "import socket, json", "s.close()",
        {**_ADDRESS, "s.send(handshake)": "s.send(handshake.encode())"},
    ),
    # The same without its last line, for the samples that go on from there.
    "opening": Sample(
        "Opening a Connection", "import socket, json", '"     <-- " + jsonFrame)',
        {**_ADDRESS, "s.send(handshake)": "s.send(handshake.encode())"},
    ),
    # Printed, it assigns to a global name that it does not declare, and sends through the module `socket`.
    "sending": Sample(
        "Sending Requests", "callbacks = {}", "return requestId;",
        {**_SENT, "callback):\n": "callback):\n    global nextId\n", "socket.send": "s.send"},
    ),
    # Bytes one at a time, put together to text at the end.
    "receiving": Sample(
        "Receiving Responses", "def decodeOneJsonFrame(socket):", "return frame;",
        {"recv(1)": 'recv(1).decode("latin-1")', "return frame;": 'return frame.encode("latin-1").decode()'},
    ),
    "entity": Sample(_ENTITY, _BEGIN, 'sensor = response["result"]["data"]', _SENT),
    "metrics": Sample(_METRICS, _BEGIN, 'allUnits[firstMetric] = response["result"][firstMetric]', _SENT),
    "data": Sample(_DATA, _BEGIN, "        break", _SENT),
    "new data": Sample(_NEW_DATA, _BEGIN, _LOOP, _SENT),
    "upload": Sample(_UPLOAD, _BEGIN, 'response["result"])', {**_SENT, **_SHOWN}),
    "help": Sample(_HELP, _BEGIN, 'response["result"])', {**_SENT, **_SHOWN}),
    "time": Sample(_TIME, _BEGIN, "strftime('%c'))", _SENT),
}  # fmt: skip

_IMPORTED = "from websocket import create_connection"
_PLACES = {
    '"wss://iiot.bentley.com:4201"': '"{scheme}://{host}:{port}"',
    "<REPLACE_WITH_YOUR_API_CODE_OR_JWT_TOKEN>": "{key}",
}

END_TO_END = {
    "sensor": Sample("See Below for our end to end example", _IMPORTED, 'print("response: " + result)', _PLACES),
    "metrics": Sample(
        "Next we can run the following code to find or metric/units of interest.",
        _IMPORTED, 'print("response: " + result)', _PLACES,
    ),
    "data": Sample(
        "See Below for our end to end example", "import json\nfrom datetime", "delta.total_seconds() * 1000",
        {**_PLACES, "print delta.total_seconds() * 1000": "print(delta.total_seconds() * 1000)"},
    ),
}  # fmt: skip
