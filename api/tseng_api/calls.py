"""REST: `POST /api/rpc`, the JSON-RPC method table over HTTP. One request or batch in, one answer out."""

from starlette.responses import Response

from tseng_api.errors import NotJson
from tseng_api.http import JSON, Received, answer_pieces, route
from tseng_api.methods import METHODS
from tseng_api.rpc import answer, failure, parse


def post_rpc(received: Received) -> Response:
    """Answer 200, 204 where there were only notifications, 400 where the body is no JSON."""
    try:
        frame = parse(received.body)
    except NotJson as error:
        return Response(failure(b"null", error), 400, media_type=JSON)
    pieces = answer(frame, received.session, METHODS)
    return Response(status_code=204) if pieces is None else answer_pieces(pieces, JSON)


ROUTES = [route("/api/rpc", post_rpc, method="POST")]
