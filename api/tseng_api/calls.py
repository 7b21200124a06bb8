"""REST: `POST /api/rpc`, the JSON-RPC method table over HTTP. One request or batch in, one answer out."""

from typing import Any, Literal, NotRequired, TypedDict

from starlette.responses import Response

from tseng_api.errors import NotJson
from tseng_api.http import JSON, answer_pieces
from tseng_api.messages import NULL, failure, parse
from tseng_api.methods import METHODS
from tseng_api.query_strings import Ignored
from tseng_api.routing import Answer, OneOf, Received, route
from tseng_api.rpc import Whole, answer


def post_rpc(received: Received[Ignored, bytes]) -> Response:
    """Call a JSON-RPC 2.0 method, or several in a batch.

    Answers 200, 204 where there were only notifications, 400 where the body is no JSON.
    """
    try:
        frame = parse(received.body)
    except NotJson as error:
        return Response(failure(NULL, error), 400, media_type=JSON)
    whole = answer(frame, received.session, METHODS)
    # A session without a connection that stays open is never answered in several messages.
    return answer_pieces(whole.pieces, JSON) if isinstance(whole, Whole) else Response(status_code=204)


class RpcCall(TypedDict):
    """A request; one without `id` is a notification."""

    jsonrpc: Literal["2.0"]
    method: str
    id: NotRequired[str | int | float | None]
    params: NotRequired[dict[str, Any] | list[Any] | None]


class RpcError(TypedDict):
    """Why a request was refused."""

    code: int
    message: str
    data: NotRequired[dict[str, Any]]


class RpcResponse(TypedDict):
    """The result, or the error."""

    jsonrpc: Literal["2.0"]
    id: str | int | float | None
    result: NotRequired[Any]
    error: NotRequired[RpcError]


ROUTES = [
    route(
        "/api/rpc",
        post_rpc,
        method="POST",
        takes={JSON: OneOf((RpcCall, list[RpcCall]))},
        answers={
            200: Answer("The response, or those of a batch.", {JSON: OneOf((RpcResponse, list[RpcResponse]))}),
            204: Answer("There were notifications alone."),
            400: Answer("The body is no JSON.", {JSON: RpcResponse}),
        },
    )
]
