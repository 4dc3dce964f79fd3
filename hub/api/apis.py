"""`/api/v1/web/whisk.system/apimgmt`: what `wsk api` and the SDKs call to manage APIs (openwhisk-api §16.1, §16.2).

Upstream these are three web actions, so that errors look like those of a failing action: 502 and a text, without `code`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.query import INTEGER
from hub.api.requests import json_response, read_body, services
from hub.domain.errors import Malformed, NotAllowed, RequestError, Unauthenticated
from hub.domain.identity import Identity
from hub.domain.parameters import Json
from hub.storage.base import Page
from hub.wire.json import decode_object
from hub.wire.swagger import api_row, api_to_wire

Arguments = dict[str, Json]
Handler = Callable[[Request, Identity, Arguments], Awaitable[Json]]
NO_KEY = "A valid auth key is required."
ALL = 10_000


async def get_api(request: Request, caller: Identity, arguments: Arguments) -> Json:
    """Rows of the caller's APIs; none is no error."""
    which = arguments.get("basepath")
    page = Page(limit=_number(arguments, "limit") or ALL, skip=_number(arguments, "skip"))
    apis = services(request).apis
    found = await apis.listed(caller.namespace, which if isinstance(which, str) else None, page)
    return {"apis": [api_row(api, apis.base_url) for api in found]}


async def create_api(request: Request, caller: Identity, arguments: Arguments) -> Json:
    """The API as it is now."""
    apis = services(request).apis
    return api_to_wire(await apis.create(caller, arguments), apis.base_url)


async def delete_api(request: Request, caller: Identity, arguments: Arguments) -> Json:
    """An API, a path, or a verb."""
    await services(request).apis.remove(caller, arguments)
    return {}


def _number(arguments: Arguments, name: str) -> int:
    text = str(arguments.get(name) or 0)
    if not INTEGER.match(text) or int(text) < 0:
        raise Malformed(f"The value '{text[:20]}' of {name} is not a number of APIs.", field=name)
    return int(text)


async def _caller(request: Request) -> Identity:
    try:
        return await services(request).identities.authenticate(request.headers.get("authorization"))
    except (Unauthenticated, NotAllowed) as error:
        raise Malformed(NO_KEY) from error


def _answering(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        largest = services(request).settings.limits.payload
        arguments = {**request.query_params, **decode_object(await read_body(request, largest))}
        try:
            return json_response(await handler(request, await _caller(request), arguments))
        except RequestError as error:
            return json_response({"error": str(error)}, 502)

    return endpoint


_ROOT = "/web/whisk.system/apimgmt/"

routes = [
    Route(f"{_ROOT}{name}{extension}", _answering(handler), methods=["GET", "POST", "PUT", "DELETE"])
    for name, handler in (("getApi", get_api), ("createApi", create_api), ("deleteApi", delete_api))
    for extension in ("", ".http", ".json")
]
