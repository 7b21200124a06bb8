"""What a connection may ask of the server before it is refused: named, each with its reason."""

# A TCP frame above this closes the connection; some 100,000 observations fit.
FRAME_BYTES = 8 * 1024 * 1024
# One WebSocket message, one HTTP body of calls aside: that has the limit of all bodies.
MESSAGE_BYTES = 16 * 1024 * 1024
# One message, over TCP or WebSocket, of a peer that has not authenticated: anybody can open connections, and what has
# begun is kept until it is whole. A token has some kilobytes.
STRANGER_BYTES = 64 * 1024
# Brackets inside one another. An upload has five, a GeoJSON multipolygon in a prop nine; beyond this nobody means it,
# and the interpreter's own limit, shared with whoever calls, is far enough away.
NESTING = 128
# Requests in one batch: each keeps an envelope in memory until its turn comes.
BATCH = 1000
# The text of a request's id: it comes back with every frame and every update.
ID_BYTES = 1024
# The most bytes of one message that a client's end takes: a long answer comes in many, a batch is answered in one.
ANSWER_BYTES = 64 * 1024 * 1024
# What a connection has sent that is not answered yet. A client may send ahead; beyond this it is not read further.
REQUESTS_AHEAD = 64
BYTES_AHEAD = 1024 * 1024
# What an item of a batch counts there beside its text: one that is no request is an error with all that belongs to it.
ITEM_BYTES = 2048
# Answers in frames that are computed side by side for one connection. The next one waits, and reading stops.
STREAMS = 8
# An answer longer than this is sent in parts, each once the one before it has been taken.
PART_BYTES = 1024 * 1024
# Pieces longer than this are handed to the kernel as they are; shorter ones are cheaper joined.
JOINED_BYTES = 16 * 1024
# Bytes of messages to many peers that are made before the first is written; no peer's backlog counts them yet.
MAIL_BYTES = 256 * 1024
# Seconds that a peer gets to take the last words and close, before it is cut off.
CLOSE_SECONDS = 5
# Seconds between two pings of the server on a WebSocket, and until the pong has to be there. A slow reader has
# megabytes of the kernel's buffers before the ping.
PING_SECONDS = 20
PONG_SECONDS = 60
# Bytes that wait for a peer before pushes to it are replaced by a note of what it missed. A minute of 500 observations
# a second.
BACKLOG_BYTES = 4 * 1024 * 1024
# Fragments of one WebSocket message; browsers send one.
FRAGMENTS = 4096
# Open connections of one key, or of one OAuth2 client, in one server process: a leak in somebody's client shows before
# it takes the files of all others. A large site's gateways share a key: some hundreds.
CONNECTIONS_PER_KEY = 2000
# Seconds between two looks at who is still let in; revocation has to take effect within five.
RECHECK_SECONDS = 1
# Bytes that are read from a TCP connection before those read earlier have been looked at.
READ_AHEAD = 256 * 1024
# Connections that the kernel keeps until they are accepted; a site's gateways come back all at once after a restart.
UNACCEPTED = 2048
# Subscriptions of one connection, and the sensors and entities named in them: each series is computed anew with every
# reading that concerns it.
SUBSCRIPTIONS = 1000
SUBSCRIBED = 20_000
# Updates that are kept for a subscription whose own answer is not sent yet; beyond these, or beyond BACKLOG_BYTES for
# all of a connection's, it is as with a slow reader.
EARLY_UPDATES = 100
# Seconds for which a peer may take nothing of what waits for it; then it is gone, or might as well be.
STUCK_SECONDS = 60
