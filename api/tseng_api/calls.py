"""REST: `POST /api/rpc`, the JSON-RPC method table over HTTP. One request or batch in, one answer out."""

from starlette.responses import Response

from tseng_api.errors import NotJson
from tseng_api.http import JSON, Received, answer_pieces, route
from tseng_api.messages import NULL, failure, parse
from tseng_api.methods import METHODS
from tseng_api.rpc import Whole, answer


def post_rpc(received: Received) -> Response:
    """Answer 200, 204 where there were only notifications, 400 where the body is no JSON."""
    try:
        frame = parse(received.body)
    except NotJson as error:
        return Response(failure(NULL, error), 400, media_type=JSON)
    whole = answer(frame, received.session, METHODS)
    # A session without a connection that stays open is never answered in several messages.
    return answer_pieces(whole.pieces, JSON) if isinstance(whole, Whole) else Response(status_code=204)


ROUTES = [route("/api/rpc", post_rpc, method="POST")]
