"""`/hub/v1/admin/…`: what only the operator sees (design §2.1)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.own import caller
from hub.api.requests import json_response, services
from hub.domain.errors import NotFound


async def health(request: Request) -> Response:
    """GET: how the hub is; the data of the page `/operator`."""
    if not caller(request).operator:
        raise NotFound("There is nothing here for you.")
    return json_response(await services(request).health.details())


routes = [Route("/admin/health", health, methods=["GET"])]
