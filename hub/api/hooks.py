"""`/hooks/{opaque}`: where services deliver (packages-and-feeds §6, reliability §7)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.errors import error_response
from hub.api.requests import json_response, read_body, services

LARGEST_DELIVERY = 25 * 1024 * 1024


async def deliver(request: Request) -> Response:
    """POST: verified and durable before it is answered 200."""
    body = await read_body(request, LARGEST_DELIVERY)
    headers = {name.lower(): value for name, value in request.headers.items()}
    answer = await services(request).feeds.receive(request.path_params["hook"], headers, body)
    if answer.status >= 400:  # noqa: PLR2004 - the first status that is a refusal
        more = {"Retry-After": "5"} if answer.status == 503 else {}  # noqa: PLR2004 - Service Unavailable
        return error_response(request, answer.status, answer.message, headers=more)
    return json_response({"status": answer.message}, answer.status)


routes = [Route("/hooks/{hook}", deliver, methods=["POST"])]
