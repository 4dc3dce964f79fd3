"""`/api/{tenant}`: created APIs, served (openwhisk-api §16.4)."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.errors import on_request_error
from hub.api.requests import json_response, read_body, services, transaction_id
from hub.domain.api import VERBS
from hub.domain.errors import RequestError
from hub.services import routing
from hub.services.gateway import GatewayRequest
from hub.wire.assembly import Backend

NOT_FOUND = "Error: Not found."
NO_VERB = "Error: Whoops. Verb not supported."
NO_ACTION = "Error: The operation names no web action of this hub."
_CORS = b"access-control-"
_ORIGIN = b"access-control-allow-origin"
Header = tuple[bytes, bytes]


async def serve(request: Request) -> Response:
    """Every method: find the operation, let its action answer."""
    route = await services(request).gateway.find(request.path_params["tenant"], _path(request))
    if route is None:
        return _refusal(NOT_FOUND)
    if route.shared and request.method == "OPTIONS":
        return _with_cors(Response(), route, request)
    backend = route.backends.get(request.method)
    if backend is None:
        return _with_cors(_refusal(NO_ACTION if request.method in route.backends else NO_VERB), route, request)
    try:
        response = await _called(request, backend)
    except RequestError as error:
        response = await on_request_error(request, error)
    return _with_cors(response, route, request)


def _path(request: Request) -> str:
    return "/" + str(request.path_params.get("path", ""))


def _refusal(message: str) -> Response:
    """As upstream's gateway says it."""
    return json_response({"status": 404, "message": message}, 404)


async def _called(request: Request, backend: Backend) -> Response:
    hub = services(request)
    asked = GatewayRequest(
        method=request.method,
        path=quote(_path(request), safe="/:@!$&'()*+,;=~"),
        query=request.url.query,
        url=str(request.url),
        headers=tuple(request.headers.items()),
        body=await read_body(request, hub.settings.limits.payload),
        transaction_id=transaction_id(request),
    )
    answer = await hub.gateway.call(backend, asked)
    response = Response(answer.body, answer.status)
    more = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    response.raw_headers = [*response.raw_headers, *more]
    return response


def _with_cors(response: Response, route: routing.Route, request: Request) -> Response:
    """Pages of all origins may call the verbs of a shared path; an action that names its own origin has the last word."""
    headers: list[Header] = response.raw_headers
    if route.shared is None or dict(headers).get(_ORIGIN, b"*") != b"*":
        return response
    response.raw_headers = [header for header in headers if not header[0].startswith(_CORS)]
    if route.shared:
        response.headers["access-control-allow-origin"] = "*"
        response.headers["access-control-allow-methods"] = route.methods
        wanted = request.headers.get("access-control-request-headers")
        if wanted is not None:
            response.headers["access-control-allow-headers"] = wanted
    return response


_METHODS = [verb.upper() for verb in VERBS]

routes = [
    Route("/api/{tenant}", serve, methods=_METHODS),
    Route("/api/{tenant}/{path:path}", serve, methods=_METHODS),
]
