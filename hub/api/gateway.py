"""`/api/{tenant}`: created APIs, served as plain ASGI (openwhisk-api §16.4).

`hub.api.edge` hands a request here when its path names a tenant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from hub.api.requests import read_body
from hub.api.web_actions import headers_of, refusal, respond
from hub.domain.errors import RequestError
from hub.domain.web import WebResponse
from hub.services.gateway import GatewayRequest
from hub.services.routing import Route
from hub.wire.assembly import Backend
from hub.wire.json import encode
from hub.wire.web_cors import Headers

if TYPE_CHECKING:
    from hub.services.directory import Services

NOT_FOUND = "Error: Not found."
NO_VERB = "Error: Whoops. Verb not supported."
NO_ACTION = "Error: The operation names no web action of this hub."
_CREATED = re.compile(r"/api/([0-9a-f]{32})(/.*)?\Z", re.DOTALL)
_ORIGIN = "access-control-allow-origin"
_METHODS = "access-control-allow-methods"
_ALLOWED = "access-control-allow-headers"
_REQUESTED = "access-control-request-headers"


class GatewayTarget(msgspec.Struct, frozen=True):
    """What a path names: `path` is what follows the tenant, decoded, and `sent` the same as it was sent."""

    tenant: str
    path: str
    sent: str


def gateway_target_of(path: str, raw: bytes) -> GatewayTarget | None:
    """The tenant and path of a created API, or None for any other path. `raw` is the path as sent, less dot segments."""
    match = _CREATED.match(path)
    if match is None:
        return None
    parts = raw.partition(b"?")[0].split(b"/", 3)
    sent = f"/{parts[3].decode('latin-1')}" if match[2] else ""
    return GatewayTarget(match[1], match[2] or "/", sent)


async def serve(services: Services, target: GatewayTarget, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one call, whatever becomes of it."""
    await respond(_answer(services, target, scope, receive), (), scope, send)


async def _answer(services: Services, target: GatewayTarget, scope: Scope, receive: Receive) -> WebResponse:
    route = await services.gateway.find(target.tenant, target.path)
    if route is None:
        return _refused(NOT_FOUND)
    method = scope["method"]
    if route.shared and method == "OPTIONS":
        return _with_cors(WebResponse(status=200), route, scope)
    backend = route.backends.get(method)
    if backend is None:
        return _with_cors(_refused(NO_ACTION if method in route.backends else NO_VERB), route, scope)
    try:
        answer = await _called(services, backend, target, scope, receive)
    except RequestError as error:
        answer = refusal(error, scope["state"]["transaction_id"], ())
    return _with_cors(answer, route, scope)


def _refused(message: str) -> WebResponse:
    """As upstream's gateway says it."""
    return WebResponse(status=404, headers=(("content-type", "application/json"),), body=encode({"status": 404, "message": message}))


async def _called(services: Services, backend: Backend, target: GatewayTarget, scope: Scope, receive: Receive) -> WebResponse:
    request = Request(scope, receive)
    query = scope["query_string"].decode("latin-1")
    address = f"{request.url.scheme}://{request.url.netloc}/api/{target.tenant}{target.sent}"
    largest = await services.web_actions.largest_body(backend.action.namespace)
    return await services.gateway.call(
        backend,
        GatewayRequest(
            method=scope["method"],
            path=target.sent,
            query=query,
            url=f"{address}?{query}" if query else address,
            headers=headers_of(scope),
            body=await read_body(request, largest),
            transaction_id=scope["state"]["transaction_id"],
        ),
    )


def _with_cors(answer: WebResponse, route: Route, scope: Scope) -> WebResponse:
    """Pages of every origin may call the verbs of a shared path; an action that names an origin of its own has the last word."""
    given = {name.lower(): value for name, value in answer.headers}
    if route.shared is None or given.get(_ORIGIN, "*") != "*":
        return answer
    hidden = (_ORIGIN, _METHODS, _ALLOWED) if route.shared else ("access-control-",)
    kept = tuple(header for header in answer.headers if not header[0].lower().startswith(hidden))
    return msgspec.structs.replace(answer, headers=(*kept, *(_cors(route, scope) if route.shared else ())))


def _cors(route: Route, scope: Scope) -> Headers:
    wanted = next((value for name, value in headers_of(scope) if name == _REQUESTED), None)
    return ((_ORIGIN, "*"), (_METHODS, route.methods), *(() if wanted is None else ((_ALLOWED, wanted),)))
