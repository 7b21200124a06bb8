"""The engine's verbs against a running server; `tseng.connect` opens a `Client`. The page: `docs/client.md`.

client.py         the class, and what it is made of
settings.py       what can be set
connection.py     requests over HTTP, sent again where that is safe
retrying.py       when, and after which wait
refusals.py       the server's refusals as the engine's own classes
reading.py        series, tables, summaries, SQL
configuring.py    nodes, devices, sensors
defining.py       metrics and units of the project's own
uploading.py      uploads, piece by piece; pieces.py writes the pieces
following.py      the verbs for live data; subscription.py follows one, line.py is its WebSocket
"""
