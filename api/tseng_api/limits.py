"""What a connection may ask of the server before it is refused: named, each with its reason."""

# A TCP frame above this closes the connection; some 100,000 observations fit.
FRAME_BYTES = 8 * 1024 * 1024
# One WebSocket message, one HTTP body of calls aside: that has the limit of all bodies.
MESSAGE_BYTES = 16 * 1024 * 1024
# Brackets inside one another. An upload has five, a GeoJSON multipolygon in a prop nine; beyond this nobody means it,
# and the interpreter's own limit, shared with whoever calls, is far enough away.
NESTING = 128
# Requests in one batch: each keeps an envelope in memory until its turn comes.
BATCH = 1000
# The most bytes of one message that a client's end takes: a long answer comes in many, a batch is answered in one.
ANSWER_BYTES = 64 * 1024 * 1024
